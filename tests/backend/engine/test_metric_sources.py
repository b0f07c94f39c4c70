"""Sources of metrics: who is asked for what and when, what of it is believed, and what a bad source cannot do."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from backend.domain.alarms import AlarmState, Comparison, Missing, WantedAlarm, Watched, query_document
from backend.domain.balancers import BalancerKind, BalancerState, LoadBalancer, TargetGroup
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import measured, metric
from backend.domain.scaling import PolicyKind, ScalingPolicy, WantedPolicy
from backend.domain.tracking import Predefined, Tracking
from backend.domain.traffic import MemberHealth, Registration, RegistrationState
from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.metric_sources import OF_BALANCERS, OF_POOLS, OF_SERVERS, Measure, Told, Unanswered
from backend.engine.lanes import Lanes
from backend.engine.settings import EngineSettings
from backend.engine.wanted import Want
from backend.services.alarms import AlarmQuery
from backend.services.scaling_policies import Said
from backend.store import measuring, metrics
from backend.store.balancers import BALANCERS, GROUPS
from backend.store.metrics import MetricQuery
from backend.store.scaling_policies import POLICIES
from backend.store.traffic import put
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, OTHER, SCOPE

MINUTE = timedelta(minutes=1)
CPU = metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": "web"})


@dataclass
class Source:
    """Tells the same of everything it is asked for, in each minute; fails while ``error`` is set."""

    name: str = "one"
    measures: frozenset[Measure] = OF_SERVERS | OF_POOLS
    value: object = 40.0
    free: bool = False
    minutes: int = 1
    late: int = 0
    error: Exception | None = None
    readings: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def ask(self, scope, asked):
        self.asked.append((scope, asked))
        if self.error is not None:
            raise self.error
        number = (asked.until - asked.since) // MINUTE
        series = {asked.since + at * MINUTE: self.value for at in range(number)}
        subjects = {(measure, each) for measure, ids in asked.subjects.items() for each in ids}
        return Told(dict.fromkeys(subjects, series), self.readings)


@pytest.fixture
def open_world():
    opened = []

    def made(*sources, **settings):
        world = EngineWorld(engine_settings=EngineSettings(**settings))
        over = replace(world.simulated, cloud=replace(world.simulated.cloud, sources=sources))
        opened.append(EngineWorld(clock=world.clock, over=over, engine_settings=world.engine_settings))
        world.store.close()
        return opened[-1]

    yield made
    for each in opened:
        each.close()


def watch(world, of=CPU, name="busy", scope=SCOPE, **values):
    watched = Watched(Comparison.ABOVE, 70.0, 1, stat=MetricStat(of, 60, "Average"), **values)
    world.backend.alarms.put(scope, WantedAlarm(name, watched), lambda alarm: {"name": alarm.name})


def points(world, of=CPU, scope=SCOPE):
    with world.store.read() as conn:
        return metrics.points(conn, scope, of, 60, NOW - 60 * MINUTE, NOW + 60 * MINUTE)


def kept(world, namespace="AWS/EC2"):
    with world.store.read() as conn:
        return {(of.name, of.dimensions[0][0]) for of, _ in metrics.page(conn, SCOPE, MetricQuery(namespace), 99).items}


def states(world):
    return {alarm.name: alarm.state for alarm in world.backend.alarms.page(SCOPE, AlarmQuery(), 99).items}


def server_ids(world, group):
    return {node.server_id for node in world.nodes(group)}


def test_nobody_is_asked_for_what_nobody_looks_at(open_world):
    source = Source()
    world = open_world(source)
    world.make(desired=2)
    world.pass_time(200, step=15)
    assert source.asked == []
    assert kept(world) == set()


def test_what_an_alarm_looks_at_is_asked_for_once_a_minute_and_kept_as_the_groups(open_world):
    source = Source()
    world = open_world(source)
    group = world.make(desired=2)
    world.make("other", desired=1)
    watch(world)
    world.pass_time(310, step=15)
    assert len(source.asked) in {4, 5}
    assert {tuple(asked.subjects.items()) for _, asked in source.asked} == {
        ((Measure.CPU, frozenset(server_ids(world, group))),)
    }
    starts = [asked.since for _, asked in source.asked]
    assert starts == sorted(set(starts))
    assert {(point.samples, point.value("Average"), point.unit) for point in points(world)} == {(2, 40.0, "Percent")}
    assert kept(world) == {("CPUUtilization", "AutoScalingGroupName")}


def test_processors_are_those_of_the_servers_types(open_world):
    source = Source()
    world = open_world(source)
    group = world.make(desired=1)
    watch(world)
    world.pass_time(130, step=15)
    assert source.asked[0][1].processors == dict.fromkeys(server_ids(world, group), 2)


def test_of_one_instance_and_in_an_expression(open_world):
    source = Source()
    world = open_world(source)
    group = world.make(desired=2)
    world.pass_time(20)
    node = world.nodes(group)[0]
    alone = metric("AWS/EC2", "NetworkIn", {"InstanceId": f"i-{node.server_id.replace('-', '')[:17]}"})
    queries = (Query("e", expression="m / 2"), Query("m", MetricStat(alone, 60, "Sum"), returned=False))
    wanted = WantedAlarm("sum", Watched(Comparison.ABOVE, 1.0, 1, queries=queries))
    world.backend.alarms.put(SCOPE, wanted, lambda alarm: {"name": alarm.name})
    world.pass_time(130, step=15)
    assert {tuple(asked.subjects.items()) for _, asked in source.asked} == {
        ((Measure.NETWORK_IN, frozenset({node.server_id})),)
    }
    assert {(point.total, point.unit) for point in points(world, alone)} == {(40.0, "Bytes")}
    assert states(world) == {"sum": AlarmState.ALARM}


def test_what_a_predictive_policy_learns_from_is_asked_for(open_world):
    source = Source()
    world = open_world(source)
    group = world.make(desired=1)
    stat = MetricStat(
        metric("AWS/NetworkELB", "ProcessedBytes", {"LoadBalancer": "net/lb/0123456789abcdef"}), 3600, "Sum"
    )
    gauge = {"predefined": "ALBRequestCount", "label": "app/lb/1111111111111111/targetgroup/tg/0123456789abcdef"}
    forecast = {
        "target": 50.0,
        "pair": {**gauge, "queries": []},
        "load": {"predefined": None, "label": None, "queries": [query_document(Query("m", stat))]},
        "mode": "ForecastOnly",
    }
    policy = ScalingPolicy("p", group.id, "web", "ahead", PolicyKind.PREDICTIVE, True, NOW, forecast=forecast)
    made = TargetGroup("0123456789abcdef", "tg", "HTTP", 80, "net", "instance", NOW, pool_id="the-pool")

    def work(conn):
        POLICIES.add(conn, SCOPE, policy)
        GROUPS.add(conn, SCOPE, made)
        BALANCERS.add(conn, SCOPE, balancer(), family="elbv2", epoch=0)

    world.store.transact(work)
    register(world, made, "healthy")
    world.pass_time(130, step=15)
    servers = frozenset(server_ids(world, group))
    assert source.asked[-1][1].subjects == {
        **dict.fromkeys(OF_SERVERS, servers),
        Measure.REQUESTS: frozenset({"the-pool"}),
    }


def balancer(**values):
    given = {"kind": BalancerKind.NETWORK, "scheme": "internal", "network_id": "net", "state": BalancerState.ACTIVE}
    nothing = dict.fromkeys(("subnets", "zones", "security_groups"), ())
    return LoadBalancer(
        **{"id": "0123456789abcdef", "name": "lb", "created_at": NOW, "cloud_id": "cloud", **nothing, **given, **values}
    )


def test_all_is_measured_where_an_operator_says_so(open_world):
    world = open_world(Source(), measure_all=True)
    world.make(desired=1)
    world.pass_time(130, step=15)
    names = ("CPUUtilization", "NetworkIn", "NetworkOut")
    assert kept(world) == {(name, of) for name in names for of in ("AutoScalingGroupName", "InstanceId")}


def test_the_next_is_asked_for_what_the_first_did_not_tell(open_world):
    first, second = Source(measures=frozenset({Measure.NETWORK_IN}), value=7.0), Source("two", value=9.0)
    world = open_world(first, second)
    world.make(desired=1)
    watch(world)
    watch(world, metric("AWS/EC2", "NetworkIn", {"AutoScalingGroupName": "web"}), "in")
    world.pass_time(130, step=15)
    assert {measure for _, asked in second.asked for measure in asked.subjects} == {Measure.CPU}
    assert {point.total for point in points(world)} == {9.0}


def test_one_that_fails_rests_longer_and_longer_the_next_stands_in_and_the_log_tells_it_once(open_world, caplog):
    bad, good = Source(error=CloudUnavailable("timed out")), Source("two", value=9.0)
    world = open_world(bad, good)
    world.make(desired=1)
    watch(world)
    with caplog.at_level(logging.WARNING, "backend.engine.measurements"):
        world.pass_time(60 * 20, step=15)
    assert 4 <= len(bad.asked) < 9
    assert len(good.asked) >= 18
    assert len(points(world)) >= 18
    assert [record.getMessage() for record in caplog.records] == [
        f"source=one project={SCOPE.project_id} region={SCOPE.region} cannot be asked, what it measures is missing: timed out"
    ]
    with world.store.read() as conn:
        ((scope, name, rest),) = measuring.resting(conn)
    assert (scope, name, rest.why) == (SCOPE, "one", "timed out")
    assert world.engine.counters["source_faults"] == len(bad.asked)
    bad.error = None
    with caplog.at_level(logging.WARNING, "backend.engine.measurements"):
        world.pass_time(60 * 12, step=15)
    assert "tells again" in caplog.records[-1].getMessage()
    with world.store.read() as conn:
        assert measuring.resting(conn) == []


def test_a_rest_is_known_to_the_next_engine(open_world):
    bad = Source(error=NotAuthorized("no"))
    world = open_world(bad)
    world.make(desired=1)
    watch(world)
    world.pass_time(60 * 6, step=15)
    before = len(bad.asked)
    other = world.new_engine("two")
    other.tick(world.clock.now())
    assert len(bad.asked) == before


@pytest.mark.parametrize(
    ("missing", "state"),
    [
        (None, AlarmState.INSUFFICIENT_DATA),
        (Missing.BREACHING, AlarmState.ALARM),
        (Missing.NOT_BREACHING, AlarmState.OK),
    ],
)
def test_what_a_source_does_not_tell_is_missing_data(open_world, missing, state):
    world = open_world(Source(error=CloudUnavailable("gone")))
    world.make(desired=1)
    world.backend.clusters.collect_metrics(SCOPE, "web", ("GroupInServiceInstances",))
    watch(world, missing=missing)
    watch(world, metric("App", "Load"), "own", missing=Missing.BREACHING)
    world.pass_time(400, step=15)
    assert states(world) == {"busy": state, "own": AlarmState.ALARM}
    assert len(points(world, metric("AWS/AutoScaling", "GroupInServiceInstances", CPU.dimensions))) >= 4


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, "NaN", "many", None, True, 2.0**61, []])
def test_what_is_no_measurement_is_missing(open_world, value):
    world = open_world(Source(value=value))
    world.make(desired=1)
    watch(world, metric("AWS/EC2", "NetworkIn", CPU.dimensions))
    world.pass_time(130, step=15)
    assert kept(world) == set()


def test_what_was_not_asked_for_is_not_believed(open_world):
    class Liar(Source):
        def ask(self, scope, asked):
            super().ask(scope, asked)
            (server,) = asked.subjects[Measure.CPU]
            stale = {asked.since - MINUTE: 99.0, asked.until: 99.0, asked.since: 250.0}
            return Told(
                {
                    (Measure.CPU, server): stale,
                    (Measure.CPU, "of-others"): {asked.since: 5.0},
                    (Measure.NETWORK_IN, server): {asked.since: 5.0},
                }
            )

    world = open_world(Liar())
    world.make(desired=1)
    watch(world)
    world.pass_time(130, step=15)
    assert {(point.samples, point.total) for point in points(world)} == {(1, 100.0)}
    assert kept(world) == {("CPUUtilization", "AutoScalingGroupName")}


def test_what_somebody_puts_himself_stands_before_every_source(open_world):
    world = open_world(Source(value=40.0, minutes=3))
    world.make(desired=1)
    watch(world)
    world.backend.metrics.put(SCOPE, [measured(CPU, NOW + MINUTE, [3.0], unit="Percent")])
    world.pass_time(250, step=15)
    found = {point.at: (point.samples, point.total) for point in points(world)}
    assert found[NOW + MINUTE] == (1, 3.0)
    assert found[NOW + 2 * MINUTE] == (1, 40.0)


def test_minutes_that_come_late_are_each_kept_once(open_world):
    source = Source(minutes=4, late=1)
    world = open_world(source)
    world.make(desired=1)
    watch(world)
    world.pass_time(60 * 6 + 10, step=15)
    assert {point.samples for point in points(world)} == {1}
    last = source.asked[-1][1]
    assert last.until - last.since == 4 * MINUTE
    assert points(world)[-1].at == last.until - MINUTE


def test_one_that_hangs_holds_up_no_alarm_and_no_group(open_world):
    """Its call is under way in a thread of its own, for as long as the test lasts; the others wait for nothing."""
    ends, begun = threading.Event(), threading.Event()

    class Hanging(Source):
        def ask(self, scope, asked):
            begun.set()
            ends.wait(60)
            return super().ask(scope, asked)

    world = open_world(Hanging())
    group = world.make(desired=1)
    world.pass_time(20)
    watch(world)
    watch(world, metric("App", "Load"), "own", missing=Missing.BREACHING)
    lanes = Lanes(world.clock, 2)
    world.engine = world.new_engine("threads", lanes)
    try:
        while not begun.is_set():
            world.pass_time(30, step=15)
        before = world.engine.counters["alarms_judged"]
        world.pass_time(180, step=15)
        assert world.engine.counters["alarms_judged"] >= before + 4
        assert states(world) == {"busy": AlarmState.INSUFFICIENT_DATA, "own": AlarmState.ALARM}
        world.backend.clusters.resize(SCOPE, "web", 3)
        for _ in range(300):
            world.pass_time(1, step=1)
            lanes.wait(0.01)
            if world.states(group) == ["InService"] * 3:
                break
        assert world.states(group) == ["InService"] * 3
        assert points(world) == []
    finally:
        ends.set()
        lanes.close()


def test_what_a_source_read_it_is_given_back(open_world):
    source = Source(readings={"server": [1, 2]})
    world = open_world(source)
    world.make(desired=1)
    watch(world)
    world.pass_time(200, step=15)
    assert [asked.readings for _, asked in source.asked[:2]] == [{}, {"server": [1, 2]}]


def test_what_it_asked_in_vain_it_is_given_back_too(open_world):
    source = Source(error=Unanswered("nobody is there", {"server": [3]}))
    world = open_world(source)
    world.make(desired=1)
    watch(world)
    world.pass_time(200, step=15)
    assert [asked.readings for _, asked in source.asked[:2]] == [{}, {"server": [3]}]
    with world.store.read() as conn:
        assert [(name, rest.why) for _, name, rest in measuring.resting(conn)] == [("one", "nobody is there")]


def test_a_large_group_takes_no_more_room_than_its_spread():
    """Percentiles are within one per cent, all else is exact."""
    servers = tuple(f"s{number}" for number in range(2000))
    series = {(Measure.CPU, server): {NOW: number / 20} for number, server in enumerate(servers)}
    (datum,) = Want(CPU, "Percent", Measure.CPU, servers).data(series)
    assert len(datum.spread) < 1000
    assert (datum.samples, datum.least, datum.most) == (2000, 0.0, 99.95)
    assert datum.total == pytest.approx(sum(number / 20 for number in range(2000)))


def track(world, predefined, target, label=None):
    said = Said(
        lambda policy: (
            f"arn:aws:autoscaling:us-east-1:1:scalingPolicy:{policy.id}:autoScalingGroupName/web:policyName/track"
        ),
        lambda alarm: {"name": alarm.name},
    )
    tracking = Tracking(target, predefined=predefined, label=label)
    wanted = WantedPolicy("track", PolicyKind.TARGET_TRACKING, tracking=tracking)
    world.backend.scaling_policies.put(SCOPE, "web", wanted, said)


def test_a_group_follows_what_a_source_tells(open_world):
    source = Source(value=80.0)
    world = open_world(source)
    group = world.make(desired=2)
    track(world, Predefined.CPU, 40.0)
    world.pass_time(60 * 5, step=20)
    assert world.cluster(group).spec.desired >= 4
    source.value = 1.0
    world.pass_time(60 * 20, step=20)
    assert world.cluster(group).spec.desired <= 1


@pytest.mark.parametrize("predefined", [Predefined.NETWORK_IN, Predefined.NETWORK_OUT])
def test_a_group_follows_its_network(open_world, predefined):
    world = open_world(Source(value=2e6))
    group = world.make(desired=1)
    track(world, predefined, 1e6)
    world.pass_time(60 * 5, step=20)
    assert world.cluster(group).spec.desired >= 2


def test_requests_are_shared_by_the_healthy_targets_of_a_group(open_world):
    """The pool of a target group, whose ARN names other digits; a balancer in the metric's name changes nothing."""
    source = Source(value=900.0)
    world = open_world(source)
    world.make(desired=0)
    made = TargetGroup("0123456789abcdef", "tg", "HTTP", 80, "net", "instance", NOW, pool_id="the-pool")
    world.store.transact(lambda conn: GROUPS.add(conn, SCOPE, made))
    of = metric(
        "AWS/ApplicationELB",
        "RequestCountPerTarget",
        {"TargetGroup": "targetgroup/tg/0123456789abcdef", "LoadBalancer": "app/lb/1111111111111111"},
    )
    watch(world, of, "requests")
    watch(world, metric("AWS/ApplicationELB", "RequestCount", {"TargetGroup": "targetgroup/tg/ffffffffffffffff"}), "no")
    world.pass_time(130, step=15)
    assert source.asked == []  # nobody is there to share them
    register(world, made, "healthy", "healthy", "unhealthy")
    world.pass_time(130, step=15)
    assert {tuple(asked.subjects.items()) for _, asked in source.asked} == {
        ((Measure.REQUESTS, frozenset({"the-pool"})),)
    }
    assert {(point.total, point.unit) for point in points(world, of)} == {(450.0, "None")}


