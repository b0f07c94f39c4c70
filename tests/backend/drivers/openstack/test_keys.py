from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.drivers.errors import Refused
from backend.drivers.openstack import keys
from backend.drivers.openstack.keys import KeyPairs, own_name
from tests.backend.drivers.openstack.fake import Reply, nova_fault

LISTING = "/compute/v2.1/os-keypairs"


def pair(name, **changes):
    return {"keypair": {"name": name, "fingerprint": "aa:bb", "public_key": "ssh-rsa AAAA", "type": "ssh", **changes}}


def test_key_pairs_are_told_by_name_with_when_they_were_made(rest, services, clock, scope):
    services.on("GET", LISTING, Reply(200, {"keypairs": [pair("b"), pair("a c", public_key="ssh-ed25519 AAAA")]}))
    services.on("GET", f"{LISTING}/.*", Reply(200, pair("x", created_at="2026-11-22T12:00:00.000000")))
    pairs = KeyPairs(rest, clock)
    found = pairs.list(scope)
    assert [(each.name, each.type, each.fingerprint) for each in found] == [
        ("a c", "ed25519", "aa:bb"),
        ("b", "rsa", "aa:bb"),
    ]
    assert found[0].created_at == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert found[0].id != found[1].id
    assert pairs.list(scope) == found
    assert len(services.of("GET", f"{LISTING}/")) == 2
    assert services.of("GET", f"{LISTING}/a%20c")


def test_a_pair_that_went_meanwhile_is_not_told(rest, services, clock, scope):
    services.on("GET", LISTING, Reply(200, {"keypairs": [pair("b")]}))
    services.on("GET", f"{LISTING}/b", nova_fault(404, "Keypair b not found for user u", "itemNotFound"))
    assert KeyPairs(rest, clock).list(scope) == []
    services.on("GET", f"{LISTING}/b", nova_fault(400, "no"))
    with pytest.raises(Refused):
        KeyPairs(rest, clock).list(scope)


def test_a_key_that_is_kept_is_put_once_under_a_name_of_its_own(rest, services, clock, scope):
    services.on("POST", LISTING, Reply(200, pair("x")), nova_fault(409, "Key pair 'x' already exists."))
    services.on("GET", LISTING, Reply(200, {"keypairs": [pair(own_name("ssh-rsa AAAA"))]}))
    pairs = KeyPairs(rest, clock)
    for _ in range(2):
        pairs.put(scope, "ssh-rsa AAAA")
    assert [each.body["keypair"] for each in services.of("POST")] == [
        {"name": own_name("ssh-rsa AAAA"), "public_key": "ssh-rsa AAAA"}
    ]
    assert pairs.list(scope) == []
    pairs.missed(scope, "ssh-rsa AAAA")
    pairs.put(scope, "ssh-rsa AAAA")
    assert len(services.of("POST")) == 2


def test_keys_that_came_and_went_are_not_known_for_ever(monkeypatch, rest, services, clock, scope):
    monkeypatch.setattr(keys, "_MOST", 3)
    services.on("POST", LISTING, Reply(200, pair("x")))
    pairs = KeyPairs(rest, clock)
    for number in (0, 1, 2, 3, 3, 0):
        pairs.put(scope, f"ssh-rsa {number}")
    assert len(services.of("POST")) == 5
    assert len(pairs._there) == 3


def test_a_pair_of_the_clouds_own_is_deleted_once(rest, services, clock, scope):
    services.on("DELETE", f"{LISTING}/a%20c", Reply(202), nova_fault(404, "Keypair a c not found for user u"))
    pairs = KeyPairs(rest, clock)
    for _ in range(2):
        pairs.delete(scope, "a c")
