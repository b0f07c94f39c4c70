"""Prefix lists that customers manage: named sets of address blocks, kept in versions. Pure.

Source: Amazon VPC User Guide, "Customer-managed prefix lists" and "Amazon VPC quotas".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

LIMIT: Final = 100
"""Lists of a project in a region."""
MOST_ENTRIES: Final = 1000
VERSIONS: Final = 1000
"""How many are kept; one more puts the oldest out."""
PREFIX: Final = "pl-"
"""What the peer of a rule begins with where it is a list."""


class Family(StrEnum):
    IPV4 = "IPv4"
    IPV6 = "IPv6"


class ListState(StrEnum):
    """AWS's words. What is in progress waits for the cloud."""

    CREATE_COMPLETE = "create-complete"
    MODIFY_IN_PROGRESS = "modify-in-progress"
    MODIFY_COMPLETE = "modify-complete"
    MODIFY_FAILED = "modify-failed"
    RESTORE_IN_PROGRESS = "restore-in-progress"
    RESTORE_COMPLETE = "restore-complete"
    DELETE_IN_PROGRESS = "delete-in-progress"
    DELETE_COMPLETE = "delete-complete"
    DELETE_FAILED = "delete-failed"


COMPLETED: Final = {
    ListState.MODIFY_IN_PROGRESS: ListState.MODIFY_COMPLETE,
    ListState.RESTORE_IN_PROGRESS: ListState.RESTORE_COMPLETE,
    ListState.DELETE_IN_PROGRESS: ListState.DELETE_COMPLETE,
}
"""What becomes of each that waits for the cloud."""


class Twin(StrEnum):
    """Whether the cloud has the list, as an object that rules there can name."""

    NONE = "none"
    MAKING = "making"
    """Somebody is at it, or died over it: it is found by the token."""
    THERE = "there"
    ENDING = "ending"
    """It is being taken away: no rule may name it any more."""


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A list.

    Attributes:
        version: the newest; a change of entries makes one, a change of the name or the size does not.
        message: the short ids of groups that the last change failed for.
        token: what its twin is found by; None while it has none.
        cloud_id: the cloud's id of its twin; None unless that is there or being taken away.
        generation: raised by each change of what its twin is to be.
    """

    id: str
    name: str
    family: Family
    state: ListState
    max_entries: int
    version: int
    created_at: datetime
    message: str | None = None
    twin: Twin = Twin.NONE
    token: str | None = None
    cloud_id: str | None = None
    generation: int = 0

    @property
    def peer(self) -> str:
        """How rules name it."""
        return peer_of(self.id)

    @property
    def ipv6(self) -> bool:
        return self.family is Family.IPV6

    @property
    def oldest(self) -> int:
        """The first version that is still kept."""
        return max(1, self.version - VERSIONS + 1)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A block of addresses in a list: from one version on, and up to the one before another.

    Attributes:
        cidr: in its canonical form.
        removed_in: None: the newest version has it.
    """

    id: str
    list_id: str
    cidr: str
    added_in: int
    description: str | None = None
    removed_in: int | None = None


@dataclass(frozen=True, slots=True)
class ListChange:
    """What is to become of a list: all of it at once, or nothing.

    Attributes:
        current: the version that is to be changed; None: whichever is the newest.
        add: blocks with their descriptions.
    """

    current: int | None = None
    name: str | None = None
    max_entries: int | None = None
    add: Mapping[str, str | None] = field(default_factory=dict)
    remove: Sequence[str] = ()


def peer_of(list_id: str) -> str:
    """How rules name a list, by its digits."""
    return f"{PREFIX}{list_id}"


def is_of(cidr: str, family: Family) -> bool:
    """Whether a block is of the family."""
    return (ipaddress.ip_network(cidr).version == 6) is (family is Family.IPV6)


def order_of(cidr: str) -> tuple[int, int]:
    """What blocks of one family are ordered by."""
    block = ipaddress.ip_network(cidr)
    return int(block.network_address), block.prefixlen
