"""Security groups: those made here are rows which the cloud follows; the cloud's own are shown and changed there.

A cloud's own group belongs to others as well, so what is written to it goes straight to the cloud, and is read back
from there; its rules have ids that are made of what they say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import uuid4

from backend import errors
from backend.clock import Clock
from backend.domain import network_findings, security_group_findings
from backend.domain.ids import derived_short, short_id
from backend.domain.prefix_list_findings import ListNotFound, ListTwinMissing
from backend.domain.prefix_lists import PREFIX, ListState, PrefixList, peer_of
from backend.domain.scope import Scope
from backend.domain.security_groups import (
    DEFAULT,
    DEFAULT_DESCRIPTION,
    GIVEN_UP,
    LIMIT,
    NO_PORT,
    RULES_LIMIT,
    UNMADE,
    UNSETTLED,
    GroupRule,
    GroupState,
    KeptGroup,
    over_limit,
)
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.group_making import GroupMaking, ListPeer, NewGroup, as_told, for_cloud, peers_of
from backend.drivers.network import Network, Rule, SecurityGroup
from backend.services.catalog import asking
from backend.services.list_twins import ListTwins
from backend.store import counting, networks, prefix_lists
from backend.store import security_groups as rows
from backend.store.balancers import BALANCERS
from backend.store.security_groups import GROUPS, RULES
from backend.store.session import Store

_NOUN: Final = "security_groups"
_NAMED: Final = "named security groups"
"""Held by who deletes a group, and by who has rules name one: none is deleted that a rule names."""
_PORTED: Final = frozenset({"tcp", "udp"})
Edit = Callable[[Sequence[GroupRule]], Sequence[GroupRule]]
"""All rules of a group -> what they are to be; raises a Finding."""


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A security group as callers see it, by short ids.

    Attributes:
        cloud_id: the cloud's own id of it.
        lists: sets of addresses that rules of the cloud's own group name, by what the rules call them here.
    """

    id: str
    name: str
    description: str
    vpc: str
    rules: Sequence[GroupRule]
    cloud_id: str
    lists: Mapping[str, ListPeer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changed:
    """Rules of a group before and after a change."""

    before: Sequence[GroupRule]
    after: Sequence[GroupRule]

    @property
    def added(self) -> list[GroupRule]:
        known = {rule.id for rule in self.before}
        return [rule for rule in self.after if rule.id not in known]

    @property
    def said(self) -> list[GroupRule]:
        """What no rule said before: rules that were added, and those that were changed but for their description."""
        known = {rule.meaning for rule in self.before}
        return [rule for rule in self.after if rule.meaning not in known]


class SecurityGroups:
    """Every call may raise CloudNotReached, NotPermitted or CloudRefused; the writes OutcomeUnclear, too."""

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock) -> None:
        self._lists = ListTwins(store, cloud, clock)
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock

    def list(self, scope: Scope, ids: Collection[str] | None = None, *, fresh: bool = False) -> Sequence[ListedGroup]:
        """All groups with their rules, or at least those of these short ids.

        Args:
            fresh: the cloud's own are to be those of now.
        """
        with self._store.read() as conn:
            kept = GROUPS.all(conn, scope) if ids is None else [*GROUPS.of(conn, scope, ids).values()]
            told = _with_rules(conn, scope, kept, every=ids is None)
        if ids is not None and {*ids} <= {each.id for each in kept}:
            return told
        return [*told, *self._listed(scope, self._adopted(scope, kept, fresh=fresh))]

    def named(self, scope: Scope, name: str) -> Sequence[ListedGroup]:
        """All groups of a name with their rules: of each VPC one, beside what others made at the cloud."""
        adopted = [each for each in self._adopted(scope, (), fresh=False) if each.name == name]
        with self._store.read() as conn:
            known = GROUPS.of(conn, scope, [each.short_id for each in adopted])
            told = _with_rules(conn, scope, GROUPS.all(conn, scope, name=name))
        return [*told, *self._listed(scope, [each for each in adopted if each.short_id not in known])]

    def rules(self, scope: Scope, ids: Collection[str]) -> Sequence[GroupRule]:
        """Those of these short ids that are rules of groups made here."""
        with self._store.read() as conn:
            return [*RULES.of(conn, scope, ids).values()]

    def create(self, scope: Scope, name: str, description: str, vpc: str | None) -> ListedGroup:
        """Make a group that lets everything out and nothing in.

        Args:
            vpc: short id; None takes the default one.

        Raises:
            NetworkUnknown
            SecurityGroupExists
            LimitExceeded
            QuotaExceeded
        """
        network = self._network(scope, vpc)
        if any(each.name == name and each.vpc == network.short_id for each in self._all(scope, kept=False)):
            raise security_group_findings.SecurityGroupExists(name, network.short_id)
        made = self._make(scope, network.id, name, description, standard=False)
        return _kept(made, self._rules(scope, made.id))

    def delete(self, scope: Scope, group_id: str) -> None:
        """Delete a group by its short id.

        Raises:
            SecurityGroupNotFound
            SecurityGroupInUse
            SecurityGroupKept: it is its network's own.
        """
        group = self.one(scope, group_id)
        if group.name == DEFAULT:
            raise security_group_findings.SecurityGroupKept(group_id, group.name)
        others = (rule for each in self._all(scope, kept=False) if each.id != group_id for rule in each.rules)
        if any(rule.peer == group_id for rule in others) or self._in_front(scope, group_id):
            raise security_group_findings.SecurityGroupInUse(group_id)
        kept = self._store.transact(lambda conn: self._mark(conn, scope, group_id))
        if kept is None:
            self._delete_at_cloud(scope, group_id, group.cloud_id)
        else:
            self._delete_kept(scope, kept)

    def _in_front(self, scope: Scope, group_id: str) -> bool:
        """Whether a balancer has it: not every cloud knows of that."""
        with self._store.read() as conn:
            fronts = BALANCERS.all(conn, scope)
        return any(short_id(group) == group_id for each in fronts if not each.gone for group in each.security_groups)

    def one(self, scope: Scope, group_id: str) -> ListedGroup:
        """A group by its short id. Raises SecurityGroupNotFound."""
        for fresh in (False, True):
            for group in self.list(scope, [group_id], fresh=fresh):
                if group.id == group_id:
                    return group
        raise security_group_findings.SecurityGroupNotFound(group_id)

    def is_default_network(self, scope: Scope, vpc: str) -> bool:
        """Whether that is the short id of the network where things go that name none."""
        with asking():
            return any(each.default and each.short_id == vpc for each in self._catalog.networks(scope))

    def change(self, scope: Scope, group_id: str, edit: Edit) -> Changed:
        """Change the rules of a group.

        Args:
            edit: may be called several times. New rules need no ids; one that keeps its id is changed.

        Raises:
            SecurityGroupNotFound: of the group, or of one that a rule names.
            GroupRuleExists: two rules would say the same.
            LimitExceeded: of ``security_group_rules``.
            QuotaExceeded: likewise, of the cloud's.
            Finding: as the edit raises it.
        """
        group = self.one(scope, group_id)
        held = self._change_rows(scope, group, edit)
        if held is None:
            return self._change_adopted(scope, group, edit)
        changed, write, ids, lists = held
        making, now = self._making, self._clock.now
        try:
            known = self._known(scope, changed, lists)
            add, remove = _difference(making, changed, ids, known)
            if add or remove:
                with asking():
                    making.change_rules(scope, group.cloud_id, add=add, remove=remove)
        except errors.OutcomeUnclear:  # what was asked for is written: the engine sees to it that the cloud has it
            self._store.transact(lambda conn: rows.unsettle(conn, scope, group_id, now()))
            return changed
        except ListTwinMissing:  # the cloud lost a list: the engine has it made again, and the rule with it
            self._store.transact(lambda conn: _mend_lists(conn, scope, group_id, lists, now()))
            return changed
        except errors.Finding:
            self._store.transact(lambda conn: _take_back(conn, scope, group_id, changed, now()))
            raise
        if any(rule.of_list and rule.peer not in known for rule in changed.after):  # somebody else is at it
            self._store.transact(lambda conn: rows.unsettle(conn, scope, group_id, now()))
        elif add or remove:
            self._store.transact(lambda conn: rows.settled(conn, scope, write, now()))
        return changed

    def _known(self, scope: Scope, changed: Changed, lists: Mapping[str, PrefixList]) -> dict[str, ListPeer]:
        """What rules name lists as at the cloud, where those of now are made first."""
        wanted = {rule.peer for rule in changed.after if rule.of_list}
        if any(rule.of_list for rule in changed.said):
            self._lists.check(scope)
        ready = self._lists.ready(scope, [lists[peer] for peer in sorted(wanted & lists.keys())]) if wanted else {}
        return peers_of(each for peer, each in lists.items() if peer not in wanted) | ready

    def make_default(self, scope: Scope, network_id: str) -> None:
        """Make the group that a VPC has by itself; safe to repeat.

        Args:
            network_id: the cloud's id of what is shown as the VPC.

        Raises:
            QuotaExceeded
        """
        vpc = short_id(network_id)
        with self._store.read() as conn:
            known = GROUPS.one(conn, scope, vpc=vpc, standard=True, state=GroupState.AVAILABLE)
        if known is None:
            self._make(scope, network_id, DEFAULT, DEFAULT_DESCRIPTION, standard=True)

    def others_of(self, scope: Scope, vpc: str) -> bool:
        """Whether a VPC (short id) has groups beside its own."""
        with self._store.read() as conn:
            return GROUPS.count(conn, scope, vpc=vpc, standard=False, state=GroupState.AVAILABLE) > 0

    def _make(self, scope: Scope, network_id: str, name: str, description: str, *, standard: bool) -> KeptGroup:
        now, vpc, making = self._clock.now(), short_id(network_id), self._making
        new = NewGroup(name, description, network_id, str(uuid4()))
        begun = KeptGroup(
            rows.new_id(), name, description, vpc, network_id, GroupState.MAKING, now, new.token, standard
        )
        self._store.transact(lambda conn: self._begin(conn, scope, begun))
        cloud_id = self._create_at_cloud(scope, making, new, begun)
        rules = rows.standard_rules(short_id(cloud_id), own_members=standard)
        made = self._store.transact(lambda conn: rows.complete(conn, scope, begun, cloud_id, rules))
        self._catalog.drop(_NOUN, scope)
        if made is None:
            raise errors.OutcomeUnclear(f"security group {cloud_id} was made too late")
        if standard:
            try:
                with asking():
                    making.change_rules(scope, cloud_id, add=for_cloud(rules[:1], {made.id: cloud_id}))
            except (errors.OutcomeUnclear, errors.CloudNotReached):
                pass  # the engine does it
        return made

    def _begin(self, conn: Any, scope: Scope, group: KeptGroup) -> None:
        if GROUPS.one(conn, scope, vpc=group.vpc, name=group.name) is not None:
            raise security_group_findings.SecurityGroupExists(group.name, group.vpc)
        counting.check(conn, scope, _NOUN, LIMIT, partial(GROUPS.count, conn, scope))
        rows.begin(conn, scope, group, group.created_at + UNMADE)

    def _create_at_cloud(self, scope: Scope, making: GroupMaking, new: NewGroup, begun: KeptGroup) -> str:
        try:
            with asking():
                return making.create_security_group(scope, new)
        except errors.OutcomeUnclear:
            try:
                with asking():
                    found = making.find_security_group(scope, new)
            except errors.Finding:
                found = None
            if found is None:
                self._store.transact(lambda conn: self._give_up(conn, scope, begun))
                raise
            return found
        except errors.Finding:
            self._store.transact(lambda conn: GROUPS.remove(conn, scope, id=begun.id))
            raise

    def _give_up(self, conn: Any, scope: Scope, begun: KeptGroup) -> None:
        """Nobody knows whether a group was made: its name is free for who asks again, the engine ends it."""
        due_at = self._clock.now() + GIVEN_UP
        GROUPS.change(conn, scope, begun.id, name=_nameless(begun), due_at=due_at)

    def _mark(self, conn: Any, scope: Scope, group_id: str) -> KeptGroup | None:
        """A group that is told to nobody any more. None where it is not kept here.

        Its name is free once nobody waits for the cloud's answer: it may have to come back.
        """
        kept = GROUPS.hold(conn, scope, id=group_id)  # a group first, and then who names which, as by who changes rules
        counting.hold(conn, scope, _NAMED)
        if RULES.count(conn, scope, peer=group_id) > RULES.count(conn, scope, peer=group_id, group_id=group_id):
            raise security_group_findings.SecurityGroupInUse(group_id)
        if kept is None or kept.state is not GroupState.AVAILABLE:
            return None
        now = self._clock.now()
        rows.unsettle(conn, scope, group_id, now, state=str(GroupState.DELETING), due_at=now + UNSETTLED)
        return kept

    def _delete_kept(self, scope: Scope, kept: KeptGroup) -> None:
        try:
            self._delete_at_cloud(scope, kept.id, kept.cloud_id or "")
        except errors.OutcomeUnclear:  # the engine goes on with it
            self._store.transact(lambda conn: GROUPS.change(conn, scope, kept.id, name=_nameless(kept)))
            return
        except errors.Finding:
            back, now = str(GroupState.AVAILABLE), self._clock.now()
            self._store.transact(lambda conn: rows.unsettle(conn, scope, kept.id, now, state=back))
            raise
        self._store.transact(lambda conn: rows.forget(conn, scope, kept.id, self._clock.now()))

    def _delete_at_cloud(self, scope: Scope, group_id: str, cloud_id: str) -> None:
        try:
            with asking():
                self._making.delete_security_group(scope, cloud_id)
        except security_group_findings.SecurityGroupInUse as error:
            raise security_group_findings.SecurityGroupInUse(group_id) from error
        finally:
            self._catalog.drop(_NOUN, scope)

    def _change_rows(
        self, scope: Scope, group: ListedGroup, edit: Edit
    ) -> tuple[Changed, rows.Held, Mapping[str, str], Mapping[str, PrefixList]] | None:
        """What becomes of the rows of a group, and the cloud's ids of groups and the lists that they name."""
        adopted = {each.id: each.cloud_id for each in self._all(scope, kept=False) if each.vpc == group.vpc}
        now = self._clock.now()

        def work(conn: Any) -> tuple[Changed, rows.Held, Mapping[str, str], Mapping[str, PrefixList]] | None:
            held = rows.hold(conn, scope, group.id, now)
            if held is None:
                if GROUPS.one(conn, scope, id=group.id) is not None:  # on its way out
                    raise security_group_findings.SecurityGroupNotFound(group.id)
                return None
            before = RULES.all(conn, scope, group_id=group.id)
            changed = Changed(before, _numbered(group.id, edit(before)))
            if any(rule.of_group for rule in changed.said):
                counting.hold(conn, scope, _NAMED)
            lists = _lists_of(conn, scope, changed)
            _check(changed, lists)
            peers = {rule.peer for rule in (*changed.before, *changed.after) if rule.of_group}
            here = [each for each in GROUPS.of(conn, scope, peers).values() if each.vpc == group.vpc]
            ids = adopted | {each.id: each.cloud_id for each in here if each.cloud_id}
            leaving = {each.id for each in here if each.state is not GroupState.AVAILABLE}
            _refuse_strangers(changed, {peer: cloud_id for peer, cloud_id in ids.items() if peer not in leaving})
            _write(conn, scope, changed)
            left = {rule.peer for rule in before if rule.of_list} - {rule.peer for rule in changed.after}
            prefix_lists.pull(conn, scope, left, now + UNSETTLED)
            return changed, held, ids, lists

        return self._store.transact(work)

    def _change_adopted(self, scope: Scope, group: ListedGroup, edit: Edit) -> Changed:
        """Change a group of the cloud's own. Where a description alone is another, the rule is made anew."""
        making = self._making
        group = next((each for each in self.list(scope, [group.id], fresh=True) if each.id == group.id), group)
        ids = {each.id: each.cloud_id for each in self._all(scope) if each.vpc == group.vpc}
        wanted = Changed(group.rules, _numbered(group.id, edit(group.rules)))
        with self._store.read() as conn:
            lists = _named_lists(conn, scope, wanted, group.lists)
        _check(wanted, lists)
        _refuse_strangers(wanted, ids)
        known = {**group.lists, **self._known(scope, wanted, lists)}
        if any(rule.of_list and rule.peer not in known for rule in wanted.after):
            raise errors.StaleRead("a prefix list, which another request has made just now")
        before = {rule.id: rule for rule in wanted.before}
        spoken = [rule for rule in wanted.after if rule.id in before and before[rule.id] != rule]
        add, remove = _difference(making, wanted, ids, known)
        renamed = [each for each in for_cloud(spoken, ids, known) if each not in add]
        try:
            with asking():
                if renamed:
                    making.change_rules(scope, group.cloud_id, remove=renamed)
                if add or remove or renamed:
                    making.change_rules(scope, group.cloud_id, add=[*add, *renamed], remove=remove)
        finally:
            self._catalog.drop(_NOUN, scope)
        return Changed(group.rules, [self._as_told(making, group, rule, ids, known) for rule in wanted.after])

    @staticmethod
    def _as_told(
        making: GroupMaking, group: ListedGroup, rule: GroupRule, ids: Mapping[str, str], lists: Mapping[str, ListPeer]
    ) -> GroupRule:
        """A rule as it is listed from now on."""
        (asked,) = for_cloud([rule], ids, lists)
        return _rule(group.cloud_id, making.as_told(asked) or asked, rule.peer)

    def _network(self, scope: Scope, vpc: str | None) -> Network:
        """The network of a group: rows know those that were made here, which the cloud may not list while empty."""
        with self._store.read() as conn:
            own = networks.VPCS.one(conn, scope, id=vpc, state=networks.STANDING) if vpc else None
        if own is not None:
            return Network(own.cloud_id, "", own.cidr, made=True)
        for fresh in (False, True):
            if fresh:
                self._catalog.drop("networks", scope)
            with asking():
                for network in self._catalog.networks(scope):
                    if network.made:  # rows alone tell of it: it may be on its way out
                        continue
                    if network.default if vpc is None else network.short_id == vpc:
                        return network
        raise network_findings.NetworkUnknown(vpc or "")

    def _all(self, scope: Scope, *, kept: bool = True) -> Sequence[ListedGroup]:
        if kept:
            return self.list(scope)
        with self._store.read() as conn:
            known = GROUPS.all(conn, scope)
        return self._listed(scope, self._adopted(scope, known, fresh=False))

    def _listed(self, scope: Scope, groups: Iterable[SecurityGroup]) -> Sequence[ListedGroup]:
        """The cloud's own groups as callers see them."""
        found = list(groups)
        named = {rule.list_id for group in found for rule in group.rules if rule.list_id is not None}
        if not named:
            return [_listed(each, {}) for each in found]
        with self._store.read() as conn:
            own = prefix_lists.twins(conn, scope, named)
        return [_listed(each, own) for each in found]

    def _rules(self, scope: Scope, group_id: str) -> Sequence[GroupRule]:
        with self._store.read() as conn:
            return RULES.all(conn, scope, group_id=group_id)

    def _adopted(self, scope: Scope, kept: Iterable[KeptGroup], *, fresh: bool) -> Iterable[SecurityGroup]:
        """Those that others made at the cloud."""
        known, own = {each.id for each in kept}, self._cloud.installation()
        if fresh:
            self._catalog.drop(_NOUN, scope)
        with asking():
            listed = self._catalog.security_groups(scope)
        return [
            each
            for each in listed
            if each.short_id not in known and (each.installation != own or each.installation is None)
        ]

    @property
    def _making(self) -> GroupMaking:
        making = self._cloud.groups
        if making is None:
            raise errors.CloudRefused("security groups are made with the cloud's own tools")
        return making


