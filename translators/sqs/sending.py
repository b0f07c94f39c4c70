"""Messages sent, one by one and in batches.

Source: Amazon SQS API Reference, SendMessage, SendMessageBatch; conformance/recorded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain.queues import MOST_BYTES, Outgoing, Queue, Sent, attributes_digest, digest
from backend.services.queues import refused
from translators.errors import AWSError, translate
from translators.registry import Call, Result, operation
from translators.sqs.errors import LARGEST_OF_BATCH, batch, invalid, invalid_value, missing
from translators.sqs.queues import found
from translators.sts.identity import user_id

_MOST_ATTRIBUTES: Final = 10
_MOST_DELAY: Final = 900
_MOST_ENTRIES: Final = 10
_ENTRY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_ATTRIBUTE_NAME: Final = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_ATTRIBUTE_TYPE: Final = re.compile(r"(String|Number|Binary)(\.[\w.-]+)?")
_UNFIT: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LISTS: Final = frozenset({"StringListValues", "BinaryListValues"})
_TRACE: Final = "AWSTraceHeader"
# Its bytes count towards no limit, so it is what a trace header can be. Source: AWS X-Ray Developer Guide, "Tracing
# header"; how long it may be is ours.
_TRACE_FORM: Final = re.compile(r"(?=(.*;)?Root=)[A-Za-z]+=[!-:<-~]*(;[A-Za-z]+=[!-:<-~]*)*;?")
_LONGEST_TRACE: Final = 512


@operation("sqs", "SendMessage")
def send(call: Call) -> Result:
    queue = found(call)
    _check_lists(call, [call.params])
    outgoing = _outgoing(call, call.params)
    (sent,) = call.backend.queues.send(call.scope, queue, [outgoing])
    return told(queue, outgoing, sent)


@operation("sqs", "SendMessageBatch")
def send_batch(call: Call) -> Result:
    queue = found(call)
    given = entries(call, "SendMessageBatchRequestEntry")
    _check_lists(call, given)
    size = sum(_size(each) for each in given)
    if size > MOST_BYTES:
        words = f"Batch requests cannot be longer than {MOST_BYTES} bytes. You have sent {size} bytes."
        raise batch("BatchRequestTooLong", words)
    good: list[tuple[str, Outgoing]] = []
    failed = []
    for each in given:
        try:
            outgoing = _outgoing(call, each)
            reason = refused(queue, outgoing)
            if reason is not None and reason.why == "deduplication_missing":
                raise reason  # the batch as a whole is refused. Source: conformance/recorded
            if reason is not None:
                raise _refusal(call, reason)
        except AWSError as error:
            failed.append(failure(each["Id"], error))
        else:
            good.append((each["Id"], outgoing))
    sent = call.backend.queues.send(call.scope, queue, [each for _, each in good]) if good else []
    done = [{"Id": id_, **told(queue, outgoing, each)} for (id_, outgoing), each in zip(good, sent, strict=True)]
    return results(done, failed)


def _check_lists(call: Call, given: Sequence[Mapping[str, Any]]) -> None:
    """Raises AWSError where an attribute has a list of values, be it empty; a batch is refused as a whole.

    Source: ruby-shoryuken/shoryuken #769, lumigo-io/lumigo-CLI #94.
    """
    members = ("MessageAttributes", "MessageSystemAttributes")
    told = (each for entry in given for name in members for each in (entry.get(name) or {}).values())
    if any(each.keys() & _LISTS for each in told):
        words = f"Message attribute list values in {call.operation} operation are not supported."
        raise batch("UnsupportedOperation", words)


def _refusal(call: Call, reason: Any) -> AWSError:
    if reason.why == "size":
        return invalid(LARGEST_OF_BATCH.format(reason.most))
    error = translate(reason, call.service)
    assert error is not None
    return error


def _size(entry: Mapping[str, Any]) -> int:
    attributes = entry.get("MessageAttributes") or {}
    return len((entry.get("MessageBody") or "").encode()) + sum(
        len(name.encode())
        + len(each.get("DataType", "").encode())
        + len(each.get("StringValue", "").encode())
        + len(each.get("BinaryValue", b""))
        for name, each in attributes.items()
    )


def told(queue: Queue, outgoing: Outgoing, sent: Sent) -> dict[str, Any]:
    """What an answer says of a message that was sent."""
    answer: dict[str, Any] = {"MessageId": sent.id, "MD5OfMessageBody": digest(outgoing.body)}
    if outgoing.attributes:
        answer["MD5OfMessageAttributes"] = attributes_digest(outgoing.attributes)
    if outgoing.trace is not None:
        system = {_TRACE: {"type": "String", "text": outgoing.trace}}
        answer["MD5OfMessageSystemAttributes"] = attributes_digest(system)
    if queue.fifo and sent.number is not None:
        answer["SequenceNumber"] = f"{sent.number:020}"
    return answer


def _outgoing(call: Call, given: Mapping[str, Any]) -> Outgoing:
    body = given.get("MessageBody")
    if not body:
        raise missing("MessageBody")
    _check_text(body, "message body")
    delay = given.get("DelaySeconds")
    if delay is not None and not 0 <= delay <= _MOST_DELAY:
        raise invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if (value := given.get(name)) is not None and not _TOKEN.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            raise invalid_value(value, name, reason)
    return Outgoing(
        body=body,
        attributes=attributes_of(given.get("MessageAttributes") or {}),
        trace=_trace(given.get("MessageSystemAttributes") or {}),
        sender=user_id(call.caller),
        group=given.get("MessageGroupId"),
        deduplication=given.get("MessageDeduplicationId"),
        delay_seconds=delay,
    )


def _check_text(text: str, what: str) -> None:
    unfit = _UNFIT.search(text)
    if unfit is not None:
        raise AWSError(
            "InvalidMessageContents",
            f"Invalid binary character '#x{ord(unfit[0]):X}' was found in the {what}, the set of allowed characters is"
            " #x9 | #xA | #xD | [#x20 to #xD7FF] | [#xE000 to #xFFFD] | [#x10000 to #x10FFFF]",
        )


def attributes_of(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Message attributes as they are kept. Raises AWSError."""
    if len(given) > _MOST_ATTRIBUTES:
        raise invalid(f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{_MOST_ATTRIBUTES}].")
    return {name: _attribute(name, each) for name, each in given.items()}


