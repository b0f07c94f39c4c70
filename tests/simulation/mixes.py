"""Mixes in a run: users who put, change and take them away, types that have no room, and Spot that is taken back."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.cluster import ClusterChange, SourceRequest
from backend.domain.mixes import SPOT_STRATEGIES, MixRequest, OverrideRequest, Strategy
from backend.policies.allocation import on_demand_of
from tests.simulation.companion import Companion, Deed
from tests.simulation.step import Step
from tests.simulation.users import ZONES, Kept, User
from tests.simulation.world import World

_ALL = 100
TYPES = ("t3.micro", "t3.small", "t3.medium")


class Mixers(Companion):
    """What users do with mixes, and what befalls these."""

    def __init__(self, world: World, users: Sequence[User], kept: Kept) -> None:
        super().__init__(world, users)
        self.kept = kept

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return (
            (6, self._put),
            (1, self._take_away),
            (2, self._fill),
            (2, self._reclaim),
        )

    def _put(self, user: User) -> None:
        rng = self.world.rng
        weighs = rng.random() < 0.6
        kinds = rng.sample(TYPES, rng.randint(1, 3))
        # All of them are named where there are weights: nodes of other types would have none.
        kinds = [*kinds, *(kind for kind in TYPES if kind not in kinds)] if weighs else kinds
        overrides = tuple(
            OverrideRequest(kind, rng.randint(1, self.world.mood.heaviest) if weighs else None) for kind in kinds
        )
        share = {
            "on_demand_base": rng.choice((0, 0, 1, 3)),
            "on_demand_percent": rng.choice((0, 50, 100)),
            "on_demand_strategy": rng.choice((Strategy.PRIORITIZED, Strategy.LOWEST_PRICE)).value,
            "spot_strategy": rng.choice(SPOT_STRATEGIES).value,
        }
        source = SourceRequest(template_name=rng.choice(("lt-0", "lt-1")))
        user.change(user._name(), ClusterChange({}, source, mix=MixRequest(overrides, share)))

    def _take_away(self, user: User) -> None:
        source = SourceRequest(template_name=self.world.rng.choice(("lt-0", "lt-1")))
        user.change(user._name(), ClusterChange({}, source))

    def _fill(self, _user: User) -> None:
        rng, faults = self.world.rng, self.world.simulated.faults
        zone, kind = rng.choice(ZONES), rng.choice(TYPES)
        self.world.trace(f"fault: no room for {kind} in {zone}")
        faults.capacity(zone, rng.randint(0, 2), flavor=kind, seconds=rng.choice((30.0, 600.0)))

    def _reclaim(self, _user: User) -> None:
        operator = self.world.simulated.operator
        found = [server for _, server in operator.servers() if server.preemptible and server.launch_id is not None]
        if not found:
            return
        server = self.world.rng.choice(found)
        self.kept.judged.add(server.short_id)
        self.world.trace(f"fate: reclaim {server.id}")
        operator.reclaim(server.id)


def shared(step: Step) -> None:
    """Each class is launched while it is below its share, and not beyond; what nobody wants is not launched at all."""
    mix = step.cluster.spec.mix
    if mix is None:
        return
    share = mix.distribution
    wants_spot, all_spot = share.on_demand_percent < _ALL, not (share.on_demand_percent or share.on_demand_base)
    new = [node for old, node in step.nodes() if old is None and not node.attached]
    unwanted = [node.id for node in new if node.preemptible if not wants_spot]
    unwanted += [node.id for node in new if not node.preemptible if all_spot]
    if unwanted:
        raise step.world.broke("22 shares", f"{step.cluster.name}: {unwanted} are of a class that is not wanted")
    if not wants_spot:
        return
    desired, plain = step.cluster.spec.desired, [node for node in new if node.replaces is None]
    launched = sum(node.weight for node in plain if not node.preemptible)
    counted = [node for _, node in step.nodes() if node.counted]
    goes = {node.replaces for node in counted}  # who came ahead of another has its share from then on
    on_demand = sum(node.weight for node in counted if not node.preemptible and node.id not in goes)
    most = on_demand_of(desired, mix.distribution)
    lightest = min((node.weight for node in plain if not node.preemptible), default=1)
    if launched and on_demand - lightest >= most:
        raise step.world.broke("22 shares", f"{step.cluster.name}: {on_demand} units On-Demand, their share is {most}")
    if any(node.id in goes for node in counted) or step.cluster.launching:
        return  # more is there than is desired, and is to be
    spot = sum(node.weight for node in counted if node.preemptible)
    heaviest = max((node.weight for node in plain if node.preemptible), default=0)
    if heaviest and spot - heaviest >= desired - most:
        raise step.world.broke("22 shares", f"{step.cluster.name}: {spot} units Spot, {desired - most} are their share")
