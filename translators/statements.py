"""Statements of the policies of queues and topics, which are kept and shown and asked by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def statements(policy: Any) -> list[dict[str, Any]]:
    """Those of a policy, whatever its owner wrote: one alone needs no list, and what is none is left out."""
    given = policy.get("Statement", [])
    return [each for each in (given if isinstance(given, list) else [given]) if isinstance(each, dict)]


def allowing(label: str, accounts: Sequence[str], actions: Sequence[str], resource: str) -> dict[str, Any]:
    """A statement that lets accounts ask for actions, which are named with their service."""
    return {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_all([f"arn:aws:iam::{account}:root" for account in accounts])},
        "Action": _one_or_all(actions),
        "Resource": resource,
    }


def _one_or_all(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else values
