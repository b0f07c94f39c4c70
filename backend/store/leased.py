"""Rows that one engine at a time works on, each when it is due: one lease for every kind of work. Knows no kind.

A claim raises the epoch; every later write of the work asks for that epoch, so a late one is found out. It also puts
``due_at`` to the end of the lease, the mark, so that work that dies is taken up then; whoever wants the engine's
attention meanwhile sets an earlier ``due_at``, which the release finds and leaves alone. A mark that has passed may
hide such a wish, and so counts as one.

A table of such rows has the columns ``project_id``, ``region``, ``due_at``, ``owner``, ``lease_until`` and ``epoch``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.store import work_calls
from backend.store.session import Store
from backend.store.types import Instant


@dataclass(frozen=True, slots=True)
class Share:
    """The projects whose work comes first to one of several engines: ids from ``low`` on, and before ``high``.

    A preference: what others' share has due for longer than ``patience`` is anybody's. It is projects that are shared
    out, so that what an engine remembers of one (lists, breakers, pauses) serves all of its work.
    """

    low: str
    high: str
    patience: timedelta

    def words(self, now: datetime) -> dict[str, Any]:
        """What a statement that asks for it is told."""
        return {"share_low": self.low, "share_high": self.high, "overdue": now - self.patience}


@dataclass(frozen=True, slots=True)
class Claimer:
    """Who claims, and for how long; with a share where others claim, too."""

    name: str
    lease: timedelta
    share: Share | None = None

    def words(self, now: datetime) -> dict[str, Any]:
        """What a statement that asks for its share is told."""
        return {} if self.share is None else self.share.words(now)


@dataclass(slots=True, kw_only=True, eq=False)
class Lease:
    """A claimed row.

    Attributes:
        key: the row's primary key.
        epoch: the fence of this work.
        mark: what the claim, or the last renewal, put into ``due_at``: the lease's end by this process's clock.
        ends: the same in seconds that never go back: a clock that was put back would make it hold for too long.
        lost: another engine has it.
    """

    key: tuple[str, ...]
    scope: Scope
    epoch: int
    mark: datetime
    clock: Clock = field(repr=False)
    ends: float = inf
    lost: bool = False

    @property
    def over(self) -> bool:
        """Whether its time is up: it may be somebody else's, or will be, unless it is renewed."""
        return self.lost or self.mark <= self.clock.now() or self.ends <= self.clock.monotonic()

    def ends_by(self, at: datetime, seconds: float) -> bool:
        """Whether it ends before that time, or those seconds of the clock that never goes back."""
        return self.mark < at or self.ends < seconds


L = TypeVar("L", bound=Lease)


class Room:
    """How much more may be claimed: so much of each region, and at most half of that of one project.

    Where more is wanted than there is room for, a project that holds less comes before one that holds more, so that
    what is long due of a few, and comes again and again, keeps nobody else waiting.

    Args:
        at_once: held of one region.
        held: where each lease that is held belongs.
    """

    def __init__(self, at_once: int, held: Iterable[Scope]) -> None:
        self.at_once = at_once
        self._share = (at_once + 1) // 2
        self._scopes = Counter(held)
        self._regions: Counter[str] = Counter()
        for scope, number in self._scopes.items():
            self._regions[scope.region] += number

    def copy(self) -> Room:
        return Room(self.at_once, self._scopes.elements())

    def take(self, scope: Scope) -> bool:
        """Whether there is room for one more there, which then is taken."""
        if self._regions[scope.region] >= self.at_once or self._scopes[scope] >= self._share:
            return False
        self._scopes[scope] += 1
        self._regions[scope.region] += 1
        return True

    def fill(self, wanted: Sequence[Scope]) -> list[int]:
        """Take the room that is left.

        Args:
            wanted: where each place is wanted, longest due first.

        Returns:
            Which of them have one, in their order: whoever holds least had the next, of those the longest due.
        """
        waiting: dict[Scope, deque[int]] = {}
        for number, scope in enumerate(wanted):
            waiting.setdefault(scope, deque()).append(number)
        turns = [(self._scopes[scope], numbers[0], scope) for scope, numbers in waiting.items()]
        heapify(turns)
        taken: list[int] = []
        while turns:
            _, number, scope = heappop(turns)
            if not self.take(scope):
                continue
            taken.append(number)
            waiting[scope].popleft()
            if waiting[scope]:
                heappush(turns, (self._scopes[scope], waiting[scope][0], scope))
        return sorted(taken)

    def goes_to(self, seen: Iterable[Scope]) -> bool:
        """Whether nobody else in their regions comes before them: as many hold nothing as there is room for."""
        regions = {scope.region: self.at_once - self._regions[scope.region] for scope in seen}
        new = Counter(scope.region for scope in set(seen) if not self._scopes[scope])
        return all(new[region] >= left for region, left in regions.items())

    @property
    def full_regions(self) -> list[str]:
        return sorted(region for region, number in self._regions.items() if number >= self.at_once)

    @property
    def full_projects(self) -> list[Scope]:
        """Those that have their share, of regions that are not full."""
        open_ = (scope for scope in self._scopes if self._regions[scope.region] < self.at_once)
        full = (scope for scope in open_ if self._scopes[scope] >= self._share)
        return sorted(full, key=lambda scope: (scope.region, scope.project_id))


