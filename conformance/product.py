"""A Coppice to test against: one started here, or the one that COPPICE_URL names."""

from __future__ import annotations

import contextlib
import http.client
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from conformance.openstack.cloud import state_folder
from conformance.openstack.seeds import SUITES

ROOT = Path(__file__).resolve().parent.parent
VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
STRICT = {"OS_GATEWAY__STRICT_ANSWERS": "true"}
"""An answer with a member that AWS's model does not have fails here, and is only logged in production."""
BRISK = {
    **STRICT,
    "OS_SIMULATED__DELETE_SECONDS": "0.3",
    "OS_ENGINE__POLL_SECONDS": "0.1",
    "OS_ENGINE__WATCH_BUSY_SECONDS": "0.2",
    "OS_ENGINE__WATCH_IDLE_SECONDS": "1",
    "OS_MESSAGES__WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128",  # of the tests themselves
}
"""A quicker cloud, and an engine that looks at it more often: the suites wait for both."""
CALM = {
    **STRICT,
    "OS_ENGINE__POLL_SECONDS": "0.1",
    "OS_ENGINE__WATCH_BUSY_SECONDS": "2",
    "OS_ENGINE__WATCH_IDLE_SECONDS": "5",
    "OS_ENGINE__WATCH_FULL_SECONDS": "40",
    "OS_ENGINE__LAUNCH_GRACE_SECONDS": "30",
    "OS_ENGINE__BOOT_TIMEOUT_SECONDS": "120",
    "OS_ENGINE__DEREGISTRATION_SECONDS": "4",
    "OS_ENGINE__ORPHAN_GRACE_SECONDS": "30",
    "OS_OPENSTACK__PORT_GRACE_SECONDS": "60",
    "OS_OPENSTACK__KEY_SECONDS": "30",
    "OS_OPENSTACK__REQUEST_READ_SECONDS": "30",
    "OS_OPENSTACK__REQUEST_WRITE_SECONDS": "40",
    "OS_OPENSTACK__REQUEST_SECONDS": "50",
}
"""On OpenStack each look costs the cloud something (for a listing of servers Nova asks Neutron twice), and the cloud
shares the machine: an operator's patience is short, a client's long."""
READY_SECONDS = 60.0
ON_OPENSTACK = os.environ.get("COPPICE_CLOUD") == "openstack"
"""Whether the Coppice that is started here drives the test cloud of ``conformance.openstack``."""
PATIENCE = float(os.environ.get("COPPICE_PATIENCE") or (6 if ON_OPENSTACK else 1))
"""Every wait is that many times as long: servers of a real cloud take their time."""
STOP_SECONDS = 20.0 * PATIENCE
PAUSE = 1.0 if ON_OPENSTACK else 0.1
"""Seconds between two looks of the suites themselves."""
TENANT = dict(enumerate(SUITES)).get(int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")), "nobody")
"""Whose project of the test cloud the suites work in; processes side by side have one each."""


class NotReadyError(AssertionError):
    """The product did not come up, or died."""


def until(what: str, check: Callable[[], object], seconds: float = 30.0, pause: float = PAUSE) -> object:
    """The first true answer of ``check``; an AssertionError that says ``what`` and the last answer otherwise."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last seen: {answer!r})")
        time.sleep(pause)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True, slots=True)
class Access:
    """What a client needs: where it is and with which keys."""

    url: str
    key: str
    secret: str
    region: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    def environment(self) -> dict[str, str]:
        """This process' environment with the access in it and every other AWS setting taken out."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))}
        return clean | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
        }


def access_from(environment: Mapping[str, str]) -> Access:
    """The access that the usual AWS variables describe. KeyError names what is missing."""
    return Access(
        url=environment["AWS_ENDPOINT_URL"],
        key=environment["AWS_ACCESS_KEY_ID"],
        secret=environment["AWS_SECRET_ACCESS_KEY"],
        region=environment.get("AWS_DEFAULT_REGION", "us-east-1"),
    )


