"""The composition root: settings -> store, cloud, Backend, engine, gateway. Nothing else constructs these.

``gunicorn wsgi:application`` serves; ``python wsgi.py run`` starts gateway and engine on the embedded default.
"""

from __future__ import annotations

import argparse
import hmac
import logging
import os
import random
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oslo_config import cfg

from backend import Backend, measures
from backend import config as backend_config
from backend.clock import SystemClock
from backend.commands import CannotDo, arguments, grants, orphans, schema, seals
from backend.config import BackendSettings
from backend.domain.ids import account_id
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.errors import CloudError
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.engine.loop import Engine
from backend.errors import StoreUnavailable
from backend.store.delegations import StoredDelegations
from backend.store.installation import Installation
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from gateway import config as gateway_config
from gateway import local, log_lines, request_log, supervisor
from gateway.app import create_app
from gateway.auth import keys, sigv4
from gateway.auth.credentials import Credential, Credentials, StaticCredentials
from gateway.auth.keystone import KeystoneCredentials
from gateway.auth.remote import RemoteVerification
from gateway.local import CannotStart
from gateway.pipeline import Authorize, Pipeline, Verify, allow_all
from gateway.services import Services
from translators import load, registry  # noqa: F401 - registers every operation
from translators.callers import Callers
from translators.registry import Caller

if TYPE_CHECKING:
    from flask import Flask

    from backend.drivers.openstack.patience import Brief


LOG = logging.getLogger("wsgi")
EMBEDDED_PROJECT = "embedded"
KEY_FILE = "secrets.key"
_SERVICES = frozenset({"serve", "engine"})
_CANNOT = {
    "run": "Coppice cannot start",
    "serve": "The gateway cannot start",
    "engine": "The engine cannot start",
    "migrate": "The database was not migrated",
}


def settings() -> BackendSettings:
    """The settings of the file that ``COPPICE_CONFIG`` names, and of the environment (``OS_GROUP__OPTION``)."""
    conf = cfg.ConfigOpts()
    backend_config.register(conf)
    named = os.environ.get("COPPICE_CONFIG")
    conf(args=[], project="coppice", default_config_files=[named] if named else [])
    return backend_config.settings_of(conf)


def store_of(chosen: BackendSettings, *, redoes: bool = False) -> Store:
    """The database of the settings. Raises CannotDo where their URL is of none."""
    schema.check_url(chosen.database_url)
    return Store(chosen.database_url, SystemClock(), durable=chosen.durable, redoes=redoes, pool_size=chosen.pool_size)


def delegations_of(chosen: BackendSettings, store: Store) -> StoredDelegations:
    """What owners handed over. Raises CannotDo."""
    return StoredDelegations(store, seal_of(chosen))


def seal_of(chosen: BackendSettings) -> Seal:
    """What seals secrets: the settings' keys, or those of a file; none where neither is set. Raises CannotDo."""
    named = Path(chosen.secret_key_file or f"{chosen.state}/{KEY_FILE}")
    return seals.opened(chosen.secret_keys, named, required=bool(chosen.secret_key_file))


def page_key_of(chosen: BackendSettings) -> bytes:
    """What authenticates tokens of pages: nothing that a caller knows, the same in all gateways of an installation.

    It is derived from the keys of secrets, and where there are none from the database's URL, which holds its password.
    """
    file = Path(chosen.secret_key_file or f"{chosen.state}/{KEY_FILE}")
    known = chosen.secret_keys or ((file.read_text().split("\n")[0],) if file.exists() else ())
    return hmac.digest(b"coppice pages", (known[0] if known else chosen.database_url).encode(), "sha256")


def cloud_of(chosen: BackendSettings, store: Store, patience: Brief | None = None) -> Cloud:
    """Args: patience: of a gateway."""
    if chosen.driver == "openstack":
        from backend.drivers.openstack.cloud import open_cloud  # its libraries are not loaded where they are not used

        return open_cloud(
            chosen.openstack.for_requests() if patience else chosen.openstack,
            SystemClock(),
            record=measures.shared().exchanged,
            delegations=delegations_of(chosen, store),
            patience=patience,
            installation=Installation(store),
        )
    simulated = SimulatedSettings(
        regions=(chosen.region,), boot_seconds=chosen.boot_seconds, delete_seconds=chosen.delete_seconds
    )
    Path(chosen.state).mkdir(mode=0o700, parents=True, exist_ok=True)
    return SimulatedCloud.open(f"{chosen.state}/cloud.db", SystemClock(), simulated, Installation(store)).cloud


