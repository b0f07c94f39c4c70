"""What an engine reads of one load balancer: all that is kept of it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from backend.domain.balancers import (
    BalancerKind,
    BalancerListener,
    BalancerRule,
    LoadBalancer,
    RegisteredTarget,
    TargetGroup,
    referred,
)
from backend.domain.scope import Scope
from backend.store.balancers import BALANCERS, GROUPS, LISTENERS, RULES, TARGETS
from backend.store.certificates import ids_of

Kept = tuple[
    LoadBalancer,
    dict[str, TargetGroup],
    tuple[BalancerListener, ...],
    tuple[BalancerRule, ...],
    dict[str, str],
    dict[str, list[RegisteredTarget]],
]
"""The balancer, the groups that it refers to by id, listeners by port, rules, ids of their certificates by ARN, and
targets by group.
"""


def read(conn: Connection, scope: Scope, balancer_id: str) -> Kept | None:
    """Everything of a balancer, None where it is gone."""
    balancer = BALANCERS.one(conn, scope, id=balancer_id)
    if balancer is None:
        return None
    listeners = sorted(LISTENERS.all(conn, scope, balancer_id=balancer_id), key=lambda each: each.port)
    rules = RULES.all(conn, scope, balancer_id=balancer_id)
    groups = GROUPS.of(conn, scope, sorted(referred(listeners, rules)))
    certificates = ids_of(conn, scope, listeners)
    targets: dict[str, list[RegisteredTarget]] = {}
    if balancer.kind is BalancerKind.CLASSIC:
        # Its instances are registered with itself, and are members of each of its pools.
        own = TARGETS.all(conn, scope, group_id=balancer_id)
        if own:
            targets = {group.id: [replace(each, port=group.port) for each in own] for group in groups.values()}
        return balancer, groups, tuple(listeners), tuple(rules), certificates, targets
    for each in TARGETS.all(conn, scope, group_id=sorted(groups)) if groups else ():
        targets.setdefault(each.group_id, []).append(each)
    return balancer, groups, tuple(listeners), tuple(rules), certificates, targets
