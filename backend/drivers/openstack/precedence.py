"""Which rules Octavia would follow in another order than AWS does. Pure.

HAProxy takes what rejects before what redirects, and that before what forwards; the position of a policy counts among
its own kind alone. Source: Octavia, "Layer 7 load balancing": L7 policies of one listener are evaluated in that order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from backend.drivers.balancer_making import RulePlan

_FIRST: Final = ("fixed-response", "redirect", "forward")
_ANY_CASE: Final = frozenset({"host-header", "http-header"})
Fields = Mapping[tuple[str, str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Rule:
    plan: RulePlan
    rank: int
    fields: Fields


def misplaced(plans: Sequence[RulePlan]) -> Iterator[tuple[RulePlan, RulePlan]]:
    """Pairs of rules of one listener, of which the later would be followed first where a request meets both."""
    rules = sorted((_Rule(each, _rank(each), _fields(each)) for each in plans), key=lambda each: each.plan.position)
    for earlier, later in combinations(rules, 2):
        if later.rank < earlier.rank and _may_meet(earlier.fields, later.fields):
            yield earlier.plan, later.plan


def _rank(plan: RulePlan) -> int:
    kind: str = json.loads(plan.action)["type"]
    return _FIRST.index(kind)


def _fields(plan: RulePlan) -> Fields:
    found: dict[tuple[str, str], Sequence[str]] = {}
    for each in json.loads(plan.conditions):
        field, header = each["field"], str(each.get("header", "")).lower()
        values = [value.lower() if field in _ANY_CASE else value for value in each.get("values", ())]
        found[field, header] = values
    return found


def _may_meet(one: Fields, other: Fields) -> bool:
    """Whether a request may meet both: in doubt it may."""
    return all(any(_overlap(a, b) for a in one[field] for b in other[field]) for field in one.keys() & other.keys())


def _overlap(one: str, other: str) -> bool:
    """Whether a text may be as both patterns say, by what they begin and end with."""
    parts = [(_until_wild(each), _until_wild(each[::-1])) for each in (one, other)]
    (begins, ends), (begins_other, ends_other) = parts
    if begins == one and begins_other == other:
        return one == other
    if not _agree(begins, begins_other) or not _agree(ends, ends_other):
        return False
    if begins == one:
        return len(one) >= len(begins_other) + len(ends_other)
    return begins_other != other or len(other) >= len(begins) + len(ends)


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _until_wild(pattern: str) -> str:
    return pattern.partition("*")[0].partition("?")[0]