def _nameless(group: KeptGroup) -> str:
    """What a group is called here of which nobody is told; no client may give such a name."""
    return f"sg-{group.id}"


def _check(changed: Changed, lists: Mapping[str, PrefixList]) -> None:
    """Refuse rules that say the same, and too many."""
    known: set[tuple[bool, str, int, int, str]] = set()
    for rule in changed.after:
        if rule.meaning in known:
            raise security_group_findings.GroupRuleExists(rule.protocol, rule.from_port, rule.to_port, rule.peer)
        known.add(rule.meaning)
    if over_limit(changed.before, changed.after, lists):
        raise errors.LimitExceeded("security_group_rules", RULES_LIMIT)


def _lists_of(conn: Any, scope: Scope, changed: Changed) -> dict[str, PrefixList]:
    """The lists that rules name, before or after a change; those that are named or counted anew stay as they are until
    the transaction ends.

    Raises:
        ListNotFound
    """
    if changed.said and any(rule.of_list for rule in changed.after):
        prefix_lists.hold_named(conn, scope)
    return _named_lists(conn, scope, changed, ())


def _named_lists(conn: Any, scope: Scope, changed: Changed, others: Collection[str]) -> dict[str, PrefixList]:
    """The same. ``others``: what the cloud's own rules call sets of addresses that are no lists of ours."""
    lists = prefix_lists.named_by(conn, scope, {rule.peer for rule in (*changed.before, *changed.after)})
    for rule in changed.said:
        if not rule.of_list or rule.peer in others:
            continue
        there = lists.get(rule.peer)
        if there is None or there.state is ListState.DELETE_IN_PROGRESS:
            raise ListNotFound(rule.peer.removeprefix(PREFIX), named=True)
    return lists


