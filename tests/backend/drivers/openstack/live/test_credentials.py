"""Keystone's EC2 credentials as access keys: read, checked, and refused when they end."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import replace

import pytest

from backend.clock import SystemClock
from backend.drivers.credentials import BadSignature
from backend.drivers.openstack.cloud import open_keys
from gateway.auth import claims, sigv4
from gateway.auth.credentials import Credential, StaticCredentials
from gateway.auth.keystone import KeystoneCredentials
from tests.gateway.world import CALLER, action
from translators.callers import Callers


@pytest.fixture(scope="module")
def fresh(settings):
    """Access keys that are never kept."""
    return open_keys(replace(settings, key_seconds=0.0, unknown_key_seconds=0.0), SystemClock())


@pytest.fixture
def user(keystone, demo_scope):
    """A new member of the project, with a key: (user id, access, secret)."""
    (role,) = keystone("GET", "/roles?name=member")["roles"]
    made = keystone("POST", "/users", {"user": {"name": f"key-{uuid.uuid4()}", "domain_id": "default"}})["user"]
    project = demo_scope.project_id
    keystone("PUT", f"/projects/{project}/users/{made['id']}/roles/{role['id']}")
    path = f"/users/{made['id']}/credentials/OS-EC2"
    credential = keystone("POST", path, {"tenant_id": project})["credential"]
    yield made["id"], credential["access"], credential["secret"]
    keystone("DELETE", f"/users/{made['id']}")


def test_a_user_s_key_is_read_with_their_roles(fresh, keys, demo_scope):
    found = fresh.find(keys("demo")["AWS_ACCESS_KEY_ID"])
    assert found.secret == keys("demo")["AWS_SECRET_ACCESS_KEY"]
    assert (found.user_name, found.project_name, found.project_id) == ("demo", "demo", demo_scope.project_id)
    assert found.roles == {"member", "reader"}
    assert fresh.find(keys("reader")["AWS_ACCESS_KEY_ID"]).roles == {"reader"}
    assert fresh.find("0" * 32) is None


def checked(fresh, access, secret):
    request = action("autoscaling", "DescribeAutoScalingGroups", key=access, secret=secret)
    claim = claims.read(request)
    body_hash = hashlib.sha256(request.body).hexdigest()
    local = StaticCredentials({access: Credential(secret, CALLER)})
    assert sigv4.verify(request, claim, local, SystemClock().now())
    return KeystoneCredentials(Callers(fresh)).check(request, claim, body_hash)


def test_keystone_checks_what_botocore_signs(fresh, keys, demo_scope):
    pair = keys("demo")
    caller = checked(fresh, pair["AWS_ACCESS_KEY_ID"], pair["AWS_SECRET_ACCESS_KEY"])
    assert (caller.user_name, caller.project_id) == ("demo", demo_scope.project_id)
    assert "member" in caller.roles
    assert checked(fresh, "0" * 32, "anything") is None


def test_a_wrong_secret_is_a_bad_signature(fresh, keys):
    request = action("autoscaling", "DescribeAutoScalingGroups", key=keys("demo")["AWS_ACCESS_KEY_ID"], secret="wrong")
    claim = claims.read(request)
    with pytest.raises(Exception, match="SignatureDoesNotMatch") as told:
        KeystoneCredentials(Callers(fresh)).check(request, claim, hashlib.sha256(request.body).hexdigest())
    assert isinstance(told.value.__cause__, BadSignature)


@pytest.mark.parametrize("ending", ["disable the user", "delete the key", "take the role"])
def test_a_key_ends_with_its_user_its_role_or_itself(fresh, keystone, user, demo_scope, ending):
    user_id, access, secret = user
    assert fresh.find(access).roles == {"member", "reader"}
    if ending == "disable the user":
        keystone("PATCH", f"/users/{user_id}", {"user": {"enabled": False}})
        assert fresh.find(access) is None
    elif ending == "delete the key":
        keystone("DELETE", f"/users/{user_id}/credentials/OS-EC2/{access}")
        assert fresh.find(access) is None
        assert checked(fresh, access, secret) is None
    else:
        (role,) = keystone("GET", "/roles?name=member")["roles"]
        keystone("DELETE", f"/projects/{demo_scope.project_id}/users/{user_id}/roles/{role['id']}")
        assert fresh.find(access).roles == frozenset()


def test_a_disabled_project_has_no_keys(fresh, keystone, user):
    user_id, _, _ = user
    made = keystone("POST", "/projects", {"project": {"name": f"p-{uuid.uuid4()}", "domain_id": "default"}})["project"]
    try:
        path = f"/users/{user_id}/credentials/OS-EC2"
        (role,) = keystone("GET", "/roles?name=member")["roles"]
        keystone("PUT", f"/projects/{made['id']}/users/{user_id}/roles/{role['id']}")
        access = keystone("POST", path, {"tenant_id": made["id"]})["credential"]["access"]
        assert fresh.find(access).project_id == made["id"]
        keystone("PATCH", f"/projects/{made['id']}", {"project": {"enabled": False}})
        assert fresh.find(access) is None
    finally:
        keystone("DELETE", f"/projects/{made['id']}")


def test_the_secret_s_blob_is_what_keystone_says(keystone, user):
    _, access, secret = user
    found = keystone("GET", f"/credentials/{hashlib.sha256(access.encode()).hexdigest()}")["credential"]
    assert json.loads(found["blob"])["secret"] == secret
