"""Bringing the cloud up and down, whole or by the service. Each step leaves alone what is done or running."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.openstack import configuration, installation, processes, readiness, seeding
from conformance.openstack import settings as values
from conformance.openstack.services import (
    MARIADB,
    Schema,
    Service,
    Stage,
    discover_hosts,
    keystone_schemas,
    large_schemas,
    placement_schema,
    services,
    small_schemas,
)
from conformance.openstack.settings import REGIONS, Settings

_FOLDERS = ("mariadb", "rabbitmq", "octavia", *(f"glance/{name}" for name in ("images", "staging", "tasks", "lock")))
_SECRET_FOLDERS = ("keystone/fernet", "keystone/credential")
_TABLES = ("mariadb_system_tables.sql", "mysql_system_tables.sql")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NotUp(Exception):
    """A step failed; the words are the diagnosis."""


class UnknownService(Exception):
    """No service has this name."""


class Progress:
    """Says what is done, and after how many seconds."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {what}", flush=True)


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the state folder: of two commands the second waits."""
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up(settings: Settings, say: Progress) -> None:
    """Install, configure, start and seed, as far as it is not done.

    Raises:
        NotInstalled, NotUp, NotReady: with the diagnosis. What is started stays, for a look and another try.
    """
    if settings.stamps.exists() and installation.outdated(settings):
        raise NotUp("other packages are wanted than this cloud was made with: take `down --wipe` first")
    values.keep(settings)
    if installation.install_debian(settings):
        say("Debian's packages installed")
    if installation.install_python(settings):
        say("Python packages installed")
    prepare(settings)
    several = services(settings)
    backing, identity, apis, hosts = ([one for one in several if one.stage == stage] for stage in Stage)
    start(settings, backing)
    readiness.wait(settings, [one for one in backing if one.name != "rabbitmq"])
    _schemas(settings, identity)
    say("schemas there")
    readiness.wait(settings, [*backing, *identity])
    seeding.write_clouds(settings)
    seeding.identity(settings)
    say("identity there")
    start(settings, apis)
    # Hosts wait in RPC time-outs when no conductor answers them at their start.
    readiness.wait(settings, [one for one in apis if one.name.startswith("nova-conductor")])
    start(settings, hosts)
    readiness.wait(settings, apis)
    say("APIs answer")
    readiness.wait(settings, hosts)
    once(settings, *(discover_hosts(settings, region) for region in settings.several))
    say("compute hosts report")
    seeding.cloud(settings)
    say("seeded: ready")


def prepare(settings: Settings) -> None:
    """Folders, configuration files and MariaDB's own tables."""
    for name in _FOLDERS:
        (settings.data / name).mkdir(parents=True, exist_ok=True)
    for region in settings.several:
        hosts = ("ctl", *(f"cpu-{zone}" for zone in region.zones))
        for name in ("neutron/lock", *(f"nova/{host}/lock" for host in hosts)):
            (settings.data_of(region) / name).mkdir(parents=True, exist_ok=True)
    for name in _SECRET_FOLDERS:
        (settings.data / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.stamps.mkdir(exist_ok=True)
    settings.logs.mkdir(exist_ok=True)
    configuration.write(settings)
    stamp = settings.stamps / "mariadb"
    if not stamp.exists():
        _bootstrap_mariadb(settings)
        stamp.touch()


def _bootstrap_mariadb(settings: Settings) -> None:
    """What mariadb-install-db does, without the client package that it needs."""
    folder = settings.data / "mariadb"
    shutil.rmtree(folder)
    folder.mkdir()
    share = next((path for path in map(Path, ("/usr/share/mysql", "/usr/share/mariadb")) if path.exists()), None)
    tables = share and next((share / name for name in _TABLES if (share / name).exists()), None)
    if tables is None:
        raise NotUp(f"MariaDB's {' or '.join(_TABLES)} is missing")
    statements = f"CREATE DATABASE mysql;\nUSE mysql;\n{tables.read_text()}"
    command = (MARIADB, "--no-defaults", "--bootstrap", "--skip-grant-tables", f"--datadir={folder}")
    # A server that starts removes the temporary tables of all that have the same folder for them, such as /tmp.
    command = (*command, f"--tmpdir={folder}", f"--user={values.user()}", "--innodb-log-file-size=128M")
    log = settings.logs / "schema-mariadb.log"
    done = subprocess.run(command, input=statements, capture_output=True, text=True, check=False)
    log.write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        raise NotUp(_failed("MariaDB's system tables", command, log))


def _schemas(settings: Settings, identity: Sequence[Service]) -> None:
    """All schemas on two cores; Keystone starts as soon as it has its own, to be ready when the others are."""

    def first() -> None:
        once(settings, *keystone_schemas(settings))
        start(settings, identity)
        once(settings, *small_schemas(settings))

    def further() -> None:
        once(settings, *large_schemas(settings, REGIONS[0]))
        for region in settings.several[1:]:
            once(settings, placement_schema(settings, region), *large_schemas(settings, region))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(further)]:
            done.result()


