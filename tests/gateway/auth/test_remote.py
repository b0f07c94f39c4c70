from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.auth import claims
from gateway.auth.credentials import StaticCredentials
from gateway.auth.refusals import Refusal
from gateway.auth.remote import RemoteVerification
from tests.gateway.world import CALLER, KEY, World, action, presigned

NOBODY = StaticCredentials({})


class Service:
    """The identity service: who it says signed, and what it was asked."""

    def __init__(self, caller=CALLER):
        self.caller = caller
        self.asked = []

    def check(self, request, claim, body_hash):
        self.asked.append((claim.scope.access_key, claim.signature, body_hash))
        return self.caller


def verified(service, request, **later):
    now = World().clock.now() + timedelta(**later)
    return RemoteVerification(service)(request, claims.read(request), NOBODY, now)


def test_who_signed_is_who_the_service_says():
    service, request = Service(), action("autoscaling", "DescribeAutoScalingGroups")
    found = verified(service, request)
    assert (found.caller, found.secret) == (CALLER, "")
    ((key, signature, body_hash),) = service.asked
    assert (key, len(signature), len(body_hash)) == (KEY, 64, 64)


def test_a_key_that_the_service_does_not_know_is_unknown():
    with pytest.raises(Refusal) as told:
        verified(Service(None), action("autoscaling", "DescribeAutoScalingGroups"))
    assert told.value.code == "InvalidClientTokenId"


def test_time_and_scope_are_judged_without_asking():
    service = Service()
    with pytest.raises(Refusal) as told:
        verified(service, action("autoscaling", "DescribeAutoScalingGroups"), minutes=16)
    assert (told.value.code, service.asked) == ("SignatureDoesNotMatch", [])


def test_another_body_than_the_stated_one_and_presigned_requests_are_refused():
    service = Service()
    stated = action("autoscaling", "DescribeAutoScalingGroups", headers={"X-Amz-Content-SHA256": "00" * 32})
    for request in (stated, presigned("autoscaling", "DescribeAutoScalingGroups")):
        with pytest.raises(Refusal) as told:
            verified(service, request)
        assert told.value.code == "SignatureDoesNotMatch"
    with pytest.raises(Refusal) as told:
        verified(service, action("autoscaling", "DescribeAutoScalingGroups", token="temporary"))
    assert told.value.code == "InvalidClientTokenId"
    assert service.asked == []


@pytest.mark.parametrize("header", ["x-amz-target", "smithy-protocol"])
def test_a_header_that_names_the_operation_or_the_form_must_be_signed(header):
    service, good = Service(), action("autoscaling", "DescribeAutoScalingGroups")
    with pytest.raises(Refusal) as told:
        verified(service, replace(good, headers={**good.headers, header: "x"}))
    assert (told.value.code, service.asked) == ("SignatureDoesNotMatch", [])


def test_a_pipeline_verifies_and_authorizes_as_it_is_told():
    denied = Refusal("AccessDenied", "no", 403)
    asked = []

    def authorize(*given):
        asked.append(given)
        _, _, _, operation, _ = given
        if operation != "DescribeAutoScalingGroups":
            raise denied

    reader = replace(CALLER, user_name="somebody")
    world = World(options={"verify": RemoteVerification(Service(reader)), "authorize": authorize})
    world.on("autoscaling", "DescribeAutoScalingGroups").on("autoscaling", "DeleteAutoScalingGroup")
    pipeline = world.pipeline()
    assert pipeline.answer(action("autoscaling", "DescribeAutoScalingGroups")).status == 200
    assert pipeline.answer(action("autoscaling", "DeleteAutoScalingGroup", {"AutoScalingGroupName": "g"})).status == 403
    assert asked[0] == (reader, "123456789012", "autoscaling", "DescribeAutoScalingGroups", "us-east-1")
    assert [call.operation for call in world.calls] == ["DescribeAutoScalingGroups"]
    assert [record.code for record in world.records] == ["", "AccessDenied"]


def test_what_an_answer_demands_beside_its_own_operation_is_authorized_alike():
    asked = []

    def authorize(*given):
        asked.append(given)
        if given[3] == "DescribeScalingActivities":
            raise Refusal("AccessDenied", "no", 403)

    world = World(options={"verify": RemoteVerification(Service(CALLER)), "authorize": authorize})
    world.on("autoscaling", "DescribeTags")
    assert world.pipeline().answer(action("autoscaling", "DescribeTags")).status == 200
    (call,) = world.calls
    call.demand("DescribePolicies")
    assert asked[-1] == (*asked[0][:3], "DescribePolicies", "us-east-1")
    with pytest.raises(Refusal):
        call.demand("DescribeScalingActivities")
