"""Findings: what the backend can answer instead of doing what it was asked. Data, no sentences.

Here are those that are about no one thing; the others stand beside what they are about, in the modules
``backend.domain.*_findings``.

Each is one fact that the translators put into AWS's words. The message of the exception is for logs only.
"""

from __future__ import annotations

from dataclasses import dataclass


class Finding(Exception):
    """Any refusal of the backend."""


@dataclass(eq=False)
class TokenReused(Finding):
    """A client token was used before with other parameters."""

    token: str


@dataclass(eq=False)
class TokenUsed(Finding):
    """A client token was used before, and what it was used for cannot be told again."""

    token: str


@dataclass(eq=False)
class TokenSpent(Finding):
    """What a client token's request made is gone already."""

    token: str


@dataclass(eq=False)
class QuotaExceeded(Finding):
    resource: str
    requested: int
    limit: int


@dataclass(eq=False)
class LimitExceeded(Finding):
    """One of AWS's own limits: ``what``: ``clusters``, ``profiles``, ``tags``, ``templates``..."""

    what: str
    limit: int


@dataclass(eq=False)
class StoreUnavailable(Finding):
    """The database cannot be asked now. Nothing of what was wanted was written.

    Attributes:
        detail: its words, without anything that was to be written.
    """

    detail: str


@dataclass(eq=False)
class CommitUnknown(StoreUnavailable):
    """The connection was lost while the database committed: everything that was wanted was written, or nothing."""


@dataclass(eq=False)
class KeysUnreached(Finding):
    """What opens secrets is kept elsewhere, and cannot be asked now: whether a secret is good is not known.

    Attributes:
        detail: why, without anything of a key.
    """

    detail: str

    def __str__(self) -> str:
        return self.detail


@dataclass(eq=False)
class NewerWord(Finding):
    """A row says what only a newer version of Coppice knows, which works on the same database: it may be asked instead.

    Attributes:
        kind: the enumeration that has no such word here.
    """

    kind: str
    said: str


@dataclass(eq=False)
class CloudNotReached(Finding):
    """The cloud could not be asked; nothing was done."""

    detail: str


@dataclass(eq=False)
class StaleRead(Finding):
    """The write met a concurrent one too often; the caller may try again (AWS: ResourceContention)."""

    name: str


@dataclass(eq=False)
class NotPermitted(Finding):
    """The engine may not act in the project (delegation expired, role missing). ``detail`` is the cloud's own words."""

    detail: str


@dataclass(eq=False)
class RegionNotOpened(NotPermitted):
    """The project has things of its own in as many other regions as one may; ``detail`` is the cloud's own words."""


@dataclass(eq=False)
class CloudRefused(Finding):
    """The cloud said no for a reason that has no finding of its own; ``detail`` is its own words."""

    detail: str


@dataclass(eq=False)
class OutcomeUnclear(Finding):
    """A write was sent to the cloud and no answer came: it may or may not have happened."""

    detail: str
