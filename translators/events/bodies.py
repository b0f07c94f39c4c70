"""Messages in AWS's words: the bodies that queues and topics get, and the events of the bus. Asks nobody but for zones.

Sources: the recorded events of conformance/recorded and of the design's lifecycle page, sections 1.7 and 7.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from backend.domain.activity import Activity, ActivityKind, ActivityStatus
from backend.domain.messages import EVERYWHERE, Message, MessageKind, Telling
from backend.domain.refreshes import RefreshStatus
from backend.domain.scope import Scope
from translators import arns
from translators.autoscaling import activity_words
from translators.cloudwatch import alarm_events, alarm_messages

SERVICE: Final = "AWS Auto Scaling"
_SOURCE: Final = "aws.autoscaling"
_TRANSITIONS: Final = {"launching": "LAUNCHING", "terminating": "TERMINATING"}
_ACTIONS: Final = {"launching": "launch", "terminating": "terminate"}
_MOVES: Final = {
    ActivityKind.LAUNCH: "Launch",
    ActivityKind.WARM_LAUNCH: "Launch",
    ActivityKind.DRAW: "Launch",
    ActivityKind.TERMINATE: "Terminate",
    ActivityKind.RETURN: "Terminate",
    ActivityKind.WARM_TERMINATE: "Terminate",
}
_SUBJECTS: Final = {
    "autoscaling:EC2_INSTANCE_LAUNCH": "launch",
    "autoscaling:EC2_INSTANCE_TERMINATE": "termination",
    "autoscaling:EC2_INSTANCE_LAUNCH_ERROR": "failed launch",  # unsourced
    "autoscaling:EC2_INSTANCE_TERMINATE_ERROR": "failed termination",  # unsourced
}
TEST: Final = "autoscaling:TEST_NOTIFICATION"
Words = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bodies:
    """What makes tellings of messages.

    Attributes:
        region_of: the cloud's region -> AWS's name.
        account_of: a project's account.
        zone_ids: ids of zones by name, as far as they are known.
        entry_of: the journal's entry that a message tells of.
    """

    region_of: Callable[[str], str]
    account_of: Callable[[str], str]
    zone_ids: Callable[[Scope, set[str]], Mapping[str, str]]
    entry_of: Callable[[Message], Activity]

    def __call__(self, message: Message) -> Telling:
        """A message as it is told; may ask the cloud which ids zones have."""
        return _KINDS[message.kind](self, message)

    def group_arn(self, message: Message) -> str:
        region, account = self.region_of(message.region), self.account_of(message.project_id)
        return arns.group(region, account, message.cluster_id, message.cluster_name)

    def event(self, message: Message, kind: str, at: datetime, resources: list[str], detail: Words) -> Words:
        """The envelope that the bus tells things in."""
        return {
            "version": "0",
            "id": message.id,
            "detail-type": kind,
            "source": _SOURCE,
            "account": self.account_of(message.project_id),
            "time": seconds(at),
            "region": self.region_of(message.region),
            "resources": resources,
            "detail": detail,
        }


def seconds(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def text(words: Words) -> str:
    return json.dumps(words, separators=(",", ":"), ensure_ascii=False)


def _action(bodies: Bodies, message: Message) -> Telling:
    """An action of a lifecycle hook began. A body has no ``Event`` and no group's ARN: consumers tell them by that."""
    data = message.data
    moving, server = _TRANSITIONS[data["transition"]], data.get("server_id")
    instance = None if server is None else arns.instance_id(server)
    ways = {"Origin": data["origin"], "Destination": data["destination"]}
    # Source: Auto Scaling User Guide, "Auto Scaling event reference".
    what = {"Action": "ReplaceRootVolume"} if data.get("rebuilds") else {}
    common = {
        "LifecycleActionToken": data["token"],
        "AutoScalingGroupName": message.cluster_name,
        "LifecycleHookName": data["hook"],
        "EC2InstanceId": instance,
        "LifecycleTransition": f"autoscaling:EC2_INSTANCE_{moving}",
        **({} if data.get("metadata") is None else {"NotificationMetadata": data["metadata"]}),
    }
    body = {
        **ways,
        **common,
        "RequestId": data["request_id"],
        "AccountId": bodies.account_of(message.project_id),
        "Service": SERVICE,
        "Time": milliseconds(message.created_at),
    }
    detail_type = f"EC2 Instance-{_ACTIONS[data['transition']]} Lifecycle Action"
    event = bodies.event(
        message, detail_type, message.created_at, [bodies.group_arn(message)], {**common, **ways, **what}
    )
    # unsourced: the words are those that consumers quote
    subject = f"Auto Scaling:  Lifecycle action '{moving}' for instance {instance} in progress."
    return Telling(message.id, text(body), subject, event)


