"""The port of networks that are made: routers with their networks. Knows no rows of VPCs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class MadeSubnet:
    """A subnet of the cloud, and the network that it is alone in; their cloud ids."""

    id: str
    network_id: str


@dataclass(frozen=True, slots=True)
class NewSubnet:
    """A subnet to be made.

    Attributes:
        vpc: cloud id of the VPC that it is for.
        zone: AWS's name.
        dns: addresses that its servers ask for names; none: the cloud's own.
    """

    vpc: str
    cidr: str
    zone: str
    dns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ExtraRoute:
    """A route of a VPC beside those to its own subnets: where what goes to a block is sent next.

    Attributes:
        cidr: the block.
        next_hop: an address in one of the VPC's subnets.
    """

    cidr: str
    next_hop: str


@dataclass(frozen=True, slots=True)
class HeldAddress:
    """An address of a subnet that something has.

    Attributes:
        interface: cloud id of the interface that has it; empty where that is a server's from birth and the cloud does
            not tell interfaces of servers.
        server: cloud id of what the interface belongs to; empty where it is nobody's.
    """

    address: str
    interface: str
    server: str


class NetworkMaking(Protocol):
    """Each call raises CloudUnavailable or NotAuthorized where the cloud cannot do it now; Refused where it will not.

    ``token`` is a new uuid of the caller's: what was made with it is found by it, and nobody else's is.
    """

    @property
    def at_once(self) -> bool:
        """Whether a subnet can be used, and a gateway leads out, as soon as they are there."""
        ...

    def outward(self, scope: Scope) -> frozenset[str]:
        """Ids of the networks (``Network.id``) that Coppice did not make and that a router leads to the outside."""
        ...

    def make_vpc(self, scope: Scope, token: str) -> str:
        """Make a VPC that is empty; its cloud id.

        Raises:
            QuotaExceeded
            OutcomeUnknown
        """
        ...

    def find_vpc(self, scope: Scope, token: str) -> str | None:
        """The VPC that was made with the token."""
        ...

    def delete_vpc(self, scope: Scope, vpc: str) -> None:
        """End a VPC that has no subnets any more; one that is gone is no error.

        Raises:
            Busy: something is in it still.
        """
        ...

    def lead_out(self, scope: Scope, vpc: str, *, outside: bool) -> None:
        """Lead a VPC to the public network, or close it.

        Raises:
            NetworkMissing: the cloud has no public network.
            Busy: public addresses lead in.
        """
        ...

    def make_subnet(self, scope: Scope, token: str, new: NewSubnet, *, again: bool = False) -> MadeSubnet:
        """Make a subnet in a network of its own; it is not joined to its VPC yet.

        Args:
            again: it was asked for before: what came of that is looked for first.

        Raises:
            QuotaExceeded
            OutcomeUnknown
        """
        ...

    def find_subnet(self, scope: Scope, token: str) -> Sequence[str]:
        """Cloud ids of the networks that were made with the token; with a subnet in them, or not yet."""
        ...

    def join_subnet(self, scope: Scope, vpc: str, subnet: MadeSubnet) -> None:
        """Let its VPC lead to a subnet."""
        ...

    def occupied(self, scope: Scope, subnets: Collection[str]) -> bool:
        """Whether anything but what serves the network itself has an address of one of these, given by cloud ids."""
        ...

    def delete_subnet(self, scope: Scope, vpc: str, subnet: MadeSubnet) -> None:
        """Part a subnet from its VPC and end it with its network; what is gone is no error.

        Raises:
            Busy: something has an address of it, or an extra route leads there: it is as it was.
        """
        ...

    def delete_networks(self, scope: Scope, networks: Sequence[str]) -> None:
        """End networks that were found by a token; what is gone is no error."""
        ...

    def held_addresses(self, scope: Scope, subnets: Sequence[MadeSubnet]) -> Sequence[HeldAddress]:
        """Every address that something has in these; in any order."""
        ...

    def extra_routes(self, scope: Scope, vpc: str) -> frozenset[ExtraRoute]:
        """The extra routes that a VPC has, whoever made them; none where it is gone."""
        ...

    def add_extra_routes(self, scope: Scope, vpc: str, routes: Collection[ExtraRoute]) -> None:
        """Give a VPC extra routes beside those that it has; what it has already is no error.

        Raises:
            QuotaExceeded: of ``router_routes``: none of them was added.
            Busy
        """
        ...

    def remove_extra_routes(self, scope: Scope, vpc: str, routes: Collection[ExtraRoute]) -> None:
        """Take extra routes from a VPC; what it has not, and a VPC that is gone, is no error.

        Raises:
            Busy
        """
        ...

    def set_dns(self, scope: Scope, subnet: MadeSubnet, dns: Sequence[str]) -> None:
        """Tell a subnet's servers whom to ask for names; none: the cloud's own."""
        ...
