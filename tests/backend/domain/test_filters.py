"""Filters of subscriptions: what passes, and what is no filter."""

from __future__ import annotations

import json

import pytest

from backend.domain import filters


def text(value, kind="String"):
    return {"v": {"type": kind, "text": value}}


@pytest.mark.parametrize(
    ("condition", "attributes", "passes"),
    [
        ("a", text("a"), True),
        ("a", text("b"), False),
        ("a", {}, False),
        ("5", text("5", "Number"), False),
        (5, text("5.0", "Number"), True),
        (5, text("5"), False),
        ({"numeric": ["=", 5]}, text("5"), False),
        ({"numeric": [">", 1, "<=", 5]}, text("5", "Number"), True),
        ({"numeric": [">", 1, "<", 5]}, text("5", "Number"), False),
        ({"prefix": "ab"}, text("abc"), True),
        ({"suffix": "bc"}, text("abc"), True),
        ({"equals-ignore-case": "ABC"}, text("abc"), True),
        ({"wildcard": "a*c*e"}, text("abcde"), True),
        ({"wildcard": "a*c*e"}, text("ace"), True),
        ({"wildcard": "a*aa"}, text("aa"), False),
        ({"anything-but": ["a"]}, text("b"), True),
        ({"anything-but": "a"}, text("a"), False),
        ({"anything-but": ["bad"]}, text('["bad","good"]', "String.Array"), True),
        ({"anything-but": {"prefix": "a"}}, text("abc"), False),
        ({"anything-but": {"prefix": ["a", "b"]}}, text("cba"), True),
        # SNS ignores what is Binary, as if it were not there.
        ({"exists": True}, {"v": {"type": "Binary", "bytes": "AA=="}}, False),
        ({"exists": False}, {"v": {"type": "Binary", "bytes": "AA=="}}, True),
        ({"anything-but": ["z"]}, {"v": {"type": "Binary.png", "bytes": "AA=="}}, False),
        ({"exists": False}, {}, True),
        ({"exists": False}, text("a"), False),
        ({"cidr": "10.0.0.0/8"}, text("10.1.2.3"), True),
        ({"cidr": "10.0.0.0/8"}, text("11.1.2.3"), False),
        ({"cidr": "10.0.0.0/8"}, text("nonsense"), False),
        (True, text("[true]", "String.Array"), True),
        (None, text("[null]", "String.Array"), True),
        (1, text("[true]", "String.Array"), False),
        ("[", text("[", "String.Array"), True),
    ],
)
def test_attributes(condition, attributes, passes):
    assert filters.passes_attributes({"v": [condition]}, attributes) is passes


@pytest.mark.parametrize(
    ("policy", "body", "passes"),
    [
        ({"v": [{"exists": True}]}, {"v": ""}, True),
        ({"a": {"b": ["x"]}}, {"a": [{"b": "y"}, {"b": ["z", "x"]}]}, True),
        ({"a": {"b": ["x"]}}, {"a": {"b": "y"}}, False),
        ({"a": ["x"], "c": ["d"]}, {"a": "x"}, False),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "y"}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, {"b": "z"}, False),
        ({"a": [None]}, {"a": None}, True),
    ],
)
def test_bodies(policy, body, passes):
    assert filters.passes_body(policy, json.dumps(body)) is passes


@pytest.mark.parametrize("body", ["no json", "[]", "1", "[" * 100_000])
def test_what_is_no_object_of_json_passes_no_filter(body):
    assert not filters.passes_body({"v": [{"exists": False}]}, body)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"exists": "x"}, "exists match pattern must be either true or false."),
        ({"anything-but": []}, "Value of anything-but must be an array or single string/number value."),
        ({"anything-but": {"numeric": [1]}}, "Unsupported anything-but pattern: numeric"),
        ({"anything-but": {"prefix": []}}, "prefix match pattern must be a string"),
        ({"anything-but": {"prefix": "a", "suffix": "b"}}, "Only one key allowed in match expression"),
        ({"cidr": "10.0.0.0/99"}, "Malformed CIDR, mask bits must be an integer"),
    ],
)
def test_conditions_that_are_none(condition, why):
    with pytest.raises(filters.NoFilter, match=f"^{why}"):
        filters.checked({"v": [condition]}, nested=False)


LARGE = 10**400


@pytest.mark.parametrize(
    ("condition", "value", "passes"),
    [
        ({"numeric": ["=", LARGE]}, 1, False),
        ({"numeric": [">", 1]}, LARGE, True),
        ({"anything-but": [LARGE]}, 1, True),
        (LARGE, 1.5, False),
        (LARGE, LARGE, True),
    ],
)
def test_numbers_that_no_float_holds(condition, value, passes):
    filters.checked({"a": [condition]}, nested=True)
    assert filters.passes_body({"a": [condition]}, json.dumps({"a": value})) is passes


def test_a_choice_of_one_is_none():
    policy = {"$or": [{"exists": True}]}
    filters.checked(policy, nested=True)
    assert filters.passes_body(policy, '{"$or": 1}')


@pytest.mark.parametrize("depth", [8, 400])
def test_choices_in_choices_end_somewhere(depth):
    policy: dict = {"a": ["x"]}
    for _ in range(depth):
        policy = {"$or": [policy, {"b": ["y"]}]}
    with pytest.raises(filters.NoFilter, match="too complex"):
        filters.checked(policy, nested=False)


@pytest.mark.parametrize("values", [list(range(151)), {"prefix": [str(number) for number in range(151)]}])
def test_values_that_are_excluded_count(values):
    with pytest.raises(filters.NoFilter, match="too complex"):
        filters.checked({"a": [{"anything-but": values}]}, nested=False)


def test_a_body_is_read_once(monkeypatch):
    read = []
    monkeypatch.setattr(filters.json, "loads", lambda text: read.append(text) or {"a": "x"})
    told = filters.Told({}, "body")
    assert [told.passes_body({"a": [value]}) for value in "xyx"] == [True, False, True]
    assert read == ["body"]


def test_what_is_too_much():
    deep: dict = {"v": ["x"]}
    for _ in range(8):
        deep = {"v": deep}
    for policy in ({f"k{number}": ["x"] for number in range(6)}, {"v": list(range(151))}, deep):
        with pytest.raises(filters.NoFilter):
            filters.checked(policy, nested=True)
