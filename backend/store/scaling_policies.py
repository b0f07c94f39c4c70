"""Rows of scaling policies, what they decide upon, and what comes of it. Whoever writes holds the cluster first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, or_, select

from backend.domain.activity import Cause
from backend.domain.cluster import Cluster
from backend.domain.node import SERVING, Node
from backend.domain.node import capacity as capacity_of_nodes
from backend.domain.page import Page
from backend.domain.quotas import Quota
from backend.domain.scaling import Capacity, Decision, PolicyKind, ScalingPolicy
from backend.domain.scope import Scope
from backend.store import activities, clusters, forecasts, intents, nodes, quotas
from backend.store.managed import unmanaged
from backend.store.records import Records
from backend.store.scaling_tables import scaling_policies as table

_t = table.c
POLICIES: Final = Records(table, ScalingPolicy)


@dataclass(frozen=True, slots=True)
class PolicyQuery:
    """Which policies are wanted; an empty member asks for nothing in particular.

    Attributes:
        names, ids: named so, or of these ids.
        managed: of clusters that have an operator, too.
    """

    cluster_name: str | None = None
    names: Sequence[str] = ()
    ids: Sequence[str] = ()
    kinds: Sequence[str] = ()
    managed: bool = True


def of_cluster(conn: Connection, scope: Scope, cluster_id: str) -> dict[str, ScalingPolicy]:
    """Those of a cluster, by name."""
    return {each.name: each for each in POLICIES.all(conn, scope, cluster_id=cluster_id)}


def write(conn: Connection, scope: Scope, policy: ScalingPolicy) -> None:
    """Write one in the place of that of the same id, or a new one."""
    values = {name: getattr(policy, name) for name in ScalingPolicy.__dataclass_fields__ if name != "id"}
    if not POLICIES.change(conn, scope, policy.id, **values):
        POLICIES.add(conn, scope, policy)


def forget_cluster(conn: Connection, cluster_id: str) -> None:
    """Delete those of a cluster that is being removed."""
    conn.execute(delete(table).where(_t.cluster_id == cluster_id))


def page(
    conn: Connection, scope: Scope, query: PolicyQuery, limit: int, after: tuple[str, str] | None = None
) -> Page[ScalingPolicy]:
    """Policies by cluster name and name.

    Args:
        after: (cluster name, name) of the last one of the page before.
    """
    statement = select(_t.id).where(_t.project_id == scope.project_id, _t.region == scope.region)
    if query.cluster_name is not None:
        statement = statement.where(_t.cluster_name == query.cluster_name)
    if query.names or query.ids:
        statement = statement.where(or_(_t.name.in_(query.names), _t.id.in_(query.ids)))
    if query.kinds:
        statement = statement.where(_t.kind.in_(query.kinds))
    if not query.managed:
        statement = statement.where(unmanaged(scope, _t.cluster_id))
    if after is not None:
        cluster, name = after
        statement = statement.where(or_(_t.cluster_name > cluster, and_(_t.cluster_name == cluster, _t.name > name)))
    ids = list(conn.execute(statement.order_by(_t.cluster_name, _t.name).limit(limit + 1)).scalars())
    found = POLICIES.of(conn, scope, ids[:limit])
    items = [found[each] for each in ids[:limit] if each in found]
    if len(ids) <= limit or not items:
        return Page(items)
    return Page(items, f"{items[-1].cluster_name}:{items[-1].name}")


def capacity(conn: Connection, cluster: Cluster, policy: ScalingPolicy, now: datetime) -> Capacity:
    """What a policy decides upon.

    Args:
        cluster: as locked in this transaction.
    """
    here = nodes.of_cluster(conn, cluster.id)
    warmup = warmup_of(cluster, policy)
    warm = capacity_of_nodes(node for node in here if is_warm(cluster, node, warmup, now))
    spec, predicts = cluster.spec, policy.kind is PolicyKind.PREDICTIVE
    return Capacity(
        minimum=spec.minimum,
        maximum=spec.maximum,
        desired=spec.desired,
        warm=min(warm, spec.desired),
        busy=activities.blocking(conn, cluster, now) if policy.kind is PolicyKind.SIMPLE else None,
        foreseen=0 if predicts else foreseen(conn, cluster, now, acting=True) or 0,
        ceiling=quotas.limit(conn, cluster.scope, Quota.SIZE) if predicts else None,
    )


def foreseen(conn: Connection, cluster: Cluster, now: datetime, *, acting: bool = False) -> int | None:
    """What forecasts ask for: the most of all; None where there are none.

    Args:
        acting: of policies alone that are to act by them.
    """
    policies = POLICIES.all(conn, cluster.scope, cluster_id=cluster.id, kind=str(PolicyKind.PREDICTIVE))
    predictions = {each.id: each.prediction for each in policies if each.enabled or not acting}
    kept = forecasts.of(conn, cluster.scope, predictions) if predictions else {}
    asked = [
        units
        for policy_id, prediction in predictions.items()
        if (prediction.acts or not acting) and policy_id in kept
        if (expected := kept[policy_id].foreseen) is not None
        if (units := expected.asked(now, prediction.buffer)) is not None
    ]
    return max(asked, default=None)


def note_foreseen(conn: Connection, cluster: Cluster, now: datetime) -> None:
    """Have the cluster tell what forecasts ask for now.

    Args:
        cluster: as locked in this transaction.
    """
    if (predicted := foreseen(conn, cluster, now)) != cluster.predicted:
        clusters.predict(conn, cluster.id, predicted)


def measured_units(conn: Connection, cluster: Cluster, at: datetime) -> int:
    """What a metric is an average of in the period that begins then: what was in service by that time.

    Whether it had warmed up says nothing: those who measure, or push their own, leave no member out for being new.

    Source: Auto Scaling User Guide, "Set the default instance warmup": without one, each instance contributes as soon
    as it is InService. That AWS leaves out what warms up where there is one is no reason to: here nobody does.
    """
    here = nodes.of_cluster(conn, cluster.id)
    return capacity_of_nodes(
        node for node in here if node.state in SERVING and node.in_service_at is not None and node.in_service_at <= at
    )


def warmup_of(cluster: Cluster, policy: ScalingPolicy) -> timedelta:
    """How long a new node does not count: as the policy says, else the cluster, else as long as it cools down.

    Source: the model, EstimatedInstanceWarmup.
    """
    spec = cluster.spec
    for seconds in (policy.warmup_seconds, spec.warmup_seconds):
        if seconds is not None:
            return timedelta(seconds=seconds)
    return timedelta(seconds=spec.cooldown_seconds)


def is_warm(cluster: Cluster, node: Node, warmup: timedelta, now: datetime) -> bool:
    """Whether a node serves, and for long enough where it is one that has to warm up.

    Each has to where the cluster has a warm-up of its own, else each that came into service since policies began to
    add: launched, or from the warm pool or standby, where it may have been prepared long before.

    Source: Auto Scaling User Guide, "Set the default instance warmup": it begins when an instance reaches InService.
    """
    if node.state not in SERVING or node.in_service_at is None:
        return False
    added_at = cluster.scaled_out_at
    if cluster.spec.warmup_seconds is None and (added_at is None or node.in_service_at < added_at):
        return True
    return node.in_service_at + warmup <= now


def follow(
    conn: Connection, cluster: Cluster, policy: ScalingPolicy, decision: Decision, cause: Cause, **also: Any
) -> None:
    """Give the cluster what a policy decided, and keep why where that is nothing.

    Args:
        cluster: as locked in this transaction.
        cause: told now, with ``before`` and ``after``.
        also: further fields of the cluster that change with it.
    """
    now, desired = cause.at, cluster.spec.desired
    if decision.stay is None:
        if policy.kind is PolicyKind.SIMPLE:
            also["own_cooldown_seconds"] = policy.cooldown_seconds
        elif decision.desired > desired and not (cluster.scaled_out_at and _warms(conn, cluster, policy, now)):
            also["scaled_out_at"] = now
    if decision.stay is None or also:
        intents.desire(conn, cluster, decision.desired, now, cause, **also)
    stayed = None if decision.stay is None else str(decision.stay)
    POLICIES.change(conn, cluster.scope, policy.id, stayed=stayed, decided_at=now)


def _warms(conn: Connection, cluster: Cluster, policy: ScalingPolicy, now: datetime) -> bool:
    """Whether what policies added still warms up for any of them, or has not come yet.

    What one of a short warm-up adds begins nothing anew for one of a long warm-up: to that it would look as if all
    that came before had always been there.
    """
    policies = (policy, *POLICIES.all(conn, cluster.scope, cluster_id=cluster.id))
    longest = max(warmup_of(cluster, each) for each in policies)
    here = nodes.of_cluster(conn, cluster.id)
    warm = capacity_of_nodes(node for node in here if is_warm(cluster, node, longest, now))
    return warm < cluster.spec.desired
