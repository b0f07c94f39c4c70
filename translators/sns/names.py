"""ARNs of topics and subscriptions as callers give them.

Source: conformance/recorded.
"""

from __future__ import annotations

from typing import Final

from translators import arns
from translators.registry import Call
from translators.sns.errors import invalid

_PARTS: Final = 6


def parts_of(arn: str, member: str) -> list[str]:
    """The parts of an ARN, six of them or seven. Raises AWSError."""
    parts = arn.split(":")
    if len(parts) < _PARTS:
        # What is empty counts as one.
        raise invalid(f"{member} Reason: An ARN must have at least 6 elements, not {len(parts)}")
    return parts


def topic_name(call: Call, arn: str | None, member: str = "TopicArn") -> str:
    """The name of the topic of an ARN, which must be of this account and region. Raises AWSError."""
    parts = parts_of(arn or "", member)
    if len(parts) != _PARTS or parts[:2] != ["arn", "aws"] or parts[2:5] != ["sns", call.region, call.account_id]:
        raise invalid(member)
    return parts[5]


def subscription_parts(call: Call, arn: str) -> tuple[str, str]:
    """(name of the topic, id) of a subscription's ARN. Raises AWSError."""
    parts = parts_of(arn, "SubscriptionArn")
    if len(parts) != _PARTS + 1 or parts[2:5] != ["sns", call.region, call.account_id]:
        raise invalid("SubscriptionId" if len(parts) == _PARTS else "SubscriptionArn")
    return parts[5], parts[6]


def topic_arn(call: Call, name: str) -> str:
    return arns.topic(call.region, call.account_id, name)


def subscription_arn(call: Call, name: str, subscription_id: str) -> str:
    return f"{topic_arn(call, name)}:{subscription_id}"
