"""A store that fails: before a commit, in it and after it, and what is run again."""

from __future__ import annotations

import gc
import shutil
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from backend.clock import SystemClock
from backend.errors import CommitUnknown, StoreUnavailable
from backend.store import migrate
from backend.store.session import Store
from backend.store.tables import orphans
from tests.factories import NOW, HandClock

_ROW = {
    "kind": "server",
    "id": "s",
    "pool_id": "",
    "project_id": "p",
    "region": "r",
    "first_seen_at": NOW,
    "known": True,
    "released": False,
}
_KILLS = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
    "mariadb": ("SELECT CONNECTION_ID()", "KILL CONNECTION {}"),
}


def _write(conn: Any) -> None:
    conn.execute(insert(orphans), _ROW)


def _written(store: Store) -> int:
    with store.read() as conn:
        return len(conn.execute(select(orphans.c.id)).all())


cut = pytest.mark.on(*_KILLS)
"""A file has no connections that an operator may cut."""


def _cut(store: Store, own: int) -> None:
    other = Store(str(store.engine.url.render_as_string(hide_password=False)), store.clock)
    with other.engine.connect() as conn:
        conn.exec_driver_sql(_KILLS[store.dialect][1].format(own))
    other.close()


def _number(store: Store, conn: Any) -> int:
    return int(conn.execute(text(_KILLS[store.dialect][0])).scalar_one())


@cut
def test_a_connection_that_is_lost_before_the_commit_has_written_nothing_and_is_run_again(store):
    runs = []

    def work(conn):
        runs.append(1)
        _write(conn)
        if len(runs) == 1:
            _cut(store, _number(store, conn))
            conn.execute(select(orphans.c.id))

    store.transact(work)
    assert (len(runs), _written(store)) == (2, 1)


@cut
def test_a_database_that_cuts_every_connection_is_away(store):
    runs = []

    def work(conn):
        runs.append(1)
        _cut(store, _number(store, conn))
        conn.execute(select(orphans.c.id))

    with pytest.raises(StoreUnavailable) as caught:
        store.transact(work)
    assert not isinstance(caught.value, CommitUnknown)
    assert len(runs) == 3


@pytest.mark.parametrize("done", [False, True])
@cut
def test_a_commit_whose_answer_is_lost_is_not_run_again(store, monkeypatch, done):
    """Whether it was done is not known to whoever asked; it is not done twice."""
    runs = []
    commit = store.engine.dialect.do_commit

    def work(conn):
        runs.append(_number(store, conn))
        _write(conn)

    def lost(connection):
        if done:
            commit(connection)
        _cut(store, runs[-1])
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT 1")
        finally:
            with suppress(Exception):
                cursor.close()
        commit(connection)

    monkeypatch.setattr(store.engine.dialect, "do_commit", lost)
    with pytest.raises(CommitUnknown):
        store.transact(work)
    monkeypatch.undo()
    assert (len(runs), _written(store)) == (1, int(done))
    store.transact(lambda conn: conn.execute(orphans.delete()))


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # PyMySQL leaves a socket that found nobody
@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////nowhere/at/all.db",
        "postgresql+psycopg://coppice@/coppice?host=/nowhere",
        "mariadb+pymysql://root@localhost/coppice?unix_socket=/nowhere",
    ],
)
def test_a_database_that_cannot_be_reached_is_away_and_no_fault(url):
    away = Store(url, HandClock())
    with pytest.raises(StoreUnavailable), away.read() as conn:
        conn.execute(text("SELECT 1"))
    with pytest.raises(StoreUnavailable):
        away.transact(_write)
    away.close()
    gc.collect()


def test_a_race_for_a_key_is_run_again_and_a_fault_is_not(store):
    runs = []

    def race(conn):
        runs.append(1)
        if len(runs) < 3:
            raise IntegrityError("insert", {}, Exception("somebody was quicker"))
        _write(conn)

    store.transact(race)
    assert (len(runs), _written(store)) == (3, 1)
    with pytest.raises(DBAPIError):
        store.transact(lambda conn: conn.execute(text("SELECT nonsense FROM clusters")))
    with pytest.raises(IntegrityError):
        store.transact(_write)


def test_a_database_without_tables_is_away_and_no_fault(store):
    with pytest.raises(StoreUnavailable), store.read() as conn:
        conn.execute(text("SELECT id FROM nowhere"))


def test_what_goes_wrong_is_told_without_the_values(store):
    secret = {**_ROW, "region": "hunter2"}
    store.transact(lambda conn: conn.execute(insert(orphans), secret))
    with pytest.raises(IntegrityError) as caught:
        store.transact(lambda conn: conn.execute(insert(orphans), secret))
    assert "hunter2" not in str(caught.value)


@pytest.mark.on("mariadb")
def test_leases_are_judged_by_an_hour_that_comes_once(migrated):
    """The zone of a session may have the same hour twice; MariaDB's UNIX_TIMESTAMP takes the first of them."""
    store = Store(migrated, SystemClock())
    autumn = 1_800_000_000

    @event.listens_for(store.engine, "connect")
    def in_a_zone(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SET SESSION time_zone = 'Test/Autumn'")
        cursor.execute(f"SET SESSION timestamp = {autumn + 600}")

    zone = Store(migrated, SystemClock())
    with zone.engine.begin() as conn:
        for statement in (
            "REPLACE INTO mysql.time_zone (Time_zone_id, Use_leap_seconds) VALUES (77, 'N')",
            "REPLACE INTO mysql.time_zone_name (Name, Time_zone_id) VALUES ('Test/Autumn', 77)",
            "REPLACE INTO mysql.time_zone_transition_type VALUES (77, 0, 7200, 1, 'SUM'), (77, 1, 3600, 0, 'WIN')",
            f"REPLACE INTO mysql.time_zone_transition VALUES (77, 1700000000, 0), (77, {autumn}, 1)",
        ):
            conn.exec_driver_sql(statement)
    zone.close()
    with store.read() as conn:
        assert int(store.lease_now(conn).timestamp()) == autumn + 600
    store.close()


@pytest.mark.on("postgresql", "mariadb")
def test_the_clock_of_the_database_is_the_time(migrated):
    store = Store(migrated, SystemClock(), database_clock=True)
    with store.read() as conn:
        assert abs(store.lease_now(conn) - SystemClock().now()) < timedelta(minutes=1)
    store.close()


@pytest.fixture
def file(tmp_path):
    """A database in a file, that holds one row."""
    path = tmp_path / "coppice.db"
    migrate.upgrade(f"sqlite:///{path}")
    store = Store(f"sqlite:///{path}", SystemClock())
    store.transact(_write)
    yield store, path
    store.close()


@pytest.mark.parametrize("fate", ["removed", "replaced"])
def test_a_file_that_is_not_the_one_in_use_takes_and_tells_nothing(file, fate):
    store, path = file
    kept = path.rename(path.with_suffix(".kept"))
    if fate == "replaced":
        shutil.copy(kept, path)
    for use in (lambda: _written(store), lambda: store.transact(_write)):
        with pytest.raises(StoreUnavailable, match="was removed or replaced while it was in use: restart Coppice"):
            use()
    kept.replace(path)
    assert _written(store) == 1


@pytest.mark.on("mariadb")
def test_each_server_of_the_tests_has_temporary_tables_of_its_own(store):
    with store.read() as conn:
        told = conn.execute(text("SELECT @@tmpdir, @@datadir")).one()
    assert Path(told[0]) == Path(told[1]).parent
