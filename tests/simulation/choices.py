"""How many nodes the engine launches or ends, where, and which: held against what the users asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from backend.domain.activity import ActivityKind, ActivityStatus, CauseKind, ReasonKind
from backend.domain.node import Health, Node, NodeState, capacity
from tests.simulation.step import Step


def launched(step: Step) -> None:
    """Not more than lack, and where fewest are; what users launch by number is beside that, whatever is too many."""
    pairs = list(step.nodes())
    plain = [
        node for old, node in pairs if old is None and node.counted and node.replaces is None and not node.attached
    ]
    direct = _direct(step) if plain else set()
    plain = [node for node in plain if node.id not in direct]
    if not plain:
        return
    counted = [node for _, node in pairs if node.counted]
    here = {node.id for node in counted}
    ahead = sum(
        node.weight
        for node in counted
        if node.replaces in here or (node.replaces is not None and node.state is NodeState.PENDING)
    )
    units, heaviest = capacity(counted), max(node.weight for node in counted)
    beside = sum(node.weight for node in counted if node.id in direct)
    if units > step.cluster.spec.desired + ahead + beside + heaviest - 1:
        detail = f"{step.cluster.name}: {units} units, {ahead} ahead, wants {step.cluster.spec.desired}"
        raise step.world.broke("3 bounds", detail)
    if direct & here or _troubled(step) or step.world.settings.window.first < len(counted):
        return  # a zone may have to wait
    counts = _units(counted)
    for node in plain:
        if counts[node.zone] > min(counts[zone] for zone in step.cluster.spec.zones) + heaviest + ahead:
            raise step.world.broke("19 zones", f"{step.cluster.name}: launched in {node.zone}: {dict(counts)}")


def _direct(step: Step) -> set[str]:
    """Nodes that users launched into a zone by number, while it is not known of all of them what comes of it."""
    if not step.cluster.launching and not step.before.clusters[step.cluster.id].launching:
        return set()
    return step.directly_launched()


def _troubled(step: Step) -> bool:
    """Whether some zone may be avoided, or nodes left otherwise than by choice in between."""
    failed = any(
        entry.cluster_id == step.cluster.id
        and (entry.status is ActivityStatus.FAILED or (entry.reason and entry.reason.kind is ReasonKind.ABANDONED))
        for entry in step.now.activities.values()
    )
    return failed or any(
        (old := step.before.nodes[node_id]).cluster_id == step.cluster.id
        and old.counted
        and (node_id not in step.now.nodes or not step.now.nodes[node_id].counted)
        for node_id in step.before.nodes
    )


def chosen(step: Step) -> None:
    """Scale-in takes no more than there are too many, from the zones with most, and by age where that is the rule."""
    gone = []
    for entry in step.opened(ActivityKind.TERMINATE):
        old = step.before.nodes.get(entry.node_id or "")
        if CauseKind.CAPACITY_DECREASE not in {cause.kind for cause in entry.causes} or old is None:
            return  # something else went on, too
        gone.append(old)
    if not gone or any(old is None for old, _ in step.nodes()):
        return
    before = [old for old, _ in step.nodes() if old is not None and old.counted]
    after = [node for _, node in step.nodes() if node.counted]
    if len(before) - len(after) != len(gone):
        return
    if capacity(after) < step.cluster.spec.desired:
        detail = f"{step.cluster.name}: {capacity(after)} left of {capacity(before)}, wants {step.cluster.spec.desired}"
        raise step.world.broke("3 bounds", detail)
    counts, candidates = _units(after), [node for node in after if _may_go(node)]
    for old in gone:
        # One that counts more than was left to go stays, however full its zone is.
        candidates = [node for node in candidates if node.weight <= old.weight]
        fuller = {node.zone for node in candidates if counts[node.zone] > counts[old.zone] + old.weight}
        if fuller:
            raise step.world.broke("19 zones", f"{step.cluster.name}: {old.zone} loses a node, {dict(counts)}")
        _by_age(step, old, [node for node in candidates if node.zone == old.zone])


def _units(nodes: Sequence[Node]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for node in nodes:
        counts[node.zone] += node.weight
    return counts


def _by_age(step: Step, gone: Node, left: list[Node]) -> None:
    rule = step.cluster.spec.termination_rules[0]
    if rule not in {"OldestInstance", "NewestInstance"} or not _is_well(gone):
        return
    if step.cluster.spec.mix is not None:  # what is more than its share goes first, On-Demand or Spot
        left = [node for node in left if node.preemptible is gone.preemptible]
    for node in left:
        older = node.created_at < gone.created_at
        if _is_well(node) and node.created_at != gone.created_at and older is (rule == "OldestInstance"):
            raise step.world.broke("19 zones", f"{step.cluster.name}: {rule}, but {gone.id} went before {node.id}")


def _may_go(node: Node) -> bool:
    return not (node.state is NodeState.IN_SERVICE and node.protected)


def _is_well(node: Node) -> bool:
    return node.state is NodeState.IN_SERVICE and node.health is Health.HEALTHY
