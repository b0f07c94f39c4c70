"""Deliberate faults of instance refreshes: of what goes, how many at once, and when one is over."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.engine import fleet
from backend.engine.fleet import Fleet
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


def takes_who_is_about_to_serve() -> AbstractContextManager[None]:
    """Who serves, and is to be taken in by a pool, is replaced however few are ready."""
    return put(Fleet, "is_coming", lambda _self, _node: False)


def touches_who_matches() -> AbstractContextManager[None]:
    """What is made from what the next ones are is replaced as others are."""
    return put(fleet, "_is_matching", lambda _draft, _node: False)
