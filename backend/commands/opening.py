"""What processes and commands open of an installation: its settings, its database, its keys and its cloud."""

from __future__ import annotations

import atexit
import hmac
import logging
import os
import secrets
import socket
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from oslo_config import cfg

from backend import config, measures
from backend.clock import SystemClock
from backend.commands import CannotDo, schema, seals
from backend.config import BackendSettings
from backend.drivers import brokers, castellan_keys, telemetry
from backend.drivers.archives import Archive
from backend.drivers.brokers import Broker
from backend.drivers.cloud import Cloud
from backend.drivers.coordination import Unanswered, driver_of, members
from backend.drivers.credentials import BadSignature, Signed
from backend.drivers.endings import Ended, nobody
from backend.drivers.errors import CloudError, Misconfigured
from backend.drivers.folder_archive import FolderArchive
from backend.drivers.key_manager import KeptKeys, KeyManager, ManagerMisconfigured
from backend.drivers.metric_sources import MetricSource
from backend.drivers.optional import NoLibrary
from backend.drivers.prometheus import Prometheus
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.drivers.simulated.accounts import Accounts
from backend.drivers.simulated.regions import AnyRegion
from backend.errors import KeysUnreached
from backend.secret_options import LOCAL, SecretSettings
from backend.services.sessions import Owned, SessionRules, Sessions
from backend.services.sessions import nobody as no_owner
from backend.store.certificates import StoredCertificates
from backend.store.delegations import StoredDelegations
from backend.store.endings import Endings
from backend.store.installation import Installation
from backend.store.secrets import Seal
from backend.store.session import Store
from backend.tracing import UNTRACED, Traces

if TYPE_CHECKING:
    from backend.drivers.openstack.patience import Brief
    from backend.drivers.openstack.settings import OpenStackSettings

KEY_FILE = "secrets.key"
CLOUD_FILE = "cloud.db"
ACCOUNTS_FILE = "accounts.json"
ENV_FILE = "coppice.env"
_COORDINATOR_SECONDS = 10.0
_BROKER_SECONDS = 5.0
_LOOK_REQUESTS = 6
"""Of a manager in the time of a whole look: a login, a catalog, what a key is, the key; those had by then stay."""
LAST_SECONDS = 2.0
"""For what is kept of spans at the end of a process."""
_managers: dict[str, KeptKeys] = {}
LOG = logging.getLogger(__name__)
UNREADABLE = (cfg.Error, cfg.ConfigSourceValueError)
"""What is raised where settings cannot be read."""


def settings() -> BackendSettings:
    """The settings of the file that ``COPPICE_CONFIG`` names, and of the environment (``OS_GROUP__OPTION``)."""
    return config.settings_of(_parsed())


def _parsed() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    config.register(conf)
    named = os.environ.get("COPPICE_CONFIG")
    conf(args=[], project="coppice", default_config_files=[named] if named else [])
    return conf


def with_database(chosen: BackendSettings, url: str) -> BackendSettings:
    """Settings that were read again, with the database of before: nobody goes over to another one while it runs.

    Gateways and engines are told to read theirs one after another, and would meet in two databases meanwhile; what is
    under way would be written into one that knows nothing of it.
    """
    if chosen.database_url == url:
        return chosen
    LOG.warning("[database] url names another database than before, which is taken at the next start alone")
    return replace(chosen, database_url=url)


def this_process() -> tuple[str, str, int]:
    """A name of this process, which is no other's, also after it; its host, and its number there."""
    host, pid = socket.gethostname(), os.getpid()
    return f"{host[:40]}-{pid}-{secrets.token_hex(4)}", host[:255], pid


def ready_store(chosen: BackendSettings) -> Store:
    """The database of the settings, for who works on what is in it. Raises CannotDo where it is not ready."""
    store = store_of(chosen)
    schema.check(store)
    return store


def store_of(chosen: BackendSettings, *, redoes: bool = False, seal: Seal | None = None) -> Store:
    """The database of the settings. Raises CannotDo where their URL is of none.

    Args:
        redoes: for an engine, which finds and does again what it loses, and knows of itself what it wrote.
        seal: for who serves; by default keys are read when one is needed, for most commands need none.
    """
    schema.check_url(chosen.database_url)
    return Store(
        chosen.database_url,
        SystemClock(),
        durable=chosen.durable,
        redoes=redoes,
        hurried=redoes,
        calls=not redoes,
        pool_size=chosen.pool_size,
        seal=seal or _later(chosen),
        seals_launch_data=chosen.secrets.seals_launch_data,
    )


