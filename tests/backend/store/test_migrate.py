"""Migrations: up gives what the tables say, down leaves nothing, and a wait for another who migrates ends."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Text, create_engine, inspect, make_url, text
from sqlalchemy.dialects.mysql import LONGTEXT

from backend.clock import SystemClock
from backend.commands import CannotDo, schema
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
    assert migrate.refusal(store) is None
    store.close()
    assert migrate.current(empty) == migrate.head()


def _refusal(url):
    with pytest.raises(CannotDo) as refused:
        schema.migrate(url.render_as_string(hide_password=False))
    return str(refused.value)


@pytest.mark.on("postgresql", "mariadb")
def test_a_server_without_that_database_is_told_in_a_sentence(database):
    told = _refusal(make_url(database).set(database="nowhere"))
    assert told.startswith("the database says: ")
    assert "'nowhere'" in told.replace('"', "'")
    assert "\n" not in told


@pytest.mark.on("postgresql")
def test_a_user_whom_the_database_does_not_know_is_told_in_a_sentence(database):
    told = _refusal(make_url(database).set(username="nobody", password="hunter2"))
    assert told.startswith("the database says: ")
    assert "nobody" in told
    assert "hunter2" not in told
    assert "\n" not in told


def test_down_leaves_nothing(empty):
    migrate.upgrade(empty)
    migrate.downgrade(empty, "base")
    assert _tables(empty) == set()
    assert migrate.current(empty) is None


def test_every_revision_goes_down_and_up_again(empty):
    for revision in migrate.revisions():
        migrate.upgrade(empty, revision)  # and the one before, which was down
        assert migrate.current(empty) == revision
        migrate.downgrade(empty, "-1")
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()


def test_again_changes_nothing(empty):
    migrate.upgrade(empty)
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()


def test_an_unmigrated_store_is_refused(empty):
    store = Store(empty, SystemClock())
    assert migrate.refusal(store) == "the database is not migrated: coppice migrate"
    store.close()


def test_several_at_once(empty):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(migrate.upgrade, [empty] * 4)) == [None] * 4
    assert migrate.current(empty) == migrate.head()


@pytest.mark.on("mariadb")
def test_who_waited_in_vain_for_another_who_migrates_does_not_begin(empty, monkeypatch):
    monkeypatch.setattr(migrate, "_LOCK_SECONDS", 0)
    engine = create_engine(empty)
    try:
        with engine.connect() as other:
            other.execute(migrate._HOLD, {"seconds": 0})
            assert _refusal(make_url(empty)).startswith("another process is migrating the database")
    finally:
        engine.dispose()
    assert migrate.current(empty) is None


@pytest.mark.on("mariadb")
def test_who_migrates_another_database_of_the_server_is_not_waited_for(empty, monkeypatch):
    monkeypatch.setattr(migrate, "_LOCK_SECONDS", 0)
    engine = create_engine(make_url(empty).set(database="information_schema"))
    try:
        with engine.connect() as other:
            assert other.execute(migrate._HOLD, {"seconds": 0}).scalar() == 1
            migrate.upgrade(empty)
    finally:
        engine.dispose()
    assert migrate.current(empty) == migrate.head()


@pytest.mark.on("sqlite")
def test_who_comes_while_another_migrates_for_long_waits_for_it(empty, monkeypatch):
    """For longer than SQLite itself waits for a writer."""
    opened = migrate._opened

    @contextmanager
    def hasty(url):
        with opened(url) as store, monkeypatch.context() as patched:
            waits = store.clock.wait
            patched.setattr(store.clock, "wait", lambda seconds: (held.rollback(), waits(seconds)))
            with store.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA busy_timeout = 1")
            yield store

    engine = create_engine(empty)
    try:
        with engine.connect() as held:
            held.exec_driver_sql("BEGIN IMMEDIATE")
            monkeypatch.setattr(migrate, "_opened", hasty)
            migrate.upgrade(empty)
    finally:
        engine.dispose()
    assert migrate.current(empty) == migrate.head()


_WAITS_FOR_NODES = text("SELECT 1 FROM pg_locks WHERE relation = CAST('nodes' AS regclass) AND NOT granted")


@pytest.mark.on("postgresql")
def test_who_migrates_gives_way_to_those_at_work(empty):
    """This revision changes clusters and then nodes; a transaction has read nodes and reads clusters next."""
    migrate.upgrade(empty, "0031")
    engine = create_engine(empty)
    try:
        with ThreadPoolExecutor(1) as pool, engine.connect() as at_work:
            at_work.execute(text("SELECT count(*) FROM nodes"))
            migrating = pool.submit(migrate.upgrade, empty, "0032")
            with engine.connect() as watcher:
                while not watcher.execute(_WAITS_FOR_NODES).all():
                    assert not migrating.done()
            assert at_work.execute(text("SELECT count(*) FROM clusters")).scalar_one() == 0
            at_work.commit()
            assert migrating.result(60) is None
    finally:
        engine.dispose()
    assert migrate.current(empty) == "0032"


@pytest.mark.on("postgresql")
def test_what_is_done_stays_where_the_next_revision_has_to_wait(empty, monkeypatch):
    """Somebody reads all the while what 0041 changes."""
    monkeypatch.setattr(migrate, "_LOCK_SECONDS", 0)
    migrate.upgrade(empty, "0034")
    engine = create_engine(empty)
    try:
        with engine.connect() as at_work:
            at_work.execute(text("LOCK TABLE metric_sources IN ACCESS SHARE MODE"))
            with pytest.raises(CannotDo, match="the database says: canceling statement due to lock timeout"):
                schema.migrate(empty)
            assert migrate.current(empty) == "0040"
    finally:
        engine.dispose()
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()


def _stand_at(store, revision):
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


@pytest.fixture
def store(empty):
    migrate.upgrade(empty)
    made = Store(empty, SystemClock())
    yield made
    _stand_at(made, migrate.head())
    made.close()


def test_a_newer_schema_of_the_same_line_is_worked_with_and_left_alone(store, empty):
    _stand_at(store, "0999")
    assert migrate.refusal(store) is None
    migrate.upgrade(empty)
    assert migrate.current(empty) == "0999"


def test_a_schema_of_a_newer_line_is_refused_in_one_sentence(store, empty):
    _stand_at(store, "1-0031")
    told = f"the database was migrated by a newer Coppice: it stands at 1-0031, this one knows {migrate.head()}"
    assert migrate.refusal(store).startswith(told)
    with pytest.raises(migrate.SchemaUnknown, match="newer Coppice"):
        migrate.upgrade(empty)


def test_an_older_schema_is_refused(store):
    _stand_at(store, migrate.revisions()[0])
    assert "not migrated" in migrate.refusal(store)


# Revisions up to this one come with the first code that works on a schema newer than its own.
_FIRST = (0, 9)


def _schema(url):
    """Table -> column -> whether a row may be written without it."""
    engine = create_engine(url)
    try:
        seen = inspect(engine)
        return {
            table: {
                column["name"]: column["nullable"] or column["default"] is not None
                for column in seen.get_columns(table)
            }
            for table in seen.get_table_names()
        }
    finally:
        engine.dispose()


def test_a_revision_of_a_line_only_adds_what_may_be_left_out(tmp_path):
    url = f"sqlite:///{tmp_path}/lines.db"
    at = [revision for revision in migrate.revisions() if migrate.place(revision) <= _FIRST][-1]
    migrate.upgrade(url, at)
    before = _schema(url)
    for revision in migrate.revisions()[migrate.revisions().index(at) + 1 :]:
        migrate.upgrade(url, revision)
        after = _schema(url)
        if migrate.place(revision)[0] == migrate.place(at)[0]:
            for table, columns in before.items():
                assert columns.keys() <= after[table].keys(), (revision, table)
                for name, omitted in after[table].items():
                    assert omitted or columns.get(name) is False, (revision, table, name)
        before, at = after, revision
