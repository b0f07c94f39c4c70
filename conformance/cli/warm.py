"""The aws CLI kept warm: one process has its modules and models loaded, and each command is a fork of it.

A start of the CLI costs a second of a processor, of which the command itself is a tenth. What runs here is its own
``main``, with the arguments, environment, folder and files of whoever asks: ``ask.py`` hands these over.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import io
import json
import os
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from awscli import clidriver

MODELS = ("autoscaling", "cloudwatch", "ec2", "elb", "elbv2", "iam", "sts")
_LENGTH = 4


def main() -> None:
    """Answer on the socket of this path, until the process is ended."""
    (path,) = sys.argv[1:]
    _warm()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{path}.new")
        door.listen()
        # Who finds it there is answered.
        Path(f"{path}.new").rename(path)
        while True:
            asked, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _serve(asked)
            asked.close()
            _reap()


def _warm() -> None:
    """Load what every command loads; of what it finds in files, the content alone is kept."""
    # Newer releases bring a botocore of their own.
    loaders = importlib.import_module(f"{clidriver.botocore.__name__}.loaders")
    read = loaders.JSONFileLoader.load_file
    kept: dict[str, object] = {}

    def load_file(self: object, path: str) -> object:
        # Each command has a copy of its own: it is a process of its own.
        if path not in kept:
            kept[path] = read(self, path)
        return kept[path]

    loaders.JSONFileLoader.load_file = load_file
    for service in MODELS:
        # The refusal of an operation that is not there comes when all is loaded; nobody wants to read it.
        unread = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
        with contextlib.suppress(SystemExit), unread[0], unread[1]:
            clidriver.create_clidriver().main([service, "nothing"])
    gc.collect()
    gc.freeze()


def _serve(asked: socket.socket) -> None:
    """Run one command and end with it; its exit status is the answer."""
    status = 1
    try:
        given, files = _received(asked)
        for ours, theirs in enumerate(files):
            os.dup2(theirs, ours)
            os.close(theirs)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(one, mode) for one, mode in ((0, "r"), (1, "w"), (2, "w")))
        os.chdir(given["folder"])
        # The CLI sets this when it is loaded: its own data are there, too.
        own = os.environ["AWS_DATA_PATH"]
        os.environ.clear()
        os.environ.update({**given["environment"], "AWS_DATA_PATH": own})
        sys.argv = ["aws", *given["arguments"]]
        status = _exit_status()
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - whatever it is, its asker is told
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        asked.sendall(bytes([status]))
        os._exit(status)


def _exit_status() -> int:
    try:
        return int(clidriver.main())
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)


def _received(asked: socket.socket) -> tuple[dict, Sequence[int]]:
    """The command, and the three files that came with its first bytes."""
    numbers = array.array("i")
    first, control, _, _ = asked.recvmsg(_LENGTH, socket.CMSG_SPACE(3 * numbers.itemsize))
    for _, _, data in control:
        numbers.frombytes(data)
    left = int.from_bytes(first, "big")
    parts = []
    while left:
        parts.append(asked.recv(left))
        left -= len(parts[-1])
    return json.loads(b"".join(parts)), numbers


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