class Abandoned(NamedTuple):
    """How much was given back, and how much is held by another transaction."""

    given_back: int
    left: int


_NEXT_DUE = bindparam("next_due", type_=Instant())
_MARK = bindparam("mark", type_=Instant())


class Leased(Generic[L]):
    """The rows of one table.

    Args:
        made: the class of its leases; fields beyond those of Lease are columns of the same names.
        key: the columns of the primary key.
        fenced: the column that the fence answers.
        heeded: the column, and field of the lease, that tells what the row is claimed for: given back, it is empty, but
            for what was written there meanwhile.
    """

    def __init__(
        self, table: Table, made: type[L], *, key: Sequence[str], fenced: str = "epoch", heeded: str | None = None
    ) -> None:
        c = table.c
        self._table, self._made, self._names = table, made, tuple(key)
        self._extra = tuple(each.name for each in fields(made) if each.name not in {one.name for one in fields(Lease)})
        self._keys = [c[name] for name in key]
        self._this = and_(*(c[name] == bindparam(f"k{number}") for number, name in enumerate(key)))
        self._held = and_(self._this, c.epoch == bindparam("held_epoch"))
        columns = dict.fromkeys((*key, "project_id", "region", "epoch", *self._extra))
        free = or_(c.lease_until.is_(None), c.lease_until <= bindparam("lease_now"))
        self._due = (
            select(*(c[name] for name in columns))
            .where(c.due_at <= bindparam("now"), free)
            .order_by(c.due_at, *self._keys)
        )
        # A share is a part of the text of statements only where there is one: alone, an engine pays nothing for it.
        mine = and_(c.project_id >= bindparam("share_low"), c.project_id < bindparam("share_high"))
        self._mine = or_(mine, c.due_at <= bindparam("overdue", type_=Instant()))
        self._open = {shared: self._looks(self._shared(self._due, shared=shared)) for shared in (False, True)}
        self.any_due = exists(select(1).where(c.due_at <= bindparam("now"), free))
        self.any_due_of_share = exists(select(1).where(c.due_at <= bindparam("now"), free, self._mine))
        self.longest_due = select(func.min(c.due_at)).scalar_subquery()
        self._take = (
            update(table)
            .where(self._held)
            .values(epoch=c.epoch + 1, owner=bindparam("by"), lease_until=bindparam("until"), due_at=bindparam("new"))
        )
        self._fence = select(c[fenced]).where(self._held).with_for_update()
        self._looked_at = select(c.epoch).where(self._held)
        self._at_once = self._looked_at.with_for_update(skip_locked=True)
        self._seen = (
            select(*self._keys, c.epoch)
            .where(tuple_(*self._keys).in_(bindparam("keys", expanding=True)))
            .order_by(*self._keys)
        )
        self._present = self._seen.with_for_update(skip_locked=True)
        self._renew = (
            update(table)
            .where(self._held)
            .values(
                owner=bindparam("by"),  # it may have been given back
                lease_until=bindparam("until"),
                due_at=case((c.due_at == _MARK, bindparam("new", type_=Instant())), else_=c.due_at),
            )
        )
        # The sooner of what the work says and what anybody asked for meanwhile.
        self._given_back = case((c.due_at == _MARK, _NEXT_DUE), (c.due_at > _NEXT_DUE, _NEXT_DUE), else_=c.due_at)
        self.heeded = heeded
        self._releases: dict[tuple[str, ...], Update] = {}
        wanted = bindparam("wanted", type_=Instant())
        sooner = or_(c.due_at.is_(None), c.due_at > wanted)
        # It writes, and so waits for who deletes the row, even where it changes nothing.
        self._pull = update(table).where(self._this).values(due_at=case((sooner, wanted), else_=c.due_at))

    def claim(self, store: Store, claimer: Claimer, now: datetime, room: Room) -> list[L]:
        """Claim what is due and nobody holds, as far as there is room, and answer it longest due first.

        What waits for a region or a project that is full does not hold up the rest; where not all has room, projects
        that hold less come first.
        """
        peek, _ = self._where(room, claimer)
        with store.read() as conn:  # no write transaction is begun where nothing is due
            words = {"now": now, "lease_now": store.lease_now(conn), **claimer.words(now)}
            if conn.execute(peek, words).first() is None:
                return []
        ends = _end(store.clock, claimer)
        claimed = store.transact(lambda conn: self._claimed(conn, store, claimer, now, room.copy()))
        for lease in claimed:
            lease.ends = ends
        return claimed

    def _claimed(self, conn: Connection, store: Store, claimer: Claimer, now: datetime, room: Room) -> list[L]:
        lease_now = store.lease_now(conn)
        mark = now + claimer.lease
        common = {"by": claimer.name, "until": lease_now + claimer.lease, "new": mark}
        due = _Due(claimer, now, lease_now)
        claimed: list[L] = []
        everybody = False
        while True:
            found = self._longest(conn, room, due)
            more = len(found) >= room.at_once
            if more and not everybody:
                others, everybody = self._others(conn, room, due, found)
                found = [*found, *others]
            taken = [found[number] for number in room.fill([_scope(row) for row in found])]
            if taken:
                conn.execute(self._take, [{**self._row_key(row), "held_epoch": row.epoch, **common} for row in taken])
            claimed += [self._lease(row, mark, store.clock) for row in taken]
            if not more:
                return claimed

    def _longest(self, conn: Connection, room: Room, due: _Due, seen: Iterable[Scope] = ()) -> Sequence[Row[Any]]:
        """What is due longest where there is room, but for these projects, locked, as much as a region has room for."""
        _, lock = self._where(room, due.claimer, seen)
        return conn.execute(lock, {**due.words(), "most": room.at_once}).all()

    def _others(
        self, conn: Connection, room: Room, due: _Due, found: Sequence[Row[Any]]
    ) -> tuple[list[Row[Any]], bool]:
        """What is due of projects that are not among those, as far as their turn may come; whether those are all."""
        others: list[Row[Any]] = []
        seen = {_scope(row) for row in found}
        while not room.goes_to(seen):
            more = self._longest(conn, room, due, seen)
            others += more
            seen |= {_scope(row) for row in more}
            if len(more) < room.at_once:
                return others, True
        return others, False

    def _where(self, room: Room, claimer: Claimer, seen: Iterable[Scope] = ()) -> tuple[Select[Any], Select[Any]]:
        """How to look whether anything is due where there is room, and how to lock ``most`` of it.

        Args:
            seen: projects that are left out.

        Asked for at every tick, mostly with room everywhere: that is built once.
        """
        due, shared = self._outside(room), claimer.share is not None
        if due is self._due and not seen:
            return self._open[shared]
        if seen:
            c = self._table.c
            due = due.where(tuple_(c.project_id, c.region).not_in([(each.project_id, each.region) for each in seen]))
        return self._looks(self._shared(due, shared=shared))

    def _shared(self, due: Select[Any], *, shared: bool) -> Select[Any]:
        """What is due, or of that what comes first to an engine with a share."""
        return due.where(self._mine) if shared else due

    def _looks(self, due: Select[Any]) -> tuple[Select[Any], Select[Any]]:
        return due.limit(1), due.limit(bindparam("most", type_=Integer())).with_for_update(skip_locked=True)

    def _outside(self, room: Room) -> Select[Any]:
        """What is due where there is room."""
        c, statement = self._table.c, self._due
        if room.full_regions:
            statement = statement.where(c.region.not_in(room.full_regions))
        for scope in room.full_projects:
            statement = statement.where(or_(c.project_id != scope.project_id, c.region != scope.region))
        return statement

    def _lease(self, row: Row[Any], mark: datetime, clock: Clock) -> L:
        return self._made(
            key=tuple(getattr(row, name) for name in self._names),
            scope=_scope(row),
            epoch=row.epoch + 1,
            mark=mark,
            clock=clock,
            **{name: getattr(row, name) for name in self._extra},
        )

    def renew(self, store: Store, leases: Sequence[L], claimer: Claimer, *, doubted: bool = False) -> list[L]:
        """Hold these on, their work still waits; those that are still held. The others are lost, and know it.

        Rows that another transaction holds, which may be about to take them, are left for the next time, neither held
        on nor lost: whoever stands still there would cost all the others.

        Args:
            doubted: others may have given them back; such rows are held for nothing, and so over, until then.
        """
        if not leases:
            return []
        mark, ends = store.clock.now() + claimer.lease, _end(store.clock, claimer)

        def work(conn: Connection) -> tuple[list[L], list[L]]:
            held = self._of_epoch(conn, self._present, leases)
            others = [lease for lease in leases if lease not in held]
            locked = self._of_epoch(conn, self._seen, others) if others else []
            until = store.lease_now(conn) + claimer.lease
            if held:
                in_order = sorted(held, key=lambda lease: lease.key)  # the one order that rows are locked in
                told = {"by": claimer.name, "until": until, "new": mark}
                conn.execute(self._renew, [{**self._fenced(lease), **told} for lease in in_order])
            return held, locked

        held, locked = store.transact(work)
        for lease in held:
            lease.mark, lease.ends = mark, ends
        for lease in leases:
            lease.lost = lease not in held and lease not in locked
            if doubted and lease in locked:
                lease.ends = -inf
        return held

    @staticmethod
    def _of_epoch(conn: Connection, statement: Select[Any], leases: Sequence[L]) -> list[L]:
        """Those of which the statement tells the epoch that they have."""
        found = conn.execute(statement, {"keys": [lease.key for lease in leases]})
        present = {tuple(row[:-1]): row[-1] for row in found}
        return [lease for lease in leases if present.get(lease.key) == lease.epoch]

    def fence(self, conn: Connection, lease: L) -> Any | None:
        """The column that the fence answers, the row locked; None when it is lost or gone: write nothing."""
        return conn.execute(self._fence, self._fence_key(lease)).scalar_one_or_none()

    def release(self, conn: Connection, lease: L, due_at: datetime | None, **values: Any) -> None:
        """Give the row back, with these columns; it is due then, or when someone asked for it meanwhile."""
        told: dict[str, Any] = {f"new_{name}": value for name, value in values.items()}
        heeded = self._heeded(None if self.heeded is None else getattr(lease, self.heeded))
        conn.execute(self._release(*values), {**self._fenced(lease), "next_due": due_at, **heeded, **told})

    def put_off(self, conn: Connection, lease: L, due_at: datetime) -> bool:
        """Give the row back with its work not done: whoever does it then does it for the same.

        Returns:
            False where another transaction holds the row, which is not waited for.
        """
        key = self._fence_key(lease)
        if conn.execute(self._at_once, key).first() is None:
            return conn.execute(self._looked_at, key).first() is None  # else it is lost, and nothing to be given back
        conn.execute(self._release(), {**self._fenced(lease), "next_due": due_at, **self._heeded(None)})
        return True

    def _heeded(self, what: Any) -> dict[str, Any]:
        return {} if self.heeded is None else {"was_heeded": what}

    def _release(self, *names: str) -> Update:
        if names not in self._releases:
            told: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
            values = {"owner": None, "lease_until": None, "due_at": self._given_back, **told}
            if self.heeded is not None:
                column = self._table.c[self.heeded]
                values[self.heeded] = case((column == bindparam("was_heeded", type_=column.type), None), else_=column)
            self._releases[names] = update(self._table).where(self._held).values(values)
        return self._releases[names]

    def write(self, conn: Connection, lease: L, **values: Any) -> None:
        """Write columns of the row while it is held."""
        conn.execute(update(self._table).where(self._held).values(values), self._fence_key(lease))

    def forget(self, conn: Connection, lease: L) -> None:
        """Delete the row: there is nothing left to do for it."""
        conn.execute(delete(self._table).where(self._held), self._fence_key(lease))

    def pull(self, conn: Connection, key: Sequence[str], at: datetime) -> bool:
        """Work on the row at that time, or sooner; whether there is such a row."""
        work_calls.want(conn)
        return conn.execute(self._pull, {**_bound(key), "wanted": at}).rowcount > 0

    def demand(self, conn: Connection, key: Sequence[str], scope: Scope, at: datetime) -> None:
        """As ``pull``; the row is made where there is none, or where whoever holds it is about to delete it."""
        if self.pull(conn, key, at):
            return
        row = dict(zip(self._names, key, strict=True)) | {"project_id": scope.project_id, "region": scope.region}
        try:
            with conn.begin_nested():
                conn.execute(insert(self._table), {**row, "due_at": at, "epoch": 0})
        except IntegrityError:  # another transaction was quicker, and may want it later than this one
            if not self.pull(conn, key, at):
                raise

    def abandon(
        self, conn: Connection, owner: str, held: Iterable[L], now: datetime, *, patient: bool = True
    ) -> Abandoned:
        """Give back what that owner has claimed but for these, due at once. It looks at every row.

        For whoever does not know what came of a claim, or was taken for dead.

        Args:
            patient: wait for rows that another transaction holds, such as the last one of who died in it: that holds
                them for as long as the database believes it to be there. Otherwise they are left.
        """
        c = self._table.c
        known = {lease.key for lease in held}
        # In the one order that rows are locked in, for who renews or claims some of them meanwhile.
        owned = select(*self._keys, c.epoch).where(c.owner == owner).order_by(*self._keys)
        rows = conn.execute(owned).all()
        free = rows if patient else conn.execute(owned.with_for_update(skip_locked=True)).all()
        lost = [row for row in free if tuple(row[:-1]) not in known]
        for row in lost:
            told = {**_bound(row[:-1]), "held_epoch": row.epoch, "mark": None, "next_due": now}
            conn.execute(self._release(), {**told, **self._heeded(None)})
        return Abandoned(len(lost), max(0, len(rows) - len(free)))

    def owned(self, conn: Connection) -> dict[str, int]:
        """How much each owner has claimed, and not given back. It looks at every row."""
        c = self._table.c
        statement = select(c.owner, func.count()).where(c.owner.is_not(None)).group_by(c.owner)
        return dict(conn.execute(statement).tuples().all())

    def _row_key(self, row: Row[Any]) -> dict[str, Any]:
        return _bound([getattr(row, name) for name in self._names])

    def _fence_key(self, lease: L) -> dict[str, Any]:
        return {**_bound(lease.key), "held_epoch": lease.epoch}

    def _fenced(self, lease: L) -> dict[str, Any]:
        """The key with the mark; a mark that has passed may hide a wish, and is not taken for ours."""
        return {**self._fence_key(lease), "mark": None if lease.over else lease.mark}


