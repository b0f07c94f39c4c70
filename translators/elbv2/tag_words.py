"""Tags as requests of load balancing give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from translators.elbv2 import errors
from translators.errors import AWSError

LIMIT: Final = 50


def checked(given: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags to be set.

    Raises:
        AWSError: a key that is reserved or there twice, or too many of them.
    """
    found: dict[str, str] = {}
    for each in given:
        key = each.get("Key") or ""
        if key.lower().startswith("aws:"):
            raise errors.validation("Tag keys starting with 'aws:' are reserved for internal use")  # unsourced
        if key in found:
            raise AWSError("DuplicateTagKeys", f"A tag key was specified more than once: '{key}'")  # unsourced
        found[key] = each.get("Value") or ""
    if len(found) > LIMIT:
        raise AWSError("TooManyTags", f"You have reached the limit on the number of tags per resource: {LIMIT}")
    return found
