"""Patterns of parameters: anybody's text, which is tried only where that is soon done."""

from __future__ import annotations

import re

import pytest

from backend.domain.parameters import ParameterRefused
from backend.services.parameters import NewParameter, check_value


def refusal(pattern: str, value: str) -> str | None:
    try:
        check_value(NewParameter("p", value, allowed_pattern=pattern))
    except ParameterRefused as refused:
        return refused.why
    return None


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("(a|aa)" * 18, "a" * 27 + "b"),
        ("(a|a[)]|a)" * 12, "a" * 12 + "b"),
        (r"(a|a\)|a)" * 12, "a" * 12 + "b"),
        ("(()|a|()|a)" * 9, "a" * 9 + "b"),
        ("a?" * 18 + "a" * 18, "a" * 18 + "b"),
        (".*.*" + "a" * 900 + "b", "a" * 1000),
        (".*.*b", "a" * 8192),
        ("(a*)*b", "a"),
        ("(a){2,}b", "a"),
        ("(?:a|a)b", "a"),
    ],
)
def test_what_could_be_tried_for_long_is_not_tried(pattern: str, value: str) -> None:
    re.compile(pattern)
    assert refusal(pattern, value) == "pattern_long"


@pytest.mark.parametrize(
    ("pattern", "fits", "not_so"),
    [
        ("(dev|test|prod)-(eu|us)-[a-z]*", "prod-eu-web", "prod-cn-web"),
        (r"\d{4}-\d{2}-\d{2}", "2026-11-28", "28.11.2026"),
        (r"\d+\.\d+\.\d+", "10.2.33", "10.2"),
        ("|".join(f"name{number}" for number in range(50)), "name49", "name50"),
        (r"[*+?{(|)]+\(x\|y\)", "(|)(x|y)", "x"),
        ("[]|(]*", "](|", ")"),
        (".*", "a" * 8192, "a\n"),
    ],
)
def test_other_patterns_say_what_a_value_is(pattern: str, fits: str, not_so: str) -> None:
    assert refusal(pattern, fits) is None
    assert refusal(pattern, not_so) == "pattern"


def test_what_is_no_pattern_is_told() -> None:
    assert [refusal(each, "a") for each in ("(a", "a)", "[a", "a\\")] == ["pattern_bad"] * 4
