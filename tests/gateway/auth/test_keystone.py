"""Keystone's keys as the gateway meets them."""

from __future__ import annotations

import pytest

from backend.drivers.credentials import AccessKey, BadSignature
from backend.drivers.errors import CloudUnavailable
from gateway.auth import claims
from gateway.auth.keystone import KeystoneCredentials
from gateway.auth.refusals import Refusal
from tests.gateway.world import action
from translators.callers import Callers
from translators.errors import AWSError

FOUND = AccessKey("AK", "u-1", "demo", "p-1", "project", frozenset({"member"}), "the secret")


class Keys:
    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def find(self, access_key):
        return self._given(access_key)

    def check(self, signed):
        return self._given(signed)

    def _given(self, asked):
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def _credentials(answer):
    return KeystoneCredentials(Callers(Keys(answer)))


def test_a_key_is_a_credential_of_its_owner():
    found = _credentials(FOUND).find("AK")
    assert (found.secret, found.caller.user_name, found.caller.project_id) == ("the secret", "demo", "p-1")
    assert found.caller.roles == {"member"}
    assert _credentials(None).find("AK") is None


def test_a_signed_request_is_handed_over_with_what_was_signed():
    request = action("autoscaling", "DescribeAutoScalingGroups", query="a=b")
    keys = Keys(FOUND)
    claim = claims.read(request)
    assert KeystoneCredentials(Callers(keys)).check(request, claim, "hash").user_id == "u-1"
    (signed,) = keys.asked
    assert (signed.method, signed.path, signed.params, signed.body_hash) == ("POST", "/", {"a": "b"}, "hash")
    assert {*claim.signed_headers, "authorization"} <= signed.headers.keys()
    assert (signed.host, signed.signature) == (request.headers["host"], claim.signature)


@pytest.mark.parametrize(
    ("answer", "code", "status"),
    [(CloudUnavailable("down"), "ServiceUnavailable", 503), (BadSignature("bad"), "SignatureDoesNotMatch", 403)],
)
def test_what_keystone_cannot_say_is_told_in_aws_s_words(answer, code, status):
    request = action("autoscaling", "DescribeAutoScalingGroups")
    with pytest.raises(AWSError) as told:
        _credentials(answer).check(request, claims.read(request), "hash")
    assert (told.value.code, told.value.status) == (code, status)
    assert isinstance(told.value, Refusal) is (code == "SignatureDoesNotMatch")
