"""What requests about prefix lists began and did not end, and what the engine makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest

from backend import errors
from backend.domain.prefix_list_findings import ListBusy, ListNotFound, ListVersionMismatch
from backend.domain.prefix_lists import Family, ListChange, ListState, PrefixList, Twin
from backend.domain.security_groups import CONFIRMED, GroupRule
from backend.drivers.errors import Refused
from backend.drivers.network import Rule
from backend.drivers.simulated.address_groups import AddressGroups
from backend.drivers.simulated.faults import Where
from backend.services.security_groups import ListedGroup
from backend.store.prefix_lists import ENTRIES, LISTS
from backend.store.security_groups import RULES
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

TEN, ELEVEN = "10.0.0.0/8", "11.0.0.0/8"
OUT = Rule(False, "-1", None, None, "0.0.0.0/0")


@pytest.fixture
def group(world: EngineWorld) -> ListedGroup:
    return world.backend.security_groups.create(SCOPE, "web", "d", None)


@pytest.fixture
def made(world: EngineWorld) -> PrefixList:
    return world.backend.prefix_lists.create(SCOPE, "office", Family.IPV4, 5, {TEN: None}, None)


def sets(world: EngineWorld) -> Mapping[str, object]:
    """The sets of addresses that the cloud has."""
    return AddressGroups(world.simulated._state, world.simulated.projects).all(SCOPE)


def at_cloud(world: EngineWorld) -> set[Rule]:
    (found,) = [each for each in world.simulated.cloud.network.security_groups(SCOPE) if each.name == "web"]
    return {*found.rules}


def of(each: PrefixList, port: int = 22) -> GroupRule:
    return GroupRule("", "", False, "tcp", port, port, each.peer)


def named(world: EngineWorld, port: int = 22) -> Rule:
    (only,) = sets(world)
    return Rule(True, "tcp", port, port, list_id=only)


def authorize(world: EngineWorld, group: ListedGroup, *rules: GroupRule) -> None:
    world.backend.security_groups.change(SCOPE, group.id, lambda here: [*here, *rules])


def revoke(world: EngineWorld, group: ListedGroup) -> None:
    world.backend.security_groups.change(SCOPE, group.id, lambda here: [each for each in here if each.egress])


def kept(world: EngineWorld) -> PrefixList | None:
    with world.store.read() as conn:
        return LISTS.one(conn, SCOPE)


def twin(world: EngineWorld) -> Twin:
    found = kept(world)
    assert found is not None
    return found.twin


def calls(world: EngineWorld) -> list[str]:
    asked: list[str] = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    return asked


def once(world: EngineWorld, name: str, work: object) -> None:
    """Do the work before the next such call of the cloud."""
    left = [work]
    world.simulated.faults.hooks.append(lambda _, call: left.pop()() if call.name == name and left else None)


def test_a_list_that_nobody_names_costs_the_cloud_nothing(world, made):
    asked = calls(world)
    world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(add={ELEVEN: None}))
    world.pass_time(CONFIRMED.total_seconds() + 60, 600)
    assert not {"create_list", "set_addresses", "find_lists", "delete_list"} & {*asked}


def test_a_list_is_at_the_cloud_while_rules_name_it(world, made, group):
    authorize(world, group, of(made), of(made, 80))
    assert at_cloud(world) == {OUT, named(world), named(world, 80)}
    world.pass_time(180)
    assert [*sets(world).values()] == [[TEN]]
    revoke(world, group)
    world.pass_time(180)
    assert (dict(sets(world)), twin(world)) == ({}, Twin.NONE)
    authorize(world, group, of(made))
    assert at_cloud(world) == {OUT, named(world)}


def test_a_settled_list_costs_a_request_in_hours(world, made, group):
    authorize(world, group, of(made))
    world.pass_time(300)
    asked = calls(world)
    world.pass_time(3600, 60)
    assert not {"set_addresses", "find_lists", "delete_list"} & {*asked}
    world.pass_time(CONFIRMED.total_seconds(), 600)
    assert asked.count("set_addresses") == 2  # before and after one call


@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
def test_a_list_whose_making_was_not_answered_comes_about_once(world, made, group, lost):
    getattr(world.simulated.faults, lost)(Where(calls=("create_list",)))
    authorize(world, group, of(made))
    assert at_cloud(world) == {OUT}
    world.pass_time(300)
    assert at_cloud(world) == {OUT, named(world)}
    assert [*sets(world).values()] == [[TEN]]


@pytest.mark.parametrize("lost", ["lose_request", "lose_answer"])
def test_a_change_that_was_not_answered_comes_about(world, made, group, lost):
    authorize(world, group, of(made))
    getattr(world.simulated.faults, lost)(Where(calls=("set_addresses",)))
    changed = world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(add={ELEVEN: None}))
    assert changed.state is ListState.MODIFY_IN_PROGRESS
    with pytest.raises(ListBusy):
        world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(name="x"))
    world.pass_time(120)
    assert [*sets(world).values()] == [[TEN, ELEVEN]]
    found = kept(world)
    assert (found.state, found.version) == (ListState.MODIFY_COMPLETE, 2)


def test_what_is_refused_is_taken_back_there_as_well(world, made, group):
    authorize(world, group, of(made))
    (only,) = sets(world)
    groups = AddressGroups(world.simulated._state, world.simulated.projects)

    def half() -> None:
        groups.change(SCOPE, only, [TEN, ELEVEN])
        raise Refused("no")

    once(world, "set_addresses", half)
    with pytest.raises(errors.CloudRefused):
        world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(add={ELEVEN: None}))
    world.pass_time(120)
    assert [*sets(world).values()] == [[TEN]]
    assert [each.cidr for each in world.backend.prefix_lists.entries(SCOPE, made.id)] == [TEN]
    world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(add={"12.0.0.0/8": None}, current=1))
    assert [*sets(world).values()] == [[TEN, "12.0.0.0/8"]]


def test_of_two_changes_at_once_one_is_made(world, made):
    for cidr in (ELEVEN, "12.0.0.0/8"):
        with suppress(ListVersionMismatch):
            world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(current=1, add={cidr: None}))
    assert [each.cidr for each in world.backend.prefix_lists.entries(SCOPE, made.id)] == [TEN, ELEVEN]


def test_a_change_that_the_cloud_hears_too_late_does_not_stay(world, made, group):
    authorize(world, group, of(made))
    world.pass_time(180)

    def meanwhile() -> None:
        world.pass_time(120)
        world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(remove=[ELEVEN]))

    once(world, "set_addresses", meanwhile)
    world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(add={ELEVEN: None}))
    assert [*sets(world).values()] == [[TEN, ELEVEN]]
    world.pass_time(60)
    assert [*sets(world).values()] == [[TEN]]


def test_a_list_that_two_groups_name_at_once_is_made_once(world, made, group):
    other = world.backend.security_groups.create(SCOPE, "other", "d", None)
    once(world, "create_list", lambda: authorize(world, other, of(made)))
    authorize(world, group, of(made))
    assert len(sets(world)) == 1
    world.pass_time(300)
    found = {each.name: {*each.rules} for each in world.simulated.cloud.network.security_groups(SCOPE)}
    assert found["web"] == found["other"] == {OUT, named(world)}


def test_a_group_that_is_looked_at_while_its_list_is_being_made_has_the_rule_soon(world, made, group):
    other = world.backend.security_groups.create(SCOPE, "other", "d", None)

    def meanwhile() -> None:
        authorize(world, other, of(made))
        world.pass_time(100, 10)

    once(world, "create_list", meanwhile)
    authorize(world, group, of(made))
    world.pass_time(120)
    found = {each.name: {*each.rules} for each in world.simulated.cloud.network.security_groups(SCOPE)}
    assert found["other"] == {OUT, named(world)}


def test_what_was_deleted_or_changed_behind_our_back_is_made_again(world, made, group):
    authorize(world, group, of(made))
    (only,) = sets(world)
    AddressGroups(world.simulated._state, world.simulated.projects).change(SCOPE, only, [ELEVEN])
    world.pass_time(CONFIRMED.total_seconds() + 600, 60)
    assert [*sets(world).values()] == [[TEN]]
    world.simulated.projects.set_rules(SCOPE, group.cloud_id, [OUT])
    AddressGroups(world.simulated._state, world.simulated.projects).remove(SCOPE, only)
    world.pass_time(CONFIRMED.total_seconds() + 600, 60)
    assert at_cloud(world) == {OUT, named(world)}
    assert only not in sets(world)


def test_a_rule_of_a_list_that_the_cloud_lost_comes_about(world, made, group):
    authorize(world, group, of(made))
    (only,) = sets(world)
    world.simulated.projects.set_rules(SCOPE, group.cloud_id, [OUT])
    AddressGroups(world.simulated._state, world.simulated.projects).remove(SCOPE, only)
    authorize(world, group, of(made, 80))
    world.pass_time(300)
    assert at_cloud(world) == {OUT, named(world), named(world, 80)}


def test_a_change_of_a_list_that_the_cloud_lost_has_all_of_it_made_again(world, made, group):
    authorize(world, group, of(made))
    world.pass_time(300)
    (only,) = sets(world)
    world.simulated.projects.set_rules(SCOPE, group.cloud_id, [OUT])
    AddressGroups(world.simulated._state, world.simulated.projects).remove(SCOPE, only)
    changed = world.backend.prefix_lists.modify(SCOPE, made.id, ListChange(add={ELEVEN: None}))
    assert changed.state is ListState.MODIFY_IN_PROGRESS
    world.pass_time(120)
    assert [*sets(world).values()] == [[TEN, ELEVEN]]
    assert at_cloud(world) == {OUT, named(world)}
    found = kept(world)
    assert found.state is ListState.MODIFY_COMPLETE


def test_a_list_that_others_name_stays(world, made, group):
    authorize(world, group, of(made))
    world.pass_time(180)
    stranger = world.simulated.projects.add_security_group(SCOPE, "theirs", rules=[named(world)])
    revoke(world, group)
    world.pass_time(300)
    assert (len(sets(world)), twin(world)) == (1, Twin.THERE)
    assert world.backend.prefix_lists.delete(SCOPE, made.id).state is ListState.DELETE_FAILED
    assert world.backend.prefix_lists.users(SCOPE, made.id) == [stranger.short_id]
    world.simulated.projects.delete_security_group(stranger.id)
    assert world.backend.prefix_lists.delete(SCOPE, made.id).state is ListState.DELETE_COMPLETE
    assert dict(sets(world)) == {}


@pytest.mark.parametrize("lost", ["lose_request", "lose_answer", "unavailable"])
def test_a_deletion_that_was_not_answered_ends(world, made, group, lost):
    authorize(world, group, of(made))
    revoke(world, group)
    getattr(world.simulated.faults, lost)(Where(calls=("delete_list",)), times=1)
    assert world.backend.prefix_lists.delete(SCOPE, made.id).state is ListState.DELETE_IN_PROGRESS
    with pytest.raises(ListNotFound):
        authorize(world, group, of(made))
    world.pass_time(180)
    assert (kept(world), dict(sets(world))) == (None, {})
    with world.store.read() as conn:
        assert ENTRIES.count(conn, SCOPE) == 0


def test_a_list_is_deleted_while_it_is_being_made(world, made, group):
    world.simulated.faults.lose_answer(Where(calls=("create_list",)))
    authorize(world, group, of(made))
    revoke(world, group)
    assert world.backend.prefix_lists.delete(SCOPE, made.id).state is ListState.DELETE_IN_PROGRESS
    world.pass_time(300)
    assert (kept(world), dict(sets(world))) == (None, {})


def test_a_rule_that_comes_while_a_list_is_deleted_finds_none(world, made, group):
    authorize(world, group, of(made))
    revoke(world, group)
    refused = []

    def late() -> None:
        with pytest.raises(ListNotFound):
            authorize(world, group, of(made))
        refused.append(made)

    once(world, "delete_list", late)
    assert world.backend.prefix_lists.delete(SCOPE, made.id).state is ListState.DELETE_COMPLETE
    assert refused == [made]
    with world.store.read() as conn:
        assert RULES.count(conn, SCOPE, peer=made.peer) == 0


def test_a_rule_that_comes_while_the_engine_takes_a_list_away_has_it_made_again(world, made, group):
    authorize(world, group, of(made))
    revoke(world, group)
    once(world, "delete_list", lambda: authorize(world, group, of(made, 80)))
    world.pass_time(300)
    assert at_cloud(world) == {OUT, named(world, 80)}
    assert twin(world) is Twin.THERE


def test_the_end_of_a_group_ends_what_the_cloud_had_of_its_lists(world, made, group):
    authorize(world, group, of(made))
    world.pass_time(300)
    world.backend.security_groups.delete(SCOPE, group.id)
    world.pass_time(180)
    assert (dict(sets(world)), twin(world)) == ({}, Twin.NONE)


def test_a_list_of_ipv6_lets_ipv6_through(world, group):
    made = world.backend.prefix_lists.create(SCOPE, "six", Family.IPV6, 5, {"2001:db8::/32": None}, None)
    authorize(world, group, of(made))
    (only,) = sets(world)
    assert at_cloud(world) == {OUT, Rule(True, "tcp", 22, 22, ipv6=True, list_id=only)}
