"""Forecasts made by engines: from what was measured to nodes that are there before their hour."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from backend.domain.activity import CauseKind
from backend.domain.cluster import ClusterChange
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import HOUR, Metric, MetricLimits, floored, measured
from backend.domain.prediction import Gauge, MaximumBreach, Mode, Pair, Prediction
from backend.domain.quotas import Quota
from backend.domain.scaling import Adjustment, PolicyKind, WantedPolicy
from backend.domain.scaling_findings import ForecastMissing, PolicyNotPredictive, ScalingPolicyNotFound
from backend.engine import forecasting, load_history
from backend.services.metrics import MetricQuery
from backend.services.scaling_policies import PolicyName, PolicyQuery, Said
from backend.store import forecasts, metrics, quotas
from backend.store.leased import Claimer, Room
from tests.factories import NOW, OTHER, SCOPE

DAYS = 4
AN_HOUR = timedelta(hours=1)
CPU = Metric("AWS/EC2", "CPUUtilization", (("AutoScalingGroupName", "web"),))
WORK, BUSY, UNITS = (Metric("App", name) for name in ("Work", "Busy", "Units"))


def measure(world, of, value, at=None):
    put(world, [measured(of, at or world.clock.now(), [value])])


def put(world, data):
    world.store.transact(partial(metrics.add, scope=SCOPE, data=data, now=world.clock.now()))


def gauge(of, statistic):
    return Gauge(queries=(Query("q", MetricStat(of, HOUR, statistic)),))


def custom(**more):
    """A load of its own, whose hourly sum is six times what the nodes have of it together."""
    gauges = {"load": gauge(WORK, "Sum"), "scaling": gauge(BUSY, "Average"), "capacity": gauge(UNITS, "Average")}
    return Prediction(50.0, **{**gauges, "mode": Mode.SCALE, **more})


def daily(hour):
    """Units that are needed: one by night, three by day, five at two o'clock."""
    at = hour.hour
    return 5 if at == 14 else 3 if 8 <= at < 20 else 1


def fill(world, hours=24 * DAYS, units=daily):
    """What was measured until now of a load that needs so many units at 50 %, and had two."""
    now = floored(world.clock.now(), HOUR)
    data = []
    for back in range(hours, 0, -1):
        at = now - AN_HOUR * back
        load = units(at) * 50.0 - 10.0
        data += [measured(WORK, at, [6 * load]), measured(BUSY, at, [load / 2]), measured(UNITS, at, [2.0])]
    put(world, data)


@pytest.fixture
def group(world):
    made = world.make(desired=1, maximum=8, cooldown_seconds=60)
    world.pass_time(5, step=1)
    return made


def write(world, prediction, name="ahead", **values):
    said = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {"name": alarm.name})
    wanted = WantedPolicy(name, PolicyKind.PREDICTIVE, prediction=prediction, **values)
    return world.backend.scaling_policies.put(SCOPE, "web", wanted, said)


def policy(world, name="ahead"):
    (found,) = world.backend.scaling_policies.page(SCOPE, PolicyQuery("web", [name]), limit=5).items
    return found


def told(world, name="ahead", hours=48):
    now = floored(world.clock.now(), HOUR)
    _, found = world.backend.scaling_policies.forecast(SCOPE, PolicyName(name, "web"), now, now + AN_HOUR * hours)
    return found


def kept(world, made):
    with world.store.read() as conn:
        return forecasts.of(conn, SCOPE, [made.id])[made.id]


def desired(world, group):
    return world.cluster(group).spec.desired


def until(world, minute):
    """To that minute of this hour, or of the next one."""
    now = world.clock.now()
    at = floored(now, HOUR) + timedelta(minutes=minute)
    world.clock.at = (at if at > now else at + AN_HOUR) - timedelta(seconds=30)
    world.pass_time(30, step=5)


