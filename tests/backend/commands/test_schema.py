from __future__ import annotations

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

import wsgi
from backend.commands import CannotDo, schema
from backend.store import migrate
from backend.store.session import Store
from tests.backend.engine.world import EngineWorld
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


def test_a_gateway_is_not_ready_while_the_database_is_away(store, tmp_path):
    migrate.upgrade(str(store.engine.url))
    assert schema.Watched(store, store.clock).not_ready() is None
    nowhere = Store(f"sqlite:///{tmp_path}/nowhere/store.db", HandClock())
    assert schema.Watched(nowhere, nowhere.clock).not_ready() == "the database cannot be asked"
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


EXPANDED, CONTRACTED = "9999", "1-0001"


def _stand_at(store, revision):
    with store.engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


@pytest.fixture
def watched(store):
    migrate.upgrade(str(store.engine.url))
    return schema.Watched(store, store.clock)


def test_a_process_that_runs_goes_on_where_the_schema_only_grew(store, watched, caplog):
    caplog.set_level("INFO")
    assert watched.refusal() is None
    _stand_at(store, EXPANDED)
    for _ in range(3):
        store.clock.move(60)
        assert (watched.refusal(), watched.not_ready()) == (None, None)
    said = [record.message for record in caplog.records if record.name == schema.LOG.name]
    assert [each.partition(",")[0] for each in said] == ["the schema stands at 9999"]


def test_one_that_cannot_work_with_a_newer_schema_sees_so_within_a_minute_and_says_it_once(store, watched, caplog):
    ending = schema.Ending(lambda: False, watched)
    assert not ending.is_set()
    _stand_at(store, CONTRACTED)
    store.clock.move(59)
    assert not ending.is_set()
    store.clock.move(1)
    assert (ending.is_set(), ending.is_set(), ending.status) == (True, True, 1)
    assert watched.not_ready() == watched.refusal()
    said = [record.message for record in caplog.records if record.name == schema.LOG.name]
    assert (len(said), "stands at 1-0001, this one knows" in said[0], "given back" in said[1]) == (2, True, True)


def test_the_database_is_asked_no_more_often_and_one_that_is_away_ends_nobody(store, watched, monkeypatch):
    asked = []

    def away(_store):
        asked.append(True)
        raise OperationalError("SELECT", {}, Exception("connection refused"))

    monkeypatch.setattr(migrate, "stands_at", away)
    for _ in range(5):
        assert watched.refusal() is None
        store.clock.move(59)
    assert len(asked) == 3
    assert schema.Ending(lambda: True, watched).status == 0


def test_a_schema_that_was_taken_back_ends_who_needs_more(store, watched):
    _stand_at(store, migrate.revisions()[-2])
    assert "coppice migrate" in watched.refusal()


def test_an_engine_that_is_at_work_ends_it_in_order(store, caplog):
    migrate.upgrade(str(store.engine.url))
    world = EngineWorld()
    watched = schema.Watched(store, world.clock)
    cluster, began = world.make(desired=2), world.clock.monotonic()
    assert watched.refusal() is None
    _stand_at(store, CONTRACTED)
    world.engine.run(ending := schema.Ending(lambda: False, watched))
    assert ending.status == 1
    assert 60 <= world.clock.monotonic() - began < 70
    assert [str(node.state) for node in world.nodes(cluster)] == ["InService"] * 2
    assert "the database was migrated by a newer Coppice" in caplog.text
