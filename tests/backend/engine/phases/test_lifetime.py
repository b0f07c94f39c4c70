from __future__ import annotations

from datetime import timedelta

from backend.domain.activity import CauseKind
from backend.domain.cluster import Process
from backend.domain.node import LeavesFor, ServerStatus
from backend.engine.phases.lifetime import end_lifetimes
from tests.backend.engine.drafts import causes, draft, kinds, node, owner, pending, plan, terminated
from tests.factories import NOW

DAY = 86_400


def _ended(group, *nodes):
    made = draft(group, *nodes)
    end_lifetimes(made)
    return made


def _aged(group, name, days, **values):
    return node(group, name, created_at=NOW - timedelta(days=days), **values)


def test_the_oldest_go_first_one_at_a_time():
    group = owner(desired=3, maximum_lifetime_seconds=DAY)
    nodes = [_aged(group, "oldest", 3), _aged(group, "older", 2), _aged(group, "young", 0.5)]
    made = _ended(group, *nodes)
    assert [one.id for one in terminated(made)] == [nodes[0].id]
    assert causes(made, nodes[0]) == [CauseKind.MAXIMUM_LIFETIME]
    assert made.nodes[nodes[0].id].leaves_for is LeavesFor.LIFETIME


def test_who_is_young_is_looked_at_in_time():
    group = owner(desired=1, maximum_lifetime_seconds=DAY)
    made = _ended(group, _aged(group, "young", 0.25))
    assert (kinds(made), made.wakes) == ([], [NOW + timedelta(days=0.75)])


def test_the_next_waits_for_the_successor():
    group = owner(desired=2, maximum_lifetime_seconds=DAY)
    assert kinds(_ended(group, _aged(group, "old", 2), pending(group, "new", replaces="gone"))) == []


def test_a_maintenance_policy_above_a_hundred_launches_first():
    group = owner(
        desired=2, maximum_lifetime_seconds=DAY, maintenance_minimum_percent=100, maintenance_maximum_percent=110
    )
    old = _aged(group, "old", 2)
    made = _ended(group, old, _aged(group, "young", 0))
    assert (kinds(made), [wish.victim for wish in made.wishes]) == ([], [old])


def test_a_project_that_wants_it_launches_first_where_no_policy_says_otherwise():
    values = {"desired": 2, "maximum_lifetime_seconds": DAY}
    wishes = []
    for policy in ({}, {"maintenance_minimum_percent": 50, "maintenance_maximum_percent": 100}):
        group = owner(**values, **policy)
        made = draft(group, _aged(group, "old", 2), _aged(group, "young", 0), launch_first=True)
        end_lifetimes(made)
        wishes.append((len(terminated(made)), len(made.wishes)))
    assert wishes == [(0, 1), (1, 0)]


def test_it_takes_both_processes():
    for process in (Process.LAUNCH, Process.TERMINATE):
        group = owner(desired=1, maximum_lifetime_seconds=DAY, suspended={process: NOW})
        assert kinds(_ended(group, _aged(group, "old", 2))) == []


def test_nobody_s_life_ends_in_a_mass_failure():
    group = owner(desired=4, maximum_lifetime_seconds=DAY)
    good = _aged(group, "good", 2)
    bad = [_aged(group, f"bad-{number}", 2, server_status=ServerStatus.STOPPED) for number in range(3)]
    assert terminated(plan(group, good, *bad)) == []