def once(settings: Settings, *several: Schema) -> None:
    """Run the commands that were not yet run on this data, in order. Raises NotUp when one fails."""
    for schema in several:
        stamp = settings.stamps / schema.name
        if stamp.exists():
            continue
        log = settings.logs / f"schema-{schema.name}.log"
        with log.open("wb") as sink:
            done = subprocess.run(
                schema.command,
                env=_environment(),
                cwd=settings.state,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                check=False,
            )
        if done.returncode != 0:
            raise NotUp(_failed(f"the step {schema.name}", schema.command, log))
        stamp.touch()


def _failed(what: str, command: Sequence[str], log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-readiness.LINES :]
    return "\n".join(
        [f"{what} failed: {' '.join(command)}", f"the end of {log}:", *(f"  {line[:300]}" for line in lines)]
    )


def start(settings: Settings, several: Sequence[Service]) -> None:
    """Start those that do not run, without waiting for them. Raises NotReady where a port is taken."""
    for service in several:
        if processes.alive(processes.leader(settings.run, service.name)):
            continue
        # What lost its leader may still hold the port.
        processes.kill(settings.run, service.name)
        if service.port and (other := processes.listener(settings.port(service.port))):
            number = settings.port(service.port)
            raise readiness.NotReady(
                f"{service.name} cannot have port {number}: {other} listens there. Another --port-base gives it others."
            )
        environment = {**_environment(), **service.environment}
        processes.start(settings.run, service.name, service.command, environment, readiness.log(settings, service))


def _environment() -> dict[str, str]:
    """A plain one: neither proxies nor clouds of ours reach the services."""
    return {"PATH": _SYSTEM_PATH, "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}


def down(settings: Settings) -> None:
    """Stop all, what others rest on last."""
    several = services(settings)
    for stages in ((Stage.HOSTS, Stage.APIS, Stage.IDENTITY), (Stage.BACKING,)):
        ending = [one for one in several if one.stage in stages and one.name != "epmd"]
        for service in ending:
            processes.ask(settings.run, service.name)
        for service in ending:
            processes.stop(settings.run, service.name, service.patience)
    processes.stop(settings.run, "epmd", 5)


def wipe(settings: Settings) -> None:
    """Delete what the cloud has become; the installed packages stay. The cloud has to be down."""
    for folder in (settings.data, settings.etc, settings.run, settings.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (settings.clouds, settings.state / "settings.json", *settings.state.glob("ec2-*.env")):
        file.unlink(missing_ok=True)


def named(settings: Settings, names: Sequence[str]) -> list[Service]:
    """The services of these names, in the order in which they start. Raises UnknownService."""
    several = services(settings)
    if unknown := set(names) - {one.name for one in several}:
        known = ", ".join(one.name for one in several)
        raise UnknownService(f"no service is called {', '.join(sorted(unknown))}; there are {known}")
    return [one for one in several if one.name in names]


def stop(settings: Settings, several: Sequence[Service]) -> None:
    for service in several:
        processes.stop(settings.run, service.name, service.patience)


def kill(settings: Settings, several: Sequence[Service]) -> None:
    """SIGKILL for all of their processes at once."""
    for service in several:
        processes.kill(settings.run, service.name)


def resume(settings: Settings, several: Sequence[Service]) -> None:
    """Start those that do not run and wait until they are ready."""
    start(settings, several)
    readiness.wait(settings, several)
