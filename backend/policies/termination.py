"""Which nodes go when capacity shrinks: zone first, then the cluster's rules, then chance. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from backend.domain.cluster import TerminationRule
from backend.domain.node import IN_WARM_POOL, Health, Node, NodeState
from backend.domain.profile import LaunchSource

_HOUR = 3600.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
Key = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TerminationView:
    """What the rules look at.

    Attributes:
        rules: TerminationRule values in the order they are applied.
        source: what the cluster launches from now.
        configurations: name -> creation of the launch configurations there still are.
    """

    rules: Sequence[str]
    source: LaunchSource
    now: datetime
    configurations: Mapping[str, datetime] = field(default_factory=dict)


def choose(nodes: Sequence[Node], units: int, view: TerminationView, rng: Random) -> list[Node]:
    """The nodes to terminate, in the order they are chosen; fewer when the rest is protected or counts more.

    Of the zones that hold most and at least one that may go, the one with the best candidate gives it up;
    there, what is not in service yet or already unhealthy goes before the rules are asked.

    Args:
        nodes: all that count towards the capacity.
        units: what may go; never more than that does.

    Source: Auto Scaling User Guide, "Configure termination policies".
    """
    counts: Counter[str] = Counter()
    for node in nodes:
        counts[node.zone] += node.weight
    queues: dict[str, list[tuple[Key, Node]]] = {}
    for node in nodes:
        if may_go(node):
            queues.setdefault(node.zone, []).append((_key(node, view, rng), node))
    for queue in queues.values():
        queue.sort(key=_first, reverse=True)
    chosen: list[Node] = []
    left = units
    while left > 0 and (queues := _fitting(queues, left)):
        zone = min(queues, key=lambda name: (-counts[name], queues[name][-1][0]))
        node = queues[zone].pop()[1]
        chosen.append(node)
        counts[zone] -= node.weight
        left -= node.weight
    return chosen


def _fitting(queues: dict[str, list[tuple[Key, Node]]], units: int) -> dict[str, list[tuple[Key, Node]]]:
    """Each queue up to its next candidate that counts no more than that: less is left with each that goes."""
    for queue in queues.values():
        while queue and queue[-1][1].weight > units:
            queue.pop()
    return {zone: queue for zone, queue in queues.items() if queue}


def may_go(node: Node) -> bool:
    """Whether scale-in may choose it: in service and not protected, or still on its way there."""
    return (node.counted or node.state in IN_WARM_POOL) and not (node.state is NodeState.IN_SERVICE and node.protected)


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
    return (0.0,)  # AllocationStrategy: one purchase option, nothing to choose between


def _default(node: Node, view: TerminationView) -> Iterable[float]:
    by_profile = _template_default if view.source.is_template else _configuration_default
    return (*by_profile(node, view), *_next_hour(node, view))


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
    TerminationRule.OLDEST_LAUNCH_TEMPLATE: _oldest_template,
    TerminationRule.OLDEST_LAUNCH_CONFIGURATION: _oldest_configuration,
    TerminationRule.CLOSEST_TO_NEXT_INSTANCE_HOUR: _next_hour,
    TerminationRule.NEWEST_INSTANCE: _newest,
    TerminationRule.OLDEST_INSTANCE: _oldest,
}
