"""What others made in the same projects of the cloud: networks, security groups, balancers. It stays as it is."""

from __future__ import annotations

from uuid import UUID

from backend.domain.scope import Scope
from backend.drivers.balancer_making import BalancerPlan, PoolPlan
from backend.drivers.balancing import Monitor
from backend.drivers.group_making import NewGroup
from backend.drivers.network_making import NewSubnet
from tests.simulation.world import World

_TABLES = {
    "vpcs": "id",
    "subnets": "id",
    "made_groups": "id",
    "balancers": "id",
    "balancer_parts": "balancer_id",
    "pools": "balancer",
}


class Strangers:
    """Another installation's things in one project, called as the builders' are."""

    def __init__(self, world: World, scope: Scope) -> None:
        self._world = world
        cloud = world.simulated.seen_by(str(UUID(int=8)))
        networks, groups, balancers = cloud.network_making, cloud.groups, cloud.balancer_making
        assert networks is not None
        assert groups is not None
        assert balancers is not None
        token = f"stranger-of-{scope.project_id}"
        vpc = networks.make_vpc(scope, token)
        subnet = networks.make_subnet(scope, token, NewSubnet(vpc, "10.1.1.0/24", "us-east-1a"))
        group = groups.create_security_group(scope, NewGroup("web", "theirs", vpc, token))
        tree = balancers.create(scope, BalancerPlan("0123456789abcdef", "front", True, subnet.id))
        world.clock.wait(5)  # a tree takes one change after the other
        monitor = Monitor("HTTP", 30, 5, 5, 2, "/", "200")
        balancers.put(scope, tree, PoolPlan("fedcba9876543210", "red", "HTTP", 80, monitor))
        self.ids = (vpc, subnet.id, group, tree.id)
        self._before = self._dump()

    def check(self) -> None:
        """Raise Violated where something of it is not as it was."""
        if self._dump() != self._before:
            raise self._world.broke("12 needless kill", "what another installation made was touched")

    def _dump(self) -> list[tuple[str, tuple[object, ...]]]:
        marks = ", ".join("?" * len(self.ids))
        with self._world.simulated._state.reading() as connection:
            return [
                (table, tuple(row))
                for table, column in _TABLES.items()
                for row in connection.execute(f"SELECT * FROM {table} WHERE {column} IN ({marks})", self.ids)
            ]
