"""A cluster's rows as a pass reads them, and what becomes of them, written by difference.

Every caller has fenced the cluster in the same transaction, so nobody else writes what is written here. Only looks at
the cloud write beside it, and other columns: servers of nodes, health of members; and requests, the heartbeats of
actions. Where a change rests on one of these it is a guard, and the change is void when it no longer holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete

from backend.domain.activity import ActivityStatus
from backend.domain.changes import Changes, ClusterRows, Ending, Entries
from backend.domain.node import Node
from backend.store import (
    activities,
    backoffs,
    balancers,
    clusters,
    direct_launches,
    journal,
    lifecycle,
    nodes,
    outbox,
    refreshes,
    telling,
    traffic,
)
from backend.store.batches import chunks
from backend.store.listening import Audience
from backend.store.tables import nodes as nodes_table

_n = nodes_table.c


class Overtaken(Exception):
    """A look saw something meanwhile on whose absence a change rests: the transaction is to be given up."""


def read(conn: Connection, cluster_id: str) -> ClusterRows | None:
    """A cluster and all that is its own, None when it is gone.

    The cluster first: what is read after it can only be newer, and the generation then tells.
    """
    cluster = clusters.get_by_id(conn, cluster_id)
    if cluster is None:
        return None
    # A source stays with its cluster for as long as anything is registered with it.
    registered = traffic.of_cluster(conn, cluster_id) if cluster.sources else []
    return ClusterRows(
        cluster,
        {node.id: node for node in nodes.of_cluster(conn, cluster_id)},
        {(each.node_id, each.pool_id): each for each in registered},
        backoffs.of_cluster(conn, cluster_id),
        balancers.delays(conn, cluster.scope, [each.pool_id for each in cluster.sources]),
        lifecycle.hooks(conn, cluster),
        lifecycle.actions(conn, cluster),
        direct_launches.at_work(conn, cluster),
        refreshes.active(conn, cluster),
    )


def write(conn: Connection, changes: Changes, *, everywhere: bool = False) -> None:
    """Write what became of a cluster, and tell whoever hears of it now, in this transaction.

    Args:
        everywhere: the operator named targets that hear of every cluster.

    Raises:
        Overtaken: a node that was to go as one without a server has one now, or somebody asked for more time for an
            action that ran out of it; nothing may be kept of this transaction.
    """
    before, after = changes.before, changes.after
    if not lifecycle.stand(conn, before.cluster.scope, [before.actions[token] for token in sorted(changes.overdue)]):
        raise Overtaken(before.cluster.id)
    # What ends makes room for what begins.
    _remove(conn, [node for node_id, node in before.nodes.items() if node_id not in after.nodes])
    nodes.save(conn, before.nodes.values(), after.nodes.values())
    nodes.insert_many(conn, [node for node_id, node in after.nodes.items() if node_id not in before.nodes])
    traffic.save(conn, before.registrations, after.registrations)
    backoffs.save(conn, after.cluster.id, before.backoffs, after.backoffs)
    lifecycle.save(conn, after.cluster, before.actions, after.actions)
    direct_launches.save(conn, after.cluster.scope, before.direct, after.direct)
    clusters.save(conn, before.cluster, after.cluster)
    audience = Audience(conn, before.cluster, everywhere)
    _tell(conn, changes, audience)
    refreshes.save(audience, before.refresh, after.refresh, changes.at)
    if changes.goes:
        if clusters.has_nodes(conn, after.cluster.id):
            raise Overtaken(after.cluster.id)
        clusters.remove(conn, after.cluster.id, changes.at)


_REMOVE = delete(nodes_table).where(_n.id.in_(bindparam("ids", expanding=True)))
_REMOVE_UNSEEN = _REMOVE.where(_n.server_id.is_(None))


def _remove(conn: Connection, gone: Sequence[Node]) -> None:
    unseen = sorted(node.id for node in gone if node.server_id is None)
    seen = sorted(node.id for node in gone if node.server_id is not None)
    for chunk in chunks(unseen):
        if conn.execute(_REMOVE_UNSEEN, {"ids": chunk}).rowcount != len(chunk):
            raise Overtaken(gone[0].cluster_id)
    for chunk in chunks(seen):
        conn.execute(_REMOVE, {"ids": chunk})


def _tell(conn: Connection, changes: Changes, audience: Audience) -> None:
    """In this order: what is opened may be waiting for connections already, and an end is the last word."""
    entries, now = changes.entries, changes.at
    opened = list(entries.opened.values())
    journal.begin(conn, opened)
    telling.begun(audience, opened)
    journal.advance(conn, sorted(entries.draining), ActivityStatus.DRAINING)
    lifecycle.proceed(conn, sorted(entries.proceeding))
    lifecycle.wait(conn, entries.waiting)
    journal.remark(conn, {entry: reason for entry, reason in entries.remarks.items() if reason is not None})
    journal.unremark(conn, [entry for entry, reason in entries.remarks.items() if reason is None])
    for ending, ids in _alike(entries.ended):
        telling.end(audience, ids, ending, now)
    _note(conn, entries, changes.before)
    outbox.add(conn, entries.messages)


def _alike(ended: Mapping[str, Ending]) -> list[tuple[Ending, list[str]]]:
    """Entries that end in the same way, together."""
    found: defaultdict[Hashable, list[str]] = defaultdict(list)
    for entry, ending in ended.items():
        reason = ending.reason
        why = None if reason is None else (reason.kind, tuple(sorted(reason.data.items(), key=str)))
        found[ending.status, why].append(entry)
    return [(ended[ids[0]], ids) for ids in found.values()]


def _note(conn: Connection, entries: Entries, before: ClusterRows) -> None:
    """Once for each request: what was noted after the last one still stands."""
    if not entries.notes:
        return
    last = activities.last_note(conn, before.cluster.id)
    asked = max((cause.at for cause in before.cluster.causes), default=None)
    if last is None or (asked is not None and last < asked):
        journal.begin(conn, entries.notes)
