"""Queues as services: limits, deletion, who waits, and what is told of receipts."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from backend.domain.queues import (
    DeadLettersMissing,
    Outgoing,
    PurgedLately,
    QueueExists,
    QueueLimits,
    QueueMissing,
    ReceiptInvalid,
)
from backend.domain.scope import Scope
from backend.errors import LimitExceeded
from backend.services.queues import Queues

SCOPE = Scope("p-1", "one")


@pytest.fixture
def queues(world):
    return Queues(world.store, world.clock, QueueLimits(queues=3, messages=5, most_bytes=100))


def sent(queues, name, *bodies):
    queues.send(SCOPE, queues.find(SCOPE, name), [Outgoing(body) for body in bodies])


def test_a_queue_is_made_once_and_found_with_its_settings(queues):
    made = queues.create(SCOPE, "jobs", {"delay_seconds": 1}, {"team": "red"})
    assert queues.create(SCOPE, "jobs", {}, {}) == queues.create(SCOPE, "jobs", {"delay_seconds": 1}, {}) == made
    with pytest.raises(QueueExists) as exists:
        queues.create(SCOPE, "jobs", {"delay_seconds": 2}, {})
    assert exists.value.setting == "delay_seconds"
    queues.change(SCOPE, "jobs", {"delay_seconds": 2})
    assert queues.find(SCOPE, "jobs").delay_seconds == 2
    with pytest.raises(QueueMissing):
        queues.find(Scope("p-2", "one"), "jobs")


def test_a_project_has_no_more_than_it_may(queues):
    for name in "abc":
        queues.create(SCOPE, name, {}, {})
    with pytest.raises(LimitExceeded):
        queues.create(SCOPE, "d", {}, {})
    sent(queues, "a", "1", "2", "3")
    sent(queues, "b", "4", "5")
    with pytest.raises(LimitExceeded) as full:
        sent(queues, "c", "6")
    assert full.value.what == "messages"


def test_what_messages_weigh_is_bounded_and_counted_anew(queues, world):
    queues.create(SCOPE, "a", {}, {})
    sent(queues, "a", "x" * 90)
    with pytest.raises(LimitExceeded) as full:
        sent(queues, "a", "x" * 20)
    assert full.value.what == "bytes"
    queues.purge(SCOPE, "a")
    world.clock.wait(11)
    sent(queues, "a", "x" * 20)


def test_what_has_expired_takes_no_room(queues, world):
    queues.create(SCOPE, "a", {"retention_seconds": 60}, {})
    sent(queues, "a", "x" * 90)
    world.clock.wait(61)
    sent(queues, "a", "y" * 90)
    with pytest.raises(LimitExceeded):
        sent(queues, "a", "z" * 90)


def test_what_is_deleted_takes_its_messages_along(queues, world):
    queues.create(SCOPE, "a", {}, {})
    sent(queues, "a", "1")
    queues.delete(SCOPE, "a")
    queues.create(SCOPE, "a", {}, {})
    assert queues.counts(SCOPE, queues.find(SCOPE, "a")).waiting == 0
    sent(queues, "a", "2")
    queues.purge(SCOPE, "a")
    assert queues.counts(SCOPE, queues.find(SCOPE, "a")).waiting == 0
    with pytest.raises(PurgedLately):
        queues.purge(SCOPE, "a")
    world.clock.wait(60)
    queues.purge(SCOPE, "a")


@pytest.mark.parametrize(
    ("target", "why"),
    [("nowhere", "missing"), ("other.fifo", "kind"), ("closed", "denied")],
)
def test_dead_letters_go_where_they_are_taken(queues, target, why):
    queues.create(SCOPE, "other.fifo", {}, {})
    queues.create(SCOPE, "closed", {"redrive_allow": {"permission": "byQueue", "sources": ["another"]}}, {})
    with pytest.raises(DeadLettersMissing) as missing:
        queues.create(SCOPE, "jobs", {"dead_letters": target, "most_receives": 1}, {})
    assert missing.value.why == why


def test_who_waits_is_told_by_a_sender_here_and_by_a_look_at_the_rows(queues, world):
    jobs = queues.create(SCOPE, "a", {}, {})
    first = queues.arrivals.expect(SCOPE, jobs, looks=False)
    elsewhere = Queues(world.store, world.clock)
    elsewhere.send(SCOPE, jobs, [Outgoing("1")])
    assert not first.ready()
    assert queues.arrivals.look()
    assert first.ready()
    second = queues.arrivals.expect(SCOPE, jobs, looks=False)
    sent(queues, "a", "2")
    assert second.ready()
    del first, second
    assert not queues.arrivals.look()


def test_no_more_are_told_than_may_find_something_and_who_takes_it_has_others_told(queues, world):
    jobs = queues.create(SCOPE, "a", {}, {})
    waiting = [queues.arrivals.expect(SCOPE, jobs, looks=False) for _ in range(6)]
    sent(queues, "a", "1")
    assert [each.ready() for each in waiting] == [True] + 5 * [False]
    queues.receive(SCOPE, jobs, 1, 30)
    assert sum(each.ready() for each in waiting) == 3
    queues.receive(SCOPE, jobs, 1, 30)  # there is nothing more
    assert sum(each.ready() for each in waiting) == 3
    Queues(world.store, world.clock).send(SCOPE, jobs, [Outgoing("2"), Outgoing("3")])
    queues.arrivals.look()
    assert [each.ready() for each in waiting] == 4 * [True] + 2 * [False]


def test_who_found_only_what_waits_its_turn_is_not_told_at_once(queues, world):
    jobs = queues.create(SCOPE, "a", {}, {})
    sent(queues, "a", "1")
    ticket = queues.arrivals.expect(SCOPE, jobs, again=True, looks=False)
    queues.arrivals.look()
    assert not ticket.ready()
    world.clock.wait(1)
    queues.arrivals.look()
    assert ticket.ready()


def test_receipts_are_told_apart(queues):
    jobs, others = queues.create(SCOPE, "a", {}, {}), queues.create(SCOPE, "b", {}, {})
    sent(queues, "a", "1")
    (message,) = queues.receive(SCOPE, jobs, 1, 30)
    told = queues.remove(SCOPE, others, [message.receipt, "nonsense"])
    assert [each.why for each in told if isinstance(each, ReceiptInvalid)] == ["queue", "form"]
    assert queues.remove(SCOPE, jobs, [message.receipt]) == [None]
    assert queues.receive(SCOPE, jobs, 1, 30) == []


@pytest.fixture
def written(world):
    """What the store did so far, of write transactions."""
    told = []
    world.store.hook = told.append
    return told


def in_order(queues, *groups):
    """A FIFO queue with a message for each of these groups."""
    jobs = queues.create(SCOPE, "a.fifo", {"content_deduplication": True}, {})
    queues.send(SCOPE, jobs, [Outgoing(f"{group}{number}", group=group) for number, group in enumerate(groups)])
    return jobs


def test_where_all_wait_for_their_turn_nothing_is_written_and_nobody_is_told(queues, world, written):
    jobs = in_order(queues, *"aaa")
    (first,) = queues.receive(SCOPE, jobs, 1, 30)
    written.clear()
    assert queues.receive(SCOPE, jobs, 10, 30) == []
    ticket = queues.arrivals.expect(SCOPE, jobs, looks=False)
    queues.arrivals.look()
    assert not ticket.ready()
    assert written == []
    queues.remove(SCOPE, jobs, [first.receipt])
    queues.arrivals.look()
    assert ticket.ready()
    assert [each.body for each in queues.receive(SCOPE, jobs, 10, 30)] == ["a1", "a2"]


def test_in_a_fifo_queue_the_search_is_done_before_the_queue_is_locked(queues, world):
    jobs = in_order(queues, *"aaab")
    queues.receive(SCOPE, jobs, 1, 30)
    asked = []

    @event.listens_for(world.store.engine, "before_cursor_execute")
    def note(conn, _cursor, statement, *_):
        if conn.get_execution_options().get("coppice_write") and "JOIN" in statement:
            asked.append(statement)

    assert [each.body for each in queues.receive(SCOPE, jobs, 10, 30)] == ["b3"]
    assert asked == []


def test_what_too_many_come_before_waits_in_a_fifo_queue(queues, monkeypatch):
    monkeypatch.setattr("backend.store.receiving._LOOKED_THROUGH", 3)
    jobs = in_order(queues, *"aaab")
    (first,) = queues.receive(SCOPE, jobs, 1, 30)
    assert queues.receive(SCOPE, jobs, 10, 30) == []
    queues.remove(SCOPE, jobs, [first.receipt])
    assert [each.body for each in queues.receive(SCOPE, jobs, 10, 30)] == ["a1", "a2", "b3"]


def test_no_more_are_hidden_than_may_be_and_delayed_ones_do_not_count(queues, monkeypatch):
    monkeypatch.setattr("backend.store.receiving.MOST_IN_FLIGHT", 2)
    jobs = queues.create(SCOPE, "a", {}, {})
    queues.send(SCOPE, jobs, [Outgoing("late", delay_seconds=9), Outgoing("1"), Outgoing("2"), Outgoing("3")])
    assert len(queues.receive(SCOPE, jobs, 2, 30)) == 2
    with pytest.raises(LimitExceeded, match="in_flight"):
        queues.receive(SCOPE, jobs, 1, 30)


def test_a_dead_letter_of_a_fifo_queue_is_received_at_once(queues, world):
    graves = queues.create(SCOPE, "graves.fifo", {}, {})
    jobs = in_order(queues, "a")
    queues.change(SCOPE, "a.fifo", {"dead_letters": graves.name, "most_receives": 1})
    jobs = queues.find(SCOPE, "a.fifo")
    queues.receive(SCOPE, jobs, 1, 1)
    world.clock.wait(2)
    assert [each.body for each in queues.receive(SCOPE, graves, 1, 30)] == ["a0"]
    assert queues.receive(SCOPE, jobs, 1, 30) == []


def test_a_fifo_receiver_that_asks_again_is_told_the_same(queues):
    jobs = in_order(queues, *"ab")
    first = queues.receive(SCOPE, jobs, 1, 30, "attempt")
    assert [each.receipt for each in queues.receive(SCOPE, jobs, 1, 30, "attempt")] == [first[0].receipt]
