"""Permissions on a topic: statements of its policy, which is kept and shown and asked by nobody.

Source: conformance/recorded; Amazon SNS API Reference, AddPermission.
"""

from __future__ import annotations

from typing import Any, Final

from backend.domain.topics import Topic
from translators.registry import Call, Result, operation
from translators.sns.errors import invalid
from translators.sns.names import topic_arn, topic_name
from translators.sns.topics import MOST_TEXT, compact, default_policy
from translators.statements import allowing, statements

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


@operation("sns", "AddPermission")
def add(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])
    actions, label = call.params["ActionName"], call.params["Label"]
    named = [f"SNS:{action}" for action in actions]
    statement = allowing(label, call.params["AWSAccountId"], named, topic_arn(call, name))

    def made(topic: Topic) -> dict[str, Any]:
        policy = topic.policy or default_policy(call, name)
        present = statements(policy)
        if any(each.get("Sid") == label for each in present):
            raise invalid("Statement already exists")
        if not all(action in _ACTIONS for action in actions):
            raise invalid("Policy statement action out of service scope!")
        changed = {**policy, "Statement": [*present, statement]}
        if len(compact(changed)) > MOST_TEXT:
            raise invalid("Policy Error: null")  # as a policy is refused that is as long
        return changed

    call.backend.topics.set_policy(call.scope, name, made)
    return {}


@operation("sns", "RemovePermission")
def remove(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])

    def made(topic: Topic) -> dict[str, Any]:
        policy = topic.policy or default_policy(call, name)
        left = [each for each in statements(policy) if each.get("Sid") != call.params["Label"]]
        return {**policy, "Statement": left}

    call.backend.topics.set_policy(call.scope, name, made)
    return {}
