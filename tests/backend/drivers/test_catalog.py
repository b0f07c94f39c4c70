from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.compute import KeyPair
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
