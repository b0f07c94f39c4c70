"""Deliberate faults of lifecycle hooks: of what is waited for, what is told, and who is believed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from backend.domain import lifecycle
from backend.engine.revision import Revision
from tests.simulation.putting import put, put_all


def passes_at_the_first_answer() -> AbstractContextManager[None]:
    """One of two answers lets a node pass."""

    def verdict(actions: Any) -> Any:
        return next((action.result for action in actions if action.result is not None), None)

    return put(lifecycle, "verdict", verdict)


def waits_beyond_every_deadline() -> AbstractContextManager[None]:
    """Deadlines are not looked at."""
    return put(lifecycle.Action, "expired", lambda self, _now: self)


def passes_before_the_deadline() -> AbstractContextManager[None]:
    """The default counts at once."""
    return put(
        lifecycle.Action,
        "expired",
        lambda self, _now: self if self.result else self.answered(self.default_result, lifecycle.Decided.HEARTBEAT),
    )


def tells_nobody_of_a_wait() -> AbstractContextManager[None]:
    """Messages are not written with the waits that they are about."""
    return put(Revision, "_asking", lambda _self: [])


def holds_nobody() -> AbstractContextManager[None]:
    """Hooks are not asked."""
    return put(Revision, "wait", lambda _self, _node, _transition: False)


def goes_on_abandoned() -> AbstractContextManager[None]:
    """An ABANDON counts as a CONTINUE."""
    kept = lifecycle.verdict

    def verdict(actions: Any) -> Any:
        result = kept(actions)
        return None if result is None else lifecycle.Result.CONTINUE

    return put_all((lifecycle, "verdict", verdict))
