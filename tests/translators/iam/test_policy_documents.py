"""Documents that are JSON and no policies."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from translators.errors import AWSError
from translators.iam.policy_documents import checked, checked_trust

ALLOWED = {"Effect": "Allow", "Action": "sts:AssumeRole"}
ODD = ([], {}, ["Allow"], {"a": 1}, 1, None, True)


@pytest.mark.parametrize("check", [checked, checked_trust])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    "member", ["Version", "Id", "Statement", "Sid", "Effect", "Action", "Condition", "Principal", "Resource"]
)
def test_whatever_stands_in_the_place_of_a_member_is_answered(
    check: Callable[[str], str], member: str, odd: object
) -> None:
    """Each of them is taken, or refused in AWS's words."""
    statement = {**ALLOWED, **({"Principal": "*"} if check is checked_trust else {"Resource": "*"})}
    document: dict[str, object] = {"Version": "2012-10-17", "Statement": statement}
    if member in {"Version", "Id", "Statement"}:
        document[member] = odd
    else:
        document["Statement"] = {**statement, member: odd}
    told = answer(check, json.dumps(document))
    assert told == "MalformedPolicyDocument" or (told == "taken" and member not in {"Version", "Statement", "Effect"})


def answer(check: Callable[[str], str], text: str) -> str:
    try:
        check(text)
    except AWSError as refused:
        return refused.code
    return "taken"
