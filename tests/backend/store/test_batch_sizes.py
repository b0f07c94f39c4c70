"""Sizes of batches on every database."""

from backend.domain.batch_sizes import Batch, Sized, ordered
from backend.store import batch_sizes
from backend.store.batch_sizes import EVERY
from tests.factories import OTHER, SCOPE


def _put(store, *sized):
    def work(conn):
        for each in sized:
            batch_sizes.put(conn, each)

    store.transact(work)


def test_numbers_hold_for_whom_they_were_set(store):
    own = Sized(SCOPE.project_id, SCOPE.region, Batch.LAUNCHES, 5)
    wide = Sized(EVERY, EVERY, Batch.LAUNCHES, 9)
    elsewhere = Sized(SCOPE.project_id, "another-region", Batch.LAUNCHES, 1)
    _put(store, own, wide, elsewhere)
    with store.read() as conn:
        assert ordered(batch_sizes.over(conn, SCOPE)) == {Batch.LAUNCHES: 5}
        assert ordered(batch_sizes.over(conn, OTHER)) == {Batch.LAUNCHES: 9}
        assert set(batch_sizes.everywhere(conn)) == {own, wide, elsewhere}


def test_the_last_word_holds_until_it_is_taken_back(store):
    _put(store, Sized(EVERY, "r", Batch.DELETIONS, 5), Sized(EVERY, "r", Batch.DELETIONS, 6))
    with store.read() as conn:
        assert [each.size for each in batch_sizes.everywhere(conn)] == [6]
    assert store.transact(lambda conn: batch_sizes.drop(conn, EVERY, "r", Batch.DELETIONS))
    assert not store.transact(lambda conn: batch_sizes.drop(conn, EVERY, "r", Batch.DELETIONS))


def test_a_word_of_a_newer_version_is_passed_over(store):
    values = {"project_id": EVERY, "region": EVERY, "name": "rebuilds", "size": 3}
    store.transact(lambda conn: conn.execute(batch_sizes.table.insert(), values))
    with store.read() as conn:
        assert batch_sizes.over(conn, SCOPE) == []
        assert batch_sizes.everywhere(conn) == []
