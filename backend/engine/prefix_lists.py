"""One prefix list brought to what its rows say: the cloud has it while rules name it, and of it what the newest version
has.

What is here is what a request left undone, and what nobody asks for: a list that no rule names any more is taken from
the cloud. Nothing there is ended by what is found alone: it has the id or the token that the row has, and the cloud
itself refuses while any rule names it, be it one of others.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from backend.domain.ids import new_id
from backend.domain.prefix_lists import COMPLETED, ListState, PrefixList, Twin
from backend.domain.scope import Scope
from backend.domain.security_groups import CONFIRMED
from backend.drivers import errors
from backend.drivers.list_making import ListMaking
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.store import prefix_lists as rows
from backend.store.prefix_lists import LEASED, LISTS, ListLease
from backend.store.security_groups import LEASED as LEASED_GROUPS
from backend.store.security_groups import RULES, naming
from backend.store.session import Connection

LOG: Final = logging.getLogger(__name__)

Steps = Generator[Sequence[Call] | Write, Any, Any]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A list as its rows say. ``named``: rules of groups that are kept here name it."""

    row: PrefixList
    generation: int
    cidrs: Sequence[str]
    named: bool


def settle(context: Context, lease: ListLease) -> Job:
    """The job of one look: yields the calls it waits for, and is sent their answers."""
    work = _Settling(context, lease)
    wanted: _Wanted | None = yield Write(work.read)
    if wanted is None:
        return
    row = wanted.row
    if row.twin is Twin.NONE:
        deleted = row.state is ListState.DELETE_IN_PROGRESS
        yield Write(partial(work.ended, wanted) if deleted else partial(work.release, wanted, None))
        return
    making = context.cloud.lists
    if making is None:
        yield Write(partial(work.release, wanted, CONFIRMED))
        return
    step = _end if row.twin is Twin.ENDING or not wanted.named else _agree
    (answer,) = yield [Call(lease.scope, partial(answer_of, partial(step, making, lease.scope, wanted)))]
    context.count("settled_lists")
    yield from work.conclude(wanted, answer, ending=step is _end)


def _agree(making: ListMaking, scope: Scope, wanted: _Wanted) -> str:
    """Let the cloud have the list; its id there."""
    row = wanted.row
    if row.twin is Twin.THERE and row.cloud_id is not None:
        making.set_addresses(scope, row.cloud_id, wanted.cidrs)
        return row.cloud_id
    found = making.find_lists(scope, str(row.token))
    for other in found[1:]:  # an answer was lost, and it was asked for again: no rule names these
        making.delete_list(scope, other)
    if not found:
        return making.create_list(scope, str(row.token), row.name, wanted.cidrs)
    making.set_addresses(scope, found[0], wanted.cidrs)
    return found[0]


def _end(making: ListMaking, scope: Scope, wanted: _Wanted) -> None:
    """Take the list from the cloud, with what else was made with its token."""
    row = wanted.row
    known = [] if row.cloud_id is None else [row.cloud_id]
    for each in dict.fromkeys([*known, *making.find_lists(scope, str(row.token))]):
        making.delete_list(scope, each)