def test_nodes_are_there_before_their_hour(world, group):
    """It is one o'clock: three are needed, and five from two o'clock on."""
    fill(world)
    made = write(world, custom())
    world.pass_time(60, step=5)
    found = told(world)
    assert list(found.hours)[:2] == [NOW, NOW + AN_HOUR]
    assert [units for _, units in found.hours.values()] == [daily(at) for at in found.hours]
    assert found.hours[NOW][0] == pytest.approx(6 * 140.0)
    assert (desired(world, group), world.cluster(group).predicted) == (3, 3)
    until(world, 54)
    assert desired(world, group) == 3
    until(world, 57)
    assert (desired(world, group), world.cluster(group).predicted) == (5, 5)
    assert world.states(group) == ["InService"] * 5
    causes = [cause for entry in world.journal(group) for cause in entry.causes if cause.kind is CauseKind.FORECAST]
    assert {tuple(cause.data.values()) for cause in causes} == {("ahead", 3, 1, 3), ("ahead", 5, 3, 5)}
    assert policy(world).stayed is None
    until(world, 57)
    assert (desired(world, group), world.cluster(group).predicted) == (5, 5)  # none is taken away
    until(world, 2)
    until(world, 57)
    assert world.cluster(group).predicted == 3
    accuracy = kept(world, made).accuracy
    assert (accuracy["error"], accuracy["season"]) == (pytest.approx(0.0, abs=1e-9), 24)
    assert accuracy["last_day"] == pytest.approx(0.0, abs=1e-9)


def test_only_what_is_asked_for_ahead_is_shown_where_it_is_not_to_act(world, group):
    fill(world)
    write(world, custom(mode=None))
    world.pass_time(60, step=5)
    assert (desired(world, group), world.cluster(group).predicted) == (1, 3)
    assert policy(world).stayed == "forecast_only"
    write(world, custom())  # from now on it acts, and at once
    world.pass_time(60, step=5)
    assert desired(world, group) == 3


def test_a_policy_that_is_switched_off(world, group):
    fill(world)
    write(world, custom(), enabled=False)
    world.pass_time(60, step=5)
    assert (desired(world, group), policy(world).stayed) == (1, "disabled")


def test_too_little_is_waited_for(world, group):
    fill(world, 20)
    made = write(world, custom())
    world.pass_time(60, step=5)
    assert policy(world).stayed == "no_data"
    with pytest.raises(ForecastMissing):
        told(world)
    assert kept(world, made).make_at - world.clock.now() < AN_HOUR
    put(world, [measured(WORK, NOW - AN_HOUR * back, [300.0]) for back in range(21, 30)])
    world.clock.move(3600)
    world.pass_time(60, step=5)
    assert len(told(world, hours=1).hours) == 1


def test_a_user_who_wants_fewer_is_left_alone_until_the_next_hour(world, group):
    fill(world)
    write(world, custom())
    world.pass_time(60, step=5)
    world.backend.clusters.resize(SCOPE, "web", 2)
    until(world, 50)
    assert desired(world, group) == 2
    until(world, 57)
    assert desired(world, group) == 5


def test_no_other_policy_goes_below_it_while_the_hour_lasts(world, group):
    fill(world)
    write(world, custom())
    said = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {})
    less = WantedPolicy("less", PolicyKind.SIMPLE, adjustment=Adjustment.EXACT, amount=1)
    world.backend.scaling_policies.put(SCOPE, "web", less, said)
    world.pass_time(60, step=5)
    world.backend.clusters.resize(SCOPE, "web", 4)
    for _ in range(2):
        world.backend.scaling_policies.execute(SCOPE, PolicyName("less", "web"))
        assert desired(world, group) == 3
    assert policy(world, "less").stayed == "foreseen"
    world.backend.scaling_policies.remove(SCOPE, PolicyName("ahead", "web"))
    assert world.cluster(group).predicted is None
    world.backend.scaling_policies.execute(SCOPE, PolicyName("less", "web"))
    assert desired(world, group) == 1


def test_the_maximum_holds_unless_it_may_be_raised(world, group):
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"maximum": 2}))
    fill(world)
    write(world, custom())
    world.pass_time(60, step=5)
    spec = world.cluster(group).spec
    assert (spec.desired, spec.maximum) == (2, 2)
    until(world, 57)
    assert policy(world).stayed == "at_maximum"
    write(world, custom(breach=MaximumBreach.INCREASE, maximum_percent=40))
    world.pass_time(30, step=5)
    spec = world.cluster(group).spec
    assert (spec.desired, spec.maximum) == (5, 7)


