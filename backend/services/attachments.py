"""Made interfaces in the hands of servers: one has each at a time, whether it is there or about to be launched."""

from __future__ import annotations

from typing import Any, Final

from backend.clock import Clock
from backend.domain import server_findings
from backend.domain.address_findings import IndexTaken, InterfaceInUse, InterfaceMissing
from backend.domain.addresses import MadeInterface
from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.services.catalog import asking
from backend.store import addresses as rows
from backend.store import counting
from backend.store.session import Store

_HELD: Final = "attached interfaces"
"""Held by who attaches one to a server: of each index that has one."""


class Attachments:
    def __init__(self, store: Store, cloud: Cloud, clock: Clock) -> None:
        self._store = store
        self._compute = cloud.compute
        self._clock = clock

    def check(self, scope: Scope, interface_id: str) -> None:
        """Whether a server could have it now.

        Raises:
            InterfaceMissing, InterfaceInUse
            CloudNotReached, NotPermitted: whether the server that had it is there still could not be asked.
        """
        self.free(scope, interface_id)
        with self._store.read() as conn:
            _check_free(rows.INTERFACES.one(conn, scope, id=interface_id), interface_id)

    def take(
        self, scope: Scope, interface_id: str, attachment_id: str, index: int, server_id: str | None = None
    ) -> MadeInterface:
        """Have it for a server, and for no other.

        Args:
            attachment_id: new digits; whoever launches with it may come again with the same ones.
            server_id: None where the server is to be launched with it.

        Returns:
            The interface as it was.

        Raises: as ``check``, and IndexTaken.
        """
        self.free(scope, interface_id)
        now = self._clock.now()
        values = {
            "server_id": server_id,
            "attachment_id": attachment_id,
            "device_index": index,
            "attached_at": now,
        }

        def work(conn: Any) -> MadeInterface:
            if server_id is not None:
                counting.hold(conn, scope, _HELD)
                if rows.INTERFACES.count(conn, scope, server_id=server_id, device_index=index):
                    raise IndexTaken(server_id, index)
            interface = _check_free(rows.lock_interface(conn, scope, interface_id), interface_id, attachment_id)
            rows.INTERFACES.change(conn, scope, interface_id, **values)
            if server_id is None:
                rows.note_joining(conn, scope, interface, now)
            return interface

        return self._store.transact(work)

    def join(self, scope: Scope, interface_id: str, attachment_id: str, server_id: str) -> None:
        """That server was launched with it."""

        def work(conn: Any) -> None:
            here = rows.lock_interface(conn, scope, interface_id)
            if here is not None and here.attachment_id == attachment_id and here.server_id is None:
                rows.note_joined(conn, scope, here, server_id)

        self._store.transact(work)

    def part(self, scope: Scope, interface_id: str, attachment_id: str) -> None:
        """Nobody has it, unless another request has taken it anew."""

        def work(conn: Any) -> None:
            here = rows.lock_interface(conn, scope, interface_id)
            if here is not None and here.attachment_id == attachment_id:
                rows.part_interface(conn, scope, here)

        self._store.transact(work)

    def free(self, scope: Scope, interface_id: str) -> bool:
        """Take it from a server that is gone, as nobody tells when that is; whether one had it.

        One that ends with its server is ended by an engine.
        """
        with self._store.read() as conn:
            here = rows.INTERFACES.one(conn, scope, id=interface_id)
        if here is None or here.server_id is None or here.attachment_id is None:
            return False
        try:
            with asking():
                self._compute.get(scope, here.server_id)
        except server_findings.ServerUnknown:
            if here.delete_on_termination:
                ended, now = [here.server_id], self._clock.now()
                self._store.transact(lambda conn: rows.note_ending(conn, scope, ended, now))
                return False
            self.part(scope, interface_id, here.attachment_id)
            return True
        return False


def _check_free(interface: MadeInterface | None, interface_id: str, attachment_id: str | None = None) -> MadeInterface:
    """The interface, which nobody has, or a launch of that attachment.

    Raises:
        InterfaceMissing, InterfaceInUse
    """
    if interface is None:
        raise InterfaceMissing(interface_id)
    launching = interface.server_id is None and interface.attachment_id in {None, attachment_id}
    if interface.gateway_id is not None or not launching:
        raise InterfaceInUse(interface_id)
    return interface
