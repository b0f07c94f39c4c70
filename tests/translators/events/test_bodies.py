"""What consumers read in messages: the keys, their values, and what must not be there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.messages import Message, MessageKind
from backend.store import rows
from backend.store.types import to_micros
from translators.events.bodies import Bodies

AT = datetime(2026, 11, 28, 8, 0, 0, 123_000, tzinfo=UTC)
GROUP, SERVER = "11111111-2222-4333-8444-555555555555", "0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d"
INSTANCE = "i-0a1b2c3d4e5f4a6b8"
ARN = f"arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:{GROUP}:autoScalingGroupName/web"

bodies = Bodies(
    region_of={"RegionOne": "us-east-1"}.__getitem__,
    account_of=lambda _: "123456789012",
    zone_ids=lambda _, names: dict.fromkeys(names, "use1-az1"),
    entry_of=rows.entry_told,
)


def _message(about, **data):
    return Message("m", "p", "RegionOne", GROUP, "web", about, "", data, AT)


def _action(**more):
    data = {
        "hook": "drain",
        "transition": "terminating",
        "token": "t",
        "node_id": "n",
        "server_id": SERVER,
        "origin": "AutoScalingGroup",
        "destination": "EC2",
        "request_id": "r",
    }
    return bodies(_message(MessageKind.ACTION, **data, **more))


def _activity(status="Successful", kind="launch", **more):
    data = {
        "id": "a",
        "kind": kind,
        "status": status,
        "progress": 100,
        "causes": [["user_created", to_micros(AT), {"before": 0, "after": 1}]],
        "reason": None,
        "stage": "PreInService",
        "started_at": to_micros(AT),
        "ended_at": to_micros(AT + timedelta(seconds=5)),
        "server_id": SERVER,
        "zone": "us-east-1a",
        "subnet_id": None,
        "origin": "EC2",
        "destination": "AutoScalingGroup",
    }
    return bodies(_message(MessageKind.ACTIVITY, **{**data, **more}))


def test_an_action_for_a_root_volume_says_so_on_the_bus():
    """Source: Auto Scaling User Guide, "Auto Scaling event reference"."""
    told = _action(rebuilds=1)
    assert told.event["detail"]["Action"] == "ReplaceRootVolume"
    assert "Action" not in json.loads(told.body)
    assert "Action" not in _action().event["detail"]


def test_an_action_is_told_as_consumers_parse_it():
    assert json.loads(_action(metadata="m").body) == {
        "Origin": "AutoScalingGroup",
        "Destination": "EC2",
        "LifecycleHookName": "drain",
        "EC2InstanceId": INSTANCE,
        "RequestId": "r",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "LifecycleActionToken": "t",
        "AccountId": "123456789012",
        "AutoScalingGroupName": "web",
        "Service": "AWS Auto Scaling",
        "Time": "2026-11-28T08:00:00.123Z",
        "NotificationMetadata": "m",
    }


def test_without_metadata_there_is_no_key_for_it():
    told = _action()
    assert "NotificationMetadata" not in json.loads(told.body)
    assert "NotificationMetadata" not in told.event["detail"]


def test_the_event_of_an_action_is_the_recorded_one():
    """Source: conformance/recorded stackd.autoscaling.warm_pool_sizing_native.hook-pool-end."""
    assert _action().event == {
        "version": "0",
        "id": "m",
        "detail-type": "EC2 Instance-terminate Lifecycle Action",
        "source": "aws.autoscaling",
        "account": "123456789012",
        "time": "2026-11-28T08:00:00Z",
        "region": "us-east-1",
        "resources": [ARN],
        "detail": {
            "LifecycleActionToken": "t",
            "AutoScalingGroupName": "web",
            "LifecycleHookName": "drain",
            "EC2InstanceId": INSTANCE,
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "Origin": "AutoScalingGroup",
            "Destination": "EC2",
        },
    }


def test_a_launch_is_told_as_it_was_recorded():
    """Source: conformance/recorded stackd.autoscaling.refresh_native.event-launch."""
    told = _activity()
    cause = (
        "At 2026-11-28T08:00:00Z a user request created an AutoScalingGroup changing the desired capacity from 0 to 1."
    )
    assert told.event["detail-type"] == "EC2 Instance Launch Successful"
    assert told.event["resources"] == [ARN, f"arn:aws:ec2:us-east-1:123456789012:instance/{INSTANCE}"]
    assert told.event["time"] == "2026-11-28T08:00:05Z"
    assert told.event["detail"] == {
        "Origin": "EC2",
        "Destination": "AutoScalingGroup",
        "Action": "Launch",
        "Description": f"Launching a new EC2 instance: {INSTANCE}",
        "EndTime": "2026-11-28T08:00:05.123Z",
        "RequestId": "a",
        "ActivityId": "a",
        "StartTime": "2026-11-28T08:00:00.123Z",
        "EC2InstanceId": INSTANCE,
        "StatusCode": "InProgress",
        "StatusMessage": "",
        "Details": {"Availability Zone ID": "use1-az1", "Availability Zone": "us-east-1a"},
        "Cause": cause,
        "AutoScalingGroupName": "web",
    }
    body = json.loads(told.body)
    assert (body["Event"], body["Progress"], body["AutoScalingGroupARN"]) == (
        "autoscaling:EC2_INSTANCE_LAUNCH",
        50,
        ARN,
    )
    assert told.subject == 'Auto Scaling: launch for group "web"'


def test_a_termination_after_a_hook_says_so():
    told = _activity(kind="terminate", stage="MidTerminatingLifecycleAction")
    assert told.event["detail"]["StatusCode"] == "MidTerminatingLifecycleAction"
    assert told.event["detail"]["Action"] == "Terminate"
    assert json.loads(told.body)["Event"] == "autoscaling:EC2_INSTANCE_TERMINATE"


@pytest.mark.parametrize(("kind", "name"), [("launch", "LAUNCH"), ("terminate", "TERMINATE")])
def test_a_failure_tells_its_reason_and_no_description_in_its_event(kind, name):
    told = _activity("Failed", kind, reason=["start_timeout", {}], server_id=None)
    detail, body = told.event["detail"], json.loads(told.body)
    assert body["Event"] == f"autoscaling:EC2_INSTANCE_{name}_ERROR"
    assert detail["StatusCode"] == body["StatusCode"] == "Failed"
    assert detail["StatusMessage"].startswith("The instance did not start in time.")
    assert "Description" not in detail
    assert told.event["detail-type"] == f"EC2 Instance {name.capitalize()} Unsuccessful"
    assert told.event["resources"] == [ARN]


def test_a_test_has_an_event_key_and_is_no_event():
    told = bodies(_message(MessageKind.TEST, request_id="r"))
    assert told.event is None
    assert json.loads(told.body) == {
        "AccountId": "123456789012",
        "RequestId": "r",
        "AutoScalingGroupARN": ARN,
        "AutoScalingGroupName": "web",
        "Service": "AWS Auto Scaling",
        "Event": "autoscaling:TEST_NOTIFICATION",
        "Time": "2026-11-28T08:00:00.123Z",
    }
    assert told.subject == 'Auto Scaling: test notification for group "web"'


@pytest.mark.parametrize(
    ("data", "kind", "facts"),
    [
        ({"event": "started"}, "Started", {}),
        ({"event": "Baking"}, "Started Baking", {}),
        ({"event": "RollbackSuccessful"}, "Rollback Succeeded", {}),
        (
            {"event": "checkpoint", "percentage": 50, "delay": 60},
            "Checkpoint Reached",
            {"CheckpointPercentage": "50", "CheckpointDelay": "60"},
        ),
    ],
)
def test_instance_refreshes(data, kind, facts):
    """Source: conformance/recorded stackd.autoscaling.refresh_native.event-started; the User Guide."""
    event = bodies(_message(MessageKind.REFRESH, refresh="r-1", **data)).event
    assert event["detail-type"] == f"EC2 Auto Scaling Instance Refresh {kind}"
    assert event["source"] == "aws.autoscaling"
    assert event["detail"] == {"InstanceRefreshId": "r-1", "AutoScalingGroupName": "web", **facts}
    assert len(event["resources"]) == 1