def test_the_maximum_is_raised_no_further_than_the_project_may_have_it(world, group):
    world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, Quota.SIZE, 4))
    world.backend.clusters.update(SCOPE, "web", ClusterChange({"maximum": 2}))
    fill(world)
    write(world, custom(breach=MaximumBreach.INCREASE, maximum_percent=40))
    world.pass_time(60, step=5)
    spec = world.cluster(group).spec
    assert (spec.desired, spec.maximum) == (3, 4)
    until(world, 57)
    spec = world.cluster(group).spec
    assert (spec.desired, spec.maximum) == (4, 4)
    write(world, custom(breach=MaximumBreach.INCREASE, maximum_percent=50))
    world.pass_time(30, step=5)
    assert (policy(world).stayed, world.cluster(group).spec.maximum) == ("at_maximum", 4)


@pytest.mark.parametrize(
    ("size", "expression", "predicted"), [(1.0, "m*m", 4), (1e101, "m*m", 4), (1e101, "m*m*m", None)]
)
def test_how_large_numbers_are_makes_no_odds_as_long_as_there_are_any(
    world, group, size, expression, predicted, caplog
):
    now = floored(world.clock.now(), HOUR)
    data = []
    for back in range(48, 0, -1):
        at = now - AN_HOUR * back
        large = measured(WORK, at, [(1 + back) * size])
        data += [large, measured(BUSY, at, [50.0 + back]), measured(UNITS, at, [2.0])]
    put(world, data)
    load = Gauge(queries=(Query("m", MetricStat(WORK, HOUR, "Sum"), returned=False), Query("e", expression=expression)))
    write(world, custom(load=load, mode=None))
    world.pass_time(60, step=5)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert world.cluster(group).predicted == predicted
    assert policy(world).stayed == ("no_data" if predicted is None else "forecast_only")


def test_the_mean_of_the_greatest_numbers_is_no_forecast_either(world, group, caplog):
    """The mean of an hour's periods is reckoned by their sum, which is beyond all numbers."""
    now = floored(world.clock.now(), HOUR)
    fill(world)
    at = now - AN_HOUR
    put(world, [measured(BUSY, at + timedelta(minutes=10 * part), [1e108]) for part in range(6)])
    scaling = Gauge(
        queries=(Query("m", MetricStat(BUSY, 300, "Sum"), returned=False), Query("e", expression="m*m*1e92"))
    )
    made = write(world, custom(scaling=scaling))
    world.pass_time(60, step=5)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert (policy(world).stayed, kept(world, made).expected) == ("no_data", None)


def test_metrics_of_forecasts_count_among_the_project_s(world, group, monkeypatch):
    """Names of policies are without number; what is refused is dropped, and the policy acts."""
    monkeypatch.setattr(metrics, "MetricLimits", lambda: MetricLimits(series=4))
    fill(world)
    write(world, custom())
    world.pass_time(60, step=5)
    page = world.backend.metrics.page(SCOPE, MetricQuery("AWS/AutoScaling"), 10, None)
    assert len(page.items) == 1
    assert desired(world, group) == 3


def test_the_greatest_of_several_is_what_there_is(world, group):
    fill(world)
    write(world, custom(), "one")
    write(world, replace(custom(), target=25.0), "other")
    world.pass_time(60, step=5)
    assert (desired(world, group), world.cluster(group).predicted) == (6, 6)
    assert {policy(world, name).stayed for name in ("one", "other")} <= {None, "unchanged"}


def test_it_is_made_anew_every_six_hours_and_by_nobody_twice(world, group):
    fill(world)
    other = world.new_engine("two")
    made = write(world, custom(buffer_seconds=0))
    for _ in range(7 * 6):
        for engine in (other, world.engine, other):
            engine.tick(world.clock.now())
        world.clock.move(600)
    both = world.engine.counters + other.counters
    assert both["forecasts_made"] == 2
    assert both["forecasts_acted"] == 2  # of one o'clock and of two, and no hour of that day needs more
    assert kept(world, made).made_at - NOW < timedelta(hours=6, minutes=10)


