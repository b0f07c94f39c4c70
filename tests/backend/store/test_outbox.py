"""The outbox, notifications and rules on every database."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.messages import EVERYWHERE, Message, MessageKind, Telling
from backend.domain.notifications import Notice, Notification, id_of
from backend.domain.rules import Rule, RuleTarget, rule_id, target_id
from backend.domain.scope import Scope
from backend.services.events import Events, RuleRequest
from backend.store import leases, notifications, outbox, rules
from backend.store.leased import Claimer, Room
from backend.store.outlets import Outlets
from backend.store.rules import RULES, TARGETS, Bus
from tests.factories import NOW, SCOPE, longest_due, uuid_of

OTHER = Scope("other", SCOPE.region)
CLAIMER = Claimer("one", timedelta(seconds=60))


def _message(name, target="log:", at=NOW, **more):
    return Message(
        uuid_of(name), SCOPE.project_id, SCOPE.region, uuid_of("web"), "web", MessageKind.EVENT, target,
        {"body": f"{name} é"}, at, **more,
    )  # fmt: skip


def _add(store, *messages):
    store.transact(lambda conn: outbox.add(conn, messages))


def _claim(store):
    return leases.STREAMS.claim(store, CLAIMER, store.clock.now(), Room(10, ()))


def _names(store, stream, at=NOW):
    with store.read() as conn:
        return [each.message.data["body"] for each in outbox.waiting(conn, stream, at, 10)]


def test_a_stream_is_claimed_once_and_has_its_messages_in_order(store):
    _add(store, _message("2"), _message("1"))
    _add(store, _message("0", at=NOW - timedelta(seconds=1)), _message("x", "log:other"))
    claimed = _claim(store)
    assert len(claimed) == 2
    assert _claim(store) == []
    stream = outbox.stream_of(_message("1"))
    assert _names(store, stream) == ["0 é", "2 é", "1 é"]


def test_what_is_added_while_its_stream_is_being_told_is_told_next(store):
    _add(store, _message("1"))
    (lease,) = _claim(store)
    _add(store, _message("2"))

    def end(conn):
        assert leases.STREAMS.fence(conn, lease) is not None
        outbox.told(conn, [uuid_of("1")])
        return outbox.next_due(conn, lease.stream_id)

    assert store.transact(end) == NOW
    store.transact(lambda conn: leases.STREAMS.release(conn, lease, NOW))
    assert [each.stream_id for each in _claim(store)] == [lease.stream_id]


def test_an_empty_stream_is_forgotten_and_made_anew(store):
    _add(store, _message("1"))
    (lease,) = _claim(store)
    store.transact(lambda conn: (outbox.told(conn, [uuid_of("1")]), leases.STREAMS.forget(conn, lease)))
    with store.read() as conn:
        assert longest_due(conn, leases.STREAMS) is None
    _add(store, _message("2"))
    assert len(_claim(store)) == 1


def test_attempts_in_vain_hold_up_others_until_they_were_enough(store):
    first, second = _message("1"), _message("2", at=NOW + timedelta(seconds=1))
    _add(store, first, second)
    stream = outbox.stream_of(first)
    later = NOW + timedelta(minutes=1)
    for number in range(outbox.IN_ORDER):
        with store.read() as conn:
            head = outbox.waiting(conn, stream, NOW, 10)[0]
            assert (head.message.id, head.attempts, head.holds) == (first.id, number, True)
        store.transact(lambda conn, head=head: outbox.put_off(conn, head, "away", NOW, later))
    assert _names(store, stream) == ["2 é"]
    assert _names(store, stream, later) == ["1 é", "2 é"]
    with store.read() as conn:
        assert outbox.next_due(conn, stream) == second.created_at


def test_dead_letters_are_listed_by_project_and_sent_again(store):
    message = _message("1", action_id=uuid_of("action"))
    _add(store, message)

    def give_up(conn):
        (each,) = outbox.waiting(conn, outbox.stream_of(message), NOW, 10)
        outbox.give_up(conn, each, "gone", NOW)

    store.transact(give_up)
    with store.read() as conn:
        assert outbox.next_due(conn, outbox.stream_of(message)) is None
        assert outbox.dead(conn, 10, "nobody") == []
        (letter,) = outbox.dead(conn, 10, SCOPE.project_id, [message.id])
    assert (letter.message, letter.fault, letter.attempts) == (message, "gone", 1)
    store.transact(lambda conn: outbox.resend(conn, [letter], NOW))
    with store.read() as conn:
        (again,) = outbox.waiting(conn, outbox.stream_of(message), NOW, 10)
    assert again.message == replace(message, action_id=None)


def test_topics_hear_of_one_cluster(store):
    topic = "arn:aws:sns:us-east-1:1:t"
    made = Notification(id_of("c", topic), "c", "web", topic, (Notice.LAUNCH, Notice.TEST))
    store.transact(lambda conn: notifications.NOTIFICATIONS.add(conn, SCOPE, made))
    with store.read() as conn:
        assert notifications.topics(conn, "c") == {topic: frozenset({"launch", "test"})}
        assert notifications.topics(conn, "d") == {}
        assert notifications.NOTIFICATIONS.all(conn, SCOPE) == [made]


def _rule(name, pattern='{"source":["s"]}', scope=SCOPE, **more):
    return Rule(rule_id(scope, name), name, pattern, enabled=True, created_at=NOW, **more)


def _event(**more):
    given = {"id": "e", "source": "s", "account": "1", "region": "r", "detail-type": "t", "detail": {"n": 1}}
    return {**given, **more}


def test_an_event_is_a_message_to_each_target_of_each_rule_that_means_it(store):
    rows = [_rule("a", tags={"k": "v"}), _rule("b"), _rule("off"), _rule("others", '{"source":["x"]}')]
    rows[2] = replace(rows[2], enabled=False)
    targets = [
        RuleTarget(target_id(each.id, "t"), each.id, "t", f"log:{each.name}", input_path="$.id") for each in rows
    ]

    def put(conn):
        RULES.add(conn, SCOPE, *rows)
        TARGETS.add(conn, SCOPE, *targets)
        RULES.add(conn, OTHER, _rule("a", scope=OTHER))
        Bus(["log:all"])(conn, SCOPE, EVERYWHERE, Telling("m", "", event=_event()), NOW)

    store.transact(put)
    told = {
        each.message.target: each.message.data["body"]
        for lease in _claim(store)
        for each in store.transact(lambda conn, lease=lease: outbox.waiting(conn, lease.stream_id, NOW, 10))
    }
    assert sorted(told) == ["log:a", "log:all", "log:b"]
    assert told["log:a"] == '"e"'
    with store.read() as conn:
        assert rules.named(conn, SCOPE, "a") == rows[0]
        with pytest.raises(rules.RuleMissing):
            rules.named(conn, OTHER, "b")


def test_what_is_no_event_is_told_to_no_rule(store):
    store.transact(lambda conn: Bus()(conn, SCOPE, EVERYWHERE, Telling("m", ""), NOW))
    assert _claim(store) == []


def test_the_bus_tells_no_rule_while_too_much_waits(store):
    rule = _rule("a")
    target = RuleTarget(target_id(rule.id, "t"), rule.id, "t", "log:a")
    store.transact(lambda conn: (RULES.add(conn, SCOPE, rule), TARGETS.add(conn, SCOPE, target)))
    bus = Bus(["log:all"], most_waiting=2)
    for number in range(3):
        event = _event(id=str(number))
        store.transact(lambda conn, event=event: bus(conn, SCOPE, EVERYWHERE, Telling("m", "", event=event), NOW))
    with store.read() as conn:
        told = [
            each.message.target for lease in _claim(store) for each in outbox.waiting(conn, lease.stream_id, NOW, 9)
        ]
        assert sorted(told) == ["log:a", "log:all", "log:all", "log:all"]
        assert outbox.room(conn, OTHER, 2) == 2


def test_a_target_that_comes_beside_its_rules_end_is_not_left_behind(store, monkeypatch):
    events = Events(store, store.clock, Outlets(sinks={"log": lambda *_: None}))
    events.put(SCOPE, RuleRequest("a", '{"source":["s"]}'))
    rule = rule_id(SCOPE, "a")
    outcome = []

    def put():
        try:
            events.put_targets(SCOPE, "a", [RuleTarget(target_id(rule, "t"), rule, "t", "log:a")])
        except rules.RuleMissing as missing:
            outcome.append(missing.name)

    putting = threading.Thread(target=put)
    count = TARGETS.count

    def counted(*given, **equal):
        found = count(*given, **equal)
        if not putting.ident:
            putting.start()
            putting.join(0.3)  # it gets through, or it waits for the rule
        return found

    monkeypatch.setattr(TARGETS, "count", counted)
    events.delete(SCOPE, "a")
    putting.join(10)
    assert outcome == ["a"]
    with store.read() as conn:
        assert TARGETS.all(conn, SCOPE) == []


def test_rules_that_cause_too_much_work_hear_nothing_of_the_engine_and_the_operator_does(store):
    rule = _rule("a", json.dumps({"detail": {"n": [{"prefix": f"{number}x"} for number in range(150)]}}))
    target = RuleTarget(target_id(rule.id, "t"), rule.id, "t", "log:a")
    store.transact(lambda conn: (RULES.add(conn, SCOPE, rule), TARGETS.add(conn, SCOPE, target)))
    telling = Telling("m", "", event=_event(detail={"n": ["a"] * 1000}))
    store.transact(lambda conn: Bus(["log:all"])(conn, SCOPE, EVERYWHERE, telling, NOW))
    assert len(_claim(store)) == 1
