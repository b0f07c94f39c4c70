"""Why groups are as they are, told to their owner as tags that only who asks for them by name is told.

An extension: ``describe-tags --filters Name=key,Values=coppice:explain Name=auto-scaling-group,Values=NAME``. No client
asks for that key by itself, and no tag of a user's is kept from anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from backend.engine.explaining import Words
from backend.services.tags import TagQuery
from translators import arns
from translators.autoscaling import activity_words, group_words
from translators.autoscaling.errors import validation
from translators.registry import Call

KEY: Final = "coppice:explain"
WORDS: Final = Words(activity_words.description, activity_words.status_message, activity_words.reason, arns.instance_id)
_MOST_GROUPS: Final = 10
"""At a time: each has its next pass planned."""
_LONGEST: Final = 4000


def is_asked(query: TagQuery) -> bool:
    return KEY in query.keys


def tags(call: Call, query: TagQuery) -> list[dict[str, Any]]:
    """TagDescriptions, the groups in the order of their names.

    Raises:
        AWSError: it is asked for all groups, for too many, or together with other filters.
    """
    if not 1 <= len(query.clusters) <= _MOST_GROUPS:
        raise validation(f"{KEY} takes 1 to {_MOST_GROUPS} values of the filter auto-scaling-group.")
    if len(query.keys) > 1 or query.values or query.propagate is not None:
        raise validation(f"{KEY} takes no filter but auto-scaling-group beside it.")
    explained = call.backend.explanations.of(call.scope, query.clusters, WORDS)
    return [
        {
            "ResourceId": name,
            "ResourceType": group_words.RESOURCE_TYPE,
            "Key": f"{KEY}:{about.replace('_', '-')}",
            "Value": value[:_LONGEST],
            "PropagateAtLaunch": False,
        }
        for name, told in explained.items()
        for about, value in _values(told)
    ]


def _values(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What there is to say, as text; several things of a kind are lines."""
    for about, value in told.items():
        match value:
            case dict():
                text = "\n".join(f"{name} {each}" for name, each in value.items())
            case list():
                text = "\n".join(value)
            case _:
                text = "" if value is None else str(value)
        if text:
            yield about, text
