"""Deliberate faults of the store: of what is claimed, seen, woken, kept and read."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from backend.domain.node import Node, ServerStatus
from backend.domain.scope import Scope
from backend.engine import sweeps
from backend.store import (
    activities,
    backoffs,
    changes,
    claimed,
    clusters,
    intents,
    leased,
    leases,
    measuring,
    nodes,
    orphans,
    rows,
    sightings,
    tables,
    tags,
    traffic,
    wakes,
    watches,
)
from tests.simulation.putting import put, put_all

Broken = AbstractContextManager[Any]


def wakes_nobody() -> Broken:
    """What is seen of servers and members wakes no cluster."""
    return put(wakes, "wake", lambda *_arguments: None)


def takes_older_statuses() -> Broken:
    """A status that was seen later is written, however old it is."""
    at_any_time = (
        update(tables.nodes)
        .where(tables.nodes.c.id == sightings.bindparam("node_id"))
        .values(server_status=sightings.bindparam("seen"), server_status_at=sightings.bindparam("seen_at"))
    )
    return put_all((sightings, "_is_older", lambda *_arguments: False), (sightings, "_SEE", at_any_time))


def drops_the_seen() -> Broken:
    """A launch that is given up goes although its server was seen meanwhile."""
    return put(changes, "_REMOVE_UNSEEN", changes._REMOVE)


def looks_without_lease() -> Broken:
    """A look writes although another engine has its project."""
    return put(leases, "fence_watch", lambda *_arguments: True)


def measures_the_measured() -> Broken:
    """A minute is measured by whoever thinks that it has the project."""
    return put(measuring, "begin_minute", lambda *_arguments: True)


def renews_nothing() -> Broken:
    """A lease ends at its time, whatever waits for the cloud."""
    return put(leased.Leased, "renew", lambda _self, _store, held, _claimer, **_: list(held))


def claims_the_held() -> Broken:
    """What another engine holds is claimed as soon as it is due."""
    kept = leased.Leased._outside

    def outside(self: Any, room: Any) -> Any:
        c = self._table.c
        return select(*kept(self, room).selected_columns).where(c.due_at <= leased.bindparam("now")).order_by(c.due_at)

    def due(self: Any, _store: Any, _now: Any, _share: Any) -> set[str]:
        return set(self._due.selected_columns.keys())

    return put_all((leased.Leased, "_outside", outside), (leased.Kinds, "due", due))


def forgets_desired() -> Broken:
    """A desired capacity that was accepted with its cause is not written."""
    kept = clusters.change

    def change(conn: Any, cluster_id: str, now: Any, **values: Any) -> None:
        if "causes" in values:
            values.pop("desired", None)
        kept(conn, cluster_id, now, **values)

    return put(clusters, "change", change)


def asks_nobody_at_once() -> Broken:
    """A change of intent waits until the engine looks by itself."""
    kept = clusters.change

    def change(conn: Any, cluster_id: str, now: Any, **values: Any) -> None:
        before = conn.execute(select(tables.clusters.c.due_at).where(tables.clusters.c.id == cluster_id)).scalar()
        kept(conn, cluster_id, now, **values)
        conn.execute(update(tables.clusters).where(tables.clusters.c.id == cluster_id).values(due_at=before))

    return put(clusters, "change", change)


def keeps_the_generation() -> Broken:
    """A change of intent is not told apart from the intent before."""
    kept = clusters.change

    def change(conn: Any, cluster_id: str, now: Any, **values: Any) -> None:
        c = tables.clusters.c
        before = conn.execute(select(c.generation).where(c.id == cluster_id)).scalar()
        kept(conn, cluster_id, now, **values)
        conn.execute(update(tables.clusters).where(c.id == cluster_id).values(generation=before))

    return put(clusters, "change", change)


def reads_nodes_of_all() -> Broken:
    """A server is found whatever project it belongs to."""

    def by_servers(conn: Any, _scope: Scope, servers: Any) -> dict[str, Node]:
        c = tables.nodes.c
        found = conn.execute(select(tables.nodes).where(c.server_short_id.in_(list(servers))))
        return {row.server_short_id: rows.node_of(row) for row in found}

    return put(nodes, "by_servers", by_servers)


def lists_activities_of_all() -> Broken:
    """The journal of every project is told to each."""

    def wanted(_scope: Scope, _query: Any) -> Any:
        return select(tables.activities)

    return put(activities, "_wanted", wanted)


def loses_tags() -> Broken:
    """Tags that were accepted are not written."""
    return put(tags, "put", lambda *_arguments: None)


def protects_nobody() -> Broken:
    """A node's protection is not written."""
    kept = nodes.save

    def save(conn: Any, before: Any, after: Any) -> Any:
        was = {node.id: node.protected for node in before}
        return kept(conn, list(before), [replace(node, protected=was.get(node.id, node.protected)) for node in after])

    return put(nodes, "save", save)