@dataclass(slots=True)
class _Settling:
    """The work on one list."""

    context: Context
    lease: ListLease

    @property
    def scope(self) -> Scope:
        return self.lease.scope

    def read(self, conn: Connection) -> _Wanted | None:
        """What is to be done, with what has to be known before it is: that the twin is being made, or ended."""
        rows.hold_named(conn, self.scope)
        generation = LEASED.fence(conn, self.lease)
        row = None if generation is None else LISTS.one(conn, self.scope, id=self.lease.list_id)
        if row is None:
            return None
        named = row.state is not ListState.DELETE_IN_PROGRESS and RULES.count(conn, self.scope, peer=row.peer) > 0
        if row.twin is Twin.NONE and named:
            token = new_id(self.context.rng("prefix list", row.id, self.lease.epoch))
            row = self._set(conn, row, twin=Twin.MAKING, token=token)
        elif row.twin is Twin.THERE and not named:
            row = self._set(conn, row, twin=Twin.ENDING)
        return _Wanted(row, int(generation or 0), rows.cidrs_of(conn, self.scope, row), named)

    def conclude(self, wanted: _Wanted, answer: object, *, ending: bool) -> Steps:
        """Write what came of it."""
        if isinstance(answer, errors.AddressGroupInUse):
            yield Write(partial(self.in_use, wanted))
        elif isinstance(answer, errors.AddressGroupNotFound) and not ending:
            LOG.warning("project=%s prefix list %s is gone at the cloud", self.scope.project_id, wanted.row.id)
            yield Write(partial(self.put, wanted, twin=Twin.NONE, token=None, cloud_id=None))
            yield Write(partial(self.release, wanted, timedelta()))
        elif isinstance(answer, errors.CloudError):
            self.context.count("unreached")
            LOG.warning("project=%s prefix list %s: %s", self.scope.project_id, wanted.row.id, answer)
            yield Write(partial(self.release, wanted, self.context.pause(self.lease, answer), done=False))
        elif ending:
            self.context.held_up.over(self.lease)
            yield Write(partial(self.ended, wanted))
        else:
            self.context.held_up.over(self.lease)
            yield Write(partial(self.put, wanted, twin=Twin.THERE, cloud_id=answer))
            if wanted.row.twin is not Twin.THERE:  # rules that name it were left out until now
                yield Write(partial(self.wake_groups, wanted))
            yield Write(partial(self.release, wanted, CONFIRMED))

    def put(self, wanted: _Wanted, conn: Connection, **values: object) -> None:
        if LEASED.fence(conn, self.lease) is not None:
            rows.set_twin(conn, self.scope, wanted.row, **values)

    def ended(self, wanted: _Wanted, conn: Connection) -> None:
        """The cloud has it no more: that is the end of a list that was deleted; of another one a rule may want it
        again by now.
        """
        if LEASED.fence(conn, self.lease) is None:
            return
        if wanted.row.state is ListState.DELETE_IN_PROGRESS:
            rows.forget(conn, self.scope, wanted.row.id)
            return
        rows.set_twin(conn, self.scope, wanted.row, twin=Twin.NONE, token=None, cloud_id=None)
        self.release(wanted, timedelta(), conn)

    def in_use(self, wanted: _Wanted, conn: Connection) -> None:
        """Somebody's rules name it: it stays, and is looked at again in hours."""
        if LEASED.fence(conn, self.lease) is None:
            return
        rows.set_twin(conn, self.scope, wanted.row, twin=Twin.THERE)
        if wanted.row.state is ListState.DELETE_IN_PROGRESS:
            LISTS.change(conn, self.scope, wanted.row.id, state=ListState.DELETE_FAILED)
        self.release(wanted, CONFIRMED, conn, done=False)

    def wake_groups(self, wanted: _Wanted, conn: Connection) -> None:
        """Look at the groups whose rules name it. No row of a list is held meanwhile: groups come before lists."""
        now = self.context.now()
        for group_id in sorted(naming(conn, self.scope, wanted.row.peer)):
            LEASED_GROUPS.pull(conn, (group_id,), now)

    def release(self, wanted: _Wanted, pause: timedelta | None, conn: Connection, *, done: bool = True) -> None:
        """Give it back, due at once where it was changed meanwhile. ``done``: the cloud has what it was to have."""
        now = self.context.now()
        found = LEASED.fence(conn, self.lease)
        if found is None:
            return
        if done and pause != timedelta() and found == wanted.generation and wanted.row.state in COMPLETED:
            LISTS.change(conn, self.scope, wanted.row.id, state=COMPLETED[wanted.row.state])
        due_at = None if pause is None else now + pause
        LEASED.release(conn, self.lease, due_at if found == wanted.generation else now)

    def _set(self, conn: Connection, row: PrefixList, **values: Any) -> PrefixList:
        rows.set_twin(conn, self.scope, row, **values)
        return replace(row, **values)
