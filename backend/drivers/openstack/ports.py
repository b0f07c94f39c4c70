"""Servers on ports made for them: where a network has several subnets, only a port says which one a server is on.

Nova deletes the ports that it made, not these, and Neutron lets nobody but Nova delete the port of a server that is
still there: they are kept in mind until the server has left them. What a crash or a lost answer leaves behind is known
by its name and swept away later.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudError, CloudUnavailable, OutcomeUnknown
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.launches import PORT_NAME, Launch
from backend.drivers.openstack.refusals import of_create
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Declined, Rest

Show = Callable[[Scope, str], Mapping[str, Any]]

_AT_ONCE: Final = 4
_AT_A_TIME: Final = 50
_TIDY: Final = timedelta(seconds=1)
_SWEEP: Final = timedelta(minutes=10)
_FIELDS: Final = ["id", "name", "created_at"]
_log = logging.getLogger(__name__)


class Ports:
    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock
        self._swept: Kept[Scope, int] = Kept(clock, self._sweep)
        self._leaving: dict[Scope, set[str]] = {}
        self._tidied: Kept[Scope, int] = Kept(clock, self._tidy)
        self._lock = threading.Lock()

    def launch(self, scope: Scope, launch: Launch, show: Show) -> Sequence[Mapping[str, Any]]:
        """Make the launch's servers, each on a port of its own; all of them, or none.

        Raises:
            Refused: what was made before is taken back.
            OutcomeUnknown: an answer was lost; what is known of is taken back, what is not is found by its token.
        """
        self.sweep(scope)
        ports = self._make(scope, launch)
        with ThreadPoolExecutor(min(_AT_ONCE, launch.count), thread_name_prefix="boot") as pool:
            asked = [
                pool.submit(self._rest.write, scope, COMPUTE, "POST", "/servers", launch.body_at(port_id, number))
                for number, port_id in enumerate(ports)
            ]
        refusals = [error for error in (each.exception() for each in asked) if error is not None]
        servers = [each.result().body["server"]["id"] for each in asked if each.exception() is None]
        unknown = next((error for error in refusals if isinstance(error, OutcomeUnknown)), None)
        if refusals:
            self._undo(scope, servers, [] if unknown else ports)
            refusal = unknown or refusals[0]
            if isinstance(refusal, Declined):
                raise of_create(refusal, launch.request, launch.count) from refusal
            raise refusal
        try:
            return [show(scope, server_id) for server_id in servers]
        except CloudError as error:
            raise OutcomeUnknown(f"servers were made and not told: {error}") from error

    def of(self, scope: Scope, server_id: str) -> Sequence[str]:
        """Ids of the ports that were made for a server; none where Neutron cannot be asked, as they are swept later."""
        try:
            found = self._rest.listing(scope, NETWORK, "/ports", "ports", {"device_id": server_id, "fields": _FIELDS})
            return [port["id"] for port in found if port["name"].startswith(PORT_NAME)]
        except (Declined, CloudError):
            return ()

    def leave(self, scope: Scope, ports: Sequence[str]) -> None:
        """Have ports deleted once their servers are gone."""
        if ports:
            with self._lock:
                self._leaving.setdefault(scope, set()).update(ports)

    def tidy(self, scope: Scope) -> None:
        """Delete the ports that servers have left by now; to be called again and again."""
        if self._leaving.get(scope):
            self._tidied.get(scope, _TIDY)

    def sweep(self, scope: Scope) -> None:
        """Delete our ports that no server took, or that one left, a good while ago."""
        self._swept.get(scope, _SWEEP)

    def delete(self, scope: Scope, ports: Sequence[str]) -> None:
        """Delete ports that no server has, as far as it goes: what is left is swept later."""
        for port_id in ports:
            try:
                self._rest.write(scope, NETWORK, "DELETE", f"/ports/{port_id}", repeat=True)
            except Declined as declined:
                if declined.status != 404:
                    _log.warning("port %s stays: %s", port_id, declined)
            except CloudError as error:
                _log.warning("port %s stays: %s", port_id, error)

    def _make(self, scope: Scope, launch: Launch) -> list[str]:
        try:
            answer = self._rest.write(scope, NETWORK, "POST", "/ports", launch.ports())
        except Declined as declined:
            raise of_create(declined, launch.request, launch.count) from declined
        except OutcomeUnknown as error:
            # No server was asked for: ports that came about nevertheless are swept.
            raise CloudUnavailable(str(error)) from error
        return [port["id"] for port in answer.body["ports"]]

    def _undo(self, scope: Scope, servers: Sequence[str], ports: Sequence[str]) -> None:
        for server_id in servers:
            try:
                self._rest.write(scope, COMPUTE, "DELETE", f"/servers/{server_id}", repeat=True)
            except (Declined, CloudError) as error:
                _log.warning("server %s of a refused launch stays until it is found unowned: %s", server_id, error)
        if servers:
            self.leave(scope, ports)
        else:
            self.delete(scope, ports)

    def _tidy(self, scope: Scope) -> int:
        with self._lock:
            leaving = sorted(self._leaving.get(scope, ()))[:_AT_A_TIME]
        try:
            asked = {"id": leaving, "fields": ["id", "device_id"]}
            found = list(self._rest.listing(scope, NETWORK, "/ports", "ports", asked))
        except (Declined, CloudError):
            return 0
        held = {port["id"] for port in found if port["device_id"]}
        self.delete(scope, [port["id"] for port in found if port["id"] not in held])
        with self._lock:
            self._leaving[scope] -= set(leaving) - held
        return len(leaving) - len(held)

    def _sweep(self, scope: Scope) -> int:
        """How many there were."""
        try:
            free = list(self._rest.listing(scope, NETWORK, "/ports", "ports", {"device_id": "", "fields": _FIELDS}))
        except (Declined, CloudError):
            return 0
        before = self._clock.now() - _SWEEP
        left = [
            port["id"]
            for port in free
            if port["name"].startswith(PORT_NAME) and datetime.fromisoformat(port["created_at"]) < before
        ]
        self.delete(scope, left)
        return len(left)
