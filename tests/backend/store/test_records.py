"""Records: values of tables, kept apart by project and region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from backend.domain.scope import Scope
from backend.store.records import Records
from backend.store.session import Store
from backend.store.types import Document, Instant, Words
from tests.factories import HandClock

START = datetime(2026, 1, 1, tzinfo=UTC)
HERE, ELSEWHERE = Scope("project", "us-east-1"), Scope("project", "eu-west-1")


class _Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class _Thing:
    id: str
    name: str
    colour: _Colour
    made_at: datetime
    names: tuple[str, ...] = ()
    shade: _Colour | None = None
    more: Mapping[str, Any] | None = None
    others: tuple[str, ...] | None = None


METADATA = MetaData()
TABLE = Table(
    "things",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("region", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("colour", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("names", Words, nullable=False),
    Column("shade", String(64)),
    Column("more", Document),
    Column("others", Words),
    Column("weight", Integer),
)
THINGS = Records(TABLE, _Thing)
ONE = _Thing("1", "one", _Colour.RED, START, ("a", "b"), _Colour.BLUE, {"k": [1]}, ("x",))
TWO = _Thing("2", "two", _Colour.BLUE, START)


@pytest.fixture
def store():
    store = Store("sqlite://", HandClock())
    METADATA.create_all(store.engine)
    yield store
    store.close()


def _add(store, scope, *things, **columns):
    store.transact(lambda conn: THINGS.add(conn, scope, *things, **columns))


def test_what_is_written_is_read(store):
    _add(store, HERE, TWO, ONE)
    with store.read() as conn:
        assert THINGS.all(conn, HERE) == [ONE, TWO]
        assert THINGS.all(conn, HERE, colour=_Colour.RED) == [ONE]
        assert THINGS.all(conn, HERE, name=("two", "three")) == [TWO]
        assert THINGS.one(conn, HERE, name="two") == TWO
        assert THINGS.one(conn, HERE, name="three") is None
        assert THINGS.of(conn, HERE, ["2", "3"]) == {"2": TWO}
        assert THINGS.count(conn, HERE) == 2
        assert THINGS.count(conn, HERE, colour="blue") == 1


def test_each_project_and_region_has_its_own(store):
    _add(store, HERE, ONE)
    with store.read() as conn:
        for scope in (ELSEWHERE, Scope("other", "us-east-1")):
            assert THINGS.all(conn, scope) == []
            assert THINGS.of(conn, scope, ["1"]) == {}
            assert THINGS.count(conn, scope) == 0
    assert store.transact(lambda conn: THINGS.change(conn, ELSEWHERE, "1", name="mine")) is False
    assert store.transact(lambda conn: THINGS.remove(conn, ELSEWHERE, id="1")) == 0
    with store.read() as conn:
        assert THINGS.one(conn, HERE, id="1") == ONE


def test_one_is_changed_and_removed(store):
    _add(store, HERE, ONE, TWO, weight=3)
    assert store.transact(lambda conn: THINGS.change(conn, HERE, "1", colour=_Colour.BLUE, names=("z",), weight=4))
    with store.read() as conn:
        assert THINGS.all(conn, HERE) == [replace(ONE, colour=_Colour.BLUE, names=("z",)), TWO]
        assert THINGS.count(conn, HERE, weight=4) == 1
    assert store.transact(lambda conn: THINGS.remove(conn, HERE, weight=4)) == 1
    with store.read() as conn:
        assert THINGS.all(conn, HERE) == [TWO]


def test_everything_is_not_removed_by_a_word_that_is_missing(store):
    with pytest.raises(ValueError, match="by no one"):
        store.transact(lambda conn: THINGS.remove(conn, HERE))
