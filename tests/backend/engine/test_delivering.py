"""Streams of messages: told in order, at least once under one id, tried again ever later, given up where all can see."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend.domain.messages import Gone, Message, MessageKind, Refused, SinkError, Telling, Unreached
from backend.engine.lanes import Lanes
from backend.engine.settings import EngineSettings
from backend.errors import CommitUnknown
from backend.store import leases, outbox
from backend.store.outlets import Outlets
from tests.backend.engine.threads import Threads
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE, longest_due, uuid_of


@dataclass
class Hearer:
    """A sink whose answers are scripted: what a target says to each message, by its body."""

    heard: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    tried: list[str] = field(default_factory=list)
    faults: dict[str, SinkError] = field(default_factory=dict)

    def __call__(self, scope, target, telling):
        self.send(scope, target, telling)

    def send(self, scope, target, telling):
        self.tried.append(telling.id)
        for key in (target, telling.id):
            if key in self.faults:
                raise self.faults[key]
        self.heard[target].append(telling.id)


@pytest.fixture
def hearer():
    return Hearer()


@pytest.fixture
def decided():
    return []


@pytest.fixture
def world(hearer, decided):
    made = EngineWorld(engine_settings=EngineSettings(message_patience=timedelta(minutes=10)))
    outlets = Outlets(
        words=lambda message: Telling(message.id, f"{message.data}"),
        sinks={"log": hearer},
        decide=lambda _conn, action, _now: decided.append(action),
    )
    made.engine = made.new_engine("one", outlets=outlets)
    yield made
    made.close()


def _message(world, name, target="log:a", group="web", project=SCOPE.project_id, **more):
    return Message(
        id=uuid_of(name),
        project_id=project,
        region=SCOPE.region,
        cluster_id=uuid_of(group),
        cluster_name=group,
        kind=MessageKind.ACTION,
        target=target,
        data={"name": name},
        created_at=world.clock.now(),
        **more,
    )


def _add(world, *messages):
    world.store.transact(lambda conn: outbox.add(conn, messages))


def _dead(world):
    with world.store.read() as conn:
        return outbox.dead(conn, 100)


def _ids(*names):
    return [uuid_of(name) for name in names]


def test_messages_of_a_group_are_told_in_their_order_and_leave_nothing(world, hearer):
    _add(world, _message(world, "1"), _message(world, "2"), _message(world, "3", "log:b"))
    world.clock.move(1)
    _add(world, _message(world, "0"), _message(world, "4", "log:b"))
    world.pass_time(1)
    assert hearer.heard == {"log:a": _ids("1", "2", "0"), "log:b": _ids("3", "4")}
    with world.store.read() as conn:
        assert longest_due(conn, leases.STREAMS) is None
    assert world.measures.told["messages"] == 5


def test_one_that_is_not_taken_holds_up_those_after_it_for_some_attempts_and_no_other_target(world, hearer):
    hearer.faults[uuid_of("1")] = Unreached("away")
    _add(world, _message(world, "1"), _message(world, "2"), _message(world, "3", "log:b"))
    world.pass_time(5)
    assert hearer.heard == {"log:b": _ids("3")}
    world.pass_time(10)  # the third attempt was in vain, too
    assert hearer.heard["log:a"] == _ids("2")
    del hearer.faults[uuid_of("1")]
    world.pass_time(60, 2)
    assert hearer.heard["log:a"] == _ids("2", "1")


def test_the_pauses_grow_and_after_its_patience_a_message_is_given_up_once(world, hearer, decided, caplog):
    hearer.faults["log:a"] = Unreached("away")
    _add(world, _message(world, "1", action_id="action"))
    world.pass_time(300, 5)
    few = len(hearer.tried)
    assert 5 <= few <= 9
    assert decided == []
    world.pass_time(600, 5)
    assert len(hearer.tried) - few <= 3
    (letter,) = _dead(world)
    assert (letter.message.id, letter.fault, decided) == (uuid_of("1"), "away", ["action"])
    assert "was given up: away" in caplog.text
    world.pass_time(600, 5)
    assert decided == ["action"]
    assert world.measures.told["dead_messages"] == 1


@pytest.mark.parametrize("error", [Gone("no such queue"), Refused("too large")])
def test_what_a_target_never_takes_is_given_up_at_once_and_holds_up_nothing(world, hearer, decided, error):
    hearer.faults[uuid_of("1")] = error
    _add(world, _message(world, "1", action_id="action"), _message(world, "2"))
    world.pass_time(1)
    assert hearer.heard["log:a"] == _ids("2")
    assert [letter.fault for letter in _dead(world)] == [str(error)]
    assert decided == ["action"]


def test_patience_begins_with_the_first_attempt(world, hearer):
    hearer.faults["log:a"] = Unreached("away")
    _add(world, _message(world, "1"))
    world.clock.move(3600)  # while no engine was there
    world.pass_time(5)
    assert _dead(world) == []


def test_a_target_without_a_way_to_it_is_gone(world):
    _add(world, _message(world, "1", "arn:aws:sqs:us-east-1:1:q"))
    world.pass_time(1)
    assert [letter.fault for letter in _dead(world)] == ["there is no way to arn:aws:sqs:us-east-1:1:q"]


def test_what_was_given_up_can_be_sent_again_or_dropped(world, hearer, decided):
    hearer.faults["log:a"] = Gone("no such topic")
    _add(world, _message(world, "1", action_id="action"), _message(world, "2"))
    world.pass_time(1)
    hearer.faults.clear()
    first, second = sorted(_dead(world), key=lambda letter: letter.message.id != uuid_of("1"))
    world.store.transact(lambda conn: outbox.resend(conn, [first], world.clock.now()))
    world.store.transact(lambda conn: outbox.drop(conn, [second]))
    world.pass_time(1)
    assert hearer.heard["log:a"] == _ids("1")
    assert (_dead(world), decided) == ([], ["action"])


def test_a_shelf_has_each_message_once_whatever_dies(world, decided):
    kept = []

    def shelf(conn, scope, target, telling, now):
        if telling.id == uuid_of("2"):
            raise Gone("no such queue")
        kept.append(telling.id)

    outlets = Outlets(shelves={"sqs": shelf}, decide=lambda _conn, action, _now: decided.append(action))
    world.engine = world.new_engine("two", outlets=outlets)
    target = "arn:aws:sqs:us-east-1:1:q"
    _add(world, *(_message(world, name, target, action_id=name) for name in "123"))
    world.pass_time(1)
    assert kept == _ids("1", "3")
    assert decided == ["2"]


def test_a_shelf_has_each_message_once_where_the_answer_to_a_commit_is_lost(world, monkeypatch, decided):
    """Of a stream of several batches, which the engine goes on with, whether the lost commit was made or not."""
    world.engine_settings = EngineSettings(messages_batch=2)
    lost, real = [], world.store.transact

    def transact(work):
        done = real(work)
        if "_shelve" in repr(work) and len(lost) < 2:
            lost.append(work)
            raise CommitUnknown("the answer is lost")
        return done

    monkeypatch.setattr(world.store, "transact", transact)

    def shelf(conn, scope, target, telling, now):
        if telling.id == uuid_of("2"):
            raise Gone("no such queue")
        outbox.add(conn, [_message(world, f"{telling.id} {next(number)}", "log:b")])

    number = itertools.count()
    target = _shelved(world, shelf, decided)
    _add(world, *(_message(world, name, target, action_id=name) for name in "12345"))
    world.pass_time(20)
    with world.store.read() as conn:
        names = [each["name"] for each in conn.execute(select(outbox.table.c.data)).scalars()]
    kept = [name.partition(" ")[0] for name in names if " " in name]
    assert (len(lost), sorted(kept)) == (2, sorted(_ids("1", "3", "4", "5")))
    assert ([letter.message.id for letter in _dead(world) if letter.message.target == target], decided) == (
        _ids("2"),
        ["2"],
    )


def _shelved(world, shelf, decide):
    outlets = Outlets(shelves={"sqs": shelf}, decide=lambda _conn, action, _now: decide.append(action))
    world.engine = world.new_engine("two", outlets=outlets)
    return "arn:aws:sqs:us-east-1:1:q"


def test_a_fault_of_ours_ends_one_message_and_leaves_nothing_of_it(world, decided):
    def shelf(conn, scope, target, telling, now):
        outbox.add(conn, [_message(world, f"of {telling.id}", "log:b")])
        if telling.id == uuid_of("2"):
            raise OverflowError

    target = _shelved(world, shelf, decided)
    _add(world, *(_message(world, name, target, action_id=name) for name in "123"))
    world.pass_time(1)
    assert sorted(letter.message.id for letter in _dead(world) if letter.message.target == target) == _ids("2")
    with world.store.read() as conn:
        left = conn.execute(select(outbox.table.c.id).where(outbox.table.c.target == "log:b")).scalars().all()
    assert sorted(left) == sorted(uuid_of(f"of {uuid_of(name)}") for name in "13")
    assert decided == ["2"]


def _faulty_words(message):
    if message.data["name"] == "2":
        raise KeyError("secret")
    return Telling(message.id, "words")


@pytest.mark.parametrize("target", ["log:a", "arn:aws:sqs:us-east-1:1:q"])
def test_a_fault_in_the_words_of_one_message_ends_it_after_its_patience_and_keeps_no_other(world, decided, target):
    """It may be mended meanwhile: an engine of the next version may know the words."""
    told = []
    outlets = Outlets(
        words=_faulty_words,
        shelves={"sqs": lambda _conn, _scope, _target, telling, _now: told.append(telling.id)},
        sinks={"log": lambda _scope, _target, telling: told.append(telling.id)},
        decide=lambda _conn, action, _now: decided.append(action),
    )
    world.engine = world.new_engine("two", outlets=outlets)
    _add(world, *(_message(world, name, target, action_id=name) for name in "123"))
    world.pass_time(20)
    assert told == _ids("1", "3")
    assert (_dead(world), decided) == ([], [])
    world.pass_time(900, 5)
    assert [(letter.message.id, letter.fault) for letter in _dead(world)] == [
        (uuid_of("2"), "a fault of Coppice: KeyError")
    ]
    assert (told, decided) == (_ids("1", "3"), ["2"])


@pytest.mark.parametrize("target", ["log:a", "arn:aws:sqs:us-east-1:1:q"])
def test_a_message_of_a_kind_that_a_newer_version_knows_waits_for_it_and_keeps_no_other(world, target, caplog):
    """Two versions on one database: this one tells what it knows, and leaves the rest as it was written."""
    told = []
    outlets = Outlets(
        shelves={"sqs": lambda _conn, _scope, _target, telling, _now: told.append(telling.id)},
        sinks={"log": lambda _scope, _target, telling: told.append(telling.id)},
    )
    world.engine = world.new_engine("two", outlets=outlets)
    unknown = replace(_message(world, "2", target), kind="from_the_future")
    _add(world, _message(world, "1", target), unknown, _message(world, "3", target))
    world.pass_time(60)
    assert told == _ids("1", "3")
    with world.store.read() as conn:
        assert conn.execute(select(outbox.table.c.kind)).scalars().all() == ["from_the_future"]
        assert longest_due(conn, leases.STREAMS) is not None  # whoever knows it finds it there
    assert "failed" not in caplog.text
    world.pass_time(900, 5)
    (letter,) = _dead(world)
    assert (letter.message, letter.fault) == (
        unknown,
        "only a newer Coppice knows messages of the kind from_the_future",
    )


def test_a_fault_of_a_sink_ends_one_message_after_its_patience_and_keeps_no_other(world, decided):
    told = []

    def sink(scope, target, telling):
        if telling.id == uuid_of("2"):
            raise UnicodeError
        told.append(telling.id)

    outlets = Outlets(sinks={"log": sink}, decide=lambda _conn, action, _now: decided.append(action))
    world.engine = world.new_engine("two", outlets=outlets)
    _add(world, *(_message(world, name, action_id=name) for name in "123"))
    world.pass_time(900, 5)
    assert told == _ids("1", "3")
    assert ([letter.fault for letter in _dead(world)], decided) == (["a fault of Coppice: UnicodeError"], ["2"])


def test_a_shelf_without_room_is_told_in_order_later(world, decided):
    kept, full = [], [True]

    def shelf(conn, scope, target, telling, now):
        if full[0]:
            raise Unreached("no room left")
        kept.append(telling.id)

    target = _shelved(world, shelf, decided)
    _add(world, *(_message(world, name, target) for name in "123"))
    world.pass_time(1)
    with world.store.read() as conn:
        assert sum(conn.execute(select(outbox.table.c.attempts)).scalars()) == 1
    full[0] = False
    world.pass_time(10)
    assert kept == _ids("1", "2", "3")


def test_who_lost_the_stream_writes_nothing(world, hearer):
    """The answer comes late: another engine has told it meanwhile, and what was added since is not taken out."""
    _add(world, _message(world, "1"))
    late = world.engine
    other = world.new_engine("two", outlets=late._context.outlets)

    def overtaken(scope, target, telling):
        world.clock.move(120)
        hearer.send = Hearer.send.__get__(hearer)
        other.tick(world.clock.now())
        raise Gone("the first one was told so")

    hearer.send = overtaken
    late.tick(world.clock.now())
    assert hearer.heard["log:a"] == _ids("1")
    assert _dead(world) == []


class Hanging:
    """Threads whose calls to targets hang for 20 s; all else is answered in the next tick."""

    def __init__(self, world, outlets, **settings):
        self.world, self.threads = world, {}
        world.engine_settings = replace(world.engine_settings, cloud_calls=4, **settings)
        lanes = Lanes(world.clock, 4, executor_of=self._threads)
        world.engine = world.new_engine("two", lanes, outlets=outlets)

    def _threads(self, name, _number):
        made = Threads(self.world.clock, 20.0 if name.endswith("/sinks") else 0.0)
        return self.threads.setdefault(name, made)

    def pass_time(self, seconds):
        for _ in range(seconds):
            self.world.engine.tick(self.world.clock.now())
            self.world.clock.move(1)
            for each in list(self.threads.values()):
                each.move()
        self.world.engine.tick(self.world.clock.now())


def test_targets_that_hang_of_some_projects_keep_no_other_project_waiting(world):
    told = []

    def tell(scope, target, telling):
        told.append(scope.project_id)
        if target.startswith("log:hangs"):
            raise Unreached("no answer")

    hanging = Hanging(world, Outlets(sinks={"log": tell}), streams_at_once=6)
    for number in range(40):
        _add(world, *(_message(world, f"{each}{number}", f"log:hangs{number}", project=each) for each in "ab"))
    hanging.pass_time(1)
    _add(world, _message(world, "c", "log:answers", project="c"))
    hanging.pass_time(80)
    assert told.count("c") == 1
    assert told.count("a") + told.count("b") < 20, "theirs is far from done"


def test_what_is_kept_here_waits_for_no_target_that_does_not_answer(world):
    kept = []

    def shelf(conn, scope, target, telling, now):
        kept.append(scope.project_id)

    def tell(scope, target, telling):
        raise Unreached("no answer")

    hanging = Hanging(world, Outlets(shelves={"sqs": shelf}, sinks={"log": tell}))
    for number in range(40):
        _add(world, *(_message(world, f"{each}{number}", f"log:hangs{number}", project=each) for each in "ab"))
    _add(world, _message(world, "1", "arn:aws:sqs:us-east-1:1:q", project="a"))
    hanging.pass_time(2)
    assert kept == ["a"]


def test_many_messages_of_one_group_are_few_claims(world, hearer):
    _add(world, *(_message(world, str(number)) for number in range(1500)))
    world.pass_time(1)
    assert len(hearer.heard["log:a"]) == 1500
    assert hearer.heard["log:a"] == _ids(*map(str, range(1500)))


def test_a_message_that_comes_while_its_stream_pauses_does_not_hurry_it(world, hearer):
    hearer.faults["log:a"] = Unreached("away")
    _add(world, _message(world, "1"))
    world.pass_time(0.5)
    assert len(hearer.tried) == 1
    _add(world, _message(world, "2"))
    world.pass_time(0.5)
    assert len(hearer.tried) == 1
    world.pass_time(world.engine_settings.message_pause.total_seconds() * 2)
    assert hearer.tried == _ids("1", "1")


def test_secrets_of_urls_are_told_nobody(world, caplog):
    _add(world, _message(world, "1", "https://hooks.example:8443/services/secret?token=secret"))
    world.pass_time(1)
    (letter,) = _dead(world)
    assert "to https://hooks.example:8443 was given up" in caplog.text
    assert "secret" not in caplog.text + letter.fault
