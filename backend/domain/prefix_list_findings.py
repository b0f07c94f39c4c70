"""What can be found instead of doing what was asked with a prefix list."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.prefix_lists import Family, ListState
from backend.errors import Finding


@dataclass(eq=False)
class ListNotFound(Finding):
    """No such list; its digits. ``named``: a rule names it."""

    list_id: str
    named: bool = False


@dataclass(eq=False)
class ListBusy(Finding):
    """A change of it waits for the cloud."""

    list_id: str
    state: ListState


@dataclass(eq=False)
class ListVersionMismatch(Finding):
    """The version that was to be changed is not the newest."""


@dataclass(eq=False)
class ListVersionMissing(Finding):
    """It never was, or is kept no more."""

    list_id: str
    version: int


@dataclass(eq=False)
class ListFull(Finding):
    """It has no room for so many entries."""

    most: int


@dataclass(eq=False)
class ListEntryExists(Finding):
    cidr: str


@dataclass(eq=False)
class ListEntryMissing(Finding):
    list_id: str
    cidr: str


@dataclass(eq=False)
class ListEntryUnfit(Finding):
    """The block is of the other family."""

    cidr: str
    family: Family


@dataclass(eq=False)
class ListsUnsupported(Finding):
    """The cloud can let nobody through by a list."""


@dataclass(eq=False)
class ListTwinMissing(Finding):
    """The cloud lost what a rule was to name, or never had it."""


@dataclass(eq=False)
class ListTwinInUse(Finding):
    """Rules of the cloud name it."""
