"""Networks made and ended at random, while the cloud fails and processes die: rows and cloud agree once all is calm."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest

from backend.domain.networks import Hop, Route, overlap
from backend.drivers.errors import Busy
from backend.drivers.simulated.faults import Call, Moment, Where
from backend.errors import Finding
from backend.store import networks as rows
from tests.backend.engine.world import EngineWorld
from tests.factories import OTHER, SCOPE

CALLS = (
    *("make_vpc", "delete_vpc", "lead_out", "make_subnet", "join_subnet", "delete_subnet", "find_vpc", "find_subnet"),
    *("extra_routes", "held_addresses", "add_extra_routes", "remove_extra_routes", "add_extra_routes"),
)
STEPS = 80
BLOCKS = ("192.168.0.0/16", "172.16.0.0/12")


class Crash(Exception):
    """The process dies here."""


class Trial:
    """One run."""

    def __init__(self, world: EngineWorld, seed: int) -> None:
        self.world = world
        self.rng = Random(seed)
        self.scope = SCOPE
        self.crashing = False
        world.simulated.faults.hooks.append(self._die)

    def _die(self, moment: Moment, call: Call) -> None:
        if self.crashing and call.name.startswith("make_") and self.rng.random() < 0.3:
            raise Crash

    def step(self) -> None:
        self.scope = self.rng.choice((SCOPE, OTHER))
        self._fault()
        routes = (self._route, self._route, self._end_route, self._interface, self._end_interface)
        acts = (self._vpc, self._subnet, self._subnet, self._end_subnet, self._end_vpc, self._gateway, *routes)
        act = self.rng.choice(acts)
        self.crashing = self.rng.random() < 0.2
        with suppress(Finding, Crash):
            act()
        self.crashing = False
        if self.rng.random() < 0.7:
            self.world.pass_time(self.rng.choice((0.5, 2, 20)), 1)

    def _fault(self) -> None:
        faults, where = self.world.simulated.faults, Where(calls=(self.rng.choice(CALLS),))
        set_one: tuple[Callable[[], object], ...] = (
            lambda: faults.unavailable(where, times=1),
            lambda: faults.lose_request(where, times=1),
            lambda: faults.lose_answer(where, times=1),
            lambda: faults.refuse(Busy("in use"), where, times=1),
        )
        if self.rng.random() < 0.5:
            self.rng.choice(set_one)()

    def _known(self) -> tuple[list[str], list[str]]:
        """Digits of VPCs and subnets as the project sees them, of another project now and then."""
        of = self.scope if self.rng.random() < 0.9 else OTHER
        with self.world.store.read() as conn:
            vpcs = [each.id for each in rows.VPCS.all(conn, of, state=rows.STANDING)]
            return vpcs, [each.id for each in rows.SUBNETS.all(conn, of, state=rows.STANDING)]

    def _vpc(self) -> None:
        self.world.backend.networks.create_vpc(self.scope, "10.0.0.0/16")

    def _subnet(self) -> None:
        vpcs, _ = self._known()
        if vpcs:
            cidr = f"10.0.{self.rng.randrange(3)}.{self.rng.choice((0, 128))}/{self.rng.choice((25, 26))}"
            self.world.backend.networks.create_subnet(self.scope, self.rng.choice(vpcs), cidr, None)

    def _end_subnet(self) -> None:
        _, subnets = self._known()
        if subnets:
            self.world.backend.networks.delete_subnet(self.scope, self.rng.choice(subnets))

    def _end_vpc(self) -> None:
        vpcs, _ = self._known()
        if vpcs:
            self.world.backend.networks.delete_vpc(self.scope, self.rng.choice(vpcs))

    def _gateway(self) -> None:
        vpcs, _ = self._known()
        routing = self.world.backend.routing
        with self.world.store.read() as conn:
            gateways = rows.GATEWAYS.all(conn, self.scope)
        if not vpcs or not gateways:
            routing.create_gateway(self.scope)
            return
        gateway = self.rng.choice(gateways)
        if gateway.vpc_id is None:
            routing.attach_gateway(self.scope, gateway.id, self.rng.choice(vpcs))
        else:
            routing.detach_gateway(self.scope, gateway.id, gateway.vpc_id)

    def _interface(self) -> None:
        _, subnets = self._known()
        if subnets:
            self.world.backend.interfaces.create(self.scope, self.rng.choice(subnets), None, None, "")

    def _end_interface(self) -> None:
        made = self.world.backend.interfaces.list(self.scope)
        if made:
            self.world.backend.interfaces.delete(self.scope, self.rng.choice(made).id)

    def _route(self) -> None:
        """Routes of VPCs that come to the cloud now, and of those of another project or network."""
        made = self.world.backend.interfaces.list(self.scope)
        vpcs, _ = self._known()
        if not made or not vpcs:
            return
        to = self.rng.choice(made)
        vpc = to.vpc if self.rng.random() < 0.9 else self.rng.choice(vpcs)
        route = Route(self.rng.choice(BLOCKS), "interface", to.id, Hop(to.address, interface=to.cloud_id))
        routing = self.world.backend.routing
        write = self.rng.choice((routing.create_route, routing.replace_route))
        for table in self._tables(vpc):
            write(self.scope, table, route, to.vpc)

    def _end_route(self) -> None:
        vpcs, _ = self._known()
        for table in self._tables(self.rng.choice(vpcs)) if vpcs else ():
            self.world.backend.routing.delete_route(self.scope, table, self.rng.choice(BLOCKS))

    def _tables(self, vpc: str) -> list[str]:
        with self.world.store.read() as conn:
            return [each.id for each in rows.ROUTE_TABLES.all(conn, self.scope, vpc_id=vpc)]

    def calm_down(self) -> None:
        """Nothing fails any more, and all that was left has its time."""
        self.world.simulated.faults.hooks.clear()
        self.world.simulated.faults.lift()
        self.world.pass_time(720, 15)

    def check(self) -> None:
        network = self.world.simulated.cloud.network
        for scope in (SCOPE, OTHER):
            with self.world.store.read() as conn:
                vpcs, subnets = rows.VPCS.all(conn, scope), rows.SUBNETS.all(conn, scope)
                joined = {each.vpc_id for each in rows.GATEWAYS.all(conn, scope)}
                assert rows.MAKINGS.count(conn, scope) == 0
                assert rows.ACL_ASSOCIATIONS.count(conn, scope) == len(subnets)
                assert rows.ROUTE_TABLES.count(conn, scope) == rows.ACLS.count(conn, scope) == len(vpcs)
            assert {each.id for each in network.networks(scope) if each.made} == {each.cloud_id for each in vpcs}
            assert {each.id for each in network.subnets(scope) if each.made} == {each.cloud_id for each in subnets}
            assert {each.state for each in (*vpcs, *subnets)} <= {"available"}
            assert all(each.gateway == (each.id in joined) for each in vpcs)
            there = {each.cloud_id for each in self.world.backend.interfaces.list(scope)}
            for vpc in vpcs:
                with self.world.store.read() as conn:
                    hops = rows.hops(conn, scope, vpc.id)
                wanted = {cidr: hop.address for cidr, hop in hops.items() if hop.interface in there}
                told = self.world.simulated.cloud.network_making.extra_routes(scope, vpc.cloud_id)
                assert {each.cidr: each.next_hop for each in told} == wanted == (vpc.routed or {})
                cidrs = [each.cidr for each in subnets if each.vpc_id == vpc.id]
                assert not any(overlap(one, two) for at, one in enumerate(cidrs) for two in cidrs[:at])


@pytest.mark.parametrize("seed", range(3))
def test_rows_and_cloud_agree_once_all_is_calm(seed: int) -> None:
    world = EngineWorld()
    trial = Trial(world, seed)
    for _ in range(STEPS):
        trial.step()
    trial.calm_down()
    trial.check()
    world.close()
