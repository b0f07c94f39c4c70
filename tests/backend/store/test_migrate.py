"""Migrations: up gives what the tables say, down leaves nothing, and a wait for another who migrates ends."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Text, create_engine, inspect
from sqlalchemy.dialects.mysql import LONGTEXT

from backend.clock import SystemClock
from backend.store import migrate, tables
from backend.store.session import Store
from backend.store.types import Document


@pytest.fixture
def empty(database):
    """The database, whatever other tests left in it."""
    migrate.downgrade(database, "base")
    yield database
    migrate.upgrade(database)


def _differs(_context, _inspected_column, _column, inspected, wanted):
    # Alembic cannot see through a type that is another one on each database.
    return not isinstance(inspected, (Text, LONGTEXT)) if isinstance(wanted, Document) else None


def _tables(url):
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_up_gives_the_tables(empty):
    assert migrate.current(empty) is None
    migrate.upgrade(empty)
    store = Store(empty, SystemClock())
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": _differs})
        assert compare_metadata(context, tables.metadata) == []
    assert migrate.is_current(store)
    store.close()
    assert migrate.current(empty) == migrate.head()


def test_down_leaves_nothing(empty):
    migrate.upgrade(empty)
    migrate.downgrade(empty, "base")
    assert _tables(empty) == set()
    assert migrate.current(empty) is None


def test_every_revision_goes_down_and_up_again(empty):
    for revision in migrate.revisions():
        migrate.upgrade(empty, revision)
        migrate.downgrade(empty, "-1")
        migrate.upgrade(empty, revision)
        assert migrate.current(empty) == revision


def test_again_changes_nothing(empty):
    migrate.upgrade(empty)
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()


def test_an_unmigrated_store_is_not_current(empty):
    store = Store(empty, SystemClock())
    assert not migrate.is_current(store)
    store.close()


def test_several_at_once(empty):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate.upgrade, [empty] * 4)) == [None] * 4
    assert migrate.current(empty) == migrate.head()
