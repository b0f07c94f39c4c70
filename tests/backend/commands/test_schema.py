from __future__ import annotations

import json

import pytest
from sqlalchemy.exc import OperationalError

import wsgi
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


def test_what_was_done_is_told_in_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.delenv("COPPICE_CONFIG", raising=False)
    *older, last, head = migrate.revisions()
    for before, done in ((None, len(older) + 2), (head, 0)):
        assert wsgi.main(["migrate", "-o", "json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"before": before, "revision": head, "done": done}
    migrate.downgrade(f"sqlite:///{tmp_path}/coppice.db", last)
    assert wsgi.main(["migrate"]) == 0
    assert capsys.readouterr().out.split() == ["before", last, "revision", head, "done", "1"]


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
