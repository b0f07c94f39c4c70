"""Deliberate faults of what is done about events of the cloud, and about hosts that are drained."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from backend.domain.activity import Cause
from backend.engine import observation, plan
from backend.engine.phases import hosts
from backend.store import events
from tests.simulation.putting import put

Broken = AbstractContextManager[None]


def hears_nothing() -> Broken:
    """No project is looked at for what the cloud tells of its servers."""
    return put(events, "look", lambda *_arguments: 0)


def glances_at_what_was_told() -> Broken:
    """A look that was told of something looks for servers that were built, alone."""

    def glances(context: Any, lease: Any, now: Any) -> bool:
        between = observation._is_between
        return lease.seen_until is not None and between(lease.seen_until, now, context.settings)

    return put(observation, "_glances", glances)


def stays_on_drained_hosts() -> Broken:
    """Nobody heeds an operator who drains a host."""
    return put(plan, "PHASES", tuple(phase for phase in plan.PHASES if phase is not hosts.leave_hosts))


def leaves_hosts_at_once() -> Broken:
    """Nodes leave their hosts before their successors have come."""

    def leave(draft: Any, leaving: Sequence[Any], kind: Any, leaves_for: Any) -> None:
        for node in leaving:
            draft.terminate(node, (Cause(kind, draft.now, {"server": node.server_id or ""}),), leaves_for)

    return put(hosts, "launch_ahead", leave)
