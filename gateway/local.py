"""A server on one machine: its state folder, its port, its processes, and how one learns that it is ready."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, Protocol

from gateway.auth import keys
from gateway.counts import lives, put_together
from gateway.supervisor import Command, Supervisor

START_SECONDS: Final = 30
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - nothing is opened there that others may have made


class CannotStart(Exception):
    """Why what was asked for cannot be done, in words for the person who asked."""


class Clock(Protocol):
    def monotonic(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


@contextlib.contextmanager
def state_folder(path: Path) -> Iterator[Path]:
    """The folder, made if need be, held by a lock for as long as this process lives. Raises CannotStart."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)  # users' secrets are in it: one that was there before is nobody else's either
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


def free_port(host: str, port: int, wait: Callable[[float], None]) -> int:
    """The port, which can be listened at.

    Args:
        port: 0 for any that is free.
        wait: lets so many seconds pass.

    Raises:
        CannotStart: nothing can listen there.
    """
    for attempt in range(20):  # what a killed server held is free again within a moment
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OverflowError as error:
                raise CannotStart(f"{port} is no port") from error
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                if taken and attempt < 19:
                    wait(0.1)
                    continue
                why = "is taken by another program" if taken else f"cannot be bound ({error.strerror})"
                raise CannotStart(f"port {port} on {host} {why}. Choose another: make run PORT={port + 1}") from error
            return int(probe.getsockname()[1])
    raise AssertionError("the last attempt ends one way or the other")


def empty(folder: Path) -> Path:
    """The folder, with nothing in it: metrics of processes that are no more do not count."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def metrics_folder(state: Path) -> Path:
    """Where the processes of one state count together, with nothing in it: in memory, where there is such a place.

    The files are mapped: on a disk that is full whoever touches a new one dies.
    """
    name = f"coppice-{os.geteuid()}-{sha256(str(state).encode()).hexdigest()[:16]}"
    if SHARED_MEMORY.is_dir():
        with contextlib.suppress(OSError):  # no room, or somebody else's
            return empty(SHARED_MEMORY / name)
    return empty(state / "metrics")


def counting_folder() -> Path | None:
    """Where the workers of the gateway that this process becomes count together, with nothing in it; None: nowhere.

    It is in memory, and called by this process, which nobody cleans up after: what others left that are no more goes.
    """
    if not SHARED_MEMORY.is_dir():
        return None
    name = f"coppice-{os.geteuid()}-serve-"
    for left in SHARED_MEMORY.glob(f"{name}*"):
        number = left.name.removeprefix(name)
        if number.isdecimal() and not lives(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    with contextlib.suppress(OSError):  # no room, or somebody else's
        return empty(SHARED_MEMORY / f"{name}{os.getpid()}")
    return None


def is_ready(endpoint: str) -> bool:
    """Whether the gateway there takes requests."""
    try:
        with urllib.request.urlopen(f"{endpoint}/readyz", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def keep_key(path: Path, make: Callable[[], str]) -> None:
    """The file of a key that is made if there is none; for its owner alone."""
    if path.exists():
        return
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{make()}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def embedded_words(endpoint: str, region: str, state: Path) -> list[str]:
    """What to do with the embedded cloud; its keys are made if there are none."""
    pair = keys.keep(state / "coppice.env", endpoint, region)
    return [
        f"Coppice is ready at {endpoint} (region {region}, simulated cloud). Ctrl-C stops it.",
        "",
        *keys.exports(pair, endpoint, region),
        "",
        f"The same is in {state}/coppice.env. In another terminal:",
        "",
        f"  . {state}/coppice.env",
        "  aws ec2 describe-availability-zones --query 'AvailabilityZones[].ZoneName'",
        "",
    ]


def cloud_words(endpoint: str, region: str, regions: Mapping[str, str], user: str) -> list[str]:
    """What to do with an OpenStack cloud.

    Args:
        region: that of the settings.
        regions: AWS's name of a region -> the cloud's.
        user: id of the service user.
    """
    told = ", ".join(f"{name} ({cloud})" for name, cloud in regions.items() if name != cloud)
    return [
        f"Coppice is ready at {endpoint} (OpenStack, regions {told}; service user {user}). Ctrl-C stops it.",
        "",
        f"export AWS_ENDPOINT_URL={endpoint}",
        f"export AWS_DEFAULT_REGION={region if region in regions else next(iter(regions))}",
        "# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are what this shows as access and secret:",
        "openstack ec2 credentials create",
        "",
    ]


def keep_running(state: Path, endpoint: str, commands: Sequence[Command], words: Sequence[str], clock: Clock) -> None:
    """Run these until told to stop, and say so when the gateway is ready."""
    counted = metrics_folder(state)
    together = {"PROMETHEUS_MULTIPROC_DIR": str(counted)}
    family = [Command(each.name, each.arguments, {**together, **each.environment}) for each in commands]
    (state / "coppice.pid").write_text(f"{os.getpid()}\n")
    kept = Supervisor(state, family, ended=lambda number: put_together(counted, {number}))
    kept.run(lambda stopping: _announce(endpoint, words, state, stopping, clock))
    shutil.rmtree(counted, ignore_errors=True)
    (state / "coppice.pid").unlink(missing_ok=True)


def _announce(endpoint: str, words: Sequence[str], state: Path, stopping: Callable[[], bool], clock: Clock) -> None:
    deadline = clock.monotonic() + START_SECONDS
    while not is_ready(endpoint):
        if stopping():
            return
        if clock.monotonic() > deadline:
            logs = f"{state}/gateway.log and {state}/engine.log"
            sys.stderr.write(f"Not ready after {START_SECONDS} s: see {logs}\n")
            return
        clock.wait(0.05)
    with contextlib.suppress(BrokenPipeError):  # who does not read it wants the servers all the same
        sys.stdout.write("\n".join(words) + "\n")
        sys.stdout.flush()
