"""The port that makes and changes security groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.domain.prefix_lists import PrefixList, Twin
from backend.domain.scope import Scope
from backend.domain.security_groups import EVERYTHING, NO_PORT, GroupRule
from backend.drivers.network import Rule


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A security group to be made.

    Attributes:
        network_id: the cloud's id of what is shown as its VPC.
        token: what it is found by when the answer was lost.
    """

    name: str
    description: str
    network_id: str
    token: str


class GroupMaking(Protocol):
    """Each call raises CloudUnavailable, NotAuthorized or Refused; writes OutcomeUnknown, too, after which
    ``find_security_group`` tells.
    """

    def create_security_group(self, scope: Scope, new: NewGroup) -> str:
        """Make one that lets everything of IPv4 out and nothing in; the cloud's id of it.

        Raises:
            QuotaExceeded: of ``security_groups``.
        """

    def find_security_group(self, scope: Scope, new: NewGroup) -> str | None:
        """The cloud's id of the one that was made so."""

    def delete_security_group(self, scope: Scope, group_id: str) -> None:
        """Delete one. Safe to repeat.

        Raises:
            GroupInUse: a server or a port has it.
        """

    def security_group_rules(self, scope: Scope, group_id: str) -> Sequence[Rule]:
        """Its rules as the cloud has them. Raises SecurityGroupNotFound."""

    def change_rules(
        self, scope: Scope, group_id: str, *, add: Sequence[Rule] = (), remove: Sequence[Rule] = ()
    ) -> None:
        """Give it rules and take others away. Safe to repeat.

        Raises:
            QuotaExceeded: of ``security_group_rules``; some may be there.
            SecurityGroupNotFound: that group, or one that a rule names, as ``detail`` says.
            AddressGroupNotFound: one that a rule names.
        """

    def as_told(self, rule: Rule) -> Rule | None:
        """How the cloud tells a rule once it has it; None for one that it need not have."""


@dataclass(frozen=True, slots=True)
class ListPeer:
    """A set of addresses as the cloud knows it."""

    cloud_id: str
    ipv6: bool


def peers_of(lists: Iterable[PrefixList]) -> dict[str, ListPeer]:
    """What the cloud has of lists, by what rules call them."""
    return {
        each.peer: ListPeer(each.cloud_id, each.ipv6)
        for each in lists
        if each.twin is Twin.THERE and each.cloud_id is not None
    }


def as_told(
    making: GroupMaking, rules: Sequence[GroupRule], ids: Mapping[str, str], lists: Mapping[str, ListPeer]
) -> dict[Rule, Rule]:
    """Rules in the cloud's words, by how it tells each once it has it: several may be one there. See ``for_cloud``."""
    asked = for_cloud(rules, ids, lists)
    return {told: rule for rule in asked if (told := making.as_told(rule)) is not None}


def for_cloud(
    rules: Sequence[GroupRule], ids: Mapping[str, str], lists: Mapping[str, ListPeer] | None = None
) -> list[Rule]:
    """Rules in the cloud's words.

    Args:
        ids: the cloud's ids of groups by their short ones; a rule of one that is not among them lets nobody through.
        lists: the cloud's sets of addresses by what rules call the lists; likewise.
    """
    peers = lists or {}
    return [
        _for_cloud(rule, ids, peers)
        for rule in rules
        if (rule.peer in peers if rule.of_list else not rule.of_group or rule.peer in ids)
    ]


def _for_cloud(rule: GroupRule, ids: Mapping[str, str], lists: Mapping[str, ListPeer]) -> Rule:
    everything = rule.protocol == EVERYTHING
    listed = lists[rule.peer] if rule.of_list else None
    return Rule(
        ingress=not rule.egress,
        protocol=rule.protocol,
        port_from=None if everything or rule.from_port == NO_PORT else rule.from_port,
        port_to=None if everything or rule.to_port == NO_PORT else rule.to_port,
        cidr=None if rule.of_group or listed else rule.peer,
        group_id=ids[rule.peer] if rule.of_group else None,
        ipv6=listed.ipv6 if listed else rule.ipv6,
        description=rule.description or "",
        list_id=listed.cloud_id if listed else None,
    )