def delegations_of(store: Store) -> StoredDelegations:
    """What owners handed over."""
    return StoredDelegations(store, store.seal)


def seal_of(chosen: BackendSettings, left: Sequence[str] = ()) -> Seal:
    """What seals secrets: keys of the settings, of a file, of a manager; none where none is set. Raises CannotDo.

    Args:
        left: keys that a process of the same kind had before this one.
    """

    def present() -> tuple[SecretSettings, Path]:
        now = settings()
        return now.secrets, key_file_of(now)

    kept = lambda kind, named: _manager(kind).of(named)  # noqa: E731
    return seals.opened(chosen.secrets, key_file_of(chosen), kept, present, left)


def _later(chosen: BackendSettings) -> Seal:
    """As ``seal_of``, without a look at any key before one is needed."""

    def keys() -> Sequence[str]:
        try:
            return seal_of(chosen).keys
        except CannotDo as why:
            raise KeysUnreached(str(why)) from why

    return Seal((), keys, lazily=True)


def manager_of(chosen: BackendSettings) -> KeptKeys:
    """The key manager of the settings, one for all of a process. Raises CannotDo."""
    if chosen.secrets.manager == LOCAL:
        raise CannotDo("[secrets] manager names none")
    return _manager(chosen.secrets.manager)


def _manager(kind: str) -> KeptKeys:
    """What is opened when it is asked first."""
    if kind not in _managers:
        _managers[kind] = KeptKeys(partial(_open_manager, kind), kind.capitalize(), _look_seconds)
    return _managers[kind]


def _look_seconds() -> float:
    return _LOOK_REQUESTS * settings().secrets.manager_seconds


def _open_manager(kind: str) -> KeyManager:
    """By the settings as they are now. Raises NoLibrary, ManagerMisconfigured."""
    now = settings()
    return castellan_keys.opened(kind, _parsed(), now.secrets.manager_seconds, partial(_login_of, now.openstack))


def _login_of(chosen: OpenStackSettings) -> castellan_keys.Login:
    from backend.drivers.openstack.barbican import login_of

    try:
        return login_of(chosen)
    except Misconfigured as why:
        raise ManagerMisconfigured(str(why)) from why


def keeper_of(
    chosen: BackendSettings,
    store: Store,
    patience: float = 5.0,
    leave: Callable[[Sequence[str]], object] = tuple,
) -> seals.Keeper:
    """What looks for other keys while a process runs; not started.

    Args:
        patience: seconds that a thread of it that needs another key waits for it.
        leave: takes the keys for a process that may come after this one.
    """
    return seals.Keeper(store.seal, chosen.secrets.look_seconds, patience, leave)


def key_file_of(chosen: BackendSettings) -> Path:
    """Where keys lie that the settings do not hold themselves."""
    return Path(chosen.secrets.key_file or f"{chosen.state}/{KEY_FILE}")


@dataclass(frozen=True, slots=True)
class DerivedKeys:
    """What is made of an installation's keys: nothing that a caller knows, the same in all its processes.

    One for each key of secrets, so that what was told before there was another key is good as long as the older one is
    there; without any, one of what the database holds for it. Each method raises KeysUnreached, StoreUnavailable.
    """

    seal: Seal
    unsealed: Callable[[], str] = field(repr=False)

    def now(self) -> Sequence[bytes]:
        """The first makes tokens."""
        return self._of(self.seal.keys or (self.unsealed(),))

    def again(self, who: str) -> Sequence[bytes]:
        """Those there are after another look, for who shows what none of the others made."""
        return self._of(self.seal.keys_again(who))

    def _of(self, keys: Sequence[str]) -> Sequence[bytes]:
        return [hmac.digest(b"coppice pages", each.encode(), "sha256") for each in keys]


def page_keys_of(store: Store) -> DerivedKeys:
    """What authenticates tokens of pages."""
    return DerivedKeys(store.seal, Installation(store).secret)


def webhook_keys_of(store: Store) -> Callable[[], Sequence[bytes]]:
    """What the secrets are made of that web servers check signatures with, likewise; no caller has it."""
    pages = page_keys_of(store)
    return lambda: [hmac.digest(each, b"coppice webhooks", "sha256") for each in pages.now()]


