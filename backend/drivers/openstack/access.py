"""Who the driver is: the service user, and the tokens it gets for each project."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import identity
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.session import Session
from openstack.config import OpenStackConfig
from openstack.exceptions import ConfigException

from backend.clock import Clock
from backend.drivers.endings import Ended, Gone, nobody
from backend.drivers.errors import CloudUnavailable, Misconfigured, NotAuthorized
from backend.drivers.exchanges import UNANSWERED, Exchanges, unrecorded
from backend.drivers.openstack.exchange import TracedSession
from backend.drivers.openstack.faults import IDENTITY, fault_of
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.openstack.transport import TimedAdapter
from backend.drivers.openstack.ways import RoleWay, Way
from backend.tracing import UNTRACED, Traces

_log = logging.getLogger(__name__)
_USER = ("auth_url", "username", "user_id", "password", "user_domain_name", "user_domain_id")
_OWN = "own "
_PASSWORD_TYPES = ("password", "v3password")
_SHUT_SECONDS = 5.0
_RESTART_SECONDS = 0.5
_IDLE_SECONDS = 3600.0
"""What led into a project in which nothing was done for so long, or twice as long, is forgotten: its token is old."""
_TAIL = re.compile(r"( \(HTTP \d+\))?( \(Request-ID: [^)]*\))?$")


@dataclass(frozen=True, slots=True)
class Entry:
    """What clouds.yaml says of the cloud.

    Attributes:
        user: keyword arguments of a password login, without a scope.
        project: keyword arguments that name the service user's own project.
    """

    user: Mapping[str, Any] = field(repr=False)
    project: Mapping[str, Any]
    region: str
    interface: str
    verify: bool | str
    cert: str | tuple[str, str] | None

    @classmethod
    def read(cls, settings: OpenStackSettings) -> Entry:
        """The entry that the settings name.

        Raises:
            Misconfigured: there is none, or it does not hold a user's password.
        """
        files = [settings.clouds_file] if settings.clouds_file else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of parts that are not used here: metrics of the SDK's own
                found = OpenStackConfig(config_files=files, load_envvars=not files).get_one(
                    cloud=settings.cloud, validate=False
                )
        except ConfigException as error:
            raise Misconfigured(f"clouds.yaml has no usable entry {settings.cloud}: {error}") from error
        auth = found.config.get("auth") or {}
        if found.config.get("auth_type", "password") not in _PASSWORD_TYPES or not auth.get("password"):
            raise Misconfigured(f"the entry {settings.cloud} of clouds.yaml must hold the service user's password")
        verify, cert = found.get_requests_verify_args()
        return cls(
            user={name: auth[name] for name in _USER if auth.get(name)},
            project={name: value for name, value in auth.items() if name.startswith("project_") and value},
            region=found.get_region_name() or "RegionOne",
            interface=settings.interface or str(found.get_interface() or "public"),
            verify=True if verify is None else verify,
            cert=cert,
        )


@dataclass(slots=True)
class _Login:
    plugin: BaseIdentityPlugin
    used_at: float


class Access:
    """Sessions of the service user. Tokens are kept until they expire; safe to use from many threads.

    Args:
        ways: by the names that the settings list; a role of its own is known without.
        transport: carries the requests; by default over the network with the settings' times.
        record: is told every request.
        ended: whose rights Keystone told to have ended: what leads into their projects is tried anew at once.
        traces: keep a span of each request.
    """

    def __init__(
        self,
        settings: OpenStackSettings,
        entry: Entry,
        clock: Clock,
        ways: Mapping[str, Way] | None = None,
        transport: requests.adapters.BaseAdapter | None = None,
        *,
        record: Exchanges = unrecorded,
        ended: Ended = nobody,
        traces: Traces = UNTRACED,
    ) -> None:
        self.record = record
        self._ended = ended
        self._clock = clock
        self.entry = entry
        known: Mapping[str, Way] = {"role": RoleWay(entry.user), **(ways or {})}
        self._ways = {name: known.get(name) for name in settings.access}
        self._logins: dict[str, _Login] = {}
        self._shut: dict[str, tuple[float, NotAuthorized]] = {}
        self._sweep_at = clock.monotonic() + _IDLE_SECONDS
        self._lock = threading.Lock()
        # What names no other service is a login.
        self.session = open_session(settings, entry, transport, self.recorder("identity"), traces)

    def project(self, project_id: str) -> BaseIdentityPlugin:
        """The identity with which the driver acts in a project; it holds a token when it is returned.

        Raises:
            NotAuthorized: none of the configured ways leads into the project; stands for a moment, so that the many
                calls of one look do not all try every way.
            CloudUnavailable: Keystone could not be asked.
        """
        self._heed()
        now = self._clock.monotonic()
        with self._lock:
            self._sweep(now)
            known = self._used(project_id, now)
            shut = self._shut.get(project_id)
        if known is not None:
            with suppress(NotAuthorized):
                self._token(known)
                return known
            self.forget(project_id)
        elif shut is not None and now - shut[0] < _SHUT_SECONDS:
            raise NotAuthorized(shut[1].detail, request_id=shut[1].request_id)
        try:
            plugin = self._entered(project_id)
        except NotAuthorized as refusal:
            request = refusal.request_id or "-"
            _log.warning("project=%s lets nobody in: %s cloud-request=%s", project_id, refusal, request)
            with self._lock:
                self._shut[project_id] = (self._clock.monotonic(), refusal)
            raise
        with self._lock:
            self._shut.pop(project_id, None)
            return self._logins.setdefault(project_id, _Login(plugin, now)).plugin

    def _used(self, project_id: str, now: float) -> BaseIdentityPlugin | None:
        login = self._logins.get(project_id)
        if login is None:
            return None
        login.used_at = now
        return login.plugin

    def _sweep(self, now: float) -> None:
        """Now and then, forget projects in which nobody does anything: they come and go, and a catalog is large."""
        if now < self._sweep_at:
            return
        self._sweep_at = now + _IDLE_SECONDS
        self._logins = {
            name: login
            for name, login in self._logins.items()
            if name.startswith(_OWN) or now - login.used_at < _IDLE_SECONDS
        }
        self._shut = {name: shut for name, shut in self._shut.items() if now - shut[0] < _SHUT_SECONDS}

    def _heed(self) -> None:
        """Forget logins as those whose rights ended, and those of projects that did.

        Of who is not named (everybody of a group) nothing is forgotten: each project would be logged into anew.
        """
        events = self._ended()
        if not events:
            return
        gone = Gone.of(events)
        with self._lock:
            known = [name for name in self._logins if not name.startswith(_OWN)]
            for project_id in known:
                if project_id in gone.projects or _is_of(self._logins[project_id].plugin, gone):
                    del self._logins[project_id]

    def forget(self, project_id: str) -> None:
        """Log in anew at the next call: the way into the project may have changed."""
        with self._lock:
            self._logins.pop(project_id, None)

    def forget_own(self, where: str) -> None:
        """Log in anew at the next call of ``own``."""
        self.forget(_OWN + where)

    def own(self, where: str) -> BaseIdentityPlugin:
        """The service user itself, on the ``system`` or on its own ``project``.

        Raises:
            CloudUnavailable: Keystone could not be asked, or does not know the service user.
        """
        with self._lock:
            now = self._clock.monotonic()
            plugin = self._used(_OWN + where, now)
            if plugin is None:
                scope: Mapping[str, Any] = {"system_scope": "all"} if where == "system" else self.entry.project
                plugin = identity.V3Password(**self.entry.user, **scope)
                self._logins[_OWN + where] = _Login(plugin, now)
        try:
            self._token(plugin)
        except NotAuthorized as error:
            raise CloudUnavailable(f"the service user cannot log in on the {where}: {error.detail}") from error
        return plugin

    def own_user_id(self) -> str:
        """Keystone's id of the service user. Raises as ``own``."""
        return str(self.own("project").get_user_id(self.session))

    def endpoint(self, plugin: BaseIdentityPlugin, service: str, region: str | None) -> str | None:
        """The URL of a service in the identity's catalog, None where there is none."""
        try:
            found: str | None = plugin.get_endpoint(
                self.session,
                service_type=service,
                interface=self.entry.interface,
                region_name=region,
                skip_discovery=True,
            )
        except keystone_errors.CatalogException:
            return None
        return found

    def recorder(self, service: str) -> Callable[..., None]:
        """What notes the answers to requests of a service."""

        def note(response: requests.Response, **_: Any) -> None:
            method = response.request.method or ""
            self.record(service, method, str(response.status_code), response.elapsed.total_seconds())

        return note

    def _entered(self, project_id: str) -> BaseIdentityPlugin:
        """The first login that is let in. Raises NotAuthorized with what each way met, CloudUnavailable."""
        met: list[str] = []
        request_id = None
        for name, way in self._ways.items():
            words = "none given"
            try:
                for plugin in way.logins(project_id) if way else ():
                    try:
                        self._token(plugin)
                    except NotAuthorized as refusal:
                        words, request_id = refusal.detail.rstrip("."), request_id or refusal.request_id
                    else:
                        return plugin
            except NotAuthorized as refusal:
                words = refusal.detail
            met.append(f"{name.replace('_', ' ')}: {words}")
        raise NotAuthorized("; ".join(met), request_id=request_id)

    def _logged_in(self, plugin: BaseIdentityPlugin) -> None:
        """A login does nothing twice: it is sent once more where Keystone is just being started anew."""
        try:
            plugin.get_access(self.session)
        except keystone_errors.ClientException as error:
            if not _is_restart(error):
                raise
            self._clock.wait(_RESTART_SECONDS)
            plugin.get_access(self.session)

    def _token(self, plugin: BaseIdentityPlugin) -> None:
        started = self._clock.monotonic()
        try:
            self._logged_in(plugin)
        except (keystone_errors.Unauthorized, keystone_errors.Forbidden, keystone_errors.NotFound) as error:
            if not is_keystones(error):
                raise CloudUnavailable(f"something in Keystone's place answered: {error}") from error
            raise NotAuthorized(words_of(error), request_id=error.request_id) from error
        except keystone_errors.ClientException as error:
            if not isinstance(error, keystone_errors.HttpError):
                self.record("identity", "POST", UNANSWERED, self._clock.monotonic() - started)
            raise CloudUnavailable(f"Keystone could not be asked: {error}") from error


