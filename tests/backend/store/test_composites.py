"""What composite alarms depend on, on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import event

from backend.domain.alarms import Alarm, AlarmState, alarm_id
from backend.domain.composites import NOTHING_WATCHED, ChildrenMissing, Circular, Composite, TooDeep, TooManyBelow
from backend.store import composites
from backend.store.alarms import ALARMS
from tests.factories import NOW, OTHER, SCOPE


def write(store, name, *children, scope=SCOPE, **values):
    """An alarm; a composite one where it has children."""
    composite = Composite("", False, children) if children else None
    made = Alarm(
        id=alarm_id(scope, name),
        name=name,
        created_at=NOW,
        configured_at=NOW,
        updated_at=NOW,
        transitioned_at=NOW,
        watched=NOTHING_WATCHED,
        composite=None if composite is None else composite.document(),
    )

    def work(conn):
        if composite is not None:
            composites.check(conn, scope, name, composite)
            composites.depend(conn, scope, name, composite)
        ALARMS.add(conn, scope, replace(made, **values))

    store.transact(work)


@pytest.fixture
def alarms(store):
    """One below another, and another project's of the same names."""
    for scope in (SCOPE, OTHER):
        write(store, "a", scope=scope, state=AlarmState.ALARM)
        write(store, "b", scope=scope)
        write(store, "low", "a", "b", scope=scope)
        write(store, "top", "low", scope=scope)
    return store


def due(store, scope=SCOPE):
    with store.read() as conn:
        return {alarm.name for alarm in ALARMS.all(conn, scope) if alarm.next_at == NOW}


def test_those_that_depend_on_it_are_woken(alarms):
    assert alarms.transact(lambda conn: composites.wake_parents(conn, SCOPE, [alarm_id(SCOPE, "a")], NOW))
    assert (due(alarms), due(alarms, OTHER)) == ({"low"}, set())
    assert not alarms.transact(lambda conn: composites.wake_parents(conn, SCOPE, [alarm_id(SCOPE, "top")], NOW))


def test_states_and_needs_are_told_of_one_project(alarms):
    with alarms.read() as conn:
        states = composites.states(conn, SCOPE, Composite("", False, ("b", "a", "none")))
        ids = [alarm_id(SCOPE, name) for name in ("a", "low", "top")]
        needed = composites.needed(conn, SCOPE, ids)
        foreign = composites.needed(conn, OTHER, ids)
    assert [(each.name, each.state) for each in states] == [
        ("b", AlarmState.INSUFFICIENT_DATA),
        ("a", AlarmState.ALARM),
        ("none", AlarmState.INSUFFICIENT_DATA),
    ]
    assert (needed, foreign) == ({alarm_id(SCOPE, "a"), alarm_id(SCOPE, "low")}, set())


def test_circles_are_found_however_long(alarms, monkeypatch):
    def check(name, *children):
        return alarms.transact(lambda conn: composites.check(conn, SCOPE, name, Composite("", False, children)))

    check("low", "a")
    with pytest.raises(Circular):
        check("low", "b", "top")
    with pytest.raises(ChildrenMissing):
        check("low", "a", "none")
    monkeypatch.setattr(composites, "MOST_BELOW", 0)
    with pytest.raises(TooManyBelow):
        check("low", "b")


def test_a_circle_is_looked_for_on_all_ways_at_once(alarms, store):
    """However many ways lead to one tower, it is looked through once: a statement for each of its levels."""
    for level in range(10):
        write(alarms, f"c{level}", f"c{level - 1}" if level else "a")
    ways = [f"way{number}" for number in range(8)]
    for way in ways:
        write(alarms, way, "c9")
    asked = []

    def note(_conn, _cursor, statement, *_):
        asked.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    alarms.transact(lambda conn: composites.check(conn, SCOPE, "low", Composite("", False, tuple(ways))))
    event.remove(store.engine, "before_cursor_execute", note)
    assert len([each for each in asked if "alarm_children" in each]) <= 12
    with pytest.raises(Circular) as found:
        alarms.transact(lambda conn: composites.check(conn, SCOPE, "c0", Composite("", False, ("b", "way3"))))
    assert found.value.by == "way3"


def test_a_tower_has_an_end(alarms, monkeypatch):
    """Also where it is built upwards, each time by one on which nothing depends."""
    monkeypatch.setattr(composites, "MOST_LEVELS", 2)
    write(alarms, "third", "top")
    with pytest.raises(TooDeep):
        write(alarms, "fourth", "third")


def test_who_needs_no_more_than_before_is_not_looked_through(alarms, monkeypatch):
    monkeypatch.setattr(composites, "MOST_LEVELS", 0)
    top = Composite("", False, ("low", "a"))
    alarms.transact(lambda conn: composites.check(conn, SCOPE, "top", Composite("", False, ("low",)), top))
    with pytest.raises(TooDeep):
        alarms.transact(lambda conn: composites.check(conn, SCOPE, "top", Composite("", False, ("low", "b")), top))
