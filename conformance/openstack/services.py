"""The cloud's services and schemas, one record each: what runs, where, and how one sees that it does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TypeAlias

from conformance.openstack.configuration import database_url, transport
from conformance.openstack.settings import PASSWORD, REGION, REGIONS, Region, Settings

RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
MARIADB = shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "/usr/sbin/mariadbd"


class Stage(IntEnum):
    """Services of a stage start together, and stop after those of later stages."""

    BACKING = 0
    IDENTITY = 1
    APIS = 2
    # They wait in RPC time-outs when no conductor answers them at their start.
    HOSTS = 3


@dataclass(frozen=True, slots=True)
class Listening:
    """Ready when its port takes connections."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Ready when it answers this URL with anything but a server's error."""

    url: str


@dataclass(frozen=True, slots=True)
class Reporting:
    """Ready when Nova's database (its region's) has a recent sign of life from it, newer than its start."""

    binary: str
    host: str
    database: str


@dataclass(frozen=True, slots=True)
class Saying:
    """Ready when its log has these words since its start."""

    words: str


@dataclass(frozen=True, slots=True)
class Present:
    """Ready when this file is there, which was not before its start: a socket."""

    file: Path


Ready: TypeAlias = Listening | Answering | Reporting | Saying | Present


@dataclass(frozen=True, slots=True)
class Service:
    """A process, with those it forks.

    Attributes:
        port: name in ``settings.OFFSETS``; None for one that listens nowhere.
        patience: seconds between asking it to stop and SIGKILL.
        seconds: it has to be ready within this time, on a slow and busy machine too.
    """

    name: str
    stage: Stage
    command: tuple[str, ...]
    ready: Ready
    port: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: float = 10
    seconds: float = 180


@dataclass(frozen=True, slots=True)
class Schema:
    """A command that is run once in the life of the data."""

    name: str
    command: tuple[str, ...]


def services(settings: Settings) -> tuple[Service, ...]:
    """All services, in the order in which they start."""
    regional = [(*_apis(settings, one), *_workers(settings, one), *_hosts(settings, one)) for one in settings.several]
    return (*_backing(settings), *_shared(settings), *(service for region in regional for service in region))


