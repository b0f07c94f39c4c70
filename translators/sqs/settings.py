"""A queue's attributes, texts by name, and the settings that they mean: read, checked, told.

Source: Amazon SQS API Reference, SetQueueAttributes; conformance/recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.queues import MOST_BYTES, Counts, Queue, arn_parts
from translators import arns
from translators.errors import AWSError
from translators.registry import Call

_WHOLE: Final = re.compile(r"[0-9]{1,10}")
_TRUTHS: Final = {"true": True, "false": False}
_MOST_POLICY: Final = 64 * 1024
_MOST_RECEIVES: Final = 1000
_MOST_SOURCES: Final = 10

Settings = dict[str, Any]


def unknown(name: str) -> AWSError:
    return AWSError("InvalidAttributeName", f"Unknown Attribute {name}.")


def bad(name: str, reason: str = "") -> AWSError:
    """A value that the attribute cannot have."""
    why = f" Reason: {reason}" if reason else ""
    return AWSError("InvalidAttributeValue", f"Invalid value for the parameter {name}.{why}")


def _refused(value: str, name: str, reason: str) -> AWSError:
    return AWSError("InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One that can be set.

    Attributes:
        fields: of Queue, that it is kept in.
        read: what a text means for these; raises AWSError.
        tell: the text, None where there is none to tell.
    """

    fields: tuple[str, ...]
    read: Callable[[Call, str, str], Settings]
    tell: Callable[[Call, Queue], str | None]


def _number(field: str, least: int, most: int) -> Attribute:
    def read(_: Call, name: str, text: str) -> Settings:
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise bad(name)
        return {field: int(text)}

    return Attribute((field,), read, lambda _, queue: _shown(getattr(queue, field)))