def _is_of(plugin: BaseIdentityPlugin, gone: Gone) -> bool:
    """Whether it logs in as one of these users, or by one of these trusts or application credentials."""
    held = plugin.auth_ref
    if held is not None and (held.user_id in gone.users or held.trust_id in gone.trusts):
        return True
    methods = getattr(plugin, "auth_methods", ())
    return any(getattr(each, "application_credential_id", None) in gone.credentials for each in methods)


def _is_restart(error: keystone_errors.ClientException) -> bool:
    """A connection that broke, or a proxy without what is behind it; a time that went by is no restart."""
    if isinstance(error, keystone_errors.HttpError):
        return error.http_status in {502, 503}
    return isinstance(error, keystone_errors.ConnectFailure)


def keystone_time(
    settings: OpenStackSettings, transport: requests.adapters.BaseAdapter | None = None
) -> datetime | None:
    """Keystone's clock to the second, as its answers date themselves; None where they do not.

    Raises:
        Misconfigured, CloudUnavailable
    """
    entry = Entry.read(settings)
    session = open_session(settings, entry, transport)
    try:
        answer = session.get(str(entry.user.get("auth_url", "")), authenticated=False, raise_exc=False)
        return parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC)
    except keystone_errors.ClientException as error:
        raise CloudUnavailable(f"Keystone could not be asked: {error}") from error
    except (KeyError, ValueError):
        return None


