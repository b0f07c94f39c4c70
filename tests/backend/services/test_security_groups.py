"""Security groups as the services keep them: their limits, where they may be, and what is read for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backend import Backend, errors
from backend.domain import network_findings
from backend.domain.prefix_lists import Family
from backend.domain.security_groups import RULES_LIMIT, GroupRule
from backend.drivers.simulated.faults import Where
from backend.services.security_groups import SecurityGroups
from backend.store import counting
from backend.store.records import Records
from tests.factories import SCOPE, World

V4 = GroupRule("", "", False, "tcp", 0, 0, "0.0.0.0/0")


def rules(peer: str, count: int) -> list[GroupRule]:
    return [replace(V4, from_port=port, to_port=port, peer=peer) for port in range(1, count + 1)]


def in_ipv4(rule: GroupRule) -> GroupRule:
    return replace(rule, peer="10.0.0.0/8") if rule.ipv6 else rule


@pytest.fixture
def groups(world: World) -> SecurityGroups:
    return world.backend.security_groups


def test_changed_rules_are_counted_as_new_ones_are(groups: SecurityGroups) -> None:
    made = groups.create(SCOPE, "web", "d", None)
    both = [*rules("0.0.0.0/0", RULES_LIMIT), *rules("::/0", RULES_LIMIT)]
    groups.change(SCOPE, made.id, lambda here: [*here, *both])
    with pytest.raises(errors.LimitExceeded):
        groups.change(SCOPE, made.id, lambda here: [in_ipv4(rule) for rule in here])
    groups.change(SCOPE, made.id, lambda here: [replace(rule, description="d") for rule in here])


def test_a_vpc_on_its_way_out_gets_no_group(world: World, groups: SecurityGroups) -> None:
    networks = world.backend.networks
    vpc = networks.create_vpc(SCOPE, "10.0.0.0/16")
    world.simulated.faults.unavailable(Where(calls=("delete_vpc",)))
    networks.delete_vpc(SCOPE, vpc.id)
    with pytest.raises(network_findings.NetworkUnknown):
        groups.create(SCOPE, "web", "d", vpc.id)


def test_a_balancer_in_a_new_vpc_gets_its_own_group_in_every_process(world: World, groups: SecurityGroups) -> None:
    other = Backend.build(world.store, world.simulated.cloud, world.clock)
    other.security_groups.list(SCOPE)
    vpc = world.backend.networks.create_vpc(SCOPE, "10.0.0.0/16")
    (default,) = [each for each in groups.list(SCOPE) if each.vpc == vpc.id]
    (found,) = other.balancers.security_groups(SCOPE, [], vpc.cloud_id)
    assert found.id == default.cloud_id


def test_a_groups_name_costs_the_rules_of_no_other(
    world: World, groups: SecurityGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, other = (groups.create(SCOPE, name, "d", None) for name in ("web", "other"))
    seeded = world.simulated.projects.add_security_group(SCOPE, "seeded")
    world.backend.catalog.security_groups(SCOPE, fresh=True)
    groups.change(SCOPE, other.id, lambda here: [*here, *rules("0.0.0.0/0", 20)])
    read: list[GroupRule] = []
    reading = Records._read

    def noted(records: Records[Any], row: Any) -> Any:
        made = reading(records, row)
        if isinstance(made, GroupRule):
            read.append(made)
        return made

    monkeypatch.setattr(Records, "_read", noted)
    assert [each.id for each in groups.named(SCOPE, "web")] == [web.id]
    assert [each.id for each in groups.named(SCOPE, "seeded")] == [seeded.short_id]
    groups.create(SCOPE, "third", "d", None)
    groups.delete(SCOPE, web.id)
    assert other.id not in {rule.group_id for rule in read}


@pytest.mark.parametrize("added", [True, False])
def test_who_has_a_rule_name_something_holds_it_until_that_is_written(
    world: World, groups: SecurityGroups, monkeypatch: pytest.MonkeyPatch, added: bool
) -> None:
    """Who deletes a group or a list holds the same: on SQLite, which has one writer, nobody sees it missing."""
    held: list[str] = []
    monkeypatch.setattr(counting, "hold", lambda _conn, _scope, what: held.append(what))
    web, peer = (groups.create(SCOPE, name, "d", None) for name in ("web", "peer"))
    made = world.backend.prefix_lists.create(SCOPE, "office", Family.IPV4, 5, {}, None)
    groups.change(SCOPE, web.id, lambda here: [*here, *rules("10.0.0.0/8", 1)])
    held.clear()
    named = {peer.id: "named security groups", made.peer: "named prefix lists"}
    for port, (wanted, what) in enumerate(named.items(), start=2):
        if added:
            (new,) = [replace(rule, from_port=port) for rule in rules(wanted, 1)]
            groups.change(SCOPE, web.id, lambda here, new=new: [*here, new])
        else:
            change = lambda rule, peer=wanted: rule if rule.egress else replace(rule, peer=peer)  # noqa: E731
            groups.change(SCOPE, web.id, lambda here, change=change: [change(rule) for rule in here])
        assert held.count(what) == 1, held
    held.clear()
    groups.change(SCOPE, web.id, lambda here: [replace(rule, description="d") for rule in here])
    assert held == []
