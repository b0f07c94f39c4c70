from __future__ import annotations

from dataclasses import replace

from backend.domain.changes import Changes, Entries
from backend.domain.cluster import Process
from backend.domain.node import Health, NodeState, move
from backend.domain.traffic import Registration, RegistrationState
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.telling import happenings
from tests.backend.engine.drafts import node, owner, pending, rows
from tests.factories import NOW, SCOPE

GROUP = owner()


def _member(of, state):
    return Registration(of.id, "pool", GROUP.id, GROUP.project_id, GROUP.region, "s", "10.0.0.5", 80, None, state, NOW)


def test_what_a_pass_does_is_counted_by_kind():
    entering, leaving, gone, sick = (pending(GROUP, "a"), node(GROUP, "b"), node(GROUP, "c"), node(GROUP, "d"))
    states = RegistrationState
    before = rows(
        GROUP,
        entering,
        leaving,
        gone,
        sick,
        registrations=[_member(leaving, states.REGISTERED), _member(gone, states.REMOVING)],
    )
    after = rows(
        replace(GROUP, suspended={Process.LAUNCH: NOW}),
        move(entering, NodeState.IN_SERVICE, NOW),
        move(leaving, NodeState.TERMINATING, NOW),
        replace(sick, health=Health.UNHEALTHY),
        pending(GROUP, "new"),
        registrations=[_member(leaving, states.LEAVING), _member(sick, states.ADDING)],
    )
    changes = Changes(before, after, Entries(), NOW, goes=True)
    assert happenings(changes, [DeleteServer(SCOPE, leaving)] * 2) == {
        "Pending->InService": 1,
        "InService->Terminating": 1,
        "InService->gone": 1,
        "new->Pending": 1,
        "Healthy->Unhealthy": 1,
        "member:registered->leaving": 1,
        "member:removing->gone": 1,
        "member:new->adding": 1,
        "cluster:suspended": 1,
        "cluster:gone": 1,
        "DeleteServer": 2,
    }


def test_a_pass_that_does_nothing_tells_nothing():
    here = rows(GROUP, node(GROUP, "a"))
    assert not happenings(Changes(here, here, Entries(), NOW), [])
