"""Every place of the database where something lies sealed, and how it is sealed anew when there is another key.

That goes on in small transactions while gateways and engines are at work: what is sealed anew was read and opened
before, and is written where it is still as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Row, Text, select, tuple_, type_coerce, update

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

    @property
    def lying(self) -> Sequence[ColumnElement[Any]]:
        """The columns as they lie there, not as they are read."""
        return [self.raw(column) for column in self.columns]

    def raw(self, text: Any) -> Any:
        """A column, or what is written there, as it lies there."""
        return type_coerce(text, Text) if self.is_guarded else text


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
    after: tuple[Any, ...] | None = None
    while True:
        with store.read() as conn:
            rows = _rows(conn, place, after)
        anew = [(row, _anew(place, row, guard)) for row in rows]
        if not store.transact(partial(_write, place=place, anew=anew)):
            continue  # others wrote some of them meanwhile: once more from what is there now
        closed = How.FIRST if guard.closes or not place.is_guarded else How.CLEAR
        found += Counter(How.LOST if texts is None else closed for _, texts in anew)
        if len(rows) < _BATCH:
            break
        after = _key_of(place, rows[-1])
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


def _rows(conn: Connection, place: Place, after: tuple[Any, ...] | None) -> Sequence[Row[Any]]:
    following = () if after is None else (tuple_(*place.key) > after if len(after) > 1 else place.key[0] > after[0],)
    named = [lying.label(column.name) for lying, column in zip(place.lying, place.columns, strict=True)]
    statement = select(*place.key, *named).where(*place.within, *following).order_by(*place.key)
    return conn.execute(statement.limit(_BATCH)).all()


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


def _anew(place: Place, row: Row[Any], guard: Guard) -> Sequence[str] | None:
    """A row's secrets, sealed with the first key or laid open; None where no key opens them."""
    renewed = partial(_renewed, guard.seal, guard.closes or not place.is_guarded)
    try:
        return [renewed(text) for text in _texts(place, row)]
    except SecretUnreadable:
        if not guard.seal.has_keys:
            raise
        return None


def _renewed(seal: Seal, closes: bool, text: str) -> str:
    if not is_sealed(text):
        return seal.close(text) if closes else text
    if not closes:
        return seal.open(text)
    return text if seal.is_sealed_first(text) else seal.renew(text)


def _write(conn: Connection, place: Place, anew: Sequence[tuple[Row[Any], Sequence[str] | None]]) -> bool:
    """Write what is another text than before; whether all of it was still as it was read."""
    found = True
    for row, texts in anew:
        if texts is not None and texts != list(_texts(place, row)):
            as_it_was = [column == value for column, value in zip(place.key, _key_of(place, row), strict=True)]
            as_it_was += [column == value for column, value in zip(place.lying, _texts(place, row), strict=True)]
            values = dict(zip((each.name for each in place.columns), map(place.raw, texts), strict=True))
            statement = update(place.columns[0].table).where(*as_it_was).values(values)
            found = conn.execute(statement).rowcount > 0 and found
    return found
