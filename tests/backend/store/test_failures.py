"""What a database refuses for want of a right is no fault of the statement: it is told in its words, and tried again."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pymysql
import pytest
from sqlalchemy import select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from backend.clock import SystemClock
from backend.errors import StoreUnavailable
from backend.store import engines as engine_rows
from backend.store import failures
from backend.store.engine_tables import engines
from backend.store.engines import EngineRecord
from backend.store.failures import Failure
from backend.store.session import Store
from tests.factories import NOW


@pytest.mark.on("postgresql")
def test_a_right_that_is_lacking_is_told_as_a_database_that_cannot_be_asked(migrated):
    owner = Store(migrated, SystemClock())
    owner.transact(lambda conn: conn.execute(text("CREATE ROLE weak LOGIN")))
    weak = Store(make_url(migrated).set(username="weak").render_as_string(hide_password=False), SystemClock())
    try:
        with pytest.raises(StoreUnavailable, match="permission denied for table engines"), weak.read() as conn:
            conn.execute(select(engines.c.name))
        owner.transact(lambda conn: conn.execute(text("GRANT SELECT ON engines TO weak")))
        with weak.read() as conn:
            assert list(conn.execute(select(engines.c.name))) == []
        with pytest.raises(StoreUnavailable, match="permission denied for table engines"):
            weak.transact(lambda conn: conn.execute(update(engines).values(draining=True)))
    finally:
        weak.close()
        for statement in ("DROP OWNED BY weak", "DROP ROLE weak"):
            owner.transact(lambda conn, statement=statement: conn.execute(text(statement)))
        owner.close()


@pytest.mark.on("sqlite")
@pytest.mark.parametrize("number", [1044, 1142, 1143, 1227])
def test_mariadb_s_numbers_for_it_are_known(database, number):
    told = pymysql.err.OperationalError(number, "UPDATE command denied to user 'weak'@'localhost' for table 'engines'")
    error = OperationalError("UPDATE engines SET draining=1", {}, told)
    assert failures.of(error) is Failure.AWAY
    assert failures.words(error).startswith("UPDATE command denied to user 'weak'")


@pytest.mark.on("postgresql", "mariadb")
def test_a_deadlock_within_a_savepoint_is_run_again(migrated):
    """MariaDB ends the whole transaction then, and the savepoint with it: who goes back to it finds none."""
    store, met, runs = Store(migrated, SystemClock()), Barrier(2), Counter()
    rows = [EngineRecord(name, "here", 1, "", NOW, NOW, timedelta(seconds=9)) for name in ("one", "two")]
    for row in rows:
        store.transact(partial(engine_rows.seen, me=row, now=NOW))

    def touch(mine, others):
        def work(conn):
            runs[mine] += 1
            conn.execute(update(engines).where(engines.c.name == mine).values(draining=True))
            if runs[mine] == 1:
                met.wait(60)
            with conn.begin_nested():
                conn.execute(update(engines).where(engines.c.name == others).values(draining=True))

        store.transact(work)

    try:
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(touch, ("one", "two"), ("two", "one"))) == [None, None]
        assert runs.total() == 3
    finally:
        store.transact(lambda conn: conn.execute(engines.delete()))
        store.close()
