"""A provider that answers each call with the number of calls so far and what it was asked; one of them it refuses."""

import itertools
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc


class Counting(grpc.GenericRpcHandler):
    def __init__(self):
        self._calls = itertools.count(1)

    def service(self, handler_call_details):
        def answer(request, context):
            if handler_call_details.method.endswith("/Refused"):
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")
            return b"%d %s" % (next(self._calls), request)

        return grpc.unary_unary_rpc_method_handler(answer)


if __name__ == "__main__":
    assert sys.argv[1:] == ["-debug"]
    if "DIES" in os.environ:
        sys.exit("no licence")
    server = grpc.server(ThreadPoolExecutor(4), handlers=(Counting(),))
    socket = str(Path(os.environ["FOLDER"]) / "own")
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    told = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": os.getpid(), "Test": True}
    told["Addr"] = {"Network": "unix", "String": socket}
    print(f"\tTF_REATTACH_PROVIDERS='{json.dumps({'registry.example/them/it': told})}'", flush=True)
    threading.Event().wait()
