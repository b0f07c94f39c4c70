"""Requests to the cloud's services: which failure means that nothing was done, and which leaves it open."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import requests
from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1.identity.base import BaseIdentityPlugin

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, NotAuthorized, OutcomeUnknown
from backend.drivers.exchanges import UNANSWERED
from backend.drivers.openstack import faults
from backend.drivers.openstack.access import Access, is_keystones, words_of
from backend.drivers.openstack.exchange import Asked, Asking, answered_id
from backend.drivers.openstack.faults import (
    BALANCING,
    COMPUTE,
    IDENTITY,
    IMAGE,
    KEYS,
    MESSAGING,
    METRIC,
    NETWORK,
    VOLUME,
)
from backend.drivers.openstack.patience import Patience
from backend.drivers.openstack.transport import never_sent

__all__ = [
    "BALANCING",
    "COMPUTE",
    "IDENTITY",
    "IMAGE",
    "KEYS",
    "MESSAGING",
    "METRIC",
    "NETWORK",
    "VOLUME",
    "Answer",
    "Declined",
    "Rest",
]

_log = logging.getLogger(__name__)

_VERSIONS: Final = {
    COMPUTE: "v2.1",
    NETWORK: "v2.0",
    IMAGE: "v2",
    IDENTITY: "v3",
    BALANCING: "v2",
    MESSAGING: "v2",
    METRIC: "v1",
    KEYS: "v1",
}
_MICROVERSIONS: Final = {COMPUTE: "compute 2.72", VOLUME: "volume 3.42"}
"""Nova's of the release Stein: tells servers of an unreachable cell as UNKNOWN instead of leaving them out. Cinder's of
Pike: volumes grow while they are attached.
"""
_VERSIONED: Final = re.compile(r"/v\d+(\.\d+)?(/[^/]+)?$")
_PAUSES: Final = (0.2, 0.6)
_LONGEST_PAUSE: Final = 5.0
_TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's yes. ``body`` is the parsed document, None where there is none."""

    status: int
    body: Mapping[str, Any] | None
    headers: Mapping[str, str]

    def document(self, what: str) -> Mapping[str, Any]:
        """The document that was asked for; an answer without one is none."""
        if self.body is None:
            raise _Lost(f"{what} was answered {self.status} without a document", sent=True)
        return self.body

    def item(self, noun: str) -> Mapping[str, Any]:
        """What a write made, which the answer holds under its noun.

        Raises:
            OutcomeUnknown: the answer is a yes, and does not tell.
        """
        found = (self.body or {}).get(noun)
        if not isinstance(found, dict):
            raise OutcomeUnknown(f"a creation was answered {self.status} without a {noun}")
        return found


class Declined(Exception):  # never leaves the driver: each port makes a finding of it
    """A service's no, in its own document: nothing was done. ``message`` holds its own words."""

    def __init__(self, status: int, message: str, request_id: str | None, kind: str = "") -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.request_id = request_id
        self.kind = kind


