"""Security groups that are kept here, and rules of any, as AWS knows them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from backend.domain.prefix_lists import PREFIX, PrefixList

DEFAULT: Final = "default"
"""The name of the group that each VPC has by itself."""
DEFAULT_DESCRIPTION: Final = "default VPC security group"
EVERYTHING: Final = "-1"
"""The protocol of a rule for all of them."""
NO_PORT: Final = -1
LIMIT: Final = 2500
"""Groups of a project in a region. Source: Amazon VPC User Guide, "Amazon VPC quotas"; so is the next."""
RULES_LIMIT: Final = 60
"""Rules of a group in one direction, those of IPv4 and of IPv6 counted apart."""
CONFIRMED: Final = timedelta(hours=6)
"""How long the cloud is believed to have a group as it was written there."""
UNSETTLED: Final = timedelta(minutes=1)
"""When the engine takes up what a request began and did not end."""
GIVEN_UP: Final = timedelta(minutes=2)
"""When it ends what a request that has failed may have made: the cloud may still be at it."""
UNMADE: Final = timedelta(minutes=10)
"""When it ends what a request began to make."""


class GroupState(StrEnum):
    MAKING = "making"
    """A request is at it, or died over it: nobody is told of it."""
    AVAILABLE = "available"
    DELETING = "deleting"
    """Nobody is told of it any more; the cloud may still have it."""


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """A security group that was made here.

    Attributes:
        id: the first 17 hex digits of ``cloud_id``; of a uuid of its own while it is being made.
        vpc: the short id of its VPC.
        network_id: the cloud's id of what is shown as that VPC.
        cloud_id: the cloud's id of it; None while it is being made.
        token: what it is found by at the cloud when an answer was lost.
        standard: it came with its VPC.
    """

    id: str
    name: str
    description: str
    vpc: str
    network_id: str
    state: GroupState
    created_at: datetime
    token: str
    standard: bool = False
    cloud_id: str | None = None


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule of a security group as it was asked for.

    Attributes:
        id: 17 hex digits.
        group_id: the short id of its group.
        protocol: ``tcp``, ``udp``, ``icmp``, ``icmpv6``, another's number, or ``-1`` for all.
        from_port, to_port: ports, or type and code of ICMP; -1 for all.
        peer: a block of addresses in CIDR notation, the short id of a group, or ``pl-`` and a prefix list's digits.
    """

    id: str
    group_id: str
    egress: bool
    protocol: str
    from_port: int
    to_port: int
    peer: str
    description: str | None = None

    @property
    def of_group(self) -> bool:
        """Whether the peer is a group."""
        return "/" not in self.peer and not self.of_list

    @property
    def of_list(self) -> bool:
        """Whether the peer is a prefix list."""
        return self.peer.startswith(PREFIX)

    @property
    def ipv6(self) -> bool:
        """Whether the peer is a block of IPv6; of a list its family says so."""
        return ":" in self.peer

    @property
    def meaning(self) -> tuple[bool, str, int, int, str]:
        """What no two rules of a group may share."""
        return self.egress, self.protocol, self.from_port, self.to_port, self.peer


def over_limit(
    before: Sequence[GroupRule],
    after: Sequence[GroupRule],
    lists: Mapping[str, PrefixList],
    resized: Mapping[str, PrefixList] | None = None,
) -> bool:
    """Whether a change leaves more rules than a group may have, and more than there were.

    Args:
        lists: those that rules name, by the rules' word for them: each counts as the entries that it may have.
        resized: the same as they are after the change; None: they stay as they are.
    """
    known = _counted(before, lists)
    return any(
        count > max(RULES_LIMIT, known[family])
        for family, count in _counted(after, lists if resized is None else resized).items()
    )


def _counted(rules: Sequence[GroupRule], lists: Mapping[str, PrefixList]) -> Counter[tuple[bool, bool]]:
    """How many there are of a direction and a family. A rule of a group counts as both, IPv4 and IPv6."""
    families = Counter[tuple[bool, bool]]()
    for rule in rules:
        listed = lists.get(rule.peer)
        if listed is not None:
            families[rule.egress, listed.ipv6] += listed.max_entries
            continue
        either = rule.of_group or rule.of_list
        families.update((rule.egress, ipv6) for ipv6 in (False, True) if either or rule.ipv6 is ipv6)
    return families