def open_session(
    settings: OpenStackSettings,
    entry: Entry,
    transport: requests.adapters.BaseAdapter | None = None,
    note: Callable[..., None] | None = None,
    traces: Traces = UNTRACED,
) -> Session:
    """A session with Keystone and the services.

    Args:
        transport: carries the requests; by default over the network with the settings' times.
        note: is handed the answers to requests that name no hook of their own.
        traces: keep a span of each request.
    """
    http = TracedSession(traces)
    http.trust_env = transport is None or isinstance(transport, TimedAdapter)  # proxies are those of the environment
    if note is not None:
        http.hooks["response"].append(note)
    adapter = transport or TimedAdapter(settings.connect_seconds, settings.read_seconds, settings.connections)
    for scheme in ("http://", "https://"):
        http.mount(scheme, adapter)
    return Session(session=http, verify=entry.verify, cert=entry.cert, app_name="coppice")


def is_keystones(error: BaseException) -> bool:
    """Whether a refusal is Keystone's own word, and not that of a proxy before it, which knows of no user."""
    if not isinstance(error, keystone_errors.HttpError):
        return True  # told by a way of logging in of our own, which has looked
    return error.response is not None and fault_of(IDENTITY, error.response) is not None


def words_of(error: Any) -> str:
    """Keystone's own words: status and request id, which the library puts behind them, are told elsewhere."""
    return _TAIL.sub("", str(getattr(error, "message", "") or error))
