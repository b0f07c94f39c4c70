"""Topics: made, set, tagged, listed and deleted.

Source: Amazon SNS API Reference; conformance/recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from backend.domain.topics import Topic
from translators import paging
from translators.registry import Call, Result, operation
from translators.sns.errors import invalid
from translators.sns.names import topic_arn, topic_name

T = TypeVar("T")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_FIFO_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,251}\.fifo")
_TRUTHS: Final = frozenset({"true", "false"})
_FEEDBACK: Final = re.compile(
    r"(HTTP|SQS|Lambda|Firehose|Application)(SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)"
)
_PAGE: Final = 100
MOST_TEXT: Final = 64 * 1024
"""Letters of a document that is kept."""
_DISPLAY: Final = 100
_DEFAULT_ACTIONS: Final = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)
_RETRIES: Final[Mapping[str, Any]] = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
_REQUEST: Final[Mapping[str, str]] = {"headerContentType": "text/plain; charset=UTF-8"}


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def document(text: str, refused: str) -> Any:
    """The JSON object of a text. Raises AWSError."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or len(text) > MOST_TEXT:
        raise invalid(refused)
    return read


def default_policy(call: Call, name: str) -> dict[str, Any]:
    """What a topic's policy says that was given none."""
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{action}" for action in _DEFAULT_ACTIONS],
                "Resource": topic_arn(call, name),
                "Condition": {"StringEquals": {"AWS:SourceOwner": call.account_id}},
            }
        ],
    }


def _delivery(text: str) -> Any:
    """A delivery policy, whose parts are objects where it has them. Raises AWSError."""
    refused = "DeliveryPolicy: failed to parse JSON"
    policy = document(text, refused)
    http = policy.get("http", {})
    if not isinstance(http, dict):
        raise invalid(refused)
    for part in ("defaultHealthyRetryPolicy", "defaultRequestPolicy"):
        if not isinstance(http.get(part, {}), dict):
            raise invalid(refused)
    return policy


def _setting(name: str, text: str, *, fifo: bool) -> dict[str, Any]:
    """The settings (fields of Topic) that an attribute means. Raises AWSError."""
    further: Mapping[str, Callable[[str], bool]] = {
        "KmsMasterKeyId": lambda _: True,
        "SignatureVersion": lambda value: value in {"1", "2"},
        "TracingConfig": lambda value: value in {"PassThrough", "Active"},
        "FifoThroughputScope": lambda value: fifo and value in {"Topic", "MessageGroup"},
    }
    if name == "DisplayName":
        if len(text) > _DISPLAY:
            raise invalid("DisplayName")
        return {"display_name": text}
    if name == "Policy":
        return {"policy": document(text, "Policy Error: null") if text else None}
    if name == "DeliveryPolicy":
        return {"delivery_policy": _delivery(text) if text else None}
    if name == "ContentBasedDeduplication" and fifo:
        if text.lower() not in _TRUTHS:
            raise invalid(
                f"Attributes Reason: ContentBasedDeduplication: Invalid value [{text}]. Must be true or false."
            )
        return {"content_deduplication": text.lower() == "true"}
    if _FEEDBACK.fullmatch(name) or (name in further and further[name](text)):
        if len(text) > 2048:
            raise invalid(name)
        return {"further": {name: text}}
    raise invalid(name if name in further else "AttributeName")


def _given_tags(call: Call) -> dict[str, str]:
    given = call.params.get("Tags") or []
    tags = {each["Key"]: each["Value"] for each in given}
    if len(tags) != len(given):
        raise invalid("Duplicated keys are not allowed.")
    return tags


@operation("sns", "CreateTopic")
def create(call: Call) -> Result:
    name = call.params["Name"]
    given = dict(call.params.get("Attributes") or {})
    fifo = given.pop("FifoTopic", "false").lower() == "true"
    if not (_FIFO_NAME if fifo else _NAME).fullmatch(name):
        raise invalid("Topic Name")
    if call.params.get("DataProtectionPolicy"):
        raise invalid("DataProtectionPolicy is not supported by Coppice")
    settings: dict[str, Any] = {}
    for attribute, text in given.items():
        meant = _setting(attribute, text, fifo=fifo)
        if "further" in meant:
            meant = {"further": {**settings.get("further", {}), **meant["further"]}}
        settings |= meant
    made = call.backend.topics.create(call.scope, name, settings, _given_tags(call))
    return {"TopicArn": topic_arn(call, made.name)}