def forgets_suspensions() -> Broken:
    """A process that is suspended lets those suspended before run again."""
    kept = rows.suspended_document

    def document(suspended: Any) -> Any:
        return kept(dict(list(suspended.items())[:1]))

    return put(rows, "suspended_document", document)


def looks_at_no_project() -> Broken:
    """A project's servers are not looked at because it has a cluster now."""
    return put_all((watches, "ensure", lambda *_arguments: False), (watches, "pull", lambda *_arguments: None))


def notes_no_orphans() -> Broken:
    """Servers that nobody owns are not remembered."""
    return put(orphans, "note", lambda *_arguments: None)


def misses_nothing() -> Broken:
    """What a complete listing lacks is not asked about."""
    return put(sightings, "missing", lambda *_arguments: [])


def adopts_across_launches() -> Broken:
    """A server goes to any node that waits, whatever launch it is of."""
    kept = sightings._adopt

    def adopt(conn: Any, scope: Scope, strays: Any) -> Any:
        c = tables.nodes.c
        waiting = conn.execute(select(c.launch_id).where(c.server_id.is_(None), c.project_id == scope.project_id))
        launch = waiting.scalars().first()
        return kept(conn, scope, [replace(one, launch_id=launch or one.launch_id) for one in strays])

    return put(sightings, "_adopt", adopt)


def counts_the_dead() -> Broken:
    """A server that is deleted is written as one that runs."""
    kept = sightings._change

    def change(node_id: str, sighting: Any) -> dict[str, Any]:
        changed = kept(node_id, sighting)
        return {**changed, "seen": str(ServerStatus.ACTIVE)} if sighting.status is ServerStatus.DELETED else changed

    return put(sightings, "_change", change)


def keeps_registrations() -> Broken:
    """What was taken out of a pool stays registered with it."""
    kept = traffic.save
    return put(traffic, "save", lambda conn, before, after: kept(conn, before, {**before, **after}))


def keeps_backoffs() -> Broken:
    """A launch that succeeded forgives none that failed before."""
    kept = backoffs.save
    return put(
        backoffs, "save", lambda conn, cluster_id, before, after: kept(conn, cluster_id, before, {**before, **after})
    )


def keeps_causes() -> Broken:
    """What asked for a capacity is still told when it is reached."""
    kept = clusters.save
    return put(
        clusters,
        "save",
        lambda conn, before, after: kept(conn, before, replace(after, causes=after.causes or before.causes)),
    )


def desires_one_more() -> Broken:
    """A desired capacity is written one too high."""
    kept = intents.desire

    def desire(conn: Any, cluster: Any, desired: int, *arguments: Any, **also: Any) -> None:
        kept(conn, cluster, min(desired + 1, cluster.spec.maximum), *arguments, **also)

    return put(intents, "desire", desire)


def knows_every_claim() -> Broken:
    """Whatever carries a token counts as claimed here."""
    return put_all(
        (claimed, "launches", lambda _conn, ids: set(ids)),
        (claimed, "of", lambda _conn, ids: set(ids)),
        (sweeps.ServerSweep, "_is_of_its_launch", lambda *_arguments: True),
    )


def forgets_pools_at_once() -> Broken:
    """A pool is looked at no more as soon as nothing is in it."""
    kept = leases.release_pool

    def release(conn: Any, lease: Any, due_at: Any, **told: Any) -> None:
        if told.get("empty_since") is None:
            kept(conn, lease, due_at, **told)
        else:
            leases.forget_pool(conn, lease)

    return put(leases, "release_pool", release)


def remembers_no_detachment() -> Broken:
    """That its owner detached a server is forgotten."""
    return put(activities, "detached", lambda *_arguments: set())


def hears_no_monitor() -> Broken:
    """What pools say of their members is not written."""
    return put(traffic, "see", lambda *_arguments: None)
