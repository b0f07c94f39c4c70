"""Messages published, one by one and in batches.

Source: Amazon SNS API Reference, Publish, PublishBatch; conformance/recorded.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.queues import Sent
from backend.domain.topics import MOST_BYTES, Publication
from translators.errors import AWSError
from translators.registry import Call, Result, operation
from translators.sns import envelopes
from translators.sns.errors import invalid
from translators.sns.names import topic_arn, topic_name

_MOST_ENTRIES: Final = 10
_LONGEST_ID: Final = 80
_LONGEST_SUBJECT: Final = 100
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_PHONE: Final = re.compile(r"\+[0-9]{1,15}")
_KIND: Final = re.compile(r"(String|Number|Binary)(\.[^\n]+)?")
_TOKEN: Final = re.compile(r"[!-~]{1,128}")
_PROTOCOLS: Final = ("sqs", "http", "https")


@operation("sns", "Publish")
def publish(call: Call) -> Result:
    if (phone := call.params.get("PhoneNumber")) is not None:
        if not _PHONE.fullmatch(phone):
            raise invalid(f"PhoneNumber Reason: {phone} is not valid to publish to")
        raise invalid("PhoneNumber Reason: text messages are not supported by Coppice")
    member = "TargetArn" if "TargetArn" in call.params and "TopicArn" not in call.params else "TopicArn"
    name = topic_name(call, call.params.get(member), member)
    publication = _publication(call.params)
    if publication.size > MOST_BYTES:
        raise invalid("Message too long")
    (sent,) = _published(call, name, [publication])
    return _told(sent)


def _published(call: Call, name: str, publications: Sequence[Publication]) -> Sequence[Sent]:
    arn = topic_arn(call, name)
    envelope = envelopes.notifications(arn, call.endpoint)
    return call.backend.topics.publish(call.scope, arn, publications, envelope)


def _told(sent: Sent) -> dict[str, Any]:
    number = {} if sent.number is None else {"SequenceNumber": f"{sent.number:020}"}
    return {"MessageId": sent.id, **number}


def _publication(given: Mapping[str, Any]) -> Publication:
    message = given["Message"]
    if not message:
        raise invalid("Empty message")
    subject = given.get("Subject")
    if subject is not None and not 1 <= len(subject.encode("utf-16-le")) // 2 <= _LONGEST_SUBJECT:
        raise invalid("Subject")
    attributes = {name: _attribute(name, each) for name, each in (given.get("MessageAttributes") or {}).items()}
    structure = given.get("MessageStructure")
    if structure not in {None, "", "json"}:
        raise invalid("MessageStructure")
    texts = _texts(message) if structure == "json" else {}
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if (value := given.get(name)) is not None and not _TOKEN.fullmatch(value):
            raise invalid(
                f"{name} Reason: {name} can only include alphanumeric and punctuation characters"
            )  # unsourced
    return Publication(
        message=texts.pop("default", message),
        subject=subject,
        attributes=attributes,
        texts=texts,
        group=given.get("MessageGroupId"),
        deduplication=given.get("MessageDeduplicationId"),
    )


def _texts(message: str) -> dict[str, str]:
    """A text by protocol, and the default one. Raises AWSError."""
    try:
        read = json.loads(message)
    except (ValueError, RecursionError):
        raise invalid("Message Structure - JSON message body failed to parse") from None
    if not isinstance(read, dict) or isinstance(read.get("default", []), (dict, list)):
        raise invalid("Message Structure - No default entry in JSON message body")
    wanted = {name: read[name] for name in ("default", *_PROTOCOLS) if name in read}
    # A number, a truth or nothing is sent as its JSON.
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in wanted.items()
        if not isinstance(value, (dict, list))
    }


def _attribute(name: str, each: Mapping[str, Any]) -> dict[str, str]:
    kind = each.get("DataType", "")
    if not _KIND.fullmatch(kind):
        raise AWSError(
            "ParameterValueInvalid",
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes"
            " is Binary, Number, and String.",
        )
    binary = kind.partition(".")[0] == "Binary"
    value = each.get("BinaryValue" if binary else "StringValue")
    if not value:
        raise AWSError(
            "ParameterValueInvalid",
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type"
            f" '{kind}'.",
        )
    if binary:
        return {"type": kind, "bytes": base64.b64encode(value).decode()}
    if kind.partition(".")[0] == "Number":
        try:
            float(value)
        except ValueError:
            raise AWSError(
                "ParameterValueInvalid",
                f"The message attribute '{name}' must contain a numeric value for message attribute type '{kind}'.",
            ) from None  # unsourced
    return {"type": kind, "text": value}


@operation("sns", "PublishBatch")
def publish_batch(call: Call) -> Result:
    name = topic_name(call, call.params["TopicArn"])
    given = _entries(call)
    publications = [_publication(each) for each in given]
    if sum(each.size for each in publications) > MOST_BYTES:
        raise AWSError("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")
    sent = _published(call, name, publications)
    return {
        "Successful": [{"Id": each["Id"], **_told(one)} for each, one in zip(given, sent, strict=True)],
        "Failed": [],
    }


def _entries(call: Call) -> Sequence[Mapping[str, Any]]:
    given: Sequence[Mapping[str, Any]] = call.params["PublishBatchRequestEntries"]
    if not given:
        raise AWSError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(given) > _MOST_ENTRIES:
        raise AWSError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
    for each in given:
        if len(each["Id"]) > _LONGEST_ID:
            words = f"The Id of a batch entry in the batch request is too long: {each['Id']}"
            raise AWSError("InvalidBatchEntryId", words)
        if not _ENTRY_ID.fullmatch(each["Id"]):
            words = f"The Id of a batch entry in the batch request contains an impermissible character: {each['Id']}"
            raise AWSError("InvalidBatchEntryId", words)
    if len({each["Id"] for each in given}) != len(given):
        raise AWSError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
    return given
