"""What subscribers are sent: notifications and invitations to confirm, as texts of JSON in AWS's own layout.

They are not signed with a key of AWS's, so the SDKs' validators, which look for a certificate at amazonaws.com, will
not take them for AWS's: the members of the signature are there, because parsers ask for them, and say ``unsigned``.

Source: conformance/recorded stackd.sns.subject_structure.envelope (byte by byte); Amazon SNS Developer Guide, "Parsing
message formats".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from backend.domain.topics import Envelope, Published, Subscription, Topic
from backend.services.topics import Invitation

UNSIGNED: Final = "dW5zaWduZWQ="


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def laid_out(members: Mapping[str, Any], attributes: Mapping[str, Mapping[str, str]]) -> str:
    """Members a line each, blanks round the colons; attributes a line each below."""
    lines = [f"  {_compact(name)} : {_compact(value)}" for name, value in members.items()]
    if attributes:
        told = [
            f"    {_compact(name)} : {_compact({'Type': each['type'], 'Value': each.get('text', each.get('bytes'))})}"
            for name, each in attributes.items()
        ]
        lines.append('  "MessageAttributes" : {\n' + ",\n".join(told) + "\n  }")
    return "{\n" + ",\n".join(lines) + "\n}"


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def notifications(arn_of: str, endpoint: str) -> Envelope:
    """The envelope of a topic's notifications.

    Args:
        arn_of: the topic's ARN.
        endpoint: where a subscription can be ended.
    """

    def envelope(topic: Topic, subscription: Subscription, published: Published) -> str:
        publication = published.publication
        members: dict[str, Any] = {"Type": "Notification", "MessageId": published.id}
        if published.number is not None:
            members["SequenceNumber"] = f"{published.number:020}"
        members["TopicArn"] = arn_of
        if publication.subject is not None:
            members["Subject"] = publication.subject
        members |= {"Message": publication.text(subscription.protocol), "Timestamp": _instant(published.at)}
        if not topic.fifo:
            members |= {
                "SignatureVersion": topic.further.get("SignatureVersion", "1"),
                "Signature": UNSIGNED,
                "SigningCertURL": f"{endpoint}/SimpleNotificationService-unsigned.pem",
            }
        members["UnsubscribeURL"] = f"{endpoint}/?Action=Unsubscribe&SubscriptionArn={arn_of}:{subscription.id}"
        return laid_out(members, publication.attributes)

    return envelope


def invitations(arn_of: str, endpoint: str) -> Invitation:
    """What asks a URL to confirm that it wants to hear a topic."""
    words = (
        f"You have chosen to subscribe to the topic {arn_of}.\nTo confirm the subscription, visit the SubscribeURL"
        " included in this message."
    )
    return _asking("SubscriptionConfirmation", lambda _: words, arn_of, endpoint)


def farewells(arn_of: str, endpoint: str) -> Invitation:
    """What tells a URL that it hears a topic no more, and how to hear it again.

    Source: Amazon SNS Developer Guide, "Parsing message formats": HTTP/HTTPS unsubscribe confirmation JSON format.
    """

    def words(subscription: Subscription) -> str:
        return (
            f"You have chosen to deactivate subscription {arn_of}:{subscription.id}.\nTo cancel this operation and"
            " restore the subscription, visit the SubscribeURL included in this message."
        )

    return _asking("UnsubscribeConfirmation", words, arn_of, endpoint)


def _asking(kind: str, words: Callable[[Subscription], str], arn_of: str, endpoint: str) -> Invitation:
    def invitation(topic: Topic, subscription: Subscription, message_id: str, now: datetime) -> str:
        token = subscription.told_token
        url = f"{endpoint}/?Action=ConfirmSubscription&TopicArn={quote(arn_of, safe=':')}&Token={token}"
        members = {
            "Type": kind,
            "MessageId": message_id,
            "Token": token,
            "TopicArn": arn_of,
            "Message": words(subscription),
            "SubscribeURL": url,
            "Timestamp": _instant(now),
            "SignatureVersion": topic.further.get("SignatureVersion", "1"),
            "Signature": UNSIGNED,
            "SigningCertURL": f"{endpoint}/SimpleNotificationService-unsigned.pem",
        }
        return laid_out(members, {})

    return invitation
