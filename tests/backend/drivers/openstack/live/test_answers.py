"""Who is refused, and in which words: requests through the gateway's pipeline, verified in both ways against Keystone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.clock import SystemClock
from backend.drivers.openstack.cloud import open_keys
from gateway import config
from gateway.auth import sigv4
from gateway.auth.keystone import KeystoneCredentials
from gateway.auth.policy import RolePolicy
from gateway.auth.remote import RemoteVerification
from gateway.pipeline import Pipeline
from tests.gateway.world import FixedClock, action
from translators.callers import Callers

READ = {"autoscaling": "DescribeAutoScalingGroups", "ec2": "DescribeInstances"}
WRITE = {
    "autoscaling": ("CreateAutoScalingGroup", {"AutoScalingGroupName": "a", "MinSize": "0", "MaxSize": "0"}),
    "ec2": ("DeleteLaunchTemplate", {"LaunchTemplateName": "a"}),
}
WHICH = pytest.mark.parametrize("service", ["autoscaling", "ec2"])


@pytest.fixture(params=["secret", "ec2tokens"])
def verify(request):
    return request.param


@pytest.fixture
def ask(settings, verify):
    """(status, code) of the answer to a request; every key is read anew."""
    known = KeystoneCredentials(
        Callers(open_keys(replace(settings, key_seconds=0.0, unknown_key_seconds=0.0), SystemClock()))
    )

    def answer(request, now=None):
        pipeline = Pipeline(
            credentials=known,
            clock=FixedClock(now or datetime.now(UTC)),
            find_handler=lambda _service, _name: lambda _call: {},
            translate=lambda _found, _service: None,
            regions={"us-east-1": "RegionOne"}.get,
            scope_of=lambda caller, region: (caller.project_id, region),
            account_id_of=lambda _project: "123456789012",
            backend="the backend",
            verify=RemoteVerification(known) if verify == "ec2tokens" else sigv4.verify,
            authorize=RolePolicy(config.parsed()).check,
        )
        answered = pipeline.answer(request)
        code = re.search(rb"<Code>(\w+)</Code>", answered.body)
        return answered.status, code[1].decode() if code else None

    return answer


def by(service, access, secret):
    return action(service, READ[service], key=access, secret=secret)


@WHICH
def test_a_member_is_answered_until_their_user_is_disabled(ask, keystone, stranger, verify, service):
    assert ask(by(service, stranger.access, stranger.secret)) == (200, None)
    keystone("PATCH", f"/users/{stranger.user_id}", {"user": {"enabled": False}})
    assert ask(by(service, stranger.access, stranger.secret)) == refused(service, verify)


def test_a_project_that_is_disabled_has_no_keys(ask, keystone, stranger, verify):
    keystone("PATCH", f"/projects/{stranger.project_id}", {"project": {"enabled": False}})
    assert ask(by("autoscaling", stranger.access, stranger.secret)) == refused("autoscaling", verify)
    keystone("PATCH", f"/projects/{stranger.project_id}", {"project": {"enabled": True}})
    assert ask(by("autoscaling", stranger.access, stranger.secret)) == (200, None)


def refused(service, verify):
    """Keystone says of a disabled user or project what it says of a bad signature; the secret's reader knows better."""
    if verify == "ec2tokens":
        return (403, "SignatureDoesNotMatch")
    return (401, "AuthFailure") if service == "ec2" else (403, "InvalidClientTokenId")


@WHICH
def test_a_key_that_is_taken_back_or_was_never_given_is_none(ask, keystone, stranger, service):
    keystone("DELETE", f"/users/{stranger.user_id}/credentials/OS-EC2/{stranger.access}")
    unknown = (401, "AuthFailure") if service == "ec2" else (403, "InvalidClientTokenId")
    assert ask(by(service, stranger.access, stranger.secret)) == unknown
    assert ask(by(service, "0" * 32, stranger.secret)) == unknown


@WHICH
def test_a_wrong_secret_signs_nothing(ask, stranger, service):
    assert ask(by(service, stranger.access, "wrong")) == (403, "SignatureDoesNotMatch")


@WHICH
@pytest.mark.parametrize("skew", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_is_wrong_is_told(ask, stranger, service, skew):
    code = {"autoscaling": (403, "SignatureDoesNotMatch"), "ec2": (400, "RequestExpired")}[service]
    if service == "ec2" and skew < timedelta(0):
        code = (401, "AuthFailure")
    assert ask(by(service, stranger.access, stranger.secret), datetime.now(UTC) + skew) == code


@WHICH
def test_a_reader_may_look_and_no_more(ask, keys, service):
    pair = keys("reader")
    access, secret = pair["AWS_ACCESS_KEY_ID"], pair["AWS_SECRET_ACCESS_KEY"]
    assert ask(by(service, access, secret)) == (200, None)
    name, params = WRITE[service]
    denied = {"autoscaling": (403, "AccessDenied"), "ec2": (403, "UnauthorizedOperation")}[service]
    assert ask(action(service, name, params, key=access, secret=secret)) == denied


def test_a_user_without_a_role_may_do_nothing(ask, keystone, stranger, verify):
    keystone("DELETE", f"/projects/{stranger.project_id}/users/{stranger.user_id}/roles/{stranger.role_id}")
    # Keystone gives such a user no token at all, whatever they sign.
    expected = "AccessDenied" if verify == "secret" else "SignatureDoesNotMatch"
    assert ask(by("autoscaling", stranger.access, stranger.secret)) == (403, expected)
