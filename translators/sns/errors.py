"""SNS's errors: the one table from the engine's findings to its codes and words.

Source: conformance/recorded; Amazon SNS API Reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend import errors
from backend.domain import topics
from translators.errors import AWSError, Table, register


def invalid(words: str) -> AWSError:
    return AWSError("InvalidParameter", f"Invalid parameter: {words}")


def not_found(what: str) -> AWSError:
    return AWSError("NotFound", f"{what} does not exist", 404)


_PUBLICATIONS: Final[Mapping[str, str]] = {
    "group_missing": "The MessageGroupId parameter is required for FIFO topics",
    "deduplication_missing": (
        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    ),
    "deduplication": (
        "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for"
        " this topic type"
    ),
}
_LIMITS: Final[Mapping[str, AWSError]] = {
    "topics": AWSError("TopicLimitExceeded", "The number of topics has reached its limit.", 403),  # unsourced
    "subscriptions": AWSError(
        "SubscriptionLimitExceeded", "The number of subscriptions has reached its limit.", 403
    ),  # unsourced
    "filters": AWSError(
        "FilterPolicyLimitExceeded", "The number of filter policies of this topic has reached its limit.", 403
    ),  # unsourced
    "messages": AWSError("Throttled", "The number of messages has reached its limit.", 429),  # unsourced
    "bytes": AWSError("Throttled", "The size of all messages has reached its limit.", 429),  # unsourced
    "tags": AWSError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded"),
}

TABLE: Final[Table] = {
    topics.TopicMissing: lambda _: not_found("Topic"),
    topics.SubscriptionMissing: lambda _: not_found("Subscription"),
    topics.TopicDiffers: lambda found: invalid(
        f"{found.what.capitalize()} Reason: Topic already exists with different {found.what}"
    ),
    topics.SubscriptionDiffers: lambda _: invalid(
        "Attributes Reason: Subscription already exists with different attributes"
    ),
    topics.SubscriptionPending: lambda _: invalid("Cannot unsubscribe a subscription that is pending confirmation"),
    topics.SignatureMissing: lambda _: AWSError(
        "AuthorizationError", "The subscription is ended by a signed request alone", 403
    ),  # unsourced
    topics.TokenUnknown: lambda _: invalid("Token"),
    topics.PublicationRefused: lambda found: invalid(_PUBLICATIONS[found.why]),
    errors.LimitExceeded: lambda found: _LIMITS[found.what],
}

register("sns", TABLE)
