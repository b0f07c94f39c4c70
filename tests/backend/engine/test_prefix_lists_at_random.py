"""Prefix lists made, changed, named and ended at random, while the cloud fails and processes die: rows and cloud agree
once all is calm, and nothing is left there of what nobody names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

import pytest

from backend.domain.prefix_lists import COMPLETED, Family, ListChange, PrefixList, Twin
from backend.domain.security_groups import GroupRule, GroupState
from backend.drivers.errors import Refused
from backend.drivers.group_making import ListPeer, for_cloud
from backend.drivers.simulated.address_groups import AddressGroups
from backend.drivers.simulated.faults import Call, Moment, Where
from backend.errors import Finding
from backend.store.prefix_lists import ENTRIES, LISTS, entries_of
from backend.store.security_groups import GROUPS, RULES
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

WRITES = ("create_list", "set_addresses", "delete_list", "change_rules", "delete_security_group")
CALLS = (*WRITES, "find_lists", "security_group_rules")
STEPS = 60


class Crash(Exception):
    """The process dies here."""


class Trial:
    """One run."""

    def __init__(self, world: EngineWorld, seed: int) -> None:
        self.world = world
        self.rng = Random(seed)
        self.crashing = False
        world.simulated.faults.hooks.append(self._die)

    def _die(self, moment: Moment, call: Call) -> None:
        if self.crashing and call.name in WRITES and self.rng.random() < 0.3:
            raise Crash

    def step(self) -> None:
        self._fault()
        acts = (self._list, self._change, self._restore, self._end_list, *2 * (self._name,), self._unname, self._group)
        act = self.rng.choice(acts)
        self.crashing = self.rng.random() < 0.2
        with suppress(Finding, Crash):
            act()
        self.crashing = False
        if self.rng.random() < 0.7:
            self.world.pass_time(self.rng.choice((0.5, 5, 70, 140)), 5)

    def _fault(self) -> None:
        faults, where = self.world.simulated.faults, Where(calls=(self.rng.choice(CALLS),))
        set_one: tuple[Callable[[], object], ...] = (
            lambda: faults.unavailable(where, times=1),
            lambda: faults.lose_request(where, times=1),
            lambda: faults.lose_answer(where, times=1),
            lambda: faults.refuse(Refused("no"), where, times=1),
        )
        if self.rng.random() < 0.5:
            self.rng.choice(set_one)()

    def _lists(self) -> Sequence[PrefixList]:
        with self.world.store.read() as conn:
            return LISTS.all(conn, SCOPE)

    def _groups(self) -> list[str]:
        with self.world.store.read() as conn:
            return [each.id for each in GROUPS.all(conn, SCOPE, state=GroupState.AVAILABLE)]

    def _cidr(self) -> str:
        return f"10.{self.rng.randrange(6)}.0.0/16"

    def _list(self) -> None:
        if len(self._lists()) < 3:
            self.world.backend.prefix_lists.create(SCOPE, "l", Family.IPV4, 4, {self._cidr(): None}, None)

    def _change(self) -> None:
        if lists := self._lists():
            add, gone = self._cidr(), self._cidr()
            change = ListChange(add={add: None}) if self.rng.random() < 0.6 else ListChange(remove=[gone])
            self.world.backend.prefix_lists.modify(SCOPE, self.rng.choice(lists).id, change)

    def _restore(self) -> None:
        if lists := self._lists():
            one = self.rng.choice(lists)
            earlier = self.rng.randint(1, one.version)
            self.world.backend.prefix_lists.restore(SCOPE, one.id, earlier, one.version)

    def _end_list(self) -> None:
        if lists := self._lists():
            self.world.backend.prefix_lists.delete(SCOPE, self.rng.choice(lists).id)

    def _name(self) -> None:
        lists, groups = self._lists(), self._groups()
        if lists and groups:
            port = self.rng.randrange(1, 4)
            rule = GroupRule("", "", False, "tcp", port, port, self.rng.choice(lists).peer)
            self.world.backend.security_groups.change(SCOPE, self.rng.choice(groups), lambda here: [*here, rule])

    def _unname(self) -> None:
        if groups := self._groups():
            left = self.rng.random() < 0.5

            def edit(here: Sequence[GroupRule]) -> Sequence[GroupRule]:
                return [each for each in here if not each.of_list or (left and each.from_port == 1)]

            self.world.backend.security_groups.change(SCOPE, self.rng.choice(groups), edit)

    def _group(self) -> None:
        groups = self._groups()
        if len(groups) < 2:
            self.world.backend.security_groups.create(SCOPE, f"g{self.rng.random()}", "d", None)
        elif self.rng.random() < 0.4:
            self.world.backend.security_groups.delete(SCOPE, self.rng.choice(groups))

    def calm_down(self) -> None:
        """Nothing fails any more, and all that was left has its time."""
        self.world.simulated.faults.hooks.clear()
        self.world.simulated.faults.lift()
        self.world.pass_time(1800, 15)

    def check(self) -> None:
        sets = AddressGroups(self.world.simulated._state, self.world.simulated.projects).all(SCOPE)
        with self.world.store.read() as conn:
            lists, groups = LISTS.all(conn, SCOPE), GROUPS.all(conn, SCOPE)
            rules = {group.id: RULES.all(conn, SCOPE, group_id=group.id) for group in groups}
            wanted = {each.id: {one.cidr for one in entries_of(conn, SCOPE, each.id, each.version)} for each in lists}
            assert {entry.list_id for entry in ENTRIES.all(conn, SCOPE)} <= {each.id for each in lists}
        named = {rule.peer for each in rules.values() for rule in each if rule.of_list}
        assert named <= {each.peer for each in lists}
        assert not {each.state for each in lists} & COMPLETED.keys()
        assert {each.peer for each in lists if each.twin is Twin.THERE} == named
        assert {each.twin for each in lists} <= {Twin.NONE, Twin.THERE}
        there = {str(each.cloud_id): wanted[each.id] for each in lists if each.twin is Twin.THERE}
        assert {identity: {*cidrs} for identity, cidrs in sets.items()} == there
        peers = {each.peer: ListPeer(each.cloud_id, False) for each in lists if each.cloud_id}
        cloud = {each.id: {*each.rules} for each in self.world.simulated.cloud.network.security_groups(SCOPE)}
        for group in groups:
            assert cloud[group.cloud_id or ""] == {*for_cloud(rules[group.id], {}, peers)}


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_cloud_agree_once_all_is_calm(seed: int) -> None:
    world = EngineWorld()
    trial = Trial(world, seed)
    for _ in range(STEPS):
        trial.step()
    trial.calm_down()
    trial.check()
    world.close()
