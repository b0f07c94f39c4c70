"""LaunchInstances: what is asked for, and the answer once there is one."""

from dataclasses import replace

import pytest

from backend.domain.activity import ActivityStatus, Reason, ReasonKind
from backend.domain.cluster import SourceRequest
from backend.domain.direct_launches import Claim
from backend.domain.profile import ServerSpec
from backend.services.templates import NewVersion
from backend.store import journal
from backend.store.direct_launches import LAUNCHES
from tests.factories import NOW, SCOPE, activity, request, uuid_of
from translators.arns import instance_id, subnet_id
from translators.autoscaling.direct_launches import launch
from translators.errors import AWSError
from translators.registry import NotYet

ASKED = {"AutoScalingGroupName": "web", "RequestedCapacity": 2, "ClientToken": "t", "AvailabilityZones": ["us-east-1a"]}


@pytest.fixture
def group(world):
    spec = ServerSpec(image=world.image(), instance_type="t3.micro")
    world.backend.templates.create(SCOPE, "lt", NewVersion(spec, {}, "arn"))
    return world.group(source=SourceRequest(template_name="lt"))


def ask(world, waited=0.0, *, may_wait=True, **params):
    call = request(world.backend, "autoscaling", "LaunchInstances", {**ASKED, **params})
    return launch(replace(call, may_wait=may_wait, waited=waited))


def ended(world, group, *entries):
    """The launch as an engine has ended it, with these entries."""

    def work(conn):
        found = LAUNCHES.one(conn, SCOPE, token="t")
        journal.begin(conn, entries)
        claims = tuple(Claim(each.id, each.id, "t3.micro", 1) for each in entries)
        LAUNCHES.change(conn, SCOPE, found.id, claims=claims, done_at=NOW)

    world.store.transact(work)


def test_whoever_asks_waits_and_who_asks_again_meanwhile_does_not(world, group):
    with pytest.raises(NotYet) as wait:
        ask(world)
    assert (wait.value.seconds, wait.value.ready()) == (25.0, False)
    world.clock.move(0.1)
    assert wait.value.ready()
    for waited in (0.0, 0.01):  # a moment passes before a request has a thread
        with pytest.raises(AWSError) as busy:
            ask(world, waited)
        assert (busy.value.code, busy.value.status) == ("IdempotentCallInProgress", 500)
    with pytest.raises(NotYet) as later:
        ask(world, 20.0)
    assert later.value.seconds == 5.0
    with pytest.raises(AWSError, match="Retry the request"):
        ask(world, 25.0)


def test_where_nobody_can_wait_the_caller_comes_again(world, group):
    with pytest.raises(AWSError) as busy:
        ask(world, may_wait=False)
    assert busy.value.code == "IdempotentCallInProgress"


def test_instances_and_errors_are_told_together(world, group, refused):
    with pytest.raises(NotYet):
        ask(world)
    place = {"zone": "us-east-1a", "subnet_id": uuid_of("subnet")}
    over = {**place, "status": ActivityStatus.FAILED, "ended_at": NOW}
    room = Reason(ReasonKind.NO_CAPACITY, {"type": "t3.micro", "zone": "us-east-1a"})
    cores = Reason(ReasonKind.QUOTA, {"resource": "cores", "requested": 2, "limit": 1, "type": "t3.micro"})
    ended(
        world,
        group,
        activity(group, "a", server_id=uuid_of("one"), **place),
        activity(group, "b", server_id=uuid_of("two"), **place),
        activity(group, "c", reason=room, **over),
        activity(group, "d", reason=room, **over),
        activity(group, "e", reason=cores, **over),
        activity(group, "f", **{**over, "status": ActivityStatus.SUCCESSFUL}),
    )
    where = {
        "InstanceType": "t3.micro",
        "MarketType": "OnDemand",
        "SubnetId": subnet_id(uuid_of("subnet")),
        "AvailabilityZone": "us-east-1a",
        "AvailabilityZoneId": "use1-az1",
    }
    answer = world.call("LaunchInstances", **ASKED)
    words = [error.pop("ErrorMessage") for error in answer["Errors"]]
    codes = ["InsufficientInstanceCapacity", "VcpuLimitExceeded", "InternalError"]
    assert answer == {
        "AutoScalingGroupName": "web",
        "ClientToken": "t",
        "Instances": [{**where, "InstanceIds": [instance_id(uuid_of("one")), instance_id(uuid_of("two"))]}],
        "Errors": [{**where, "ErrorCode": code} for code in codes],
    }
    assert words[0].startswith("We currently do not have sufficient t3.micro capacity")
    error = refused("LaunchInstances", **{**ASKED, "RequestedCapacity": 1})
    assert (error.code, error.status) == ("IdempotentParameterMismatch", 400)


def test_why_nothing_was_launched_is_told_without_a_type(world, group):
    with pytest.raises(NotYet):
        ask(world)
    gone = Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": "lt"})

    def work(conn):
        found = LAUNCHES.one(conn, SCOPE, token="t")
        entry = activity(group, "a", reason=gone, status=ActivityStatus.FAILED, ended_at=NOW)
        journal.begin(conn, [entry])
        LAUNCHES.change(conn, SCOPE, found.id, claims=(Claim(entry.id, "", "", 2),), done_at=NOW)

    world.store.transact(work)
    (error,) = ask(world)["Errors"]
    assert (error["ErrorCode"], "InstanceType" in error) == ("InvalidLaunchTemplateId.NotFound", False)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"AvailabilityZones": []}, "You must specify an Availability Zone or a subnet"),
        ({"AvailabilityZoneIds": ["use1-az1"]}, "You cannot specify both"),
        ({"AvailabilityZones": ["us-east-1z"]}, "Invalid availability zones: [us-east-1z]"),
        ({"AvailabilityZones": ["us-east-1c"]}, "do not match"),
        ({"SubnetIds": ["subnet-0123456789abcdef0"]}, "The subnet ID 'subnet-0123456789abcdef0' does not exist"),
        ({"RequestedCapacity": 3}, "Launching 3 more instances would exceed the max size 4 of AutoScalingGroup web."),
        ({"AutoScalingGroupName": "x"}, "AutoScalingGroup 'x' not found"),
    ],
)
def test_what_does_not_fit(world, group, refused, more, words):
    error = refused("LaunchInstances", **{**ASKED, **more})
    assert error.code == "ValidationError"
    assert words in error.message
