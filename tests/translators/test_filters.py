from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translators.errors import AWSError
from translators.filters import matching, pattern, texts

ITEMS = [
    {"name": "amzn2-ami-hvm-2.0", "size": 8, "public": True, "tags": {"Env": "prod", "a*b": "1"}},
    {"name": "ubuntu/images", "size": 20, "public": False, "tags": {}},
    {"name": "AMZN2-ami-hvm-3.0", "size": None, "public": True, "tags": {"Env": "test"}},
]
FIELDS: Any = {
    "name": lambda item: item["name"],
    "size": lambda item: item["size"],
    "public": lambda item: item["public"],
}


def names(*filters: tuple[str, list[str]]) -> list[str]:
    asked = [{"Name": name, "Values": values} for name, values in filters]
    return [item["name"][:6] for item in matching(ITEMS, asked, FIELDS, lambda item: item["tags"])]


@pytest.mark.parametrize(
    ("value", "text", "fits"),
    [
        ("abc", "abc", True),
        ("abc", "Abc", False),
        ("a*c", "ac", True),
        ("a*c", "a\nxc", True),
        ("a?c", "abc", True),
        ("a?c", "ac", True),
        ("a?c", "abbc", False),
        (r"a\*c", "a*c", True),
        (r"a\*c", "abc", False),
        (r"a\?c", "a?c", True),
        ("a\\\\*", "a\\b", True),
        ("a.c", "abc", False),
        ("*", "", True),
        ("trailing\\", "trailing\\", True),
        ("[a]*", "[a]b", True),
    ],
)
def test_a_value_stands_for_texts(value: str, text: str, fits: bool) -> None:
    assert pattern(value)(text) is fits


@given(st.text())
def test_an_escaped_text_matches_itself_alone(text: str) -> None:
    escaped = "".join(f"\\{character}" if character in "*?\\" else character for character in text)
    assert pattern(escaped)(text)
    assert not pattern(escaped)(text + "x")


def test_values_are_or_and_filters_are_and() -> None:
    assert names(("name", ["amzn2*", "ubuntu*"])) == ["amzn2-", "ubuntu"]
    assert names(("name", ["amzn2*", "ubuntu*"]), ("public", ["true"])) == ["amzn2-"]


def test_numbers_and_truth_are_compared_as_text() -> None:
    assert names(("size", ["8"])) == ["amzn2-"]
    assert names(("public", ["false"])) == ["ubuntu"]
    assert names(("size", ["*"])) == ["amzn2-", "ubuntu"], "an absent value matches nothing, not even everything"


def test_tags_by_key_by_value_and_by_both() -> None:
    assert names(("tag:Env", ["prod"])) == ["amzn2-"]
    assert names(("tag:Env", ["*"])) == ["amzn2-", "AMZN2-"]
    assert names(("tag-key", ["Env"]), ("tag-value", ["test"])) == ["AMZN2-"]
    assert names(("tag:a*b", ["1"])) == ["amzn2-"], "a key is taken literally"


@pytest.mark.parametrize("name", ["nme", "tag:", "", "Name"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(AWSError) as refused:
        names((name, ["x"]))
    assert refused.value.code == "InvalidParameterValue"
    assert refused.value.message == f"The filter '{name}' is invalid"


def test_tags_are_no_filter_where_nothing_is_tagged() -> None:
    with pytest.raises(AWSError):
        matching(ITEMS, [{"Name": "tag:Env", "Values": ["x"]}], FIELDS)


@pytest.mark.parametrize("each", [{"Name": "name"}, {"Name": "name", "Values": []}, {"Values": ["x"]}])
def test_a_filter_without_name_or_values_is_refused(each: dict[str, Any]) -> None:
    with pytest.raises(AWSError):
        matching(ITEMS, [each], FIELDS)


def test_there_are_limits_to_what_is_asked() -> None:
    """Source: Amazon EC2 User Guide, "List and filter using the CLI and API": 50 filters, 200 values of each."""
    assert names(*[("name", ["amzn2*"])] * 50) == ["amzn2-"]
    assert names(("name", ["amzn2*", *map(str, range(199))])) == ["amzn2-"]
    for asked in ([("name", ["x"])] * 51, [("name", [str(number) for number in range(201)])]):
        with pytest.raises(AWSError) as refused:
            names(*asked)
        assert refused.value.code == "FilterLimitExceeded"


def test_instants_look_as_in_answers() -> None:
    assert list(texts(datetime(2026, 11, 22, 13, 4, 5, 678900, tzinfo=UTC))) == ["2026-11-22T13:04:05.678Z"]
    assert list(texts([1, None, ["a"], 2.5])) == ["1", "a", "2.5"]


@given(st.text("*?ab", max_size=12), st.text("abc", max_size=8))
def test_it_matches_as_a_regular_expression_would(value: str, text: str) -> None:
    wild = {"*": "[\\s\\S]*", "?": "[\\s\\S]?"}
    plain = re.sub(r"[*?]*\*[*?]*", "*", value)  # of wildcards that follow a star the star alone counts
    expected = re.fullmatch("".join(wild.get(character, character) for character in plain), text) is not None
    assert pattern(value)(text) is expected


class Counted(str):
    """A text that counts how many of its characters were looked at."""

    __slots__ = ()
    steps = 0

    def __iter__(self) -> Iterator[str]:
        for character in str.__iter__(self):
            Counted.steps += 1
            yield character


@pytest.mark.parametrize("value", ["*" * 11 + "~", "*a" * 100 + "~", "?" * 500 + "~", "*?" * 500, "a?*" * 300])
def test_no_value_takes_more_steps_than_the_text_has_characters(value: str) -> None:
    Counted.steps = 0
    pattern(value)(Counted("a" * 255))
    assert Counted.steps <= 255


def test_values_have_a_length() -> None:
    """Source: as above, 255 characters."""
    assert names(("name", ["a" * 255])) == []
    with pytest.raises(AWSError) as refused:
        names(("name", ["a" * 256]))
    assert refused.value.code == "InvalidParameterValue"
