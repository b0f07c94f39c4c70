"""Event patterns: what they mean, what is none, and that no pattern takes long."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.patterns import PatternRefused, as_read, compiled, read
from backend.domain.steps import Steps, TooManySteps


def _matches(matcher, value):
    event = read(json.dumps({"detail": {"v": value}}))
    return compiled(json.dumps({"detail": {"v": matcher}})).matches(event)


# Source: conformance/recorded, stackd.events.patterns and pattern_edges; the others the EventBridge User Guide.
@pytest.mark.parametrize(
    ("matcher", "value", "result"),
    [
        ([1], "1", False),
        ([None], "null", False),
        ([None], None, True),
        ([True], 1, False),
        ([1], 1.0, True),
        ([{"wildcard": "a\\*b"}], "abc", False),
        ([{"wildcard": "a\\*b"}], "a*b", True),
        ([{"wildcard": "a*b?c"}], "xyz", False),
        ([{"wildcard": "a*b?c"}], "axxb?c", True),
        ([{"wildcard": "a*b"}], "ab", True),
        ([{"wildcard": "ab*b"}], "ab", False),
        ([{"wildcard": "*a*a"}], "aa", True),
        ([{"wildcard": "*a*a"}], "a", False),
        ([{"wildcard": "a*"}], 1, False),
        ([{"anything-but": {"wildcard": ["a*b", "x*y"]}}], "abc", True),
        ([{"anything-but": {"prefix": "a"}}], "abc", False),
        ([{"anything-but": ["a", "b"]}], "c", True),
        ([{"anything-but": ["a", "b"]}], "a", False),
        ([{"anything-but": 1}], 2, True),
        ([{"numeric": ["=", 0]}], -0.0, True),
        ([{"numeric": [">", 0, "<=", 5]}], 5, True),
        ([{"numeric": [">", 0, "<=", 5]}], 0, False),
        ([{"numeric": [">", 0]}], "1", False),
        ([{"equals-ignore-case": "ß"}], "SS", True),
        ([{"equals-ignore-case": "ß"}], "ß", True),
        ([{"equals-ignore-case": "ß"}], "ss", False),
        ([{"equals-ignore-case": "Web"}], "wEB", True),
        ([{"prefix": "we"}], "web", True),
        ([{"prefix": {"equals-ignore-case": "WE"}}], "web", True),
        ([{"suffix": {"equals-ignore-case": "EB"}}], "web", True),
        ([{"suffix": "eb"}], "web", True),
        ([{"exists": True}], "x", True),
        ([{"exists": False}], "x", False),
        ([{"exists": True}], [], False),
        ([{"exists": True}], {"a": 1}, False),
        (["a"], ["b", "a"], True),
        ([{"cidr": "10.0.0.0/8"}], "10.1.2.3", True),
        ([{"cidr": "10.0.0.0/8"}], "11.1.2.3", False),
        ([{"cidr": "10.0.0.0/8"}], "web", False),
        ([{"cidr": "2001:db8::/32"}], "2001:db8::1", True),
    ],
)
def test_values(matcher, value, result):
    assert _matches(matcher, value) is result


def test_numbers_are_compared_as_they_are_written():
    long = compiled('{"detail":{"v":[0.1234567890123456789]}}')
    assert not long.matches(read('{"detail":{"v":0.12345678901234568}}'))
    assert not long.matches(read('{"detail":{"v":0.1234567890123456789}}'))
    assert compiled('{"v":[12345678901234567890]}').matches(read('{"v":12345678901234567890}'))
    huge = compiled('{"detail":{"v":[1e309]}}')
    assert not huge.matches(read('{"detail":{"v":1e309}}'))


def test_all_names_must_be_met_and_one_of_each_choice():
    pattern = compiled('{"a":["x"],"$or":[{"b":["y"]},{"c":[{"numeric":[">",1]}]}]}')
    assert pattern.matches(as_read({"a": "x", "c": 2}))
    assert pattern.matches(as_read({"a": "x", "b": "y"}))
    assert not pattern.matches(as_read({"a": "x", "c": 1}))
    assert not pattern.matches(as_read({"b": "y"}))


def test_a_name_with_dots_is_a_path_where_nothing_has_that_name():
    pattern = compiled('{"detail":{"payload.nested.deep":{"list":[{"prefix":"q"}]}}}')
    assert pattern.matches(as_read({"detail": {"payload": {"nested": {"deep": {"list": ["a", "qx"]}}}}}))
    assert pattern.matches(as_read({"detail": {"payload.nested": {"deep": {"list": ["q"]}}}}))
    assert not pattern.matches(as_read({"detail": {"payload": {"deep": {"list": ["q"]}}}}))


def test_of_a_list_of_objects_one_must_meet_all():
    pattern = compiled('{"d":{"a":[1],"b":[2]}}')
    assert pattern.matches(as_read({"d": [{"a": 0, "b": 2}, {"a": 1, "b": 2}]}))
    assert not pattern.matches(as_read({"d": [{"a": 1, "b": 0}, {"a": 0, "b": 2}]}))


def test_what_must_not_be_there():
    pattern = compiled('{"d":{"a":[{"exists":false}]}}')
    assert pattern.matches(as_read({"d": {"b": 1}}))
    assert pattern.matches(as_read({}))
    assert not pattern.matches(as_read({"d": {"a": None}}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('["not", "a", "dict"]', "Filter is not an object"),
        (
            "this is valid",
            (
                "Unrecognized token 'this': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or"
                " 'false')"
            ),
        ),
        (
            "{'bad': 'quotation'}",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
        ),
        ('{"source":[{"unknown":"x"}]}', "Unrecognized match type unknown"),
        ('{"v":[{"numeric":["=",1e309]}]}', "Cannot compare number : 1e309"),
        ('{"source":"x"}', '"source" must be an object or an array'),
    ],
)
def test_the_recorded_refusals(text, reason):
    with pytest.raises(PatternRefused) as found:
        compiled(text)
    assert found.value.reason == reason


@pytest.mark.parametrize(
    "matcher",
    [
        {"cidr": "10.0.0.1/32"},
        {"cidr": "2001:db8::1/128"},
        {"cidr": "::ffff:192.0.2.0/120"},
        {"cidr": "x"},
        {"wildcard": "*a*a*a*a*a*a*a*a*a*a"},
        {"wildcard": "a**"},
        {"wildcard": "a\\b"},
        {"prefix": ""},
        {"prefix": 1},
        {"exists": "x"},
        {"numeric": ["=", "1"]},
        {"numeric": ["~", 1]},
        {"numeric": ["="]},
        {"anything-but": [None]},
        {"anything-but": {"exists": True}},
        {"prefix": "a", "suffix": "b"},
        ["x"],
    ],
)
def test_what_is_no_matcher(matcher):
    with pytest.raises(PatternRefused):
        compiled(json.dumps({"v": [matcher]}))


@pytest.mark.parametrize("text", ["{}", '{"a":{}}', '{"a":[]}', "", '{"a":' * 3000 + "[1]" + "}" * 3000])
def test_what_is_no_pattern(text):
    with pytest.raises(PatternRefused):
        compiled(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["a", "a.b", "$or", "c"]), _JSON), st.dictionaries(st.text(max_size=2), _JSON))
def test_any_object_is_a_pattern_or_refused_and_meets_any_event(pattern, event):
    try:
        read_pattern = compiled(json.dumps(pattern))
    except PatternRefused:
        return
    assert read_pattern.matches(as_read(event)) in {True, False}


@pytest.mark.parametrize("number", ["1e9999999", "1e99999999999999999999", "-1e9999999", "1e-9999999", "9" * 5000])
def test_numbers_of_any_size_are_compared_or_no_json(number):
    for matcher in ("[1]", '[{"numeric":[">",0]}]', '[{"anything-but":1}]', f"[{number}]"):
        try:
            pattern = compiled(f'{{"v":{matcher}}}')
            event = read(f'{{"v":{number}}}')
        except (PatternRefused, ValueError):
            continue
        assert pattern.matches(event) in {True, False}


def test_what_is_nested_too_deep_is_no_event():
    for depth, taken in ((90, True), (500, False)):
        text = '{"v":' + "[" * depth + "1" + "]" * depth + "}"
        if taken:
            assert compiled('{"v":[1]}').matches(read(text))
        else:
            with pytest.raises(ValueError, match="deep"):
                read(text)


def test_literals_are_looked_up_and_not_tried_one_by_one():
    steps = Steps(20_000)
    pattern = json.dumps({"detail": {"v": list(range(10, 810)), "w": [{"anything-but": list(range(10, 810))}]}})
    assert not compiled(pattern).matches(read(json.dumps({"detail": {"v": [0] * 4000, "w": [10] * 4000}})), steps)
    assert compiled(pattern).matches(read(json.dumps({"detail": {"v": [0, 10.0], "w": [10, 1]}})), steps)


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ({"v": [{"prefix": f"{number}x"} for number in range(150)]}, {"v": ["a"] * 20_000}),
        ({"v": [{"anything-but": {"wildcard": ["*x*"] * 150}}]}, {"v": ["x"] * 20_000}),
        (
            {"v": [{"suffix": {"equals-ignore-case": f"{number}x"}} for number in range(90)]},
            {"v": ["a" * 40_000] * 100},
        ),
        ({"$or": [{"v": [1]}, {"v": [2]}] * 40}, {"v": [[], {}] * 20_000}),
        ({"$or": [{"v": {"w": [1]}}, {"v": {"w": [2]}}] * 40}, {"v": [{}, 1] * 20_000}),
    ],
)
def test_no_event_takes_more_steps_than_there_are(pattern, event):
    with pytest.raises(TooManySteps):
        compiled(json.dumps(pattern)).matches(as_read(event))


def test_names_with_dots_take_a_step_for_each():
    pattern = compiled(json.dumps({".".join("a" * 50): [1]}))
    pattern.matches({"a": {}}, Steps(150))
    with pytest.raises(TooManySteps):
        pattern.matches({"a": {}}, Steps(50))


def test_a_name_of_too_many_dots_is_refused():
    compiled(json.dumps({".".join("a" * 51): [1]}))
    with pytest.raises(PatternRefused):
        compiled(json.dumps({".".join("a" * 52): [1]}))
