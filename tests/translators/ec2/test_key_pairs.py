from __future__ import annotations

import pytest

from tests.factories import OTHER, SCOPE, World
from tests.translators.ec2.wire import Asking, filtered


@pytest.fixture
def keys(aws: Asking, world: World) -> Asking:
    world.simulated.projects.create_key_pair(SCOPE, "one", "rsa")
    world.simulated.projects.create_key_pair(SCOPE, "two", "ed25519")
    world.simulated.projects.create_key_pair(OTHER, "theirs")
    return aws


def test_key_pairs_by_name_id_and_filter(keys: Asking) -> None:
    told = keys("DescribeKeyPairs")["KeyPairs"]
    assert [(pair["KeyName"], pair["KeyType"]) for pair in told] == [("one", "rsa"), ("two", "ed25519")]
    assert keys("DescribeKeyPairs", KeyNames=["two"])["KeyPairs"] == told[1:]
    assert keys("DescribeKeyPairs", KeyPairIds=[told[0]["KeyPairId"]])["KeyPairs"] == told[:1]
    assert keys("DescribeKeyPairs", Filters=filtered("key-name", "t*"))["KeyPairs"] == told[1:]
    assert keys("DescribeKeyPairs", Filters=filtered("fingerprint", told[0]["KeyFingerprint"]))["KeyPairs"] == told[:1]


def test_a_public_key_is_told_when_it_is_asked_for(keys: Asking) -> None:
    assert "PublicKey" not in keys("DescribeKeyPairs")["KeyPairs"][0]
    assert keys("DescribeKeyPairs", IncludePublicKey=True)["KeyPairs"][0]["PublicKey"].startswith("ssh-rsa")


def test_what_does_not_exist(keys: Asking) -> None:
    for names in (["nil"], ["one", "theirs"]):
        assert keys.code("DescribeKeyPairs", KeyNames=names) == "InvalidKeyPair.NotFound"
    assert keys.refused("DescribeKeyPairs", KeyNames=["nil"]).message == "The key pair 'nil' does not exist"
    for unknown in ("key-0123456789abcdef0", "bad"):
        refused = keys.refused("DescribeKeyPairs", KeyPairIds=[unknown])
        assert (refused.code, refused.message) == ("InvalidParameterValue", f"Invalid value '{unknown}' for keyPairId.")
    both = {"KeyNames": ["one"], "KeyPairIds": ["key-0123456789abcdef0"]}
    assert keys.code("DescribeKeyPairs", **both) == "InvalidParameterCombination"
