"""Deliberate faults of mixes: of what nodes count, and of what they are."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.domain.mixes import Mix
from backend.engine import draft
from backend.engine.draft import Draft
from backend.engine.snapshot import Profile
from backend.policies import allocation
from tests.simulation.putting import put


def counts_each_as_one() -> AbstractContextManager[None]:
    """What a choice counts is not looked at when it is launched."""
    return put(Profile, "weight", property(lambda _self: 1))


def shares_nothing_out() -> AbstractContextManager[None]:
    """All is On-Demand."""
    return put(allocation, "is_spot_next", lambda _desired, _on_demand, _share: False)


def wants_no_spot() -> AbstractContextManager[None]:
    """What of a mix may be preemptible is not looked at."""
    return put(Mix, "wants_spot", property(lambda _self: False))


def goes_with_a_part() -> AbstractContextManager[None]:
    """Who has to leave goes when anything has come in its place and the rest failed, however much less that counts."""
    return put(draft, "_WELL", frozenset())


def launches_no_rest() -> AbstractContextManager[None]:
    """What failed of several that were to come in the place of one is not launched again."""
    return put(Draft, "shortfalls", lambda _self: {})
