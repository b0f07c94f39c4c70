"""Permissions on a topic: statements of its policy, which is kept and shown and asked by nobody.

Source: conformance/recorded; Amazon SNS API Reference, AddPermission.
"""

from __future__ import annotations

from typing import Any, Final

from translators.registry import Call, Result, operation
from translators.sns.errors import invalid
from translators.sns.names import topic_arn, topic_name
from translators.sns.topics import default_policy

_ACTIONS: Final = frozenset(
    {
        "GetTopicAttributes",
        "SetTopicAttributes",
        "AddPermission",
        "RemovePermission",
        "DeleteTopic",
        "Subscribe",
        "ListSubscriptionsByTopic",
        "Publish",
        "Receive",
    }
)


def _one_or_all(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


@operation("sns", "AddPermission")
def add(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])
    topic = call.backend.topics.find(call.scope, name)
    policy = topic.policy or default_policy(call, name)
    actions, label = call.params["ActionName"], call.params["Label"]
    if any(each.get("Sid") == label for each in policy["Statement"]):
        raise invalid("Statement already exists")
    if not all(action in _ACTIONS for action in actions):
        raise invalid("Policy statement action out of service scope!")
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_all([f"arn:aws:iam::{each}:root" for each in call.params["AWSAccountId"]])},
        "Action": _one_or_all([f"SNS:{action}" for action in actions]),
        "Resource": topic_arn(call, name),
    }
    changed = {**policy, "Statement": [*policy["Statement"], statement]}
    call.backend.topics.change(call.scope, name, {"policy": changed})
    return {}


@operation("sns", "RemovePermission")
def remove(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])
    topic = call.backend.topics.find(call.scope, name)
    policy = topic.policy or default_policy(call, name)
    left = [each for each in policy["Statement"] if each.get("Sid") != call.params["Label"]]
    call.backend.topics.change(call.scope, name, {"policy": {**policy, "Statement": left}})
    return {}
