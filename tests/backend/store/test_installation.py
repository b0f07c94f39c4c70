from __future__ import annotations

from uuid import UUID

from backend.store.installation import Installation
from backend.store.tables import installations


def test_a_migrated_database_is_one_installation(store):
    first = Installation(store)()
    assert UUID(first)
    assert Installation(store)() == first


def test_a_schema_without_one_becomes_one(store):
    store.transact(lambda conn: conn.execute(installations.delete()))
    first = Installation(store)()
    assert Installation(store)() == first


def test_its_secret_is_drawn_once_and_nobody_can_guess_it(store):
    store.transact(lambda conn: conn.execute(installations.delete()))
    first = Installation(store)
    assert len(first.secret()) == 43
    assert first.secret() == Installation(store).secret()
    assert first() not in first.secret()
    store.transact(lambda conn: conn.execute(installations.delete()))
    assert Installation(store).secret() != first.secret()


def test_who_draws_it_at_the_same_time_has_the_same(store, monkeypatch):
    first, second = Installation(store), Installation(store)
    read, found = second._read, []

    def late(column):
        if column is installations.c.secret and not found:
            found.append(first.secret())
            return None
        return read(column)

    monkeypatch.setattr(second, "_read", late)
    assert [second.secret()] == found