@pytest.mark.parametrize(
    ("kind", "namespace", "name"),
    [("app", "AWS/ApplicationELB", "NewConnectionCount"), ("net", "AWS/NetworkELB", "ActiveFlowCount")],
)
def test_a_balancer_as_a_whole(open_world, kind, namespace, name):
    source = Source(value=30.0, measures=OF_BALANCERS)
    world = open_world(source)
    world.make(desired=0)
    made = balancer(kind={"app": BalancerKind.APPLICATION, "net": BalancerKind.NETWORK}[kind])
    gone = replace(made, id="f" * 16, name="gone", state=BalancerState.DELETING)
    world.store.transact(lambda conn: BALANCERS.add(conn, SCOPE, made, gone, family="elbv2", epoch=0))
    of = metric(namespace, name, {"LoadBalancer": f"{kind}/lb/{made.id}"})
    watch(world, of, "one")
    watch(world, metric(namespace, name, {"LoadBalancer": f"{kind}/gone/{gone.id}"}), "two")
    watch(world, metric(namespace, "HTTPCode_ELB_5XX_Count", {"LoadBalancer": f"{kind}/lb/{made.id}"}), "three")
    world.pass_time(130, step=15)
    assert {ids for _, asked in source.asked for ids in asked.subjects.values()} == {frozenset({"cloud"})}
    assert {point.total for point in points(world, of)} == {30.0}


def register(world, group, *healths):
    """Nodes of some cluster as its targets."""
    made = [
        Registration(
            node_id=f"n{number}",
            pool_id=group.id,
            cluster_id="c",
            project_id=SCOPE.project_id,
            region=SCOPE.region,
            server_id=f"s{number}",
            address="10.0.0.1",
            port=80,
            subnet_id=None,
            state=RegistrationState.REGISTERED,
            state_at=NOW,
            health=MemberHealth(health),
        )
        for number, health in enumerate(healths)
    ]
    world.store.transact(lambda conn: put(conn, made))


def test_another_project_is_told_nothing(open_world):
    source = Source()
    world = open_world(source)
    world.make(desired=1)
    watch(world, scope=OTHER)
    watch(
        world,
        metric("AWS/ApplicationELB", "RequestCount", {"TargetGroup": "targetgroup/tg/0123456789abcdef"}),
        "t",
        OTHER,
    )
    world.pass_time(200, step=15)
    assert source.asked == []
