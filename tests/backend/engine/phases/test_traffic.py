from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.cluster import Process
from backend.domain.node import Health, NodeState, ServerStatus
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.engine.acts.members import Change, ChangeMembers
from backend.engine.phases.depart import depart
from backend.engine.phases.health import check_health
from backend.engine.phases.settle import settle
from backend.engine.phases.traffic import lead_traffic
from tests.backend.engine.drafts import SETTINGS, draft, kinds, node, owner, pending
from tests.factories import NOW

SOURCE = TrafficSource("pool", "web", 80, SourceState.ADDED)
LEAVING = replace(SOURCE, state=SourceState.REMOVING)
LATER = NOW + timedelta(seconds=30)
STATE = RegistrationState
JOINS = ["ChangeMembers", "member:new->adding"]


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
    made = draft(cluster, *nodes, registrations=registrations, settings=settings)
    phase(made)
    return made


def _node(name="n", **values):
    return node(owner(), name, **{"address": "10.0.0.5", **values})


def _led(*nodes, **values):
    """What becomes of members and is asked of pools; whatever is asked for is what is written down, member by member."""
    made = _draft(lead_traffic, *nodes, **values)
    _check_members(made)
    return kinds(made)


def _check_members(made):
    awaited = {Change.ADD: STATE.ADDING, Change.DRAIN: STATE.LEAVING, Change.REMOVE: STATE.REMOVING}
    for act in made.acts:
        for target in act.targets if isinstance(act, ChangeMembers) else ():
            after = made.registrations[target.owner, act.pool_id]
            assert (after.state, after.state_at, after.due_at) == (awaited[act.change], NOW, NOW + SETTINGS.cloud_retry)
            assert (target.address, target.port) == (after.address, after.port)


def test_a_cluster_without_sources_is_let_be():
    made = draft(owner(), _node())
    lead_traffic(made)
    assert kinds(made) == []
    assert made.wakes == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, JOINS),
        ({"address": None}, ["LookAtServer"]),
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
    made = draft(owner(sources=sources), _node(address=None))
    lead_traffic(made)
    assert kinds(made) == ["LookAtServer"]


def test_a_suspended_process_keeps_nodes_out_for_good():
    suspended = {Process.ADD_TO_LOAD_BALANCER: NOW}
    assert _led(_node(), suspended=suspended) == ["member:new->skipped"]
    kept = (_registration(_node(), STATE.SKIPPED),)
    assert _led(_node(), registrations=kept) == []


@pytest.mark.parametrize(
    ("state", "due_at", "expected"),
    [
        (STATE.ADDING, LATER, []),
        (STATE.ADDING, NOW, ["ChangeMembers"]),
        (STATE.ADDING, None, ["ChangeMembers"]),
        (STATE.REGISTERED, None, []),
        (STATE.LEAVING, LATER, ["ChangeMembers", "member:leaving->adding"]),
        (STATE.DRAINING, LATER, ["ChangeMembers", "member:draining->adding"]),
        (STATE.REMOVING, LATER, ["ChangeMembers", "member:removing->adding"]),
    ],
)
def test_of_a_node_that_serves(state, due_at, expected):
    here = _registration(_node(), state, due_at=due_at, health=MemberHealth.HEALTHY, served=True)
    made = _draft(lead_traffic, _node(), registrations=(here,))
    _check_members(made)
    assert kinds(made) == expected
    after = made.registrations[here.node_id, here.pool_id]
    # One that is asked for anew begins anew: what a monitor said of the member before says nothing about it.
    assert (after.health, after.served) == ((MemberHealth.UNKNOWN, False) if expected else (here.health, True))


@pytest.mark.parametrize(
    ("state", "due_at", "expected"),
    [
        (STATE.ADDING, LATER, Change.DRAIN),
        (STATE.REGISTERED, None, Change.DRAIN),
        (STATE.LEAVING, LATER, None),
        (STATE.LEAVING, NOW, Change.DRAIN),
        (STATE.DRAINING, LATER, None),
        (STATE.DRAINING, NOW, Change.REMOVE),
        (STATE.REMOVING, LATER, None),
        (STATE.REMOVING, NOW, Change.REMOVE),
        (STATE.SKIPPED, None, None),
    ],
)
@pytest.mark.parametrize("gone", ["node", "source"])
def test_of_what_is_to_go(gone, state, due_at, expected):
    here = _node(state=NodeState.TERMINATING, activity_id="leaving") if gone == "node" else _node()
    source = LEAVING if gone == "source" else SOURCE
    made = _draft(lead_traffic, here, source=source, registrations=(_registration(here, state, due_at=due_at),))
    _check_members(made)
    assert [act.change for act in made.acts] == ([expected] if expected else [])
    assert made.wakes or state is STATE.SKIPPED
    assert bool(made.registrations) is (state is not STATE.SKIPPED)
    waits = expected is Change.DRAIN and gone == "node"
    assert made.entries.draining == ({"leaving"} if waits else set())


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
    assert _led(leaving, registrations=kept, **cluster_values) == ["ChangeMembers", f"member:{state}->removing"]


def test_the_member_of_a_node_that_is_no_more_is_removed():
    assert _led(registrations=(_registration(_node()),)) == ["ChangeMembers", "member:registered->removing"]


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
    assert made.cluster.sources == (replace(before, state=expected),)
    assert made.again is (expected is not source)


def test_a_source_waits_for_nodes_that_are_on_their_way():
    before = replace(SOURCE, state=SourceState.ADDING)
    coming = pending(owner(), "p")
    kept = (_registration(_node()),)
    assert _led(_node(), coming, source=before, registrations=kept, desired=2) == []
    assert _led(source=before, desired=1) == []
    assert _led(source=before) == ["cluster:sources"]


def test_a_source_that_nothing_is_registered_with_any_more_is_gone():
    made = _draft(lead_traffic, _node(), source=LEAVING)
    assert made.cluster.sources == ()


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
    assert bool(kinds(made)) is goes
    assert goes or made.wakes


@pytest.mark.parametrize(
    ("checks", "values", "grace", "expected"),
    [
        (
            ("EC2", "ELB"),
            {"health": MemberHealth.UNHEALTHY, "served": True},
            0,
            ["Healthy->Unhealthy", "InService->Terminating"],
        ),
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
    assert kinds(made) == expected
    assert bool(made.wakes) is bool(grace)


def test_a_member_that_is_healthy_again_is_spared():
    marked = _node(health=Health.UNHEALTHY, health_cause="health_balancer", health_due_at=LATER)
    kept = (_registration(marked, health=MemberHealth.HEALTHY, served=True),)
    made = _draft(check_health, marked, registrations=kept, health_checks=("ELB",), desired=1)
    after = made.nodes[marked.id]
    assert (after.health, after.health_cause, after.health_due_at) == (Health.HEALTHY, None, None)
