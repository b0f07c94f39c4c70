"""Members of pools, from what a plan says of them to rows and acts, and from what the cloud answered back to rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from backend.domain.activity import ActivityStatus
from backend.domain.traffic import Registration, RegistrationState
from backend.drivers import errors
from backend.drivers.balancing import Target
from backend.engine import apply, steps
from backend.engine.reasons import reason_of
from backend.store import journal, passes, traffic

if TYPE_CHECKING:
    from backend.engine.claims import Claim

_GONE = (errors.PoolNotFound, errors.NoBalancing)
_AGAIN = (errors.Busy, errors.CloudUnavailable, errors.OutcomeUnknown)


def register(claim: Claim, chosen: Sequence[steps.Register]) -> None:
    wanted = [_registration(claim, step, RegistrationState.ADDING) for step in chosen]
    traffic.put(claim.conn, wanted)
    _ask(claim, apply.Change.ADD, wanted)


def skip(claim: Claim, chosen: Sequence[steps.Skip]) -> None:
    traffic.put(claim.conn, [_registration(claim, step, RegistrationState.SKIPPED) for step in chosen])
    claim.due_now = True  # whoever waits for all nodes to be settled


def drain(claim: Claim, chosen: Sequence[steps.Drain]) -> None:
    leaving = [step.registration for step in chosen]
    _move(claim, leaving, RegistrationState.LEAVING)
    entries = {step.node.id: step.node.activity_id for step in chosen if step.node is not None}
    waiting = {**entries, **_kept(claim, entries)}.values()
    journal.advance(claim.conn, list(waiting), ActivityStatus.DRAINING)
    _ask(claim, apply.Change.DRAIN, leaving)


def deregister(claim: Claim, chosen: Sequence[steps.Deregister]) -> None:
    removed = [step.registration for step in chosen]
    _move(claim, removed, RegistrationState.REMOVING)
    _ask(claim, apply.Change.REMOVE, removed)


def unskip(claim: Claim, chosen: Sequence[steps.Unskip]) -> None:
    traffic.remove(claim.conn, [_key(step.registration) for step in chosen])
    claim.due_now = True


def settle_sources(claim: Claim, chosen: Sequence[steps.SettleSources]) -> None:
    passes.set_sources(claim.conn, claim.snapshot.cluster.id, chosen[-1].sources)
    claim.due_now = True


def write(claim: Claim, results: Sequence[apply.Changed]) -> None:
    """What came of changes of pools; what was not done is due again, and nothing else waits for it."""
    for result in results:
        keys = [(target.owner, result.act.pool_id) for target in result.act.targets]
        if result.error is None:
            _done(claim, result.act.change, keys)
        elif isinstance(result.error, _GONE) and result.act.change is not apply.Change.ADD:
            _done(claim, apply.Change.REMOVE, keys)
        else:
            soon = isinstance(result.error, _AGAIN)
            pause = claim.settings.cloud_retry if soon else claim.settings.refused_retry
            traffic.put_off(claim.conn, keys, claim.now + pause)
            if not soon:
                _tell(claim, result.error, [target.owner for target in result.act.targets])


def _done(claim: Claim, change: apply.Change, keys: Sequence[traffic.Key]) -> None:
    claim.due_now = True
    if change is apply.Change.ADD:
        traffic.move(claim.conn, keys, RegistrationState.REGISTERED, claim.now, None)
    elif change is apply.Change.DRAIN:
        until = claim.now + claim.settings.deregistration
        traffic.move(claim.conn, keys, RegistrationState.DRAINING, claim.now, until)
    else:
        traffic.remove(claim.conn, keys)


def _tell(claim: Claim, error: errors.CloudError, node_ids: Sequence[str]) -> None:
    """The entries of nodes that cannot go on for it say so while they are open."""
    found = passes.nodes_now(claim.conn, node_ids)
    told = {node.activity_id: reason_of(error, node.instance_type, node.zone) for node in found}
    journal.remark(claim.conn, {entry: why for entry, why in told.items() if entry is not None})


def _kept(claim: Claim, node_ids: Iterable[str]) -> dict[str, str | None]:
    """The entries that this very claim opened for the terminations of nodes."""
    return {node_id: claim.entries[node_id] for node_id in node_ids if node_id in claim.entries}


def _registration(claim: Claim, step: steps.Register | steps.Skip, state: RegistrationState) -> Registration:
    node, source = step.node, step.source
    return Registration(
        node_id=node.id,
        pool_id=source.pool_id,
        cluster_id=node.cluster_id,
        project_id=node.project_id,
        region=node.region,
        server_id=node.server_id or "",
        address=node.address or "",
        port=source.port,
        subnet_id=node.subnet_id,
        state=state,
        state_at=claim.now,
        due_at=claim.now + claim.settings.cloud_retry if state is RegistrationState.ADDING else None,
    )


def _move(claim: Claim, moving: Sequence[Registration], state: RegistrationState) -> None:
    due_at = claim.now + claim.settings.cloud_retry
    traffic.move(claim.conn, [_key(each) for each in moving], state, claim.now, due_at)


def _ask(claim: Claim, change: apply.Change, about: Sequence[Registration]) -> None:
    """One act a pool, whose members are looked at soon after."""
    by_pool: dict[str, list[Target]] = {}
    for each in about:
        target = Target(each.node_id, each.address, each.port, each.subnet_id)
        by_pool.setdefault(each.pool_id, []).append(target)
    for pool_id, targets in by_pool.items():
        claim.acts.append(apply.ChangeMembers(claim.scope, pool_id, change, tuple(targets)))
        traffic.pull_pool(claim.conn, claim.scope, pool_id, claim.now + claim.settings.pool_busy)


def _key(registration: Registration) -> traffic.Key:
    return registration.node_id, registration.pool_id
