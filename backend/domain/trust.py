"""Whom a trust policy lets assume its role: those that it names plainly, and nobody by inference. Pure.

Nothing is evaluated: a statement with a condition lets nobody in, and a policy that denies anything lets nobody in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

_ACTIONS: Final = frozenset({"sts:assumerole", "sts:assumerole*", "sts:*"})
ANYBODY: Final = "*"


def trusts(policy: str, names: Collection[str]) -> bool:
    """Whether a trust policy names one of these.

    Args:
        policy: JSON, as it was checked when the role was made.
        names: what the caller may be called: its account's number, its ARN...
    """
    statement = json.loads(policy)["Statement"]
    statements = [statement] if isinstance(statement, dict) else statement
    if any(each["Effect"] != "Allow" for each in statements):
        return False
    return any(_lets_in(each, names) for each in statements)


def _lets_in(statement: Mapping[str, Any], names: Collection[str]) -> bool:
    if statement.get("Condition") or not _ACTIONS & {each.lower() for each in _texts(statement.get("Action", ()))}:
        return False
    principal = statement.get("Principal")
    if principal == ANYBODY:
        return True
    named = _texts(principal.get("AWS", ())) if isinstance(principal, dict) else ()
    return any(each == ANYBODY or each in names for each in named)


def _texts(value: Any) -> Collection[str]:
    return (value,) if isinstance(value, str) else value
