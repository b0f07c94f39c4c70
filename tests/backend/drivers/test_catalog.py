from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.compute import KeyPair, Zone
from backend.drivers.errors import CloudUnavailable
from backend.drivers.spot import Spot
from tests.factories import NOW, OTHER, SCOPE, HandClock


@dataclass
class Keys:
    """The one listing of a cloud that these tests ask for."""

    asked: list[Scope] = field(default_factory=list)
    names: list[str] = field(default_factory=lambda: ["a"])

    def key_pairs(self, scope: Scope) -> Sequence[KeyPair]:
        self.asked.append(scope)
        return [KeyPair(name, name, "", "rsa", NOW) for name in self.names]


@dataclass
class Cloud:
    compute: Keys = field(default_factory=Keys)
    images: None = None
    network: None = None
    spot: Spot = Spot.REFUSE
    partitions: int = 0


def made() -> tuple[Catalog, Keys, HandClock]:
    clock, cloud = HandClock(), Cloud()
    return Catalog(cast("Any", cloud), clock), cloud.compute, clock


def test_a_listing_is_kept_for_a_while_and_by_scope() -> None:
    catalog, keys, clock = made()
    catalog.key_pairs(SCOPE)
    catalog.key_pairs(SCOPE)
    catalog.key_pairs(OTHER)
    assert keys.asked == [SCOPE, OTHER]
    clock.move(31)
    catalog.key_pairs(SCOPE)
    assert keys.asked == [SCOPE, OTHER, SCOPE]


def test_a_look_up_that_misses_asks_again() -> None:
    catalog, keys, _ = made()
    assert catalog.key_pair(SCOPE, "b") is None
    keys.names.append("b")
    assert catalog.key_pair(SCOPE, "b") is not None
    asked = len(keys.asked)
    assert catalog.key_pair(SCOPE, "a") is not None
    assert len(keys.asked) == asked


def test_what_is_dropped_is_asked_for_again() -> None:
    catalog, keys, _ = made()
    catalog.key_pairs(SCOPE)
    catalog.drop("key_pairs", OTHER)
    catalog.key_pairs(SCOPE)
    assert len(keys.asked) == 1
    catalog.drop("key_pairs", SCOPE)
    catalog.key_pairs(SCOPE)
    catalog.forget()
    catalog.key_pairs(SCOPE)
    assert len(keys.asked) == 3


def test_listings_of_projects_that_come_and_go_are_not_kept_for_ever() -> None:
    catalog, _, clock = made()
    for number in range(20):
        catalog.key_pairs(Scope(f"p-{number}", "r"))
    assert len(catalog._kept) == 20
    clock.move(30)
    catalog.key_pairs(SCOPE)
    assert [scope for _, scope in catalog._kept] == [SCOPE]


def test_no_more_listings_are_kept_than_the_most() -> None:
    clock, cloud = HandClock(), Cloud()
    catalog = Catalog(cast("Any", cloud), clock, most=2)
    for name in ("a", "b", "a", "c"):
        catalog.key_pairs(Scope(name, "r"))
    assert [scope.project_id for _, scope in catalog._kept] == ["b", "c"]
    catalog.key_pairs(Scope("a", "r"))
    assert len(cloud.compute.asked) == 4


@dataclass
class Zones:
    """A cloud whose zones are asked for, and which may be away."""

    asked: int = 0
    away: bool = False

    def zones(self, _scope: Scope) -> Sequence[Zone]:
        self.asked += 1
        if self.away:
            raise CloudUnavailable
        return [Zone("a", "az1"), Zone("b", "az2")]


def test_zone_ids_are_asked_for_once_and_never_fail() -> None:
    clock, zones = HandClock(), Zones(away=True)
    catalog = Catalog(cast("Any", Cloud(cast("Any", zones))), clock)
    assert catalog.zone_ids(SCOPE, ["a"]) == {}
    assert catalog.zone_ids(SCOPE, ["a"]) == {}
    assert zones.asked == 1, "who is away is not asked for every list"
    clock.move(31)
    zones.away = False
    assert catalog.zone_ids(SCOPE, ["a"]) == {"a": "az1", "b": "az2"}
    clock.move(3600)
    zones.away = True
    assert catalog.zone_ids(OTHER, ["a", "b"]) == {"a": "az1", "b": "az2"}
    assert zones.asked == 2
    assert catalog.zone_ids(SCOPE, ["c"]) == {"a": "az1", "b": "az2"}
