"""Searches for metrics: what meets their terms."""

from __future__ import annotations

import pytest

from backend.domain.metrics import metric
from backend.policies import metric_search
from backend.policies.math_values import WrongKind
from backend.policies.metric_search import terms

CPU = metric("AWS/EC2", "CPUUtilization", {"InstanceId": "i-123"})
GROUP = metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": "web-blue"})
GREEN = metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": "web-green"})
NETWORK = metric("AWS/EC2", "NetworkIn", {"InstanceId": "i-123"})
BOTH = metric("My App", "requestCount5xx", {"Host": "a", "Zone": "b"})
EVERY = {"cpu": CPU, "group": GROUP, "green": GREEN, "network": NETWORK, "both": BOTH}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "cpu group green network both"),
        ("{AWS/EC2,InstanceId}", "cpu network"),
        ('{AWS/EC2, "InstanceId"} CPUUtilization', "cpu"),
        ("{AWS/EC2}", ""),
        ('{"My App",Zone,Host} request', "both"),
        ('{ My App , "Zone" ,, Host }', "both"),
        ("utilization", "cpu group green"),
        ("util", ""),
        ('"util"', "cpu group green"),
        ("web blue", "group"),
        ("web-green", "green"),
        ("web NOT blue", "green"),
        ("blue OR green", "group green"),
        ("blue OR green AND web", "group green"),
        ("NOT (blue OR green) cpu", "cpu"),
        ("CPUUtilization NOT NOT blue", "group"),
        ('MetricName="CPUUtilization" AutoScalingGroupName="web-blue"', "group"),
        ('MetricName="CPU"', ""),
        ("MetricName=CPU InstanceId=123", "cpu"),
        ('Namespace="My App"', "both"),
        ("count 5", "both"),
    ],
)
def test_what_meets_the_terms(text, names):
    found = terms(text)
    assert {name for name, each in EVERY.items() if found.meets(each)} == set(names.split())


@pytest.mark.parametrize(
    "text",
    [
        *("(a", "a)", ")", "NOT", "a OR", "a AND", "{}", "{ , }", '"a', "=", "(" * 50 + "a" + ")" * 50, "x" * 2000),
        *('{"}', '{a"b"}', '{"a" b}', "{" + " " * 1000 + '"}', "{" + ' "" ' * 200 + '"}'),
    ],
)
def test_what_is_no_search(text):
    with pytest.raises(WrongKind):
        terms(text)


def test_the_names_of_a_metric_are_cut_once_whatever_number_of_words_is_looked_for(monkeypatch):
    cut = []
    monkeypatch.setattr(metric_search, "_parts", lambda text, real=metric_search._parts: cut.append(text) or real(text))
    search = terms(" OR ".join(f"cutOnce{number}" for number in range(70)) + " InstanceId=cut InstanceId=once")
    cut.clear()
    assert not search.meets(CPU)
    assert sorted(cut) == sorted(["CPUUtilization", "InstanceId", "i-123"])


def test_looking_costs_by_the_length_of_the_names_and_the_number_of_the_words():
    wide = metric("N", "m", {f"d{number}": "aB" * 500 for number in range(30)})
    one, many = terms("q"), terms(" OR ".join(f"q{number}" for number in range(130)))
    assert one.steps(CPU) < 20 < many.steps(CPU) < 1000
    assert 7_000 < one.steps(wide) < 9_000 < 20_000 < many.steps(wide)
    assert terms("{Other} q").steps(wide) == 0