def traces_of(chosen: BackendSettings, name: str) -> Traces:
    """What keeps spans of this process, which forks no more; nothing where the settings do not want it.

    Args:
        name: of the service that this process is a part of.

    Raises:
        CannotDo
    """
    if not chosen.traced:
        return UNTRACED
    try:
        made = telemetry.opened(name, this_process()[0], SystemClock().monotonic)
    except NoLibrary as why:
        raise CannotDo(str(why)) from why
    atexit.register(made.close, LAST_SECONDS)
    return made


def cloud_of(chosen: BackendSettings, store: Store, patience: Brief | None = None, traces: Traces = UNTRACED) -> Cloud:
    """The cloud, with the sources of metrics that the settings choose.

    Args:
        patience: of a gateway.
        traces: keep spans of what it is asked over the network.

    Raises:
        CannotDo: a source that is named is none of this cloud's, or the embedded cloud's file cannot be used.
    """
    cloud = _opened(chosen, store, patience, traces)
    clock = SystemClock()
    known: dict[str, MetricSource] = {source.name: source for source in cloud.sources}
    if chosen.prometheus is not None:
        known["prometheus"] = Prometheus(chosen.prometheus, clock)
    missing = [name for name in chosen.metric_sources if name not in known]
    if missing:
        raise CannotDo(f"[metrics] sources names {missing[0]}, which the {chosen.driver} cloud has not")
    wanted = [known[name] for name in chosen.metric_sources]
    free = [source for source in cloud.sources if source.free and source not in wanted]
    return replace(cloud, sources=(*wanted, *free))


def _opened(chosen: BackendSettings, store: Store, patience: Brief | None, traces: Traces) -> Cloud:
    if chosen.driver == "openstack":
        from backend.drivers.openstack.cloud import open_cloud  # its libraries are not loaded where they are not used

        return open_cloud(
            chosen.openstack.for_requests() if patience else chosen.openstack,
            SystemClock(),
            record=measures.shared().exchanged,
            delegations=delegations_of(store),
            certificates=StoredCertificates(store, store.seal),
            patience=patience,
            installation=Installation(store),
            ended=ended_in(chosen, store),
            traces=traces,
        )
    simulated = simulated_settings(chosen)
    Path(chosen.state).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = f"{chosen.state}/{CLOUD_FILE}"
    try:
        return SimulatedCloud.open(path, SystemClock(), simulated, Installation(store)).cloud
    except sqlite3.DatabaseError as error:  # it is none, or a process that stands still holds it
        raise CannotDo(f"the embedded cloud's file {path} cannot be used: {error}") from error


def ended_in(chosen: BackendSettings, store: Store) -> Ended:
    """What is told of identities that ended; nothing where nobody listens, so that nobody asks for it in vain."""
    return Endings(store, SystemClock()) if chosen.events.urls else nobody


def archive_of(chosen: BackendSettings) -> Archive | None:
    """Where old records go: a folder, or a container of the cloud's Swift; None: nowhere. Raises CannotDo."""
    kind, _, container = chosen.archive.partition(":")
    if kind != "swift" or not container:
        return FolderArchive(Path(chosen.archive)) if chosen.archive else None
    if chosen.driver != "openstack":
        raise CannotDo("[records] archive names a container of Swift, and [cloud] driver no OpenStack")
    from backend.drivers.openstack.archive import open_archive

    return open_archive(chosen.openstack, container, SystemClock(), record=measures.shared().exchanged)


def simulated_settings(chosen: BackendSettings) -> SimulatedSettings:
    """The embedded cloud: any region of AWS's, and that of the settings."""
    return SimulatedSettings(
        regions=(chosen.region,),
        any_region=True,
        boot_seconds=chosen.boot_seconds,
        delete_seconds=chosen.delete_seconds,
        loads=True,
    )


def project_of(chosen: BackendSettings, named: str) -> str:
    """The id of the project that is meant: on the embedded cloud by an account's name or number. Raises CannotDo."""
    if chosen.driver == "openstack":
        return named
    found = [each for each in accounts_of(chosen).all() if named in {each.name, each.id, each.project}]
    if not found:
        raise CannotDo(f"there is no account {named}: coppice account list tells them")
    return found[0].project


def project_wanted(chosen: BackendSettings, named: str | None) -> str | None:
    """As ``project_of``; None where all are meant."""
    return project_of(chosen, named) if named else None


def project_kept(chosen: BackendSettings, named: str) -> str:
    """As ``project_of``; what is no account's name may be the id of one that has gone, of which something is left."""
    try:
        return project_of(chosen, named)
    except CannotDo:
        return named


