"""Deliberate faults of instance refreshes: of what goes, how many at once, and when one is over."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.engine.phases import refresh
from backend.policies import refresh as policy
from tests.simulation.putting import put


def takes_the_protected() -> AbstractContextManager[None]:
    """Protection keeps nobody."""
    return put(refresh, "_may_go", lambda _fleet, _node, _refresh: True)


def keeps_nobody_back() -> AbstractContextManager[None]:
    """All may go at once."""
    kept = policy.bounds
    return put(policy, "bounds", lambda *asked: policy.Bounds(0, kept(*asked).most))


def is_back_at_once() -> AbstractContextManager[None]:
    """A rollback is over when it has begun."""
    kept = refresh._is_through
    return put(refresh, "_is_through", lambda told, fleet: fleet.back or kept(told, fleet))


def never_comes_to_its_end() -> AbstractContextManager[None]:
    """A refresh that is cancelled stays."""
    return put(refresh, "_cancel", lambda _draft, _refresh: None)
