"""Nodes in service become members of the cluster's pools; those that leave are drained first and then removed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from backend.domain.cluster import Process
from backend.domain.node import ENDED_STATUSES, SERVING, Node, ServerStatus
from backend.domain.traffic import OUTGOING, MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.engine.acts.look import LookAtServer
from backend.engine.acts.members import Change
from backend.engine.draft import BALANCER_CHECK, Draft

_SETTLED = frozenset({RegistrationState.REGISTERED, RegistrationState.SKIPPED})
# Servers that may still hold connections.
_RUNNING = frozenset({ServerStatus.ACTIVE, ServerStatus.UNKNOWN, None})


def lead_traffic(draft: Draft) -> None:
    if not draft.cluster.sources:
        return
    sources = {source.pool_id: source for source in draft.cluster.sources if source.wanted}
    for registration in draft.before.registrations.values():
        node = draft.nodes.get(registration.node_id)
        source = sources.get(registration.pool_id)
        if source is not None and node is not None and node.state in SERVING:
            _keep(draft, source, node, registration)
        else:
            _end(draft, node, registration)
    for node in draft.every(*SERVING):
        known = {each.pool_id for each in draft.registered(node)}
        _join(draft, node, [source for pool_id, source in sources.items() if pool_id not in known])
    _settle_sources(draft)


def _join(draft: Draft, node: Node, sources: list[TrafficSource]) -> None:
    """A node that came into service meets its cluster's sources, or a source the nodes that are there."""
    if not draft.runs(Process.ADD_TO_LOAD_BALANCER):
        for source in sources:
            _enrol(draft, source, node, RegistrationState.SKIPPED)
            draft.again = True  # for whoever waits until all nodes are settled
    elif sources and node.address is None and node.server_status in ENDED_STATUSES:
        return  # it gets none any more
    elif sources and node.address is None:
        draft.act(LookAtServer(draft.scope, node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    else:
        for source in sources:
            _register(draft, source, node)


def _register(draft: Draft, source: TrafficSource, node: Node) -> None:
    if not draft.has_room_for_members(source.pool_id):
        return
    member = _enrol(draft, source, node, RegistrationState.ADDING, draft.now + draft.settings.cloud_retry)
    draft.change_member(Change.ADD, member)
    draft.wake(member.due_at)


def _enrol(
    draft: Draft, source: TrafficSource, node: Node, state: RegistrationState, due_at: datetime | None = None
) -> Registration:
    """A registration as it begins, whatever there was before."""
    made = Registration(
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
        state_at=draft.now,
        due_at=due_at,
    )
    draft.registrations[made.node_id, made.pool_id] = made
    return made


def _keep(draft: Draft, source: TrafficSource, node: Node, registration: Registration) -> None:
    if registration.state is RegistrationState.ADDING:
        if _is_due(draft, registration):
            _register(draft, source, node)
    elif registration.state in OUTGOING and draft.runs(Process.ADD_TO_LOAD_BALANCER):
        _register(draft, source, node)  # it was on its way out, and is wanted again
    elif registration.state in OUTGOING:
        _end(draft, node, registration)


def _end(draft: Draft, node: Node | None, registration: Registration) -> None:
    state = registration.state
    if state is RegistrationState.SKIPPED:
        del draft.registrations[registration.node_id, registration.pool_id]
        draft.again = True
    elif state is RegistrationState.REMOVING:
        if _is_due(draft, registration):
            _deregister(draft, registration)
    elif not _drains(draft, node, registration):
        _deregister(draft, registration)
    elif state is RegistrationState.DRAINING:
        if _is_due(draft, registration):
            _deregister(draft, registration)
    elif state is not RegistrationState.LEAVING or _is_due(draft, registration):
        _ask(draft, Change.DRAIN, registration, RegistrationState.LEAVING)
        if node is not None and node.activity_id is not None:
            draft.entries.draining.add(node.activity_id)


def _deregister(draft: Draft, registration: Registration) -> None:
    _ask(draft, Change.REMOVE, registration, RegistrationState.REMOVING)


def _ask(draft: Draft, change: Change, registration: Registration, state: RegistrationState) -> None:
    if not draft.has_room_for_members(registration.pool_id):
        return
    again_at = draft.now + draft.settings.cloud_retry
    draft.register((registration.node_id, registration.pool_id), state, again_at)
    draft.change_member(change, registration)
    draft.wake(again_at)


def _drains(draft: Draft, node: Node | None, registration: Registration) -> bool:
    """Whether connections are to be waited for: none are left where the server or the member is down."""
    if node is None or draft.cluster.force_delete or not draft.delay(registration.pool_id):
        return False
    return node.server_status in _RUNNING and registration.health is not MemberHealth.UNHEALTHY


def _is_due(draft: Draft, registration: Registration) -> bool:
    if registration.due_at is not None and registration.due_at > draft.now:
        draft.wake(registration.due_at)
        return False
    return True


def _settle_sources(draft: Draft) -> None:
    settled = tuple(_settled(draft))
    if settled != draft.cluster.sources:
        draft.cluster = replace(draft.cluster, sources=settled)
        draft.again = True


def _settled(draft: Draft) -> Iterator[TrafficSource]:
    """The sources in the states that they have come to; one is never in an earlier state again."""
    awaited = {node.id for node in draft.counted()}
    begun = bool(awaited) or not draft.cluster.spec.desired
    for source in draft.cluster.sources:
        here = [each for each in draft.before.registrations.values() if each.pool_id == source.pool_id]
        if not source.wanted:
            if here:
                yield source
        elif source.state is SourceState.ADDING:
            arrived = begun and awaited <= {each.node_id for each in here if each.state in _SETTLED}
            yield replace(source, state=SourceState.ADDED) if arrived else source
        elif source.state is SourceState.ADDED and BALANCER_CHECK in draft.cluster.spec.health_checks:
            healthy = any(each.health is MemberHealth.HEALTHY for each in here)
            yield replace(source, state=SourceState.IN_SERVICE) if healthy else source
        else:
            yield source