def read_exports(path: Path) -> dict[str, str]:
    """The variables of a file of ``export NAME=value`` lines."""
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["export"]:
            found.update(word.split("=", 1) for word in words[1:] if "=" in word)
    return found


def ready(access: Access) -> bool:
    """Whether /readyz answers 200."""
    connection = http.client.HTTPConnection(access.host, access.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass
class Product:
    """One Coppice of our own, on a port and a state folder.

    ``start`` may be called again after ``stop`` or ``kill``: same port, same state.

    Attributes:
        keys: file of a user's AWS keys; None where the product makes its own.
    """

    state: Path
    port: int = field(default_factory=free_port)
    arguments: Sequence[str] = ("--boot-seconds", "0.3")
    settings: Mapping[str, str] = field(default_factory=dict)
    keys: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def access(self) -> Access:
        if self.keys is None:
            return access_from(read_exports(self.state / "coppice.env"))
        return access_from({**read_exports(self.keys), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"})

    @property
    def log(self) -> Path:
        return self.state.parent / f"{self.state.name}.log"

    def start(self) -> Access:
        """Start it and wait until it is ready."""
        command = [
            sys.executable,
            "wsgi.py",
            "run",
            "--port",
            str(self.port),
            "--state",
            str(self.state),
            *self.arguments,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **(CALM if self.keys else BRISK), **self.settings},
                start_new_session=True,
            )
        seconds = READY_SECONDS * PATIENCE
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise NotReadyError(f"the product ended with {self.process.returncode}:\n{self.tail()}")
            if (self.keys or self.state / "coppice.env").exists() and ready(self.access):
                return self.access
            time.sleep(0.05)
        self.stop()
        raise NotReadyError(f"the product was not ready within {seconds:g} s:\n{self.tail()}")

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def pid(self, part: str) -> int:
        """The process id of ``coppice`` (the supervisor), ``gateway`` or ``engine``."""
        return int((self.state / f"{part}.pid").read_text().strip())

    def kill(self, part: str) -> None:
        """kill -9 of one part, as an operator's accident would."""
        os.kill(self.pid(part), signal.SIGKILL)

    def processes(self) -> list[int]:
        """The supervisor and all processes below it."""
        assert self.process is not None
        parents = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # The name in brackets may hold anything; what follows the last bracket is plain.
                parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        found = [self.process.pid]
        for one in found:
            found.extend(pid for pid, parent in parents.items() if parent == one)
        return found

    def kill_all(self) -> None:
        """kill -9 of every process at once, as a power cut would."""
        assert self.process is not None
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def stop(self) -> int | None:
        """Stop it as Ctrl-C would, and tell its exit status."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise AssertionError(f"the product did not stop within {STOP_SECONDS:g} s:\n{self.tail()}") from None


def make_product(state: Path, settings: Mapping[str, str] | None = None) -> Product:
    """A Coppice on the embedded cloud, or on the test cloud where COPPICE_CLOUD says so. Not yet started."""
    given = dict(settings or {})
    if not ON_OPENSTACK:
        return Product(state, settings=given)
    cloud = state_folder()
    return Product(state, arguments=(), settings=openstack_settings(cloud) | given, keys=cloud / f"ec2-{TENANT}.env")


def openstack_settings(cloud: Path) -> dict[str, str]:
    """What makes a Coppice drive the test cloud that lies in a folder, with AWS's names for its region and zones."""
    return {
        "OS_CLOUD__DRIVER": "openstack",
        "OS_OPENSTACK__CLOUDS_FILE": str(cloud / "clouds.yaml"),
        "OS_OPENSTACK__REGIONS": "us-east-1:RegionOne",
        "OS_OPENSTACK__ZONES": "us-east-1a:az1,us-east-1b:az2,us-east-1c:az3",
        "OS_OPENSTACK__ARCHITECTURES": "x86_64,i386,arm64",
    }
