"""What metrics are wanted of, and what is kept of their sources and of receivers, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.alarms import Alarm, Comparison, Watched, alarm_id
from backend.domain.balancers import RegisteredTarget, TargetGroup, TargetState
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import measured, metric
from backend.domain.receivers import Receiver
from backend.domain.traffic import MemberHealth, Registration, RegistrationState
from backend.store import looked_at, measuring, metrics, traffic
from backend.store.alarms import ALARMS
from backend.store.balancers import GROUPS, TARGETS
from backend.store.leased import Claimer, Room
from backend.store.measuring import LEASED, Rest, SourceStates
from backend.store.receivers import RECEIVERS, everywhere, scope_of
from tests.factories import NOW, OTHER, SCOPE, uuid_of

CPU = metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": "web"})
MINUTE = timedelta(minutes=1)


def alarm(name, stat=None, queries=(), scope=SCOPE):
    watched = Watched(Comparison.ABOVE, 1.0, 1, stat=stat, queries=queries).document()
    return Alarm(alarm_id(scope, name), name, NOW, NOW, NOW, NOW, watched)


def test_every_alarm_of_a_project_is_looked_through_and_nobody_elses(store, monkeypatch):
    monkeypatch.setattr(looked_at, "_BATCH", 2)
    network = metric("AWS/EC2", "NetworkIn", {"InstanceId": "i-1"})
    stat = MetricStat(CPU, 60, "Average")
    queries = (Query("e", expression="m"), Query("m", MetricStat(network, 60, "Sum"), returned=False))
    mine = [alarm(f"a{number}", stat) for number in range(4)] + [alarm("math", queries=queries)]
    mine += [alarm("own", MetricStat(metric("App", "Load"), 60, "Sum"))]

    def work(conn):
        for each in mine:
            ALARMS.add(conn, SCOPE, each)
        ALARMS.add(conn, SCOPE, replace(alarm("of alarms"), watched={}))
        ALARMS.add(conn, OTHER, alarm("theirs", MetricStat(metric("AWS/EC2", "NetworkOut"), 60, "Sum"), scope=OTHER))

    store.transact(work)
    with store.read() as conn:
        assert looked_at.watched(conn, SCOPE, ["AWS/EC2"]) == {CPU, network}
        assert looked_at.watched(conn, SCOPE, ["AWS/NetworkELB"]) == set()


def registered(node, pool, health, state=RegistrationState.REGISTERED):
    of = (node, pool, "c", SCOPE.project_id, SCOPE.region, f"s-{node}", "10.0.0.1", 80, None, state, NOW)
    return Registration(*of, health=health)


@pytest.mark.parametrize(
    ("healths", "sharing"),
    [
        ([MemberHealth.HEALTHY, MemberHealth.HEALTHY, MemberHealth.UNHEALTHY], 2),
        ([MemberHealth.UNHEALTHY, MemberHealth.INITIAL], 3),
        ([], 1),
    ],
)
def test_who_shares_the_requests_of_a_target_group(store, healths, sharing):
    """One target was registered by hand, whose health nobody keeps; one member is on its way out."""
    group = TargetGroup("0123456789abcdef", "tg", "HTTP", 80, "net", "instance", NOW, pool_id="the-pool")
    by_hand = RegisteredTarget("t", group.id, "10.0.0.9", 80, "10.0.0.9", TargetState.REGISTERED, NOW)
    own = uuid_of("pool")

    def work(conn):
        GROUPS.add(conn, SCOPE, group, replace(group, id="f" * 16, name="homeless", pool_id=None))
        TARGETS.add(conn, SCOPE, by_hand)
        made = [registered(f"n{at}", group.id, health) for at, health in enumerate(healths)]
        traffic.put(
            conn,
            [
                *made,
                registered("gone", group.id, MemberHealth.HEALTHY, RegistrationState.DRAINING),
                registered("n", own, MemberHealth.HEALTHY),
            ],
        )

    store.transact(work)
    digits = own.replace("-", "")[:16]
    with store.read() as conn:
        found = looked_at.pools_of(conn, SCOPE, {group.id, "f" * 16, digits, "e" * 16})
        assert found == {group.id: ("the-pool", sharing), digits: (own, 1)}
        assert looked_at.pools_of(conn, OTHER, {group.id}) == {}


def test_which_minutes_have_something_whatever_its_unit(store):
    data = [
        measured(CPU, NOW, [1.0], unit="Percent"),
        measured(CPU, NOW + MINUTE, [1.0], unit="Count"),
        measured(CPU, NOW + 2 * MINUTE + timedelta(seconds=7), [1.0], fine=True),
    ]
    store.transact(lambda conn: metrics.add(conn, SCOPE, data, NOW))
    with store.read() as conn:
        found = metrics.present(conn, SCOPE, [CPU, metric("App", "Load")], NOW, NOW + 9 * MINUTE)
        assert found == {(CPU, NOW), (CPU, NOW + MINUTE), (CPU, NOW + 2 * MINUTE)}
        assert metrics.present(conn, OTHER, [CPU], NOW, NOW + 9 * MINUTE) == set()
        assert metrics.present(conn, SCOPE, [CPU], NOW + MINUTE, NOW + 2 * MINUTE) == {(CPU, NOW + MINUTE)}


def test_what_is_kept_of_sources_is_told_again_and_is_the_lease_holders_to_write(store):
    store.transact(lambda conn: measuring.demand(conn, SCOPE, NOW))
    (lease,) = LEASED.claim(store, Claimer("one", MINUTE), NOW, Room(5, []))
    kept = SourceStates({"diagnostics": {"s": [1.5, {"busy": 2**53}]}}, {"gnocchi": Rest(2, NOW, "wörter")})
    store.transact(lambda conn: measuring.keep_states(conn, lease, kept))
    with store.read() as conn:
        assert measuring.states(conn, SCOPE) == kept
        assert measuring.states(conn, OTHER) == SourceStates()
        assert measuring.resting(conn) == [(SCOPE, "gnocchi", Rest(2, NOW, "wörter"))]
    lease.epoch -= 1  # of somebody who lost it
    store.transact(lambda conn: measuring.keep_states(conn, lease, SourceStates()))
    with store.read() as conn:
        assert measuring.states(conn, SCOPE) == kept


def test_receivers_are_found_by_their_digest(store):
    made = Receiver("r", "c", "web", "d" * 64, NOW, "p", "out", 1.5, "vm", (["x", 5],), NOW, "scaled")
    store.transact(lambda conn: RECEIVERS.add(conn, SCOPE, made))
    with store.read() as conn:
        assert RECEIVERS.one(conn, SCOPE, digest="d" * 64) == made
        assert (scope_of(conn, "d" * 64), scope_of(conn, "D" * 64)) == (SCOPE, None)
        assert everywhere(conn) == [(SCOPE, made)]
