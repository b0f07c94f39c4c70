"""How scaling policies hold a load, minute by minute on a clock of their own, beside who knew it all before.

``python benchmarks/closed_loop.py [--seed N]`` prints a row for each load and policy. Alarms, policies and forecasts
are decided by the very functions that engines call; the group is a model: a node serves two minutes after it was asked
for, takes its even share of the load then, and warms up for two minutes more. What is beyond 100 % is not served.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backend.domain.alarms import AlarmState, Comparison, Watched, slots, window_end
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import HOUR, MINUTE, floored, metric
from backend.domain.prediction import HOURLY, MINUTES, Expected, Gauge, Mode, Pair, Prediction
from backend.domain.scaling import Adjustment, Breach, Capacity, Decision, PolicyKind, ScalingPolicy
from backend.domain.tracking import Predefined, Tracking
from backend.policies import predictive_scaling, step_scaling, target_tracking
from backend.policies.alarm_states import Point, decide
from backend.policies.forecasting import forecast
from benchmarks.load_curves import CURVES, DAY, HISTORY_DAYS, TRIED_DAYS, made
from benchmarks.table import Table

BEGIN: Final = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
TARGET: Final = 50.0
_BOOT: Final = timedelta(minutes=2)
_WARMUP: Final = timedelta(minutes=2)
_JUDGED_AFTER: Final = timedelta(seconds=15)
"""A minute is judged so long after its end."""
_MAXIMUM: Final = 100
_NEAR: Final = 1.1
"""Of the target: what is above that is told as above it."""
_CALM: Final = 15
"""Minutes in which a load is held, after which it counts as that."""
_MEAN: Final = 5
"""Minutes that are taken together, against noise."""
_FULL: Final = 100.0


@dataclass
class Group:
    """Nodes by the time that they were asked for, and what was measured of them.

    Attributes:
        points: per cent, by the start of the minute.
        serving: nodes that served then, by the same.
    """

    now: datetime
    desired: int
    asked_at: list[datetime]
    desired_at: datetime | None = None
    points: dict[datetime, Point] = field(default_factory=dict)
    serving: dict[datetime, int] = field(default_factory=dict)

    def count(self, age: timedelta) -> int:
        return sum(at + age <= self.now for at in self.asked_at)

    def capacity(self, foreseen: int) -> Capacity:
        return Capacity(1, _MAXIMUM, self.desired, min(self.count(_BOOT + _WARMUP), self.desired), foreseen=foreseen)

    def follow(self, decision: Decision) -> None:
        if decision.stay is not None:
            return
        more = decision.desired - self.desired
        self.asked_at += [self.now] * max(more, 0)
        del self.asked_at[: max(-more, 0)]
        self.desired, self.desired_at = decision.desired, self.now

    def bear(self, load: float) -> None:
        """The minute that begins now."""
        number = max(self.count(_BOOT), 1)
        self.serving[self.now] = number
        self.points[self.now] = Point(min(load / number, _FULL), float(number))


Policy = Callable[[Group, int], Decision | None]
"""(group, what is foreseen) -> what it decides; None where no alarm asks it."""


def _crossed(group: Group, watched: Watched) -> Sequence[float] | None:
    """What was measured, oldest first, where that is enough for an alarm."""
    now = group.now + _JUDGED_AFTER
    starts = slots(MINUTE, watched.reach, window_end(MINUTE, now))
    verdict = decide(watched, starts, group.points, now)
    if verdict is None or verdict.state is not AlarmState.ALARM:
        return None
    return [group.points[at].value for at in reversed(starts[: watched.periods]) if at in group.points]


def tracking(group: Group, foreseen: int) -> Decision | None:
    """Target tracking of the processors' use."""
    high, low = Tracking(TARGET, predefined=Predefined.CPU).watched("web")
    capacity = group.capacity(foreseen)
    if points := _crossed(group, high):
        newest = window_end(MINUTE, group.now + _JUDGED_AFTER) - timedelta(minutes=1)
        return target_tracking.scale_out(TARGET, capacity, points, group.serving[newest])
    if points := _crossed(group, low):
        if group.desired_at is not None and group.desired_at > group.now - timedelta(minutes=low.periods):
            return None
        return target_tracking.scale_in(TARGET, capacity, points)
    return None


