"""Rows of prefix lists, and of their entries by version."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from backend.domain.ids import new_digits
from backend.domain.prefix_lists import PREFIX, VERSIONS, ListEntry, ListState, PrefixList, Twin, order_of, peer_of
from backend.domain.scope import Scope
from backend.store import counting
from backend.store.leased import Lease, Leased
from backend.store.prefix_list_tables import prefix_list_entries, prefix_lists
from backend.store.records import Records, plain

LISTS: Final = Records(prefix_lists, PrefixList)
ENTRIES: Final = Records(prefix_list_entries, ListEntry)
_c = prefix_lists.c
_e = prefix_list_entries.c
_BATCH: Final = 500
_NAMED: Final = "named prefix lists"
"""Held by who ends a list or its twin, or makes it larger, and by who has rules name one or beside one."""


@dataclass(slots=True, kw_only=True, eq=False)
class ListLease(Lease):
    """A claimed prefix list; its fence answers the generation of what its twin is to be."""

    @property
    def list_id(self) -> str:
        return self.key[0]


LEASED: Final = Leased(prefix_lists, ListLease, key=("id",), fenced="generation")


def hold_named(conn: Connection, scope: Scope) -> None:
    """From here to the end of the transaction nobody else says which rules name which lists.

    It is held after the row of a group, and before that of a list.
    """
    counting.hold(conn, scope, _NAMED)


def add(conn: Connection, scope: Scope, made: PrefixList, entries: Mapping[str, str | None]) -> None:
    """Write a new list, of which the cloud knows nothing."""
    LISTS.add(conn, scope, made, due_at=None, epoch=0)
    _add_entries(conn, scope, made.id, made.version, entries)


def entries_of(conn: Connection, scope: Scope, list_id: str, version: int) -> list[ListEntry]:
    """What is in a version of a list, in the order of the addresses."""
    columns = (_e.id, _e.list_id, _e.cidr, _e.added_in, _e.description, _e.removed_in)
    in_it = and_(_e.added_in <= version, or_(_e.removed_in.is_(None), _e.removed_in > version))
    found = conn.execute(select(*columns).where(_of(scope, list_id), in_it)).all()
    return sorted((ListEntry(*row) for row in found), key=lambda entry: order_of(entry.cidr))


def cidrs_of(conn: Connection, scope: Scope, each: PrefixList) -> list[str]:
    """The blocks of a list as it is now."""
    return [entry.cidr for entry in entries_of(conn, scope, each.id, each.version)]


def change_entries(  # noqa: PLR0917 - a list, a version, and what it changes
    conn: Connection,
    scope: Scope,
    list_id: str,
    version: int,
    added: Mapping[str, str | None],
    removed: Collection[str],
) -> None:
    """Write a version, which is the newest from now on, and drop what only versions had that are kept no more."""
    gone = sorted(removed)
    for at in range(0, len(gone), _BATCH):
        those = and_(_of(scope, list_id), _e.removed_in.is_(None), _e.cidr.in_(gone[at : at + _BATCH]))
        conn.execute(update(prefix_list_entries).where(those).values(removed_in=version))
    _add_entries(conn, scope, list_id, version, added)
    conn.execute(delete(prefix_list_entries).where(_of(scope, list_id), _e.removed_in <= version - VERSIONS + 1))


def take_back(conn: Connection, scope: Scope, list_id: str, version: int) -> None:
    """Undo the newest version."""
    conn.execute(delete(prefix_list_entries).where(_of(scope, list_id), _e.added_in == version))
    back = and_(_of(scope, list_id), _e.removed_in == version)
    conn.execute(update(prefix_list_entries).where(back).values(removed_in=None))


def forget(conn: Connection, scope: Scope, list_id: str) -> None:
    """Delete a list with all of its versions."""
    ENTRIES.remove(conn, scope, list_id=list_id)
    LISTS.remove(conn, scope, id=list_id)


def named_by(conn: Connection, scope: Scope, peers: Iterable[str]) -> dict[str, PrefixList]:
    """The lists that rules name, by the rules' word for them, of those that there are."""
    ids = {peer.removeprefix(PREFIX) for peer in peers if peer.startswith(PREFIX)}
    return {peer_of(each.id): each for each in LISTS.of(conn, scope, ids).values()} if ids else {}


