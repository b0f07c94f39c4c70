"""Public addresses that a project keeps, interfaces that it makes, and gateways that stand for both. Data alone.

Ids are the digits of ids at AWS; ``cloud_id`` is the cloud's own id of the one object that a thing stands for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

ADDRESS: Final = "address"
INTERFACE: Final = "interface"
"""What is made at the cloud within a request."""
LEADING: Final = "leading"
"""An address that is being led elsewhere; what is remembered of it has the cloud's id of the address."""
JOINING: Final = "joining"
"""An interface that a server is being launched with; what is remembered of it has the cloud's id of the interface."""
ENDING: Final = "ending"
"""An interface whose server is on its way out, and that ends with it; likewise."""
UNLED: Final = timedelta(minutes=2)
"""When an engine takes up what a request began and did not end: the cloud may be at it until then."""
UNJOINED: Final = timedelta(minutes=10)
"""Likewise, of launches: a cloud takes its time over the port of a server."""
ADDRESSES: Final = 500
INTERFACES: Final = 5000
"""Of a project in a region. Source: Amazon VPC User Guide, "Amazon VPC quotas"; a cloud gives fewer addresses."""
GATEWAYS: Final = 500
REMEMBERED: Final = timedelta(hours=1)
"""How long gateways are told of that are gone."""


@dataclass(frozen=True, slots=True)
class ElasticAddress:
    """A public address of a project, until it gives it back.

    Attributes:
        association_id: digits; None while it leads to nothing.
        server_id: cloud id of the server that it leads to, where that is by the server's own interface.
        interface_id: digits of the made interface that it leads to, or of the gateway's or balancer's that it is kept
            for.
        private_address: what it leads to.
    """

    id: str
    cloud_id: str
    address: str
    created_at: datetime
    association_id: str | None = None
    server_id: str | None = None
    interface_id: str | None = None
    private_address: str | None = None

    @property
    def free(self) -> ElasticAddress:
        """The same address, which leads to nothing."""
        return replace(self, association_id=None, server_id=None, interface_id=None, private_address=None)


class Holder(StrEnum):
    """What has a public address for its life."""

    SERVER = "server"
    BALANCER = "balancer"


KEPT: Final = "kept/"
"""What begins the token of a launch address that is the project's own: nothing was taken under it."""


@dataclass(frozen=True, slots=True)
class LaunchAddress:
    """The public address that a server or balancer is given for its life, where the cloud gives none by itself.

    Attributes:
        id: cloud id of what holds it.
        token: by which what was taken is found.
        cloud_id, address: None until one is taken.
        bound: it leads there.
        ended: the project led another address there: this one goes, and none comes after it.
    """

    id: str
    token: str
    created_at: datetime
    cloud_id: str | None = None
    address: str | None = None
    bound: bool = False
    ended: bool = False
    holder: Holder = Holder.SERVER

    @property
    def kept(self) -> bool:
        """Whether its project keeps it when what it leads to is gone."""
        return self.token.startswith(KEPT)


@dataclass(frozen=True, slots=True)
class MadeInterface:
    """A network interface that was made by itself: a port of the cloud.

    Attributes:
        subnet_id: the cloud's id of its subnet, as listings of subnets tell it.
        subnet, vpc: short ids.
        groups: short ids.
        gateway_id: digits of the NAT gateway that it belongs to.
        server_id: cloud id of the server that has it; it may be gone, and the interface is free then.
        attachment_id: digits; without a server it is that of one that is being launched.
        device_index: 0 where the server was launched with it, and has no interface from birth.
    """

    id: str
    cloud_id: str
    subnet_id: str
    subnet: str
    vpc: str
    zone: str
    address: str
    mac: str
    created_at: datetime
    description: str = ""
    groups: tuple[str, ...] = ()
    source_dest_check: bool = True
    gateway_id: str | None = None
    server_id: str | None = None
    attachment_id: str | None = None
    device_index: int | None = None
    attached_at: datetime | None = None
    delete_on_termination: bool = False

    @property
    def launching(self) -> bool:
        """Whether a server is being launched with it."""
        return self.attachment_id is not None and self.server_id is None


@dataclass(frozen=True, slots=True)
class NatGateway:
    """A NAT gateway.

    Attributes:
        allocation_id, association_id: digits of its public address, None where it is private.
        interface_id: digits.
        deleted_at: it is gone since then, and told of for a while.
    """

    id: str
    vpc: str
    subnet: str
    created_at: datetime
    interface_id: str
    private_address: str
    allocation_id: str | None = None
    association_id: str | None = None
    public_address: str | None = None
    deleted_at: datetime | None = None