def test_a_forecast_of_what_a_policy_was_is_thrown_away(world, group):
    fill(world)
    made = write(world, custom())
    now = world.clock.now()
    claim = partial(forecasts.LEASED.claim, world.store, Claimer("one", timedelta(minutes=1)), now, Room(5, []))
    (lease,) = claim()
    context = world.engine._context
    job = forecasting.foresee(context, lease)
    write_of_it = next(job)
    world.clock.move(1)
    write(world, replace(custom(), target=25.0))
    world.store.transact(write_of_it.work)
    assert kept(world, made).made_at is None
    world.pass_time(10, step=1)
    assert desired(world, group) == 6


@pytest.mark.parametrize("ago", [timedelta(days=3), -timedelta(minutes=30)])
def test_engines_that_slept_and_clocks_that_are_set_back(world, group, ago):
    """What was missed is not made up for; an hour that comes again is acted for again, and asks for no more."""
    fill(world)
    write(world, custom())
    world.pass_time(60, step=5)
    assert desired(world, group) == 3
    world.clock.at = world.clock.at + ago
    world.pass_time(60, step=5)
    assert desired(world, group) == 3
    assert policy(world).stayed in {None, "unchanged"}


def test_the_load_of_servers(world, group):
    """A load that is the sum of what each node has needs nothing to be learnt: twelve times an hour, each a sample."""
    now = floored(world.clock.now(), HOUR)
    put(
        world,
        [
            measured(CPU, now - AN_HOUR * back + timedelta(minutes=5 * part), [60.0, 80.0])
            for back in range(30, 0, -1)
            for part in range(12)
        ],
    )
    write(world, Prediction(25.0, Gauge(Pair.CPU), mode=Mode.SCALE))
    world.pass_time(30, step=5)
    assert told(world).hours[NOW] == (pytest.approx(12 * 140.0), 6)
    assert desired(world, group) == 6


def test_the_capacity_that_there_was(world, group):
    """Where nobody says how many there were it is taken for what there is now: half as many."""
    fill(world)
    write(world, custom(mode=None), "said")
    write(world, custom(mode=None, capacity=None), "unsaid")
    world.pass_time(30, step=5)
    assert (told(world, "said").hours[NOW][1], told(world, "unsaid").hours[NOW][1]) == (3, 2)


def test_what_was_foreseen_is_told_as_metrics_once_an_hour(world, group):
    fill(world)
    for target in (50.0, 25.0, 50.0):
        write(world, replace(custom(), target=target))
        world.pass_time(10, step=5)
    until(world, 57)
    own = (("AutoScalingGroupName", "web"), ("PolicyName", "ahead"))
    found = world.backend.metrics.periods(
        SCOPE, Metric("AWS/AutoScaling", "PredictiveScalingCapacityForecast", own), HOUR, NOW, NOW + 2 * AN_HOUR
    )
    (points,) = found.values()
    assert [(point.samples, point.total) for point in points] == [(1.0, 3.0), (1.0, 5.0)]
    page = world.backend.metrics.page(SCOPE, MetricQuery("AWS/AutoScaling"), 10, None)
    assert sorted(of.name for of, _ in page.items) == [
        "PredictiveScalingCapacityForecast",
        "PredictiveScalingLoadForecast",
        "PredictiveScalingMetricPairCorrelation",
    ]


def test_what_is_past_stays_as_it_was_foreseen(world, group):
    fill(world)
    write(world, custom())
    world.pass_time(60, step=5)
    world.clock.move(5 * 3600)
    write(world, replace(custom(), target=25.0))
    world.pass_time(60, step=5)
    _, found = world.backend.scaling_policies.forecast(SCOPE, PolicyName("ahead", "web"), NOW, NOW + 8 * AN_HOUR)
    assert [units for _, units in found.hours.values()] == [3, 5, 3, 3, 3, 6, 6, 2]


