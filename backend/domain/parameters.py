"""Parameters: named values of a project in a region, with the versions they have had."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from backend.errors import Finding

PUBLIC: Final = "/aws/service/"
"""What names of public parameters begin with."""
ALIAS: Final = "resolve:ssm:"
"""What stands before a parameter's name where an image's id is expected."""
_SELECTOR: Final = re.compile(r"(?P<name>[^:]+)(?::(?P<selector>[^:]+))?")


class ParameterType(StrEnum):
    """AWS's own words."""

    STRING = "String"
    LIST = "StringList"
    SECURE = "SecureString"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One version of a parameter.

    Attributes:
        parameter: stands for its name in indexes, see ``key_of``.
        number: of the version, from 1.
        latest: whether it is the one that the name alone means.
        value: as given; sealed where it is secure.
        changed_by: ARN of who wrote it.
        labels: what else the version is called.
        tags: of the parameter; only the latest version has them.
    """

    id: str
    parameter: str
    name: str
    number: int
    latest: bool
    type: ParameterType
    value: str = field(repr=False)
    changed_at: datetime
    changed_by: str
    data_type: str = "text"
    tier: str = "Standard"
    description: str | None = None
    key_id: str | None = None
    allowed_pattern: str | None = None
    labels: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def key_of(name: str) -> str:
    """What stands for a name where that is too long."""
    return hashlib.sha256(name.encode()).hexdigest()[:36]


def selected(reference: str) -> tuple[str, str | None]:
    """(name, selector) of ``NAME``, ``NAME:3`` or ``NAME:label``; the text itself where it is none of these."""
    found = _SELECTOR.fullmatch(reference)
    return (reference, None) if found is None else (found["name"], found["selector"])


@dataclass(eq=False)
class ParameterMissing(Finding):
    name: str


@dataclass(eq=False)
class ParameterVersionMissing(Finding):
    """There is the parameter, and no such version or label of it."""

    name: str
    selector: str


@dataclass(eq=False)
class ParameterExists(Finding):
    name: str


@dataclass(eq=False)
class ParameterRefused(Finding):
    """``why``: type_changed, pattern, pattern_bad, pattern_long, labelled (the oldest version), sealed (no key)."""

    name: str
    why: str
    detail: str = ""
