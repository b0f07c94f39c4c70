"""SQS's errors: the one table from the engine's findings to its codes (of the query form) and words.

Source: conformance/recorded; Amazon SQS API Reference; words as users quote them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from backend import errors
from backend.domain import queues
from translators.errors import AWSError, Table, register
from translators.sqs.settings import ATTRIBUTES

_QUALIFIED: Final = "AWS.SimpleQueueService."
LARGEST: Final = "One or more parameters are invalid. Reason: Message must be shorter than {} bytes."
LARGEST_OF_BATCH: Final = "One or more parameters cannot be validated. Reason: Message must be shorter than {} bytes."
_NO_DEDUPLICATION: Final = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)


def invalid(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)


def invalid_value(value: object, name: str, reason: str) -> AWSError:
    """A member's value that cannot be."""
    return invalid(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def missing(name: str) -> AWSError:
    return AWSError("MissingParameter", f"The request must contain the parameter {name}.")


def no_queue() -> AWSError:
    return AWSError(f"{_QUALIFIED}NonExistentQueue", "The specified queue does not exist.")


def batch(kind: str, words: str) -> AWSError:
    """What is wrong with a batch as a whole."""
    return AWSError(_QUALIFIED + kind, words)


def _exists(found: queues.QueueExists) -> AWSError:
    name = next(name for name, setting in ATTRIBUTES.items() if found.setting in setting.fields)
    words = f"A queue already exists with the same name and a different value for attribute {name}"
    return AWSError("QueueAlreadyExists", words)


_DEAD_LETTERS: Final[Mapping[str, str]] = {
    "missing": "Dead letter target does not exist.",
    "kind": "Dead-letter target must be same type of queue as the source.",
    "denied": "Dead letter target does not allow the source queue.",  # unsourced
}

_RECEIPTS: Final[Mapping[str, Callable[[str], AWSError]]] = {
    "form": lambda text: AWSError(
        "ReceiptHandleIsInvalid", f'The input receipt handle "{text}" is not a valid receipt handle.'
    ),
    "queue": lambda text: AWSError(
        "ReceiptHandleIsInvalid", f'The input receipt handle "{text}" is not a valid receipt handle.'
    ),
    "expired": lambda text: invalid_value(text, "ReceiptHandle", "The receipt handle has expired."),
}

_MESSAGES: Final[Mapping[str, Callable[[queues.MessageRefused], AWSError]]] = {
    "size": lambda found: invalid(LARGEST.format(found.most)),
    "group_missing": lambda _: missing("MessageGroupId"),
    "deduplication_missing": lambda _: invalid(_NO_DEDUPLICATION),
    "delay": lambda found: _of_other_kind(found, "DelaySeconds"),
    "deduplication": lambda found: _of_other_kind(found, "MessageDeduplicationId"),
}


def _of_other_kind(found: queues.MessageRefused, name: str) -> AWSError:
    return invalid_value(found.value, name, "The request include parameter that is not valid for this queue type.")


_LIMITS: Final[Mapping[str, str]] = {
    "queues": "The number of queues in this account and region has reached its limit.",  # unsourced
    "messages": "The number of messages in this account has reached its limit.",  # unsourced
    "bytes": "The size of all messages in this account has reached its limit.",  # unsourced
    "in_flight": "Too many messages in flight.",  # unsourced
}


def _limit(found: errors.LimitExceeded) -> AWSError:
    if found.what == "tags":
        return invalid("Too many tags added for queue.")  # unsourced
    return AWSError("OverLimit", _LIMITS[found.what], 403)


TABLE: Final[Table] = {
    queues.QueueMissing: lambda _: no_queue(),
    queues.QueueExists: _exists,
    queues.DeadLettersMissing: lambda found: invalid_value(found.name, "RedrivePolicy", _DEAD_LETTERS[found.why]),
    queues.PurgedLately: lambda found: AWSError(
        f"{_QUALIFIED}PurgeQueueInProgress",
        f"Only one PurgeQueue operation on {found.name} is allowed every 60 seconds.",
        403,
    ),
    queues.ReceiptInvalid: lambda found: _RECEIPTS[found.why](found.receipt),
    queues.NotInFlight: lambda _: AWSError(
        f"{_QUALIFIED}MessageNotInflight", "The specified message isn't in flight."
    ),  # unsourced
    queues.MessageRefused: lambda found: _MESSAGES[found.why](found),
    errors.LimitExceeded: _limit,
}

register("sqs", TABLE)
