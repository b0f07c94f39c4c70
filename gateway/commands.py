"""The commands ``run`` and ``serve``: what they are asked with, and the processes that they start."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from gateway import config, local, supervisor

COUNTING: Final = "PROMETHEUS_MULTIPROC_DIR"
_LOG: Final = logging.getLogger(__name__)


class Clock(Protocol):
    def monotonic(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


def run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, default=8080, help="0: any that is free (coppice.env in the state tells it)"
    )
    parser.add_argument("--state", type=Path, default=Path(".coppice"), help="folder of databases, keys and logs")
    parser.add_argument("--boot-seconds", type=float, help="how long a simulated server takes to boot")


def serve_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bind", default="0.0.0.0:8080")


def run(asked: argparse.Namespace, prepare: Callable[[Path, str], Sequence[str]], entry: Path, clock: Clock) -> None:
    """Gateway and engine, until told to stop.

    Args:
        prepare: given the state folder and the endpoint, makes all that they need; what to tell when they are ready.
        entry: the file that ``python FILE engine`` runs an engine with.

    Raises:
        CannotStart: the folder or the port is taken.
    """
    os.umask(0o077)  # databases, keys and logs are their owner's alone
    with local.state_folder(asked.state) as state:
        port = local.free_port(asked.host, asked.port, clock.wait)
        os.environ["OS_DEFAULT__STATE"] = str(state)
        if asked.boot_seconds is not None:
            os.environ["OS_SIMULATED__BOOT_SECONDS"] = str(asked.boot_seconds)
        endpoint = f"http://{asked.host}:{port}"
        words = prepare(state, endpoint)
        engine = supervisor.Command("engine", (sys.executable, str(entry.resolve()), "engine"))
        gateway = supervisor.Command("gateway", gunicorn(f"{asked.host}:{port}"))
        local.keep_running(state, endpoint, (engine, gateway), words, clock)


def metadata_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bind", default="127.0.0.1:8775", help="where Neutron's agents ask (nova_metadata_host)")


def gunicorn(bind: str) -> list[str]:
    """The command line of the gateway at an address."""
    return _gunicorn("wsgi:application", bind, config.load().operator_bind)


def metadata(bind: str) -> list[str]:
    """The command line of the metadata service at an address."""
    return _gunicorn("wsgi:metadata", bind)


def _gunicorn(application: str, *binds: str) -> list[str]:
    given = [argument for each in binds if each for argument in ("--bind", each)]
    return [sys.executable, "-m", "gunicorn", "--config", "python:gateway.gunicorn", *given, application]


def count_together() -> None:
    """Have the workers of the gateway that this process becomes tell one number of each thing, whichever is asked."""
    if COUNTING in os.environ:
        return
    folder = local.counting_folder()
    if folder is None:
        _LOG.warning("each worker tells metrics of its own: %s names no folder, which they would share", COUNTING)
    else:
        os.environ[COUNTING] = str(folder)


def become(command: list[str]) -> None:
    """Go on as this command of the same Python."""
    os.execvp(sys.executable, command)  # noqa: S606 - becomes gunicorn
