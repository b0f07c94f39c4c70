"""The AWS provider kept running through the commands of Terraform: what of it is always the same is asked for once.

Each command of Terraform starts the provider up to three times, asks for its schema (of some 1,500 kinds of resource),
and has it check its configuration, for which it goes through that schema twice more: ten to twenty seconds of a
processor, whatever the command is for. So the provider runs as it does for its own developers (``-debug`` and
TF_REATTACH_PROVIDERS). What stands before it hands each call on to it and each answer back, as they are; of the two
calls whose answer follows from the question alone, the answers are kept.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

SAME = frozenset({"/tfplugin5.Provider/GetSchema", "/tfplugin5.Provider/PrepareProviderConfig"})
"""Source: Terraform's docs/plugin-protocol/tfplugin5.proto: a description, and a check before any is configured."""
_MARK = "TF_REATTACH_PROVIDERS='"
_CALLS = 32
"""At once: Terraform walks ten resources side by side, and each may wait for minutes."""
_UNBOUNDED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
_START_SECONDS = 60.0
_SPARSE = {"GOGC": "400"}
"""Go collects its garbage a quarter as often: half of what a large schema costs."""
_LIBRARY = ("/plugin.GRPCBroker/", "/plugin.GRPCStdio/")
"""Streams of the library between both, which does without them."""


class NotStarted(Exception):
    """The provider did not say where it listens; the words are what it said."""


class Provider(grpc.GenericRpcHandler):
    """One process of the provider, with what stands before it.

    Attributes:
        reached: Terraform's description of how it is reached, for TF_REATTACH_PROVIDERS.
    """

    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        """Start both.

        Raises:
            NotStarted: with what the provider said.
        """
        # A socket's path may have 107 bytes only.
        self._folder = tempfile.TemporaryDirectory(prefix="provider-")
        self._log = Path(self._folder.name) / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(program), "-debug"], env={**environment, **_SPARSE}, stdout=log, stderr=log
            )
        try:
            told = self._told()
        except NotStarted:
            self._end()
            raise
        self._channel = grpc.insecure_channel(_target(told["Addr"]), options=_UNBOUNDED)
        self._known: dict[tuple[str, bytes], bytes] = {}
        self._asking = threading.Lock()
        socket = str(Path(self._folder.name) / "socket")
        self._server = grpc.server(ThreadPoolExecutor(_CALLS), handlers=(self,), options=_UNBOUNDED)
        self._server.add_insecure_port(f"unix:{socket}")
        self._server.start()
        self.reached = told | {"Addr": {"Network": "unix", "String": socket}}

    def _told(self) -> dict[str, Any]:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            value, ended, _ = self._log.read_text(errors="replace").partition(_MARK)[2].partition("'")
            if ended:
                (told,) = json.loads(value).values()
                return dict(told)
            time.sleep(0.1)
        raise NotStarted(self._log.read_text(errors="replace"))

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """What answers one call, whichever it is."""
        method = handler_call_details.method
        if method.startswith(_LIBRARY):
            return None
        ask = self._channel.unary_unary(method)

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return self._once(ask, method, request) if method in SAME else bytes(ask(request))
            except grpc.RpcError as refused:
                context.abort(refused.code(), refused.details())
                raise

        return grpc.unary_unary_rpc_method_handler(answer)

    def _once(self, ask: grpc.UnaryUnaryMultiCallable, method: str, request: bytes) -> bytes:
        with self._asking:
            if (method, request) not in self._known:
                self._known[method, request] = ask(request)
            return self._known[method, request]

    def stop(self) -> None:
        self._server.stop(None).wait()
        self._channel.close()
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def _target(told: Mapping[str, str]) -> str:
    return f"unix:{told['String']}" if told["Network"] == "unix" else told["String"]
