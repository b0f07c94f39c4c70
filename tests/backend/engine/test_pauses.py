"""Pauses of what the cloud holds up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.drivers import errors
from backend.engine.pauses import Bounds, HeldUp, bounds_of
from backend.engine.settings import EngineSettings
from backend.store.leases import BalancerLease
from backend.store.networks import VpcLease
from tests.factories import NOW, SCOPE, HandClock

SECOND = timedelta(seconds=1)
BOUNDS = Bounds(SECOND, 10 * SECOND)
SETTINGS = EngineSettings()


def lease(kind=BalancerLease, key="a"):
    return kind(key=(key,), scope=SCOPE, epoch=1, mark=NOW, clock=HandClock())


def pauses(held: HeldUp, looks: int, one=None, begun=NOW) -> list[float]:
    """Of looks each of which comes when the one before said so."""
    now, found = begun, []
    for _ in range(looks):
        pause = held.pause(one or lease(), BOUNDS, now)
        found.append(pause / SECOND)
        now += pause
    return found


def test_each_is_as_long_again_as_it_has_lasted():
    assert pauses(HeldUp(), 7) == [1, 1, 2, 4, 8, 10, 10]


def test_what_goes_on_begins_anew_and_things_have_pauses_of_their_own():
    held = HeldUp()
    pauses(held, 5)
    assert pauses(held, 1, lease(key="b"), NOW + 16 * SECOND) == [1]
    assert pauses(held, 1, lease(VpcLease), NOW + 16 * SECOND) == [1]
    assert pauses(held, 1, None, NOW + 16 * SECOND) == [10]
    held.over(lease())
    assert pauses(held, 1, None, NOW + 26 * SECOND) == [1]


def test_who_asks_sooner_makes_no_pause_longer():
    held = HeldUp()
    assert [held.pause(lease(), BOUNDS, NOW + number * SECOND / 10) / SECOND for number in range(9)] == [1] * 9


def test_what_another_engine_had_meanwhile_begins_anew():
    held = HeldUp()
    pauses(held, 5)
    assert pauses(held, 1, None, NOW + timedelta(hours=1)) == [1]


def test_no_more_is_kept_than_is_held_up():
    held = HeldUp()
    for number in range(2000):
        held.pause(lease(key=str(number)), BOUNDS, NOW + number * SECOND)
    assert len(held._known) <= 1001


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (errors.CloudUnavailable("away"), SETTINGS.cloud_retry, SETTINGS.refused_retry),
        (errors.OutcomeUnknown("lost"), SETTINGS.cloud_retry, SETTINGS.refused_retry),
        (errors.Busy("later"), SETTINGS.cloud_retry, SETTINGS.held_longest),
        (errors.Refused("no"), SETTINGS.refused_retry, SETTINGS.held_longest),
    ],
)
def test_who_does_not_answer_is_asked_sooner_than_who_refuses(error, least, most):
    assert bounds_of(SETTINGS, error) == Bounds(least, most)
