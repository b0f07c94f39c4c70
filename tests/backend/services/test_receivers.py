"""Receivers: what they do when they hear of an alarm, once, in their own project, and for whoever has the token."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.cluster_findings import ClusterNotFound
from backend.domain.ids import short_id
from backend.domain.node import LEAVING, Health
from backend.domain.receivers import (
    Outcome,
    ReceiverGone,
    ReceiverUnknown,
    Signal,
    ThresholdMissing,
    ValueMissing,
    WantedReceiver,
)
from backend.domain.scaling import Adjustment, PolicyKind, Step, WantedPolicy
from backend.domain.scaling_findings import PolicyNotExecutable, ScalingPolicyNotFound
from backend.domain.scope import Scope
from backend.domain.tracking import Predefined, Tracking
from backend.errors import LimitExceeded
from backend.services import receivers as services
from backend.services.scaling_policies import PolicyName, Said
from backend.store import hosts, nodes
from backend.store.receiver_tables import receivers as table
from tests.factories import NOW, OTHER, SCOPE, World

SAID = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {"name": alarm.name})
OUT = WantedPolicy("out", PolicyKind.SIMPLE, Adjustment.CHANGE, 1, cooldown_seconds=300)
STEPS = WantedPolicy(
    "steps", PolicyKind.STEP, Adjustment.CHANGE, steps=(Step(0.0, 10.0, 1), Step(10.0, None, 2)), warmup_seconds=0
)


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def group(world, *policies, name="web", scope=SCOPE):
    made = world.group(name, scope=scope, minimum=0, desired=0)
    for policy in policies:
        world.backend.scaling_policies.put(scope, name, policy, SAID)
    return made


def add(world, scope=SCOPE, **values):
    return world.backend.receivers.add(scope, WantedReceiver("web", **values))[1]


def knock(world, token, digest="d", *, firing=True, value=None, servers=(), over=()):
    signal = Signal(firing, digest, value, servers, over=over)
    return world.backend.receivers.hear(*world.backend.receivers.of(token), signal)


def desired(world, scope=SCOPE):
    return world.backend.clusters.get(scope, "web").spec.desired


def test_a_policy_is_executed_once_for_a_message_and_its_cooldown_is_honoured(world):
    group(world, OUT)
    token = add(world, policy_name="out")
    assert knock(world, token) is Outcome.SCALED
    assert desired(world) == 1
    assert knock(world, token) is Outcome.AGAIN
    assert knock(world, token, "another") is Outcome.COOLING
    assert desired(world) == 1
    causes = world.backend.clusters.get(SCOPE, "web").causes
    assert [cause.kind for cause in causes] == [CauseKind.USER_EXECUTED_POLICY]


def test_the_same_message_says_later_that_the_alarm_lasts(world):
    group(world, replace(STEPS, warmup_seconds=0))
    token = add(world, policy_name="steps", threshold=50.0)
    assert knock(world, token, value=55.0) is Outcome.SCALED
    world.clock.move(30)
    assert knock(world, token, value=55.0) is Outcome.AGAIN
    world.clock.move(31)
    assert knock(world, token, value=65.0) is not Outcome.AGAIN


def test_steps_go_by_the_value_and_the_threshold(world):
    group(world, STEPS)
    token = add(world, policy_name="steps", threshold=50.0)
    with pytest.raises(ValueMissing):
        knock(world, token)
    assert knock(world, token, "low", value=40.0) is Outcome.NO_STEP
    assert knock(world, token, "high", value=65.0) is Outcome.SCALED
    assert desired(world) == 2


def test_the_end_of_an_alarm_does_nothing(world):
    group(world, OUT)
    assert knock(world, add(world, policy_name="out"), firing=False) is Outcome.OVER
    assert desired(world) == 0


def test_a_group_that_hears_no_alarms_and_a_policy_that_is_off(world):
    group(world, OUT)
    token = add(world, policy_name="out")
    world.backend.clusters.suspend(SCOPE, "web", (Process.ALARM_NOTIFICATION,))
    assert knock(world, token) is Outcome.SUSPENDED
    world.backend.clusters.resume(SCOPE, "web", (Process.ALARM_NOTIFICATION,))
    world.backend.scaling_policies.put(SCOPE, "web", replace(OUT, enabled=False), SAID)
    assert knock(world, token, "next") is Outcome.DISABLED
    assert desired(world) == 0


def test_instances_of_the_group_are_judged_and_no_others(world):
    mine = world.put(group(world), "a", "b")
    neighbours = world.put(world.group("other"), "c")
    theirs = world.put(group(world, scope=OTHER), "d")
    token = add(world)
    shorts = [node.server_id.replace("-", "")[:17] for node in (mine[0], *neighbours, *theirs)]
    assert knock(world, token, servers=tuple(shorts)) is Outcome.MARKED
    with world.store.read() as conn:
        found = {each.id: nodes.get(conn, each.id).health for each in (*mine, *neighbours, *theirs)}
    assert found == {
        mine[0].id: Health.UNHEALTHY,
        **{each.id: Health.HEALTHY for each in (mine[1], *neighbours, *theirs)},
    }
    assert knock(world, token, "x", servers=tuple(shorts[1:])) is Outcome.UNKNOWN
    assert knock(world, token, "y", servers=tuple(shorts[:1]), firing=False) is Outcome.OVER


def test_instances_are_to_be_replaced_until_it_is_over(world):
    mine = world.put(group(world), "a", "b")
    neighbours = world.put(world.group("other"), "c")
    token = add(world, drains=True)
    shorts = [node.server_id.replace("-", "")[:17] for node in (mine[0], *neighbours)]

    def leaving():
        with world.store.read() as conn:
            return [nodes.get(conn, each.id).drained_from is not None for each in (*mine, *neighbours)]

    assert knock(world, token, servers=tuple(shorts)) is Outcome.DRAINED
    assert leaving() == [True, False, False]
    assert knock(world, token, servers=tuple(shorts)) is Outcome.AGAIN
    assert knock(world, token, "x", servers=tuple(shorts[1:])) is Outcome.UNKNOWN
    assert knock(world, token, "y", firing=False) is Outcome.OVER
    assert leaving() == [True, False, False]
    assert knock(world, token, "z", over=tuple(shorts), firing=False) is Outcome.DRAINED
    assert leaving() == [False, False, False]


def test_each_takes_back_what_it_asked_for_itself(world):
    mine = world.put(group(world), "a", "b")
    one, other = add(world, drains=True), add(world, drains=True)
    (first, second), names = mine, [f"receiver {each.id}" for each in world.backend.receivers.all(SCOPE)]
    shorts = [short_id(node.server_id) for node in mine]

    def marks():
        with world.store.read() as conn:
            return [nodes.get(conn, each.id).drained_from for each in mine]

    def drain(node):
        world.store.transact(lambda conn: hosts.drain(conn, SCOPE, [node.server_id], "cpu-1", NOW))

    drain(first)
    assert knock(world, one, "1", over=tuple(shorts), firing=False) is Outcome.OVER
    assert marks() == ["cpu-1", None], "an operator drains it"
    assert knock(world, one, "2", servers=tuple(shorts)) is Outcome.DRAINED
    assert marks()[0] == "cpu-1"
    mine_now = marks()[1]
    assert mine_now in names
    assert knock(world, other, "3", servers=tuple(shorts[1:])) is Outcome.DRAINED, "it is to go already"
    assert knock(world, other, "4", over=tuple(shorts[1:]), firing=False) is Outcome.OVER
    assert marks() == ["cpu-1", mine_now]
    drain(second)
    assert marks() == ["cpu-1", "cpu-1"], "an operator's word is over that of a receiver"
    assert len(world.store.transact(lambda conn: hosts.keep(conn, None, "cpu-1", NOW))) == 2
    assert marks() == [None, None]


def test_what_is_on_its_way_out_is_nobodys_to_drain(world):
    (node,) = world.put(group(world), "a")
    world.backend.nodes.terminate(SCOPE, short_id(node.server_id), decrement=False)
    with world.store.read() as conn:
        assert nodes.get(conn, node.id).state in LEAVING
    assert knock(world, add(world, drains=True), servers=(short_id(node.server_id),)) is Outcome.UNKNOWN


def test_a_group_with_an_operator_is_heard_of_as_any_other(world):
    operator = Scope(SCOPE.project_id, SCOPE.region, frozenset({"them"}))
    made = world.group("web", scope=operator, minimum=0, desired=0, operator="them")
    world.backend.scaling_policies.put(operator, "web", OUT, SAID)
    (node,) = world.put(made, "a")
    assert knock(world, add(world, policy_name="out")) is Outcome.SCALED
    assert knock(world, add(world), servers=(node.server_id.replace("-", "")[:17],)) is Outcome.MARKED
    with world.store.read() as conn:
        assert nodes.get(conn, node.id).health is Health.UNHEALTHY


def test_a_token_is_of_one_receiver_of_one_project(world):
    for scope in (SCOPE, OTHER):
        group(world, OUT, scope=scope)
    token = add(world, scope=OTHER, policy_name="out")
    assert knock(world, token) is Outcome.SCALED
    assert (desired(world), desired(world, OTHER)) == (0, 1)
    for wrong in ("", token[:-1], token.upper(), token + "x", "\udcff"):
        with pytest.raises(ReceiverUnknown):
            world.backend.receivers.of(wrong)
    (made,) = world.backend.receivers.all(OTHER)
    assert not world.backend.receivers.remove(SCOPE, made.id)
    assert world.backend.receivers.remove(OTHER, made.id)
    with pytest.raises(ReceiverUnknown):
        knock(world, token)


def test_no_token_is_kept(world):
    group(world, OUT)
    token = add(world, policy_name="out")
    with world.store.read() as conn:
        assert token not in str(conn.execute(select(table)).all())


def test_what_it_acts_on_is_gone(world):
    group(world, OUT)
    executes, judges = add(world, policy_name="out"), add(world)
    world.backend.scaling_policies.remove(SCOPE, PolicyName("out", "web"))
    with pytest.raises(ReceiverGone):
        knock(world, executes)
    world.backend.scaling_policies.put(SCOPE, "web", OUT, SAID)  # another policy of that name
    with pytest.raises(ReceiverGone):
        knock(world, executes, "next")
    world.backend.clusters.delete(SCOPE, "web", force=True)
    for token in (executes, judges):  # they go with their group
        with pytest.raises(ReceiverUnknown):
            knock(world, token, "last")


def test_what_a_receiver_cannot_be_made_for(world):
    tracking = WantedPolicy("track", PolicyKind.TARGET_TRACKING, tracking=Tracking(50.0, predefined=Predefined.CPU))
    group(world, OUT, STEPS, tracking)
    for values, finding in (
        ({"policy_name": "none"}, ScalingPolicyNotFound),
        ({"policy_name": "track"}, PolicyNotExecutable),
        ({"policy_name": "steps"}, ThresholdMissing),
        ({"policy_name": "out", "threshold": 1.0}, ThresholdMissing),
        ({"threshold": 1.0}, ThresholdMissing),
    ):
        with pytest.raises(finding):
            add(world, **values)
    with pytest.raises(ClusterNotFound):
        add(world, scope=OTHER)


def test_a_project_has_so_many_and_each_remembers_so_much(world, monkeypatch):
    monkeypatch.setattr(services, "_MOST", 1)
    group(world, OUT)
    token = add(world, policy_name="out")
    with pytest.raises(LimitExceeded):
        add(world)
    for number in range(60):
        knock(world, token, str(number), firing=False)
        world.clock.at += timedelta(milliseconds=100)
    (made,) = world.backend.receivers.all(SCOPE)
    assert len(made.heard) == 20
    assert made.outcome == "over"