@operation("sns", "DeleteTopic")
def delete(call: Call) -> Result:
    call.backend.topics.delete(call.scope, topic_name(call, call.params["TopicArn"]))
    return {}


@operation("sns", "GetTopicAttributes")
def get_attributes(call: Call) -> Result:
    topic = call.backend.topics.find(call.scope, topic_name(call, call.params["TopicArn"]))
    heard = call.backend.topics.heard(call.scope, topic)
    told = {
        "Policy": compact(topic.policy or default_policy(call, topic.name)),
        "Owner": call.account_id,
        "SubscriptionsPending": str(heard.pending),
        "TopicArn": topic_arn(call, topic.name),
        "EffectiveDeliveryPolicy": compact(_effective(topic)),
        "SubscriptionsConfirmed": str(heard.confirmed),
        "DisplayName": topic.display_name,
        "SubscriptionsDeleted": str(heard.ended),
        **topic.further,
    }
    if topic.delivery_policy is not None:
        http = topic.delivery_policy.get("http", {})
        told["DeliveryPolicy"] = compact({"http": {"disableSubscriptionOverrides": False, **http}})
    if topic.fifo:
        told |= {"FifoTopic": "true", "ContentBasedDeduplication": str(topic.content_deduplication).lower()}
    return {"Attributes": told}


def _effective(topic: Topic) -> dict[str, Any]:
    http = (topic.delivery_policy or {}).get("http", {})
    return {
        "http": {
            "defaultHealthyRetryPolicy": {**_RETRIES, **http.get("defaultHealthyRetryPolicy", {})},
            "disableSubscriptionOverrides": http.get("disableSubscriptionOverrides", False),
            "defaultRequestPolicy": {**_REQUEST, **http.get("defaultRequestPolicy", {})},
        }
    }


@operation("sns", "SetTopicAttributes")
def set_attribute(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])
    topic = call.backend.topics.find(call.scope, name)
    settings = _setting(call.params["AttributeName"], call.params.get("AttributeValue", ""), fifo=topic.fifo)
    call.backend.topics.change(call.scope, name, settings)
    return {}


def page(call: Call, items: Sequence[T], key: Callable[[T], str]) -> tuple[Sequence[T], dict[str, str]]:
    """A page of what is in the order of its keys, and the token of the next one."""
    if token := call.params.get("NextToken"):
        after = paging.decode(token, call.operation, paging.binding(call), "sns")
        items = [item for item in items if key(item) > after]
    if len(items) <= _PAGE:
        return items, {}
    return items[:_PAGE], {"NextToken": paging.encode(call.operation, key(items[_PAGE - 1]), paging.binding(call))}


@operation("sns", "ListTopics")
def list_topics(call: Call) -> Result:
    here, more = page(call, call.backend.topics.list(call.scope), lambda each: each.name)
    return {"Topics": [{"TopicArn": topic_arn(call, each.name)} for each in here], **more}


@operation("sns", "TagResource")
def tag(call: Call) -> Result:
    name = topic_name(call, call.params["ResourceArn"], "ResourceArn")
    call.backend.topics.retag(call.scope, name, _given_tags(call))
    return {}


@operation("sns", "UntagResource")
def untag(call: Call) -> Result:
    name = topic_name(call, call.params["ResourceArn"], "ResourceArn")
    call.backend.topics.retag(call.scope, name, {}, call.params["TagKeys"])
    return {}


@operation("sns", "ListTagsForResource")
def list_tags(call: Call) -> Result:
    topic = call.backend.topics.find(call.scope, topic_name(call, call.params["ResourceArn"], "ResourceArn"))
    return {"Tags": [{"Key": key, "Value": value} for key, value in topic.tags.items()]}