@dataclass(frozen=True, slots=True)
class _Due:
    """What one claim asks for."""

    claimer: Claimer
    now: datetime
    lease_now: datetime

    def words(self) -> dict[str, Any]:
        return {"now": self.now, "lease_now": self.lease_now, **self.claimer.words(self.now)}


class Kinds:
    """Several kinds of rows, asked together by one statement: an engine that has nothing to do costs one a tick."""

    def __init__(self, kinds: Mapping[str, Leased[Any]]) -> None:
        self._none = not kinds
        self._due = select(*(each.any_due.label(name) for name, each in kinds.items()))
        self._due_of_share = select(*(each.any_due_of_share.label(name) for name, each in kinds.items()))
        self._longest = select(*(each.longest_due.label(name) for name, each in kinds.items()))

    def due(self, store: Store, now: datetime, share: Share | None = None) -> set[str]:
        """The names of those that have rows that are due and that nobody holds, room for them or not.

        Args:
            share: asks for what comes first to one of several engines.
        """
        if self._none:
            return set()
        statement = self._due if share is None else self._due_of_share
        words = {} if share is None else share.words(now)
        with store.read() as conn:
            told = conn.execute(statement, {"now": now, "lease_now": store.lease_now(conn), **words}).mappings().one()
        return {name for name, is_due in told.items() if is_due}

    def next_due(self, store: Store) -> datetime | None:
        """When the next row is due, held or not; None where none ever is."""
        if self._none:
            return None
        with store.read() as conn:
            return min((at for at in self.oldest(conn).values() if at is not None), default=None)

    def oldest(self, conn: Connection) -> dict[str, datetime | None]:
        """For each name since when what is due longest is due; a time to come where nothing is, None without rows."""
        return {**conn.execute(self._longest).mappings().one()}


def _end(clock: Clock, claimer: Claimer) -> float:
    """When what is claimed from now on ends, in seconds of a clock that never goes back."""
    return clock.monotonic() + claimer.lease.total_seconds()


def _scope(row: Row[Any]) -> Scope:
    return Scope(row.project_id, row.region)


def _bound(key: Sequence[str]) -> dict[str, Any]:
    return {f"k{number}": part for number, part in enumerate(key)}