class _Lost(Exception):
    """No usable answer.

    Args:
        sent: whether the request may have reached the service.
        hung: its time went by.
        retry_after: seconds for which the service wants to be left alone.
    """

    def __init__(self, words: str, *, sent: bool, hung: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(words)
        self.sent = sent
        self.hung = hung
        self.retry_after = retry_after


class _LoginEnded(NotAuthorized):
    """The login into a project is good no more; nothing was sent."""


_ENDED: Final = (keystone_errors.Unauthorized, keystone_errors.Forbidden, keystone_errors.NotFound, NotAuthorized)


class Rest:
    """Requests on behalf of a project in a region, or of the service user itself (scope None).

    Args:
        own: where the service user itself asks: ``system`` or (its own) ``project``.
        patience: how long is waited; by default as long as the connections do.
    """

    def __init__(self, access: Access, clock: Clock, own: str = "system", patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._access = access
        self._clock = clock
        self._own = own
        self._watchers: list[Callable[[Scope | None, str, str], None]] = []

    def watch(self, written: Callable[[Scope | None, str, str], None]) -> None:
        """Have every write told once it was sent, whatever came of it: its scope, service and path."""
        self._watchers.append(written)

    def read(
        self, scope: Scope | None, service: str, path: str, params: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """A document; asked for again where the answer was lost.

        Raises:
            Declined: 4xx other than those below, in the service's own document.
            NotAuthorized: 401 or 403, likewise.
            CloudUnavailable: it could not be asked, or answered 5xx or 429, or something else answered in its place.
        """
        for attempt, pause in enumerate((*_PAUSES, None)):
            try:
                answer = self._exchange(scope, service, "GET", path, params=params, attempt=attempt)
                return answer.document(f"GET {service} {path}")
            except _Lost as error:
                wait = self._pause(pause, error)
                if wait is None:
                    _tell_lost(scope, error)
                    raise CloudUnavailable(str(error)) from error
            except Declined as error:
                if error.status in {401, 403}:
                    raise NotAuthorized(error.message, request_id=error.request_id) from error
                raise
            self._clock.wait(wait)
        raise AssertionError("unreachable")

    def item(self, scope: Scope | None, service: str, path: str, noun: str) -> Mapping[str, Any]:
        """One thing's document, which the answer holds under its noun. Raises as read."""
        found = self.read(scope, service, path).get(noun)
        if not isinstance(found, dict):
            raise CloudUnavailable(f"GET {service} {path} was answered without a {noun}")
        return found

    def page(
        self, scope: Scope | None, service: str, path: str, noun: str, params: Mapping[str, Any] | None = None
    ) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]:
        """The items of one page of a listing, and the whole document. Raises as read.

        A document without the noun is no empty listing: nothing may be taken to be gone by it.
        """
        document = self.read(scope, service, path, params)
        items = document.get(noun)
        if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
            raise CloudUnavailable(f"GET {service} {path} was answered without a listing of {noun}")
        return items, document

    def listing(
        self, scope: Scope | None, service: str, path: str, noun: str, params: Mapping[str, Any] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Every item of a listing, page by page: Nova's and Neutron's links, or Glance's ``next``. Raises as read."""
        asked = dict(params or {})
        while True:
            items, document = self.page(scope, service, path, noun, asked)
            yield from items
            links = document.get(f"{noun}_links") or []
            more = any(link.get("rel") == "next" for link in links) or bool(document.get("next"))
            if not more or not items:
                return
            marker = _marker(items[-1])
            if marker is None or marker == asked.get("marker"):
                raise CloudUnavailable(f"GET {service} {path} has no end: its pages go in a circle")
            asked = {**asked, "marker": marker}

    def write(
        self,
        scope: Scope | None,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        repeat: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a write.

        Args:
            repeat: doing it twice is as good as once: it is sent again where the answer was lost.

        Raises:
            Declined: 4xx other than those below, in the service's own document; nothing was done.
            NotAuthorized: 401, likewise.
            CloudUnavailable: it was never sent, or refused for the rate of requests.
            NotHeld: it was never sent, for it may be somebody else's by now.
            OutcomeUnknown: it was sent, once at least, and no answer or a 5xx came, or one that is not the service's.
        """
        try:
            send = partial(self._exchange, scope, service, method, path, body=body, headers=headers)
            return self._written(scope, send, _PAUSES if repeat else ())
        finally:
            for written in self._watchers:
                written(scope, service, path)

    def _written(self, scope: Scope | None, send: Callable[..., Answer], pauses: Sequence[float]) -> Answer:
        sent: _Lost | None = None  # that the last attempt was not sent says nothing of those before it
        for attempt, pause in enumerate((*pauses, None)):
            try:
                return send(attempt=attempt)
            except CloudUnavailable as error:
                if sent is None:
                    raise
                raise OutcomeUnknown(str(sent)) from error
            except _Lost as error:
                sent = error if error.sent else sent
                wait = self._pause(pause, error)
                if wait is None:
                    _tell_lost(scope, error)
                    raise (CloudUnavailable if sent is None else OutcomeUnknown)(str(error)) from error
            except Declined as error:
                if error.status == 401:
                    raise NotAuthorized(error.message, request_id=error.request_id) from error
                raise
            self._clock.wait(wait)
        raise AssertionError("unreachable")

    def _pause(self, pause: float | None, error: _Lost) -> float | None:
        """How long until it is sent again, None where it is not: as long as the service asks for, within bounds."""
        if pause is None:
            return None
        wait = min(max(pause, error.retry_after), _LONGEST_PAUSE)
        return wait if self._patience.repeats(wait, hung=error.hung) else None

    def offers(self, scope: Scope, service: str) -> bool:
        """Whether the project's catalog has the service in the region."""
        return self._access.endpoint(self._access.project(scope.project_id), service, scope.region) is not None

    def _exchange(self, scope: Scope | None, service: str, method: str, path: str, **rest: Any) -> Answer:
        """One exchange; where the login into the project was good no more, once again with the next that is."""
        if scope is None:
            return self._once(scope, service, method, path, **rest)
        try:
            return self._once(scope, service, method, path, **rest)
        except Declined as declined:
            if declined.status != 401:
                raise
        except _LoginEnded:
            pass
        return self._once(scope, service, method, path, **rest)

    def _once(
        self,
        scope: Scope | None,
        service: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        attempt: int = 0,
    ) -> Answer:
        asked = Asked(service, path, *((scope.project_id, scope.region) if scope else ("", "")), attempt)
        with self._patience.call(service, scope, write=method != "GET") as seconds, Asking(asked):
            return self._sent(scope, service, method, path, params=params, body=body, headers=headers, seconds=seconds)

    def _sent(
        self,
        scope: Scope | None,
        service: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None,
        body: Any,
        headers: Mapping[str, str] | None,
        seconds: float | None,
    ) -> Answer:
        plugin = self._access.own(self._own) if scope is None else self._access.project(scope.project_id)
        url = self._url(plugin, scope, service, path)
        version = _MICROVERSIONS.get(service)
        sent = {"Accept": "application/json", **(headers or {})}
        if version:
            sent.setdefault("OpenStack-API-Version", version)
        extra: dict[str, Any] = {} if body is None else {"json": body}
        if seconds is not None:
            extra["timeout"] = seconds
        if service == KEYS:
            extra["log"] = False  # a session tells whole documents to whoever listens to its debug log
        extra["hooks"] = {"response": self._access.recorder(service)}
        started = self._clock.monotonic()
        try:
            response = self._access.session.request(
                url, method, auth=plugin, params=params, headers=sent, raise_exc=False, redirect=False, **extra
            )
        except _ENDED as error:  # of a login, which a session may need before it sends
            if not is_keystones(error):
                raise _Lost(f"{method} {service} {path}: no login: {error}", sent=False) from error
            self._forget(scope)
            if scope is None:
                raise CloudUnavailable(f"the service user cannot log in: {error}") from error
            raise _LoginEnded(words_of(error), request_id=getattr(error, "request_id", None)) from error
        except keystone_errors.ClientException as error:
            self._access.record(service, method, UNANSWERED, self._clock.monotonic() - started)
            hung = isinstance(error, keystone_errors.ConnectTimeout)
            raise _Lost(f"{method} {service} {path}: {error}", sent=not never_sent(error), hung=hung) from error
        return self._judged(response, scope, service, f"{method} {service} {path}")

    def _judged(self, response: requests.Response, scope: Scope | None, service: str, what: str) -> Answer:
        status = response.status_code
        if status < 300:
            try:
                return Answer(status, faults.document_of(response), response.headers)
            except faults.NoDocument as error:
                raise _Lost(f"{what} answered {status} without a document: {error}", sent=True) from error
        request_id = answered_id(response)
        fault = faults.fault_of(service, response)
        message = fault.message if fault else faults.words_of(response)
        project = scope.project_id if scope else "-"
        level = logging.DEBUG if fault and status == 404 else logging.WARNING
        _log.log(level, "%s project=%s answered %s %s cloud-request=%s", what, project, status, message, request_id)
        if status == _TOO_MANY:
            raise CloudUnavailable(f"{what} answered {status}: {message} (request {request_id})")
        if status == 406:
            raise CloudUnavailable(f"{what}: the service lacks a version that is needed: {message}")
        if status >= 500 or status < 400:
            words = f"{what} answered {status}: {message} (request {request_id})"
            raise _Lost(words, sent=True, retry_after=_retry_after(response))
        if fault is None:
            words = f"{what} was answered {status}, not by the service: {message} (request {request_id})"
            raise _Lost(words, sent=True)
        if status == 401:
            self._forget(scope)
        raise Declined(status, fault.message, request_id, fault.kind)

    def _url(self, plugin: BaseIdentityPlugin, scope: Scope | None, service: str, path: str) -> str:
        found = self._access.endpoint(plugin, service, scope.region if scope else None)
        if found is None and scope is None and service == IDENTITY:
            found = self._access.entry.user["auth_url"]  # a token on the system may come without a catalog
        if found is None:
            where = scope.region if scope else "any region"
            raise CloudUnavailable(f"the cloud's catalog has no {service} service in {where}")
        base = found.rstrip("/")
        if service in _VERSIONS and not _VERSIONED.search(base):
            base = f"{base}/{_VERSIONS[service]}"
        return base + path

    def _forget(self, scope: Scope | None) -> None:
        if scope is None:
            self._access.forget_own(self._own)
        else:
            self._access.forget(scope.project_id)


def _tell_lost(scope: Scope | None, error: _Lost) -> None:
    """The words name the cloud's request where an answer came at all."""
    _log.warning("project=%s gave up: %s", scope.project_id if scope else "-", error)


def _retry_after(response: requests.Response) -> float:
    """Seconds, 0 where nothing is told (an instant is not read)."""
    told = response.headers.get("Retry-After", "").strip()
    return float(told) if told.isdecimal() and len(told) <= 6 else 0.0


def _marker(item: Mapping[str, Any]) -> str | None:
    """What the next page begins behind; key pairs have a name for an id."""
    found = item.get("id") or (item.get("keypair") or {}).get("name")
    return None if found is None else str(found)
