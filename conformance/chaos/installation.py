"""Engines and gateways as processes on one database and one embedded cloud, each of which can be made to fail."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from backend.commands.opening import CLOUD_FILE, ENV_FILE, KEY_FILE, accounts_of
from backend.commands.opening import settings as settings_now
from backend.drivers.simulated.accounts import USER
from backend.store.secrets import new_key
from conformance.product import ROOT, STRICT, Access, free_port, ready, until
from gateway.auth import keys
from gateway.local import keep_key
from tests.databases.start import Database

REGION = "us-east-1"
LEASE_SECONDS, SILENCE_SECONDS = 5.0, 2.0
SETTINGS = {
    **STRICT,
    "OS_SIMULATED__BOOT_SECONDS": "0.3",
    "OS_SIMULATED__DELETE_SECONDS": "0.3",
    "OS_ENGINE__POLL_SECONDS": "0.1",
    "OS_ENGINE__WATCH_BUSY_SECONDS": "0.3",
    "OS_ENGINE__WATCH_IDLE_SECONDS": "2",
    "OS_ENGINE__WATCH_FULL_SECONDS": "5",
    "OS_ENGINE__LEASE_SECONDS": f"{LEASE_SECONDS:g}",
    "OS_ENGINE__BEAT_SECONDS": "0.5",
    "OS_ENGINE__SILENCE_SECONDS": f"{SILENCE_SECONDS:g}",
    "OS_ENGINE__LAUNCH_GRACE_SECONDS": "8",
    "OS_ENGINE__ORPHAN_GRACE_SECONDS": "10",
    "OS_GATEWAY__WORKERS": "1",
}
"""An operator's patience, shortened; what is shorter than a lease stays so."""


@dataclass
class Part:
    """One process and all that it starts.

    Attributes:
        started: how often.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: int = 0

    def start(self) -> None:
        self.started += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "wsgi.py", *self.command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """To all of its processes."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9 of all of its processes at once."""
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self) -> int:
        """As an operator ends it; its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.wait()

    def await_engine(self) -> None:
        """Until it works, and so heeds signals: who is told to end before that has nothing to finish."""
        assert self.process is not None
        begun = f"[{self.process.pid}] INFO backend.engine.loop the engine starts"
        until(f"{self.name} works", lambda: begun in self.log.read_text(errors="replace"), 60)

    def wait(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(60)
        finally:
            self.signal(signal.SIGKILL)

    def child(self) -> int | None:
        """A process that it started, if there is one now."""
        assert self.process is not None
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(entry.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    return int(entry.parent.name)
        return None


@dataclass
class Gateway(Part):
    port: int = field(default_factory=free_port)


@dataclass
class Installation:
    """All of it.

    Attributes:
        accounts: access by account; each has a project of its own, and may ask any gateway.
    """

    state: Path
    database: Database
    engines: list[Part] = field(default_factory=list)
    gateways: list[Gateway] = field(default_factory=list)
    accounts: dict[str, Access] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=lambda: SETTINGS)

    @property
    def cloud(self) -> Path:
        """The state of the embedded cloud."""
        return self.state / CLOUD_FILE

    @property
    def environment(self) -> dict[str, str]:
        own = {"OS_DEFAULT__STATE": str(self.state), "OS_DATABASE__URL": self.database.url}
        return {**os.environ, **self.settings, **own}

    def prepare(self, accounts: int) -> None:
        """The schema, the keys, and so many accounts."""
        self.state.mkdir(mode=0o700)
        keep_key(self.state / KEY_FILE, new_key)
        pair = keys.keep(self.state / ENV_FILE, "http://127.0.0.1:1", REGION)
        self.accounts["default"] = Access("", pair.access_key, pair.secret_key, REGION)
        self.run("migrate")
        known = accounts_of(replace(settings_now(), state=str(self.state)))
        for number in range(1, accounts):
            key, secret = f"CHAOS{number:015}", f"secret{number:030}"
            with known.turn():
                known.add(f"a{number}", f"{number:012}", known.new_key(USER, key, secret), ())
            self.accounts[f"a{number}"] = Access("", key, secret, REGION)

    def run(self, *words: str) -> str:
        """What a command of the operator's says."""
        done = subprocess.run(
            [sys.executable, "wsgi.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def add(self, engines: int, gateways: int) -> None:
        """Start so many of each."""
        for number in range(engines):
            name = f"engine-{number}"
            part = Part(name, ["engine"], self.environment, self._log(name))
            part.start()
            self.engines.append(part)
        for number in range(gateways):
            name, port = f"gateway-{number}", free_port()
            command = ["serve", "--bind", f"127.0.0.1:{port}"]
            gateway = Gateway(name, command, self.environment, self._log(name), port=port)
            gateway.start()
            self.gateways.append(gateway)
        self.await_gateways()

    def _log(self, name: str) -> Path:
        return self.state.parent / f"{name}.log"

    def await_gateways(self) -> None:
        for gateway in self.gateways:
            access = Access(f"http://127.0.0.1:{gateway.port}", "", "", REGION)
            until(f"{gateway.name} is ready", lambda access=access: ready(access), 60)

    def access(self, account: str, gateway: int) -> Access:
        known = self.accounts[account]
        url = f"http://127.0.0.1:{self.gateways[gateway % len(self.gateways)].port}"
        return Access(url, known.key, known.secret, known.region)

    def parts(self) -> list[Part]:
        return [*self.engines, *self.gateways]

    def told(self, *words: str) -> list[str]:
        """Lines of all logs in which one of these words stands."""
        found = []
        for log in sorted(self.state.parent.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            found += [f"{log.stem}: {line}" for line in lines if any(word in line for word in words)]
        return found


@contextlib.contextmanager
def installation(
    folder: Path,
    database: Database,
    *,
    engines: int,
    gateways: int,
    accounts: int,
    settings: Mapping[str, str] = SETTINGS,
) -> Iterator[Installation]:
    """An installation at work; whatever is left of it is killed at the end."""
    made = Installation(folder / "state", database, settings=settings)
    made.prepare(accounts)
    try:
        made.add(engines, gateways)
        yield made
    finally:
        for part in made.parts():
            part.signal(signal.SIGKILL)
        for part in made.parts():
            assert part.process is not None
            part.process.wait(30)
