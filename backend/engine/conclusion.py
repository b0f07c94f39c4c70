"""The end of a pass: what the cloud answered, written into the rows as they are by then. No cloud calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from backend.domain.changes import ClusterRows
from backend.domain.node import ServerStatus
from backend.domain.traffic import Registration
from backend.drivers.compute import Server
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.acts.create_servers import CreateServers
from backend.engine.acts.members import ChangeMembers
from backend.engine.context import Context
from backend.engine.revision import Revision
from backend.store import changes, nodes, sightings, traffic
from backend.store.session import Connection
from backend.store.sightings import Maker, Sighting


def conclude(
    conn: Connection, context: Context, claimed: ClusterRows, results: Sequence[Result], rng: Random
) -> tuple[bool, timedelta]:
    """Write what came of acts.

    Args:
        claimed: the rows as the pass wrote them.
        rng: of the pass.

    Returns:
        Whether the cluster is to be looked at at once, and for how long not before.

    Raises:
        Overtaken: a look was quicker; to be done again in a new transaction.
    """
    now = context.now()
    news = _record(conn, claimed, results, now)
    revision = Revision(_present(conn, claimed, results), now, context.settings, rng)
    revision.again = news
    for result in results:
        result.act.conclude(result, revision)
    changes.write(conn, revision.changes, everywhere=context.outlets.everywhere)
    pauses = [result.act.rest(result.error, context.settings) for result in results if result.error is not None]
    return revision.again, max(pauses, default=timedelta(0))


def sighting(server: Server, maker: Maker = Maker.UNKNOWN) -> Sighting:
    """A server as the cloud told it, for the rows."""
    return Sighting(
        server.id,
        server.status,
        server.updated_at,
        server.launch_id,
        server.zone,
        server.image_id,
        server.private_address,
        maker=maker,
        wants_address=server.wants_address,
        notice=server.notice,
    )


def _record(conn: Connection, claimed: ClusterRows, results: Sequence[Result], now: datetime) -> bool:
    """What was seen of servers, before anything is concluded from it; whether any is news of servers there were."""
    made = [sighting(server) for each in results if isinstance(each.act, CreateServers) for server in each.servers]
    seen = [
        _now_known(each.act, sighting(server), now)
        for each in results
        if isinstance(each.act, ActOnServer)
        for server in each.servers
    ]
    gone = [each.act for each in results if each.gone and isinstance(each.act, ActOnServer)]
    seen += [Sighting(act.server_id, ServerStatus.DELETED, now, missing=not act.ends) for act in gone if act.tells_gone]
    scope = claimed.cluster.scope
    if made:
        sightings.record(conn, scope, made)
    return bool(seen) and bool(sightings.record(conn, scope, seen).cluster_ids)


def _now_known(act: ActOnServer, seen: Sighting, now: datetime) -> Sighting:
    """A server that the cloud did not know was only looked for in the wrong place: what is told now counts."""
    return seen if act.node.missing_at is None else replace(seen, at=max(seen.at, now))


def _present(conn: Connection, claimed: ClusterRows, results: Sequence[Result]) -> ClusterRows:
    """Those rows that the acts were about, as they are now: requests and looks may have changed them meanwhile."""
    touched = {node_id for result in results for node_id in result.act.touches(result)}
    registered: Sequence[Registration] = ()
    if any(isinstance(result.act, ChangeMembers) for result in results):
        registered = traffic.of_cluster(conn, claimed.cluster.id)
    return replace(
        claimed,
        nodes={node.id: node for node in nodes.among(conn, touched)},
        registrations={(each.node_id, each.pool_id): each for each in registered},
    )