def _mend_lists(conn: Any, scope: Scope, group_id: str, lists: Iterable[str], now: datetime) -> None:
    """Have engines look at a group and at the lists that its rules name."""
    rows.unsettle(conn, scope, group_id, now)
    prefix_lists.pull(conn, scope, lists, now)


def _refuse_strangers(changed: Changed, ids: Mapping[str, str]) -> None:
    """Refuse new rules of groups that there are not in the VPC."""
    for rule in changed.said:
        if rule.of_group and rule.peer not in ids:
            raise security_group_findings.SecurityGroupNotFound(rule.peer)


def _numbered(group_id: str, rules: Iterable[GroupRule]) -> list[GroupRule]:
    return [rule if rule.id else replace(rule, id=rows.new_id(), group_id=group_id) for rule in rules]


def _difference(
    making: GroupMaking, changed: Changed, ids: Mapping[str, str], lists: Mapping[str, ListPeer]
) -> tuple[list[Rule], list[Rule]]:
    """What the cloud is to add and to take away: several rules may be one there."""
    before, after = (as_told(making, rules, ids, lists) for rules in (changed.before, changed.after))
    add = [rule for told, rule in after.items() if told not in before]
    return add, [rule for told, rule in before.items() if told not in after]


def _write(conn: Any, scope: Scope, changed: Changed) -> None:
    before, after = ({rule.id: rule for rule in rules} for rules in (changed.before, changed.after))
    other = [rule for rule in after.values() if before.get(rule.id) != rule]
    gone = [rule_id for rule_id in before if after.get(rule_id) != before[rule_id]]
    if gone:
        RULES.remove(conn, scope, id=gone)
    RULES.add(conn, scope, *other)