def accounts_of(chosen: BackendSettings, seal: Seal | None = None) -> Accounts:
    """The accounts of the embedded cloud. Raises CannotDo.

    Args:
        seal: of a process that has one already.
    """
    return Accounts(Path(chosen.state) / ACCOUNTS_FILE, seal or seal_of(chosen))


def patience_of(chosen: BackendSettings) -> Brief | None:
    """How long requests of clients wait for the cloud; None where it is on this machine."""
    if chosen.driver != "openstack":
        return None
    from backend.drivers.openstack.patience import Brief

    return Brief(chosen.openstack, SystemClock())


def regions_of(chosen: BackendSettings) -> Mapping[str, str]:
    """AWS's name of each region that is served -> the cloud's."""
    if chosen.driver != "openstack":
        return AnyRegion(simulated_settings(chosen))
    from backend.drivers.openstack.cloud import cloud_regions

    return cloud_regions(chosen.openstack, chosen.region)


def cloud_region(chosen: BackendSettings, named: str) -> str:
    """A region that is served, by the cloud's name. Raises CannotDo where that is none."""
    regions = regions_of(chosen)
    if named not in (regions.values() if chosen.driver == "openstack" else regions):
        raise CannotDo(f"{named} is no region that is served here")
    return named


def service_user_of(chosen: BackendSettings) -> str:
    """Id of the service user of an OpenStack cloud. Raises CannotDo where it cannot log in."""
    from backend.drivers.openstack.cloud import service_user_id

    try:
        return service_user_id(chosen.openstack, SystemClock())
    except (Misconfigured, CloudError) as error:
        raise CannotDo(str(error)) from error


def read_keys(chosen: BackendSettings) -> None:
    """Read an access key that nobody has, as gateways read those of callers. Raises CannotDo where that is refused."""
    from backend.drivers.openstack.cloud import open_keys

    try:
        known = open_keys(chosen.openstack, SystemClock())
        if chosen.verify == "ec2tokens":
            known.check(Signed("nobody", "", "GET", "/", "localhost", {}, {}, ""))
        else:
            known.find("nobody")
    except BadSignature:
        return
    except (Misconfigured, CloudError) as error:
        raise CannotDo(str(error)) from error


def members_of(chosen: BackendSettings) -> frozenset[str]:
    """Names of the engines that the coordinator of the settings tells. Raises CannotDo."""
    try:
        return members(driver_of(chosen.coordinator), f"doctor-{this_process()[0]}", _COORDINATOR_SECONDS)
    except (NoLibrary, Unanswered) as why:
        raise CannotDo(str(why)) from why


def buses_of(chosen: BackendSettings) -> Mapping[str, Callable[[], Sequence[Broker]]]:
    """What asks the brokers of each bus of the settings, by what the bus is called."""
    urls = {f"bus {region}".rstrip(): url for region, url in chosen.events.urls.items()}
    if chosen.notifications_url:
        urls["bus of oslo:"] = chosen.notifications_url
    return {name: partial(brokers.asked, url, _BROKER_SECONDS) for name, url in urls.items()}


def cloud_time_of(chosen: BackendSettings) -> datetime | None:
    """The clock of an OpenStack cloud's Keystone; None where it tells none. Raises CannotDo."""
    from backend.drivers.openstack.access import keystone_time

    try:
        return keystone_time(chosen.openstack)
    except (Misconfigured, CloudError) as error:
        raise CannotDo(str(error)) from error


def sessions_of(
    chosen: BackendSettings, store: Store, lasting: Callable[[str], Owned | None], number_of: Callable[[str], str]
) -> Sessions:
    """Temporary keys; none where Keystone checks signatures, which it knows for its own keys only.

    Args:
        lasting: whose a lasting key is.
        number_of: the number of a project's account.

    Raises:
        CannotDo
    """
    embedded = chosen.driver != "openstack"
    sealed = embedded or chosen.verify == "secret"
    rules = SessionRules(
        seal=store.seal if sealed else None,
        roles=accounts_of(chosen, store.seal) if embedded else None,
        lasting=lasting if sealed else no_owner,  # who has signatures checked may read no keys
        number_of=number_of,
    )
    why = rules.why if sealed else "Keystone checks signatures ([openstack] verify)"
    return Sessions(store, SystemClock(), replace(rules, why=why))
