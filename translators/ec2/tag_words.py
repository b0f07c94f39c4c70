"""Tags between EC2's words and the engine's: checked on the way in, sorted on the way out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from translators.errors import AWSError
from translators.nouns import Tagging
from translators.registry import Call

T = TypeVar("T")

RESERVED: Final = "aws:"
KEY_LENGTH: Final = 128
VALUE_LENGTH: Final = 256
LIMIT: Final = 50
_TYPE: Final = re.compile(r"[a-z][a-z0-9-]{1,60}")

KINDS: Final[Mapping[str, str]] = {
    "i": "instance",
    "ami": "image",
    "lt": "launch-template",
    "vpc": "vpc",
    "subnet": "subnet",
    "eipalloc": "elastic-ip",
    "nat": "natgateway",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "vol": "volume",
    "eni": "network-interface",
    "key": "key-pair",
    "pg": "placement-group",
    "snap": "snapshot",
    "igw": "internet-gateway",
    "rtb": "route-table",
    "acl": "network-acl",
    "dopt": "dhcp-options",
    "pl": "prefix-list",
}
"""Prefix of an id -> the resource type that tags know it by."""


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as answers hold them, by key."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def member(tags: Mapping[str, str], name: str = "Tags") -> dict[str, Any]:
    """The member of an answer that holds tags: EC2 leaves it out where there are none."""
    return {name: shown(tags)} if tags else {}


def whole(tags: Mapping[str, str]) -> dict[str, Any]:
    """The same member of answers that tell of it always."""
    return {"Tags": shown(tags)}


def kept(
    id_of: Callable[[T], str],
    name_of: Callable[[T], str] | None = None,
    told: Callable[[Mapping[str, str]], dict[str, Any]] = member,
) -> Tagging[T]:
    """Tags that Coppice keeps by the id of a thing.

    Args:
        name_of: the name that the cloud has for it, which stands in for a tag ``Name`` that was never set.
        told: the members that answers have of them.
    """

    def of(call: Call, items: Sequence[T]) -> list[Mapping[str, str]]:
        ids = [id_of(item) for item in items]
        found = call.backend.resource_tags.of(call.scope, ids)
        tags = [found.get(each, {}) for each in ids]
        return tags if name_of is None else [_named(own, name_of(item)) for own, item in zip(tags, items, strict=True)]

    return Tagging(of, told)


def _named(tags: Mapping[str, str], name: str) -> Mapping[str, str]:
    return tags if "Name" in tags or not name else {"Name": name, **tags}


def checked(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags to be set.

    Raises:
        AWSError: a key that is empty, too long, reserved or there twice, or a value too long.
    """
    found: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        check_key(key)
        if len(value) > VALUE_LENGTH:
            raise _refused(f"Tag value exceeds the maximum length of {VALUE_LENGTH} characters")  # unsourced
        if key in found:
            raise _refused(f"Duplicate tag key '{key}' specified.")  # unsourced
        found[key] = value
    check_number(found)
    return found


def check_number(tags: Mapping[str, str]) -> None:
    """Refuse more tags than a resource may have."""
    if len(tags) > LIMIT:
        # unsourced
        raise AWSError("TagLimitExceeded", "You have reached the maximum number of tags allowed on a single resource.")


def check_key(key: str) -> None:
    """Refuse a key that no tag of a caller may have."""
    if not key:
        raise _refused("Tag key cannot be null or empty")  # unsourced
    if len(key) > KEY_LENGTH:
        raise _refused(f"Tag key exceeds the maximum length of {KEY_LENGTH} characters")  # unsourced
    if key.lower().startswith(RESERVED):
        raise _refused("Tag keys starting with 'aws:' are reserved for internal use")


def specified(specifications: Sequence[Mapping[str, Any]] | None, allowed: frozenset[str]) -> dict[str, dict[str, str]]:
    """Tags by resource type, as ``TagSpecifications`` give them.

    Raises:
        AWSError: a type that the operation does not make, the same type twice, or a tag that cannot be.
    """
    found: dict[str, dict[str, str]] = {}
    for each in specifications or ():
        kind = each.get("ResourceType")
        if kind is None:
            raise AWSError("MissingParameter", "The request must contain the parameter ResourceType")  # unsourced
        if kind not in allowed:
            words = " for this operation" if _TYPE.fullmatch(kind) and kind in KINDS.values() else ""
            raise _refused(f"'{kind}' is not a valid taggable resource type{words}.")  # unsourced
        if kind in found:
            raise _refused(f"Duplicate resource type '{kind}' specified in tag specifications.")  # unsourced
        found[kind] = checked(each.get("Tags") or ())
    return found


def of_one(specifications: Sequence[Mapping[str, Any]] | None, kind: str) -> dict[str, str]:
    """Tags of the one thing that an operation makes, as ``TagSpecifications`` give them; raises as ``specified``."""
    return specified(specifications, frozenset({kind})).get(kind, {})


def _refused(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)