def _take_back(conn: Any, scope: Scope, group_id: str, changed: Changed, now: datetime) -> None:
    """Undo a change that the cloud refused, as far as others left it; it may have done some of it."""
    if not rows.unsettle(conn, scope, group_id, now):
        return
    here = RULES.all(conn, scope, group_id=group_id)
    old, new = ({rule.id: rule for rule in rules} for rules in (changed.before, changed.after))
    mine = [rule for rule in here if new.get(rule.id) == rule != old.get(rule.id)]
    left = {rule.id for rule in here} - {rule.id for rule in mine}
    others = {rule.meaning for rule in here if rule.id in left}
    lost = [rule for rule in old.values() if new.get(rule.id) != rule and rule.id not in left]
    _write(conn, scope, Changed(mine, [rule for rule in lost if rule.meaning not in others]))


def _with_rules(conn: Any, scope: Scope, kept: Sequence[KeptGroup], *, every: bool = False) -> list[ListedGroup]:
    """Those of which everybody is told; ``every``: they are all there are."""
    which = {} if every else {"group_id": [each.id for each in kept]}
    by_group: dict[str, list[GroupRule]] = {}
    for rule in RULES.all(conn, scope, **which):
        by_group.setdefault(rule.group_id, []).append(rule)
    return [_kept(each, by_group.get(each.id, ())) for each in kept if each.state is GroupState.AVAILABLE]


