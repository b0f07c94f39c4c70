"""The simulated cloud as a whole: its ports, its faults, and the hands that act behind the ports."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from backend.clock import Clock
from backend.drivers.cloud import Cloud
from backend.drivers.installation import Installation, named
from backend.drivers.simulated.address_making import SimulatedAddressMaking
from backend.drivers.simulated.balancers import SimulatedBalancers
from backend.drivers.simulated.balancing import SimulatedBalancing
from backend.drivers.simulated.compute import SimulatedCompute
from backend.drivers.simulated.faults import Faults
from backend.drivers.simulated.group_making import SimulatedGroupMaking
from backend.drivers.simulated.images import SimulatedImages
from backend.drivers.simulated.imaging import SimulatedImaging
from backend.drivers.simulated.list_making import SimulatedListMaking
from backend.drivers.simulated.loads import SimulatedLoads
from backend.drivers.simulated.network import SimulatedNetworking
from backend.drivers.simulated.network_making import SimulatedNetworkMaking
from backend.drivers.simulated.operator import Operator
from backend.drivers.simulated.own_flavors import OwnFlavors
from backend.drivers.simulated.pools import Pools
from backend.drivers.simulated.projects import Projects
from backend.drivers.simulated.regions import Footings
from backend.drivers.simulated.server_changes import SimulatedServerChanging
from backend.drivers.simulated.server_groups import ServerGroups
from backend.drivers.simulated.servers import ServerTable
from backend.drivers.simulated.settings import SimulatedSettings
from backend.drivers.simulated.state import State
from backend.drivers.simulated.volume_table import VolumeTable
from backend.drivers.simulated.volumes import SimulatedVolumes
from backend.drivers.simulated.world import World
from backend.drivers.spot import Spot

ALONE: Final = "a1000000-0000-4000-8000-000000000000"
"""The installation of a cloud that has but one."""


@dataclass(frozen=True, slots=True)
class SimulatedCloud:
    """One simulated cloud.

    Attributes:
        cloud: the ports.
        faults: what is to go wrong; see Faults.
        operator: acts on servers behind their owners' backs.
        pools: makes and ends pools of load balancers, and judges their members.
        flavors: adds instance types.
        loads: scripts what the servers of a group have to do.
        projects: seeds key pairs, security groups and private images.
    """

    cloud: Cloud
    faults: Faults
    operator: Operator
    pools: Pools
    projects: Projects
    flavors: OwnFlavors
    loads: SimulatedLoads
    settings: SimulatedSettings
    _state: State
    _world: World
    _origin: uuid.UUID

    @classmethod
    def open(
        cls,
        path: str | None,
        clock: Clock,
        settings: SimulatedSettings | None = None,
        installation: Installation | None = None,
    ) -> SimulatedCloud:
        """The cloud as that installation sees it.

        Its state is kept at ``path``, and made when it is not there; None keeps it in memory.

        Settings stay with the state: None takes those that it was opened with last.

        Several processes and threads may open one file. Time comes from the clock alone: nothing runs in between calls.
        """
        state = State(path)
        settings = _settled(state, settings)
        faults = Faults(state, clock, settings)
        origin = state.origin(settings.seed)
        projects = Projects(state, clock, settings, origin)
        servers, flavors = ServerTable(origin, late_addresses=settings.late_addresses), OwnFlavors(state)
        world = World(
            state,
            clock,
            settings,
            faults,
            projects,
            servers,
            ServerGroups(origin, servers),
            Footings(state),
            flavors,
            VolumeTable(origin, servers),
        )
        pools = Pools(world, origin)
        ports = _ports(world, pools, origin, installation or named(ALONE))
        state.detach()
        operator = Operator(world, SimulatedCompute(world))
        loads = SimulatedLoads(world)
        return cls(ports, faults, operator, pools, projects, flavors, loads, settings, state, world, origin)

    def seen_by(self, installation: str) -> Cloud:
        """The ports of another installation of Coppice over the same cloud."""
        return _ports(self._world, self.pools, self._origin, named(installation))

    def close(self) -> None:
        """Close this process's connections. The cloud cannot be used afterwards."""
        self._state.close()


def _settled(state: State, given: SimulatedSettings | None) -> SimulatedSettings:
    """The settings, and the state knows them from now on."""
    kept = json.loads(state.settings() or "{}")
    if given is None:
        known: dict[str, Any] = {each.name: kept[each.name] for each in fields(SimulatedSettings) if each.name in kept}
        if "regions" in known:
            known["regions"] = tuple(known["regions"])
        if "spot" in known:
            known["spot"] = Spot(known["spot"])
        return SimulatedSettings(**known)
    told = json.dumps(asdict(given))
    if json.loads(told) != kept:
        state.keep_settings(told)
    return given


def _ports(world: World, pools: Pools, origin: uuid.UUID, installation: Installation) -> Cloud:
    images = SimulatedImages(world)
    compute = SimulatedCompute(world, installation)
    addresses = SimulatedAddressMaking(world, origin)
    return Cloud(
        addresses=addresses,
        interfaces=addresses,
        compute=compute,
        images=images,
        making=images,
        network=SimulatedNetworking(world),
        network_making=SimulatedNetworkMaking(world, origin),
        balancing=SimulatedBalancing(world, pools, installation),
        balancer_making=SimulatedBalancers(world, pools, installation),
        installation=installation,
        changing=SimulatedServerChanging(world),
        volumes=SimulatedVolumes(world),
        groups=SimulatedGroupMaking(world, installation),
        lists=SimulatedListMaking(world, installation),
        keys=compute,
        imaging=SimulatedImaging(world),
        sources=(SimulatedLoads(world),) if world.settings.loads else (),
        spot=world.settings.spot,
        partitions=world.settings.partitions_per_zone,
    )
