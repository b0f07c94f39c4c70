"""Senlin, Heat, Cinder, Zaqar, Gnocchi, Aodh and Barbican on the test cloud, apart from the cloud itself.

Each has an environment of its own below ``venvs`` of the state folder: their requirements are not those of the others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from conformance.openstack import configuration, lifecycle, readiness, seeding
from conformance.openstack.cloud import connect
from conformance.openstack.installation import install_peer
from conformance.openstack.services import Answering, Listening, Saying, Schema, Service, Stage, uwsgi
from conformance.openstack.settings import PASSWORD, Settings

TEMPLATES = Path(__file__).parent / "peers_etc"
HOLLOW = Path(__file__).parent / "cinder_hollow"
# Name -> (type in the catalog, path of its endpoint).
CATALOG = {
    "heat": ("orchestration", "/v1/%(tenant_id)s"),
    "senlin": ("clustering", ""),
    "cinder": ("block-storage", "/v3"),
    "zaqar": ("messaging", ""),
    "gnocchi": ("metric", ""),
    "aodh": ("alarming", ""),
    "barbican": ("key-manager", ""),
}
PASSING = {"cinder", "zaqar", "gnocchi", "aodh", "barbican"}
"""Services that are in the catalog only while they run: Nova and Coppice ask whatever the catalog names."""
_AT_HOME = {"zaqar", "gnocchi", "aodh", "barbican"}
"""Services whose API looks for its configuration in the home folder alone."""
_HEAT_ROLES = ("heat_stack_owner", "heat_stack_user")
_HEAT_DOMAIN = "heat"


@contextlib.contextmanager
def running(settings: Settings, name: str, environment: Mapping[str, str]) -> Iterator[None]:
    """A service of ``CATALOG`` on the running cloud until the block ends.

    Args:
        environment: more of it for its processes.

    Raises:
        NotInstalled, NotUp, NotReady: with the diagnosis.
    """
    install_peer(settings, name)
    _configure(settings, name)
    lifecycle.once(settings, _schema(settings, name))
    _identity(settings, name)
    several = services(settings, name, environment)
    try:
        lifecycle.resume(settings, several)
        yield
    finally:
        lifecycle.stop(settings, several)
        if name in PASSING:
            with connect("admin", settings.state) as admin:
                seeding.forget_endpoints(admin, CATALOG[name][0])


def services(settings: Settings, name: str, environment: Mapping[str, str]) -> list[Service]:
    """Its processes, the API first."""
    if name == "zaqar":
        return _zaqar(settings, environment)
    venv, file = settings.peer_venv(name), str(_file(settings, name))
    environment = {**environment, **({"HOME": str(settings.etc / name)} if name in _AT_HOME else {})}
    match name:
        case "heat":
            application, workers = ("--module", "heat.wsgi.api:application"), {"engine": "Starting engine_worker"}
        case "cinder":
            application = ("--module", "cinder.wsgi.api:application")
            workers = {
                "scheduler": "Starting cinder-scheduler node",
                "volume": "Driver post RPC initialization completed",
            }
            environment = {**environment, "PYTHONPATH": str(HOLLOW)}
        case "gnocchi":
            application, workers = ("--module", "gnocchi.wsgi.api:application"), {"metricd": "wait to be processed"}
        case "barbican":
            application, workers = ("--wsgi-file", str(_file(settings, name).with_name("api.py"))), {}
        case "aodh":
            application = ("--module", "aodh.wsgi.api:application")
            workers = dict.fromkeys(("evaluator", "notifier"), "Run service Alarm")
        case _:
            application = ("--wsgi-file", str(venv / "bin" / "senlin-wsgi-api"))
            workers = {each: f"Starting senlin-{each} service" for each in ("conductor", "engine", "health-manager")}
    api = Service(
        f"{name}-api",
        Stage.APIS,
        uwsgi(settings, name, 2, application, venv),
        Answering(settings.url(name, "/")),
        name,
        {**environment, "UWSGI_PYARGV": f"--config-file {file}"},
        patience=5,
    )
    return [
        api,
        *(
            Service(
                f"{name}-{worker}",
                Stage.APIS,
                (str(venv / "bin" / f"{name}-{worker}"), "--config-file", file),
                Saying(words),
                environment=environment,
            )
            for worker, words in workers.items()
        ),
    ]


def _zaqar(settings: Settings, environment: Mapping[str, str]) -> list[Service]:
    """Its messages are kept in Redis, never in SQL."""
    home = settings.etc / "zaqar"
    command = uwsgi(
        settings, "zaqar", 2, ("--module", "zaqar.transport.wsgi.app:application"), settings.peer_venv("zaqar")
    )
    api = Service(
        "zaqar-api",
        Stage.APIS,
        command,
        Answering(settings.url("zaqar", "/")),
        "zaqar",
        {**environment, "HOME": str(home)},
        patience=5,
    )
    store = ("redis-server", "--bind", "127.0.0.1", "--port", str(settings.port("zaqar-redis")))
    kept = ("--save", "", "--appendonly", "no", "--dir", str(settings.data / "zaqar"))
    return [api, Service("zaqar-redis", Stage.BACKING, (*store, *kept), Listening(), "zaqar-redis")]


def _file(settings: Settings, name: str) -> Path:
    """Its configuration."""
    folder = settings.etc / name
    return (folder / f".{name}" if name in _AT_HOME else folder) / f"{name}.conf"


def values_of(settings: Settings, name: str) -> dict[str, str]:
    """What its templates may name."""
    return {
        **configuration.values_of(settings),
        "peers": str(settings.state / "venvs"),
        "keystone_url": settings.url("keystone"),
        "heat_url": settings.url("heat"),
        "barbican_url": settings.url("barbican"),
        f"database_{name}": configuration.database_url(settings, name, name),
        f"auth_{name}": configuration.auth(settings, name),
        f"authtoken_{name}": configuration.authtoken(settings, name),
    }


def _configure(settings: Settings, name: str) -> None:
    configuration.write_all(TEMPLATES / name, settings.etc / name, values_of(settings, name))
    (settings.data / name / "lock").mkdir(parents=True, exist_ok=True)
    with readiness.database(settings) as connection, connection.cursor() as cursor:
        for statement in configuration.owned(name, (name,)):
            cursor.execute(statement)


def _schema(settings: Settings, name: str) -> Schema:
    if name == "barbican":  # whose command knows no file of its own
        manage = str(settings.peer_venv(name) / "bin" / "barbican-manage")
        return Schema(name, (manage, "db", "upgrade", "--db-url", configuration.database_url(settings, name, name)))
    program, *sync = {
        "cinder": ("cinder-manage", "db", "sync"),
        "zaqar": ("zaqar-sql-db-manage", "upgrade", "head"),
        "gnocchi": ("gnocchi-upgrade", "--sacks-number", "4"),
        "aodh": ("aodh-dbsync",),
    }.get(name, (f"{name}-manage", "db_sync"))
    manage = str(settings.peer_venv(name) / "bin" / program)
    return Schema(name, (manage, "--config-file", str(_file(settings, name)), *sync))


def _identity(settings: Settings, name: str) -> None:
    """Its user, its place in the catalog, and for Heat the roles and the domain of the users that stacks make."""
    kind, path = CATALOG[name]
    with connect("admin", settings.state) as admin:
        seeding.service_user(admin, name)
        seeding.endpoints(admin, kind, name, settings.url(name, path))
        if name != "heat":
            return
        keystone = admin.identity
        for role in _HEAT_ROLES:
            if not keystone.find_role(role):
                keystone.create_role(name=role)
        domain = keystone.find_domain(_HEAT_DOMAIN) or keystone.create_domain(name=_HEAT_DOMAIN)
        user = keystone.find_user("heat_domain_admin", domain_id=domain.id) or keystone.create_user(
            name="heat_domain_admin", password=PASSWORD, domain_id=domain.id
        )
        keystone.assign_domain_role_to_user(domain, user, keystone.find_role("admin"))