def _kept(group: KeptGroup, rules: Sequence[GroupRule]) -> ListedGroup:
    return ListedGroup(group.id, group.name, group.description, group.vpc, rules, group.cloud_id or "")


def _listed(group: SecurityGroup, own: Mapping[str, PrefixList]) -> ListedGroup:
    """One of the cloud's own. ``own``: lists by the cloud's ids of their twins."""
    lists: dict[str, ListPeer] = {}
    rules = []
    for rule in group.rules:
        peer = _peer(rule, own)
        if rule.list_id is not None:
            lists[peer] = ListPeer(rule.list_id, rule.ipv6)
        rules.append(_rule(group.id, rule, peer))
    vpc = short_id(group.network_id)
    return ListedGroup(group.short_id, group.name, group.description, vpc, rules, group.id, lists)


def _peer(rule: Rule, own: Mapping[str, PrefixList]) -> str:
    """Whom a rule of the cloud lets through, as it is called here.

    A set of addresses that others made there is told like a list of its id; where it is one of both families, the rules
    for IPv6 name another.
    """
    if rule.group_id:
        return short_id(rule.group_id)
    if rule.list_id is None:
        return rule.cidr or ("::/0" if rule.ipv6 else "0.0.0.0/0")
    known = own.get(rule.list_id)
    if known is not None and known.ipv6 is rule.ipv6:
        return known.peer
    return peer_of(derived_short(rule.list_id, "IPv6") if rule.ipv6 else short_id(rule.list_id))


def _rule(cloud_id: str, rule: Rule, peer: str) -> GroupRule:
    """A rule of the cloud's own group; its id is made of what it says."""
    parts = (rule.ingress, rule.protocol, rule.port_from, rule.port_to, rule.cidr, rule.group_id, rule.ipv6)
    told = (cloud_id, *map(str, parts), *([] if rule.list_id is None else [rule.list_id]))
    every = (0, 65535) if rule.protocol in _PORTED else (NO_PORT, NO_PORT)
    return GroupRule(
        id=hashlib.sha256("/".join(told).encode()).hexdigest()[:17],
        group_id=short_id(cloud_id),
        egress=not rule.ingress,
        protocol=rule.protocol,
        from_port=every[0] if rule.port_from is None else rule.port_from,
        to_port=every[1] if rule.port_to is None else rule.port_to,
        peer=peer,
        description=rule.description or None,
    )