_CPU: Final = MetricStat(metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": "web"}), MINUTE, "Average")
_LADDERS: Final = (
    (Watched(Comparison.ABOVE, TARGET, 3, stat=_CPU), ((0.0, 15.0, 10), (15.0, 30.0, 30), (30.0, None, 50))),
    (Watched(Comparison.BELOW, TARGET * 0.7, 15, stat=_CPU), ((None, 0.0, -10),)),
)
"""As the manual's example has them: by 10, 30 and 50 per cent, and back by 10."""


def steps(group: Group, foreseen: int) -> Decision | None:
    """Step scaling by the same alarms that people set up by hand."""
    for watched, ladder in _LADDERS:
        if points := _crossed(group, watched):
            policy = ScalingPolicy(
                "id",
                "cluster",
                "web",
                "steps",
                PolicyKind.STEP,
                enabled=True,
                created_at=BEGIN,
                adjustment=Adjustment.PERCENT,
                magnitude=1,
                ladder=ladder,
            )
            return step_scaling.decide(policy, group.capacity(foreseen), Breach(tuple(points), watched.threshold))
    return None


@dataclass
class Foresight:
    """A predictive policy over what the group has served, which an engine would read from the hours of its metrics."""

    hours: dict[datetime, float]
    prediction: Prediction = field(default_factory=lambda: Prediction(TARGET, Gauge(Pair.CPU), mode=Mode.SCALE))
    expected: Expected | None = None
    acted_for: datetime | None = None

    def look(self, group: Group) -> int:
        """Make a forecast each six hours, and act before each hour; what is asked for now."""
        now, buffer = group.now, self.prediction.buffer
        if self.expected is None or now >= self.expected.begin + 6 * HOURLY:
            found = forecast(self.hours, floored(now, HOUR))
            assert found is not None
            units = predictive_scaling.capacities(found.values, MINUTES * TARGET)
            self.expected = Expected(found.begin, found.values, units)
        asked = self.expected.asked(now, buffer)
        hour = floored(now + buffer, HOUR)
        if self.acted_for != hour:
            group.follow(predictive_scaling.decide(self.prediction, group.capacity(0), asked).decision)
            self.acted_for = hour
        return asked or 0

    def note(self, minute: datetime, point: Point) -> None:
        hour = floored(minute, HOUR)
        self.hours[hour] = self.hours.get(hour, 0.0) + point.value * (point.samples or 0.0)


@dataclass(frozen=True, slots=True)
class Held:
    """How a load was held.

    Attributes:
        node_hours: that were asked for.
        above: share of the minutes in which nodes were busier than a tenth above their target.
        unserved: share of the load that was more than there was room for.
        overshoot: the most nodes beyond what was needed within the last quarter of an hour, as a share of that.
        settling: minutes from the begin of the largest rise of the load until its mean of some minutes keeps nodes no
            busier than a tenth above their target for a quarter of an hour; None: never.
    """

    node_hours: float
    above: float
    unserved: float
    overshoot: float
    settling: int | None


def held(loads: Sequence[float], policy: Policy | None, *, predictive: bool = False) -> Held:
    """The last days of a load, held by a policy, with a forecast or without; None: by who knew all before."""
    tried = loads[HISTORY_DAYS * DAY :]
    if policy is None:
        nodes = [needed(load) for load in tried]
        return replace(_judged(tried, nodes, nodes), settling=0)  # each minute has what it needs
    begin = BEGIN + timedelta(days=HISTORY_DAYS)
    first = needed(tried[0])
    group = Group(begin, first, [begin - timedelta(hours=1)] * first)
    past = {
        BEGIN + HOURLY * hour: sum(loads[hour * MINUTES : (hour + 1) * MINUTES]) for hour in range(HISTORY_DAYS * 24)
    }
    foresight = Foresight(past) if predictive else None
    serving, paid = [], []
    for load in tried:
        foreseen = 0 if foresight is None else foresight.look(group)
        decision = policy(group, foreseen)
        if decision is not None:
            group.follow(decision)
        group.bear(load)
        if foresight is not None:
            foresight.note(group.now, group.points[group.now])
        serving.append(group.serving[group.now])
        paid.append(group.desired)
        group.now += timedelta(minutes=1)
    return _judged(tried, serving, paid)


def needed(load: float) -> int:
    return max(ceil(load / TARGET - 1e-9), 1)


def _judged(loads: Sequence[float], serving: Sequence[int], paid: Sequence[int]) -> Held:
    busy = [load / nodes for load, nodes in zip(loads, serving, strict=True)]
    lost = sum(max(load - nodes * _FULL, 0.0) for load, nodes in zip(loads, serving, strict=True))
    most = [max(needed(load) for load in loads[max(at - _CALM, 0) : at + 1]) for at in range(len(loads))]
    beyond = max((nodes - need) / need for nodes, need in zip(serving, most, strict=True))
    return Held(
        sum(paid) / MINUTES,
        sum(each > TARGET * _NEAR for each in busy) / len(busy),
        lost / sum(loads),
        max(beyond, 0.0),
        _settling(loads, serving),
    )


def _settling(loads: Sequence[float], serving: Sequence[int]) -> int | None:
    means = [fmean(loads[max(at - _MEAN + 1, 0) : at + 1]) for at in range(len(loads))]
    rise = max(range(_MEAN, len(loads)), key=lambda at: means[at] - means[at - _MEAN]) - _MEAN + 1
    near = [mean <= nodes * TARGET * _NEAR for mean, nodes in zip(means, serving, strict=True)]
    for at in range(rise, len(loads) - _CALM):
        if all(near[at : at + _CALM]):
            return at - rise
    return None


POLICIES: Final[Mapping[str, tuple[Policy | None, bool]]] = {
    "step": (steps, False),
    "target tracking": (tracking, False),
    "predictive, target tracking": (tracking, True),
    "optimum": (None, False),
}


def table(seed: int) -> Table:
    """A row for each load and policy."""
    shown = Table(
        "load", "policy", "node-hours", "by the optimum's", "above target", "unserved", "overshoot", "settles after", ""
    )
    for curve in CURVES:
        loads = made(curve, seed)
        found = {name: held(loads, policy, predictive=predictive) for name, (policy, predictive) in POLICIES.items()}
        for name, each in found.items():
            shown.add(
                curve,
                name,
                f"{each.node_hours:.0f}",
                f"{each.node_hours / found['optimum'].node_hours:.2f}",
                f"{100 * each.above:.1f} %",
                f"{100 * each.unserved:.2f} %",
                f"{100 * each.overshoot:.0f} %",
                "-" if each.settling is None else f"{each.settling} min",
            )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    print(f"{TRIED_DAYS} days, after {HISTORY_DAYS} days of the same")
    print(table(parser.parse_args().seed))


if __name__ == "__main__":
    main()
