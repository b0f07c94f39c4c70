"""Which nodes go when capacity shrinks: zone first, then the cluster's rules, then chance. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from backend.domain.cluster import TerminationRule
from backend.domain.mixes import Distribution
from backend.domain.node import IN_WARM_POOL, REBUILDING, SERVING, Health, Node, NodeState
from backend.domain.profile import LaunchSource
from backend.policies import allocation

_HOUR = 3600.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_UNRANKED = 1_000_000
Key = tuple[float, ...]
Queues = dict[tuple[str, bool], list[tuple[Key, Node]]]
"""(zone, preemptible) -> candidates, the first to go last."""


@dataclass(frozen=True, slots=True)
class MixView:
    """Attributes:
    desired: units that are to be left.
    share: of these between On-Demand and Spot.
    ranks: (instance type, preemptible) -> its rank by the allocation strategy, 0 for what would be launched first.
        What is not named would be launched no more.
    """

    desired: int
    share: Distribution
    ranks: Mapping[tuple[str, bool], int]


@dataclass(frozen=True, slots=True)
class TerminationView:
    """What the rules look at.

    Attributes:
        rules: TerminationRule values in the order they are applied.
        source: what the cluster launches from now.
        configurations: name -> creation of the launch configurations there still are.
        mix: how what is left is to be shared out; None without a mix.
    """

    rules: Sequence[str]
    source: LaunchSource
    now: datetime
    configurations: Mapping[str, datetime] = field(default_factory=dict)
    mix: MixView | None = None


def choose(
    nodes: Sequence[Node], units: int, view: TerminationView, rng: Random, *, among: Collection[str] | None = None
) -> list[Node]:
    """The nodes to terminate, in the order they are chosen; fewer when the rest is protected or counts more.

    Of the zones that hold most and at least one that may go, the one with the best candidate gives it up;
    there, what is not in service yet or already unhealthy goes before the rules are asked, and of a mix what is more
    than its share, On-Demand or Spot.

    Args:
        nodes: all that count towards the capacity.
        units: what may go; never more than that does.
        among: ids of those that may be chosen at all; None for any.

    Source: Auto Scaling User Guide, "Configure termination policies".
    """
    counts: Counter[str] = Counter()
    for node in nodes:
        counts[node.zone] += node.weight
    queues: Queues = {}
    for node in nodes:
        if may_go(node) and (among is None or node.id in among):
            side = node.preemptible and view.mix is not None
            queues.setdefault((node.zone, side), []).append((_key(node, view, rng), node))
    for queue in queues.values():
        queue.sort(key=_first, reverse=True)
    chosen: list[Node] = []
    left, on_demand = units, sum(node.weight for node in nodes if not node.preemptible)
    while left > 0 and (queues := _fitting(queues, left)):
        spot_goes = view.mix is not None and not _is_above_its_share(on_demand, view.mix)
        node = queues[_fullest(queues, counts, spot_goes=spot_goes)].pop()[1]
        chosen.append(node)
        counts[node.zone] -= node.weight
        left -= node.weight
        on_demand -= 0 if node.preemptible else node.weight
    return chosen


def _is_above_its_share(on_demand: int, mix: MixView) -> bool:
    return on_demand > allocation.on_demand_of(mix.desired, mix.share)


def _fullest(queues: Queues, counts: Mapping[str, int], *, spot_goes: bool) -> tuple[str, bool]:
    """The zone that gives up a node, and of which side."""

    def order(place: tuple[str, bool]) -> tuple[float, ...]:
        useful, *rest = queues[place][-1][0]
        return (-counts[place[0]], useful, float(place[1] is not spot_goes), *rest)

    return min(queues, key=order)


def _fitting(queues: Queues, units: int) -> Queues:
    """Each queue up to its next candidate that counts no more than that: less is left with each that goes."""
    for queue in queues.values():
        while queue and queue[-1][1].weight > units:
            queue.pop()
    return {place: queue for place, queue in queues.items() if queue}


def may_go(node: Node) -> bool:
    """Whether scale-in may choose it: in service and not protected, or still on its way there."""
    guarded = node.protected and node.state in SERVING | REBUILDING
    return (node.counted or node.state in IN_WARM_POOL) and not guarded


def _first(item: tuple[Key, Node]) -> Key:
    return item[0]


def _key(node: Node, view: TerminationView, rng: Random) -> Key:
    """Sorts as the rules filter one after the other: smaller goes first."""
    useful = node.state is NodeState.IN_SERVICE and node.health is Health.HEALTHY
    parts: list[float] = [float(useful)]
    for rule in view.rules:
        parts += _RULES.get(rule, _nothing)(node, view)
    if TerminationRule.DEFAULT not in view.rules:
        parts += _default(node, view)
    parts.append(rng.random())
    return tuple(parts)


def _nothing(_node: Node, _view: TerminationView) -> Iterable[float]:
    return (0.0,)


def _allocation(node: Node, view: TerminationView) -> Iterable[float]:
    """What the allocation strategy would launch last goes first; without a mix there is nothing to choose between."""
    if view.mix is None:
        return (0.0,)
    return (-float(view.mix.ranks.get((node.instance_type, node.preemptible), _UNRANKED)),)


def _default(node: Node, view: TerminationView) -> Iterable[float]:
    by_profile = _template_default if view.source.is_template else _configuration_default
    ranked = () if view.mix is None else _allocation(node, view)
    return (*ranked, *by_profile(node, view), *_next_hour(node, view))


def _template_default(node: Node, view: TerminationView) -> Iterable[float]:
    profile = node.profile
    if profile is None:
        return (3.0, 0.0)
    if profile.template_id is None:
        return (0.0, 0.0)
    if profile.template_id != view.source.template_id:
        return (1.0, 0.0)
    return (2.0, float(profile.template_version or 0))


def _configuration_default(node: Node, view: TerminationView) -> Iterable[float]:
    if node.profile is not None and node.profile.template_id is not None:
        return (-1.0, 0.0)  # from before the cluster took a launch configuration
    return _oldest_configuration(node, view)


def _oldest_template(node: Node, view: TerminationView) -> Iterable[float]:
    profile = node.profile
    if profile is None or profile.template_id is None:
        return (2.0 if profile is None else 0.0, 0.0)
    if profile.template_id != view.source.template_id:
        return (0.0, 0.0)
    return (1.0, float(profile.template_version or 0))


def _oldest_configuration(node: Node, view: TerminationView) -> Iterable[float]:
    if node.profile is None or node.profile.configuration is None:
        return (1.0, 0.0)
    return (0.0, view.configurations.get(node.profile.configuration, _LONG_AGO).timestamp())


def _next_hour(node: Node, view: TerminationView) -> Iterable[float]:
    return (_HOUR - (view.now - node.created_at).total_seconds() % _HOUR,)


def _newest(node: Node, _view: TerminationView) -> Iterable[float]:
    return (-node.created_at.timestamp(),)


def _oldest(node: Node, _view: TerminationView) -> Iterable[float]:
    return (node.created_at.timestamp(),)


_RULES: dict[str, Callable[[Node, TerminationView], Iterable[float]]] = {
    TerminationRule.DEFAULT: _default,
    TerminationRule.ALLOCATION_STRATEGY: _allocation,
    TerminationRule.OLDEST_LAUNCH_TEMPLATE: _oldest_template,
    TerminationRule.OLDEST_LAUNCH_CONFIGURATION: _oldest_configuration,
    TerminationRule.CLOSEST_TO_NEXT_INSTANCE_HOUR: _next_hour,
    TerminationRule.NEWEST_INSTANCE: _newest,
    TerminationRule.OLDEST_INSTANCE: _oldest,
}
