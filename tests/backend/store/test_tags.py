"""Tags' rows on every database."""

import pytest

from backend.domain.cluster import Tag
from backend.store import clusters, tags
from backend.store.tags import TagQuery
from tests.factories import OTHER, SCOPE, cluster


@pytest.fixture
def web(store):
    made = cluster("web")
    store.transact(lambda conn: clusters.insert(conn, made, [Tag("b", "1", True), Tag("a", "2", False)]))
    return made


def test_by_key(store, web):
    with store.read() as conn:
        assert tags.of_one(conn, web.id) == [Tag("a", "2", False), Tag("b", "1", True)]
        assert tags.of(conn, []) == {}
        assert tags.count(conn, web.id) == 2


def test_put_over(store, web):
    store.transact(lambda conn: tags.put(conn, web.id, [Tag("a", "x", True), Tag("c", "", False), Tag("c", "y", True)]))
    with store.read() as conn:
        assert tags.of_one(conn, web.id) == [Tag("a", "x", True), Tag("b", "1", True), Tag("c", "y", True)]


def test_keys_differ_by_case(store, web):
    store.transact(lambda conn: tags.put(conn, web.id, [Tag("A", "x", True), Tag("a ", "y", True)]))
    with store.read() as conn:
        assert tags.count(conn, web.id) == 4


@pytest.mark.parametrize(
    ("wanted", "left"), [({"a": None}, ["b"]), ({"a": "2"}, ["b"]), ({"a": "3"}, ["a", "b"]), ({"x": None}, ["a", "b"])]
)
def test_remove(store, web, wanted, left):
    store.transact(lambda conn: tags.remove(conn, web.id, wanted))
    with store.read() as conn:
        assert [tag.key for tag in tags.of_one(conn, web.id)] == left


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (TagQuery(), ["db a", "web a", "web b"]),
        (TagQuery(clusters=["web"]), ["web a", "web b"]),
        (TagQuery(keys=["a"]), ["db a", "web a"]),
        (TagQuery(keys=["a"], values=["2"]), ["web a"]),
        (TagQuery(propagate=True), ["db a", "web b"]),
        (TagQuery(propagate=False), ["web a"]),
    ],
)
def test_queries(store, web, query, found):
    for scope in (SCOPE, OTHER):
        made = cluster("db", scope=scope)
        store.transact(lambda conn, made=made: clusters.insert(conn, made, [Tag("a", "x", True)]))
    with store.read() as conn:
        assert [f"{name} {tag.key}" for name, tag in tags.page(conn, SCOPE, query, 9).items] == found


def test_pages(store, web):
    store.transact(lambda conn: tags.put(conn, web.id, [Tag("c:d", "", True)]))
    with store.read() as conn:
        first = tags.page(conn, SCOPE, TagQuery(), 1)
        second = tags.page(conn, SCOPE, TagQuery(), 1, first.marker)
        third = tags.page(conn, SCOPE, TagQuery(), 1, second.marker)
    assert [page.items[0][1].key for page in (first, second, third)] == ["a", "b", "c:d"]
    assert third.marker is None
