"""Every place of the database where something lies sealed, and how it is sealed anew when there is another key.

That goes on in small transactions while gateways and engines are at work: each row is held for a moment, and can be
read before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Row, Text, and_, select, tuple_, type_coerce, update

from backend.domain.delegation import SecretUnreadable
from backend.domain.parameters import ParameterType
from backend.store import identity_tables, tables
from backend.store.guarded import Guard, Guarded, is_sealed
from backend.store.secrets import Seal
from backend.store.session import Store

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Sealed columns of a table.

    Attributes:
        name: in words for operators.
        key: what its rows are told apart by.
        within: which of its rows are sealed.
    """

    name: str
    key: Sequence[Column[Any]]
    columns: Sequence[Column[Any]]
    within: Sequence[ColumnElement[bool]] = ()

    @property
    def is_guarded(self) -> bool:
        """Whether what lies there may be in the clear as well."""
        return isinstance(self.columns[0].type, Guarded)

    def reading(self) -> Sequence[ColumnElement[Any]]:
        """The columns as they lie there, not as they are read."""
        if not self.is_guarded:
            return self.columns
        return [type_coerce(column, Text).label(column.name) for column in self.columns]


def _place(name: str, key: Sequence[Column[Any]], *columns: Column[Any]) -> Place:
    return Place(name, key, columns)


_parameters = identity_tables.parameters.c
_configurations, _versions = tables.launch_configurations.c, tables.template_versions.c
_ALL: Final = (
    _place("delegations", [tables.delegations.c.credential_id], tables.delegations.c.secret),
    _place("temporary keys", [tables.sessions.c.access_key], tables.sessions.c.sealed),
    Place(
        "secure parameters",
        [_parameters.id],
        [_parameters.value],
        (_parameters.type == str(ParameterType.SECURE),),
    ),
    _place(
        "server certificates",
        [identity_tables.server_certificates.c.id],
        identity_tables.server_certificates.c.sealed,
    ),
    _place("launch configurations", [_configurations.id], _configurations.spec, _configurations.document),
    _place("launch templates", [_versions.template_id, _versions.version], _versions.spec, _versions.document),
)


PLACES: Final[Mapping[str, Place]] = {each.name: each for each in _ALL}


class SomeUnreadable(SecretUnreadable):
    """Some of a place cannot be opened.

    Attributes:
        number: how many others are sealed with the first key.
    """

    def __init__(self, place: str, lost: int, number: int) -> None:
        super().__init__(f"none of the keys in [secrets] opens {lost} of the {place}")
        self.number = number


class How(Enum):
    """How something lies there."""

    FIRST = auto()  # sealed with the first key
    OLDER = auto()  # sealed with another one that is there
    LOST = auto()  # sealed with none that is there
    CLEAR = auto()


def reseal(store: Store, place: Place, guard: Guard) -> int:
    """Seal all of a place with the first key; how many are sealed with it then.

    What may lie in the clear is sealed where the guard closes it, and laid open where it does not.

    Raises:
        KeyMissing, KeysUnreached
        SomeUnreadable: the others are sealed anew.
    """
    found: Counter[How] = Counter()

    def batch(conn: Connection, after: tuple[Any, ...] | None) -> tuple[Counter[How], tuple[Any, ...] | None]:
        rows = _rows(conn, place, after, hold=True)
        told = Counter(_renewed(conn, place, row, guard) for row in rows)
        return told, (_key_of(place, rows[-1]) if len(rows) == _BATCH else None)

    after: tuple[Any, ...] | None = None
    while True:
        told, after = store.transact(partial(batch, after=after))
        found += told
        if after is None:
            break
    if found[How.LOST]:
        raise SomeUnreadable(place.name, found[How.LOST], found[How.FIRST])
    return found[How.FIRST]


def census(store: Store, place: Place, seal: Seal) -> Counter[How]:
    """How what is in a place lies there, by rows. Raises KeysUnreached."""
    found: Counter[How] = Counter()
    after: tuple[Any, ...] | None = None
    while True:
        with store.read() as conn:
            rows = _rows(conn, place, after)
        found += Counter(max((_how(seal, text) for text in _texts(place, row)), key=_WORST.index) for row in rows)
        if len(rows) < _BATCH:
            return found
        after = _key_of(place, rows[-1])


_WORST: Final = (How.FIRST, How.CLEAR, How.OLDER, How.LOST)


def _rows(conn: Connection, place: Place, after: tuple[Any, ...] | None, *, hold: bool = False) -> Sequence[Row[Any]]:
    following = () if after is None else (tuple_(*place.key) > after if len(after) > 1 else place.key[0] > after[0],)
    statement = select(*place.key, *place.reading()).where(*place.within, *following).order_by(*place.key)
    statement = statement.limit(_BATCH)
    return conn.execute(statement.with_for_update() if hold else statement).all()


def _key_of(place: Place, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row[: len(place.key)])


def _texts(place: Place, row: Row[Any]) -> Sequence[str]:
    return row[len(place.key) :]


def _how(seal: Seal, text: str) -> How:
    if not is_sealed(text):
        return How.CLEAR
    if seal.is_sealed_first(text):
        return How.FIRST
    try:
        seal.open(text)
    except SecretUnreadable:
        return How.LOST
    return How.OLDER


def _renewed(conn: Connection, place: Place, row: Row[Any], guard: Guard) -> How:
    """Seal a row's secrets with the first key, or lay them open; how they lie there now."""
    closes = guard.closes or not place.is_guarded
    renew: Callable[[str], str] = partial(_anew, guard.seal, closes)
    try:
        texts = [renew(text) for text in _texts(place, row)]
    except SecretUnreadable:
        if not guard.seal.has_keys:
            raise
        return How.LOST
    if texts != list(_texts(place, row)):
        values = {
            column.name: type_coerce(text, Text) if place.is_guarded else text
            for column, text in zip(place.columns, texts, strict=True)
        }
        key = and_(*(column == value for column, value in zip(place.key, _key_of(place, row), strict=True)))
        conn.execute(update(place.columns[0].table).where(key).values(values))
    return How.FIRST if closes else How.CLEAR


def _anew(seal: Seal, closes: bool, text: str) -> str:
    if not is_sealed(text):
        return seal.close(text) if closes else text
    if not closes:
        return seal.open(text)
    return text if seal.is_sealed_first(text) else seal.renew(text)
