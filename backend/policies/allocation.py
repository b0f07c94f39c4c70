"""Which type and class the next node of a mix is of. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backend.domain.mixes import Distribution, Strategy

_DEAR: Final = float("inf")
USUAL_POOLS: Final = 2
"""The types that Spot is spread over where nobody said how many."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A type that a node could be of, in one zone.

    Attributes:
        position: its rank in the mix.
        units: what a node of it counts.
        cost: of an hour as the operator has it; None where nobody told.
        size: vCPUs, MiB of memory, GiB of disk: what stands for the cost where nobody told.
        failures: how often launches of it failed there since the last that succeeded.
    """

    position: int
    instance_type: str
    units: int = 1
    cost: float | None = None
    size: tuple[int, int, int] = (0, 0, 0)
    failures: int = 0


def on_demand_of(desired: int, share: Distribution) -> int:
    """How many of the desired units are On-Demand: the base first, then the percentage, rounded in their favour.

    Source: Auto Scaling User Guide, "Auto Scaling groups with multiple instance types and purchase options".
    """
    above = max(0, desired - share.on_demand_base)
    return min(desired, share.on_demand_base + -(-above * share.on_demand_percent // 100))


def is_spot_next(desired: int, on_demand: int, share: Distribution) -> bool:
    """Whether the next node is preemptible, with that many On-Demand units there."""
    return on_demand >= on_demand_of(desired, share)


def best(
    order: Sequence[Candidate], pools: int | None = None, held: Mapping[str, int] | None = None
) -> Candidate | None:
    """The type that comes next.

    Args:
        order: candidates as the strategy takes them, see ``ordered``.
        pools: how many of the cheapest the nodes are spread over; None: all are of the cheapest one.
        held: type -> units of it in the zone, for that.
    """
    if pools is None or not order:
        return next(iter(order), None)
    cheapest = order[:pools]
    return min(cheapest, key=lambda one: (held or {}).get(one.instance_type, 0))


def ordered(strategy: Strategy, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates as the strategy takes them, the first before all others.

    Without the prices of a market, and where the cloud does not tell how much room it has, failures are what is known
    of that: what failed least comes first where capacity decides.
    """
    return sorted(candidates, key=_ORDERS[strategy])


def _by_position(one: Candidate) -> tuple[float | int | str, ...]:
    return (one.position,)


def cheapness(one: Candidate) -> tuple[float | int | str, ...]:
    """Sorts by what a unit costs; what nobody told the cost of comes after, the smallest first.

    Sizes of one family cost the same by unit: the smallest of them leaves the least above what was asked for.
    """
    cost = _DEAR if one.cost is None else one.cost / one.units
    return (cost, *(part / one.units for part in one.size), *one.size, one.instance_type)


def _by_room(one: Candidate) -> tuple[float | int | str, ...]:
    return (one.failures, one.position)


def _by_room_and_price(one: Candidate) -> tuple[float | int | str, ...]:
    return (one.failures, *cheapness(one))


_ORDERS: Final[Mapping[Strategy, Callable[[Candidate], tuple[float | int | str, ...]]]] = {
    Strategy.PRIORITIZED: _by_position,
    Strategy.LOWEST_PRICE: cheapness,
    Strategy.CAPACITY: _by_room,
    Strategy.CAPACITY_PRIORITIZED: _by_room,
    Strategy.PRICE_CAPACITY: _by_room_and_price,
}