def regions_of(chosen: BackendSettings) -> dict[str, str]:
    """AWS's name of each region that is served -> the cloud's."""
    if chosen.driver != "openstack":
        return {chosen.region: chosen.region}
    from backend.drivers.openstack.cloud import cloud_regions

    return cloud_regions(chosen.openstack, chosen.region)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose requests are answered, and what they may do.

    Attributes:
        regions: AWS's name of a region -> the cloud's.
    """

    credentials: Credentials
    regions: Mapping[str, str]
    verify: Verify = sigv4.verify
    authorize: Authorize = allow_all


def embedded_identity(chosen: BackendSettings) -> Identity:
    """The one key pair of the embedded cloud."""
    pair = keys.read(Path(chosen.state) / "coppice.env")
    caller = Caller(
        access_key=pair.access_key, user_id=EMBEDDED_PROJECT, user_name="admin", project_id=EMBEDDED_PROJECT
    )
    credentials = StaticCredentials({pair.access_key: Credential(pair.secret_key, caller)})
    return Identity(credentials, regions_of(chosen))


def patience_of(chosen: BackendSettings) -> Brief | None:
    """How long requests of clients wait for the cloud; None where it is on this machine."""
    if chosen.driver != "openstack":
        return None
    from backend.drivers.openstack.patience import Brief

    return Brief(chosen.openstack, SystemClock())


def keystone_identity(chosen: BackendSettings, patience: Brief | None = None) -> Identity:
    """Keystone's EC2 credentials, and oslo.policy's rules over the roles of their users."""
    from backend.drivers.openstack.cloud import open_keys
    from gateway.auth.policy import RolePolicy

    known = open_keys(
        chosen.openstack.for_requests(), SystemClock(), record=measures.shared().exchanged, patience=patience
    )
    credentials = KeystoneCredentials(Callers(known))
    return Identity(
        credentials,
        regions_of(chosen),
        RemoteVerification(credentials) if chosen.verify == "ec2tokens" else sigv4.verify,
        RolePolicy(gateway_config.parsed()).check,
    )


def create_gateway() -> Flask:
    """The WSGI application."""
    log_lines.to_stderr()
    chosen = settings()
    gateway = gateway_config.load()
    store = store_of(chosen)
    clock = SystemClock()
    patience = patience_of(chosen)
    identity = keystone_identity(chosen, patience) if chosen.driver == "openstack" else embedded_identity(chosen)
    pipeline = Pipeline(
        backend=Backend.build(
            store, cloud_of(chosen, store, patience), clock, deregistration=chosen.engine.deregistration
        ),
        credentials=identity.credentials,
        clock=clock,
        regions=identity.regions,
        page_key=page_key_of(chosen),
        default_region=chosen.region if chosen.region in identity.regions else next(iter(identity.regions)),
        limits=gateway.limits,
        throttle=gateway.throttle(),
        services=Services(strict=gateway.strict_answers),
        scope_of=lambda who, region: Scope(who.project_id, identity.regions[region]),
        account_id_of=account_id,
        verify=identity.verify,
        authorize=identity.authorize,
        find_handler=log_lines.about_requests(registry.find if patience is None else patience.handlers(registry.find)),
    )
    return create_app(
        pipeline,
        readiness=lambda: schema.not_ready(store),
        metrics=request_log.shared().metrics_text,
        operator_bind=gateway.operator_bind,
    )


def create_engine(chosen: BackendSettings) -> Engine:
    """The engine of one process. Raises CannotDo where it cannot work with the database."""
    clock = SystemClock()
    store = store_of(chosen, redoes=True)
    schema.wait(store, clock)
    cloud = cloud_of(chosen, store)
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    return Engine(
        store=store,
        cloud=cloud,
        catalog=Catalog(cloud, clock, timedelta(seconds=30)),
        clock=clock,
        settings=chosen.engine,
        rng=random.Random(secrets.randbits(64)),
        name=name[:64],
        measures=measures.shared(),
    )


def main(given: Sequence[str] | None = None) -> int:
    """The command line: run, serve, engine, grant, key, reseal, migrate, orphans."""
    chosen = arguments.parser().parse_args(given)
    commands: dict[str, Callable[[argparse.Namespace], None]] = {
        "run": _run,
        "serve": _serve,
        "engine": _engine,
        "grant": _grant,
        "key": lambda _: print(new_key()),
        "reseal": _reseal,
        "migrate": lambda _: schema.migrate(settings().database_url),
        "orphans": _orphans,
    }
    try:
        commands[chosen.command](chosen)
    except (CannotStart, CannotDo, StoreUnavailable, cfg.Error, cfg.ConfigSourceValueError) as reason:
        cannot = _CANNOT.get(chosen.command, "Nothing was changed")
        if chosen.command in _SERVICES:  # what they tell is a log
            LOG.critical("%s: %s", cannot, reason)
        else:
            print(f"{cannot}: {reason}", file=sys.stderr)
        return 1
    return 0


def _orphans(chosen: argparse.Namespace) -> None:
    present, clock = settings(), SystemClock()
    store = store_of(present)
    schema.check(store)
    if chosen.release:
        print(orphans.release(store, clock, chosen.release))
    elif chosen.look:
        print(orphans.look(store, clock, chosen.look, regions_of(present).values()))
    else:
        print("\n".join(orphans.listed(store, clock, present.engine.sweeping)))


def _grant(chosen: argparse.Namespace) -> None:
    present = settings()
    wish = grants.Wish(
        cloud=chosen.cloud,
        clouds_file=chosen.clouds_file,
        trustee=chosen.trustee,
        role=chosen.role,
        expires_at=chosen.expires,
        sealed=chosen.application_credential,
        revoke=chosen.revoke,
    )
    print(grants.grant(present.openstack, wish, lambda: (store_of(present), seal_of(present)), SystemClock()))


def _reseal(_chosen: argparse.Namespace) -> None:
    present = settings()
    store = store_of(present)
    kept = delegations_of(present, store)
    schema.check(store)
    print(seals.reseal(kept))


def _serve(chosen: argparse.Namespace) -> None:
    schema.check_url(settings().database_url)
    gateway_config.load()
    os.execvp(sys.executable, _gunicorn(chosen.bind))  # noqa: S606 - becomes gunicorn


def _engine(_chosen: argparse.Namespace) -> None:
    chosen = settings()
    engine = create_engine(chosen)
    if chosen.metrics_port:
        measures.serve(chosen.metrics_port, chosen.metrics_host)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    engine.run(stop)


def _gunicorn(bind: str) -> list[str]:
    own = gateway_config.load().operator_bind
    binds = [argument for each in (bind, own) if each for argument in ("--bind", each)]
    return [sys.executable, "-m", "gunicorn", "--config", "python:gateway.gunicorn", *binds, "wsgi:application"]


def _run(chosen: argparse.Namespace) -> None:
    os.umask(0o077)  # databases, keys and logs are their owner's alone
    with local.state_folder(chosen.state) as state:
        port = local.free_port(chosen.host, chosen.port, SystemClock().wait)
        os.environ["OS_DEFAULT__STATE"] = str(state)
        if chosen.boot_seconds is not None:
            os.environ["OS_SIMULATED__BOOT_SECONDS"] = str(chosen.boot_seconds)
        local.keep_key(state / KEY_FILE, new_key)
        present = settings()
        gateway_config.load()
        schema.check_url(present.database_url)
        seal_of(present)
        endpoint = f"http://{chosen.host}:{port}"
        words = _words(endpoint, present, state)
        schema.migrate(present.database_url)
        engine = supervisor.Command("engine", (sys.executable, str(Path(__file__).resolve()), "engine"))
        gateway = supervisor.Command("gateway", _gunicorn(f"{chosen.host}:{port}"))
        local.keep_running(state, endpoint, (engine, gateway), words, SystemClock())


def _words(endpoint: str, present: BackendSettings, state: Path) -> list[str]:
    """What to do with what runs. Raises CannotStart where the cloud's service user cannot log in."""
    if present.driver != "openstack":
        return local.embedded_words(endpoint, present.region, state)
    from backend.drivers.openstack.access import Misconfigured
    from backend.drivers.openstack.cloud import service_user_id

    try:
        user = service_user_id(present.openstack, SystemClock())
        return local.cloud_words(endpoint, present.region, regions_of(present), user)
    except (Misconfigured, CloudError) as error:
        raise CannotStart(str(error)) from error


def __getattr__(name: str) -> Any:
    """``application`` is made when it is asked for: the other commands need no gateway."""
    if name != "application":
        raise AttributeError(name)
    try:
        return create_gateway()
    except AttributeError as error:  # which would look as if there were no application
        raise RuntimeError("the gateway could not be made") from error


if __name__ == "__main__":
    log_lines.to_stderr()
    sys.exit(main())
