"""A server on one machine: its state folder, its port, and how one learns that it is ready."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO


class CannotStart(Exception):
    """Why what was asked for cannot be done, in words for the person who asked."""


@contextlib.contextmanager
def state_folder(path: Path) -> Iterator[Path]:
    """The folder, made if need be, held by a lock for as long as this process lives. Raises CannotStart."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock: IO[str] = (path / "lock").open("w")
    except OSError as error:
        raise CannotStart(
            f"the state folder {path} cannot be written ({error.strerror}). Choose another: make run STATE=/some/folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(
                f"another Coppice runs on the state folder {path}. Stop it, or choose another."
            ) from error
        yield path.resolve()


def check_port(host: str, port: int, wait: Callable[[float], None]) -> None:
    """Raise CannotStart where nothing can listen there.

    Args:
        wait: lets so many seconds pass.
    """
    for attempt in range(20):  # what a killed server held is free again within a moment
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                if taken and attempt < 19:
                    wait(0.1)
                    continue
                why = "is taken by another program" if taken else f"cannot be bound ({error.strerror})"
                raise CannotStart(f"port {port} on {host} {why}. Choose another: make run PORT={port + 1}") from error
            return


def empty(folder: Path) -> Path:
    """The folder, with nothing in it: metrics of processes that are no more do not count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def is_ready(endpoint: str) -> bool:
    """Whether the gateway there takes requests."""
    try:
        with urllib.request.urlopen(f"{endpoint}/readyz", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
