from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from backend.domain.cluster import Process
from backend.domain.node import NodeState, ServerStatus
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.engine import steps
from backend.engine.draft import Draft
from backend.engine.phases.depart import depart
from backend.engine.phases.health import check_health
from backend.engine.phases.settle import settle
from backend.engine.phases.traffic import lead_traffic
from tests.backend.engine.drafts import SETTINGS, kinds, node, owner, pending, snapshot
from tests.factories import NOW

SOURCE = TrafficSource("pool", "web", 80, SourceState.ADDED)
LEAVING = replace(SOURCE, state=SourceState.REMOVING)
LATER = NOW + timedelta(seconds=30)
STATE = RegistrationState


def _registration(of, state=STATE.REGISTERED, **values):
    usual = {
        "node_id": of.id,
        "pool_id": "pool",
        "cluster_id": of.cluster_id,
        "project_id": of.project_id,
        "region": of.region,
        "server_id": of.server_id or "",
        "address": "10.0.0.5",
        "port": 80,
        "subnet_id": None,
        "state": state,
        "state_at": NOW,
    }
    return Registration(**{**usual, **values})


def _draft(phase, *nodes, source=SOURCE, registrations=(), settings=SETTINGS, **values):
    cluster = owner(sources=(source,), **values)
    made = Draft(snapshot(cluster, *nodes, registrations=registrations), NOW, settings, Random(1))
    phase(made)
    return made


def _node(name="n", **values):
    return node(owner(), name, **{"address": "10.0.0.5", **values})


def _led(*nodes, **values):
    return kinds(_draft(lead_traffic, *nodes, **values).steps)


def test_a_cluster_without_sources_is_let_be():
    made = Draft(snapshot(owner(), _node()), NOW, SETTINGS, Random(1))
    lead_traffic(made)
    assert made.steps == []
    assert made.wakes == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ["Register"]),
        ({"address": None}, ["Look"]),
        ({"state": NodeState.STANDBY}, []),
        ({"state": NodeState.TERMINATING}, []),
        ({"state": NodeState.DETACHING}, []),
    ],
)
def test_nodes_in_service_join(values, expected):
    assert _led(_node(**values)) == expected


def test_a_node_on_its_way_does_not():
    assert _led(pending(owner(), "p", address="10.0.0.5")) == []


def test_one_look_serves_all_sources():
    sources = (SOURCE, replace(SOURCE, pool_id="other"))
    made = Draft(snapshot(owner(sources=sources), _node(address=None)), NOW, SETTINGS, Random(1))
    lead_traffic(made)
    assert kinds(made.steps) == ["Look"]


def test_a_suspended_process_keeps_nodes_out_for_good():
    suspended = {Process.ADD_TO_LOAD_BALANCER: NOW}
    assert _led(_node(), suspended=suspended) == ["Skip"]
    kept = (_registration(_node(), STATE.SKIPPED),)
    assert _led(_node(), registrations=kept) == []


@pytest.mark.parametrize(
    ("state", "due_at", "expected"),
    [
        (STATE.ADDING, LATER, []),
        (STATE.ADDING, NOW, ["Register"]),
        (STATE.ADDING, None, ["Register"]),
        (STATE.REGISTERED, None, []),
        (STATE.LEAVING, LATER, ["Register"]),
        (STATE.DRAINING, LATER, ["Register"]),
        (STATE.REMOVING, LATER, ["Register"]),
    ],
)
def test_of_a_node_that_serves(state, due_at, expected):
    assert _led(_node(), registrations=(_registration(_node(), state, due_at=due_at),)) == expected


@pytest.mark.parametrize(
    ("state", "due_at", "expected"),
    [
        (STATE.ADDING, LATER, ["Drain"]),
        (STATE.REGISTERED, None, ["Drain"]),
        (STATE.LEAVING, LATER, []),
        (STATE.LEAVING, NOW, ["Drain"]),
        (STATE.DRAINING, LATER, []),
        (STATE.DRAINING, NOW, ["Deregister"]),
        (STATE.REMOVING, LATER, []),
        (STATE.REMOVING, NOW, ["Deregister"]),
        (STATE.SKIPPED, None, ["Unskip"]),
    ],
)
@pytest.mark.parametrize("gone", ["node", "source"])
def test_of_what_is_to_go(gone, state, due_at, expected):
    here = _node(state=NodeState.TERMINATING) if gone == "node" else _node()
    source = LEAVING if gone == "source" else SOURCE
    made = _draft(lead_traffic, here, source=source, registrations=(_registration(here, state, due_at=due_at),))
    assert kinds(made.steps) == expected
    assert made.wakes or state is STATE.SKIPPED


@pytest.mark.parametrize(
    ("node_values", "values", "cluster_values"),
    [
        ({"server_status": ServerStatus.STOPPED}, {}, {}),
        ({"server_status": ServerStatus.DELETED}, {}, {}),
        ({"server_status": ServerStatus.ERROR}, {}, {}),
        ({}, {"health": MemberHealth.UNHEALTHY}, {}),
        ({}, {}, {"force_delete": True}),
        ({}, {}, {"settings": replace(SETTINGS, deregistration=timedelta(0))}),
    ],
)
@pytest.mark.parametrize("state", [STATE.ADDING, STATE.REGISTERED, STATE.LEAVING, STATE.DRAINING])
def test_nothing_is_waited_for_where_no_connection_is_left(state, node_values, values, cluster_values):
    leaving = _node(state=NodeState.TERMINATING, **node_values)
    kept = (_registration(leaving, state, due_at=LATER, **values),)
    assert _led(leaving, registrations=kept, **cluster_values) == ["Deregister"]


