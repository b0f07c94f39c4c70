from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.scope import Scope
from tests.factories import OTHER, SCOPE, request
from translators import paging
from translators.errors import AWSError
from translators.token_keys import TokenKeys

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


def call(scope: Scope = SCOPE, **params: object):
    return request(None, "ec2", "DescribeVpcs", params, scope)  # type: ignore[arg-type]


@given(TEXT | st.integers() | st.lists(TEXT | st.integers(), max_size=3))
def test_a_marker_comes_back(marker: object) -> None:
    mark = paging.binding(call())
    token = paging.encode("DescribeVpcs", marker, mark)
    assert paging.decode(token, "DescribeVpcs", mark, like=marker) == marker
    assert token.isascii()


def test_a_token_is_bound_to_its_request() -> None:
    mark = paging.binding(call(VpcIds=["a"]))
    token = paging.encode("DescribeVpcs", "m", mark)
    for operation, other in (
        ("DescribeSubnets", mark),
        ("DescribeVpcs", paging.binding(call(VpcIds=["b"]))),
        ("DescribeVpcs", paging.binding(call(OTHER, VpcIds=["a"]))),
    ):
        with pytest.raises(AWSError) as refused:
            paging.decode(token, operation, other)
        assert refused.value.code == "InvalidNextToken"
        assert refused.value.message == f"The token '{token}' is invalid."


def test_the_length_of_a_page_may_change_on_the_way() -> None:
    assert paging.fingerprint(call(MaxResults=5)) == paging.fingerprint(call(MaxResults=7, NextToken="x"))


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(AWSError):
        paging.decode(text, "DescribeVpcs", paging.binding(call()))


def test_each_service_says_it_in_its_own_words() -> None:
    assert paging.refusal("x", "ec2").message == "The specified NextToken is not valid."
    assert paging.refusal("x", "iam").code == "ValidationError"


def test_nobody_makes_a_token_without_the_key() -> None:
    theirs, ours = call(), replace(call(), page_keys=TokenKeys(lambda: [b"ours"]))
    token = paging.encode("DescribeVpcs", "m", paging.binding(theirs))
    with pytest.raises(AWSError):
        paging.decode(token, "DescribeVpcs", paging.binding(ours))
    assert paging.decode(paging.encode("DescribeVpcs", "m", paging.binding(ours)), "DescribeVpcs", paging.binding(ours))
    assert "ours" not in repr(ours)


def test_a_token_of_before_there_was_another_key_is_good_while_the_older_is_there() -> None:
    before = replace(call(), page_keys=TokenKeys(lambda: [b"old"]))
    between, after = (
        replace(call(), page_keys=TokenKeys(lambda keys=keys: keys)) for keys in ([b"new", b"old"], [b"new"])
    )
    token = paging.encode("DescribeVpcs", "m", paging.binding(before))
    assert paging.decode(token, "DescribeVpcs", paging.binding(between)) == "m"
    with pytest.raises(AWSError):
        paging.decode(token, "DescribeVpcs", paging.binding(after))
    assert paging.decode(
        paging.encode("DescribeVpcs", "m", paging.binding(between)), "DescribeVpcs", paging.binding(after)
    )


def test_a_token_of_a_key_that_another_process_has_already_is_good_after_a_look() -> None:
    there = replace(call(), page_keys=TokenKeys(lambda: [b"new", b"old"]))
    asked = []

    def again(who: str) -> list[bytes]:
        asked.append(who)
        return [b"new", b"old"]

    here = replace(call(), page_keys=TokenKeys(lambda: [b"old"], again))
    token = paging.encode("DescribeVpcs", "m", paging.binding(there))
    assert paging.decode(token, "DescribeVpcs", paging.binding(here)) == "m"
    assert asked == [SCOPE.project_id]
    own = paging.encode("DescribeVpcs", "m", paging.binding(here))
    assert paging.decode(own, "DescribeVpcs", paging.binding(here)) == "m"
    assert len(asked) == 1
    with pytest.raises(AWSError):
        paging.decode(token[:-1] + "A", "DescribeVpcs", paging.binding(here))
    for no_token in ("", "x", "!"):
        with pytest.raises(AWSError):
            paging.decode(no_token, "DescribeVpcs", paging.binding(here))
    assert len(asked) == 2, "what can be no token causes no look"


@pytest.mark.parametrize(
    ("marker", "like"),
    [
        (5, ""),
        (None, ""),
        (True, 0),
        (1.5, 0),
        ("a", 0),
        (["a"], ""),
        ({"a": 1}, ""),
        ({"a": 1}, {"a": 1}),
        (["a"], ["a", "b"]),
        (["a", 1], ["a", "b"]),
        ("a\0", ""),
        ("\ud800", ""),
        ([["a"]], [""]),
    ],
)
def test_a_marker_of_another_type_is_refused_whoever_made_it(marker: object, like: object) -> None:
    mark = paging.binding(call())
    with pytest.raises(AWSError) as refused:
        paging.decode(paging.encode("DescribeVpcs", marker, mark), "DescribeVpcs", mark, like=like)
    assert refused.value.code == "InvalidNextToken"


def test_a_marker_without_end_is_refused() -> None:
    mark = paging.binding(call())
    body = b"[" * 200_000
    token = base64.urlsafe_b64encode(paging._check("DescribeVpcs", body, *mark.checks) + body).decode()
    with pytest.raises(AWSError):
        paging.decode(token, "DescribeVpcs", mark)
