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
