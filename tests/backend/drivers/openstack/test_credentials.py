from __future__ import annotations

import hashlib
import json

import pytest

from backend.domain.events import Event, Subject
from backend.drivers.credentials import BadSignature, Signed
from backend.drivers.errors import CloudUnavailable
from backend.drivers.openstack.cloud import open_keys
from tests.backend.drivers.openstack.fake import Reply, denied, keystone_error, lost

KEY = "0123456789abcdef0123456789abcdef"
CREDENTIAL = f"/identity/v3/credentials/{hashlib.sha256(KEY.encode()).hexdigest()}"
SIGNED = Signed(
    access_key=KEY,
    signature="ab" * 32,
    method="POST",
    path="/",
    host="127.0.0.1:8080",
    params={"a": "b"},
    headers={"host": "127.0.0.1:8080", "x-amz-date": "20261122T130000Z", "authorization": "AWS4-HMAC-SHA256 ..."},
    body_hash="cd" * 32,
)


def credential(**blob):
    secret = {"access": KEY, "secret": "the secret", "trust_id": None, **blob}
    body = {"id": "c", "type": "ec2", "user_id": "u-1", "project_id": "p-1", "blob": json.dumps(secret)}
    return Reply(200, {"credential": body})


def written(blob):
    """What a user may write into a credential of their own."""
    return Reply(200, {"credential": {"type": "ec2", "user_id": "u-1", "project_id": "p-1", "blob": blob}})


def named(noun, **values):
    return Reply(200, {noun: {"id": f"{noun[0]}-1", "name": noun, "enabled": True, "domain_id": "d-1", **values}})


@pytest.fixture
def keystone(services):
    services.on("GET", CREDENTIAL, credential())
    services.on("GET", "/identity/v3/users/u-1", named("user"))
    services.on("GET", "/identity/v3/projects/p-1", named("project"))
    services.on("GET", "/identity/v3/domains/d-1", named("domain"))
    assigned = [{"role": {"id": "r", "name": name}} for name in ("Member", "reader")]
    services.on("GET", "/identity/v3/role_assignments", Reply(200, {"role_assignments": assigned}))
    return services


@pytest.fixture
def keys(settings, clock, keystone):
    return open_keys(settings, clock, keystone)


def test_a_key_is_told_with_secret_owner_and_roles(keys, keystone):
    found = keys.find(KEY)
    assert (found.secret, found.user_id, found.user_name) == ("the secret", "u-1", "user")
    assert (found.project_id, found.project_name, found.roles) == ("p-1", "project", {"member", "reader"})
    assert "the secret" not in repr(found)
    assert keystone.logins[0]["scope"] == {"system": {"all": True}}
    (asked,) = keystone.of("GET", "/role_assignments")
    assert {name: values[0] for name, values in asked.query.items()} == {
        "user.id": "u-1",
        "scope.project.id": "p-1",
        "effective": "true",
        "include_names": "true",
    }


def test_a_key_stands_for_its_time_and_is_read_anew_after_it(keys, keystone, clock):
    assert keys.find(KEY)
    read = len(keystone.asked)
    keystone.on("GET", CREDENTIAL, keystone_error(404, "Could not find credential"))
    clock.move(59)
    assert keys.find(KEY)
    assert len(keystone.asked) == read
    clock.move(1)
    assert keys.find(KEY) is None


def test_an_unknown_key_is_asked_for_again_sooner(keys, keystone, clock):
    keystone.on("GET", CREDENTIAL, keystone_error(404, "none"), credential())
    assert keys.find(KEY) is None
    clock.move(9)
    assert keys.find(KEY) is None
    assert len(keystone.of("GET", "/credentials")) == 1
    clock.move(1)
    assert keys.find(KEY)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/identity/v3/users/u-1", named("user", enabled=False)),
        ("/identity/v3/projects/p-1", named("project", enabled=False)),
        ("/identity/v3/domains/d-1", named("domain", enabled=False)),
        ("/identity/v3/users/u-1", keystone_error(404, "gone")),
        (CREDENTIAL, Reply(200, {"credential": {"type": "totp", "blob": "x", "user_id": "u-1"}})),
        (CREDENTIAL, credential(trust_id="t-1")),
        (CREDENTIAL, credential(app_cred_id="a-1")),
        (CREDENTIAL, credential(access="another")),
        (CREDENTIAL, credential(secret=5)),
        (CREDENTIAL, written("[" * 4000)),
        (CREDENTIAL, written("{")),
        (CREDENTIAL, written("[]")),
        (CREDENTIAL, written(None)),
        (CREDENTIAL, written(json.dumps({"access": KEY, "secret": "x" * 5000}))),
    ],
)
def test_what_is_disabled_or_limited_is_no_key(keys, keystone, path, answer):
    keystone.on("GET", path, answer)
    assert keys.find(KEY) is None


def test_a_user_without_a_role_is_known_and_may_do_nothing(keys, keystone):
    keystone.on("GET", "/identity/v3/role_assignments", Reply(200, {"role_assignments": []}))
    assert keys.find(KEY).roles == frozenset()