def _activity(bodies: Bodies, message: Message) -> Telling:
    """A node was launched or ended, or was not.

    StatusCode is what the activity was at before its end: messages say InProgress, at 50, of what is done.
    """
    entry = bodies.entry_of(message)
    ended_at = entry.ended_at or message.created_at
    failed = entry.status is not ActivityStatus.SUCCESSFUL
    move = _MOVES[entry.kind]
    name = f"autoscaling:EC2_INSTANCE_{move.upper()}{'_ERROR' if failed else ''}"
    zones = bodies.zone_ids(message.scope, {entry.zone}) if entry.zone else {}
    status = "Failed" if failed else _stage(message.data.get("stage"))
    instance = None if entry.server_id is None else arns.instance_id(entry.server_id)
    words = activity_words.status_message(entry) or ""
    place = bodies.region_of(message.region), bodies.account_of(message.project_id)
    # What goes on has no reason yet: a failure tells it in its status.
    description = activity_words.description(replace(entry, reason=None) if failed else entry)
    details = json.loads(activity_words.details(entry, zones, place))
    ways = {"Origin": message.data["origin"], "Destination": message.data["destination"]}
    times = {"StartTime": milliseconds(entry.started_at), "EndTime": milliseconds(ended_at)}
    common = {
        "RequestId": entry.id,
        "ActivityId": entry.id,
        **({} if instance is None else {"EC2InstanceId": instance}),
        "StatusCode": status,
        "StatusMessage": words,
        "Details": details,
        "Cause": activity_words.cause(entry),
        "AutoScalingGroupName": message.cluster_name,
        **times,
    }
    body = {
        "Service": SERVICE,
        "Event": name,
        "AccountId": bodies.account_of(message.project_id),
        "AutoScalingGroupARN": bodies.group_arn(message),
        **common,
        "Progress": 100 if failed else 50,
        "Description": description,
        "Time": milliseconds(message.created_at),
        **ways,
    }
    detail = {**ways, "Action": move, **({} if failed else {"Description": description}), **common}
    region, account = bodies.region_of(message.region), bodies.account_of(message.project_id)
    resources = [bodies.group_arn(message)]
    if instance is not None:
        resources.append(arns.ec2(region, account, "instance", instance))
    ending = "Unsuccessful" if failed else "Successful"
    event = bodies.event(message, f"EC2 Instance {move} {ending}", ended_at, resources, detail)
    return Telling(message.id, text(body), f'Auto Scaling: {_SUBJECTS[name]} for group "{message.cluster_name}"', event)


def _stage(stage: str | None) -> str:
    """Only a wait of a termination is told as it was. Source: conformance/recorded stackd.autoscaling events."""
    return "MidTerminatingLifecycleAction" if stage == "MidTerminatingLifecycleAction" else "InProgress"


def _test(bodies: Bodies, message: Message) -> Telling:
    body = {
        "AccountId": bodies.account_of(message.project_id),
        "RequestId": message.data["request_id"],
        "AutoScalingGroupARN": bodies.group_arn(message),
        "AutoScalingGroupName": message.cluster_name,
        "Service": SERVICE,
        "Event": TEST,
        "Time": milliseconds(message.created_at),
    }
    return Telling(message.id, text(body), f'Auto Scaling: test notification for group "{message.cluster_name}"')


