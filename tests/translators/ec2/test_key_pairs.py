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


RSA_512 = b"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQCAAAAAAAAA" + b"A" * 70 + b"AAAQAB"
"""Of 512 bits, as radkawar/stackd constructed it; with the fingerprint that it recorded."""
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_pair_is_made_and_its_private_half_told_once(aws: Asking, kind: str) -> None:
    tags = [{"ResourceType": "key-pair", "Tags": [{"Key": "a", "Value": "b"}]}]
    made = aws("CreateKeyPair", KeyName="k", KeyType=kind, TagSpecifications=tags)
    assert {*made} == {"KeyPairId", "KeyName", "KeyFingerprint", "KeyMaterial", "Tags"}
    assert "PRIVATE KEY" in made["KeyMaterial"]
    (told,) = aws("DescribeKeyPairs", KeyPairIds=[made["KeyPairId"]], IncludePublicKey=True)["KeyPairs"]
    assert (told["KeyType"], told["KeyFingerprint"], told["Tags"]) == (kind, made["KeyFingerprint"], tags[0]["Tags"])
    assert told["PublicKey"].endswith(" k")
    refused = aws.refused("CreateKeyPair", KeyName="k")
    assert (refused.code, refused.message) == ("InvalidKeyPair.Duplicate", "The keypair already exists")
    assert aws("DeleteKeyPair", KeyName="k") == {"Return": True, "KeyPairId": made["KeyPairId"]}
    assert aws("DeleteKeyPair", KeyName="k") == {"Return": True}
    assert aws("DescribeTags")["Tags"] == []


def test_a_public_key_is_imported(aws: Asking, world: World) -> None:
    made = aws("ImportKeyPair", KeyName="k", PublicKeyMaterial=f"{ED25519} me@here\n".encode())
    assert made["KeyFingerprint"] == "+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU="
    (told,) = aws("DescribeKeyPairs", KeyNames=["k"], IncludePublicKey=True)["KeyPairs"]
    assert (told["PublicKey"], told["KeyType"]) == (f"{ED25519} k", "ed25519")
    small = aws("ImportKeyPair", KeyName="small", PublicKeyMaterial=RSA_512)
    assert small["KeyFingerprint"] == "34:38:83:18:89:df:de:bc:68:7a:99:4b:28:1b:de:e7"
    assert Asking(world, scope=OTHER)("DescribeKeyPairs")["KeyPairs"] == []


@pytest.mark.parametrize(
    ("material", "code"),
    [
        (b"", "MissingParameter"),
        (b"nonsense", "InvalidKey.Format"),
        (b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----", "InvalidKey.Format"),
        (f'command="x" {ED25519}'.encode(), "InvalidKey.Format"),
        (b"\x30\x80\xff", "InvalidParameterValue"),
    ],
)
def test_what_is_no_public_key(aws: Asking, material: bytes, code: str) -> None:
    assert aws.code("ImportKeyPair", KeyName="k", PublicKeyMaterial=material) == code


def test_a_server_is_started_with_a_key_that_is_kept(aws: Asking, image: str) -> None:
    aws("ImportKeyPair", KeyName="k", PublicKeyMaterial=ED25519.encode())
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "KeyName": "k"}
    assert aws("RunInstances", **run)["Instances"][0]["KeyName"] == "k"


def test_a_key_pair_of_the_clouds_own_is_deleted_there(keys: Asking) -> None:
    assert keys.code("CreateKeyPair", KeyName="one") == "InvalidKeyPair.Duplicate"
    keys("DeleteKeyPair", KeyName="one")
    assert [each["KeyName"] for each in keys("DescribeKeyPairs")["KeyPairs"]] == ["two"]


def test_a_key_pair_that_somebody_made_beside_one_that_is_kept_stays(aws: Asking, world: World) -> None:
    aws("CreateKeyPair", KeyName="k")
    world.simulated.projects.create_key_pair(SCOPE, "k")
    aws("DeleteKeyPair", KeyName="k")
    assert [each.name for each in world.simulated.cloud.compute.key_pairs(SCOPE)] == ["k"]
    aws("DeleteKeyPair", KeyName="k")
    assert aws("DescribeKeyPairs")["KeyPairs"] == []
