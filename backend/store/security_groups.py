"""Rows of security groups and of their rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, case, literal, select, update

from backend.domain.scope import Scope
from backend.domain.security_groups import (
    CONFIRMED,
    EVERYTHING,
    NO_PORT,
    UNSETTLED,
    GroupRule,
    GroupState,
    KeptGroup,
)
from backend.store import prefix_lists, work_calls
from backend.store.group_tables import security_group_rules, security_groups
from backend.store.leased import Lease, Leased
from backend.store.records import Records
from backend.store.types import Instant

GROUPS: Final = Records(security_groups, KeptGroup)
RULES: Final = Records(security_group_rules, GroupRule)
_FRESH: Final = {"generation": 0, "epoch": 0}
_c = security_groups.c


@dataclass(slots=True, kw_only=True, eq=False)
class GroupLease(Lease):
    """A claimed security group; its fence answers the generation of its rules."""

    @property
    def group_id(self) -> str:
        return self.key[0]


LEASED: Final = Leased(security_groups, GroupLease, key=("id",), fenced="generation")


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


@dataclass(frozen=True, slots=True)
class Held:
    """A group whose rules are about to be written, here and then at the cloud.

    Attributes:
        generation: of its rules from now on.
        alone: no other write that may still be on its way to the cloud, and no look of the engine, began before it.
    """

    group: KeptGroup
    generation: int
    alone: bool


def hold(conn: Connection, scope: Scope, group_id: str, now: datetime) -> Held | None:
    """A group of which everybody is told, locked until the end of the transaction; None where there is none.

    The engine looks at it soon, unless ``settled`` says that it need not.
    """
    where = and_(_this(scope, group_id), _c.state == str(GroupState.AVAILABLE))
    before = conn.execute(select(_c.due_at, _c.owner).where(where).with_for_update()).first()
    if before is None:
        return None
    unsettle(conn, scope, group_id, now)
    group = GROUPS.one(conn, scope, id=group_id)
    generation = conn.execute(select(_c.generation).where(where)).scalar_one()
    # Whoever set a time within UNSETTLED may have another clock; an engine's lease sets one of its own.
    alone = before.owner is None and (before.due_at is None or before.due_at > now + 2 * UNSETTLED)
    return None if group is None else Held(group, int(generation), alone)


def unsettle(conn: Connection, scope: Scope, group_id: str, now: datetime, **values: object) -> bool:
    """Have the engine look at a group soon, and again where it is at it, whatever others find settled; whether it is
    there. ``values``: of further columns, or when to look.
    """
    work_calls.want(conn)
    soon = literal(now + UNSETTLED, Instant())  # without its type the database would be sent another's form of it
    sooner = case((_c.due_at <= soon, _c.due_at), else_=soon)
    raised = update(security_groups).where(_this(scope, group_id))
    return bool(conn.execute(raised.values(generation=_c.generation + 1, **{"due_at": sooner, **values})).rowcount)


def settled(conn: Connection, scope: Scope, held: Held, now: datetime) -> None:
    """The cloud has what that write was to give it: where it was the only one, the group is looked at in hours.

    Of writes that overlap, the cloud may have heard the one that is older here last.
    """
    last = and_(_this(scope, held.group.id), _c.generation == held.generation)
    if not held.alone or not conn.execute(update(security_groups).where(last).values(due_at=now + CONFIRMED)).rowcount:
        unsettle(conn, scope, held.group.id, now)


def release(conn: Connection, lease: GroupLease, generation: int, now: datetime, pause: timedelta) -> None:
    """Give back a group of which the rules of that generation were seen to.

    Where a write of others began meanwhile, it is due at once: they may have met at the cloud. The generation is
    raised then, so that the write does not find it settled when it ends later.
    """
    found = LEASED.fence(conn, lease)
    if found == generation:
        LEASED.release(conn, lease, now + pause)
    elif found is not None:
        LEASED.release(conn, lease, now, generation=found + 1)


def cloud_ids(conn: Connection, scope: Scope, group_ids: Collection[str]) -> dict[str, str]:
    """The cloud's ids of groups by their short ones, of those that are rows."""
    return {each.id: each.cloud_id for each in GROUPS.of(conn, scope, group_ids).values() if each.cloud_id}


def naming(conn: Connection, scope: Scope, peer: str) -> set[str]:
    """The groups with a rule of that peer, as the rules call it."""
    return {rule.group_id for rule in RULES.all(conn, scope, peer=peer)}


def forget(conn: Connection, scope: Scope, group_id: str, now: datetime) -> None:
    """Delete a group and its rules; engines look whether the lists that these named are still named."""
    peers = {rule.peer for rule in RULES.all(conn, scope, group_id=group_id) if rule.of_list}
    RULES.remove(conn, scope, group_id=group_id)
    GROUPS.remove(conn, scope, id=group_id)
    prefix_lists.pull(conn, scope, peers, now + UNSETTLED)


def _this(scope: Scope, group_id: str) -> ColumnElement[bool]:
    return and_(_c.project_id == scope.project_id, _c.region == scope.region, _c.id == group_id)


def end_standard(conn: Connection, scope: Scope, vpc: str, at: datetime) -> None:
    """The group that a VPC has by itself is told to nobody any more; the engine ends it from then on."""
    for group in GROUPS.all(conn, scope, vpc=vpc, standard=True, state=GroupState.AVAILABLE):
        GROUPS.change(conn, scope, group.id, state=GroupState.DELETING, name=f"sg-{group.id}")
        LEASED.pull(conn, (group.id,), at)
