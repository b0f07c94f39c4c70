"""The ports of one cloud together, and whose hand they are: what the composition root gives to services and engine."""

from __future__ import annotations

from dataclasses import dataclass

from backend.drivers.address_making import AddressMaking, InterfaceMaking
from backend.drivers.balancer_making import BalancerMaking
from backend.drivers.balancing import Balancing, PoolMember
from backend.drivers.compute import Compute, Server
from backend.drivers.group_making import GroupMaking
from backend.drivers.images import ImageMaking, Images
from backend.drivers.imaging import Imaging
from backend.drivers.installation import Installation, nobody
from backend.drivers.key_keeping import KeyKeeping
from backend.drivers.list_making import ListMaking
from backend.drivers.metric_sources import MetricSource
from backend.drivers.network import Networking
from backend.drivers.network_making import NetworkMaking
from backend.drivers.server_changing import ServerChanging
from backend.drivers.sinks import Sink
from backend.drivers.spot import Spot
from backend.drivers.volumes import Volumes


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud as one installation of Coppice sees it.

    Attributes:
        making: of images; None where they are made with the cloud's own tools.
        changing: of servers that are there; None where the cloud's are made and ended only.
        imaging: of servers; None where no images are made of them.
        sources: who tells what servers have to do, in the order in which they are asked.
        volumes: None where no block storage is driven.
        making: of images; None where they are made with the cloud's own tools. ``groups`` (of security groups) and
            ``keys`` likewise. ``lists``: None where rules of groups can name no sets of addresses.
        network_making: None where networks are.
        balancer_making: of load balancers, likewise; ``addresses`` (public ones) and ``interfaces`` likewise.
        spot: what becomes of launches that ask for Spot.
        partitions: how many a server group may have that share no hosts; 0 where the cloud keeps none apart.
        queues: of the cloud's own, which messages are put into; None where it has none.
        installation: what this installation's servers, ports and members are known by.
    """

    compute: Compute
    images: Images
    network: Networking
    balancing: Balancing
    installation: Installation = nobody
    making: ImageMaking | None = None
    changing: ServerChanging | None = None
    volumes: Volumes | None = None
    groups: GroupMaking | None = None
    lists: ListMaking | None = None
    keys: KeyKeeping | None = None
    network_making: NetworkMaking | None = None
    balancer_making: BalancerMaking | None = None
    imaging: Imaging | None = None
    addresses: AddressMaking | None = None
    interfaces: InterfaceMaking | None = None
    sources: tuple[MetricSource, ...] = ()
    spot: Spot = Spot.REFUSE
    partitions: int = 0
    queues: Sink | None = None

    def made(self, found: Server | PoolMember) -> bool:
        """Whether this installation made it: others on the same cloud use the same tokens and names."""
        own = self.installation()
        return bool(own) and found.installation == own
