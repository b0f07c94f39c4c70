"""Metric math: what expressions make of lines."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from backend.domain.metric_queries import ExpressionRefused, Line, MetricStat, Query
from backend.domain.metrics import metric
from backend.domain.steps import Steps, TooManySteps
from backend.policies.math_functions import DECLINED, FUNCTIONS
from backend.policies.metric_math import Answers, timeline
from tests.factories import NOW

MINUTE = timedelta(minutes=1)
LINES = {
    "m1": [1, 2, None, 4],
    "m2": [10, None, None, 20],
    "m3": [0, 5, 0, 5],
    "cpu_a": [3, 3],
    "cpu_b": [7, 9],
    "none": [],
    "huge": [1e308, 1e308],
}


def at(number):
    return NOW + number * MINUTE


def of(numbers):
    return {at(number): float(value) for number, value in enumerate(numbers) if value is not None}


def read(stat):
    return Line("", stat.period, of(LINES[stat.metric.name]))


QUERIES = [Query(name, MetricStat(metric("N", name), 60, "Sum")) for name in LINES]


def answers(*expressions, **further):
    queries = [*QUERIES, *(Query(f"e{number}", expression=each) for number, each in enumerate(expressions, 1))]
    return Answers(queries, read, timeline(NOW, NOW + 4 * MINUTE), **further)


def line(expression):
    (found,) = answers(expression).of("e1")
    return [found.values.get(at(number)) for number in range(4)]


def lines(expression):
    return [list(each.values.values()) for each in answers(expression).of("e1")]


def reason(*expressions, key="e1"):
    with pytest.raises(ExpressionRefused) as info:
        answers(*expressions).of(key)
    return info.value.reason


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("m1 + 1", [2, 3, None, 5]),
        ("m1 + m2", [11, 2, None, 24]),
        ("m2 / m1", [10, 0, None, 5]),
        ("m1 / m2", [0.1, None, None, 0.2]),
        ("m1 / m3", [None, 0.4, None, 0.8]),
        ("2 * m1 ^ 2 - -1", [3, 9, None, 33]),
        ("2 + 3 * m1", [5, 8, None, 14]),
        ("(2 + 3) * m1", [5, 10, None, 20]),
        ("8 / 2 / m1", [4, 2, None, 1]),
        ("m1 * 2 ^ 3 ^ 0", [2, 4, None, 8]),
        ("-m1 ^ 2", [-1, -4, None, -16]),
        ("m1 > 1", [0, 1, None, 1]),
        ("m1 >= 2 AND m1 < 4", [0, 1, None, 0]),
        ("m1 == 1 || m3 == 5", [1, 1, 0, 1]),
        ("m1 != 2 && 1", [1, 0, None, 1]),
        ("IF(m1 > 1, m2)", [None, 0, None, 20]),
        ("IF(m3, m1, 7)", [7, 2, 7, 4]),
        ("IF(1, m1, m2)", [1, 2, None, 4]),
        ("FILL(m1, 0)", [1, 2, 0, 4]),
        ("FILL(m2, REPEAT)", [10, 10, 10, 20]),
        ("FILL(m1, LINEAR)", [1, 2, 3, 4]),
        ("FILL(m2, m1)", [10, 2, None, 20]),
        ("FILL(none, 3)", [3, 3, 3, 3]),
        ("m1 - AVG(m1)", [1 - 7 / 3, 2 - 7 / 3, None, 4 - 7 / 3]),
        ("SUM(METRICS('cpu'))", [10, 12, None, None]),
        ('MAX(METRICS("cpu"))', [7, 9, None, None]),
        ("MIN([m1, m2])", [1, 2, None, 4]),
        ("AVG(METRICS('m'))", [11 / 3, 3.5, 0, 29 / 3]),
        ("STDDEV([cpu_a, cpu_b])", [2, 3, None, None]),
        ("SUM(m1, m2)", [11, 2, None, 24]),
        ("DATAPOINT_COUNT([m1, m2])", [2, 1, None, 2]),
        ("m3 * 0 + DATAPOINT_COUNT(m1)", [3, 3, 3, 3]),
        ("m3 * 0 + METRIC_COUNT(METRICS('cpu'))", [2, 2, 2, 2]),
        ("m3 * 0 + PERIOD(m1)", [60, 60, 60, 60]),
        ("m3 * 0 + MAX(1, 2)", [2, 2, 2, 2]),
        ("ABS(-m1)", [1, 2, None, 4]),
        ("CEIL(m1 / 3)", [1, 1, None, 2]),
        ("FLOOR(m1 / 3)", [0, 0, None, 1]),
        ("LOG10(m2 * 10)", [2, None, None, pytest.approx(2.301, abs=0.001)]),
        ("LOG(m3 / 5)", [None, 0, None, 0]),
        ("DIFF(m1)", [None, 1, None, 2]),
        ("DIFF_TIME(m1)", [None, 60, None, 120]),
        ("RATE(m3)", [None, 5 / 60, -5 / 60, 5 / 60]),
        ("RUNNING_SUM(m1)", [1, 3, None, 7]),
        ("TIME_SERIES(5)", [5, 5, 5, 5]),
        ("FIRST(METRICS('cpu'))", [3, 3, None, None]),
        ("LAST(METRICS('cpu'))", [7, 9, None, None]),
        ("MINUTE(m1)", [0, 1, None, 3]),
        ("HOUR(m1)", [13, 13, None, 13]),
        ("DAY(m1)", [7, 7, None, 7]),
        ("DATE(m1) + MONTH(m1) + YEAR(m1)", [2059, 2059, None, 2059]),
        ("EPOCH(m1) - EPOCH(m1)", [0, 0, None, 0]),
        ("m1 * 1e308 * 1e308", [None] * 4),
        ("STDDEV([m1 * 1e308, m2])", [None, None, None, 0]),
        ("m1 ^ 0.5 * 0 + (0 - m1) ^ 0.5", [0, 0, None, 0]),
    ],
)
def test_lines(expression, values):
    assert line(expression) == [None if value is None else pytest.approx(value) for value in values]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("METRICS('cpu') * 2", [[6, 6], [14, 18]]),
        ("ABS(METRICS('cpu'))", [[3, 3], [7, 9]]),
        ("SORT(METRICS('cpu'), MAX, DESC)", [[7, 9], [3, 3]]),
        ("SORT([cpu_b, none, cpu_a], AVG, ASC, 2)", [[3, 3], [7, 9]]),
        ("SORT([huge, cpu_b, cpu_a], SUM, ASC)", [[3, 3], [7, 9], [1e308, 1e308]]),
        ("SORT([huge, cpu_a, cpu_b], AVG, DESC)", [[7, 9], [3, 3], [1e308, 1e308]]),
        ("SORT([huge, cpu_a, cpu_b], MAX, DESC)", [[1e308, 1e308], [7, 9], [3, 3]]),
        ("SLICE(METRICS('cpu'), 1)", [[7, 9]]),
        ("SLICE(METRICS('cpu'), 0, 1)", [[3, 3]]),
        ("SLICE(METRICS('cpu'), 5)", []),
        ("REMOVE_EMPTY([none, cpu_a])", [[3, 3]]),
        ("METRICS('nothing')", []),
        ("SUM(METRICS('nothing'))", []),
        ("FILL(METRICS('cpu'), 0)", [[3, 3, 0, 0], [7, 9, 0, 0]]),
    ],
)
def test_arrays_of_lines(expression, values):
    assert lines(expression) == values


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "Unexpected end"),
        ("m1 +", "Unexpected end"),
        ("m1 m2", "Unsupported token 'm2' at char 3"),
        ("m1 ? 2", "Unsupported token '?' at char 3"),
        ("(m1", "Unexpected end, must be: ')'"),
        ("SUM(m1;", "Unsupported token ';' at char 6"),
        ("SUM(m1]", "Unsupported token ']' at char 6, must be: ')'"),
        ("unknown", "Unsupported token 'unknown' at char 0"),
        ("1 + NOPE(m1)", "Unsupported token 'NOPE' at char 4"),
        ("SELECT AVG(m1) FROM x", "Queries that begin with SELECT are not supported by Coppice"),
        ("1 + 1", "The expression must return a time series or an array of time series"),
        ("'text'", "Text 'text' stands where a value is needed"),
        ("METRICS('cpu') + METRICS('cpu')", "Operator '+' cannot be applied to two arrays of time series"),
        ("PERIOD(1)", "Function PERIOD needs a time series"),
        ("ABS(m1, m2)", "Function ABS at char 0 has 2 arguments"),
        ("m1 / 0 + 1 / 0", "The expression has no value"),
        ("LOG(0) + m1", "The expression has no value"),
        ("9e999 * m1", "Unsupported token '9e999' at char 0"),
        ("m1 ^ (1e308 * 10)", "The expression has no value"),
        ("SEARCH('x', 'Sum', 60)", "Function SEARCH is not supported here"),
        ("SEARCH('x', 'Sum', 1e300)", "Function SEARCH needs a period that is a multiple of 60 seconds"),
        ("(" * 50 + "m1" + ")" * 50, "Expression is nested more than 40 deep"),
        ("-" * 2000 + "m1", "Expression is nested more than 40 deep"),
        ("m1" + "+1" * 2000, "Expression is longer than 2048 characters"),
    ],
)
def test_what_means_nothing_is_told_by_token_and_character(expression, words):
    assert reason(expression) == words


@pytest.mark.parametrize("name", sorted(DECLINED))
def test_what_is_not_here_is_refused_by_name(name):
    assert reason(f"{name}(m1)") == f"Function {name} is not supported by Coppice"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_number_is_taken_or_refused_in_words(name):
    for arguments in ("", "1", "1, 1", "1, 1, 1", "[m1], 'x', x", "m1, none", "[m1], 1"):
        with suppress(ExpressionRefused):
            answers(f"{name}({arguments})").of("e1")


def test_expressions_name_each_other_and_never_themselves():
    found = answers("e2 * 2", "m1 + 1")
    assert list(found.of("e1")[0].values.values()) == [4, 6, 10]
    assert "refers to itself" in reason("e2", "e1")
    assert "too long a chain" in reason(*(f"e{number + 2} + 1" for number in range(30)), "m1")


def test_what_takes_too_much_work_is_refused():
    found = answers("+".join(["m1"] * 500), steps=Steps(3000))
    with pytest.raises(TooManySteps):
        found.of("e1")


def test_an_array_holds_so_many_lines_even_empty_ones():
    half = f"[{','.join(['none'] * 250)}]"
    assert len(answers("[e2, e2]", half).of("e1")) == 500
    assert "more than 500" in reason("[e2, e2, none]", half)


def test_lines_without_values_are_work_too():
    found = answers("[e2, e2, e2, e2]", f"[{','.join(['none'] * 100)}]", steps=Steps(5000))
    with pytest.raises(TooManySteps):
        found.of("e1")


def test_depth_is_bounded_through_all_that_name_each_other():
    assert "nested" in reason(*(f"{'-' * 30}e{number + 2}" for number in range(15)), "m1")
    assert line("+".join(["m1"] * 600)) == [600, 1200, None, 2400]


def test_a_statistic_is_read_once():
    asked = []

    def counted(stat):
        asked.append(stat)
        return read(stat)

    found = Answers([*QUERIES, Query("e", expression="m1 + m1 * SUM(METRICS())")], counted, timeline(NOW, NOW + MINUTE))
    found.of("e")
    found.of("m1")
    assert len(asked) == len(LINES)


def test_a_label_is_the_querys():
    queries = [Query("m1", QUERIES[0].stat, label="A"), Query("e", expression="m1 + 1", label="B")]
    found = Answers(queries, read, timeline(NOW, NOW + MINUTE))
    assert [each.label for key in ("m1", "e") for each in found.of(key)] == ["A", "B"]
