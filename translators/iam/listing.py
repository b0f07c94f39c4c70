"""What IAM's lists share: a page of one, and where the next begins. Names of things in requests are read here too."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from backend.services.managed_policies import PolicyRef
from translators import paging
from translators.errors import AWSError
from translators.iam.errors import validation
from translators.registry import Call

T = TypeVar("T")
_MOST: Final = 100
_POLICY: Final = re.compile(
    r"arn:aws:iam::(aws|[0-9]{12}):policy(/(?:[A-Za-z0-9.,+@=_/-]+/)?)([\w+=,.@-]{1,128})", re.ASCII
)


def page(call: Call, member: str, items: Sequence[T], key: Callable[[T], str]) -> dict[str, Any]:
    """A page of a list, in the order of its keys, with what leads to the next.

    Raises:
        AWSError: the marker is none.
    """
    ordered = sorted(items, key=key)
    if marker := call.params.get("Marker"):
        after = paging.decode(marker, call.operation, paging.binding(call), "iam")
        ordered = [item for item in ordered if key(item) > after]
    size = call.params.get("MaxItems", _MOST)
    here = ordered[:size]
    more = len(ordered) > size
    told: dict[str, Any] = {member: here, "IsTruncated": more}
    if more:
        told["Marker"] = paging.encode(call.operation, key(here[-1]), paging.binding(call))
    return told


def whole(call: Call, member: str, items: Sequence[Any]) -> dict[str, Any]:
    """A list that is never longer than a page, in the order it has."""
    if call.params.get("Marker"):
        raise paging.refusal("", "iam")
    return {member: list(items), "IsTruncated": False}


def policy_of(call: Call, arn: str, refused: Callable[[str], AWSError]) -> PolicyRef:
    """The managed policy that an ARN means.

    Args:
        refused: what is answered to one of another account.

    Raises:
        AWSError: the text is no ARN.

    Source: conformance/recorded test_role_attach_policy.
    """
    if not arn.startswith("arn:") or arn.count(":") < 5:
        raise validation("Invalid ARN:  Could not be parsed!")
    found = _POLICY.fullmatch(arn)
    if found is None:
        raise validation(f"ARN {arn} is not valid.")
    if found[1] == "aws":
        return PolicyRef(arn, found[3], found[2], managed=True)
    if found[1] != call.account_id:
        raise refused(arn)
    return PolicyRef(arn, found[3], found[2])


def tags_of(call: Call) -> dict[str, str]:
    """The tags of a request.

    Raises:
        AWSError: a key is there twice, or is AWS's own.
    """
    tags: dict[str, str] = {}
    folded: set[str] = set()
    for tag in call.params.get("Tags") or ():
        key = tag["Key"]
        if key.lower() in folded:
            # Source: moto tests/test_iam, in words that AWS's own have.
            raise AWSError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        if key.lower().startswith("aws:"):
            raise validation(  # unsourced
                "Tag keys beginning with aws: are reserved for system use."
            )
        folded.add(key.lower())
        tags[key] = tag["Value"]
    return tags


def tags_told(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as answers hold them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def within(prefix: str | None, path: str) -> bool:
    """Whether a path begins as asked for."""
    return path.startswith(prefix or "/")
