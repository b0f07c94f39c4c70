"""Tags as Auto Scaling's callers give them: the rules of keys, resources and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.domain import batch_sizes
from backend.domain.cluster import Tag
from translators.autoscaling.errors import validation
from translators.autoscaling.group_words import RESOURCE_TYPE

MOST_PER_CALL: Final = 25
RESERVED: Final = "aws:"


def new_tags(given: Sequence[Mapping[str, Any]], name: str) -> tuple[Tag, ...]:
    """The tags of a group that is being created.

    Raises:
        AWSError: a key is reserved or given twice, or the tag names another resource.
    """
    tags = []
    for item in given:
        resource, kind = item.get("ResourceId"), item.get("ResourceType")
        if resource not in {None, "", name}:
            raise validation(f"The ResourceId {resource} does not match the AutoScalingGroup name {name}.")  # unsourced
        if kind not in {None, "", RESOURCE_TYPE}:
            raise _other_type(kind)
        tags.append(tag(item))
    refuse_twice([(name, item.key) for item in tags])
    return tuple(tags)


def resource_of(item: Mapping[str, Any]) -> str:
    """The group a tag of CreateOrUpdateTags or DeleteTags names.

    Raises:
        AWSError: the resource is missing or of a type that has no tags.
    """
    resource, kind = item.get("ResourceId"), item.get("ResourceType")
    if not resource:
        raise validation("The ResourceId of a tag must be specified.")  # unsourced
    if not kind:
        raise validation("The ResourceType of a tag must be specified.")  # unsourced
    if kind != RESOURCE_TYPE:
        raise _other_type(kind)
    return str(resource)


def tag(item: Mapping[str, Any]) -> Tag:
    """One tag.

    Raises:
        AWSError: its key is reserved, or its value is not what such a tag has.
    """
    key: str = item["Key"]
    refuse_reserved(key)
    value: str = item.get("Value") or ""
    try:
        batch_sizes.of_tag(key, value)
    except batch_sizes.BatchUnreadable as why:
        raise validation(str(why)) from why
    return Tag(key, value, bool(item.get("PropagateAtLaunch")))


def refuse_reserved(key: str) -> None:
    """Raises AWSError: keys that begin with ``aws:`` (in any case) are AWS's own."""
    if key.lower().startswith(RESERVED):
        raise validation("aws: prefixed tag key names are not allowed for external use.")


def refuse_twice(keys: Sequence[tuple[str, str]]) -> None:
    """Raises AWSError: a key is given twice for one resource."""
    if len(set(keys)) != len(keys):
        raise validation("Duplicate keys found in tags list.")  # unsourced


def _other_type(kind: Any) -> Exception:
    return validation(f"Invalid ResourceType: {kind}. Valid values: [{RESOURCE_TYPE}]")  # unsourced
