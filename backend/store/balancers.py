"""What is kept of load balancing: balancers, target groups, listeners, rules, targets, and how they hang together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from backend.domain.balancers import (
    BalancerListener,
    BalancerRule,
    LoadBalancer,
    RegisteredTarget,
    TargetGroup,
    TargetState,
    is_made,
    referred,
)
from backend.domain.scope import Scope
from backend.domain.traffic import Registration
from backend.store import rows
from backend.store.balancer_tables import (
    balancer_listeners,
    balancer_rules,
    load_balancers,
    registered_targets,
    target_groups,
)
from backend.store.leases import BALANCER_LEASES
from backend.store.records import Records
from backend.store.tables import registrations
from backend.store.traffic import pull_pool

BALANCERS = Records(load_balancers, LoadBalancer)
GROUPS = Records(target_groups, TargetGroup)
LISTENERS = Records(balancer_listeners, BalancerListener)
RULES = Records(balancer_rules, BalancerRule)
TARGETS = Records(registered_targets, RegisteredTarget)

_g = target_groups.c


def pull(conn: Connection, balancer_id: str, at: datetime) -> bool:
    """Have an engine look after the balancer then, or sooner; whether there is one. Whoever pulls it has it alone."""
    return BALANCER_LEASES.pull(conn, (balancer_id,), at)


def taken_up(conn: Connection, scope: Scope, balancer_id: str) -> bool:
    """Whether an engine ever took the balancer up: it may have asked the cloud for it."""
    b = load_balancers.c
    mine = (b.id == balancer_id, b.project_id == scope.project_id, b.region == scope.region)
    return conn.execute(select(b.id).where(*mine, b.epoch > 0)).first() is not None


def lock_groups(conn: Connection, scope: Scope, ids: Collection[str]) -> None:
    """Have these target groups alone: nobody else deletes them, or refers to them, until the transaction ends."""
    for group_id in sorted(ids):
        mine = (_g.id == group_id, _g.project_id == scope.project_id, _g.region == scope.region)
        conn.execute(select(_g.id).where(*mine).with_for_update())


def pull_of_servers(conn: Connection, scope: Scope, server_ids: Collection[str], at: datetime) -> None:
    """The same with all balancers that have targets on these servers."""
    targets = TARGETS.all(conn, scope, server_id=list(server_ids)) if server_ids else ()
    sources = sorted({each.group_id for each in targets})
    groups = GROUPS.of(conn, scope, sources) if sources else {}
    found = {groups[each].balancer_id if each in groups else each for each in sources}
    for balancer_id in sorted(each for each in found if each is not None):
        pull(conn, balancer_id, at)


def refer(conn: Connection, scope: Scope, balancer_id: str) -> None:
    """Note at target groups which of them a balancer refers to now: the one place that says so."""
    wanted = referred(
        LISTENERS.all(conn, scope, balancer_id=balancer_id), RULES.all(conn, scope, balancer_id=balancer_id)
    )
    here = {each.id for each in GROUPS.all(conn, scope, balancer_id=balancer_id, classic=False)}
    for group_id in sorted(here - wanted):
        GROUPS.change(conn, scope, group_id, balancer_id=None)
    for group_id in sorted(wanted - here):
        GROUPS.change(conn, scope, group_id, balancer_id=balancer_id)


def certified(conn: Connection, project_id: str, end: str) -> list[tuple[Scope, BalancerListener]]:
    """The project's listeners, of any region, that have a certificate whose ARN ends so."""
    c = balancer_listeners.c
    found = conn.execute(select(c.id, c.region, c.certificates).where(c.project_id == project_id).order_by(c.id))
    having = [row for row in found if any(arn.endswith(end) for arn in row.certificates)]
    scopes = {row.id: Scope(project_id, row.region) for row in having}
    return [(scope, one) for key, scope in scopes.items() if (one := LISTENERS.one(conn, scope, id=key)) is not None]


def housed(conn: Connection, scope: Scope, group_id: str, pool_id: str, now: datetime) -> None:
    """A target group has that pool from now on: what is registered with the group belongs into it."""
    GROUPS.change(conn, scope, group_id, pool_id=pool_id)
    group = GROUPS.one(conn, scope, id=group_id)
    source = group.balancer_id if group is not None and group.classic else group_id
    if source is not None and of_source(conn, source):
        pull_pool(conn, scope, source, now)


def registered_again(conn: Connection, scope: Scope, target: RegisteredTarget, address: str, now: datetime) -> None:
    """A target takes traffic again, at that address: a member that it had at another is taken out."""
    TARGETS.change(conn, scope, target.id, state=TargetState.REGISTERED, until=None, address=address)
    if target.address != address:
        left = replace(target, id=f"{target.id}/{target.address}", state=TargetState.DRAINING, until=now)
        TARGETS.remove(conn, scope, id=left.id)
        TARGETS.add(conn, scope, left)


def evicted(conn: Connection, scope: Scope, pool_ids: Collection[str]) -> None:
    """These pools are gone, and with them what drained in them; a classic balancer's instances have several pools."""
    for group in GROUPS.all(conn, scope, pool_id=list(pool_ids)) if pool_ids else ():
        GROUPS.change(conn, scope, group.id, pool_id=None)
        TARGETS.remove(conn, scope, group_id=group.id, state=str(TargetState.DRAINING))


def left_behind(conn: Connection, scope: Scope) -> list[str]:
    """Pools of target groups that no balancer refers to: they are about to be removed, or have been."""
    mine = (_g.project_id == scope.project_id, _g.region == scope.region)
    statement = select(_g.pool_id).where(*mine, _g.balancer_id.is_(None), _g.pool_id.is_not(None))
    return sorted(conn.execute(statement).scalars())


def homes(conn: Connection, scope: Scope, source_id: str) -> Sequence[TargetGroup] | None:
    """The target groups that a source of ours stands for: itself, or those of a classic balancer; None of nothing."""
    group = GROUPS.one(conn, scope, id=source_id)
    if group is not None:
        return [group]
    balancer = BALANCERS.one(conn, scope, id=source_id)
    if balancer is None or balancer.gone:
        return None
    return GROUPS.all(conn, scope, balancer_id=source_id, classic=True)


def delays(conn: Connection, scope: Scope, source_ids: Collection[str]) -> Mapping[str, timedelta]:
    """How long members of sources of ours drain; those of the cloud's own pools are left out."""
    found = {}
    for source_id in source_ids:
        if is_made(source_id):
            groups = homes(conn, scope, source_id)
            if groups:
                # What has no pool has no connections that could be waited for.
                found[source_id] = max(group.delay if group.pool_id else timedelta(0) for group in groups)
    return found


def of_source(conn: Connection, source_id: str) -> list[Registration]:
    """What is registered with a traffic source."""
    statement = select(registrations).where(registrations.c.pool_id == source_id)
    return [rows.registration_of(row) for row in conn.execute(statement)]


def forget_groups(conn: Connection, scope: Scope, balancer_id: str) -> None:
    """A balancer goes: groups that it referred to have no pool and no balancer any more."""
    GROUPS.remove(conn, scope, balancer_id=balancer_id, classic=True)
    conn.execute(
        update(target_groups)
        .where(_g.project_id == scope.project_id, _g.region == scope.region, _g.balancer_id == balancer_id)
        .values(balancer_id=None, pool_id=None)
    )