_REFRESHES: Final = {
    "started": "Started",
    "checkpoint": "Checkpoint Reached",
    RefreshStatus.BAKING: "Started Baking",
    RefreshStatus.SUCCESSFUL: "Succeeded",
    RefreshStatus.FAILED: "Failed",
    RefreshStatus.CANCELLED: "Cancelled",
    RefreshStatus.ROLLING_BACK: "Rollback Started",
    RefreshStatus.ROLLED_BACK: "Rollback Succeeded",
    RefreshStatus.ROLLBACK_FAILED: "Rollback Failed",
}
"""What the bus calls what becomes of an instance refresh. Source: Auto Scaling User Guide, its EventBridge events."""


def _refresh(bodies: Bodies, message: Message) -> Telling:
    """Source: conformance/recorded stackd.autoscaling.refresh_native; of checkpoints the User Guide: texts."""
    data = message.data
    detail = {"InstanceRefreshId": data["refresh"], "AutoScalingGroupName": message.cluster_name}
    if "percentage" in data:
        detail |= {"CheckpointPercentage": str(data["percentage"]), "CheckpointDelay": str(data["delay"])}
    kind = f"EC2 Auto Scaling Instance Refresh {_REFRESHES[data['event']]}"
    event = bodies.event(message, kind, message.created_at, [bodies.group_arn(message)], detail)
    return Telling(message.id, text(event), event=event)


def _event(_bodies: Bodies, message: Message) -> Telling:
    """What a rule made of an event: as it is. Where that is all of it, who tells events by their kind has that, too."""
    body = message.data["body"]
    return Telling(message.id, body, event=json.loads(body) if message.data.get("whole") else None)


def _publication(bodies: Bodies, message: Message) -> Telling:
    """What a topic tells a URL, with the headers of SNS.

    Source: Amazon SNS Developer Guide, "Parsing message formats": HTTP/HTTPS headers.
    """
    data = message.data
    topic = arns.topic(bodies.region_of(message.region), bodies.account_of(message.project_id), data["topic"])
    headers = {
        "x-amz-sns-message-type": data["type"],
        "x-amz-sns-message-id": data["message_id"],
        "x-amz-sns-topic-arn": topic,
    }
    if data["type"] != "SubscriptionConfirmation":
        headers["x-amz-sns-subscription-arn"] = f"{topic}:{data['subscription']}"
    if data["raw"]:
        headers["x-amz-sns-rawdelivery"] = "true"
    return Telling(message.id, data["body"], attributes=headers)


def _alarm(bodies: Bodies, message: Message) -> Telling:
    """An alarm changed its state."""
    region, account = bodies.region_of(message.region), bodies.account_of(message.project_id)
    if message.target == EVERYWHERE:
        detail = alarm_events.changed(message.data, (region, account))
        return _alarm_event(bodies, message, alarm_events.STATE_CHANGE, detail)
    told = alarm_messages.body(message.data, region, account)
    return Telling(message.id, text(told), alarm_messages.subject(message.data, region))


def _alarm_configuration(bodies: Bodies, message: Message) -> Telling:
    """An alarm was made, written anew or deleted."""
    place = bodies.region_of(message.region), bodies.account_of(message.project_id)
    detail = alarm_events.configured(message.data, place)
    return _alarm_event(bodies, message, alarm_events.CONFIGURATION_CHANGE, detail)


def _alarm_event(bodies: Bodies, message: Message, kind: str, detail: Words) -> Telling:
    region, account = bodies.region_of(message.region), bodies.account_of(message.project_id)
    resources = [arns.alarm(region, account, message.cluster_name)]
    event = {**bodies.event(message, kind, message.created_at, resources, detail), "source": alarm_events.SOURCE}
    return Telling(message.id, text(event), event=event)


_KINDS: Final[Mapping[str, Callable[[Bodies, Message], Telling]]] = {
    MessageKind.ACTION: _action,
    MessageKind.ACTIVITY: _activity,
    MessageKind.REFRESH: _refresh,
    MessageKind.TEST: _test,
    MessageKind.EVENT: _event,
    MessageKind.PUBLICATION: _publication,
    MessageKind.ALARM: _alarm,
    MessageKind.ALARM_CONFIGURATION: _alarm_configuration,
}
