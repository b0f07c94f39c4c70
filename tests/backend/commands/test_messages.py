"""The operator's commands on messages that were given up."""

from __future__ import annotations

import pytest

from backend.commands import CannotDo, messages
from backend.domain.messages import Message, MessageKind
from backend.store import leases, outbox
from tests.factories import NOW, OTHER, SCOPE, World, longest_due, uuid_of


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def _give_up(world, name, scope=SCOPE, target="arn:aws:sns:q"):
    message = Message(
        uuid_of(name), scope.project_id, scope.region, uuid_of("web"), "web", MessageKind.TEST, target, {}, NOW
    )

    def work(conn):
        outbox.add(conn, [message])
        for each in outbox.waiting(conn, outbox.stream_of(message), NOW, 10):
            outbox.give_up(conn, each, "no such topic", NOW)

    world.store.transact(work)
    return message


def test_what_was_given_up_is_listed_with_why(world):
    first, _ = _give_up(world, "1"), _give_up(world, "2", OTHER)
    (row,) = messages.listed(world.store, SCOPE.project_id)
    assert (row["id"], row["group"], row["fault"], row["attempts"]) == (first.id, "web", "no such topic", 1)
    assert len(messages.listed(world.store, None)) == 2


def test_one_is_sent_again_and_another_dropped(world):
    first, second = _give_up(world, "1"), _give_up(world, "2")
    assert messages.resend(world.store, world.clock, None, [first.id]) == "Sent again: 1."
    assert messages.drop(world.store, None, [second.id]) == "Dropped: 1."
    assert messages.listed(world.store, None) == []
    with world.store.read() as conn:
        (waiting,) = outbox.waiting(conn, outbox.stream_of(first), NOW, 10)
        assert (waiting.message.id, waiting.attempts) == (first.id, 0)
        assert longest_due(conn, leases.STREAMS) == NOW


def test_an_unknown_id_changes_nothing(world):
    first = _give_up(world, "1")
    with pytest.raises(CannotDo, match="no message that was given up"):
        messages.drop(world.store, None, [first.id, "x"])
    assert len(messages.listed(world.store, None)) == 1


def test_all_of_a_project(world):
    _give_up(world, "1")
    _give_up(world, "2", OTHER)
    assert messages.drop(world.store, SCOPE.project_id, []) == "Dropped: 1."
    assert len(messages.listed(world.store, None)) == 1


def test_secrets_of_urls_are_not_listed(world):
    _give_up(world, "1", target="https://hooks.example/secret")
    (row,) = messages.listed(world.store, None)
    assert row["target"] == "https://hooks.example"
