"""Prefix lists: rows, which the cloud follows while rules of security groups name them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from backend import errors
from backend.clock import Clock
from backend.domain.ids import new_digits
from backend.domain.prefix_list_findings import (
    ListBusy,
    ListEntryExists,
    ListEntryMissing,
    ListEntryUnfit,
    ListFull,
    ListNotFound,
    ListTwinInUse,
    ListTwinMissing,
    ListVersionMismatch,
    ListVersionMissing,
)
from backend.domain.prefix_lists import (
    COMPLETED,
    LIMIT,
    Family,
    ListChange,
    ListEntry,
    ListState,
    PrefixList,
    Twin,
    is_of,
)
from backend.domain.scope import Scope
from backend.domain.security_groups import GIVEN_UP, UNSETTLED, GroupRule, over_limit
from backend.domain.token import ClientToken
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.services.catalog import asking
from backend.services.list_twins import ListTwins
from backend.store import client_tokens, counting
from backend.store import prefix_lists as rows
from backend.store.security_groups import GROUPS, RULES, naming
from backend.store.session import Connection, Store

_TOLD: Final = 10
"""Resources that a message names."""


class PrefixLists:
    """Every call of one list may raise ListNotFound; the writes ListBusy, and what the cloud says: see ListTwins."""

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._catalog = catalog
        self._twins = ListTwins(store, cloud, clock)

    def list(self, scope: Scope, ids: Collection[str] | None = None) -> Sequence[PrefixList]:
        """All lists, or those of these digits that there are."""
        with self._store.read() as conn:
            return rows.LISTS.all(conn, scope) if ids is None else [*rows.LISTS.of(conn, scope, ids).values()]

    def entries(self, scope: Scope, list_id: str, version: int | None = None) -> Sequence[ListEntry]:
        """What is in a version, the newest where none is named. Raises ListVersionMissing."""
        with self._store.read() as conn:
            found = rows.LISTS.one(conn, scope, id=list_id)
            if found is None:
                raise ListNotFound(list_id)
            return rows.entries_of(conn, scope, list_id, _kept_version(found, version))

    def users(self, scope: Scope, list_id: str) -> Sequence[str]:
        """The short ids of the security groups that name it."""
        with self._store.read() as conn:
            found = rows.LISTS.one(conn, scope, id=list_id)
            if found is None:
                raise ListNotFound(list_id)
            named = naming(conn, scope, found.peer)
            kept = {group.id for group in GROUPS.all(conn, scope)} if found.cloud_id else set()
        if found.cloud_id:  # the cloud's own groups may name it as well: of these the cloud tells
            with asking():
                named |= {
                    group.short_id
                    for group in self._catalog.security_groups(scope)
                    if group.short_id not in kept and any(rule.list_id == found.cloud_id for rule in group.rules)
                }
        return sorted(named)

    def create(  # noqa: PLR0917 - what a list is made of
        self,
        scope: Scope,
        name: str,
        family: Family,
        max_entries: int,
        entries: Mapping[str, str | None],
        token: ClientToken | None,
    ) -> PrefixList:
        """Make a list; of an earlier request of the token, that one's.

        Raises:
            ListFull, ListEntryUnfit
            LimitExceeded: of ``prefix_lists``.
            TokenReused
        """
        _check_entries(entries, family)
        if len(entries) > max_entries:
            raise ListFull(max_entries)
        now = self._clock.now()
        made = PrefixList(new_digits(), name, family, ListState.CREATE_COMPLETE, max_entries, 1, now)

        def work(conn: Connection) -> PrefixList:
            if token and (kept := client_tokens.find(conn, scope, token)):
                if kept.fingerprint != token.fingerprint:
                    raise errors.TokenReused(token.value)
                there = rows.LISTS.one(conn, scope, id=kept.result)
                if there is None:  # deleted since
                    raise ListNotFound(kept.result)
                return there
            counting.check(conn, scope, "prefix_lists", LIMIT, partial(rows.LISTS.count, conn, scope))
            rows.add(conn, scope, made, entries)
            if token:
                client_tokens.add(conn, scope, token, made.id, now)
            return made

        return counting.transact(self._store, work)

    def modify(self, scope: Scope, list_id: str, change: ListChange) -> PrefixList:
        """Change a list, and tell it as it is from then on.

        Where groups that name it cannot have so many rules, it fails as AWS's does: its state says so.

        Raises:
            ListVersionMismatch, ListFull, ListEntryExists, ListEntryMissing, ListEntryUnfit
        """

        def work(conn: Connection) -> tuple[PrefixList, PrefixList]:
            if change.max_entries is not None:
                rows.hold_named(conn, scope)
            held = _free(conn, scope, list_id)
            if change.current not in {None, held.version}:
                raise ListVersionMismatch
            after = replace(held, name=change.name or held.name)
            if change.max_entries is not None:
                after = _resized(conn, scope, after, change.max_entries)
            elif change.add or change.remove:
                after = self._changed(conn, scope, after, change)
            elif after.name != held.name:
                after = replace(after, state=ListState.MODIFY_COMPLETE, message=None)
            return held, self._write(conn, scope, held, after)

        return self._told(scope, *self._store.transact(work))

    def restore(self, scope: Scope, list_id: str, version: int, current: int) -> PrefixList:
        """Give a list the entries of an earlier version again, as a new one.

        Raises:
            ListVersionMismatch, ListVersionMissing
            ListFull: it was made smaller since.
        """

        def work(conn: Connection) -> tuple[PrefixList, PrefixList]:
            held = _free(conn, scope, list_id)
            if current != held.version:
                raise ListVersionMismatch
            old = _described(rows.entries_of(conn, scope, list_id, _kept_version(held, version)))
            new = _described(rows.entries_of(conn, scope, list_id, held.version))
            if len(old) > held.max_entries:
                raise ListFull(held.max_entries)
            added = {cidr: text for cidr, text in old.items() if cidr not in new or new[cidr] != text}
            removed = [cidr for cidr, text in new.items() if cidr not in old or old[cidr] != text]
            rows.change_entries(conn, scope, list_id, held.version + 1, added, removed)
            state = ListState.RESTORE_IN_PROGRESS
            return held, self._write(conn, scope, held, _next(held, state))

        return self._told(scope, *self._store.transact(work))

    def delete(self, scope: Scope, list_id: str) -> PrefixList:
        """Delete a list that nothing names, and tell it as it was last.

        Where something names it, it fails as AWS's does: its state says so.
        """

        def work(conn: Connection) -> PrefixList:
            rows.hold_named(conn, scope)
            held = rows.LISTS.hold(conn, scope, id=list_id)
            if held is None:
                raise ListNotFound(list_id)
            if users := naming(conn, scope, held.peer):
                return self._write(conn, scope, held, _failed(held, ListState.DELETE_FAILED, users))
            if held.twin is Twin.NONE:
                rows.forget(conn, scope, list_id)
                return replace(held, state=ListState.DELETE_COMPLETE, message=None)
            ending = Twin.ENDING if held.twin is Twin.THERE else held.twin
            now = self._clock.now()
            after = replace(held, state=ListState.DELETE_IN_PROGRESS, message=None, twin=ending)
            due_at = now + (GIVEN_UP if ending is Twin.MAKING else UNSETTLED)
            return self._write(conn, scope, held, after, due_at=due_at)

        held = self._store.transact(work)
        if held.state is not ListState.DELETE_IN_PROGRESS or held.twin is not Twin.ENDING or held.cloud_id is None:
            return held
        return self._end(scope, held)

    def _end(self, scope: Scope, held: PrefixList) -> PrefixList:
        """Take a list that is told no more from the cloud."""
        try:
            with asking():
                self._twins.making.delete_list(scope, str(held.cloud_id))
        except ListTwinInUse:
            after = replace(_failed(held, ListState.DELETE_FAILED, ()), twin=Twin.THERE)
            return self._store.transact(lambda conn: self._write(conn, scope, held, after))
        except errors.Finding:  # the engine goes on with it
            return held
        self._store.transact(lambda conn: rows.forget(conn, scope, held.id))
        return replace(held, state=ListState.DELETE_COMPLETE)

    def _changed(self, conn: Connection, scope: Scope, held: PrefixList, change: ListChange) -> PrefixList:
        """The list with a new version, which is written."""
        _check_entries(change.add, held.family)
        here = {entry.cidr for entry in rows.entries_of(conn, scope, held.id, held.version)}
        for cidr in change.remove:
            if cidr not in here:
                raise ListEntryMissing(held.id, cidr)
        for cidr in change.add:
            if cidr in here:
                raise ListEntryExists(cidr)
        if len(here) + len(change.add) - len(set(change.remove)) > held.max_entries:
            raise ListFull(held.max_entries)
        rows.change_entries(conn, scope, held.id, held.version + 1, change.add, change.remove)
        return _next(held, ListState.MODIFY_IN_PROGRESS)

    def _write(
        self, conn: Connection, scope: Scope, before: PrefixList, after: PrefixList, due_at: datetime | None = None
    ) -> PrefixList:
        """Write what is another, have an engine look at it where the cloud has to follow, and tell it as it is."""
        names = ("name", "state", "max_entries", "version", "message", "twin")
        changed = {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
        generation = rows.raise_generation(conn, scope, after.id, **changed)
        if due_at is not None or after.state in COMPLETED:
            rows.LEASED.pull(conn, (after.id,), due_at or self._clock.now() + UNSETTLED)
        return replace(after, generation=generation)

    def _told(self, scope: Scope, before: PrefixList, after: PrefixList) -> PrefixList:
        """Tell the cloud of a change that it is to follow; the list as it is then.

        What the cloud refuses is taken back; where its answer is lost, or somebody is at the list there, the change
        stays in progress until the engine has seen to it.
        """
        if after.state not in COMPLETED or after.twin is not Twin.THERE:
            return after
        try:
            with self._store.read() as conn:
                cidrs = rows.cidrs_of(conn, scope, after)
            with asking():
                self._twins.making.set_addresses(scope, str(after.cloud_id), cidrs)
        except (errors.OutcomeUnclear, ListTwinMissing):
            return after
        except errors.Finding:
            self._store.transact(partial(self._take_back, scope, before, after))
            raise
        done = COMPLETED[after.state]
        self._store.transact(partial(self._complete, scope, after, done))
        return replace(after, state=done)

    def _complete(self, scope: Scope, after: PrefixList, done: ListState, conn: Connection) -> None:
        """Where it was changed again meanwhile, the cloud may have heard the older change last: an engine looks."""
        if not rows.complete(conn, scope, after, done):
            rows.LEASED.pull(conn, (after.id,), self._clock.now())

    def _take_back(self, scope: Scope, before: PrefixList, after: PrefixList, conn: Connection) -> None:
        """Undo a version that the cloud refused, unless an engine has seen to it meanwhile."""
        held = rows.LISTS.hold(conn, scope, id=after.id)
        if held is None or held.generation != after.generation or held.state is not after.state:
            return
        rows.take_back(conn, scope, after.id, after.version)
        self._write(conn, scope, held, replace(before, twin=held.twin), due_at=self._clock.now() + UNSETTLED)


def _free(conn: Connection, scope: Scope, list_id: str) -> PrefixList:
    """A list that nobody else changes before the transaction ends. Raises ListNotFound, ListBusy."""
    held = rows.LISTS.hold(conn, scope, id=list_id)
    if held is None:
        raise ListNotFound(list_id)
    if held.state in COMPLETED:
        raise ListBusy(list_id, held.state)
    return held


def _next(held: PrefixList, state: ListState) -> PrefixList:
    """The list at its next version: what no cloud has to follow is complete at once."""
    reached = COMPLETED[state] if held.twin is Twin.NONE else state
    return replace(held, version=held.version + 1, state=reached, message=None)


def _resized(conn: Connection, scope: Scope, held: PrefixList, max_entries: int) -> PrefixList:
    """The list with room for so many entries, or as one that failed to be changed. Raises ListFull."""
    if rows.total(conn, scope, held.id) > max_entries:
        raise ListFull(max_entries)
    after = replace(held, max_entries=max_entries, state=ListState.MODIFY_COMPLETE, message=None)
    named = sorted(naming(conn, scope, held.peer))
    by_group: dict[str, list[GroupRule]] = {}
    for rule in RULES.all(conn, scope, group_id=named) if named else ():
        by_group.setdefault(rule.group_id, []).append(rule)
    lists = rows.named_by(conn, scope, {rule.peer for rules in by_group.values() for rule in rules})
    resized = {**lists, held.peer: after}
    over = {group for group, rules in by_group.items() if over_limit(rules, rules, lists, resized)}
    return _failed(held, ListState.MODIFY_FAILED, over) if over else after


def _failed(held: PrefixList, state: ListState, groups: Collection[str]) -> PrefixList:
    """The list as one that could not be changed, with the groups that stand against it."""
    return replace(held, state=state, message=" ".join(sorted(groups)[:_TOLD]) or None)


def _kept_version(found: PrefixList, version: int | None) -> int:
    if version is None:
        return found.version
    if not found.oldest <= version <= found.version:
        raise ListVersionMissing(found.id, version)
    return version


def _check_entries(entries: Iterable[str], family: Family) -> None:
    for cidr in entries:
        if not is_of(cidr, family):
            raise ListEntryUnfit(cidr, family)


def _described(entries: Iterable[ListEntry]) -> dict[str, str | None]:
    return {entry.cidr: entry.description for entry in entries}
