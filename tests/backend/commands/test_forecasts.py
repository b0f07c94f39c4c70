"""The operator's listing of what predictive policies foresee."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.commands import forecasts as commands
from backend.domain.prediction import Expected, Gauge, Mode, Pair, Prediction
from backend.domain.scaling import PolicyKind, WantedPolicy
from backend.services.scaling_policies import Said
from backend.store import forecasts
from backend.store.leased import Claimer, Room
from tests.factories import NOW, OTHER, SCOPE, World


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def _put(world, scope, mode):
    world.group(scope=scope)
    said = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {})
    wanted = WantedPolicy("ahead", PolicyKind.PREDICTIVE, prediction=Prediction(50.0, Gauge(Pair.CPU), mode=mode))
    world.backend.scaling_policies.put(scope, "web", wanted, said)


def test_each_policy_with_how_good_it_was(world):
    _put(world, SCOPE, Mode.SCALE)
    (lease,) = forecasts.LEASED.claim(world.store, Claimer("engine", timedelta(minutes=1)), NOW, Room(2, []))
    accuracy = {"error": 0.0771, "last_day": 0.2, "last_week": None, "season": 168, "correlation": None}
    expected = Expected(NOW, (1.0, 2.0), (3, 4))
    world.store.transact(lambda conn: forecasts.keep(conn, lease, expected, accuracy, NOW))
    _put(world, OTHER, None)
    rows = {row["project"]: row for row in commands.listed(world.store, world.clock, None)}
    one, other = rows[SCOPE.project_id], rows[OTHER.project_id]
    assert (one["group"], one["policy"], one["acts"], one["asks_for"]) == ("web", "ahead", "yes", 3)
    assert (one["error"], one["last_day"], one["last_week"], one["season"]) == ("7.7 %", "20.0 %", "-", "168 h")
    assert (other["acts"], other["made"], other["error"], other["asks_for"]) == ("no", "-", "-", "-")
    assert [row["project"] for row in commands.listed(world.store, world.clock, SCOPE.project_id)] == [SCOPE.project_id]
