"""Servers on ports made for them: where a network has several subnets, only a port says which one a server is on.

Nova deletes the ports that it made, not these, and Neutron lets nobody but Nova delete the port of a server that is
still there: they are deleted when the server is seen to be gone. What a crash or a lost answer leaves behind is known
by its name, and told to whoever sweeps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.compute import LoosePort
from backend.drivers.errors import CloudError, CloudUnavailable, OutcomeUnknown, Refused
from backend.drivers.installation import Installation
from backend.drivers.openstack import metadata as notes
from backend.drivers.openstack.launches import Launch, is_port_of, port_prefix
from backend.drivers.openstack.refusals import of_create
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Declined, Rest

_AT_ONCE: Final = 8
_AT_A_TIME: Final = 50
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_YOUNG: Final = timedelta(minutes=1)
_MOST: Final = 20_000
"""Servers that are known to be on ports of ours. Of more those that were learnt first are forgotten, such as are of
projects that nobody lists here any more; what their ends leave behind is found by whoever sweeps."""
_FIELDS: Final = ["id", "name", "device_id", "created_at"]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A port of ours, the project of its server, and since when that is known."""

    scope: Scope
    port_id: str
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class Launched:
    """Documents of the servers that were made, and why there are no more, if some were refused."""

    documents: Sequence[Mapping[str, Any]]
    refusal: CloudError | None = None


