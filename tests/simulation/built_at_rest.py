"""What holds of networks, security groups and balancers when the faults are over: the cloud has what the rows say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.domain.balancers import BalancerState
from backend.domain.networks import Progress, Subnet
from backend.domain.scope import Scope
from backend.domain.security_groups import GroupState
from backend.drivers.balancer_making import digest_of
from backend.drivers.balancer_plans import Wish, balancer_plan
from backend.drivers.group_making import for_cloud
from backend.store import wishes
from backend.store.balancers import BALANCERS, GROUPS
from backend.store.networks import DHCP_OPTIONS, GATEWAYS, MAKINGS, SUBNETS, VPCS
from backend.store.security_groups import GROUPS as SECURITY_GROUPS
from backend.store.security_groups import RULES
from backend.store.session import Connection
from tests.simulation.building_ports import parts_of
from tests.simulation.world import Violated, World


class Rest:
    """One project's rows beside what the cloud has in it. ``strangers``: ids of what others made there."""

    def __init__(self, world: World, scope: Scope, conn: Connection, strangers: Sequence[str]) -> None:
        self._world = world
        self._scope = scope
        self._conn = conn
        self._strangers = strangers

    def check(self) -> None:
        """Raise Violated for the first thing that is in one place alone, or not the same in both."""
        if MAKINGS.count(self._conn, self._scope):
            raise Violated("1 no leak", "what was asked for has no row, and is not taken away")
        self._networks()
        self._groups()
        self._balancers()

    def _networks(self) -> None:
        vpcs, conn, scope = VPCS.all(self._conn, self._scope), self._conn, self._scope
        outside = {vpc: bool(led) for vpc, led in self._there("vpcs", "id, outside")}
        self._same("VPC", {each.cloud_id for each in vpcs}, set(outside))
        joined = {each: (bool(is_joined), dns) for each, is_joined, dns in self._there("subnets", "id, joined, dns")}
        subnets = SUBNETS.all(conn, scope)
        self._same("subnet", {each.cloud_id for each in subnets}, set(joined))
        names = {each.id: each.dns for each in DHCP_OPTIONS.all(conn, scope)}
        dns = {each.id: names.get(each.dhcp_options_id, ()) for each in vpcs}
        for vpc in vpcs:
            led = GATEWAYS.count(conn, scope, vpc_id=vpc.id) > 0
            held = any(each.vpc_id == vpc.id and each.state is Progress.DELETING for each in subnets)
            if vpc.state is Progress.DELETING and not held:
                raise Violated("4 convergence", f"VPC {vpc.id} is still being deleted")
            if vpc.state is not Progress.DELETING and (outside[vpc.cloud_id], vpc.gateway) != (led, led):
                raise Violated("4 convergence", f"VPC {vpc.id} is led out: {led}, {outside[vpc.cloud_id]}")
        for subnet in subnets:
            if subnet.state is Progress.DELETING and not self._is_used(subnet):
                raise Violated("4 convergence", f"subnet {subnet.id} is still being deleted")
            if subnet.state is not Progress.DELETING and subnet.dns != dns[subnet.vpc_id]:
                raise Violated("4 convergence", f"subnet {subnet.id} has names of {subnet.dns}")
            if subnet.state is Progress.AVAILABLE and joined[subnet.cloud_id] != (True, " ".join(subnet.dns)):
                raise Violated("4 convergence", f"subnet {subnet.id} is not joined as its row says")

    def _is_used(self, subnet: Subnet) -> bool:
        """Whether a server was launched into it while it was being deleted: the cloud keeps it until that goes."""
        return any(server.subnet_id == subnet.cloud_id for _, server in self._world.simulated.operator.servers())

    def _groups(self) -> None:
        groups = SECURITY_GROUPS.all(self._conn, self._scope)
        there = {identity for (identity,) in self._there("made_groups", "id")}
        self._same("security group", {each.cloud_id for each in groups if each.cloud_id}, there)
        ids = {each.id: each.cloud_id for each in groups if each.cloud_id}
        making = self._world.simulated.cloud.groups
        assert making is not None
        for group in groups:
            if group.state is not GroupState.AVAILABLE or group.cloud_id is None:
                raise Violated("4 convergence", f"security group {group.id} is still {group.state}")
            rules = RULES.all(self._conn, self._scope, group_id=group.id)
            wanted = set(for_cloud(rules, ids))
            here = set(making.security_group_rules(self._scope, group.cloud_id))
            if wanted != here:
                raise Violated("4 convergence", f"security group {group.id} lacks {wanted - here}, has {here - wanted}")

    def _balancers(self) -> None:
        balancers = BALANCERS.all(self._conn, self._scope)
        there = dict(self._there("balancers", "id, digest"))
        self._same("balancer", {each.cloud_id for each in balancers if each.cloud_id}, set(there))
        pools: dict[str, str] = {}
        for balancer in balancers:
            if balancer.state is not BalancerState.ACTIVE or balancer.cloud_id is None:
                raise Violated("4 convergence", f"balancer {balancer.id} is still {balancer.state}")
            kept = wishes.read(self._conn, self._scope, balancer.id)
            assert kept is not None
            wanted = {(each.kind, each.key): digest_of(each) for each in Wish(*kept[:5]).parts()}
            parts = parts_of(self._world, balancer.cloud_id)
            if wanted != {(each.kind, each.key): each.digest for each in parts}:
                raise Violated("4 convergence", f"balancer {balancer.id} has not the parts that it is to have")
            if there[balancer.cloud_id] != digest_of(balancer_plan(balancer)):
                raise Violated("4 convergence", f"balancer {balancer.id} is not as it is wished for")
            pools |= {each.key: each.id for each in parts if each.kind == "pool"}
        for group in GROUPS.all(self._conn, self._scope):
            if group.pool_id != pools.get(group.id):
                raise Violated("25 traffic", f"target group {group.id} has pool {group.pool_id}, not {pools}")

    def _there(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        """What the cloud has of the project, but for what strangers made."""
        question = f"SELECT {columns} FROM {table} WHERE project = ? AND region = ?"
        with self._world.simulated._state.reading() as connection:
            rows = connection.execute(question, (self._scope.project_id, self._scope.region)).fetchall()
        return [tuple(row) for row in rows if row[0] not in self._strangers]

    def _same(self, noun: str, rows: set[str], cloud: set[str]) -> None:
        if rows != cloud:
            detail = f"{noun}: the cloud has {sorted(cloud - rows)} too much, and lacks {sorted(rows - cloud)}"
            raise Violated("1 no leak", detail)
