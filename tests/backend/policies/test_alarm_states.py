"""M out of N with gaps: the tables of the user guide, the recorded courses, and the words."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.alarms import (
    Alarm,
    AlarmState,
    Comparison,
    Missing,
    Watched,
    is_minute_of,
    next_evaluation,
    slots,
    window_end,
)
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric
from backend.policies.alarm_states import Point, decide

START = datetime(2026, 9, 14, 11, 0, tzinfo=UTC)
KEEP = None
OK, ALARM, UNKNOWN = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA


def watched(needed, number, missing=None, statistic="Average", period=60, **values):
    stat = MetricStat(Metric("N", "Signal"), period, statistic, "Count")
    return Watched(Comparison.ABOVE, 50.0, number, needed, missing, stat=stat, **values)


def decided(rule, drawn, now=START + timedelta(seconds=15)):
    """The verdict on points drawn as the guide draws them, the newest right: 0 good, X bad, - missing."""
    end = window_end(rule.period, now)
    starts = slots(rule.period, max(rule.reach, len(drawn)), end)
    values = {"0": Point(0.0, 1.0), "X": Point(100.0, 1.0)}
    points = {at: values[one] for at, one in zip(starts, reversed(drawn), strict=False) if one in values}
    return decide(rule, starts, points, now)


# Source: CloudWatch User Guide, "How alarm state is evaluated when data is missing": both tables.
TABLE = [
    # M, N, drawn, missing, ignore, breaching, notBreaching
    (3, 3, "0-X-X", OK, OK, OK, OK),
    (3, 3, "0----", OK, OK, OK, OK),
    (3, 3, "-----", UNKNOWN, KEEP, ALARM, OK),
    (3, 3, "0XX-X", ALARM, ALARM, ALARM, ALARM),
    (3, 3, "--X--", ALARM, KEEP, ALARM, OK),
    (2, 3, "0-X-X", ALARM, ALARM, ALARM, ALARM),
    (2, 3, "00X0X", ALARM, ALARM, ALARM, ALARM),
    (2, 3, "0-X--", OK, OK, ALARM, OK),
    (2, 3, "----0", OK, OK, ALARM, OK),
    (2, 3, "---X-", ALARM, KEEP, ALARM, OK),
    (3, 3, "----X", KEEP, KEEP, ALARM, OK),
    (3, 3, "---X-", KEEP, KEEP, ALARM, OK),
    (1, 1, "--X", ALARM, ALARM, ALARM, ALARM),
    (2, 3, "XX0", ALARM, ALARM, ALARM, ALARM),
    (3, 3, "XXX0", OK, OK, OK, OK),
]


@pytest.mark.parametrize("treatment", list(Missing))
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}of{row[1]}:{row[2]}")
def test_the_table(row, treatment):
    needed, number, drawn, *states = row
    verdict = decided(watched(needed, number, treatment), drawn)
    expected = states[list(Missing).index(treatment)]
    assert (None if verdict is None else verdict.state) == expected


def test_what_is_not_said_is_missing_but_of_dynamodb():
    assert decided(watched(3, 3), "-----").state is UNKNOWN
    table = MetricStat(Metric("AWS/DynamoDB", "m"), 60, "Sum")
    assert Watched(Comparison.ABOVE, 1.0, 1, stat=table).treatment is Missing.IGNORE


# Source: conformance/recorded alarm_evaluation; the slots are those of a minute before START.
WORDS = [
    (watched(3, 3), "-----", "Insufficient Data: 3 datapoints were unknown."),
    (watched(3, 3, Missing.BREACHING), "-----", ("Threshold Crossed: no datapoints were received for 3 periods and 3"
     " missing datapoints were treated as [Breaching].")),
    (watched(3, 3), "X0X", ("Threshold Crossed: 1 out of the last 3 datapoints [0.0 (14/09/26 10:58:00)] was not greater"
     " than the threshold (50.0) (minimum 1 datapoint for ALARM -> OK transition).")),
    (watched(2, 3), "X0X", ("Threshold Crossed: 2 out of the last 3 datapoints [100.0 (14/09/26 10:59:00), 100.0"
     " (14/09/26 10:57:00)] were greater than the threshold (50.0) (minimum 2 datapoints for OK -> ALARM transition).")),
    (watched(3, 3, Missing.BREACHING), "0----", ("Threshold Crossed: 1 out of the last 3 datapoints [0.0 (14/09/26"
     " 10:55:00)] was not greater than the threshold (50.0) and 2 missing datapoints were treated as [Breaching]"
     " (minimum 1 datapoint for ALARM -> OK transition).")),
    (watched(3, 3, Missing.BREACHING), "X-X-", ("Threshold Crossed: 2 out of the last 3 datapoints [100.0 (14/09/26"
     " 10:58:00), 100.0 (14/09/26 10:56:00)] were greater than the threshold (50.0) and 1 missing datapoint was treated"
     " as [Breaching] (minimum 3 datapoints for OK -> ALARM transition).")),
    (watched(2, 3), "000", ("Threshold Crossed: 3 out of the last 3 datapoints [0.0 (14/09/26 10:59:00), 0.0 (14/09/26"
     " 10:58:00), 0.0 (14/09/26 10:57:00)] were not greater than the threshold (50.0) (minimum 2 datapoints for ALARM"
     " -> OK transition).")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "drawn", "words"), WORDS, ids=range(len(WORDS)))
def test_the_words(rule, drawn, words):
    assert decided(rule, drawn).reason == words


def test_the_data():
    """Source: conformance/recorded alarm_evaluation sparse-nonconsecutive-m2, dense-all-points-expire."""
    told = json.loads(decided(watched(2, 3), "0-X-X").data)
    assert told == {
        "version": "1.0",
        "queryDate": "2026-09-14T11:00:15.000+0000",
        "startDate": "2026-09-14T10:55:00.000+0000",
        "unit": "Count",
        "statistic": "Average",
        "period": 60,
        "recentDatapoints": [0, None, 100, None, 100],
        "threshold": 50.0,
        "evaluatedDatapoints": [
            {"timestamp": "2026-09-14T10:59:00.000+0000", "sampleCount": 1, "value": 100},
            {"timestamp": "2026-09-14T10:57:00.000+0000", "sampleCount": 1, "value": 100},
        ],
    }
    told = json.loads(decided(watched(3, 3), "X----").data)
    assert told["recentDatapoints"] == [100]
    assert [each.get("value") for each in told["evaluatedDatapoints"]] == [None, None, 100]
    nothing = json.loads(decided(watched(3, 3, Missing.BREACHING), "-----").data)
    assert (nothing["recentDatapoints"], "startDate" in nothing) == ([], False)
    assert [each["timestamp"][14:16] for each in nothing["evaluatedDatapoints"]] == ["59", "58", "57"]


@pytest.mark.parametrize(("statistic", "samples", "judged"), [("p90", 99, False), ("p90", 100, True), ("p10", 99, False), ("p10", 100, True), ("Average", 1, True)])  # fmt: skip
def test_percentiles_of_few_samples(statistic, samples, judged):
    rule = watched(1, 1, statistic=statistic, ignores_low_samples=True)
    starts = slots(60, rule.reach, window_end(60, START))
    verdict = decide(rule, starts, {starts[0]: Point(100.0, samples)}, START)
    assert (verdict is not None) == judged


def test_reach():
    """Source: the guide's example of five for three; conformance/recorded: nine of ten seconds."""
    assert watched(3, 3).reach == 5
    assert watched(3, 3, period=10).reach == 9
    assert watched(15, 15).reach == 20


