"""What the cloud answered, written into the rows: the end of a pass. No cloud calls.

Callers may have changed the nodes while the cloud was asked: each is read anew and taken as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from backend.domain.activity import ActivityStatus, Reason, ReasonKind
from backend.domain.node import Node, NodeState, ServerStatus, move
from backend.drivers import errors
from backend.drivers.compute import Server
from backend.engine import apply, registrations
from backend.engine.claims import NOT_ASKED, Claim
from backend.engine.reasons import reason_of
from backend.store import journal, nodes, passes, sightings
from backend.store.sightings import Sighting

_NOT_MADE = (errors.Refused, errors.CloudUnavailable)


def write(claim: Claim, results: Sequence[apply.Result]) -> timedelta:
    """Write what came of the acts; how long the cloud is left alone after them."""
    created = [result for result in results if isinstance(result, apply.Created)]
    answered = [result for result in results if isinstance(result, apply.Answered)]
    _created(claim, created)
    _answered(claim, answered)
    registrations.write(claim, [result for result in results if isinstance(result, apply.Changed)])
    if any(isinstance(result.error, errors.NotAuthorized) for result in answered):
        return claim.settings.refused_retry  # launches that were refused have a delay of their own
    asked: list[apply.Created | apply.Answered] = [*created, *answered]  # what pools answer keeps nothing else waiting
    unreached = any(isinstance(result.error, errors.CloudUnavailable) for result in asked)
    return claim.settings.cloud_retry if unreached else timedelta(0)


def sighting(server: Server) -> Sighting:
    """A server as the cloud told it, for the rows."""
    return Sighting(
        server.id,
        server.status,
        server.updated_at,
        server.launch_id,
        server.zone,
        server.image_id,
        server.private_address,
    )


def _created(claim: Claim, results: Sequence[apply.Created]) -> None:
    seen = [sighting(server) for result in results for server in result.servers]
    if seen:
        sightings.record(claim.conn, claim.scope, seen)
    if any(one.status is not ServerStatus.BUILDING for one in seen):
        claim.due_now = True
    for result in results:
        if isinstance(result.error, _NOT_MADE):
            _refused(claim, result, result.error)
        elif len(result.servers) < len(result.act.node_ids):
            waiting = [node for node in passes.nodes_now(claim.conn, result.act.node_ids) if node.server_id is None]
            nodes.save(claim.conn, waiting, [replace(node, asked_at=claim.now) for node in waiting])


def _refused(claim: Claim, result: apply.Created, error: errors.CloudError) -> None:
    """What was not made ends as failed; what someone gave up meanwhile ends as that."""
    claimed = passes.nodes_now(claim.conn, result.act.node_ids)
    unmade = [node for node in claimed if node.server_id is None]
    passes.drop(claim.conn, [node.id for node in unmade])
    reason = reason_of(error, result.act.profile.spec.instance_type or "", result.act.zone)
    failed = [node.activity_id for node in unmade if node.state is NodeState.PENDING]
    given_up = [node.activity_id for node in unmade if node.state is not NodeState.PENDING]
    journal.end(claim.conn, failed, ActivityStatus.FAILED, claim.now, reason)
    journal.end(claim.conn, given_up, ActivityStatus.SUCCESSFUL, claim.now)
    asked = not isinstance(error, errors.CloudUnavailable) and reason.kind not in NOT_ASKED
    claim.back_off({(result.act.zone, result.act.profile.ref.key): asked})


def _answered(claim: Claim, results: Sequence[apply.Answered]) -> None:
    _not_done(claim, [result for result in results if isinstance(result.error, errors.Refused)])
    settled = [result for result in results if result.error is None]
    present = {node.id: node for node in passes.nodes_now(claim.conn, [one.act.node.id for one in settled])}
    asked: list[Node] = []
    for result in settled:
        node = present.get(result.act.node.id)
        if node is None:
            continue
        if isinstance(result.act, apply.DeleteServer):
            asked.append(node)
            if result.gone:
                _see_gone(claim, node)
        elif isinstance(result.act, apply.LetServerGo):
            _let_go(claim, node)
        else:
            _taken_in(claim, node, result)
    passes.deletion_requested(claim.conn, [node.id for node in asked], claim.now)
    journal.unremark(claim.conn, [node.activity_id for node in asked])


def _not_done(claim: Claim, results: Sequence[apply.Answered]) -> None:
    """What the cloud refused is tried again later; until then the entry that stays open says what keeps it so."""
    present = {node.id: node for node in passes.nodes_now(claim.conn, [one.act.node.id for one in results])}
    told = {}
    for result in results:
        node = present.get(result.act.node.id)
        if node is not None and node.activity_id is not None and result.error is not None:
            told[node.activity_id] = reason_of(result.error, node.instance_type, node.zone)
    journal.remark(claim.conn, told)
    deletions = [result.act.node.id for result in results if isinstance(result.act, apply.DeleteServer)]
    passes.deletion_requested(claim.conn, deletions, claim.now)


def _see_gone(claim: Claim, node: Node, *, missing: bool = False) -> None:
    assert node.server_id is not None
    seen = Sighting(node.server_id, ServerStatus.DELETED, claim.now, missing=missing)
    sightings.record(claim.conn, claim.scope, [seen])
    claim.due_now = True


def _let_go(claim: Claim, node: Node) -> None:
    if node.state is NodeState.DETACHING:
        passes.drop(claim.conn, [node.id])
        journal.end(claim.conn, [node.activity_id], ActivityStatus.SUCCESSFUL, claim.now)
    claim.due_now = True


def _taken_in(claim: Claim, node: Node, result: apply.Answered) -> None:
    """An attached server, or one from standby, as it is now."""
    if result.gone:
        _see_gone(claim, node, missing=True)
    elif result.server is not None:
        seen = sighting(result.server)
        if node.missing_at is not None:  # it was only looked for in the wrong place: what is told now counts
            seen = replace(seen, at=max(seen.at, claim.now))
        recorded = sightings.record(claim.conn, claim.scope, [seen])
        # What tells nothing new is asked for again at its own time: another pass now would only ask the same.
        claim.due_now = claim.due_now or bool(recorded.cluster_ids)
    if node.state is not NodeState.PENDING or isinstance(result.act, apply.LookAtServer):
        return
    if result.gone:
        nodes.save(claim.conn, [node], [move(node, NodeState.TERMINATING, claim.now)])
        reason = Reason(ReasonKind.SERVER_VANISHED)
        journal.end(claim.conn, [node.activity_id], ActivityStatus.FAILED, claim.now, reason)
        return
    passes.enter_service(claim.conn, [node.id], claim.now)
    journal.end(claim.conn, [node.activity_id], ActivityStatus.SUCCESSFUL, claim.now)
    claim.due_now = True
