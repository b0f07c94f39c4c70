"""The operator's commands on receivers, and on sources of metrics."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.commands import CannotDo, receivers, sources
from backend.domain.receivers import Outcome, Signal, WantedReceiver
from backend.domain.scaling import Adjustment, PolicyKind, WantedPolicy
from backend.services.scaling_policies import PolicyName, Said
from backend.store import measuring
from backend.store.leased import Claimer, Room
from backend.store.measuring import LEASED, Rest, SourceStates
from tests.factories import NOW, OTHER, SCOPE, World

SAID = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {"name": alarm.name})
OUT = WantedPolicy("out", PolicyKind.SIMPLE, Adjustment.CHANGE, 1)


@pytest.fixture
def world():
    made = World()
    made.group("web", minimum=0, desired=0)
    made.backend.scaling_policies.put(SCOPE, "web", OUT, SAID)
    yield made
    made.close()


def add(world, scope=SCOPE, **values):
    wanted = WantedReceiver(values.pop("group", "web"), **values)
    return receivers.add(world.backend.receivers, scope, wanted, "https://aws.example")


def test_an_address_is_told_once_and_works(world):
    made, address, _ = add(world, policy_name="out").split("\n")
    assert address.startswith("https://aws.example/receivers/")
    (row,) = receivers.listed(world.store)
    assert (row["id"], row["group"], row["does"], row["last_heard"]) == (made, "web", "executes out", "-")
    token = address.rpartition("/")[2]
    assert token not in str(row)
    heard = world.backend.receivers.hear(*world.backend.receivers.of(token), Signal(True, "d"))
    assert heard is Outcome.SCALED
    assert receivers.listed(world.store)[0]["outcome"] == "scaled"


def test_what_is_gone_is_told(world):
    add(world, policy_name="out")
    add(world)
    world.backend.scaling_policies.remove(SCOPE, PolicyName("out", "web"))
    assert {row["does"] for row in receivers.listed(world.store)} == {
        "(its policy out is gone)",
        "judges instances by instance_id",
    }


def test_one_is_ended(world):
    made = add(world).split("\n")[0]
    assert receivers.remove(world.store, made).startswith("Removed")
    assert receivers.listed(world.store) == []
    with pytest.raises(CannotDo, match="there is no receiver"):
        receivers.remove(world.store, made)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"group": "none"}, "has no group none"),
        ({"scope": OTHER}, "has no group web"),
        ({"policy_name": "none"}, "has no policy none"),
        ({"policy_name": "out", "threshold": 1.0}, "takes no --threshold"),
        ({"threshold": 1.0}, "--threshold is of policies"),
    ],
)
def test_what_cannot_be_made(world, values, words):
    with pytest.raises(CannotDo, match=words):
        add(world, **values)
    assert receivers.listed(world.store) == []


def test_sources_are_listed_with_what_is_wrong_with_them(world):
    world.store.transact(lambda conn: measuring.demand(conn, SCOPE, NOW))
    (lease,) = LEASED.claim(world.store, Claimer("one", timedelta(minutes=1)), NOW, Room(5, []))
    rest = Rest(3, NOW + timedelta(minutes=2), "timed out")
    world.store.transact(lambda conn: measuring.keep_states(conn, lease, SourceStates(rests={"prometheus": rest})))
    bad, good = sources.listed(world.store, ["prometheus", "gnocchi"])
    assert (bad["source"], bad["project"], bad["failures"], bad["why"]) == (
        "prometheus",
        SCOPE.project_id,
        3,
        "timed out",
    )
    assert (good["source"], good["failures"], good["why"]) == ("gnocchi", 0, "-")
