"""Users who make and end networks, security groups and balancers, and let their clusters stand on them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any, Final

from backend.domain.balancers import BalancerKind
from backend.domain.cluster import Cluster, ClusterChange, PlacementRequest
from backend.domain.ids import balancing_id
from backend.domain.scope import Scope
from backend.domain.security_groups import GroupRule
from backend.errors import Finding
from backend.services.balancers import NewBalancer
from backend.services.listeners import NewListener, NewRule
from backend.services.target_groups import NewGroup
from backend.store import clusters
from backend.store.balancers import GROUPS
from backend.store.networks import GATEWAYS
from tests.simulation.actor import Actor, Deed
from tests.simulation.built import Built, Noun
from tests.simulation.users import ZONES, User
from tests.simulation.world import World

CHECK: Final = {
    "enabled": True,
    "protocol": "HTTP",
    "port": "traffic-port",
    "path": "/",
    "codes": "200",
    "interval": 30,
    "timeout": 5,
    "healthy": 5,
    "unhealthy": 2,
}
_VPCS: Final = 2
_DELAY: Final = {"deregistration_delay.timeout_seconds": "20"}


class Builder(Actor):
    """A builder of one project. ``user`` has the clusters that stand on what is built."""

    def __init__(self, world: World, scope: Scope, rng: Random, user: User) -> None:
        super().__init__(world, scope, rng)
        self.user = user
        self.built = Built(world, scope)
        self.network = world.simulated.cloud.network.networks(scope)[0].id
        self.gateway = self.backend.routing.create_gateway(scope).id
        options = self.backend.dhcp_options.create(scope, {"domain-name-servers": ["10.9.9.9"]})
        self.options = ("", options.id)
        self.settle_in()

    def settle_in(self) -> None:
        """Something to begin with: a balancer that leads to a cluster, in a network of one's own."""
        networks = (self.make_vpc, self.make_subnet, self.make_group)
        for deed in (*networks, self.make_targets, self.make_balancer, self.make_listener, self.attach_targets):
            with contextlib.suppress(Finding):  # it may have named what there is not
                deed()

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        """Those for which there is something to do them to."""
        every: Sequence[tuple[int, Deed, Noun | None]] = (
            (4, self.make_vpc, None),
            (2, self.end_vpc, Noun.VPC),
            (6, self.make_subnet, Noun.VPC),
            (4, self.end_subnet, Noun.SUBNET),
            (3, self.open_vpc, Noun.VPC),
            (2, self.close_vpc, Noun.VPC),
            (3, self.name_servers, Noun.VPC),
            (4, self.make_group, Noun.VPC),
            (3, self.end_group, Noun.GROUP),
            (6, self.change_rules, Noun.GROUP),
            (4, self.make_balancer, Noun.VPC),
            (2, self.end_balancer, Noun.BALANCER),
            (4, self.make_targets, None),
            (3, self.end_targets, Noun.TARGETS),
            (6, self.make_listener, Noun.BALANCER),
            (3, self.end_listener, Noun.LISTENER),
            (4, self.turn_listener, Noun.LISTENER),
            (4, self.make_rule, Noun.LISTENER),
            (2, self.end_rule, Noun.LISTENER),
            (6, self.attach_targets, Noun.TARGETS),
            (3, self.detach_targets, Noun.TARGETS),
            (4, self.stand_on, Noun.SUBNET),
        )
        return [(weight, deed) for weight, deed, noun in every if noun is None or self.built.here[noun]]

    # networks --------------------------------------------------------------------------------------------------------

    def make_vpc(self) -> None:
        if len(self.built.here[Noun.VPC]) >= _VPCS:
            self.end_vpc()
            return
        made = self.backend.networks.create_vpc(self.scope, "10.1.0.0/16")
        self.built.made(Noun.VPC, made.id)

    def end_vpc(self) -> None:
        vpc = self._one(Noun.VPC)

        def inside() -> set[str]:
            return self.built.inside(Noun.SUBNET, vpc) | self.built.inside(Noun.GROUP, vpc)

        with self.built.ends(Noun.VPC, vpc, inside):
            self.backend.networks.delete_vpc(self.scope, vpc)

    def make_subnet(self) -> None:
        vpc, number = self._one(Noun.VPC), self.rng.randint(1, 5)
        made = self.backend.networks.create_subnet(self.scope, vpc, f"10.1.{number}.0/24", self.rng.choice(ZONES))
        self.built.made(Noun.SUBNET, made.id, vpc)

    def end_subnet(self) -> None:
        subnet = self._one(Noun.SUBNET)
        with self.built.ends(Noun.SUBNET, subnet, lambda: self.built.inside(Noun.BALANCER, subnet)):
            self.backend.networks.delete_subnet(self.scope, subnet)

    def open_vpc(self) -> None:
        self.backend.routing.attach_gateway(self.scope, self.gateway, self._one(Noun.VPC))

    def close_vpc(self) -> None:
        with self.world.store.watch() as conn:
            found = GATEWAYS.one(conn, self.scope, id=self.gateway)
        vpc = found.vpc_id if found is not None and found.vpc_id is not None else self._one(Noun.VPC)
        self.backend.routing.detach_gateway(self.scope, self.gateway, vpc)

    def name_servers(self) -> None:
        self.backend.networks.set_dhcp_options(self.scope, self._one(Noun.VPC), self.rng.choice(self.options))

    # security groups -------------------------------------------------------------------------------------------------

    def make_group(self) -> None:
        vpc, name = self._one(Noun.VPC), self.rng.choice(("web", "db"))
        made = self.backend.security_groups.create(self.scope, name, "built", vpc)
        self.built.made(Noun.GROUP, made.id, vpc)

    def end_group(self) -> None:
        group = self._one(Noun.GROUP)
        with self.built.ends(Noun.GROUP, group):
            self.backend.security_groups.delete(self.scope, group)

    def change_rules(self) -> None:
        """A rule more, or one less."""
        peers = ["10.0.0.0/8", "::/0", *self.built.here[Noun.GROUP]]
        port, peer, goes = self.rng.choice((80, 443)), self.rng.choice(peers), self.rng.random() < 0.4
        rule = GroupRule("", "", False, "tcp", port, port, peer)

        def edit(rules: Sequence[GroupRule]) -> Sequence[GroupRule]:
            if goes:
                return list(rules)[1:]
            return [*rules, rule]

        self.backend.security_groups.change(self.scope, self._one(Noun.GROUP), edit)

    # balancers -------------------------------------------------------------------------------------------------------

    def make_balancer(self) -> None:
        subnet = self._one(Noun.SUBNET) if self.rng.random() < 0.5 else self.rng.choice(self.user.subnets).short_id
        subnets = self.backend.balancers.subnets(self.scope, [subnet])
        kind = self.rng.choice((BalancerKind.APPLICATION, BalancerKind.NETWORK))
        name = self.rng.choice(("front", "back"))
        made = self.backend.balancers.create(self.scope, NewBalancer(name, kind, "internal", subnets))
        self.built.made(Noun.BALANCER, made.id, subnet)

    def end_balancer(self) -> None:
        balancer = self._one(Noun.BALANCER)
        parts = self.built.inside(Noun.LISTENER, balancer)
        for each in parts:
            del self.built.here[Noun.LISTENER][each]
            self.built.asked[each] += 1
        with self.built.ends(Noun.BALANCER, balancer):
            self.backend.balancers.delete(self.scope, balancer)

    def make_targets(self) -> None:
        name, attributes = self.rng.choice(("red", "green", "blue")), self.rng.choice((_DELAY, {}))
        wanted = NewGroup(name, "HTTP", 80, self.network, "instance", CHECK, attributes=attributes)
        self.built.made(Noun.TARGETS, self.backend.target_groups.create(self.scope, wanted).id)

    def end_targets(self) -> None:
        group = self._one(Noun.TARGETS)
        with self.built.ends(Noun.TARGETS, group):
            self.backend.target_groups.delete(self.scope, group)

    def make_listener(self) -> None:
        balancer, port = self._one(Noun.BALANCER), self.rng.choice((80, 81))
        made = self.backend.listeners.create(self.scope, balancer, NewListener("HTTP", port, self._forward()))
        self.built.made(Noun.LISTENER, made.id, balancer)

    def end_listener(self) -> None:
        listener = self._one(Noun.LISTENER)
        with self.built.ends(Noun.LISTENER, listener):
            self.backend.listeners.delete(self.scope, listener)

    def turn_listener(self) -> None:
        """Another target group, or another port."""
        listener = self._one(Noun.LISTENER)
        values: Mapping[str, Any] = {"port": self.rng.choice((80, 81))}
        if self.rng.random() < 0.7:
            values = {"actions": self._forward()}
        self.backend.listeners.change(self.scope, listener, **values)

    def make_rule(self) -> None:
        conditions = ({"field": "path-pattern", "values": ["/a"]},)
        wanted = NewRule(self.rng.choice((1, 2)), conditions, self._forward())
        self.backend.listeners.create_rule(self.scope, self._one(Noun.LISTENER), wanted)

    def end_rule(self) -> None:
        rules = self.backend.listeners.rules(self.scope, self._one(Noun.LISTENER))
        for each in rules[:1]:
            self.backend.listeners.delete_rule(self.scope, each.id)

    def _forward(self) -> tuple[dict[str, Any], ...]:
        return ({"type": "forward", "groups": [[self._one(Noun.TARGETS), 1]]},)

    # clusters on all of that -----------------------------------------------------------------------------------------

    def attach_targets(self) -> None:
        key, groups = self.user.key(), {self._one(Noun.TARGETS)}
        with self.user.model.expects(self.user.model.pooled(key, groups)):
            self.backend.traffic.attach(self.scope, key[1], list(groups))

    def detach_targets(self) -> None:
        key = self.user.key()
        with self.world.store.read() as conn:
            attached = [balancing_id(source.pool_id) for source in clusters.get(conn, self.scope, key[1]).sources]
        made = [each for each in attached if each in self.built.here[Noun.TARGETS]]
        group = self.rng.choice(made or [self._one(Noun.TARGETS)])
        with self.user.model.expects(self.user.model.unpooled(key, group)):
            self.backend.traffic.detach(self.scope, key[1], [group])

    def stand_on(self) -> None:
        """A cluster on subnets that were made, or again on the network's own."""
        made = list(self.built.here[Noun.SUBNET])
        own = [each.short_id for each in self.user.subnets]
        chosen = self.rng.sample(made, self.rng.randint(1, len(made))) if made and self.rng.random() < 0.6 else own
        self.user.change(self.user.key()[1], ClusterChange({}, None, PlacementRequest(subnets=tuple(chosen))))

    def alter(self) -> None:
        """Change what there is, each in one way that engines have to see to."""
        for group in self.built.here[Noun.GROUP]:
            self.backend.security_groups.change(self.scope, group, lambda rules: list(rules)[1:])
        for vpc in self.built.here[Noun.VPC]:
            self.backend.networks.set_dhcp_options(self.scope, vpc, self.options[1])
        self._each(Noun.VPC, lambda vpc: self.backend.routing.attach_gateway(self.scope, self.gateway, vpc))

    def end_all(self) -> None:
        """End everything, in the order in which it may go."""
        backend, scope = self.backend, self.scope
        self._each(Noun.VPC, lambda vpc: backend.routing.detach_gateway(scope, self.gateway, vpc))
        self._each(Noun.LISTENER, lambda each: backend.listeners.delete(scope, each))
        self._each(Noun.BALANCER, lambda each: backend.balancers.delete(scope, each))
        self._each(Noun.GROUP, lambda each: backend.security_groups.delete(scope, each))
        self._each(Noun.SUBNET, lambda each: backend.networks.delete_subnet(scope, each))
        self._each(Noun.VPC, lambda each: backend.networks.delete_vpc(scope, each))
        for noun in (Noun.LISTENER, Noun.BALANCER, Noun.GROUP, Noun.SUBNET, Noun.VPC):
            self.built.here[noun].clear()

    def _each(self, noun: Noun, deed: Callable[[str], object]) -> None:
        for each in list(self.built.here[noun]):
            with contextlib.suppress(Finding):
                deed(each)

    def settle(self, here: Iterable[Cluster]) -> None:
        """Put right what only users can: their clusters stand on what there is."""
        own = PlacementRequest(subnets=tuple(each.short_id for each in self.user.subnets))
        with self.world.store.watch() as conn:
            known = {each.id for each in GROUPS.all(conn, self.scope)}
        for cluster in here:
            if cluster.spec.subnets:
                self.user.change(cluster.name, ClusterChange({}, None, own))
            for source in cluster.sources:
                group = balancing_id(source.pool_id)
                if group == source.pool_id and group not in known and source.wanted:
                    key = (self.scope.project_id, cluster.name)
                    with self.user.model.expects(self.user.model.unpooled(key, group)):
                        self.backend.traffic.detach(self.scope, cluster.name, [group])

    def _one(self, noun: Noun) -> str:
        """One that is there; now and then one that was, or never was."""
        here = list(self.built.here[noun])
        if here and self.rng.random() < 0.95:
            return self.rng.choice(here)
        gone = sorted(self.built.gone[noun])
        return self.rng.choice(gone) if gone else "0" * (16 if noun in _BALANCING else 17)


_BALANCING: Final = frozenset({Noun.BALANCER, Noun.TARGETS, Noun.LISTENER})
