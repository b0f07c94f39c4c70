"""Why groups are as they are, told to their owner as tags that only who asks for them by name is told.

An extension: ``describe-tags --filters Name=key,Values=coppice:explain Name=auto-scaling-group,Values=NAME``. No client
asks for that key by itself; a tag of a user's that has just that key is told to who asks for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from backend.domain.page import Page
from backend.engine.explaining import Words
from backend.services.tags import TagQuery
from translators import arns
from translators.autoscaling import activity_words, group_words
from translators.autoscaling.errors import validation
from translators.registry import Call

KEY: Final = "coppice:explain"
WORDS: Final = Words(activity_words.description, activity_words.status_message, activity_words.reason, arns.instance_id)
_TELLS: Final = (
    "DescribeAutoScalingGroups",
    "DescribeInstanceRefreshes",
    "DescribeLifecycleHooks",
    "DescribeScalingActivities",
)
"""Whose answers it tells of: a rule that keeps those from a caller keeps this, too."""
_MOST_GROUPS: Final = 10
"""At a time: each has its next pass planned."""
_LONGEST: Final = 4000


def is_asked(query: TagQuery) -> bool:
    return KEY in query.keys


def page(call: Call, query: TagQuery, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """TagDescriptions, the groups in the order of their names.

    Args:
        after: the marker of the page before: ``name:what`` of its last one (no group's name has a colon). What has
            happened since is told of what follows.

    Raises:
        AWSError: it is asked for all groups, for too many, or together with other filters, or by who may not ask what
            it tells of.
    """
    for other in _TELLS:
        call.demand(other)
    if not 1 <= len(query.clusters) <= _MOST_GROUPS:
        raise validation(f"{KEY} takes 1 to {_MOST_GROUPS} values of the filter auto-scaling-group.")
    if len(query.keys) > 1 or query.values or query.propagate is not None:
        raise validation(f"{KEY} takes no filter but auto-scaling-group beside it.")
    last, _, told_last = (after or "").partition(":")
    names = [name for name in query.clusters if name >= last]
    explained = call.backend.explanations.of(call.scope, names, WORDS, managed=query.managed)
    tags = (
        (about, _tag(name, about, value))
        for name, told in explained
        for about, value in _values(told, told_last if name == last else "")
    )
    here = list(islice(tags, limit + 1))
    more = len(here) > limit
    marker = f"{here[limit - 1][1]['ResourceId']}:{here[limit - 1][0]}" if more else None
    return Page([tag for _, tag in here[:limit]], marker)


def _tag(name: str, about: str, value: str) -> dict[str, Any]:
    return {
        "ResourceId": name,
        "ResourceType": group_words.RESOURCE_TYPE,
        "Key": f"{KEY}:{about.replace('_', '-')}",
        "Value": value[:_LONGEST],
        "PropagateAtLaunch": False,
    }


def _values(told: Mapping[str, Any], after: str) -> Iterator[tuple[str, str]]:
    """What there is to say, as text; several things of a kind are lines. ``after``: what was told before."""
    names = list(told)
    for about in names[names.index(after) + 1 if after in told else 0 :]:
        match told[about]:
            case dict() as several:
                text = "\n".join(f"{name} {each}" for name, each in several.items())
            case list() as lines:
                text = "\n".join(lines)
            case value:
                text = "" if value is None else str(value)
        if text:
            yield about, text
