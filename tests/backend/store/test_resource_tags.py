from __future__ import annotations

from backend.store import resource_tags
from backend.store.session import Store
from tests.factories import OTHER, SCOPE


def test_tags_are_set_read_and_taken_away(store: Store) -> None:
    store.transact(lambda conn: resource_tags.put(conn, SCOPE, "vpc-1", {"b": "2", "a": "ü 1"}))
    store.transact(lambda conn: resource_tags.put(conn, SCOPE, "vpc-1", {"b": "3", "B": "4"}))
    store.transact(lambda conn: resource_tags.put(conn, SCOPE, "vpc-2", {"x": ""}))
    store.transact(lambda conn: resource_tags.put(conn, OTHER, "vpc-1", {"theirs": "1"}))
    store.transact(lambda conn: resource_tags.put(conn, SCOPE, "vpc-3", {}))
    with store.read() as conn:
        assert resource_tags.of(conn, SCOPE) == {"vpc-1": {"B": "4", "a": "ü 1", "b": "3"}, "vpc-2": {"x": ""}}
        assert resource_tags.of(conn, SCOPE, ["vpc-2", "vpc-9"]) == {"vpc-2": {"x": ""}}
        assert resource_tags.of(conn, SCOPE, []) == {}
        many = [f"vpc-{number}" for number in range(1200)]
        assert set(resource_tags.of(conn, SCOPE, many)) == {"vpc-1", "vpc-2"}
    store.transact(lambda conn: resource_tags.remove(conn, SCOPE, "vpc-1", ["b", "nil"]))
    store.transact(lambda conn: resource_tags.remove(conn, SCOPE, "vpc-2"))
    with store.read() as conn:
        assert resource_tags.of(conn, SCOPE) == {"vpc-1": {"B": "4", "a": "ü 1"}}
        assert resource_tags.of(conn, OTHER) == {"vpc-1": {"theirs": "1"}}
