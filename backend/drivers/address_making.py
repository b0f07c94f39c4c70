"""The ports for public addresses and for interfaces that are no server's from birth; all writes may be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """A public address of the cloud; ``id`` is the cloud's."""

    id: str
    address: str


@dataclass(frozen=True, slots=True)
class NewInterface:
    """An interface to be made.

    Attributes:
        subnet_id: as ``Networking.subnets`` tells it.
        address: the one that it is to have, None for any.
        group_ids: cloud ids of security groups.
    """

    subnet_id: str
    address: str | None = None
    group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """An interface as the cloud made it."""

    id: str
    address: str
    mac: str


class AddressMaking(Protocol):
    """Each call raises CloudUnavailable, NotAuthorized or Refused; writes OutcomeUnknown, too.

    ``token`` is a new uuid of the caller's, by which what was made is found.
    """

    def allocate_address(self, scope: Scope, token: str) -> PublicAddress:
        """Take a public address, or find the one of the token.

        Raises:
            QuotaExceeded: of ``floatingips``.
            NetworkMissing: the cloud has no public network.
        """

    def find_address(self, scope: Scope, token: str) -> PublicAddress | None:
        """The one that was taken with the token."""

    def release_address(self, scope: Scope, address_id: str) -> None:
        """Give it back; one that is gone is no error."""

    def bind_address(
        self, scope: Scope, address_id: str, *, server_id: str | None = None, interface_id: str | None = None
    ) -> None:
        """Let it lead to a server's own interface, or to a made one; whatever it led to before.

        Raises:
            NetworkMissing: no way leads from the public network there.
            ServerNotFound
        """

    def unbind_address(self, scope: Scope, address_id: str) -> None:
        """Let it lead to nothing."""


class InterfaceMaking(Protocol):
    """As above."""

    def create_interface(self, scope: Scope, token: str, new: NewInterface) -> Port:
        """Make one, or find the one of the token.

        Raises:
            QuotaExceeded: of ``ports``.
            NoAddresses, AddressTaken, AddressUnfit, SubnetNotFound, SecurityGroupNotFound
        """

    def find_interface(self, scope: Scope, token: str) -> str | None:
        """The cloud's id of the one that was made with the token."""

    def delete_interface(self, scope: Scope, interface_id: str) -> None:
        """End it; one that is gone is no error. Raises Busy: a server has it still."""

    def change_interface(
        self,
        scope: Scope,
        interface_id: str,
        *,
        group_ids: Sequence[str] | None = None,
        source_dest_check: bool | None = None,
    ) -> None:
        """Give it other groups, or let it send what is not its own. Raises SecurityGroupNotFound."""

    def holder(self, scope: Scope, interface_id: str) -> str | None:
        """The cloud's id of the server that has it; None where none has, or it is gone."""

    def attach_interface(self, scope: Scope, interface_id: str, server_id: str) -> None:
        """Give it to a server. Raises ServerNotFound, ServerStateConflict."""

    def detach_interface(self, scope: Scope, interface_id: str, server_id: str) -> None:
        """Take it from a server, which has it no more then; one that is not there is no error."""