def _backing(settings: Settings) -> tuple[Service, ...]:
    epmd = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(settings.port("epmd"))}
    rabbitmq = {
        **epmd,
        "HOME": str(settings.data / "rabbitmq"),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(settings.port("rabbitmq")),
        "RABBITMQ_DIST_PORT": str(settings.port("rabbitmq-nodes")),
        "RABBITMQ_CONFIG_FILE": str(settings.etc / "rabbitmq" / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_MNESIA_BASE": str(settings.data / "rabbitmq" / "mnesia"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(settings.data / "rabbitmq" / "enabled_plugins"),
        "RABBITMQ_LOG_BASE": str(settings.logs),
        # One scheduler that sleeps when idle: by default each core spins for a while.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"
        " +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
    }
    memcached = ("memcached", "-l", "127.0.0.1", "-p", str(settings.port("memcached")), "-m", "128", "-c", "4096")
    if os.geteuid() == 0:
        memcached = (*memcached, "-u", "root")
    return (
        Service(
            "mariadb",
            Stage.BACKING,
            (MARIADB, f"--defaults-file={settings.etc / 'mariadb' / 'my.cnf'}"),
            Listening(),
            "mariadb",
            patience=30,
        ),
        Service("memcached", Stage.BACKING, memcached, Listening(), "memcached"),
        Service("epmd", Stage.BACKING, ("epmd",), Listening(), "epmd", epmd),
        Service("rabbitmq", Stage.BACKING, (RABBITMQ,), Listening(), "rabbitmq", rabbitmq, patience=30),
    )


def _shared(settings: Settings) -> tuple[Service, ...]:
    """What all regions have in common, and Octavia, which is the first one's alone."""
    etc = settings.etc
    octavia = ("--config-file", str(etc / "octavia" / "octavia.conf"))
    return (
        _wsgi(
            settings,
            "keystone",
            3,
            "keystone.wsgi.api",
            {"OS_KEYSTONE_CONFIG_FILES": str(etc / "keystone" / "keystone.conf")},
            "/v3",
        ),
        _wsgi(settings, "glance", 1, "glance.wsgi.api", {"OS_GLANCE_CONFIG_DIR": str(etc / "glance")}),
        _wsgi(
            settings,
            "octavia",
            1,
            "octavia.wsgi.api",
            {"UWSGI_PYARGV": " ".join(octavia)},
        ),
        Service(
            "octavia-worker", Stage.APIS, (settings.program("octavia-worker"), *octavia), Saying("Starting V2 consumer")
        ),
    )


def _apis(settings: Settings, region: Region) -> tuple[Service, ...]:
    etc, few = settings.etc_of(region), region != REGIONS[0]
    nova = (settings.venv / "etc" / "nova" / "api-paste.ini", "nova.conf", "database.conf", "ctl.conf")
    neutron = {"OS_NEUTRON_CONFIG_DIR": str(etc / "neutron"), "OS_NEUTRON_CONFIG_FILES": "neutron.conf"}
    return (
        _wsgi(
            settings,
            region.called("placement"),
            1 if few else 2,
            "placement.wsgi.api",
            {"OS_PLACEMENT_CONFIG_DIR": str(etc / "placement")},
        ),
        _wsgi(settings, region.called("neutron"), 2 if few else 3, "neutron.wsgi.api", neutron),
        _wsgi(
            settings,
            region.called("nova"),
            2 if few else 4,
            "nova.wsgi.osapi_compute",
            # The paste file has to be the first.
            {"OS_NOVA_CONFIG_DIR": str(etc / "nova"), "OS_NOVA_CONFIG_FILES": ";".join(map(str, nova))},
        ),
    )


def _wsgi(
    settings: Settings, name: str, processes: int, module: str, environment: Mapping[str, str], path: str = "/"
) -> Service:
    """An API in uwsgi."""
    command = uwsgi(settings, name, processes, ("--module", f"{module}:application"), settings.venv)
    stage = Stage.IDENTITY if name == "keystone" else Stage.APIS
    service, joint, mark = name.partition("-")
    called = name if service in {"keystone", "placement"} else f"{service}-api{joint}{mark}"
    return Service(called, stage, command, Answering(settings.url(name, path)), name, environment, patience=5)


def uwsgi(settings: Settings, port: str, processes: int, application: tuple[str, str], venv: Path) -> tuple[str, ...]:
    """The command of an API that is installed in ``venv``.

    One thread a process: with several, Neutron was seen to answer 404 to its first concurrent requests. Each process
    loads the application itself (lazy), for connections and threads do not survive a fork.
    """
    return (
        str(venv / "bin" / "uwsgi"),
        *("--http-socket", f"127.0.0.1:{settings.port(port)}"),
        *application,
        *("--venv", str(venv), "--chdir", str(settings.state)),
        *("--master", "--processes", str(processes), "--threads", "1", "--enable-threads", "--thunder-lock"),
        *("--lazy-apps", "--need-app", "--die-on-term", "--buffer-size", "65535"),
        *("--http-auto-chunked", "--add-header", "Connection: close", "--disable-logging"),
    )


def _workers(settings: Settings, region: Region) -> tuple[Service, ...]:
    return tuple(
        Service(
            region.called(name),
            Stage.APIS,
            (settings.program(name), *_nova(settings, region, "ctl", "database")),
            Reporting(name, "ctl", region.called("nova", "_")),
        )
        for name in ("nova-conductor", "nova-scheduler")
    )


def _hosts(settings: Settings, region: Region) -> tuple[Service, ...]:
    """A compute host for each zone; nova-compute refuses to know a database."""
    return tuple(
        Service(
            region.called(f"nova-compute-{zone}"),
            Stage.HOSTS,
            (settings.program("nova-compute"), *_nova(settings, region, f"cpu-{zone}")),
            Reporting("nova-compute", f"cpu-{zone}", region.called("nova", "_")),
            seconds=300,
        )
        for zone in region.zones
    )


def _nova(settings: Settings, region: Region, *names: str) -> tuple[str, ...]:
    folder = settings.etc_of(region) / "nova"
    return tuple(word for name in ("nova", *names) for word in ("--config-file", str(folder / f"{name}.conf")))


def keystone_schemas(settings: Settings) -> tuple[Schema, ...]:
    """What Keystone needs before its first start."""
    manage = (settings.program("keystone-manage"), "--config-file", str(settings.etc / "keystone" / "keystone.conf"))
    owner = (f"--keystone-user={os.geteuid()}", f"--keystone-group={os.getegid()}")
    urls = (f"--bootstrap-{kind}-url={settings.url('keystone', '/v3')}" for kind in ("public", "internal", "admin"))
    first = (f"--bootstrap-password={PASSWORD}", f"--bootstrap-region-id={REGION}", *urls)
    return (
        Schema("keystone", (*manage, "db_sync")),
        Schema("keystone-tokens", (*manage, "fernet_setup", *owner)),
        Schema("keystone-credentials", (*manage, "credential_setup", *owner)),
        Schema("keystone-bootstrap", (*manage, "bootstrap", *first)),
    )


def small_schemas(settings: Settings) -> tuple[Schema, ...]:
    etc, program = settings.etc, settings.program
    octavia = settings.data / "octavia"
    authority = (
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", f"pass:{PASSWORD}", "-days", "3650"),
        *("-subj", "/CN=test", "-keyout", str(octavia / "ca.key"), "-out", str(octavia / "ca.pem")),
    )
    return (
        placement_schema(settings, REGIONS[0]),
        Schema("glance", (program("glance-manage"), "--config-file", f"{etc}/glance/glance-api.conf", "db_sync")),
        Schema("octavia-authority", authority),
        Schema(
            "octavia",
            (program("octavia-db-manage"), "--config-file", f"{etc}/octavia/octavia.conf", "upgrade", "head"),
        ),
    )


def placement_schema(settings: Settings, region: Region) -> Schema:
    file = settings.etc_of(region) / "placement" / "placement.conf"
    command = (settings.program("placement-manage"), "--config-file", str(file), "db", "sync")
    return Schema(region.called("placement"), command)


def large_schemas(settings: Settings, region: Region) -> tuple[Schema, ...]:
    """Neutron's and Nova's take longest. The cells' records hold URLs, and so the ports."""
    nova = nova_manage(settings, region)
    file = settings.etc_of(region) / "neutron" / "neutron.conf"
    neutron = (settings.program("neutron-db-manage"), "--config-file", str(file))
    cell0 = f"--database_connection={database_url(settings, 'nova', 'nova_cell0', region)}"
    cell1 = (
        f"--database_connection={database_url(settings, 'nova', 'nova', region)}",
        f"--transport-url={transport(settings, region)}",
    )
    steps = {
        "neutron": (*neutron, "upgrade", "heads"),
        "nova-api": (*nova, "api_db", "sync"),
        "nova-cell0": (*nova, "cell_v2", "map_cell0", cell0),
        "nova": (*nova, "db", "sync"),
        "nova-cell1": (*nova, "cell_v2", "create_cell", "--name=cell1", *cell1),
    }
    return tuple(Schema(region.called(name), command) for name, command in steps.items())


def discover_hosts(settings: Settings, region: Region) -> Schema:
    """An aggregate refuses a host that no cell knows yet."""
    return Schema(region.called("nova-hosts"), (*nova_manage(settings, region), "cell_v2", "discover_hosts"))


def nova_manage(settings: Settings, region: Region = REGIONS[0]) -> tuple[str, ...]:
    return (settings.program("nova-manage"), *_nova(settings, region, "ctl", "database"))
