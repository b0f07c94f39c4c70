"""Network interfaces that projects make by themselves; those that servers have from birth are the servers' own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from backend import errors
from backend.clock import Clock
from backend.domain import launch_findings, security_group_findings
from backend.domain.address_findings import AttachmentMissing, InterfaceInUse, InterfaceManaged, InterfaceMissing
from backend.domain.addresses import INTERFACE, INTERFACES, MadeInterface
from backend.domain.balancer_findings import PoolBusy
from backend.domain.ids import new_digits, short_id
from backend.domain.scope import Scope
from backend.domain.security_groups import DEFAULT
from backend.domain.token import ClientToken
from backend.drivers.address_making import InterfaceMaking, NewInterface, Port
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.network import Subnet
from backend.services.attachments import Attachments
from backend.services.catalog import asking
from backend.services.making import made, settled, twice
from backend.services.security_groups import SecurityGroups
from backend.store import addresses as rows
from backend.store import client_tokens, counting
from backend.store.networks import count_asked
from backend.store.session import Store


class InterfacesIn:
    """Made interfaces as what has addresses in subnets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, scope: Scope, subnets: Collection[str]) -> bool:
        with self._store.read() as conn:
            return bool(rows.INTERFACES.count(conn, scope, subnet_id=list(subnets)))


