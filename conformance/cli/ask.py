"""An aws command by the process that ``warm.py`` keeps; it loads nothing that it can do without."""

import array
import json
import os
import socket
import sys

if __name__ == "__main__":
    given = {"arguments": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - pathlib is slow to load
    said = json.dumps(given).encode()
    with socket.socket(socket.AF_UNIX) as warm:
        warm.connect(sys.argv[1])
        warm.sendmsg(
            [len(said).to_bytes(4, "big")],
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", (0, 1, 2)).tobytes())],
        )
        warm.sendall(said)
        answer = warm.recv(1)
    sys.exit(answer[0] if answer else 1)
