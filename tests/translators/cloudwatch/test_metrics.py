"""Metrics through their operations: what is put, named and read again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.metrics import MetricLimits
from backend.errors import Finding
from backend.store import metric_packing
from tests.factories import NOW, OTHER, SCOPE, World
from translators.cloudwatch.numbers import java
from translators.errors import AWSError, translate

MINUTE = timedelta(minutes=1)


class _World(World):
    def ask(self, operation, **params):
        return self.call(operation, service="cloudwatch", **params)

    def put(self, *data, namespace="App", **params):
        return self.ask("PutMetricData", Namespace=namespace, MetricData=list(data), **params)

    def statistics(self, *statistics, start=NOW, minutes=10, **params):
        asked = {"Statistics": list(statistics)} if statistics else {}
        params = {"Namespace": "App", "MetricName": "m", "Period": 60, **asked, **params}
        return self.ask("GetMetricStatistics", StartTime=start, EndTime=start + minutes * MINUTE, **params)[
            "Datapoints"
        ]

    def data(self, *queries, start=NOW, minutes=10, **params):
        end = start + minutes * MINUTE
        return self.ask("GetMetricData", MetricDataQueries=list(queries), StartTime=start, EndTime=end, **params)


@pytest.fixture
def world():
    made = _World()
    yield made
    made.close()


def datum(value=1.0, minutes=0.0, name="m", **values):
    return {"MetricName": name, "Value": value, "Timestamp": NOW + minutes * MINUTE, **values}


def stat(name="m", statistic="Sum", key="q", period=60, dimensions=(), **values):
    metric = {"Namespace": "App", "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions]}
    return {"Id": key, "MetricStat": {"Metric": metric, "Period": period, "Stat": statistic}, **values}


def refusal(call, *args, **params):
    with pytest.raises((AWSError, Finding)) as info:
        call(*args, **params)
    told = translate(info.value, "cloudwatch")
    return told.code, told.message


def test_what_was_put_is_read(world):
    world.put(datum(2), datum(4, 0.5), datum(8, 1))
    (first, second) = world.statistics("Average", "Sum", "Minimum", "Maximum", "SampleCount")
    told = {"Average": 3.0, "Sum": 6.0, "Minimum": 2.0, "Maximum": 4.0, "SampleCount": 2.0}
    assert first == {"Timestamp": NOW, "Unit": "None", **told}
    assert second["Sum"] == 8
    assert world.data(stat())["MetricDataResults"] == [
        {
            "Id": "q",
            "Label": "m",
            "StatusCode": "Complete",
            "Timestamps": [NOW + MINUTE, NOW],
            "Values": [8.0, 6.0],
        }
    ]


def test_another_project_sees_none_of_it(world):
    world.put(datum())
    assert world.ask("ListMetrics", scope=OTHER) == {"Metrics": []}
    assert world.data(stat(), scope=OTHER)["MetricDataResults"][0]["Values"] == []


def test_what_has_no_time_is_of_now_and_an_entity_is_taken_with_its_data(world):
    world.ask("PutMetricData", Namespace="App", MetricData=[{"MetricName": "m", "Values": [1, 2], "Counts": [3, 0]}])
    group = {"Entity": {"KeyAttributes": {"Type": "Service", "Name": "x"}}, "MetricData": [datum(5)]}
    world.ask("PutMetricData", Namespace="App", EntityMetricData=[group], StrictEntityValidation=False)
    assert [point["Sum"] for point in world.statistics("Sum")] == [8]


BOTH = "The parameters MetricData.member.1.Value and MetricData.member.1.{} are mutually exclusive and you have specified both."


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ({}, "InvalidParameterCombination", "At least one of the parameters must be specified."),
        ({"Value": 1, "Values": [2]}, "InvalidParameterCombination", BOTH.format("Values")),
        (
            {"Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}},
            "InvalidParameterCombination",
            BOTH.format("StatisticValues"),
        ),
        (
            {"Counts": [1]},
            "InvalidParameterCombination",
            "The parameter values must appears when the counts parameter is specified.",
        ),
        (
            {"Values": [1, 2], "Counts": [1]},
            "InvalidParameterValue",
            "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.",
        ),
        (
            {"Values": [1], "Counts": [-1]},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.Counts must contain only values greater than 0.",
        ),
        (
            {"StatisticValues": {"SampleCount": 2, "Sum": 3, "Minimum": 2, "Maximum": 1}},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.StatisticValues.Maximum must be greater than MetricData.member.1.StatisticValues.Minimum.",
        ),
        (
            {"Value": float("nan")},
            "InvalidParameterValue",
            "The value NaN for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            {"Value": -float("inf")},
            "InvalidParameterValue",
            "The value -Infinity for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            {"Value": 2.0**361},
            "InvalidParameterValue",
            "The value 4.6970851655476665E108 for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            {"Value": 1, "StorageResolution": 2},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.StorageResolution must be a value in the set [ 1, 60 ].",
        ),
        (
            {"Value": 1, "Timestamp": NOW - timedelta(days=15)},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
        ),
        (
            {"Value": 1, "Timestamp": NOW + timedelta(hours=3)},
            "InvalidParameterValue",
            "The parameter MetricData.member.1.Timestamp must specify a time no more than two hours in the future.",
        ),
    ],
)
def test_what_cannot_be_put_is_told_in_the_recorded_words(world, told, code, words):
    assert refusal(world.put, {"MetricName": "m", **told}) == (code, words)
    group = {"Entity": {}, "MetricData": [{"MetricName": "m", **told}]}
    _, entity = refusal(
        world.ask, "PutMetricData", Namespace="App", EntityMetricData=[group], StrictEntityValidation=True
    )
    assert entity == words.replace("MetricData.member.1", "EntityMetricData.member.1.MetricData.member.1")


def test_nothing_is_kept_of_a_request_with_one_bad_datum(world):
    refusal(world.put, datum(), {"MetricName": "m"})
    assert world.statistics("Sum") == []
    assert refusal(world.put) == (
        "MissingParameter",
        "At least one MetricDatum object must be present in the request.",
    )
    assert refusal(world.put, *[datum()] * 1001)[0] == "InvalidParameterValue"


def test_each_unit_has_points_of_its_own_and_lines_are_of_one(world):
    world.put(datum(1, Unit="Seconds"), datum(5, Unit="Count"), datum(10))
    told = {(point["Unit"], point["Average"]) for point in world.statistics("Average")}
    assert told == {("Seconds", 1), ("Count", 5), ("None", 10)}
    assert world.statistics("Average", Unit="Count") == [{"Timestamp": NOW, "Unit": "Count", "Average": 5.0}]
    query = stat()
    query["MetricStat"]["Unit"] = "Seconds"
    assert world.data(query)["MetricDataResults"][0]["Values"] == [1]
    answer = world.data(stat())
    assert len(answer["MetricDataResults"][0]["Values"]) == 1
    assert answer["Messages"] == [
        {"Code": "MultipleUnits", "Value": "Multiple units returned: '[Count, None, Seconds]'"}
    ]


def test_percentiles_stand_beside_the_others_and_are_left_out_where_there_are_none(world):
    world.put({"MetricName": "m", "Timestamp": NOW, "Values": [1, 2, 3], "Counts": [1, 1, 8]})
    (point,) = world.statistics("Sum", ExtendedStatistics=["p50", "tm90"])
    assert (point["Sum"], point["ExtendedStatistics"]["p50"]) == (27, 3)
    values = {"SampleCount": 3, "Sum": 6, "Minimum": 1, "Maximum": 3}
    world.put({"MetricName": "m", "Timestamp": NOW + MINUTE, "StatisticValues": values})
    assert "ExtendedStatistics" not in world.statistics(ExtendedStatistics=["p50"], start=NOW + MINUTE)[0]
    assert refusal(world.statistics, ExtendedStatistics=["p50", "PR(-1:0)"]) == (
        "InvalidParameterValue",
        "The value PR(-1:0) for parameter ExtendedStatistics.member.2.<list element> is not supported.",
    )


def test_the_times_of_a_question_are_held_to_their_rules(world):
    assert refusal(world.statistics, "Sum", minutes=0) == (
        "InvalidParameterValue",
        "The parameter StartTime must be less than the parameter EndTime.",
    )
    assert refusal(world.statistics, "Sum", Period=7) == (
        "InvalidParameterValue",
        "The parameter Period must be a value in the set [1, 5, 10, 20, 30].",
    )
    code, words = refusal(world.statistics, "Sum", minutes=1445)
    assert (code, words[:73]) == (
        "InvalidParameterCombination",
        "You have requested up to 1445 datapoints, which exceeds the limit of 1440",
    )
    assert refusal(world.data, stat(), minutes=0)[1] == "The parameter StartTime must not equal parameter EndTime."
    assert refusal(world.data, stat(), minutes=-1)[1] == "The parameter EndTime must be greater than StartTime."


def test_a_start_is_rounded_down_and_the_end_is_not_told(world):
    world.put(datum(2), datum(4, 1), datum(8, 2))
    assert [point["Sum"] for point in world.statistics("Sum", start=NOW + 1.1 * MINUTE, minutes=0.9)] == [4]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            stat(key="Bad"),
            "The value for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.",
        ),
        (
            stat(statistic="x"),
            "The value for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.",
        ),
        (
            stat(Expression="1+1"),
            "The parameters MetricDataQueries.member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually exclusive and you have specified both.",
        ),
        (
            {"Id": "q"},
            "The parameter MetricDataQueries.member.1.Expression or MetricDataQueries.member.1.MetricStat must be specified.",
        ),
    ],
)
def test_what_cannot_be_asked(world, query, words):
    assert refusal(world.data, query) == ("ValidationError", words)


def test_answers_come_page_by_page(world):
    world.put(*(datum(at, at, name) for at in range(5) for name in ("a", "b")))
    queries = [stat("a", key="a"), stat("b", key="b")]
    found, token, pages = {"a": [], "b": []}, {}, 0
    while True:
        answer = world.data(*queries, MaxDatapoints=3, ScanBy="TimestampAscending", **token)
        pages += 1
        for result in answer["MetricDataResults"]:
            found[result["Id"]] += result["Values"]
        if "NextToken" not in answer:
            break
        assert answer["MetricDataResults"][-1]["StatusCode"] in {"PartialData", "Complete"}
        token = {"NextToken": answer["NextToken"]}
    assert (found, pages) == ({"a": [0, 1, 2, 3, 4], "b": [0, 1, 2, 3, 4]}, 4)
    assert refusal(world.data, *queries, NextToken="x")[0] == "InvalidNextToken"


def test_an_account_that_is_not_the_callers_is_forbidden(world):
    world.put(datum())
    (result,) = world.data(stat(AccountId="111111111111"))["MetricDataResults"]
    assert (result["StatusCode"], result["Values"], result["Messages"][0]["Code"]) == ("Forbidden", [], "Forbidden")


def test_names_are_told_page_by_page_and_by_their_dimensions(world):
    every = [datum(name=f"m{at:03}", Dimensions=[{"Name": "A", "Value": "1"}]) for at in range(600)]
    world.put(*every)
    first = world.ask("ListMetrics", Namespace="App")
    second = world.ask("ListMetrics", Namespace="App", NextToken=first["NextToken"])
    names = [metric["MetricName"] for metric in (*first["Metrics"], *second["Metrics"])]
    assert (len(first["Metrics"]), names, "NextToken" in second) == (500, [f"m{at:03}" for at in range(600)], False)
    world.put(datum(name="other"))
    told = world.ask("ListMetrics", MetricName="other", IncludeLinkedAccounts=True)
    assert (told["Metrics"], len(told["OwningAccounts"])) == (
        [{"Namespace": "App", "MetricName": "other", "Dimensions": []}],
        1,
    )
    assert world.ask("ListMetrics", MetricName="other", Dimensions=[{"Name": "A"}]) == {"Metrics": []}
    world.clock.move(4 * 3600)
    assert world.ask("ListMetrics", MetricName="other", RecentlyActive="PT3H") == {"Metrics": []}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (21.0, "21.0"),
        (0.0, "0.0"),
        (1e7, "1.0E7"),
        (12345678.5, "1.23456785E7"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (-0.00012, "-1.2E-4"),
        (1.5e300, "1.5E300"),
        (1e22, "1.0E22"),
        (9999999.0, "9999999.0"),
    ],
)
def test_numbers_are_written_as_java_does(number, text):
    assert java(number) == text


def test_expressions_are_answered_beside_statistics(world):
    world.put(datum(2), datum(4, 1), datum(10, 0, "n"))
    queries = [stat("m", key="m", ReturnData=False), stat("n", key="n", ReturnData=False)]
    answer = world.data(*queries, {"Id": "e", "Expression": "FILL(n, 1) * m", "Label": "product"})
    assert answer["MetricDataResults"] == [
        {
            "Id": "e",
            "Label": "product",
            "StatusCode": "Complete",
            "Timestamps": [NOW + MINUTE, NOW],
            "Values": [0.0, 20.0],
        }
    ]
    world.clock.move(60)
    assert world.data(*queries, {"Id": "e", "Expression": "FILL(n, 1) * m"})["MetricDataResults"][0]["Values"] == [
        0,
        20,
    ]
    world.clock.move(60)
    (result,) = world.data(*queries, {"Id": "e", "Expression": "FILL(n, 1) * m"})["MetricDataResults"]
    assert (result["Label"], result["Values"]) == ("e", [4, 20])
    assert refusal(world.data, {"Id": "e", "Expression": "1 +"}) == (
        "ValidationError",
        "Error in expression 'e' [Unexpected end]",
    )


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("plain", "plain"),
        ("${LABEL}: ${MIN} to ${MAX}", "m: 2.0 to 10.0"),
        ("${SUM}/${DATAPOINT_COUNT} = ${AVG}", "16.0/3 = 5.333333333333333"),
        ("${FIRST} ${LAST}", "4.0 2.0"),
        ("${PROP('Dim.Host')} ${PROP('Stat')} ${PROP('Period')} ${PROP('Region')} ${PROP('x')}", "a Sum 60 us-east-1 "),
    ],
)
def test_labels_are_filled_from_their_lines(world, label, told):
    host = [{"Name": "Host", "Value": "a"}]
    world.put(*(datum(value, at, Dimensions=host) for at, value in enumerate((4, 10, 2))))
    (result,) = world.data(stat(dimensions=[("Host", "a")], Label=label))["MetricDataResults"]
    assert result["Label"] == told


def test_a_label_leaves_out_what_is_too_large_for_a_number(world):
    world.put(datum(2.0**360, 0), datum(2.0**360, 1))
    factor = "9" * 91
    wide = {"Id": "e", "Expression": f"q * q * {factor} * 3", "Label": "${SUM}|${AVG}|${DATAPOINT_COUNT}"}
    results = world.data(stat(ReturnData=False), wide)["MetricDataResults"]
    assert [result["Label"] for result in results] == ["||2"]


def test_what_no_label_can_tell_is_refused(world):
    for label in ("${MAX_TIME}", "${x}", "${LABEL}" * 6):
        assert refusal(world.data, stat(Label=label))[0] == "ValidationError"
    assert refusal(world.data, stat(), LabelOptions={"Timezone": "CET"})[0] == "ValidationError"
    world.data(stat(), LabelOptions={"Timezone": "+0130"})


def test_a_search_finds_metrics_by_the_terms_of_their_names(world):
    for host in ("web-blue", "web-green"):
        world.put(datum(2, name="queueLength", Dimensions=[{"Name": "Group", "Value": host}]))
    world.put(datum(9, name="queueLength"), datum(9, name="other", Dimensions=[{"Name": "Group", "Value": "web-blue"}]))
    every = {"Id": "e", "Expression": """SEARCH('{App,Group} MetricName="queueLength"', 'Sum', 60)"""}
    results = world.data(every)["MetricDataResults"]
    assert sorted((result["Label"], result["Values"]) for result in results) == [("web-blue", [2]), ("web-green", [2])]
    (result,) = world.data({"Id": "e", "Expression": "SUM(SEARCH('{App,Group} queue web', 'Sum', 60))"})[
        "MetricDataResults"
    ]
    assert result["Values"] == [4]
    assert world.data(every, scope=OTHER)["MetricDataResults"] == []
    assert refusal(world.data, {"Id": "e", "Expression": "SEARCH('(', 'Sum', 60)"})[0] == "ValidationError"
    assert refusal(world.data, {"Id": "e", "Expression": "SEARCH('a', 'x', 60)"})[0] == "ValidationError"
    assert refusal(world.data, {"Id": "e", "Expression": "SEARCH('a', 'Sum', 61)"})[0] == "ValidationError"


def test_old_data_wait_while_packing_is_long_due(world):
    """What is measured now is taken all the same; and so is what is old, once packing has come so far."""
    world.put(datum(1, -600))
    world.put(datum(1, -500))
    world.clock.move(3600)
    assert refusal(world.put, datum(1, -400)) == ("Throttling", "Rate exceeded")
    world.put(datum(1, 60))
    world.store.transact(lambda conn: metric_packing.pack_due(conn, SCOPE, world.clock.now(), 10))
    world.put(datum(1, -400))


def test_what_is_known_is_taken_where_a_new_series_is_refused(world):
    world.backend.metrics._limits = MetricLimits(series=1)
    world.put(datum(1))
    assert refusal(world.put, datum(2), datum(3, name="other"))[0] == "LimitExceeded"
    assert [point["Sum"] for point in world.statistics("Sum")] == [3.0]
    assert world.statistics("Sum", MetricName="other") == []
