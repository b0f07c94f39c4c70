"""Subscriptions: made, confirmed, set, listed and ended.

Source: Amazon SNS API Reference; conformance/recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from backend.domain.queues import FIFO_SUFFIX, arn_parts
from backend.domain.topics import FilterScope, Subscription, TokenUnknown, Topic, subscription_of
from translators.errors import AWSError
from translators.registry import Call, Params, Result, linked, operation
from translators.sns import envelopes
from translators.sns.errors import invalid
from translators.sns.filters import read as read_filter
from translators.sns.filters import unparsed
from translators.sns.names import parts_of, subscription_arn, subscription_parts, topic_arn, topic_name
from translators.sns.topics import compact, document, page
from translators.sts.identity import caller_arn

if TYPE_CHECKING:
    from backend import Backend

_ELSEWHERE: Final = frozenset({"application", "email", "email-json", "firehose", "lambda", "sms"})
_PHONE: Final = re.compile(r"\+?[0-9](?:[-./ ]?[0-9]){1,19}")
_TOKEN: Final = re.compile(r"[0-9a-f]{64,512}")
_TRUTHS: Final = frozenset({"true", "false"})
_MOST_ENDPOINT: Final = 2048
_PENDING: Final = "PendingConfirmation"
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "RawMessageDelivery": ("raw",),
    "FilterPolicy": ("filter",),
    "FilterPolicyScope": ("filter_scope",),
    "RedrivePolicy": ("dead_letters",),
    "DeliveryPolicy": ("delivery_policy",),
}


def _setting(call: Call, name: str, text: str, scope: FilterScope, *, where: str) -> dict[str, Any]:
    """The settings (fields of Subscription) that an attribute means.

    Args:
        scope: where the subscription's filter looks.
        where: what stands before the words of a refusal.

    Raises:
        AWSError
    """
    if name == "RawMessageDelivery":
        if text.lower() not in _TRUTHS:
            raise invalid(f"{where}RawMessageDelivery: Invalid value [{text}]. Must be true or false.")
        return {"raw": text.lower() == "true"}
    if name == "FilterPolicyScope":
        if text not in set(FilterScope):
            words = f"FilterPolicyScope: Invalid value [{text}]. Please use either MessageBody or MessageAttributes"
            raise invalid(where + words)
        return {"filter_scope": FilterScope(text)}
    if name == "FilterPolicy":
        return {"filter": read_filter(text, nested=scope is FilterScope.BODY, where=where)}
    if name == "RedrivePolicy":
        if not text:
            return {"dead_letters": None}
        read = document(text, f"{where}RedrivePolicy: failed to parse JSON. {unparsed(text)}")
        parts = arn_parts(str(read.get("deadLetterTargetArn")))
        if parts is None or parts[:2] != (call.region, call.account_id):
            raise invalid(f"{where}RedrivePolicy: deadLetterTargetArn is an invalid arn")
        return {"dead_letters": parts[2]}
    if name == "DeliveryPolicy":
        return {"delivery_policy": document(text, f"{where}DeliveryPolicy: failed to parse JSON.") if text else None}
    raise invalid("AttributeName")


@operation("sns", "Subscribe")
def subscribe(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])
    topic = call.backend.topics.find(call.scope, name)
    protocol, endpoint = call.params["Protocol"], call.params.get("Endpoint", "")
    given = dict(call.params.get("Attributes") or {})
    scope = _scope_of(call, given)
    settings: dict[str, Any] = {}
    for attribute, text in given.items():
        settings |= _setting(call, attribute, text, scope, where="Attributes Reason: ")
    _check_endpoint(call, topic, protocol, endpoint)
    wanted = Subscription(
        id="",
        topic_id=topic.id,
        protocol=protocol,
        endpoint=endpoint,
        endpoint_key="",
        created_at=topic.created_at,
        principal=caller_arn(call),
        confirmed_at=None,
        authenticated=protocol == "sqs",
        token="",
        **settings,
    )
    arn = topic_arn(call, name)
    made = call.backend.topics.subscribe(
        call.scope,
        name,
        wanted,
        settings=[field for attribute in given for field in _FIELDS[attribute]],
        invitation=envelopes.invitations(arn, call.endpoint),
    )
    if made.confirmed_at is None and not call.params.get("ReturnSubscriptionArn"):
        return {"SubscriptionArn": "pending confirmation"}
    return {"SubscriptionArn": subscription_arn(call, name, made.id)}


def _scope_of(call: Call, given: Mapping[str, str]) -> FilterScope:
    text = given.get("FilterPolicyScope", FilterScope.ATTRIBUTES)
    meant = _setting(call, "FilterPolicyScope", text, FilterScope.ATTRIBUTES, where="Attributes Reason: ")
    found: FilterScope = meant["filter_scope"]
    return found


def _is_address(text: str, scheme: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:  # such as a bracket that nothing closes
        return False
    return url.scheme == scheme and bool(url.hostname)


def _check_endpoint(call: Call, topic: Topic, protocol: str, endpoint: str) -> None:
    if len(endpoint) > _MOST_ENDPOINT:
        raise invalid(f"Endpoint Reason: must have at most {_MOST_ENDPOINT} characters")  # unsourced
    if protocol == "sqs":
        parts = arn_parts(endpoint)
        if parts is None:
            raise invalid("SQS endpoint ARN")
        if parts[:2] != (call.region, call.account_id):
            raise invalid("SQS endpoint ARN: queues of other accounts and regions are not supported by Coppice")
        if parts[2].endswith(FIFO_SUFFIX) and not topic.fifo:
            raise invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
            )
        return
    if protocol in {"http", "https"}:
        if not _is_address(endpoint, protocol):
            raise invalid("Endpoint must match the specified protocol")
        if topic.fifo:
            raise invalid(f"Invalid parameter: Endpoint Reason: Invalid protocol type: {protocol}")
        return
    if protocol == "sms" and not _PHONE.fullmatch(endpoint):
        raise AWSError("InvalidParameter", f"Invalid SMS endpoint: {endpoint}")
    if protocol in _ELSEWHERE:
        raise invalid(f"Protocol Reason: {protocol} is not supported by Coppice")
    raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")


@operation("sns", "ConfirmSubscription")
def confirm(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])
    token = _token(call.params)
    authenticated = _authenticates(call.params)
    found = call.backend.topics.confirm(call.scope, name, token, authenticated=authenticated)
    return {"SubscriptionArn": subscription_arn(call, name, found.id)}


@linked("sns", "ConfirmSubscription")
def of_token(backend: Backend, params: Params) -> tuple[str, str] | None:
    """The project of the subscription that a SubscribeURL names; who wants more than that signs."""
    subscription_id = subscription_of(_token(params))
    project_id = backend.topics.project_of(subscription_id, ended=True) if subscription_id else None
    if project_id is None:
        raise TokenUnknown(params["Token"])
    return None if _authenticates(params) else (project_id, parts_of(params["TopicArn"], "TopicArn")[3])


def _token(params: Params) -> str:
    token: str = params["Token"]
    if not _TOKEN.fullmatch(token):
        raise AWSError("InvalidParameter", "Invalid token")
    return token


def _authenticates(params: Params) -> bool:
    return bool(params.get("AuthenticateOnUnsubscribe", "").lower() == "true")


@operation("sns", "Unsubscribe")
def unsubscribe(call: Call) -> Result:
    name, id_ = subscription_parts(call, call.params["SubscriptionArn"])
    farewell = None if call.signed else envelopes.farewells(topic_arn(call, name), call.endpoint)
    call.backend.topics.unsubscribe(call.scope, name, id_, farewell=farewell)
    return {}


@linked("sns", "Unsubscribe")
def of_subscription(backend: Backend, params: Params) -> tuple[str, str] | None:
    """The project of the subscription that an UnsubscribeURL names: an id that nobody guesses is what it holds."""
    parts = parts_of(params["SubscriptionArn"], "SubscriptionArn")
    project_id = backend.topics.project_of(parts[-1])
    return None if project_id is None else (project_id, parts[3])


@operation("sns", "GetSubscriptionAttributes")
def get_attributes(call: Call) -> Result:
    name, id_ = subscription_parts(call, call.params["SubscriptionArn"])
    topic, found = call.backend.topics.subscription(call.scope, name, id_)
    told = {
        "SubscriptionArn": subscription_arn(call, topic.name, found.id),
        "TopicArn": topic_arn(call, topic.name),
        "Owner": call.account_id,
        "Protocol": found.protocol,
        "Endpoint": found.endpoint,
        "PendingConfirmation": "true" if found.confirmed_at is None else "false",
        "ConfirmationWasAuthenticated": str(found.authenticated).lower(),
        "RawMessageDelivery": str(found.raw).lower(),
        "SubscriptionPrincipal": found.principal,
    }
    if found.filter:
        told |= {"FilterPolicy": compact(found.filter), "FilterPolicyScope": str(found.filter_scope)}
    if found.dead_letters is not None:
        target = f"arn:aws:sqs:{call.region}:{call.account_id}:{found.dead_letters}"
        told["RedrivePolicy"] = compact({"deadLetterTargetArn": target})
    if found.delivery_policy is not None:
        told["DeliveryPolicy"] = compact(found.delivery_policy)
    return {"Attributes": told}


@operation("sns", "SetSubscriptionAttributes")
def set_attribute(call: Call) -> Result:
    name, id_ = subscription_parts(call, call.params["SubscriptionArn"])
    _, found = call.backend.topics.subscription(call.scope, name, id_)
    text = call.params.get("AttributeValue", "")
    settings = _setting(call, call.params["AttributeName"], text, found.filter_scope, where="")
    call.backend.topics.change_subscription(call.scope, name, id_, settings)
    return {}


@operation("sns", "ListSubscriptions")
def list_all(call: Call) -> Result:
    return _listed(call, None)


@operation("sns", "ListSubscriptionsByTopic")
def list_by_topic(call: Call) -> Result:
    return _listed(call, topic_name(call, call.params["TopicArn"]))


def _listed(call: Call, name: str | None) -> Result:
    every = call.backend.topics.subscriptions(call.scope, name)
    here, more = page(call, every, lambda pair: f"{pair[1].created_at.timestamp():020.6f} {pair[1].id}")
    told = [
        {
            "SubscriptionArn": _PENDING if found.confirmed_at is None else subscription_arn(call, topic.name, found.id),
            "Owner": call.account_id,
            "Protocol": found.protocol,
            "Endpoint": found.endpoint,
            "TopicArn": topic_arn(call, topic.name),
        }
        for topic, found in here
    ]
    return {"Subscriptions": told, **more}