def twins(conn: Connection, scope: Scope, cloud_ids: Collection[str]) -> dict[str, PrefixList]:
    """Lists by the cloud's ids of their twins."""
    ids = sorted(set(cloud_ids))
    return {str(each.cloud_id): each for each in LISTS.all(conn, scope, cloud_id=ids)} if ids else {}


def claim_twins(conn: Connection, scope: Scope, tokens: Mapping[str, str], until: datetime) -> list[PrefixList]:
    """Have those lists that have no twin get one from whoever asks, and tell which these are.

    Args:
        tokens: by list, what its twin will be found by.
        until: an engine goes on with it then.
    """
    for list_id in sorted(tokens):
        free = and_(_this(scope, list_id), _c.twin == str(Twin.NONE), _c.state != str(ListState.DELETE_IN_PROGRESS))
        values = {"twin": str(Twin.MAKING), "token": tokens[list_id], "generation": _c.generation + 1}
        if conn.execute(update(prefix_lists).where(free).values(values)).rowcount:
            LEASED.pull(conn, (list_id,), until)
    held = LISTS.of(conn, scope, tokens).values()
    return [each for each in held if each.twin is Twin.MAKING and each.token == tokens[each.id]]


def set_twin(conn: Connection, scope: Scope, before: PrefixList, **values: object) -> bool:
    """Write what became of a twin, where nobody else did meanwhile; whether it was written."""
    same = and_(
        _this(scope, before.id),
        _c.twin == str(before.twin),
        _c.token.is_(None) if before.token is None else _c.token == before.token,
    )
    return bool(conn.execute(update(prefix_lists).where(same).values(plain(values))).rowcount)


def raise_generation(conn: Connection, scope: Scope, list_id: str, **values: object) -> int:
    """Say that its twin is to be another; the generation from now on. ``values``: of further columns."""
    LISTS.change(conn, scope, list_id, generation=_c.generation + 1, **values)
    return int(conn.execute(select(_c.generation).where(_this(scope, list_id))).scalar_one())


def complete(conn: Connection, scope: Scope, told: PrefixList, state: ListState) -> bool:
    """The cloud has what a list was to be there, unless it is to be another by now; whether that was written."""
    same = and_(_this(scope, told.id), _c.generation == told.generation)
    return bool(conn.execute(update(prefix_lists).where(same).values(state=str(state))).rowcount)


def pull(conn: Connection, scope: Scope, peers: Iterable[str], at: datetime) -> None:
    """Have an engine look at the lists that rules name, or named."""
    for list_id in sorted(each.id for each in named_by(conn, scope, peers).values()):
        LEASED.pull(conn, (list_id,), at)


def total(conn: Connection, scope: Scope, list_id: str) -> int:
    """How many entries the newest version has."""
    count = select(func.count()).select_from(prefix_list_entries)
    return int(conn.execute(count.where(_of(scope, list_id), _e.removed_in.is_(None))).scalar_one())


def _add_entries(conn: Connection, scope: Scope, list_id: str, version: int, entries: Mapping[str, str | None]) -> None:
    made = [ListEntry(new_digits(), list_id, cidr, version, text) for cidr, text in entries.items()]
    ENTRIES.add(conn, scope, *made)


def _of(scope: Scope, list_id: str) -> ColumnElement[bool]:
    return and_(_e.project_id == scope.project_id, _e.region == scope.region, _e.list_id == list_id)


def _this(scope: Scope, list_id: str) -> ColumnElement[bool]:
    return and_(_c.project_id == scope.project_id, _c.region == scope.region, _c.id == list_id)
