"""What composite alarms depend on: rows of parents and children, their states, and who is to be looked at for a change.

Whoever changes the state of an alarm, or writes or deletes more than one, holds the round of the project first, see
store/alarms.py: so parents are written after their children without fear.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, or_, select, update

from backend.domain.alarms import AlarmState, alarm_id
from backend.domain.composite_states import ChildState
from backend.domain.composites import (
    MOST_BELOW,
    MOST_LEVELS,
    MOST_PARENTS,
    ChildrenMissing,
    Circular,
    Composite,
    SuppressorMissing,
    TooDeep,
    TooManyBelow,
    TooManyParents,
)
from backend.domain.ids import derived_uuid
from backend.domain.scope import Scope
from backend.store.alarm_tables import alarm_children, alarms
from backend.store.batches import chunks
from backend.store.records import Records
from backend.store.types import Instant

_a = alarms.c
_c = alarm_children.c


@dataclass(frozen=True, slots=True)
class Dependence:
    """An alarm that another cannot be without.

    Attributes:
        suppresses: it is no part of the rule, but keeps the parent from acting.
    """

    id: str
    parent_id: str
    child_id: str
    suppresses: bool


CHILDREN: Final = Records(alarm_children, Dependence)


def depend(conn: Connection, scope: Scope, parent: str, composite: Composite | None) -> None:
    """Write on which alarms the one of that name depends; None: on none any more.

    Raises:
        TooManyParents
    """
    parent_id = alarm_id(scope, parent)
    CHILDREN.remove(conn, scope, parent_id=parent_id)
    if composite is None:
        return
    rows = [_dependence(scope, parent_id, name, suppresses=False) for name in composite.children]
    if composite.suppressor is not None:
        rows.append(_dependence(scope, parent_id, composite.suppressor.name, suppresses=True))
    CHILDREN.add(conn, scope, *rows)
    for name in composite.children:
        if CHILDREN.count(conn, scope, child_id=alarm_id(scope, name), suppresses=False) > MOST_PARENTS:
            raise TooManyParents(name, MOST_PARENTS)


def _dependence(scope: Scope, parent_id: str, child: str, *, suppresses: bool) -> Dependence:
    child_id = alarm_id(scope, child)
    return Dependence(
        derived_uuid("alarm-child", parent_id, child_id, str(suppresses)), parent_id, child_id, suppresses
    )


def check(
    conn: Connection, scope: Scope, name: str, composite: Composite, before: Composite | None = None
) -> None:  # fmt: skip
    """Refuse what an alarm of that name cannot follow. What it names is held until the transaction ends.

    Args:
        before: what it follows so far: where it needs nothing beside that, no circle comes of it.

    Raises:
        ChildrenMissing, SuppressorMissing, Circular, TooManyBelow, TooDeep
    """
    if name in composite.children:
        raise Circular
    held = composite.suppressor
    if held is not None and held.name == name:
        raise Circular(suppressor=True)
    ids = {each: alarm_id(scope, each) for each in composite.needed}
    there = set[str]()
    for chunk in chunks(sorted(set(ids.values()))):
        asked = select(_a.id).where(*_of(scope), _a.id.in_(chunk)).order_by(_a.id).with_for_update()
        there.update(conn.execute(asked).scalars())
    if missing := [each for each in composite.children if ids[each] not in there]:
        raise ChildrenMissing(missing)
    if held is not None and ids[held.name] not in there:
        raise SuppressorMissing(held.name)
    known = set() if before is None else set(before.needed)
    _check_circle(conn, scope, alarm_id(scope, name), {key: each for each, key in ids.items() if each not in known})


def _check_circle(conn: Connection, scope: Scope, own_id: str, added: Mapping[str, str]) -> None:
    """Look at all composite alarms below what a rule needs now for the one whose rule it is.

    All of them at once, and none twice: a statement for each level. It is done where nothing depends on the alarm as
    well, or there would be towers that nobody can look through afterwards.

    Args:
        added: names of what it needs and did not before, by id.
    """
    by, below, levels = dict(added), set(added), 0
    while below:
        if len(by) > MOST_BELOW:
            raise TooManyBelow(MOST_BELOW)
        if levels == MOST_LEVELS:
            raise TooDeep(MOST_LEVELS)
        levels += 1
        found: dict[str, str] = {}
        for parent_id, child_id in _below(conn, scope, below):
            if child_id == own_id:
                raise Circular(by=by[parent_id])
            if child_id not in by:
                found[child_id] = min(found.get(child_id, by[parent_id]), by[parent_id])
        by |= found
        below = set(found)


def _below(conn: Connection, scope: Scope, ids: Collection[str]) -> list[tuple[str, str]]:
    """Of these alarms and those that they depend on the pairs in which the latter depend on others themselves."""
    further = alarm_children.alias()
    is_composite = exists().where(
        further.c.project_id == scope.project_id,
        further.c.region == scope.region,
        further.c.parent_id == _c.child_id,
    )
    found: list[tuple[str, str]] = []
    for chunk in chunks(sorted(ids)):
        asked = select(_c.parent_id, _c.child_id).where(*_of_rows(scope), _c.parent_id.in_(chunk), is_composite)
        found += [(parent_id, child_id) for parent_id, child_id in conn.execute(asked)]
    return found


def states(conn: Connection, scope: Scope, composite: Composite) -> list[ChildState]:
    """The states of the alarms that one needs, in its order, the suppressor's last."""
    ids = {alarm_id(scope, name): name for name in composite.needed}
    found: dict[str, ChildState] = {}
    for chunk in chunks(sorted(ids)):
        asked = select(_a.name, _a.state, _a.transitioned_at).where(*_of(scope), _a.id.in_(chunk))
        for row in conn.execute(asked):
            found[row.name] = ChildState(row.name, AlarmState(row.state), row.transitioned_at)
    return [found.get(name) or ChildState(name) for name in composite.needed]


