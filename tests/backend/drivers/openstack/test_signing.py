from __future__ import annotations

from datetime import timedelta

import pytest

from backend.drivers.openstack.signing import signed
from gateway.auth import claims, sigv4
from gateway.auth.credentials import Credential, StaticCredentials
from gateway.auth.refusals import Refusal
from gateway.request import Request
from tests.factories import NOW
from tests.gateway.world import CALLER

PAIR = StaticCredentials({"AK": Credential("the secret", CALLER)})


def judged(document, now):
    headers = {name.lower(): value for name, value in document["headers"].items()}
    request = Request(document["verb"], document["path"], "", headers, b"")
    return sigv4.verify(request, claims.read(request), PAIR, now)


def test_the_signature_is_what_a_verifier_of_another_hand_asks_for():
    document = signed("AK", "the secret", NOW)
    assert judged(document, NOW)
    assert document["signature"] == document["headers"]["Authorization"].rpartition("=")[2]
    assert "the secret" not in str(document)


@pytest.mark.parametrize(("secret", "late"), [("another", timedelta(0)), ("the secret", timedelta(hours=1))])
def test_another_secret_or_another_time_gives_another(secret, late):
    with pytest.raises(Refusal):
        judged(signed("AK", secret, NOW), NOW + late)
