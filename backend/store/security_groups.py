"""Rows of security groups and of their rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection, and_, case, select, update

from backend.domain.scope import Scope
from backend.domain.security_groups import EVERYTHING, NO_PORT, UNSETTLED, GroupRule, GroupState, KeptGroup
from backend.store.group_tables import security_group_rules, security_groups
from backend.store.leased import Lease, Leased
from backend.store.records import Records

GROUPS: Final = Records(security_groups, KeptGroup)
RULES: Final = Records(security_group_rules, GroupRule)
_FRESH: Final = {"generation": 0, "epoch": 0}
_c = security_groups.c


@dataclass(slots=True, kw_only=True, eq=False)
class GroupLease(Lease):
    """A claimed security group. ``generation``: of its rules, when it was claimed."""

    generation: int

    @property
    def group_id(self) -> str:
        return self.key[0]


LEASED: Final = Leased(security_groups, GroupLease, key=("id",))


def new_id() -> str:
    """Digits of a thing that the cloud has no id for."""
    return uuid4().hex[:17]


def begin(conn: Connection, scope: Scope, group: KeptGroup, due_at: datetime) -> None:
    """A group that is about to be made; at ``due_at`` the engine ends it where nobody told that it was."""
    GROUPS.add(conn, scope, group, due_at=due_at, **_FRESH)


def complete(
    conn: Connection, scope: Scope, begun: KeptGroup, cloud_id: str, rules: Sequence[GroupRule]
) -> KeptGroup | None:
    """The group was made: it has the cloud's id, and these rules; None where the engine ended it meanwhile."""
    short = cloud_id.replace("-", "")[:17]
    due_at = begun.created_at + UNSETTLED
    values = {"id": short, "cloud_id": cloud_id, "state": GroupState.AVAILABLE, "due_at": due_at}
    if not GROUPS.change(conn, scope, begun.id, **values):
        return None
    RULES.add(conn, scope, *rules)
    return GROUPS.one(conn, scope, id=short)


def standard_rules(group_id: str, *, own_members: bool) -> list[GroupRule]:
    """What a new group begins with: everything out, and into a VPC's own group everything from its members."""
    out = GroupRule(new_id(), group_id, True, EVERYTHING, NO_PORT, NO_PORT, "0.0.0.0/0")
    members = GroupRule(new_id(), group_id, False, EVERYTHING, NO_PORT, NO_PORT, group_id)
    return [members, out] if own_members else [out]


def hold(conn: Connection, scope: Scope, group_id: str, now: datetime) -> tuple[KeptGroup, int] | None:
    """A group of which everybody is told, locked until the end of the transaction, and the generation of its rules
    from now on; None where there is none. The engine looks at it soon, unless ``settled`` says that it need not.
    """
    where = and_(_c.project_id == scope.project_id, _c.region == scope.region, _c.id == group_id)
    due_at = now + UNSETTLED
    sooner = case((_c.due_at <= due_at, _c.due_at), else_=due_at)
    raised = update(security_groups).where(where, _c.state == str(GroupState.AVAILABLE))
    if not conn.execute(raised.values(generation=_c.generation + 1, due_at=sooner)).rowcount:
        return None
    group = GROUPS.one(conn, scope, id=group_id)
    generation = conn.execute(select(_c.generation).where(where)).scalar_one()
    return None if group is None else (group, int(generation))


def settled(conn: Connection, scope: Scope, group_id: str, generation: int, due_at: datetime) -> None:
    """The cloud has the rules of that generation: where they are all, it is looked at again at ``due_at``."""
    where = and_(_c.project_id == scope.project_id, _c.region == scope.region, _c.id == group_id)
    conn.execute(update(security_groups).where(where, _c.generation == generation).values(due_at=due_at))


def cloud_ids(conn: Connection, scope: Scope, group_ids: Collection[str]) -> dict[str, str]:
    """The cloud's ids of groups by their short ones, of those that are rows."""
    return {each.id: each.cloud_id for each in GROUPS.of(conn, scope, group_ids).values() if each.cloud_id}


def forget(conn: Connection, scope: Scope, group_id: str) -> None:
    """Delete a group and its rules."""
    RULES.remove(conn, scope, group_id=group_id)
    GROUPS.remove(conn, scope, id=group_id)
