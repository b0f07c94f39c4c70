"""Lifecycle hooks' rows, and those of the actions that nodes wait for: read, written by difference, decided.

The cluster is locked, or held by a pass, wherever something is written here, so that each wait is left once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, bindparam, delete, select, update

from backend.domain.activity import ActivityStatus
from backend.domain.changes import Ending
from backend.domain.cluster import Cluster
from backend.domain.hooks import Hook, Transition
from backend.domain.lifecycle import STAGES, Action, Decided, Left, leave
from backend.domain.scope import Scope
from backend.store import clusters, journal, nodes, telling
from backend.store.batches import chunks
from backend.store.lifecycle_tables import lifecycle_actions, lifecycle_hooks
from backend.store.listening import Audience
from backend.store.records import Records

HOOKS = Records(lifecycle_hooks, Hook)
ACTIONS = Records(lifecycle_actions, Action)

_a = lifecycle_actions.c
PROCEEDING = (ActivityStatus.IN_PROGRESS, 50)
"""What the entry of a launch says when its wait is over, and at how many percent."""


def hooks(conn: Connection, cluster: Cluster) -> tuple[Hook, ...]:
    """The hooks of a cluster, by name."""
    if not cluster.hooked:
        return ()
    found = HOOKS.all(conn, cluster.scope, cluster_id=cluster.id)
    return tuple(sorted(found, key=lambda hook: hook.name))


def actions(conn: Connection, cluster: Cluster) -> dict[str, Action]:
    """What the nodes of a cluster wait for, by token."""
    if not cluster.hooked:
        return {}
    found = ACTIONS.all(conn, cluster.scope, cluster_id=cluster.id)
    return {action.id: action for action in sorted(found, key=lambda action: (action.begun_at, action.id))}


def save(conn: Connection, cluster: Cluster, before: Mapping[str, Action], after: Mapping[str, Action]) -> None:
    """Write what became of a cluster's actions, by difference."""
    drop(conn, [action_id for action_id in before if action_id not in after])
    ACTIONS.add(conn, cluster.scope, *(action for action_id, action in after.items() if action_id not in before))
    for action_id, action in after.items():
        if action_id in before and action is not before[action_id]:
            _decided(conn, action)


def drop(conn: Connection, action_ids: Collection[str]) -> None:
    """Nobody waits for these any more: who answers them is told that there are none."""
    for chunk in chunks(sorted(action_ids)):
        conn.execute(_DROP, {"ids": chunk})


_DROP = delete(lifecycle_actions).where(_a.id.in_(bindparam("ids", expanding=True)))
_DROP_OF_NODES = delete(lifecycle_actions).where(_a.node_id.in_(bindparam("owners", expanding=True)))


def drop_of(conn: Connection, cluster: Cluster, node_ids: Collection[str]) -> None:
    """These nodes wait for nothing any more."""
    if cluster.hooked:
        for chunk in chunks(sorted(node_ids)):
            conn.execute(_DROP_OF_NODES, {"owners": chunk})


_DECIDE = (
    update(lifecycle_actions)
    .where(_a.id == bindparam("token"), _a.result.is_(None))
    .values(result=bindparam("said"), decided=bindparam("by"))
)


def _decided(conn: Connection, action: Action) -> None:
    """A result is never overwritten."""
    conn.execute(_DECIDE, {"token": action.id, "said": str(action.result), "by": str(action.decided)})


def stand(conn: Connection, scope: Scope, seen: Collection[Action]) -> bool:
    """Whether these are waited for as they were read: nobody asked for more time since."""
    if not seen:
        return True
    now = ACTIONS.of(conn, scope, [each.id for each in seen])
    return all(each.id in now and now[each.id].heartbeat_until == each.heartbeat_until for each in seen)


def prolong(conn: Connection, action: Action) -> None:
    """Write an action's new heartbeat."""
    ACTIONS.change(conn, Scope(action.project_id, action.region), action.id, heartbeat_until=action.heartbeat_until)


def decide(conn: Connection, cluster: Cluster, told: Action, now: datetime, *, everywhere: bool = False) -> None:
    """Store the result of an action; the last one its node needs lets it go on, in this transaction.

    Args:
        cluster: as locked in this transaction.
        told: of it, with its result; as read in this transaction it had none.
        everywhere: the operator named targets that hear of every cluster.
    """
    _decided(conn, told)
    node = nodes.get(conn, told.node_id)
    if node is not None:
        others = ACTIONS.all(conn, cluster.scope, node_id=node.id)
        here = [told if each.id == told.id else each for each in others]
        left = leave(cluster, node, here, now, lambda: str(uuid4()))
        if left is not None:
            nodes.save(conn, [node], [left.node])
            drop(conn, [each.id for each in here])
            _journal(Audience(conn, cluster, everywhere), node.activity_id, left, now)
    clusters.change(conn, cluster.id, now)


def _journal(audience: Audience, entry_id: str | None, left: Left, now: datetime) -> None:
    if left.cancelled is not None and entry_id is not None:
        telling.end(audience, [entry_id], Ending(ActivityStatus.CANCELLED, left.cancelled), now)
    if left.proceeds:
        proceed(audience.conn, [entry_id])
    if left.opened is not None:
        journal.begin(audience.conn, [left.opened])


def proceed(conn: Connection, entries: Sequence[str | None]) -> None:
    """The entries of launches whose wait is over are in progress again."""
    status, progress = PROCEEDING
    journal.advance(conn, entries, status, progress=progress)


def wait(conn: Connection, entries: Mapping[str, Transition]) -> None:
    """These entries wait for answers of hooks."""
    for transition, (status, progress) in STAGES.items():
        ids = [entry for entry, of in entries.items() if of is transition]
        journal.advance(conn, ids, status, progress=progress)


_BY_TOKEN = select(_a.cluster_id).where(_a.id == bindparam("token"))


def decide_by_default(conn: Connection, action_id: str, now: datetime, *, everywhere: bool = False) -> None:
    """Decide an action whose message can never be delivered; one that is decided already stays as it is.

    Args:
        everywhere: as in ``decide``.
    """
    seen = conn.execute(_BY_TOKEN, {"token": action_id}).first()
    cluster = None if seen is None else clusters.lock_by_id(conn, seen.cluster_id)
    if cluster is None:
        return
    action = ACTIONS.one(conn, cluster.scope, id=action_id)
    if action is not None and action.result is None:
        told = action.answered(action.default_result, Decided.UNDELIVERABLE)
        decide(conn, cluster, told, now, everywhere=everywhere)