def test_the_member_of_a_node_that_is_no_more_is_removed():
    assert _led(registrations=(_registration(_node()),)) == ["Deregister"]


@pytest.mark.parametrize(
    ("source", "health", "checks", "state", "expected"),
    [
        (SourceState.ADDING, MemberHealth.UNKNOWN, ("EC2",), STATE.REGISTERED, SourceState.ADDED),
        (SourceState.ADDING, MemberHealth.UNKNOWN, ("EC2",), STATE.SKIPPED, SourceState.ADDED),
        (SourceState.ADDING, MemberHealth.HEALTHY, ("ELB",), STATE.ADDING, SourceState.ADDING),
        (SourceState.ADDED, MemberHealth.HEALTHY, ("EC2",), STATE.REGISTERED, SourceState.ADDED),
        (SourceState.ADDED, MemberHealth.INITIAL, ("EC2", "ELB"), STATE.REGISTERED, SourceState.ADDED),
        (SourceState.ADDED, MemberHealth.HEALTHY, ("EC2", "ELB"), STATE.REGISTERED, SourceState.IN_SERVICE),
        (SourceState.IN_SERVICE, MemberHealth.UNHEALTHY, ("ELB",), STATE.REGISTERED, SourceState.IN_SERVICE),
        (SourceState.REMOVING, MemberHealth.UNKNOWN, ("EC2",), STATE.DRAINING, SourceState.REMOVING),
    ],
)
def test_the_states_of_a_source(source, health, checks, state, expected):
    kept = (_registration(_node(), state, health=health, due_at=LATER),)
    before = replace(SOURCE, state=source)
    made = _draft(lead_traffic, _node(), source=before, registrations=kept, health_checks=checks, desired=1)
    settled = [step.sources for step in made.steps if isinstance(step, steps.SettleSources)]
    assert settled == ([] if expected is source else [(replace(before, state=expected),)])


def test_a_source_waits_for_nodes_that_are_on_their_way():
    before = replace(SOURCE, state=SourceState.ADDING)
    coming = pending(owner(), "p")
    kept = (_registration(_node()),)
    assert _led(_node(), coming, source=before, registrations=kept, desired=2) == []
    assert _led(source=before, desired=1) == []
    assert _led(source=before) == ["SettleSources"]


def test_a_source_that_nothing_is_registered_with_any_more_is_gone():
    made = _draft(lead_traffic, _node(), source=LEAVING)
    assert [step.sources for step in made.steps if isinstance(step, steps.SettleSources)] == [()]


@pytest.mark.parametrize("state", [NodeState.TERMINATING, NodeState.DETACHING, NodeState.ENTERING_STANDBY])
@pytest.mark.parametrize(
    ("registration", "waited", "goes"),
    [
        (None, timedelta(0), True),
        (STATE.SKIPPED, timedelta(0), True),
        (STATE.REGISTERED, timedelta(0), False),
        (STATE.DRAINING, SETTINGS.deregistration, False),
        (STATE.REMOVING, SETTINGS.deregistration + SETTINGS.deregistration_patience, True),
    ],
)
def test_a_node_goes_when_its_members_are_gone_or_cannot_be_told(state, registration, waited, goes):
    leaving = _node(state=state, state_at=NOW - waited)
    kept = () if registration is None else (_registration(leaving, registration),)
    phase = settle if state is NodeState.ENTERING_STANDBY else depart
    made = _draft(phase, leaving, registrations=kept)
    assert bool(made.steps) is goes
    assert goes or made.wakes


@pytest.mark.parametrize(
    ("checks", "values", "grace", "expected"),
    [
        (("EC2", "ELB"), {"health": MemberHealth.UNHEALTHY, "served": True}, 0, ["Mark", "Terminate"]),
        (("EC2",), {"health": MemberHealth.UNHEALTHY, "served": True}, 0, []),
        (("ELB",), {"health": MemberHealth.UNHEALTHY, "served": False}, 0, []),
        (("ELB",), {"health": MemberHealth.UNKNOWN, "served": True}, 0, []),
        (("ELB",), {"health": MemberHealth.INITIAL, "served": True}, 0, []),
        (("ELB",), {"health": MemberHealth.UNHEALTHY, "served": True}, 7200, []),
        (("ELB",), {"health": MemberHealth.UNHEALTHY, "served": True, "state": STATE.DRAINING}, 0, []),
    ],
)
def test_the_verdict_of_a_monitor(checks, values, grace, expected):
    kept = (_registration(_node(), **values),)
    made = _draft(
        check_health, _node(), registrations=kept, health_checks=checks, health_grace_seconds=grace, desired=1
    )
    assert kinds(made.steps) == expected
    assert bool(made.wakes) is bool(grace)


def test_a_member_that_is_healthy_again_is_spared():
    marked = _node(health="Unhealthy", health_cause="health_balancer", health_due_at=LATER)
    kept = (_registration(marked, health=MemberHealth.HEALTHY, served=True),)
    made = _draft(check_health, marked, registrations=kept, health_checks=("ELB",), desired=1)
    assert [(step.cause) for step in made.steps] == [None]
