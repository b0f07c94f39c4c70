"""What of a project metrics are wanted of: what alarms and policies look at, and the servers and pools behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from backend.domain.alarms import stat_of
from backend.domain.balancers import TargetState, is_made
from backend.domain.ids import balancing_id
from backend.domain.metrics import Metric
from backend.domain.node import SERVING
from backend.domain.scaling import PolicyKind
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth, RegistrationState
from backend.store.alarm_tables import alarms
from backend.store.balancers import BALANCERS, GROUPS, TARGETS
from backend.store.scaling_tables import scaling_policies
from backend.store.tables import clusters, nodes, registrations

_a, _c, _n, _p, _r = alarms.c, clusters.c, nodes.c, scaling_policies.c, registrations.c
_BATCH: Final = 1000
_TAKING: Final = (str(RegistrationState.REGISTERED),)


@dataclass(frozen=True, slots=True)
class Serving:
    """A node in service: its cluster's name, its server, and what type that is of."""

    cluster: str
    server_id: str
    short_id: str
    instance_type: str


def serving(conn: Connection, scope: Scope) -> Sequence[Serving]:
    """The nodes of a project that are in service."""
    columns = (_c.name, _n.server_id, _n.server_short_id, _n.instance_type)
    asked = select(*columns).join_from(nodes, clusters, _n.cluster_id == _c.id)
    asked = asked.where(_n.project_id == scope.project_id, _n.region == scope.region, _n.state.in_(list(SERVING)))
    found = conn.execute(asked.where(_n.server_id.is_not(None)).order_by(_n.server_id))
    return [Serving(*row) for row in found]


def watched(conn: Connection, scope: Scope, namespaces: Collection[str]) -> set[Metric]:
    """Metrics of these namespaces that alarms of a project look at, those of tracking policies among them."""
    found: set[Metric] = set()
    after = ""
    while True:
        asked = select(_a.id, _a.watched).where(
            _a.project_id == scope.project_id, _a.region == scope.region, _a.id > after
        )
        rows_ = conn.execute(asked.order_by(_a.id).limit(_BATCH)).all()
        for row in rows_:
            # Alarms of other alarms watch none of their own.
            queries = row.watched.get("queries") or ()
            stats = [row.watched.get("stat"), *(query["stat"] for query in queries)]
            named = (stat for stat in stats if stat is not None and stat["namespace"] in namespaces)
            found |= {stat_of(stat).metric for stat in named}
        if len(rows_) < _BATCH:
            return found
        after = rows_[-1].id


def predicted(conn: Connection, scope: Scope) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """The names of clusters of a project that have predictive policies, and the documents of these."""
    mine = (_p.project_id == scope.project_id, _p.region == scope.region, _p.kind == str(PolicyKind.PREDICTIVE))
    found = conn.execute(select(_p.cluster_name, _p.forecast).where(*mine).order_by(_p.id))
    return [(row.cluster_name, row.forecast or {}) for row in found]


def pools_of(conn: Connection, scope: Scope, group_ids: Collection[str]) -> Mapping[str, tuple[str, int]]:
    """The cloud's pool of each of these target groups that has one, and how many targets share its requests.

    Those are the healthy ones; where none is known to be, all that are registered.

    Args:
        group_ids: as they stand in ARNs.

    Source: Elastic Load Balancing User Guide, RequestCountPerTarget.
    """
    found: dict[str, tuple[str, int]] = {}
    mine = (_r.project_id == scope.project_id, _r.region == scope.region)
    counted = select(_r.pool_id, _r.health, func.count()).where(*mine, _r.state.in_(_TAKING))
    targets: dict[str, Counter[str]] = {}
    for pool_id, health, number in conn.execute(counted.group_by(_r.pool_id, _r.health)):
        targets.setdefault(pool_id, Counter())[health] += number
    by_hand = TARGETS.all(conn, scope, group_id=list(group_ids), state=str(TargetState.REGISTERED)) if group_ids else ()
    for target in by_hand:
        targets.setdefault(target.group_id, Counter())[str(MemberHealth.UNKNOWN)] += 1
    for group in GROUPS.all(conn, scope, id=list(group_ids)) if group_ids else ():
        if group.pool_id is not None:
            found[group.id] = group.pool_id, _sharing(targets.get(group.id, Counter()))
    for source_id, healths in targets.items():  # pools of the cloud's own are their own target groups
        group_id = balancing_id(source_id)
        if group_id in group_ids and not is_made(source_id):
            found[group_id] = source_id, _sharing(healths)
    return found


def _sharing(healths: Counter[str]) -> int:
    return healths[str(MemberHealth.HEALTHY)] or healths.total()


def balancers_of(conn: Connection, scope: Scope, balancer_ids: Collection[str]) -> Mapping[str, str]:
    """The cloud's balancer of each of these that has one, by the digits of their ARNs."""
    found = BALANCERS.all(conn, scope, id=list(balancer_ids)) if balancer_ids else ()
    return {each.id: each.cloud_id for each in found if each.cloud_id is not None and not each.gone}
