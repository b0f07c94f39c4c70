"""Filters of subscriptions as callers give them: texts of JSON, refused in AWS's words.

Source: conformance/recorded. What AWS's parser says of a place in the text is left out.
"""

from __future__ import annotations

import json
from typing import Any, Final

from backend.domain.filters import NoFilter, NoNesting, checked
from translators.sns.errors import invalid

_MOST_BYTES: Final = 256 * 1024
_EXPECTED: Final = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


def read(text: str, *, nested: bool, where: str) -> Any:
    """The filter of a text; None where it lets everything pass.

    Args:
        nested: whether it looks into a body.
        where: what stands before the words of a refusal.

    Raises:
        AWSError
    """
    if not text:
        return None
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid(f"{where}FilterPolicy: failed to parse JSON. {unparsed(text)}") from None
    if not isinstance(policy, dict) or len(text.encode()) > _MOST_BYTES:
        raise invalid(f"{where}FilterPolicy: Filter policy is too complex")
    try:
        checked(policy, nested=nested)
    except NoNesting:
        raise invalid(
            f"{where}Filter policy scope MessageAttributes does not support nested filter policy"
            if where
            else "Filter policy scope MessageAttributes does not support nested filter policy"
        ) from None
    except NoFilter as reason:
        raise invalid(f"{where}FilterPolicy: {reason}") from None
    return policy or None


def unparsed(text: str) -> str:
    """What is wrong at the beginning of a text, as Jackson says it."""
    word = text.strip()
    if word.startswith("{"):
        letter = word[1:].strip()[:1] or " "
        code = ord(letter)
        return f"Unexpected character ('{letter}' (code {code})): was expecting double-quote to start field name"
    token = word.split("-")[0].split(" ")[0]
    return f"Unrecognized token '{token}': {_EXPECTED}"
