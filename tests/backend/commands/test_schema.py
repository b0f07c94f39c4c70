from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from backend.commands import CannotDo, schema
from backend.store import migrate
from backend.store.session import Store
from tests.factories import HandClock


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/store.db", HandClock())
    yield made
    made.close()


def test_a_database_that_is_not_migrated_is_refused(store):
    with pytest.raises(CannotDo, match="not migrated"):
        schema.check(store)


def test_a_gateway_is_not_ready_while_the_database_is_away(store, tmp_path, monkeypatch):
    migrate.upgrade(str(store.engine.url))
    assert schema.not_ready(store) is None
    nowhere = Store(f"sqlite:///{tmp_path}/nowhere/store.db", HandClock())
    assert schema.not_ready(nowhere) == "the database cannot be asked"
    nowhere.close()


def test_one_that_is_away_is_waited_for_and_told_once(store, monkeypatch, caplog):
    migrate.upgrade(str(store.engine.url))
    clock, kept = HandClock(), migrate.refusal

    def refusal(asked):
        if clock.monotonic() < 5:
            raise OperationalError("SELECT", {}, Exception("connection refused"))
        return kept(asked)

    monkeypatch.setattr(migrate, "refusal", refusal)
    schema.wait(store, clock)
    assert clock.monotonic() == 5
    assert [record.exc_info for record in caplog.records] == [None]
