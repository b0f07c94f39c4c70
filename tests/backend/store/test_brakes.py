"""Brakes: whom one holds, and that plans made before it are void."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import update

from backend.domain.brakes import Brake
from backend.domain.scope import Scope
from backend.store import brakes, clusters, tables
from tests.factories import NOW, OTHER, SCOPE, cluster

LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("project", "region", "held"),
    [
        ("", "", {SCOPE, OTHER}),
        (SCOPE.project_id, "", {SCOPE}),
        ("", "us-east-1", {SCOPE, OTHER}),
        ("", "elsewhere", set()),
        (OTHER.project_id, "us-east-1", {OTHER}),
    ],
)
def test_a_brake_holds_whom_it_names_and_nobody_else(store, project, region, held):
    made = {scope: cluster(scope=scope, due_at=LATER) for scope in (SCOPE, OTHER)}
    for each in made.values():
        store.transact(lambda conn, each=each: clusters.insert(conn, each))
    brake = Brake(project, region, NOW, "root@ops", "the switch is being replaced")
    assert brakes.put(store, brake) == len(held)
    with store.read() as conn:
        assert {scope for scope in made if brakes.over(conn, scope) == brake} == held
        for scope, each in made.items():
            now = clusters.get(conn, scope, "web")
            assert (now.generation > each.generation, now.due_at == NOW) == (scope in held, scope in held)
    assert brakes.lift(store, project, region) is True
    assert brakes.lift(store, project, region) is False
    with store.read() as conn:
        assert brakes.over(conn, SCOPE) is None


def test_the_last_word_on_a_brake_is_told_and_the_oldest_of_several_holds(store):
    for reason in ("first", "second"):
        brakes.put(store, Brake("", "", NOW, "root@ops", reason))
    brakes.put(store, Brake(SCOPE.project_id, "", LATER, "root@ops", "third"))
    with store.read() as conn:
        assert [each.reason for each in brakes.everywhere(conn)] == ["second", "third"]
        assert brakes.over(conn, SCOPE).reason == "second"
        assert brakes.over(conn, Scope("nobody", "us-east-1")).reason == "second"
        assert len(brakes.everywhere(conn, 1)) == 1


def test_a_brake_lets_nobody_be_looked_at_later_than_meant_whatever_the_clock_of_its_command_says(store):
    for name, due_at in (("past", NOW - timedelta(minutes=1)), ("soon", NOW + timedelta(minutes=1))):
        store.transact(partial(clusters.insert, cluster=cluster(name=name, due_at=due_at)))
    brakes.put(store, Brake("", "", LATER, "root@ahead", ""))  # its machine's clock is an hour ahead
    with store.read() as conn:
        due = [clusters.get(conn, SCOPE, name).due_at for name in ("past", "soon")]
    assert due == [NOW - timedelta(minutes=1), NOW]


def test_taking_a_brake_off_again_sees_to_what_a_command_that_died_did_not_come_to(store):
    group = cluster(due_at=LATER)
    store.transact(lambda conn: clusters.insert(conn, group))
    brakes.put(store, Brake("", "", NOW, "root@ops", ""))
    store.transact(partial(_rest, group.id))  # the engine has looked, and found it held
    begun = []

    def dies(point):
        begun.extend([point] if point == "begin" else [])
        if len(begun) > 1:
            raise KeyboardInterrupt

    store.hook = dies
    with pytest.raises(KeyboardInterrupt):
        brakes.lift(store, "", "")
    store.hook = None
    with store.read() as conn:
        assert (brakes.over(conn, SCOPE), clusters.get(conn, SCOPE, "web").due_at) == (None, LATER)
    assert brakes.lift(store, "", "") is False
    with store.read() as conn:
        assert clusters.get(conn, SCOPE, "web").due_at == NOW


def _rest(cluster_id, conn):
    conn.execute(update(tables.clusters).where(tables.clusters.c.id == cluster_id).values(due_at=LATER))