def test_when_it_is_evaluated():
    now = START
    for name in ("a", "b", "c"):
        minute = next_evaluation(name, 60, now)
        assert timedelta(seconds=10) <= minute - now < timedelta(seconds=20)
        assert next_evaluation(name, 300, minute) == minute + timedelta(minutes=1)
        assert timedelta(seconds=14 - 14) <= minute - window_end(60, minute) < timedelta(seconds=20)
        fine = next_evaluation(name, 10, now)
        assert fine - now <= timedelta(seconds=10)
        assert next_evaluation(name, 10, fine) == fine + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("lateness", "least"), [((0,), 240), ((0, 9), 240), ((12, 0, 3), 200), ((5, 15), 180), ((25, 0), 180), ((42,), 180)]
)
def test_a_minute_that_has_ended_is_noticed_however_late_an_evaluation_comes(lateness, least):
    """Four hours in a state, evaluated each ten seconds, or as late as that."""
    rule = watched(1, 1, period=10).document()
    alarm = Alarm("a", "fine", START, START, START, START, rule, next_at=next_evaluation("a", 10, START))
    asked, late = [], itertools.cycle(lateness)
    while alarm.next_at < START + timedelta(hours=4):
        now = alarm.next_at + timedelta(seconds=next(late))
        if is_minute_of(alarm, now):
            asked.append(now)
        alarm = replace(alarm, next_at=next_evaluation("a", 10, now))
    gaps = [after - before for before, after in itertools.pairwise([START, *asked])]
    assert max(gaps) <= timedelta(seconds=60 + 2 * max(lateness) + 20)
    assert least <= len(asked) <= 240


def test_many_points_are_told_as_far_as_there_is_room():
    """Source: a message that a user showed, of 30 datapoints; the model's lengths of StateReason and StateReasonData."""
    verdict = decided(watched(30, 30), "X" * 30)
    first = "100.0 (14/09/26 10:59:00)"
    assert verdict.reason.startswith(
        "Threshold Crossed: 30 out of the last 30 datapoints were greater than the threshold (50.0)."
        f" The most recent datapoints which crossed the threshold: [{first}, "
    )
    assert verdict.reason.endswith("10:55:00)] (minimum 30 datapoints for OK -> ALARM transition).")
    assert len(json.loads(verdict.data)["evaluatedDatapoints"]) == 30
    for drawn in ("X" * 1440, "X0" * 720):
        verdict = decided(watched(1440, 1440), drawn)
        assert len(verdict.reason) <= 1023
        assert len(verdict.data) <= 4000
        told = json.loads(verdict.data)
        assert told["evaluatedDatapoints"][0]["timestamp"].startswith("2026-09-14T10:5")
        assert len(told["recentDatapoints"]) > 300
        assert len(told["evaluatedDatapoints"]) > 15
