from __future__ import annotations

import json
from dataclasses import replace

import pytest

from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.openstack.ec2_way import Ec2Key
from tests.backend.drivers.openstack.fake import REGION, Reply, denied, granted, keystone_error, refused

SERVERS = "/compute/v2.1/servers/detail"
TOKENS = "/identity/v3/ec2tokens"
ASSIGNED = "/identity/v3/role_assignments"
CREDENTIALS = "/identity/v3/credentials"


def assigned(*pairs):
    found = [{"user": {"id": user}, "role": {"id": role, "name": role}, "scope": {}} for user, role in pairs]
    return Reply(200, {"role_assignments": found})


def credential(access, project="p-1", **blob):
    secret = {"access": access, "secret": f"secret of {access}", "trust_id": None, **blob}
    return {"id": access, "type": "ec2", "project_id": project, "blob": json.dumps(secret)}


def token(expires="2126-11-22T13:00:00.000000Z"):
    given = granted({"identity": {"methods": ["ec2credential"]}}, user="u-owner", project="p-1")
    given.body["token"]["expires_at"] = expires
    return Reply(200, given.body, {"X-Subject-Token": "token-of-the-owner"})


@pytest.fixture
def keystone(services):
    """Two members, a reader, and credentials of all kinds; Keystone knows the key good-1."""
    services.on("GET", ASSIGNED, assigned(("u-b", "Member"), ("u-a", "member"), ("u-a", "reader"), ("u-c", "reader")))
    credentials = {
        "u-a": [
            credential("by-trust", trust_id="t-1"),
            credential("by-app", app_cred_id="c-1"),
            credential("x", "p-2"),
        ],
        "u-b": [
            {"id": "odd", "type": "ec2", "project_id": "p-1", "blob": "[" * 4000},
            {"id": "none", "type": "ec2", "project_id": "p-1", "blob": "{}"},
            credential("good-2"),
            credential("good-1"),
            credential("by-oauth", access_token_id="o-1"),
        ],
    }
    services.on("GET", CREDENTIALS, lambda asked: Reply(200, {"credentials": credentials[asked.query["user_id"][0]]}))
    services.good = {"good-1", "good-2"}

    def judge(asked):
        return token() if asked.body["credentials"]["access"] in services.good else denied()

    services.on("POST", TOKENS, judge)
    services.on("GET", SERVERS, Reply(200, {"servers": []}))
    return services


@pytest.fixture
def compute(settings, clock, keystone):
    return open_cloud(replace(settings, access=("ec2",)), clock, keystone).compute


def look(compute, clock):
    return compute.list_changed(Scope("p-1", REGION), clock.now())


def tried(keystone):
    return [asked.body["credentials"]["access"] for asked in keystone.of("POST", "ec2tokens")]


def test_the_driver_acts_with_the_credential_of_a_member_of_the_project(compute, keystone, clock):
    assert look(compute, clock) == []
    assert tried(keystone) == ["good-1"]
    assert keystone.of("GET", "/servers")[0].headers["X-Auth-Token"] == "token-of-the-owner"
    assert keystone.of("POST", "ec2tokens")[0].headers["X-Auth-Token"] == "token-1"
    assert [asked.query["user_id"] for asked in keystone.of("GET", "/credentials")] == [["u-a"], ["u-b"]]
    assert [login.get("scope") for login in keystone.logins] == [
        {"system": {"all": True}},
        {"project": {"name": "service", "domain": {"name": "Default"}}},
    ]
    look(compute, clock)
    assert tried(keystone) == ["good-1"]


def test_one_that_is_taken_back_gives_way_to_the_next(compute, keystone, clock):
    keystone.good = {"good-2"}
    assert look(compute, clock) == []
    assert list(dict.fromkeys(tried(keystone))) == ["good-1", "good-2"]


def test_none_that_is_good_is_no_way(compute, keystone, clock):
    keystone.good = set()
    with pytest.raises(NotAuthorized, match=r"^ec2: The request you have made requires authentication$"):
        look(compute, clock)
    keystone.on("GET", ASSIGNED, assigned(("u-c", "reader")))
    clock.move(5)
    with pytest.raises(NotAuthorized, match=r"^ec2: none given$"):
        look(compute, clock)


def test_an_unknown_key_is_no_way_either(compute, keystone, clock):
    keystone.on("POST", TOKENS, keystone_error(404, "EC2 access key not found."))
    with pytest.raises(NotAuthorized, match=r"^ec2: EC2 access key not found$"):
        look(compute, clock)


def test_the_token_is_signed_for_anew_when_it_is_about_to_end(compute, keystone, clock):
    keystone.on("POST", TOKENS, token("2020-01-01T00:00:00.000000Z"), token())
    look(compute, clock)
    before = len(tried(keystone))
    look(compute, clock)
    assert before >= 2
    assert len(tried(keystone)) == before


def test_a_service_user_who_may_not_read_credentials_is_told(compute, keystone, clock):
    keystone.on("GET", CREDENTIALS, keystone_error(403, "You are not authorized"))
    with pytest.raises(NotAuthorized, match="ec2: the service user may not read credentials: You are not authorized"):
        look(compute, clock)


def test_keystone_out_of_reach_is_no_verdict(compute, keystone, clock):
    keystone.on("POST", TOKENS, refused())
    with pytest.raises(CloudUnavailable):
        look(compute, clock)


def test_a_secret_is_never_shown():
    assert "the secret" not in repr(Ec2Key("AK", "the secret"))


def test_of_any_number_of_a_user_s_keys_some_are_tried(compute, keystone, clock):
    keystone.good = set()
    keystone.on(
        "GET", CREDENTIALS, Reply(200, {"credentials": [credential(f"k-{number:03}") for number in range(200)]})
    )
    with pytest.raises(NotAuthorized):
        look(compute, clock)
    assert len(set(tried(keystone))) == 5