class Interfaces:
    """Every write may raise CloudNotReached, NotPermitted, CloudRefused, OutcomeUnclear; InterfaceMissing likewise."""

    def __init__(  # noqa: PLR0917 - what it is made of
        self,
        store: Store,
        cloud: Cloud,
        catalog: Catalog,
        clock: Clock,
        groups: SecurityGroups,
        attachments: Attachments,
    ) -> None:
        self._attachments = attachments
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock
        self._groups = groups

    def list(self, scope: Scope, ids: Collection[str] | None = None) -> Sequence[MadeInterface]:
        with self._store.read() as conn:
            if ids is None:
                return rows.INTERFACES.all(conn, scope)
            return [*rows.INTERFACES.of(conn, scope, ids).values()]

    def of_servers(self, scope: Scope) -> Mapping[str, Sequence[MadeInterface]]:
        """Those that servers have, by the cloud's ids of these, in the order of their indexes."""
        found: dict[str, list[MadeInterface]] = {}
        for each in sorted(self.list(scope), key=lambda each: (each.device_index or 0, each.id)):
            if each.server_id is not None:
                found.setdefault(each.server_id, []).append(each)
        return found

    def one(self, scope: Scope, interface_id: str) -> MadeInterface:
        for each in self.list(scope, [interface_id]):
            return each
        raise InterfaceMissing(interface_id)

    def create(  # noqa: PLR0917 - what AWS asks for
        self,
        scope: Scope,
        subnet: str,
        address: str | None,
        groups: Sequence[str] | None,
        description: str,
        gateway_id: str | None = None,
        token: ClientToken | None = None,
        beside: Callable[[Any, MadeInterface], None] | None = None,
    ) -> MadeInterface:
        """Make one in a subnet; of an earlier request of the token, that one's.

        Args:
            subnet, groups: short ids; without groups it has the VPC's own, and that of a gateway none.
            gateway_id: the NAT gateway that it is for.
            beside: writes what is there with it or not at all; what it raises is raised, and no interface stays.

        Raises:
            SubnetNotFound, SecurityGroupNotFound
            AddressTaken, AddressUnfit, NoAddresses
            LimitExceeded, QuotaExceeded
            TokenReused
        """
        known = self._known(scope, token)
        if known is not None:
            return known
        making, place = self._making, self._subnet(scope, subnet)
        vpc = short_id(place.network_id)
        chosen = {} if gateway_id else self._chosen(scope, vpc, groups)
        new = NewInterface(place.id, address, tuple(chosen.values()))

        def room(conn: Any) -> None:
            count = partial(count_asked, conn, scope, rows.INTERFACES, INTERFACE)
            counting.check(conn, scope, "ports", INTERFACES, count)

        def find(token: str) -> Port | None:
            known = making.find_interface(scope, token)
            return None if known is None else making.create_interface(scope, token, new)

        ask = partial(making.create_interface, scope, new=new)
        mark, port = made(self._store, self._clock, scope, INTERFACE, room, ask, find)
        interface = MadeInterface(
            id=short_id(port.id),
            cloud_id=port.id,
            subnet_id=place.id,
            subnet=subnet,
            vpc=vpc,
            zone=place.zone,
            address=port.address,
            mac=port.mac,
            created_at=self._clock.now(),
            description=description,
            groups=tuple(chosen),
            gateway_id=gateway_id,
        )

        def write(conn: Any) -> None:
            rows.INTERFACES.add(conn, scope, interface)
            if token is not None:
                if client_tokens.find(conn, scope, token) is not None:
                    raise errors.StaleRead(token.value)  # another request of it was quicker: the caller asks again
                client_tokens.add(conn, scope, token, interface.id, interface.created_at)
            if beside is not None:
                beside(conn, interface)

        try:
            settled(self._store, scope, mark, write)
        except errors.OutcomeUnclear:
            raise
        except errors.Finding:  # it is in no row: an engine would take it away, later
            with suppress(errors.Finding):
                twice(partial(making.delete_interface, scope, port.id))
            raise
        self._catalog.drop("subnets", scope)
        return interface

    def delete(self, scope: Scope, interface_id: str, *, gateway: bool = False) -> None:
        """End one.

        Args:
            gateway: its gateway ends. Without a gateway that is there it is like any other.

        Raises:
            InterfaceInUse
            InterfaceManaged
        """
        interface = self.one(scope, interface_id)
        if interface.gateway_id is not None and not gateway:
            with self._store.read() as conn:
                if rows.GATEWAYS.one(conn, scope, id=interface.gateway_id, deleted_at=None) is not None:
                    raise InterfaceManaged(interface_id)
        hold = new_digits()
        if interface.gateway_id is None:  # no server gets it meanwhile
            self._attachments.take(scope, interface_id, hold, 0)
        try:
            twice(partial(self._making.delete_interface, scope, interface.cloud_id))
        except errors.Finding as refused:
            self._attachments.part(scope, interface_id, hold)
            if isinstance(refused, PoolBusy):  # a server is about to let go of it
                raise InterfaceInUse(interface_id) from refused
            raise
        self._store.transact(lambda conn: rows.forget_interface(conn, scope, interface))
        self._catalog.drop("subnets", scope)

    def end_with(self, scope: Scope, servers: Collection[str]) -> Iterator[MadeInterface]:
        """End those that end with servers (the cloud's ids), which are on their way out, and tell of each.

        What the cloud does not end now, as its server has it still, an engine ends.
        """
        for each in self.list(scope):
            if each.delete_on_termination and each.server_id in servers:
                with suppress(errors.Finding):
                    twice(partial(self._making.delete_interface, scope, each.cloud_id))
                    now = self._clock.now()
                    self._store.transact(lambda conn: rows.end_interface(conn, scope, each, now))  # noqa: B023
                    self._catalog.drop("subnets", scope)
                yield each

    def attach(self, scope: Scope, interface_id: str, server_id: str, index: int) -> str:
        """Give it to a server; the digits of the attachment.

        Raises:
            InterfaceInUse, IndexTaken
            ServerUnknown, ServerConflict
        """
        attachment = new_digits()
        interface = self._attachments.take(scope, interface_id, attachment, index, server_id)
        try:
            with asking():
                self._making.attach_interface(scope, interface.cloud_id, server_id)
        except errors.OutcomeUnclear:
            raise
        except errors.Finding:
            self._attachments.part(scope, interface_id, attachment)
            raise
        return attachment

    def detach(self, scope: Scope, attachment_id: str, *, gone: bool = False) -> None:
        """Take it from its server.

        Args:
            gone: the server is, so the cloud need not be asked.

        Raises:
            AttachmentMissing: also where it went with its server, unless that is said.
        """
        with self._store.read() as conn:
            interface = rows.INTERFACES.one(conn, scope, attachment_id=attachment_id)
        if interface is None or interface.server_id is None:
            raise AttachmentMissing(attachment_id)
        if not gone:
            if self._attachments.free(scope, interface.id):
                raise AttachmentMissing(attachment_id)
            twice(partial(self._making.detach_interface, scope, interface.cloud_id, interface.server_id))
        self._attachments.part(scope, interface.id, attachment_id)

    def set_groups(self, scope: Scope, interface_id: str, groups: Sequence[str]) -> None:
        """Raises SecurityGroupNotFound."""
        interface = self.one(scope, interface_id)
        chosen = self._chosen(scope, interface.vpc, groups)
        change = partial(self._making.change_interface, scope, interface.cloud_id, group_ids=tuple(chosen.values()))
        twice(change)
        self._keep(scope, interface_id, groups=tuple(chosen))

    def set_check(self, scope: Scope, interface_id: str, *, check: bool) -> None:
        """Whether it sends and takes only what is its own."""
        interface = self.one(scope, interface_id)
        twice(partial(self._making.change_interface, scope, interface.cloud_id, source_dest_check=check))
        self._keep(scope, interface_id, source_dest_check=check)

    def set_description(self, scope: Scope, interface_id: str, description: str) -> None:
        self.one(scope, interface_id)
        self._keep(scope, interface_id, description=description)

    def set_end(self, scope: Scope, interface_id: str, attachment_id: str, *, with_server: bool) -> None:
        """Whether it ends with the server that has it. Raises AttachmentMissing."""

        def work(conn: Any) -> None:
            here = rows.lock_interface(conn, scope, interface_id)
            if here is None:
                raise InterfaceMissing(interface_id)
            if here.attachment_id != attachment_id:
                raise AttachmentMissing(attachment_id)
            rows.INTERFACES.change(conn, scope, interface_id, delete_on_termination=with_server)

        self._store.transact(work)

    def _known(self, scope: Scope, token: ClientToken | None) -> MadeInterface | None:
        """What an earlier request of the token made, as far as it is there."""
        if token is None:
            return None
        with self._store.read() as conn:
            kept = client_tokens.find(conn, scope, token)
            if kept is None:
                return None
            if kept.fingerprint != token.fingerprint:
                raise errors.TokenReused(token.value)
            return rows.INTERFACES.one(conn, scope, id=kept.result)

    def _keep(self, scope: Scope, interface_id: str, **values: object) -> None:
        self._store.transact(lambda conn: rows.INTERFACES.change(conn, scope, interface_id, **values))

    def _subnet(self, scope: Scope, subnet: str) -> Subnet:
        with asking():
            found = self._catalog.subnet(scope, subnet)
        if found is None:
            raise launch_findings.SubnetNotFound(subnet)
        return found

    def _chosen(self, scope: Scope, vpc: str, groups: Sequence[str] | None) -> dict[str, str]:
        """The cloud's ids of groups by their short ones, the VPC's own where none are named."""
        known = {each.id: each for each in self._groups.list(scope) if each.vpc == vpc}
        if not groups:
            return {each.id: each.cloud_id for each in known.values() if each.name == DEFAULT}
        for group in groups:
            if group not in known:
                raise security_group_findings.SecurityGroupNotFound(group)
        return {group: known[group].cloud_id for group in groups}

    @property
    def _making(self) -> InterfaceMaking:
        making = self._cloud.interfaces
        if making is None:
            raise errors.CloudRefused("interfaces are made with the cloud's own tools")
        return making
