"""The composition root: settings -> store, cloud, Backend, engine, gateway. Nothing else constructs these.

``gunicorn wsgi:application`` serves; ``python wsgi.py run`` starts gateway and engine on the embedded default.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import random
import secrets
import signal
import socket
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import prometheus_client
from oslo_config import cfg

from backend import Backend, measures
from backend import config as backend_config
from backend.clock import SystemClock
from backend.config import BackendSettings
from backend.domain.delegation import DelegationsUnanswered, SecretUnreadable
from backend.domain.ids import account_id
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.credentials import AccessKey, AccessKeys, BadSignature, Signed
from backend.drivers.errors import CloudError
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.engine.loop import Engine, EngineSettings
from backend.policies.window import WindowRule
from backend.store import migrate
from backend.store.delegations import StoredDelegations
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from gateway import config as gateway_config
from gateway import local, request_log, supervisor
from gateway.app import create_app
from gateway.auth import keys, sigv4
from gateway.auth.claims import Claim
from gateway.auth.credentials import Credential, Credentials, StaticCredentials
from gateway.auth.refusals import Refusal
from gateway.auth.remote import RemoteVerification
from gateway.local import CannotStart
from gateway.pipeline import Authorize, Pipeline, Verify, allow_all
from gateway.request import Request
from translators import load  # noqa: F401 - registers every operation
from translators.errors import AWSError
from translators.registry import Caller

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    from flask import Flask

    from backend.drivers.openstack.settings import OpenStackSettings

EMBEDDED_PROJECT = "embedded"
START_SECONDS = 30
KEY_FILE = "secrets.key"


def settings() -> BackendSettings:
    """The settings of the file that ``COPPICE_CONFIG`` names, and of the environment (``OS_GROUP__OPTION``)."""
    conf = cfg.ConfigOpts()
    backend_config.register(conf)
    named = os.environ.get("COPPICE_CONFIG")
    conf(args=[], project="coppice", default_config_files=[named] if named else [])
    return backend_config.settings_of(conf)


def store_of(chosen: BackendSettings, *, redoes: bool = False) -> Store:
    return Store(chosen.database_url, SystemClock(), durable=chosen.durable, redoes=redoes, pool_size=chosen.pool_size)


def delegations_of(chosen: BackendSettings, store: Store) -> StoredDelegations:
    """What owners handed over. Raises CannotStart."""
    return StoredDelegations(store, seal_of(chosen))


def seal_of(chosen: BackendSettings) -> Seal:
    """What seals secrets: the settings' keys, or those of a file; none where neither is set.

    Raises:
        CannotStart: a file cannot be read, or what is set is no key.
    """
    named = Path(chosen.secret_key_file or f"{chosen.state}/{KEY_FILE}")
    try:
        lines = named.read_text().split() if chosen.secret_key_file or named.exists() else []
        return Seal(chosen.secret_keys or lines)
    except OSError as error:
        raise CannotStart(f"the key file {named} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CannotStart("a key in [secrets] is none: python wsgi.py key makes one") from error


def cloud_of(chosen: BackendSettings, store: Store) -> Cloud:
    if chosen.driver == "openstack":
        from backend.drivers.openstack.cloud import open_cloud  # its libraries are not loaded where they are not used

        record = measures.shared().exchanged
        return open_cloud(chosen.openstack, SystemClock(), record=record, delegations=delegations_of(chosen, store))
    simulated = SimulatedSettings(
        regions=(chosen.region,), boot_seconds=chosen.boot_seconds, delete_seconds=chosen.delete_seconds
    )
    Path(chosen.state).mkdir(mode=0o700, parents=True, exist_ok=True)
    return SimulatedCloud.open(f"{chosen.state}/cloud.db", SystemClock(), simulated).cloud


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
    return Identity(credentials, {chosen.region: chosen.region})


def keystone_identity(chosen: BackendSettings) -> Identity:
    """Keystone's EC2 credentials, and oslo.policy's rules over the roles of their users."""
    from backend.drivers.openstack.cloud import cloud_regions, open_keys
    from gateway.auth.policy import RolePolicy

    known = KeystoneCredentials(open_keys(chosen.openstack, SystemClock(), record=measures.shared().exchanged))
    return Identity(
        known,
        cloud_regions(chosen.openstack, chosen.region),
        RemoteVerification(known) if chosen.verify == "ec2tokens" else sigv4.verify,
        RolePolicy(gateway_config.parsed()).check,
    )


class KeystoneCredentials:
    """The gateway's view of the backend's access keys."""

    def __init__(self, known: AccessKeys) -> None:
        self._known = known

    def find(self, access_key: str) -> Credential | None:
        with _identity_asked():
            found = self._known.find(access_key)
        return Credential(found.secret, _caller(found)) if found and found.secret else None

    def check(self, request: Request, claim: Claim, body_hash: str) -> Caller | None:
        names = {*claim.signed_headers, "authorization", "x-amz-date", "host"}
        signed = Signed(
            access_key=claim.scope.access_key,
            signature=claim.signature,
            method=request.method,
            path=request.path,
            host=request.headers.get("host", ""),
            params=dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True)),
            headers={name: value for name, value in request.headers.items() if name in names},
            body_hash=body_hash,
        )
        with _identity_asked():
            found = self._known.check(signed)
        return _caller(found) if found else None


def _caller(found: AccessKey) -> Caller:
    return Caller(
        access_key=found.access_key,
        user_id=found.user_id,
        user_name=found.user_name,
        project_id=found.project_id,
        project_name=found.project_name,
        roles=found.roles,
    )


@contextlib.contextmanager
def _identity_asked() -> Iterator[None]:
    """What Keystone does not answer is told in AWS's words."""
    try:
        yield
    except BadSignature as error:
        raise Refusal.mismatch() from error
    except CloudError as error:
        logging.getLogger(__name__).warning("the identity service could not be asked: %s", error)
        raise AWSError("ServiceUnavailable", "The identity service could not be reached.", 503) from error


