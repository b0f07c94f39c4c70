"""Messages received, deleted and hidden for longer.

Source: Amazon SQS API Reference, ReceiveMessage, DeleteMessage, ChangeMessageVisibility; conformance/recorded.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.queues import Queue, Received, attributes_digest, digest
from backend.errors import Finding
from translators import arns
from translators.errors import AWSError, translate
from translators.registry import Call, NotYet, Result, operation
from translators.sqs.errors import invalid_value, missing
from translators.sqs.queues import found
from translators.sqs.sending import entries, failure, results
from translators.sqs.settings import unknown

_MOST: Final = 10
_MOST_WAIT: Final = 20
_MOST_HIDDEN: Final = 43_200
_ALL: Final = "All"

_SYSTEM: Final = (
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
)


@operation("sqs", "ReceiveMessage")
def receive(call: Call) -> Result:
    queue = found(call)
    most = _within(call, "MaxNumberOfMessages", (1, _MOST), 1, "Must be between 1 and 10, if provided.")
    wait = _within(call, "WaitTimeSeconds", (0, _MOST_WAIT), queue.wait_seconds, "Must be >= 0 and <= 20, if provided.")
    hidden = _within(
        call,
        "VisibilityTimeout",
        (0, _MOST_HIDDEN),
        queue.visibility_seconds,
        "Must be >= 0 and <= 43200, if provided.",
    )
    wanted = [*(call.params.get("AttributeNames") or ()), *(call.params.get("MessageSystemAttributeNames") or ())]
    for name in wanted:
        if name != _ALL and name not in _SYSTEM:
            raise unknown(name)
    attempt = call.params.get("ReceiveRequestAttemptId")
    received = call.backend.queues.receive(call.scope, queue, most, hidden, attempt)
    if not received and call.may_wait and call.waited < wait:
        ticket = call.backend.queues.expect(call.scope, queue)
        raise NotYet(wait - call.waited, ticket.ready)
    names = call.params.get("MessageAttributeNames") or ()
    told = [_told(call, queue, each, wanted, names) for each in received]
    return {"Messages": told} if told else {}


def _within(call: Call, name: str, bounds: tuple[int, int], default: int, reason: str) -> int:
    value: int = call.params.get(name, default)
    if not bounds[0] <= value <= bounds[1]:
        raise invalid_value(value, name, reason)
    return value


def _told(call: Call, queue: Queue, message: Received, wanted: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": digest(message.body),
        "Body": message.body,
    }
    system = _system(call, queue, message)
    shown = system if _ALL in wanted else {name: value for name, value in system.items() if name in wanted}
    if shown:
        answer["Attributes"] = shown
    chosen = {name: each for name, each in message.attributes.items() if _chosen(name, names)}
    if chosen:
        answer["MD5OfMessageAttributes"] = attributes_digest(chosen)
        answer["MessageAttributes"] = {name: attribute_told(each) for name, each in chosen.items()}
    return answer


def _system(call: Call, queue: Queue, message: Received) -> dict[str, str]:
    told = {
        "SenderId": message.sender or call.account_id,
        "SentTimestamp": _milliseconds(message.sent_at.timestamp()),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": _milliseconds(message.first_received_at.timestamp()),
    }
    if queue.fifo:
        told["SequenceNumber"] = f"{message.number:020}"
    if message.deduplication is not None:
        told["MessageDeduplicationId"] = message.deduplication
    if message.group is not None:
        told["MessageGroupId"] = message.group
    if message.trace is not None:
        told["AWSTraceHeader"] = message.trace
    if message.source is not None:
        told["DeadLetterQueueSourceArn"] = arns.queue(call.region, call.account_id, message.source)
    return told


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


def _chosen(name: str, names: Sequence[str]) -> bool:
    """Whether an attribute is among those that were asked for: by its name, by how it begins, or with all."""
    for each in names:
        if each in {_ALL, ".*", "*", name}:
            return True
        if each.endswith(".*") and name.startswith(each[:-2]):
            return True
    return False


def attribute_told(each: Mapping[str, str]) -> dict[str, Any]:
    """A message attribute as an answer has it."""
    if "bytes" in each:
        return {"BinaryValue": base64.b64decode(each["bytes"]), "DataType": each["type"]}
    return {"StringValue": each["text"], "DataType": each["type"]}


# Receipts


def _raised(call: Call, finding: Finding) -> AWSError:
    error = translate(finding, call.service)
    if error is None:
        raise finding
    return error


@operation("sqs", "DeleteMessage")
def delete(call: Call) -> Result:
    queue = found(call)
    (reason,) = call.backend.queues.remove(call.scope, queue, [call.params["ReceiptHandle"]])
    if reason is not None:
        raise reason
    return {}


@operation("sqs", "DeleteMessageBatch")
def delete_batch(call: Call) -> Result:
    queue = found(call)
    given = entries(call, "DeleteMessageBatchRequestEntry")
    reasons = call.backend.queues.remove(call.scope, queue, [each["ReceiptHandle"] for each in given])
    done = [{"Id": each["Id"]} for each, reason in zip(given, reasons, strict=True) if reason is None]
    failed = [
        failure(each["Id"], _raised(call, reason))
        for each, reason in zip(given, reasons, strict=True)
        if reason is not None
    ]
    return results(done, failed)


@operation("sqs", "ChangeMessageVisibility")
def change_visibility(call: Call) -> Result:
    queue = found(call)
    call.backend.queues.hide(call.scope, queue, call.params["ReceiptHandle"], _seconds(call.params))
    return {}


def _seconds(given: Mapping[str, Any]) -> int:
    seconds: int | None = given.get("VisibilityTimeout")
    if seconds is None:
        raise missing("VisibilityTimeout")
    if not 0 <= seconds <= _MOST_HIDDEN:
        raise invalid_value(seconds, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
    return seconds


@operation("sqs", "ChangeMessageVisibilityBatch")
def change_visibility_batch(call: Call) -> Result:
    queue = found(call)
    done, failed = [], []
    for each in entries(call, "ChangeMessageVisibilityBatchRequestEntry"):
        try:
            call.backend.queues.hide(call.scope, queue, each["ReceiptHandle"], _seconds(each))
        except AWSError as error:
            failed.append(failure(each["Id"], error))
        except Finding as finding:
            failed.append(failure(each["Id"], _raised(call, finding)))
        else:
            done.append({"Id": each["Id"]})
    return results(done, failed)