def _shown(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _truth(field: str, tell: Callable[[Queue], bool] = lambda _: True) -> Attribute:
    def read(_: Call, name: str, text: str) -> Settings:
        if text.lower() not in _TRUTHS:
            raise bad(name)
        return {field: _TRUTHS[text.lower()]}

    return Attribute((field,), read, lambda _, queue: _shown(getattr(queue, field)) if tell(queue) else None)


def _choice(field: str, words: Mapping[str, bool]) -> Attribute:
    def read(_: Call, name: str, text: str) -> Settings:
        if text not in words:
            raise bad(name)
        return {field: words[text]}

    def tell(_: Call, queue: Queue) -> str | None:
        return next(word for word, value in words.items() if value is getattr(queue, field)) if queue.fifo else None

    return Attribute((field,), read, tell)


def document(text: str, name: str) -> dict[str, Any]:
    """The JSON object of an attribute's text. Raises AWSError."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or len(text) > _MOST_POLICY:
        raise bad(name)
    return read


def _policy(_: Call, name: str, text: str) -> Settings:
    return {"policy": document(text, name) if text else None}


def _redrive(call: Call, name: str, text: str) -> Settings:
    if not text:
        return {"dead_letters": None, "most_receives": None}
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise _refused(text, name, "Redrive policy is not a valid JSON map.")
    for needed in ("maxReceiveCount", "deadLetterTargetArn"):
        if needed not in read:
            raise _refused(text, name, f"Redrive policy does not contain mandatory attribute: {needed}.")
    for other in read:
        if other not in {"maxReceiveCount", "deadLetterTargetArn"}:
            raise _refused(text, name, f"Redrive policy contains unknown attribute: {other}.")  # unsourced
    most = str(read["maxReceiveCount"])
    if not _WHOLE.fullmatch(most) or not 1 <= int(most) <= _MOST_RECEIVES:
        reason = f"Invalid value for maxReceiveCount: {most}, valid values are from 1 to 1000 both inclusive."
        raise _refused(text, name, reason)
    parts = arn_parts(str(read["deadLetterTargetArn"]))
    if parts is None:
        raise _refused(text, name, "Invalid value for deadLetterTargetArn.")
    region, account, target = parts
    if account != call.account_id:
        raise _refused(text, name, "Dead-letter target owner should be same as the source.")
    if region != call.region:
        raise _refused(text, name, "Dead-letter target should be in the same region as the source.")  # unsourced
    return {"dead_letters": target, "most_receives": int(most)}


def _redrive_told(call: Call, queue: Queue) -> str | None:
    if queue.dead_letters is None:
        return None
    target = arns.queue(call.region, call.account_id, queue.dead_letters)
    policy = {"deadLetterTargetArn": target, "maxReceiveCount": queue.most_receives}
    return json.dumps(policy, separators=(",", ":"))


def _allow(call: Call, name: str, text: str) -> Settings:
    if not text:
        return {"redrive_allow": None}
    read = document(text, name)
    permission = read.get("redrivePermission")
    sources = read.get("sourceQueueArns", [])
    if permission not in {"allowAll", "denyAll", "byQueue"} or set(read) - {"redrivePermission", "sourceQueueArns"}:
        raise _refused(
            text, name, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
        )
    if (permission == "byQueue") != bool(sources) or not isinstance(sources, list) or len(sources) > _MOST_SOURCES:
        raise _refused(
            text, name, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
        )
    names = []
    for arn in sources:
        parts = arn_parts(str(arn))
        if parts is None or parts[:2] != (call.region, call.account_id):
            raise _refused(
                text, name, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."
            )
        names.append(parts[2])
    return {"redrive_allow": {"permission": permission, **({"sources": names} if names else {})}}


def _allow_told(call: Call, queue: Queue) -> str | None:
    if queue.redrive_allow is None:
        return None
    told: dict[str, Any] = {"redrivePermission": queue.redrive_allow["permission"]}
    if names := queue.redrive_allow.get("sources"):
        told["sourceQueueArns"] = [arns.queue(call.region, call.account_id, name) for name in names]
    return json.dumps(told, separators=(",", ":"))


def _key(_: Call, name: str, text: str) -> Settings:
    if len(text) > 2048:
        raise bad(name)
    # A key of one's own and the service's are not had at once.
    return {"kms_key": text, "managed_encryption": False} if text else {"kms_key": None}


def _fifo(_: Call, name: str, text: str) -> Settings:
    if text.lower() not in _TRUTHS:
        raise bad(name)
    return {}


ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    "VisibilityTimeout": _number("visibility_seconds", 0, 43_200),
    "MaximumMessageSize": _number("most_bytes", 1024, MOST_BYTES),
    "MessageRetentionPeriod": _number("retention_seconds", 60, 1_209_600),
    "DelaySeconds": _number("delay_seconds", 0, 900),
    "ReceiveMessageWaitTimeSeconds": _number("wait_seconds", 0, 20),
    "RedrivePolicy": Attribute(("dead_letters", "most_receives"), _redrive, _redrive_told),
    "RedriveAllowPolicy": Attribute(("redrive_allow",), _allow, _allow_told),
    "Policy": Attribute(
        ("policy",),
        _policy,
        lambda _, queue: None if queue.policy is None else json.dumps(queue.policy, separators=(",", ":")),
    ),
    "KmsMasterKeyId": Attribute(("kms_key",), _key, lambda _, queue: queue.kms_key),
    "KmsDataKeyReusePeriodSeconds": Attribute(
        ("kms_reuse_seconds",),
        _number("kms_reuse_seconds", 60, 86_400).read,
        lambda _, queue: _shown(queue.kms_reuse_seconds or 300) if queue.kms_key else None,
    ),
    "SqsManagedSseEnabled": _truth("managed_encryption"),
    "ContentBasedDeduplication": _truth("content_deduplication", lambda queue: queue.fifo),
    "DeduplicationScope": _choice("group_deduplication", {"queue": False, "messageGroup": True}),
    "FifoThroughputLimit": _choice("group_limit", {"perQueue": False, "perMessageGroupId": True}),
    "FifoQueue": Attribute((), _fifo, lambda _, queue: "true" if queue.fifo else None),
}
"""Those that can be set, by name."""

_TOLD: Final[Mapping[str, Callable[[Call, Queue], str | None]]] = {
    "QueueArn": lambda call, queue: arns.queue(call.region, call.account_id, queue.name),
    "CreatedTimestamp": lambda _, queue: str(int(queue.created_at.timestamp())),
    "LastModifiedTimestamp": lambda _, queue: str(int(queue.changed_at.timestamp())),
    **{name: attribute.tell for name, attribute in ATTRIBUTES.items()},
}
_COUNTED: Final[Mapping[str, Callable[[Counts], int]]] = {
    "ApproximateNumberOfMessages": lambda counts: counts.waiting,
    "ApproximateNumberOfMessagesNotVisible": lambda counts: counts.in_flight,
    "ApproximateNumberOfMessagesDelayed": lambda counts: counts.delayed,
}
_ALL: Final = "All"
_ONLY_FIFO: Final = ("DeduplicationScope", "FifoThroughputLimit")


def read(call: Call, given: Mapping[str, str], *, fifo: bool, new: bool) -> Settings:
    """The settings that attributes mean, for a queue that is FIFO or is not.

    Raises:
        AWSError: an attribute that there is not, or not here, or a value that it cannot have.
    """
    settings: Settings = {}
    for name, text in given.items():
        attribute = ATTRIBUTES.get(name)
        if attribute is None:
            raise unknown(name)
        if not fifo and name in _ONLY_FIFO:
            words = f"You can specify the {name} only when FifoQueue is set to true."
            raise AWSError("InvalidAttributeName", words)
        if not fifo and name in {"ContentBasedDeduplication", "FifoQueue"} and new:
            raise unknown(name)
        if not new and name == "FifoQueue" and (text.lower() == "true") is not fifo:
            raise bad(name, "Modifying queue type is not supported.")
        if not fifo and name == "ContentBasedDeduplication":
            raise unknown(name)
        settings |= attribute.read(call, name, text)
    return settings


def told(call: Call, queue: Queue, names: list[str], counts: Callable[[], Counts]) -> dict[str, str]:
    """The attributes of these names, of all names where All is among them; those that the queue has not are left out.

    Args:
        counts: asked only where a count is to be told.

    Raises:
        AWSError: an attribute that there is not.
    """
    for name in names:
        if name != _ALL and name not in _TOLD and name not in _COUNTED:
            raise unknown(name)
    wanted = [*_TOLD, *_COUNTED] if _ALL in names else names
    found: dict[str, str] = {}
    counted: Counts | None = None
    for name in wanted:
        if name in _COUNTED:
            counted = counted or counts()
            found[name] = str(_COUNTED[name](counted))
        elif (value := _TOLD[name](call, queue)) is not None:
            found[name] = value
    return found
