"""Whether a fault can happen as it is asked for: names that the cloud has, figures that can be. Sets none itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from backend.drivers.instance_types.flavors import flavors_by_name
from backend.drivers.simulated import layout, regions
from backend.drivers.simulated.settings import SimulatedSettings

if TYPE_CHECKING:
    from backend.drivers.simulated.faults import Where

MOST_SECONDS: Final = 366 * 86_400.0
MOST: Final = 1_000_000_000
PLACED: Final = frozenset({"create"})
"""The calls that tell zone and type: others name neither, so that no fault in a zone, or of a type, meets them."""
_FIGURES: Final[Mapping[str, float]] = {"seconds": MOST_SECONDS, "servers": MOST, "instances": MOST}
"""The most of each of the effects' own figures."""


class CannotSet(Exception):
    """Why a fault is not set, in a sentence."""


def check(
    settings: SimulatedSettings,
    where: Where,
    details: Mapping[str, Any],
    times: int | None,
    seconds: float | None,
    *,
    known: frozenset[str],
    types: frozenset[str] = frozenset(),
) -> None:
    """Refuse a fault that would never happen, or has no meaning.

    Args:
        details: the effect's own figures.
        times, seconds: how often it happens; how long it holds.
        known: every call there is.
        types: names of instance types that the cloud has beside AWS's.

    Raises:
        CannotSet: the first reason.
    """
    for reason in chain(
        _of_place(settings, where, types), _of_calls(where, known), _of_figures(details, times, seconds)
    ):
        raise CannotSet(reason)


def check_region(settings: SimulatedSettings, region: str) -> None:
    """Raise CannotSet where the cloud has no such region."""
    if not regions.has(settings, region):
        raise CannotSet(f"there is no region {region}: the cloud has {', '.join(settings.regions)}")


def _of_place(settings: SimulatedSettings, where: Where, types: frozenset[str]) -> Iterator[str]:
    if where.region is not None and not regions.has(settings, where.region):
        yield f"there is no region {where.region}: the cloud has {', '.join(settings.regions)}"
    # A zone's name is its region's and a letter.
    named = (*settings.regions, where.zone[:-1]) if where.zone else settings.regions
    looked_at = dict.fromkeys(named if where.region is None else (where.region,))
    zones = [name for region in looked_at for name in layout.zone_names(region, settings)]
    if where.zone is not None and where.zone not in zones:
        yield f"there is no zone {where.zone}: the cloud has {', '.join(zones)}"
    if where.flavor is not None and where.flavor not in types | flavors_by_name(()).keys():
        yield f"there is no instance type {where.flavor}"


def _of_calls(where: Where, known: frozenset[str]) -> Iterator[str]:
    unknown = sorted(set(where.calls) - known)
    if unknown:
        yield f"there is no call {unknown[0]}: {', '.join(sorted(known))}"
    if where.calls and not PLACED & set(where.calls) and not (where.zone is None and where.flavor is None):
        yield f"{', '.join(where.calls)} name neither zone nor type: only {', '.join(sorted(PLACED))} does"


def _of_figures(details: Mapping[str, Any], times: int | None, seconds: float | None) -> Iterator[str]:
    if times is not None and not 1 <= times <= MOST:
        yield f"{times} times is not possible: from 1 to {MOST}"
    if seconds is not None and not 0 < seconds <= MOST_SECONDS:
        yield f"a fault cannot hold for {seconds:g} seconds: more than 0, and {MOST_SECONDS:.0f} at most"
    for name, value in details.items():
        if name in _FIGURES and not 0 <= value <= _FIGURES[name]:
            yield f"{value:g} {name} are not possible: from 0 to {_FIGURES[name]:.0f}"
