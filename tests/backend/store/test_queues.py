"""Queues and topics on every database: what is taken is taken once, in the order that the kind of queue promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from backend.domain.messages import MessageKind
from backend.domain.queues import MessageRefused, NotInFlight, Outgoing, Queue, opened
from backend.domain.scope import Scope
from backend.domain.topics import FilterScope, Publication, PublicationRefused, Subscription, Topic, endpoint_key
from backend.store import garbage, outbox_tables, queues, receiving, topics
from backend.store.queues import QUEUES
from backend.store.rooms import Rooms
from backend.store.topics import SUBSCRIPTIONS, TOPICS

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SCOPE = Scope("p-1", "one")


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def queue(store, name=None, **settings):
    made = Queue(str(uuid4()), name or f"q{uuid4().hex[:8]}", NOW, NOW, **settings)
    store.transact(lambda conn: QUEUES.add(conn, SCOPE, made))
    return made


def fifo(store, **settings):
    return queue(store, f"q{uuid4().hex[:8]}.fifo", **settings)


def send(store, into, *bodies, at=NOW, **options):
    outgoing = [Outgoing(body, **options) for body in bodies]
    return store.transact(lambda conn: queues.send(conn, SCOPE, into, outgoing, at))


def take(store, of, most=10, hidden=30, at=NOW, nonce=None, scope=SCOPE):
    given = {"most": most, "visibility_seconds": hidden, "nonce": nonce or str(uuid4())}
    if of.fifo:
        with store.read() as conn:
            given["ids"] = receiving.offered(conn, scope, of, at, most=most, nonce=nonce)
    return store.transact(lambda conn: receiving.receive(conn, scope, of, at, **given))


def bodies(received):
    return [each.body for each in received]


def remove(store, of, message, at=NOW):
    _, id_, nonce = opened(message.receipt)
    return store.transact(lambda conn: receiving.remove(conn, SCOPE, of, [(id_, nonce)], at))


def hide(store, of, message, seconds, at=NOW):
    _, id_, nonce = opened(message.receipt)
    store.transact(lambda conn: receiving.hide(conn, SCOPE, of, (id_, nonce), at, seconds=seconds))


def counted(store, of, at=NOW):
    with store.read() as conn:
        told = queues.counts(conn, SCOPE, of, at)
    return told.waiting, told.in_flight, told.delayed


def test_what_is_taken_is_hidden_and_comes_back(store):
    jobs = queue(store)
    send(store, jobs, "a", "b")
    send(store, jobs, "late", delay_seconds=5)
    assert counted(store, jobs) == (2, 0, 1)
    (first,) = take(store, jobs, 1)
    assert (first.body, first.receives, first.first_received_at) == ("a", 1, NOW)
    assert bodies(take(store, jobs)) == ["b"]
    assert counted(store, jobs) == (0, 2, 1)
    assert bodies(take(store, jobs, at=later(6))) == ["late"]
    again = take(store, jobs, at=later(30))
    assert bodies(again) == ["a", "b"]
    assert [(each.receives, each.first_received_at) for each in again] == [(2, NOW), (2, NOW)]
    remove(store, jobs, first, later(30))  # an older receipt: the message is somebody else's by now
    remove(store, jobs, again[1], later(31))
    assert bodies(take(store, jobs, at=later(61))) == ["late", "a"]


def test_a_receipt_is_good_until_the_next_one_even_when_its_time_is_over(store):
    jobs = queue(store)
    send(store, jobs, "a")
    (message,) = take(store, jobs, hidden=1)
    assert remove(store, jobs, message, later(5)) == set()
    assert take(store, jobs, at=later(6)) == []


def test_hiding_is_prolonged_ended_and_refused(store):
    jobs = queue(store)
    send(store, jobs, "a")
    (message,) = take(store, jobs, hidden=10)
    hide(store, jobs, message, 100, later(9))
    assert take(store, jobs, at=later(50)) == []
    hide(store, jobs, message, 0, later(51))
    with pytest.raises(NotInFlight):
        hide(store, jobs, message, 5, later(52))
    assert bodies(take(store, jobs, at=later(52))) == ["a"]


def test_other_projects_and_queues_see_nothing(store):
    jobs, others = queue(store), queue(store)
    send(store, jobs, "a")
    assert take(store, jobs, scope=Scope("p-2", "one")) == take(store, jobs, scope=Scope("p-1", "two")) == []
    (message,) = take(store, jobs)
    remove(store, others, message)
    assert counted(store, jobs) == (0, 1, 0)
    with store.read() as conn:
        assert queues.kept(conn, "p-nobody") == (0, 0)


def test_what_was_taken_too_often_is_a_dead_letter(store):
    graves = queue(store, retention_seconds=100)
    jobs = queue(store, dead_letters=graves.name, most_receives=2)
    send(store, jobs, "poison", "good")
    take(store, jobs, hidden=1)
    taken = take(store, jobs, hidden=1, at=later(2))
    remove(store, jobs, taken[1], later(2))
    assert take(store, graves, at=later(2)) == []
    (dead,) = take(store, graves, at=later(3))  # nobody had to ask the first queue for it
    assert (dead.body, dead.receives, dead.source, dead.sent_at) == ("poison", 3, jobs.name, NOW)
    assert take(store, jobs, at=later(4)) == []
    assert take(store, graves, at=later(101)) == []  # it is as old as it was


def test_a_receiver_of_the_source_buries_too(store):
    graves = queue(store)
    jobs = queue(store, dead_letters=graves.name, most_receives=1)
    send(store, jobs, "poison")
    take(store, jobs, hidden=0)
    send(store, jobs, "good", at=later(1))
    assert bodies(take(store, jobs, at=later(1))) == ["good"]
    assert counted(store, graves, later(1)) == (1, 0, 0)


def test_dead_letters_stay_where_the_target_is_gone_or_another(store):
    graves = queue(store)
    jobs = queue(store, dead_letters=graves.name, most_receives=1)
    send(store, jobs, "a")
    take(store, jobs, hidden=0)
    store.transact(lambda conn: QUEUES.change(conn, SCOPE, jobs.id, dead_letters=None))
    assert take(store, graves, at=later(1)) == []
    kept = store.transact(lambda conn: queues.named(conn, SCOPE, jobs.name))
    assert bodies(take(store, kept, at=later(1))) == ["a"]


def test_a_group_is_told_in_its_order(store):
    jobs = fifo(store, content_deduplication=True)
    send(store, jobs, "a1", "a2", group="a")
    send(store, jobs, "b1", group="b")
    (first,) = take(store, jobs, 1)
    assert first.body == "a1"
    assert bodies(take(store, jobs, hidden=5)) == ["b1"]  # what comes after a1 waits for it
    remove(store, jobs, first)
    assert bodies(take(store, jobs)) == ["a2"]


def test_what_comes_before_what_is_hidden_is_told(store):
    jobs = fifo(store, content_deduplication=True)
    send(store, jobs, "1", "2", "3", group="a")
    taken = take(store, jobs, hidden=1)
    hide(store, jobs, taken[1], 4)
    assert bodies(take(store, jobs, at=later(2))) == ["1"]


def test_what_was_looked_for_in_vain_meanwhile_is_passed_over(store):
    """Another receiver, or who deletes, came between the search and the lock."""
    jobs = fifo(store, content_deduplication=True)
    for group in "abc":
        send(store, jobs, f"{group}1", f"{group}2", group=group)
    with store.read() as conn:
        ids = receiving.offered(conn, SCOPE, jobs, NOW, most=10, nonce=None)
    taken = take(store, jobs, 3)
    assert bodies(taken) == ["a1", "a2", "b1"]
    remove(store, jobs, taken[0])
    given = {"most": 10, "visibility_seconds": 30, "nonce": str(uuid4()), "ids": ids}
    assert bodies(store.transact(lambda conn: receiving.receive(conn, SCOPE, jobs, NOW, **given))) == ["c1", "c2"]


def test_a_fifo_receipt_expires(store):
    jobs = fifo(store, content_deduplication=True)
    send(store, jobs, "a", group="a")
    (message,) = take(store, jobs, hidden=1)
    assert remove(store, jobs, message, later(2)) == {message.id}
    assert bodies(take(store, jobs, at=later(2))) == ["a"]


def test_a_receiver_that_asks_again_is_told_the_same(store):
    jobs = fifo(store, content_deduplication=True)
    send(store, jobs, "1", "2", group="a")
    nonce = str(uuid4())
    first = take(store, jobs, 1, nonce=nonce)
    again = take(store, jobs, 1, at=later(5), nonce=nonce)
    assert [(each.body, each.receipt, each.receives) for each in again] == [("1", first[0].receipt, 1)]


def test_a_message_is_had_once_in_five_minutes(store):
    jobs = fifo(store)
    (one,) = send(store, jobs, "x", group="a", deduplication="d")
    assert send(store, jobs, "y", at=later(299), group="b", deduplication="d") == [one]
    (other,) = send(store, jobs, "z", at=later(300), group="b", deduplication="d")
    assert other.number > one.number
    assert bodies(take(store, jobs, at=later(301))) == ["x", "z"]
    by_group = fifo(store, group_deduplication=True)
    sent = [send(store, by_group, "x", group=group, deduplication="d")[0].id for group in "aba"]
    assert sent[0] == sent[2] != sent[1]


@pytest.mark.parametrize(
    ("of", "message", "why"),
    [
        ("plain", Outgoing("x" * 1025), "size"),
        ("plain", Outgoing("x", deduplication="d"), "deduplication"),
        ("fifo", Outgoing("x", deduplication="d"), "group_missing"),
        ("fifo", Outgoing("x", group="g"), "deduplication_missing"),
        ("fifo", Outgoing("x", group="g", deduplication="d", delay_seconds=2), "delay"),
    ],
)
def test_what_a_queue_does_not_take(store, of, message, why):
    into = fifo(store) if of == "fifo" else queue(store, most_bytes=1024)
    with pytest.raises(MessageRefused) as refused:
        store.transact(lambda conn: queues.send(conn, SCOPE, into, [message], NOW))
    assert refused.value.why == why
    assert counted(store, into) == (0, 0, 0)


def test_receivers_side_by_side_take_each_message_once(store):
    jobs, ordered = queue(store), fifo(store, content_deduplication=True)
    send(store, jobs, *map(str, range(40)))
    send(store, ordered, *map(str, range(40)), group="a")
    with ThreadPoolExecutor(4) as threads:
        plain = list(threads.map(lambda _: bodies(take(store, jobs, 10)), range(8)))
        grouped = list(threads.map(lambda _: bodies(take(store, ordered, 10)), range(4)))
    taken = [body for some in plain for body in some]
    assert sorted(taken, key=int) == [str(number) for number in range(40)]
    assert [some for some in grouped if some] == [[str(number) for number in range(10)]]  # the rest waits its turn


def test_what_was_kept_long_enough_is_dropped(store):
    jobs = queue(store, retention_seconds=60)
    send(store, jobs, "a", "b")
    assert take(store, jobs, at=later(60)) == []
    for kind in (garbage.QUEUED, garbage.DEDUPLICATIONS):
        with store.read() as conn:
            old = garbage.oldest(conn, kind, later(61), 1000, records=False)
        store.transact(lambda conn, kind=kind, old=old: garbage.drop(conn, kind, old.keys, later(61)))
    with store.read() as conn:
        assert receiving.anything(conn, SCOPE, [jobs.id], NOW) == set()


def test_what_was_made_anew_meanwhile_is_not_dropped(store):
    jobs = fifo(store)
    send(store, jobs, "x", group="g", deduplication="d")
    with store.read() as conn:
        old = garbage.oldest(conn, garbage.DEDUPLICATIONS, later(301), 10, records=False)
    assert len(old.keys) == 1
    again = send(store, jobs, "x", at=later(301), group="g", deduplication="d")
    store.transact(lambda conn: garbage.drop(conn, garbage.DEDUPLICATIONS, old.keys, later(301)))
    assert send(store, jobs, "x", at=later(302), group="g", deduplication="d") == again


def test_what_has_expired_is_buried_no_more(store):
    graves = queue(store, retention_seconds=1000)
    jobs = queue(store, dead_letters=graves.name, most_receives=1, retention_seconds=60)
    send(store, jobs, "poison")
    take(store, jobs, hidden=1)
    assert take(store, graves, at=later(60)) == []
    with store.read() as conn:
        assert receiving.anything(conn, SCOPE, [graves.id], later(60)) == set()


# Topics


def topic(store, name=None, **settings):
    made = Topic(str(uuid4()), name or f"t{uuid4().hex[:8]}", NOW, **settings)
    store.transact(lambda conn: TOPICS.add(conn, SCOPE, made))
    return made


def subscribe(store, of, endpoint, protocol="sqs", confirmed=NOW, **settings):
    key = endpoint_key(endpoint)
    made = Subscription(
        str(uuid4()), of.id, protocol, endpoint, key, NOW, "me", confirmed, confirmed is not None, "token", **settings
    )
    store.transact(lambda conn: SUBSCRIPTIONS.add(conn, SCOPE, made))
    return made


def arn(of):
    return f"arn:aws:sqs:us-east-1:123456789012:{of.name}"


def envelope(of, _subscription, published):
    return f"{of.name} says {published.publication.message}"


def publish(store, on, *publications, at=NOW):
    with store.read() as conn:
        hearing = topics.hearers(conn, SCOPE, on, publications, Rooms(store.clock))
    return store.transact(lambda conn: topics.publish(conn, SCOPE, on, publications, hearing, at, envelope=envelope))


def test_queues_hear_a_topic_as_they_want_it(store):
    news, plain, raw, deaf = topic(store), queue(store), queue(store), queue(store)
    subscribe(store, news, arn(plain))
    subscribe(store, news, arn(raw), raw=True)
    subscribe(store, news, arn(deaf), filter={"kind": ["other"]})
    colour = {"kind": {"type": "String", "text": "good"}}
    publish(store, news, Publication("hello", attributes=colour))
    assert bodies(take(store, plain)) == [f"{news.name} says hello"]
    (message,) = take(store, raw)
    assert (message.body, message.attributes) == ("hello", colour)
    assert take(store, deaf) == []


def test_a_filter_may_look_into_the_body(store):
    news, heard = topic(store), queue(store)
    subscribe(store, news, arn(heard), raw=True, filter={"a": {"b": [1]}}, filter_scope=FilterScope.BODY)
    publish(store, news, Publication('{"a": {"b": 2}}'), Publication('{"a": {"b": 1}}'), Publication("no json"))
    assert bodies(take(store, heard)) == ['{"a": {"b": 1}}']


def test_urls_hear_by_the_outbox_once_they_are_confirmed(store):
    news = topic(store)
    subscribe(store, news, "https://a.example/", "https")
    subscribe(store, news, "https://b.example/", "https", confirmed=None)
    publish(store, news, Publication("hello"))
    rows = outbox_tables.messages
    with store.read() as conn:
        found = conn.execute(rows.select().where(rows.c.cluster_id == news.id)).all()
    assert [(row.kind, row.target) for row in found] == [(str(MessageKind.PUBLICATION), "https://a.example/")]
    assert found[0].data["body"] == f"{news.name} says hello"


def test_what_a_link_ended_comes_back_as_it_was_by_its_new_token_and_not_too_late(store):
    news = topic(store)
    subscribe(store, news, "https://a.example/", "https", filter={"kind": ["good"]})
    with store.read() as conn:
        (before,) = topics.SUBSCRIPTIONS.all(conn, SCOPE, topic_id=news.id)
    ended = replace(before, token="f" * 64)
    store.transact(lambda conn: topics.end(conn, SCOPE, before, ended.token, NOW + timedelta(hours=1)))
    with store.read() as conn:
        assert topics.SUBSCRIPTIONS.all(conn, SCOPE, topic_id=news.id) == []
        assert topics.heard(conn, SCOPE, news) == (0, 0, 1)
        assert (topics.project_of(conn, before.id), topics.project_of(conn, before.id, ended=True)) == (
            None,
            SCOPE.project_id,
        )

    def resume(token, at):
        def work(conn):
            found = topics.ended(conn, SCOPE, news, token, at)
            if found is not None:
                assert topics.alike(conn, SCOPE, found) is None
                topics.resume(conn, SCOPE, found)
                assert topics.alike(conn, SCOPE, found) == found
            return found

        return store.transact(work)

    assert resume(before.told_token, NOW) is None
    assert resume(ended.told_token, NOW + timedelta(hours=1)) is None
    assert resume(ended.told_token, NOW) == ended
    with store.read() as conn:
        assert topics.SUBSCRIPTIONS.all(conn, SCOPE, topic_id=news.id) == [ended]
    assert resume(ended.told_token, NOW) is None


def test_what_a_gone_queue_cannot_hear_goes_to_its_dead_letters(store):
    news, graves = topic(store), queue(store)
    subscribe(store, news, "arn:aws:sqs:us-east-1:123456789012:gone", dead_letters=graves.name)
    subscribe(store, news, "arn:aws:sqs:us-east-1:123456789012:away")
    publish(store, news, Publication("hello"))
    assert bodies(take(store, graves)) == [f"{news.name} says hello"]


def test_a_fifo_topic_tells_each_message_once_and_in_order(store):
    news, heard = topic(store, f"t{uuid4().hex[:8]}.fifo"), fifo(store)
    subscribe(store, news, arn(heard), raw=True)
    first = publish(store, news, Publication("1", group="g", deduplication="a"))
    assert publish(store, news, Publication("2", group="g", deduplication="a"), at=later(1)) == first
    publish(store, news, Publication("3", group="g", deduplication="b"), at=later(2))
    assert bodies(take(store, heard, at=later(2))) == ["1", "3"]
    with pytest.raises(PublicationRefused):
        publish(store, news, Publication("4", group="g"))
