"""Findings about temporary keys and the roles that they stand for. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class SessionsUnavailable(Finding):
    """There are no temporary keys here; ``detail`` says why."""

    detail: str


@dataclass(eq=False)
class KeyGone(Finding):
    """The lasting key that was to open a temporary one is there no more, or is another by now."""

    access_key: str


@dataclass(eq=False)
class RolesNotAssumed(Finding):
    """This cloud has no roles that could be assumed."""


@dataclass(eq=False)
class RoleRefused(Finding):
    """There is no account ``number``, or it lets the caller assume no role."""

    number: str
    role: str