def _attribute(name: str, each: Mapping[str, Any]) -> dict[str, str]:
    if not _ATTRIBUTE_NAME.fullmatch(name) or name.lower().startswith(("aws.", "amazon.")):
        raise invalid(
            "Message (user) attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and period (.)"
            " characters."
        )  # unsourced
    kind = each.get("DataType", "")
    if not _ATTRIBUTE_TYPE.fullmatch(kind) or len(kind) > 256:
        raise invalid(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the following supported type"
            " prefixes: Binary, Number, String."
        )
    binary = kind.partition(".")[0] == "Binary"
    value = each.get("BinaryValue" if binary else "StringValue")
    if not value:
        shown = kind.partition(".")[0]
        raise invalid(f"Message (user) attribute '{name}' must contain a non-empty value of type '{shown}'.")
    if binary:
        return {"type": kind, "bytes": base64.b64encode(value).decode()}
    _check_text(value, f"message attribute '{name}'")
    if kind.partition(".")[0] == "Number" and not _is_number(value):
        raise invalid(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    return {"type": kind, "text": value}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _trace(given: Mapping[str, Mapping[str, Any]]) -> str | None:
    for name, each in given.items():
        if name != _TRACE:
            raise invalid(f"Message system attribute name '{name}' is invalid.")
        if each.get("DataType") != "String" or not each.get("StringValue"):
            raise invalid(f"Message system attribute '{name}' must contain a non-empty value of type 'String'.")
        value = str(each["StringValue"])
        _check_text(value, "message system attribute")
        if len(value) > _LONGEST_TRACE or not _TRACE_FORM.fullmatch(value):
            raise invalid(f"Message system attribute '{name}' is not a valid trace header.")  # unsourced
        return value
    return None


# Batches, of whatever is asked


def entries(call: Call, kind: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a batch, each with an id of its own. Raises AWSError."""
    given: Sequence[Mapping[str, Any]] = call.params.get("Entries") or []
    if not given:
        raise batch("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if len(given) > _MOST_ENTRIES:
        words = f"Maximum number of entries per request are {_MOST_ENTRIES}. You have sent {len(given)}."
        raise batch("TooManyEntriesInBatchRequest", words)
    seen: set[str] = set()
    repeated = ""
    for each in given:
        id_ = each["Id"]
        if not _ENTRY_ID.fullmatch(id_):
            words = (
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most"
                " 80 letters long."
            )
            raise batch("InvalidBatchEntryId", words)
        repeated = repeated or (id_ if id_ in seen else "")
        seen.add(id_)
    if repeated:
        raise batch("BatchEntryIdsNotDistinct", f"Id {repeated} repeated.")
    return given


def failure(id_: str, error: AWSError) -> dict[str, Any]:
    """What an answer says of an entry that failed."""
    told = {"Id": id_, "SenderFault": error.fault == "Sender", "Code": error.code}
    return {**told, "Message": error.message} if error.message else told


def results(done: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]]) -> Result:
    """The answer to a batch: neither list is sent empty."""
    answer: dict[str, Any] = {}
    if done:
        answer["Successful"] = list(done)
    if failed:
        answer["Failed"] = list(failed)
    return answer