class Ports:
    """Launches on ports, and the end of those.

    Args:
        installation: whose ports are told as loose.
        background: waits for servers to let go of their ports; None does so in the calls that see servers gone.
    """

    def __init__(
        self, rest: Rest, clock: Clock, installation: Installation, background: Executor | None = None
    ) -> None:
        self._installation = installation
        self._background = background
        self._rest = rest
        self._clock = clock
        self._taken: dict[str, _Taken] = {}
        self._leaving: dict[Scope, set[str]] = {}
        self._tidying: set[Scope] = set()
        self._lock = threading.Lock()

    def launch(self, scope: Scope, launch: Launch) -> Launched:
        """Make the launch's servers, each on a port of its own.

        Returns:
            Documents of what was asked for: to ask Nova for each would cost it a tenth of making it.

        Raises:
            Refused: nothing was made.
            OutcomeUnknown: an answer was lost; what carries a token is found by that, anything else is taken back as
                far as it is known.
        """
        ports = self._make(scope, launch)
        with ThreadPoolExecutor(min(_AT_ONCE, launch.count), thread_name_prefix="boot") as pool:
            asked = [
                pool.submit(copy_context().run, self._server, scope, launch.body_at(port["id"], number))
                for number, port in enumerate(ports)
            ]
        refusal = self._refusal(scope, launch, [port["id"] for port in ports], asked)
        now = self._clock.now()
        made = [
            launch.document_at(port, each.result(), number, now)
            for number, (port, each) in enumerate(zip(ports, asked, strict=True))
            if each.exception() is None
        ]
        if refusal is not None and not made:
            raise refusal
        return Launched(made, refusal)

    def _refusal(
        self, scope: Scope, launch: Launch, ports: Sequence[str], asked: Sequence[Future[str]]
    ) -> CloudError | None:
        """Why servers were refused, if some were; the ports that were meant for them go.

        Raises:
            OutcomeUnknown: of one of them nothing is known.
        """
        failures = [each.exception() for each in asked]
        untaken = (Declined, CloudUnavailable)
        self.delete(scope, [port for port, error in zip(ports, failures, strict=True) if isinstance(error, untaken)])
        for error in failures:
            if error is not None and not isinstance(error, (*untaken, Refused)):
                if launch.request.launch_id is None:
                    self._undo(scope, [each.result() for each in asked if each.exception() is None])
                raise error
        first = next((error for error in failures if error is not None), None)
        if isinstance(first, Declined):
            return of_create(first, launch.request, launch.count)
        return first if isinstance(first, CloudError) else None

    def note(self, scope: Scope, documents: Iterable[Mapping[str, Any]]) -> None:
        """Learn from servers which of them are on our ports, and delete those of servers that are gone.

        Nova tells a deleted server without its metadata, so what it was on must have been learnt before.
        """
        gone: list[str] = []
        for document in documents:
            port_id = notes.notes_of(notes.items_of(document)).port_id
            if document.get("status") == "DELETED":
                gone.append(document["id"])
            elif port_id:
                with self._lock:
                    self._taken.setdefault(document["id"], _Taken(scope, port_id, self._clock.now()))
                    while len(self._taken) > _MOST:
                        del self._taken[next(iter(self._taken))]
        self.leave(scope, gone)

    def compare(self, scope: Scope, listed: AbstractSet[str]) -> None:
        """Delete the ports of servers that a complete listing lacks, those that were only just made apart."""
        before = self._clock.now() - _YOUNG
        with self._lock:
            taken = list(self._taken.items())
        self.leave(
            scope,
            [
                server_id
                for server_id, each in taken
                if each.scope == scope and each.noted_at < before and server_id not in listed
            ],
        )

    def leave(self, scope: Scope, server_ids: Iterable[str]) -> None:
        """Delete the ports of servers that are gone; safe to repeat, and cheap."""
        with self._lock:
            ports = [each.port_id for server_id in server_ids if (each := self._taken.pop(server_id, None))]
            if ports:
                self._leaving.setdefault(scope, set()).update(ports)
            if not self._leaving.get(scope) or scope in self._tidying:
                return
            self._tidying.add(scope)
        if self._background is None:
            self._tidy(scope)
        else:
            self._background.submit(self._tidy, scope)

    def loose(self, scope: Scope) -> Sequence[LoosePort]:
        """Our ports that no server took, or that one left.

        Raises:
            Declined, CloudError: they are not told.
        """
        if not self._installation():
            return ()
        free = self._rest.listing(scope, NETWORK, "/ports", "ports", {"device_id": "", "fields": _FIELDS})
        return [
            LoosePort(port["id"], datetime.fromisoformat(port["created_at"])) for port in free if self._is_free(port)
        ]

    def delete_loose(self, scope: Scope, ports: Sequence[str]) -> None:
        """Delete those of these that are loose still.

        Raises:
            Declined, CloudError: nothing is known of them.
        """
        loose = {port.id for port in self.loose(scope)}
        self.delete(scope, [port for port in ports if port in loose])

    def delete(self, scope: Scope, ports: Sequence[str]) -> None:
        """Delete ports that no server has, as far as it goes: what is left is loose later."""
        for port_id in ports:
            try:
                self._rest.write(scope, NETWORK, "DELETE", f"/ports/{port_id}", repeat=True)
            except Declined as declined:
                if declined.kind != "PortNotFound":
                    _log.warning("port %s stays: %s", port_id, declined)
            except CloudError as error:
                _log.warning("port %s stays: %s", port_id, error)

    def _make(self, scope: Scope, launch: Launch) -> Sequence[Mapping[str, Any]]:
        try:
            answer = self._rest.write(scope, NETWORK, "POST", "/ports", launch.ports())
        except Declined as declined:
            raise of_create(declined, launch.request, launch.count) from declined
        except OutcomeUnknown as error:
            # No server was asked for: ports that came about nevertheless are swept.
            raise CloudUnavailable(str(error)) from error
        made = (answer.body or {}).get("ports")
        if not isinstance(made, list) or len(made) != launch.count:
            raise CloudUnavailable(f"Neutron answered {answer.status} to {launch.count} ports without telling them")
        return made

    def _server(self, scope: Scope, body: Mapping[str, Any]) -> str:
        """Ask for one server; its id."""
        return str(self._rest.write(scope, COMPUTE, "POST", "/servers", body).item("server")["id"])

    def _undo(self, scope: Scope, servers: Sequence[str]) -> None:
        for server_id in servers:
            try:
                self._rest.write(scope, COMPUTE, "DELETE", f"/servers/{server_id}", repeat=True)
            except (Declined, CloudError) as error:
                _log.warning("server %s of a request whose answer was lost stays: %s", server_id, error)

    def _tidy(self, scope: Scope) -> None:
        """Delete what servers have left. One may be told as deleted some moments before it lets go of its port."""
        try:
            for pause in (*_PAUSES, None):
                self._look(scope)
                with self._lock:
                    if pause is None or not self._leaving.get(scope):
                        self._tidying.discard(scope)
                        return
                self._clock.wait(pause)
        finally:
            self._tidying.discard(scope)

    def _look(self, scope: Scope) -> None:
        with self._lock:
            leaving = sorted(self._leaving.get(scope, ()))
        for start in range(0, len(leaving), _AT_A_TIME):
            some = leaving[start : start + _AT_A_TIME]
            try:
                asked = {"id": some, "fields": ["id", "device_id", "name"]}
                listed = self._rest.listing(scope, NETWORK, "/ports", "ports", asked)
                # A server's metadata, where its tenant may write the id of any port, is no proof that one is ours.
                found = {port["id"]: port for port in listed if is_port_of(port["name"], self._installation())}
            except (Declined, CloudError):
                return
            held = {port_id for port_id in some if port_id in found and found[port_id]["device_id"]}
            self.delete(scope, [port_id for port_id in some if port_id in found and port_id not in held])
            with self._lock:
                self._leaving[scope] -= set(some) - held

    def _is_free(self, port: Mapping[str, Any]) -> bool:
        """Whether this installation made it, and no server has it: whatever the listing was asked for is told again."""
        return str(port["name"]).startswith(port_prefix(self._installation())) and not port["device_id"]
