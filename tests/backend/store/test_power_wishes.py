"""Acts that wait for a busy cloud, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.power import PowerAct, PowerWish
from backend.store import power_wishes
from backend.store.leased import Claimer, Room
from backend.store.power_wishes import LEASED, POWER_WISHES
from tests.factories import NOW, OTHER, SCOPE

REBOOT = PowerWish("s-1", PowerAct.REBOOT, NOW)
STOP = PowerWish("s-1", PowerAct.STOP, NOW + timedelta(seconds=5))
SOON = NOW + timedelta(seconds=1)


def waiting(store, scope=SCOPE):
    with store.read() as conn:
        return POWER_WISHES.all(conn, scope)


@pytest.mark.parametrize("seen", [True, False])
def test_the_last_act_that_was_asked_of_a_server_waits(store, monkeypatch, seen):
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, REBOOT, SOON))
    if not seen:  # two requests at once: each found nothing that waits
        looks = iter([False])
        kept = power_wishes._replace
        monkeypatch.setattr(power_wishes, "_replace", lambda *args: next(looks, None) is None and kept(*args))
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, STOP, SOON))
    assert waiting(store) == [STOP]


def test_a_reboot_that_comes_late_takes_no_stops_place(store):
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, STOP, SOON))
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, REBOOT, SOON))
    assert waiting(store) == [STOP]


def test_what_was_done_ends_no_later_wish(store):
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, STOP, SOON))
    store.transact(lambda conn: power_wishes.done(conn, SCOPE, REBOOT))
    assert waiting(store) == [STOP]
    store.transact(lambda conn: power_wishes.done(conn, OTHER, STOP))
    assert waiting(store) == [STOP]
    store.transact(lambda conn: power_wishes.done(conn, SCOPE, STOP))
    assert waiting(store) == []


def test_what_is_asked_while_an_engine_is_at_it_stays_due(store, clock):
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, REBOOT, NOW))
    claimer = Claimer("one", timedelta(seconds=60))
    (lease,) = LEASED.claim(store, claimer, NOW, Room(5, []))
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, STOP, SOON))
    store.transact(lambda conn: LEASED.release(conn, lease, NOW + timedelta(minutes=5)))
    assert LEASED.claim(store, claimer, NOW, Room(5, [])) == []
    assert [each.server_id for each in LEASED.claim(store, claimer, SOON, Room(5, []))] == ["s-1"]


def test_what_is_forgotten_is_of_one_project(store):
    other = replace(STOP, id="s-2")
    store.transact(lambda conn: power_wishes.ask(conn, SCOPE, REBOOT, SOON))
    store.transact(lambda conn: power_wishes.ask(conn, OTHER, other, SOON))
    store.transact(lambda conn: power_wishes.forget(conn, SCOPE, ["s-1", "s-2"]))
    store.transact(lambda conn: power_wishes.forget(conn, OTHER, []))
    assert (waiting(store), waiting(store, OTHER)) == ([], [other])
