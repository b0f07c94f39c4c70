"""Nodes in service become members of the cluster's pools; those that leave are drained first and then removed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from backend.domain.cluster import Process
from backend.domain.node import Node, NodeState, ServerStatus
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.engine import steps
from backend.engine.draft import BALANCER_CHECK, Draft

_LEAVING = frozenset({RegistrationState.LEAVING, RegistrationState.DRAINING, RegistrationState.REMOVING})
_SETTLED = frozenset({RegistrationState.REGISTERED, RegistrationState.SKIPPED})
# Servers that may still hold connections.
_RUNNING = frozenset({ServerStatus.ACTIVE, ServerStatus.UNKNOWN, None})


def lead_traffic(draft: Draft) -> None:
    if not draft.cluster.sources:
        return
    sources = {source.pool_id: source for source in draft.cluster.sources if source.wanted}
    for registration in draft.snapshot.registrations:
        node = draft.nodes.get(registration.node_id)
        source = sources.get(registration.pool_id)
        if source is not None and node is not None and node.state is NodeState.IN_SERVICE:
            _keep(draft, source, node, registration)
        else:
            _end(draft, node, registration)
    for node in draft.every(NodeState.IN_SERVICE):
        known = {each.pool_id for each in draft.registrations(node)}
        _join(draft, node, [source for pool_id, source in sources.items() if pool_id not in known])
    _settle_sources(draft)


def _join(draft: Draft, node: Node, sources: list[TrafficSource]) -> None:
    """A node that came into service meets its cluster's sources, or a source the nodes that are there."""
    if not draft.runs(Process.ADD_TO_LOAD_BALANCER):
        for source in sources:
            draft.add(steps.Skip(node, source))
    elif sources and node.address is None:
        draft.add(steps.Look(node))
        draft.wake(draft.now + draft.settings.cloud_retry)
    else:
        for source in sources:
            _register(draft, source, node)


def _register(draft: Draft, source: TrafficSource, node: Node) -> None:
    draft.add(steps.Register(node, source))
    draft.wake(draft.now + draft.settings.cloud_retry)


def _keep(draft: Draft, source: TrafficSource, node: Node, registration: Registration) -> None:
    if registration.state is RegistrationState.ADDING:
        if _is_due(draft, registration):
            _register(draft, source, node)
    elif registration.state in _LEAVING and draft.runs(Process.ADD_TO_LOAD_BALANCER):
        _register(draft, source, node)  # it was on its way out, and is wanted again
    elif registration.state in _LEAVING:
        _end(draft, node, registration)


def _end(draft: Draft, node: Node | None, registration: Registration) -> None:
    state = registration.state
    if state is RegistrationState.SKIPPED:
        draft.add(steps.Unskip(registration))
    elif state is RegistrationState.REMOVING:
        if _is_due(draft, registration):
            _deregister(draft, registration)
    elif not _drains(draft, node, registration):
        _deregister(draft, registration)
    elif state is RegistrationState.DRAINING:
        if _is_due(draft, registration):
            _deregister(draft, registration)
    elif state is not RegistrationState.LEAVING or _is_due(draft, registration):
        draft.add(steps.Drain(registration, node))
        draft.wake(draft.now + draft.settings.cloud_retry)


def _deregister(draft: Draft, registration: Registration) -> None:
    draft.add(steps.Deregister(registration))
    draft.wake(draft.now + draft.settings.cloud_retry)


def _drains(draft: Draft, node: Node | None, registration: Registration) -> bool:
    """Whether connections are to be waited for: none are left where the server or the member is down."""
    if node is None or draft.cluster.force_delete or not draft.settings.deregistration:
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
        draft.add(steps.SettleSources(settled))


def _settled(draft: Draft) -> Iterator[TrafficSource]:
    """The sources in the states that they have come to; one is never in an earlier state again."""
    awaited = {node.id for node in draft.counted()}
    begun = bool(awaited) or not draft.cluster.spec.desired
    for source in draft.cluster.sources:
        here = [each for each in draft.snapshot.registrations if each.pool_id == source.pool_id]
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