def test_who_may_ask(world, group):
    fill(world)
    write(world, custom())
    world.pass_time(10, step=1)
    ask = world.backend.scaling_policies.forecast
    with pytest.raises(ScalingPolicyNotFound):
        ask(SCOPE, PolicyName("none", "web"), NOW, NOW + AN_HOUR)
    said = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {})
    simple = WantedPolicy("ahead", PolicyKind.SIMPLE, adjustment=Adjustment.EXACT, amount=1)
    world.backend.scaling_policies.put(SCOPE, "web", simple, said)
    with pytest.raises(PolicyNotPredictive):
        ask(SCOPE, PolicyName("ahead", "web"), NOW, NOW + AN_HOUR)
    with world.store.read() as conn:
        assert forecasts.FORECASTS.all(conn, SCOPE) == []
        assert forecasts.FORECASTS.all(conn, OTHER) == []


def test_it_goes_with_its_group(world, group):
    fill(world)
    made = write(world, custom())
    world.pass_time(30, step=5)
    world.backend.clusters.delete(SCOPE, "web", force=True)
    world.pass_time(60, step=1)
    with world.store.read() as conn:
        assert forecasts.of(conn, SCOPE, [made.id]) == {}


def slow(world, monkeypatch, seconds):
    """What was measured of the first project's load takes that long to read; when that was, by the clock."""
    original, read = forecasting.history, []

    def history(conn, cluster, prediction, now):
        if cluster.scope == SCOPE:
            world.clock.wait(seconds)
            read.append(world.clock.monotonic())
        return original(conn, cluster, prediction, now)

    monkeypatch.setattr(forecasting, "history", history)
    return read


def test_a_project_whose_forecasts_take_long_has_a_quarter_of_an_engine(world, group, monkeypatch):
    fill(world)
    for number in range(12):
        write(world, custom(), f"p{number}")
    read = slow(world, monkeypatch, 0.25)
    begun = world.clock.monotonic()
    while len(read) < 12:
        world.pass_time(0.1, step=0.1)
    assert world.clock.monotonic() - begun >= 12 * 0.25 * 4 - 1.0
    assert max(later - before for before, later in pairwise(read)) < 1.5
    assert world.engine.counters["forecasts_made"] == 12


def test_forecasts_of_others_wait_for_none_that_take_long(world, group, monkeypatch):
    fill(world)
    for number in range(12):
        write(world, custom(), f"p{number}")
    world.make(scope=OTHER, name="theirs", desired=0, maximum=8)
    said = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {"name": alarm.name})
    wanted = WantedPolicy("theirs", PolicyKind.PREDICTIVE, prediction=custom())
    read = slow(world, monkeypatch, 0.25)
    world.pass_time(1, step=0.1)
    made = world.backend.scaling_policies.put(OTHER, "theirs", wanted, said)
    before = len(read)
    world.pass_time(1, step=0.1)
    with world.store.read() as conn:
        theirs = forecasts.of(conn, OTHER, [made.id])[made.id]
    assert theirs.make_at > world.clock.now()  # looked at: there is nothing to foresee it by
    assert len(read) - before <= 2


def test_an_hour_is_acted_for_whatever_waits(world, group, monkeypatch):
    """Its forecast is to be made anew, which waits; what was foreseen is acted by in time."""
    fill(world)
    made = write(world, custom())
    world.pass_time(60, step=5)
    until(world, 54)
    world.store.transact(lambda conn: forecasts.FORECASTS.change(conn, SCOPE, made.id, make_at=world.clock.now()))
    now = world.clock.monotonic()
    world.engine._context.forecasting.took(SCOPE, now, now + 1000.0)
    until(world, 56)
    assert desired(world, group) == 5
    assert kept(world, made).made_at < NOW + timedelta(minutes=2)


def test_what_takes_too_long_to_read_has_no_forecast_and_is_tried_as_seldom_as_any(world, group, monkeypatch, caplog):
    monkeypatch.setattr(load_history, "_STEPS", 100)
    fill(world)
    made = write(world, custom())
    world.pass_time(60, step=5)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert policy(world).stayed == "no_data"
    assert kept(world, made).make_at - world.clock.now() > 5 * AN_HOUR