@pytest.mark.parametrize("answer", [lost(), Reply(503), denied("no"), keystone_error(403, "no")])
def test_keystone_out_of_reach_is_no_refusal_of_a_key(keys, keystone, answer):
    keystone.on("GET", CREDENTIAL, answer)
    with pytest.raises(CloudUnavailable):
        keys.find(KEY)


def test_a_service_user_that_cannot_log_in_refuses_nobody(keys, keystone):
    keystone.login = lambda _auth: denied()
    for ask in (lambda: keys.find(KEY), lambda: keys.check(SIGNED)):
        with pytest.raises(CloudUnavailable, match="cannot log in"):
            ask()


def token(_asked=None):
    return Reply(
        200,
        {
            "token": {
                "user": {"id": "u-1", "name": "demo"},
                "project": {"id": "p-1", "name": "demo"},
                "roles": [{"id": "r", "name": "Member"}],
            }
        },
    )


def test_keystone_checks_a_signature_with_the_headers_as_it_looks_them_up(keys, keystone):
    keystone.on("POST", "/identity/v3/ec2tokens", token())
    found = keys.check(SIGNED)
    assert (found.user_name, found.project_id, found.roles, found.secret) == ("demo", "p-1", {"member"}, None)
    (asked,) = keystone.of("POST")
    assert asked.body["credentials"] == {
        "access": KEY,
        "signature": "ab" * 32,
        "host": "127.0.0.1:8080",
        "verb": "POST",
        "path": "/",
        "params": {"a": "b"},
        "headers": {
            "Host": "127.0.0.1:8080",
            "X-Amz-Date": "20261122T130000Z",
            "Authorization": "AWS4-HMAC-SHA256 ...",
        },
        "body_hash": "cd" * 32,
    }
    assert "project" in keystone.logins[0]["scope"]


def test_keystone_s_refusals_of_a_signature(keys, keystone):
    keystone.on("POST", "/identity/v3/ec2tokens", denied())
    with pytest.raises(BadSignature):
        keys.check(SIGNED)
    keystone.on("POST", "/identity/v3/ec2tokens", keystone_error(404, "EC2 access key not found."))
    assert keys.check(SIGNED) is None
    for answer in (lost(), Reply(500), keystone_error(403, "identity:ec2tokens_validate")):
        keystone.on("POST", "/identity/v3/ec2tokens", answer)
        with pytest.raises(CloudUnavailable):
            keys.check(SIGNED)


def test_keys_that_nobody_knows_are_not_asked_for_at_will(keys, keystone, clock):
    keys.find(KEY)
    known = len(keystone.asked)
    refused = 0
    for number in range(500):
        stranger = f"{number:032x}"
        keystone.on(
            "GET",
            f"/identity/v3/credentials/{hashlib.sha256(stranger.encode()).hexdigest()}",
            keystone_error(404, "none"),
        )
        try:
            assert keys.find(stranger) is None
        except CloudUnavailable:
            refused += 1
    assert refused == 401  # the first good one was a stranger, too
    assert len(keystone.asked) == known + 99
    assert keys.find(f"{0:032x}") is None  # known to be unknown: nobody is asked
    clock.move(61)
    assert keys.find(KEY).secret == "the secret"  # one that was good is read anew whatever strangers do


@pytest.mark.parametrize("key", ["", "a" * 256, "a\nb", "\udcff", "a\0"])
def test_what_can_be_no_key_is_asked_of_nobody(keys, keystone, key):
    before = len(keystone.asked)
    assert keys.find(key) is None
    assert len(keystone.asked) == before


def test_a_key_that_was_good_and_is_none_any_more(keys, keystone, clock):
    assert keys.find(KEY) is not None
    keystone.on("GET", CREDENTIAL, keystone_error(404, "none"))
    clock.move(61)
    assert keys.find(KEY) is None
    asked = len(keystone.asked)
    assert [keys.find(KEY) for _ in range(5)] == [None] * 5
    assert len(keystone.asked) == asked + 1


OF_THE_KEY = hashlib.sha256(KEY.encode()).hexdigest()


@pytest.mark.parametrize(
    ("event", "asked"),
    [
        (Event(Subject.CREDENTIAL, OF_THE_KEY), 2),
        (Event(Subject.USER, "u-1"), 2),
        (Event(Subject.PROJECT, "p-1"), 2),
        (Event(Subject.EVERYBODY), 2),
        (Event(Subject.USER, "u-2"), 1),
        (Event(Subject.CREDENTIAL, KEY), 1),
    ],
)
def test_what_keystone_told_to_have_ended_is_read_anew(settings, clock, keystone, event, asked):
    told = []
    keys = open_keys(settings, clock, keystone, ended=lambda: [told.pop()] if told else [])
    for _ in range(2):
        assert keys.find(KEY)
    assert len(keystone.of("GET", CREDENTIAL)) == 1
    told.append(event)
    for _ in range(2):
        assert keys.find(KEY)
    assert len(keystone.of("GET", CREDENTIAL)) == asked
