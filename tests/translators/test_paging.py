from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.scope import Scope
from tests.factories import OTHER, SCOPE, request
from translators import paging
from translators.errors import AWSError


def call(scope: Scope = SCOPE, **params: object):
    return request(None, "ec2", "DescribeVpcs", params, scope)  # type: ignore[arg-type]


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3)))
def test_a_marker_comes_back(marker: object) -> None:
    mark = paging.fingerprint(call())
    token = paging.encode("DescribeVpcs", marker, mark)
    assert paging.decode(token, "DescribeVpcs", mark) == marker
    assert token.isascii()


def test_a_token_is_bound_to_its_request() -> None:
    mark = paging.fingerprint(call(VpcIds=["a"]))
    token = paging.encode("DescribeVpcs", "m", mark)
    for operation, other in (
        ("DescribeSubnets", mark),
        ("DescribeVpcs", paging.fingerprint(call(VpcIds=["b"]))),
        ("DescribeVpcs", paging.fingerprint(call(OTHER, VpcIds=["a"]))),
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
        paging.decode(text, "DescribeVpcs", paging.fingerprint(call()))


def test_each_service_says_it_in_its_own_words() -> None:
    assert paging.refusal("x", "ec2").message == "The specified NextToken is not valid."
    assert paging.refusal("x", "iam").code == "ValidationError"