def create_gateway() -> Flask:
    """The WSGI application."""
    request_log.to_stderr()
    chosen = settings()
    gateway = gateway_config.load()
    store = store_of(chosen)
    clock = SystemClock()
    identity = keystone_identity(chosen) if chosen.driver == "openstack" else embedded_identity(chosen)
    pipeline = Pipeline(
        backend=Backend.build(store, cloud_of(chosen, store), clock, deregistration=chosen.deregistration),
        credentials=identity.credentials,
        clock=clock,
        regions=identity.regions,
        default_region=chosen.region if chosen.region in identity.regions else next(iter(identity.regions)),
        limits=gateway.limits,
        throttle=gateway.throttle(),
        scope_of=lambda who, region: Scope(who.project_id, identity.regions[region]),
        account_id_of=account_id,
        verify=identity.verify,
        authorize=identity.authorize,
    )
    return create_app(pipeline, readiness=lambda: _not_ready(store), metrics=request_log.shared().metrics_text)


def _not_ready(store: Store) -> str | None:
    return None if migrate.is_current(store) else "the database is not migrated: python wsgi.py migrate"


def create_engine(chosen: BackendSettings) -> Engine:
    """The engine of one process."""
    clock = SystemClock()
    store = store_of(chosen, redoes=True)
    cloud = cloud_of(chosen, store)
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    return Engine(
        store=store,
        cloud=cloud,
        catalog=Catalog(cloud, clock, timedelta(seconds=30)),
        clock=clock,
        settings=EngineSettings(
            poll=chosen.poll,
            watch_busy=chosen.watch_busy,
            watch_idle=chosen.watch_idle,
            boot_timeout=chosen.boot_timeout,
            lease=chosen.lease,
            watch_full=chosen.watch_full,
            window=WindowRule(chosen.launch_window) if chosen.driver == "openstack" else WindowRule(),
            launch_grace=chosen.launch_grace,
            orphan_grace=chosen.orphan_grace,
            deregistration=chosen.deregistration,
            pool_busy=min(chosen.watch_idle, EngineSettings().pool_busy),
            pool_idle=chosen.watch_idle,
            calls=chosen.cloud_calls,
        ),
        rng=random.Random(secrets.randbits(64)),
        name=name[:64],
        measures=measures.shared(),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: run, serve, engine, grant, key, reseal, migrate."""
    parser = argparse.ArgumentParser(prog="wsgi.py", description="AWS Auto Scaling for OpenStack clouds.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="gateway and engine on one machine, embedded state and simulated cloud")
    run.add_argument("--host", default="127.0.0.1")
    run.add_argument("--port", type=int, default=8080)
    run.add_argument("--state", type=Path, default=Path(".coppice"), help="folder of databases, keys and logs")
    run.add_argument("--boot-seconds", type=float, help="how long a simulated server takes to boot")
    commands.add_parser("serve", help="the gateway alone (replaces this process by gunicorn)").add_argument(
        "--bind", default="0.0.0.0:8080"
    )
    commands.add_parser("engine", help="one engine")
    grant = commands.add_parser("grant", help="let Coppice act in your OpenStack project")
    grant.add_argument("--cloud", required=True, help="entry of clouds.yaml with your own login and project")
    grant.add_argument("--clouds-file", default="", help="path of that file (default: where OpenStack's clients look)")
    grant.add_argument("--trustee", help="id of Coppice's service user (default: that of the configuration)")
    grant.add_argument("--role", default="member", help="the role it may act with (default: member)")
    grant.add_argument("--expires", type=_instant, help="when it ends: 2027-01-31, 2027-01-31T12:00 (UTC)")
    grant.add_argument(
        "--application-credential",
        action="store_true",
        help="by an application credential, sealed in Coppice's database (default: by a trust, which nobody keeps)",
    )
    grant.add_argument("--revoke", action="store_true", help="take back what was granted")
    commands.add_parser("key", help="print a new key for [secrets]")
    commands.add_parser("reseal", help="seal every secret in the database with the first key of [secrets]")
    commands.add_parser("migrate", help="bring the database to the present schema")
    chosen = parser.parse_args(arguments)
    commands_by_name: dict[str, Callable[[argparse.Namespace], int]] = {
        "run": _run,
        "serve": _serve,
        "engine": _engine,
        "grant": _grant,
        "key": _key,
        "reseal": _reseal,
        "migrate": _migrate,
    }
    return commands_by_name[chosen.command](chosen)


def _migrate(_chosen: argparse.Namespace) -> int:
    migrate.upgrade(settings().database_url)
    return 0


def _instant(text: str) -> datetime:
    """A time to come; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date: 2027-01-31, 2027-01-31T12:00") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= SystemClock().now():
        raise argparse.ArgumentTypeError(f"{text} is past")
    return at


def _grant(chosen: argparse.Namespace) -> int:
    from backend.drivers.openstack.access import Misconfigured
    from backend.drivers.openstack.owner import owner_settings

    present = settings()
    own = present.openstack
    owner = owner_settings(own, chosen.cloud, chosen.clouds_file or own.clouds_file)
    try:
        if chosen.application_credential:
            print(_handed_over(chosen, present, owner))
        else:
            print(_entrusted(chosen, own, owner))
    except (CannotStart, SecretUnreadable, DelegationsUnanswered, Misconfigured, CloudError) as error:
        print(f"Nothing was changed: {error}", file=sys.stderr)
        return 1
    return 0


def _entrusted(chosen: argparse.Namespace, own: OpenStackSettings, owner: OpenStackSettings) -> str:
    """Give or take back a trust; what was done, in words."""
    from backend.drivers.openstack.cloud import service_user_id
    from backend.drivers.openstack.trusts import Grant

    trustee = chosen.trustee or service_user_id(own, SystemClock())
    grant = Grant(owner)
    if chosen.revoke:
        return _taken_back(grant.take_back(trustee), grant.project_id)
    trust = grant.give(trustee, chosen.role, chosen.expires)
    return f"User {trustee} may act as {chosen.role} in project {grant.project_id}, in your name: trust {trust}."


def _handed_over(chosen: argparse.Namespace, present: BackendSettings, owner: OpenStackSettings) -> str:
    """Give or take back an application credential; what was done, in words."""
    from backend.drivers.openstack.application_credentials import HandOver
    from backend.drivers.openstack.owner import Owner

    if chosen.trustee:
        raise CannotStart("an application credential has no trustee: it is kept in Coppice's database")
    store, seal = store_of(present), seal_of(present)
    if not (seal.has_keys or chosen.revoke):
        raise CannotStart("no key is set in [secrets] to seal it with: python wsgi.py key makes one")
    reason = _not_ready(store)
    if reason is not None:
        raise CannotStart(reason)
    hand = HandOver(Owner(owner), StoredDelegations(store, seal), SystemClock())
    if chosen.revoke:
        return _taken_back(hand.take_back(), hand.owner.project_id)
    made = hand.give(chosen.role, chosen.expires)
    where = f"project {hand.owner.project_id}, in your name"
    words = f"Coppice may act as {chosen.role} in {where}: application credential {made}."
    if "application_credential" in present.openstack.access:
        return words
    return f"{words} It will not be used: [openstack] access does not name application_credential."


def _taken_back(ended: Sequence[str], project_id: str) -> str:
    return f"Taken back: {', '.join(ended) or 'nothing was granted'} (project {project_id})."


def _key(_chosen: argparse.Namespace) -> int:
    print(new_key())
    return 0


def _reseal(_chosen: argparse.Namespace) -> int:
    present = settings()
    try:
        number = delegations_of(present, store_of(present)).reseal()
    except (CannotStart, SecretUnreadable, DelegationsUnanswered) as error:
        print(f"Nothing was changed: {error}", file=sys.stderr)
        return 1
    print(f"Sealed with the first key: {number}.")
    return 0


def _serve(chosen: argparse.Namespace) -> int:
    command = _gunicorn(chosen.bind)
    os.execvp(command[0], command)  # noqa: S606 - the process becomes gunicorn


def _engine(_chosen: argparse.Namespace) -> int:
    request_log.to_stderr()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    chosen = settings()
    try:
        engine = create_engine(chosen)
        if chosen.metrics_port:
            _serve_metrics(chosen.metrics_port, chosen.metrics_host)
    except CannotStart as reason:
        print(f"The engine cannot start: {reason}", file=sys.stderr)
        return 1
    engine.run(stop)
    return 0


def _serve_metrics(port: int, host: str) -> WSGIServer:
    """A server of this process's metrics, in a thread of its own. Raises CannotStart."""
    try:
        server, _ = prometheus_client.start_http_server(port, host)
    except OSError as error:
        raise CannotStart(f"no metrics can be served at {host}:{port} ({error.strerror})") from error
    return server


def _gunicorn(bind: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "--config", "python:gateway.gunicorn", "--bind", bind, "wsgi:application"]


def _run(chosen: argparse.Namespace) -> int:
    try:
        with local.state_folder(chosen.state) as state:
            local.check_port(chosen.host, chosen.port, SystemClock().wait)
            _run_in(state, chosen)
    except CannotStart as reason:
        print(f"Coppice cannot start: {reason}", file=sys.stderr)
        return 1
    return 0


def _run_in(state: Path, chosen: argparse.Namespace) -> None:
    os.environ["OS_DEFAULT__STATE"] = str(state)
    if chosen.boot_seconds is not None:
        os.environ["OS_SIMULATED__BOOT_SECONDS"] = str(chosen.boot_seconds)
    _keep_key(state)
    present = settings()
    seal_of(present)
    endpoint = f"http://{chosen.host}:{chosen.port}"
    words = _openstack_words(endpoint, present) if present.driver == "openstack" else _words(endpoint, present, state)
    migrate.upgrade(present.database_url)
    (state / "coppice.pid").write_text(f"{os.getpid()}\n")
    here = str(Path(__file__).resolve())
    together = {"PROMETHEUS_MULTIPROC_DIR": str(local.empty(state / "metrics"))}
    family = supervisor.Supervisor(
        state,
        (
            supervisor.Command("engine", (sys.executable, here, "engine"), together),
            supervisor.Command("gateway", _gunicorn(f"{chosen.host}:{chosen.port}"), together),
        ),
    )
    family.run(lambda stopping: _announce(endpoint, words, state, stopping))
    (state / "coppice.pid").unlink(missing_ok=True)


def _keep_key(state: Path) -> None:
    """The key that seals secrets, made if there is none; where the settings name others it is not used."""
    path = state / KEY_FILE
    if path.exists():
        return
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{new_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _words(endpoint: str, present: BackendSettings, state: Path) -> list[str]:
    """What to do with the embedded cloud; its keys are made if there are none."""
    pair = keys.keep(state / "coppice.env", endpoint, present.region)
    return [
        f"Coppice is ready at {endpoint} (region {present.region}, simulated cloud). Ctrl-C stops it.",
        "",
        *keys.exports(pair, endpoint, present.region),
        "",
        f"The same is in {state}/coppice.env. In another terminal:",
        "",
        f"  . {state}/coppice.env",
        "  aws ec2 describe-availability-zones --query 'AvailabilityZones[].ZoneName'",
        "",
    ]


def _openstack_words(endpoint: str, present: BackendSettings) -> list[str]:
    """What to do with an OpenStack cloud. Raises CannotStart where its service user cannot log in."""
    from backend.drivers.openstack.access import Misconfigured
    from backend.drivers.openstack.cloud import cloud_regions, service_user_id

    try:
        user = service_user_id(present.openstack, SystemClock())
        regions = cloud_regions(present.openstack, present.region)
    except (Misconfigured, CloudError) as error:
        raise CannotStart(str(error)) from error
    told = ", ".join(f"{name} ({cloud})" for name, cloud in regions.items() if name != cloud)
    return [
        f"Coppice is ready at {endpoint} (OpenStack, regions {told}; service user {user}). Ctrl-C stops it.",
        "",
        f"export AWS_ENDPOINT_URL={endpoint}",
        f"export AWS_DEFAULT_REGION={present.region if present.region in regions else next(iter(regions))}",
        "# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are what this shows as access and secret:",
        "openstack ec2 credentials create",
        "",
    ]


def _announce(endpoint: str, words: Sequence[str], state: Path, stopping: Callable[[], bool]) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + START_SECONDS
    while not local.is_ready(endpoint):
        if stopping():
            return
        if clock.monotonic() > deadline:
            print(f"Not ready after {START_SECONDS} s: see {state}/gateway.log and {state}/engine.log", file=sys.stderr)
            return
        clock.wait(0.05)
    print("\n".join(words), flush=True)


def __getattr__(name: str) -> Any:
    """``application`` is made when it is asked for: the other commands need no gateway."""
    if name != "application":
        raise AttributeError(name)
    try:
        return create_gateway()
    except AttributeError as error:  # which would look as if there were no application
        raise RuntimeError("the gateway could not be made") from error


if __name__ == "__main__":
    sys.exit(main())