def wake_parents(conn: Connection, scope: Scope, ids: Collection[str], at: datetime) -> bool:
    """Have those looked at then that depend on these alarms, whose states have changed; whether there are any.

    The round is to be woken by the caller, who holds it.
    """
    woken = 0
    for chunk in chunks(sorted(ids)):
        told = {"project": scope.project_id, "place": scope.region, "children": chunk, "at": at}
        # A suppressor may have any number of them.
        for parents in chunks(sorted(set(conn.execute(_PARENTS, told).scalars()))):
            woken += conn.execute(_WAKE, {**told, "parents": parents}).rowcount
    return woken > 0


_PARENTS: Final = select(_c.parent_id).where(
    _c.project_id == bindparam("project"),
    _c.region == bindparam("place"),
    _c.child_id.in_(bindparam("children", expanding=True)),
)
_AT: Final = bindparam("at", type_=Instant())
_WAKE: Final = (
    update(alarms)
    .where(
        _a.project_id == bindparam("project"),
        _a.region == bindparam("place"),
        _a.id.in_(bindparam("parents", expanding=True)),
        or_(_a.next_at.is_(None), _a.next_at > _AT),
    )
    .values(next_at=_AT)
)


def needed(conn: Connection, scope: Scope, ids: Collection[str]) -> set[str]:
    """Those of these alarms that others depend on."""
    found = set[str]()
    for chunk in chunks(sorted(ids)):
        asked = select(_c.child_id).distinct().where(*_of_rows(scope), _c.child_id.in_(chunk))
        found.update(conn.execute(asked).scalars())
    return found


def number_of(conn: Connection, scope: Scope, ids: Collection[str]) -> int:
    """How many of these alarms are composite."""
    of_these = (
        select(func.count()).where(*_of(scope), _a.id.in_(chunk), _a.composite.is_not(None)) for chunk in chunks(ids)
    )
    return sum(int(conn.execute(each).scalar_one()) for each in of_these)


def _of(scope: Scope) -> Sequence[ColumnElement[bool]]:
    return _a.project_id == scope.project_id, _a.region == scope.region


def _of_rows(scope: Scope) -> Sequence[ColumnElement[bool]]:
    return _c.project_id == scope.project_id, _c.region == scope.region


def related(
    conn: Connection, scope: Scope, *, parents_of: str | None = None, children_of: str | None = None
) -> set[str]:
    """Ids of the composite alarms whose rules name an alarm, or of the alarms that the rule of one names."""
    if parents_of is not None:
        rows = CHILDREN.all(conn, scope, child_id=alarm_id(scope, parents_of), suppresses=False)
        return {row.parent_id for row in rows}
    assert children_of is not None
    return {row.child_id for row in CHILDREN.all(conn, scope, parent_id=alarm_id(scope, children_of), suppresses=False)}


def told(children: Collection[ChildState]) -> list[Mapping[str, object]]:
    """States of alarms as a JSON value."""
    return [{"name": each.name, "state": str(each.state), "at": each.at and each.at.isoformat()} for each in children]
