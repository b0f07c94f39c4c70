"""What requests about security groups began and did not end, and what the engine makes of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from backend import errors
from backend.domain import security_group_findings
from backend.domain.ids import short_id
from backend.domain.security_groups import CONFIRMED, GIVEN_UP, UNMADE, GroupRule
from backend.drivers.errors import GroupInUse, Refused, SecurityGroupNotFound
from backend.drivers.network import Rule
from backend.drivers.simulated.faults import Where
from backend.store.security_groups import GROUPS, RULES, end_standard
from tests.factories import SCOPE, uuid_of

SSH = GroupRule("", "", False, "tcp", 22, 22, "0.0.0.0/0")
OUT = Rule(False, "-1", None, None, "0.0.0.0/0")
IN = Rule(True, "tcp", 22, 22, "0.0.0.0/0")


@pytest.fixture
def groups(world):
    return world.backend.security_groups


@pytest.fixture
def made(groups):
    return groups.create(SCOPE, "web", "d", None)


def at_cloud(world):
    return {each.name: {*each.rules} for each in world.simulated.cloud.network.security_groups(SCOPE)}


def kept(world):
    with world.store.read() as conn:
        return GROUPS.all(conn, SCOPE)


def authorize(groups, made, *rules):
    return groups.change(SCOPE, made.id, lambda here: [*here, *rules])


@pytest.mark.parametrize("seconds", [0, 90], ids=["new", "settled"])
def test_rules_of_an_answer_that_was_lost_come_about(world, groups, made, seconds):
    world.pass_time(seconds)
    world.simulated.faults.lose_request(Where(calls=("change_rules",)))
    authorize(groups, made, SSH)
    assert at_cloud(world)["web"] == {OUT}
    world.pass_time(90)
    assert at_cloud(world)["web"] == {OUT, IN}


def test_what_the_cloud_has_else_goes_and_what_it_lacks_comes_back(world, groups, made):
    authorize(groups, made, SSH)
    world.pass_time(90)
    world.simulated.projects.set_rules(SCOPE, made.cloud_id, [OUT, replace(IN, port_from=1)])
    world.pass_time(CONFIRMED.total_seconds() + 120, 60)
    assert at_cloud(world)["web"] == {OUT, IN}


def once(world, name, work):
    """Do the work before the next such call of the cloud."""
    left = [work]
    world.simulated.faults.hooks.append(lambda _, call: left.pop()() if call.name == name and left else None)


def test_a_rule_that_comes_while_the_engine_looks_is_not_taken_away(world, groups, made):
    once(world, "security_group_rules", lambda: authorize(groups, made, SSH))
    world.pass_time(90)
    assert at_cloud(world)["web"] == {OUT, IN}


@pytest.mark.parametrize("seconds", [0, 90], ids=["at once", "after the engine looked"])
def test_a_rule_that_is_revoked_and_asked_for_again_at_once_stays(world, groups, made, seconds):
    authorize(groups, made, SSH)
    world.pass_time(90)

    def again():
        authorize(groups, made, SSH)
        world.pass_time(seconds)

    once(world, "change_rules", again)
    groups.change(SCOPE, made.id, lambda here: [each for each in here if each.egress])
    assert at_cloud(world)["web"] == {OUT}  # the older of the two was the last there
    world.pass_time(90)
    assert at_cloud(world)["web"] == {OUT, IN}


def test_a_change_that_is_refused_leaves_what_others_wrote(world, groups, made):
    authorize(groups, made, SSH)
    world.pass_time(90)

    def again():
        authorize(groups, made, SSH)
        raise Refused("no")

    once(world, "change_rules", again)
    with pytest.raises(errors.CloudRefused):
        groups.change(SCOPE, made.id, lambda here: [each for each in here if each.egress])
    (told,) = [each for each in groups.list(SCOPE) if each.id == made.id]
    assert {each.from_port for each in told.rules} == {-1, 22}
    world.pass_time(90)
    assert at_cloud(world)["web"] == {OUT, IN}


def test_a_settled_group_costs_a_request_in_hours(world, groups, made):
    authorize(groups, made, SSH)
    world.pass_time(90)
    asked = []
    world.simulated.faults.hooks.append(lambda _, call: asked.append(call.name))
    world.pass_time(3600, 30)
    assert "security_group_rules" not in asked


def test_a_group_that_was_made_and_never_told_is_ended(world, groups):
    world.simulated.faults.lose_answer(Where(calls=("create_security_group",)))
    world.simulated.faults.unavailable(Where(calls=("find_security_group",)), times=1)
    with suppress(errors.Finding):
        groups.create(SCOPE, "web", "d", None)
    assert {*at_cloud(world)} == {"default", "web"}
    assert [each.name for each in groups.list(SCOPE)] == ["default"]
    world.pass_time(UNMADE.total_seconds() + 30, 10)
    assert {*at_cloud(world)} == {"default"}
    assert kept(world) == []


@pytest.mark.parametrize("fault", ["lose_request", "lose_answer"])
def test_a_group_that_nobody_was_told_of_holds_no_name(world, groups, fault):
    getattr(world.simulated.faults, fault)(Where(calls=("create_security_group",)), times=1)
    world.simulated.faults.unavailable(Where(calls=("find_security_group",)), times=1)
    with pytest.raises(errors.OutcomeUnclear):
        groups.create(SCOPE, "web", "d", None)
    again = groups.create(SCOPE, "web", "d", None)
    world.pass_time(GIVEN_UP.total_seconds() + 30, 10)
    assert [each.id for each in kept(world)] == [again.id]
    assert len(world.simulated.cloud.network.security_groups(SCOPE)) == 2  # beside the default one


def test_a_group_is_found_again_when_its_answer_was_lost(world, groups):
    world.simulated.faults.lose_answer(Where(calls=("create_security_group",)))
    made = groups.create(SCOPE, "web", "d", None)
    assert made.cloud_id in {each.id for each in world.simulated.cloud.network.security_groups(SCOPE)}


def test_a_deletion_whose_answer_was_lost_is_done(world, groups, made):
    world.simulated.faults.lose_request(Where(calls=("delete_security_group",)))
    groups.delete(SCOPE, made.id)
    assert [each.name for each in groups.list(SCOPE)] == ["default"]
    again = groups.create(SCOPE, "web", "another", None)
    world.pass_time(90)
    assert [each.id for each in kept(world)] == [again.id]
    with world.store.read() as conn:
        assert {rule.group_id for rule in RULES.all(conn, SCOPE)} == {again.id}
    assert {*at_cloud(world)} == {"default", "web"}


def test_a_deletion_that_is_refused_gives_the_group_back_as_it_was(world, groups, made):
    def meanwhile():
        with pytest.raises(security_group_findings.SecurityGroupExists):
            groups.create(SCOPE, "web", "another", None)
        with pytest.raises(security_group_findings.SecurityGroupNotFound):
            authorize(groups, made, SSH)
        raise GroupInUse("in use")

    find = groups.one
    groups.one = lambda *_: made  # as a request finds it that began before the deletion
    once(world, "delete_security_group", meanwhile)
    with pytest.raises(security_group_findings.SecurityGroupInUse):
        groups.delete(SCOPE, made.id)
    groups.one = find
    world.pass_time(90)
    assert [each.name for each in groups.list(SCOPE)] == ["web", "default"]
    assert at_cloud(world)["web"] == {OUT}


def test_a_deletion_that_died_is_done(world, groups, made, monkeypatch):
    world.pass_time(90)

    class Crash(Exception):
        """The process dies here."""

    transact, left = world.store.transact, ["first"]

    def crash(work):
        if not left:
            raise Crash
        left.pop()
        return transact(work)

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "transact", crash)  # dies before its second transaction
        with pytest.raises(Crash):
            groups.delete(SCOPE, made.id)
    world.pass_time(90)
    assert (kept(world), {*at_cloud(world)}) == ([], {"default"})


def test_a_group_that_somebody_deleted_at_the_cloud_is_forgotten(world, groups, made):
    world.simulated.projects.delete_security_group(made.cloud_id)
    world.pass_time(90)
    assert kept(world) == []


def test_a_group_whose_rule_names_one_that_is_gone_is_not_forgotten(world, groups, made):
    peer = groups.create(SCOPE, "peer", "d", None)
    authorize(groups, made, replace(SSH, peer=peer.id))
    world.pass_time(90)
    world.simulated.projects.delete_security_group(peer.cloud_id)
    world.simulated.projects.set_rules(SCOPE, made.cloud_id, [IN])  # its rules of the peer go with it
    refused = SecurityGroupNotFound(peer.id)
    world.simulated.faults.refuse(refused, Where(calls=("change_rules",)), times=1)
    world.store.transact(lambda conn: GROUPS.change(conn, SCOPE, made.id, due_at=world.clock.now()))
    world.pass_time(30)
    assert [each.name for each in kept(world)] == ["web"]  # the peer was looked at, and is
    world.pass_time(120, 30)
    assert at_cloud(world)["web"] == {OUT}


def test_a_vpc_has_a_group_of_its_own(world, groups):
    vpc = uuid_of("vpc")
    groups.make_default(SCOPE, vpc)
    groups.make_default(SCOPE, vpc)
    (default,) = [each for each in groups.list(SCOPE) if each.vpc == short_id(vpc)]
    assert (default.name, default.description) == ("default", "default VPC security group")
    with pytest.raises(security_group_findings.SecurityGroupKept):
        groups.delete(SCOPE, default.id)
    members = Rule(True, "-1", None, None, group_id=default.cloud_id)
    listed = [each for each in world.simulated.cloud.network.security_groups(SCOPE) if each.network_id == vpc]
    assert [{*each.rules} for each in listed] == [{OUT, members}]
    assert not groups.others_of(SCOPE, short_id(vpc))
    for _ in range(2):
        world.store.transact(lambda conn: end_standard(conn, SCOPE, short_id(vpc), world.clock.now()))
    assert [each for each in groups.list(SCOPE) if each.vpc == short_id(vpc)] == []
    world.pass_time(1)
    assert kept(world) == []
    assert {*at_cloud(world)} == {"default"}


def test_a_group_that_goes_is_named_by_no_new_rule(world, groups, made):
    """The cloud would take it, and the rule's peer were dead a moment later."""
    peer = groups.create(SCOPE, "peer", "d", None)
    world.simulated.faults.lose_request(Where(calls=("delete_security_group",)), times=1)
    groups.delete(SCOPE, peer.id)
    named = GroupRule("", "", False, "tcp", 80, 80, peer.id)
    with pytest.raises(security_group_findings.SecurityGroupNotFound):
        groups.change(SCOPE, made.id, lambda rules: [*rules, named])
    world.pass_time(90)
    with world.store.read() as conn:
        assert RULES.count(conn, SCOPE, peer=peer.id) == 0
