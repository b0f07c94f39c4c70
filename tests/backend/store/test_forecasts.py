"""Rows of forecasts and of what was foreseen, on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.prediction import Expected, Gauge, Mode, Pair, Prediction
from backend.domain.scaling import PolicyKind, ScalingPolicy
from backend.store import clusters, forecasts, scaling_policies
from backend.store.leased import Claimer, Room
from tests import factories
from tests.factories import NOW, OTHER, SCOPE, uuid_of

HOUR = timedelta(hours=1)
CLAIMER = Claimer("one", timedelta(seconds=60))


@pytest.fixture
def group(store):
    made = factories.cluster(due_at=None)
    store.transact(lambda conn: clusters.insert(conn, made, ()))
    return made


def write(store, group, name="ahead", mode=Mode.SCALE, **values):
    made = ScalingPolicy(
        id=uuid_of(name),
        cluster_id=group.id,
        cluster_name=group.name,
        name=name,
        kind=PolicyKind.PREDICTIVE,
        created_at=NOW,
        **{
            "enabled": True,
            "forecast": Prediction(50.0, Gauge(Pair.CPU), mode=mode, buffer_seconds=0).document(),
            **values,
        },
    )

    def work(conn):
        scaling_policies.write(conn, SCOPE, made)
        forecasts.ask(conn, SCOPE, made.id, group.id, NOW)

    store.transact(work)
    return made


def foresee(store, policy, *capacities, begin=NOW, at=NOW):
    leases = forecasts.LEASED.claim(store, CLAIMER, at, Room(10, []))
    (lease,) = (each for each in leases if each.policy_id == policy.id)
    expected = Expected(begin, tuple(float(units) for units in capacities), capacities)

    def work(conn):
        assert forecasts.LEASED.fence(conn, lease) is not None
        forecasts.keep(conn, lease, expected, {"error": 0.1}, at)
        for each in leases:
            forecasts.LEASED.release(conn, each, at)

    store.transact(work)


def told(store, policy, start=NOW - timedelta(days=3), end=NOW + timedelta(days=3)):
    with store.read() as conn:
        kept = forecasts.of(conn, SCOPE, [policy.id])[policy.id]
        found = forecasts.told(conn, kept, start, end)
    return None if found is None else {at: units for at, (_, units) in found.hours.items()}


def test_what_is_past_is_kept_and_what_is_to_come_is_replaced(store, group):
    policy = write(store, group)
    assert told(store, policy) is None
    foresee(store, policy, *range(1, 49))
    foresee(store, policy, *[70] * 48, begin=NOW + 2 * HOUR, at=NOW + 2 * HOUR)
    found = told(store, policy)
    assert list(found) == [NOW + hour * HOUR for hour in range(50)]
    assert list(found.values()) == [1, 2, *[70] * 48]
    assert told(store, policy, NOW + HOUR, NOW + 3 * HOUR) == {NOW + HOUR: 2, NOW + 2 * HOUR: 70}
    assert told(store, policy, NOW + timedelta(seconds=1), NOW + HOUR) == {}


def test_what_forecasts_ask_for(store, group):
    def asked(at=NOW, **which):
        with store.read() as conn:
            return scaling_policies.foreseen(conn, group, at, **which)

    assert asked() is None
    one, other, off = write(store, group), write(store, group, "b", None), write(store, group, "c", enabled=False)
    assert asked() is None
    for policy, units in ((one, 3), (other, 7), (off, 9)):
        foresee(store, policy, units, 1)
    assert (asked(), asked(acting=True)) == (9, 3)
    assert (asked(NOW + HOUR), asked(NOW + 2 * HOUR)) == (1, None)


def test_a_policy_that_is_written_again_is_foreseen_again(store, group):
    policy = write(store, group)
    foresee(store, policy, 3)
    store.transact(lambda conn: forecasts.FORECASTS.change(conn, SCOPE, policy.id, make_at=NOW + HOUR, acted_for=NOW))
    store.transact(lambda conn: forecasts.ask(conn, SCOPE, policy.id, group.id, NOW))
    with store.read() as conn:
        kept = forecasts.of(conn, SCOPE, [policy.id])[policy.id]
    assert (kept.make_at, kept.acted_for, kept.made_at) == (NOW, None, NOW)


def test_nothing_is_left_of_what_goes(store, group):
    one, other = write(store, group), write(store, group, "b")
    for policy in (one, other):
        foresee(store, policy, 3)
    store.transact(lambda conn: forecasts.forget(conn, OTHER, one.id))  # another project's word
    assert told(store, one) == {NOW: 3}
    store.transact(lambda conn: forecasts.forget(conn, SCOPE, one.id))
    with store.read() as conn:
        assert list(forecasts.of(conn, SCOPE, [one.id, other.id])) == [other.id]
    store.transact(lambda conn: clusters.remove(conn, group.id, NOW))
    with store.read() as conn:
        assert forecasts.FORECASTS.all(conn, SCOPE) == []
        assert conn.execute(forecasts.foreseen.select()).all() == []


def test_what_a_cluster_tells(store, group):
    policy = write(store, group)
    foresee(store, policy, 5)
    store.transact(lambda conn: scaling_policies.note_foreseen(conn, group, NOW))
    with store.read() as conn:
        found = clusters.get(conn, SCOPE, group.name)
    assert (found.predicted, found.generation) == (5, group.generation)  # nobody's intent
