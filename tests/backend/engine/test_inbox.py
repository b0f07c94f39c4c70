"""Events on their way to what is due: whatever comes, and however much, costs a project a look in each pause."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError

from backend.domain.events import Event, Subject
from backend.domain.scope import Scope
from backend.engine.bell import Undisturbed
from backend.engine.inbox import Inbox, InboxRule
from backend.store import events, tables, watches
from backend.store.event_tables import ended_identities
from backend.store.events import ListenerRecord
from tests.backend.engine.world import EngineWorld, Kept
from tests.factories import NOW, OTHER, SCOPE, uuid_of

LATER = NOW + timedelta(hours=1)
REGION = SCOPE.region


class Post:
    """An inbox over a world whose group has come into service, and whose engine rests."""

    def __init__(self, rule=None):
        self.world = EngineWorld()
        self.group = self.world.make(desired=2)
        self.world.pass_time(10)
        self.kept = Kept()
        clock = self.world.clock
        me = ListenerRecord("me", "host", 1, clock.now(), clock.now())
        self.inbox = Inbox(
            self.world.store, clock, me, bell=Undisturbed(clock), measures=self.kept, rule=rule or InboxRule()
        )
        self.inbox.deliver()
        self.rest()

    def rest(self):
        """Nothing is due for an hour."""
        later = self.world.clock.now() + timedelta(hours=1)
        self.world.store.transact(lambda conn: conn.execute(update(tables.watches).values(due_at=later)))

    @property
    def servers(self):
        return [node.server_id for node in self.world.nodes(self.group)]

    def is_due(self, scope=SCOPE):
        with self.world.store.read() as conn:
            asked = select(tables.watches.c.due_at).where(tables.watches.c.project_id == scope.project_id)
            return conn.execute(asked).scalar_one() <= self.world.clock.now()

    def put(self, *found, region=REGION):
        for each in found:
            self.inbox.put(region, each)
        return self.inbox.deliver()


@pytest.fixture
def post():
    return Post()


def about(server):
    return Event(Subject.SERVER, server)


def test_the_project_of_a_server_is_looked_at(post):
    post.put(about(post.servers[0]))
    assert post.is_due()
    assert post.kept.told == Counter({"events_heard": 1, "events_woke": 1, "events_lost": 0})


@pytest.mark.parametrize(
    ("event", "region"),
    [(about(uuid_of("stranger")), REGION), (None, REGION), ("own", "elsewhere")],
    ids=["a server of nobody's here", "of no concern", "of the same id in another region"],
)
def test_what_is_not_ours_wakes_nobody(post, event, region):
    post.put(about(post.servers[0]) if event == "own" else event, region=region)
    assert not post.is_due()
    assert post.kept.told["events_heard"] == 1
    assert post.kept.told["events_woke"] == 0


def test_a_flood_of_one_project_is_one_look_in_each_pause_and_the_last_word_counts(post):
    for _ in range(50):
        rest = post.put(*[about(server) for server in post.servers])
    assert post.kept.told["events_woke"] == 1
    assert 0 < rest <= 0.5
    post.rest()
    post.world.clock.move(0.5)
    post.inbox.deliver()
    assert post.is_due(), "what came after the look began is not lost"
    assert post.kept.told["events_woke"] == 2
    post.rest()
    post.world.clock.move(60)
    assert post.inbox.deliver() == 5
    assert not post.is_due()


def test_more_than_is_kept_has_all_of_the_region_looked_at_now_and_then():
    post = Post(InboxRule(most=10))
    strangers = [about(uuid_of(f"stranger {number}")) for number in range(30)]
    post.put(*strangers)
    assert post.is_due()
    assert post.kept.told["events_lost"] == 20
    for seconds, due in ((10, False), (19, False), (1, True)):
        post.rest()
        post.world.clock.move(seconds)
        post.put(*strangers)
        assert post.is_due() is due


def test_a_region_of_which_too_much_came_is_looked_at_when_it_is_its_turn_though_nothing_more_comes():
    post = Post(InboxRule(most=2))
    strangers = [about(uuid_of(str(number))) for number in range(2)]
    post.put(*strangers, about(post.servers[0]))
    assert post.is_due()
    post.rest()
    post.world.clock.move(1)
    assert post.put(*strangers, about(post.servers[0])) == 5, "a beat comes before its turn"
    assert not post.is_due()
    post.world.clock.move(27)
    assert post.inbox.deliver() == 2, "its turn comes before a beat"
    post.world.clock.move(2)
    post.inbox.deliver()
    assert post.is_due()
    post.rest()
    post.world.clock.move(60)
    post.inbox.deliver()
    assert not post.is_due(), "once"


def test_of_identities_for_which_there_is_no_room_everybody_is_told():
    post = Post(InboxRule(most=2))
    strangers = [about(uuid_of(str(number))) for number in range(2)]
    post.put(*strangers, Event(Subject.USER, "one"), Event(Subject.USER, "another"))
    post.put()

    def told():
        with post.world.store.read() as conn:
            return [event for _, event in events.ended_after(conn, 0, 10)]

    assert told() == [Event(Subject.EVERYBODY)]
    post.inbox._store = away = Away(post.world.store)
    away.away = True
    post.put(Event(Subject.USER, "one"), *strangers, Event(Subject.USER, "another"))
    away.away = False
    post.inbox.deliver()
    assert told() == [Event(Subject.EVERYBODY), Event(Subject.USER, "one"), Event(Subject.EVERYBODY)]


class Away:
    """A store that cannot be asked while it is away."""

    def __init__(self, store):
        self.store, self.away = store, False

    def read(self):
        self._ask()
        return self.store.read()

    def transact(self, work):
        self._ask()
        return self.store.transact(work)

    def lease_now(self, conn):
        return self.store.lease_now(conn)

    def _ask(self):
        if self.away:
            raise OperationalError("SELECT", {}, Exception("away"))


def test_what_comes_while_the_database_is_away_waits_for_it(post):
    post.inbox._store = away = Away(post.world.store)
    away.away = True
    assert post.put(about(post.servers[0])) == 1
    assert not post.is_due()
    away.away = False
    post.inbox.deliver()
    assert post.is_due()


def test_a_look_that_an_event_asked_for_sees_what_a_glance_would_not():
    """Between two full looks an engine glances at servers that are built: what left meanwhile is none of them."""
    post = Post()
    world, (gone, *_) = post.world, post.servers
    world.engine_settings = replace(world.engine_settings, watch_idle=timedelta(minutes=10))
    engine = world.new_engine("two")
    engine.tick(world.clock.now())

    def serving():
        return [node.server_id for node in world.nodes(post.group) if str(node.state) == "InService"]

    world.simulated.operator.terminate(gone)
    world.clock.move(2)
    world.store.transact(lambda conn: watches.pull(conn, SCOPE, world.clock.now()))
    for _ in range(3):
        engine.tick(world.clock.now())
        world.clock.move(0.5)
    assert gone in serving(), "a glance does not tell"
    post.put(about(gone))
    for _ in range(3):
        engine.tick(world.clock.now())
        world.clock.move(0.5)
    assert gone not in serving()


def test_identities_that_ended_are_told_to_all_processes_and_their_projects_are_looked_at(post):
    post.put(Event(Subject.PROJECT, SCOPE.project_id), Event(Subject.USER, "somebody"))
    assert post.is_due()
    with post.world.store.read() as conn:
        told = events.ended_after(conn, 0, 10)
    assert [event for _, event in told] == [Event(Subject.PROJECT, SCOPE.project_id), Event(Subject.USER, "somebody")]


def test_what_ended_long_ago_is_forgotten_but_for_the_last_by_which_numbers_go_on(post):
    post.put(Event(Subject.USER, "somebody"), Event(Subject.USER, "the last"))
    post.world.clock.move(3601)
    post.inbox.deliver()
    with post.world.store.read() as conn:
        assert conn.execute(select(ended_identities.c.identity)).scalars().all() == ["the last"]


def test_who_listens_is_told_and_when_it_last_heard(post):
    def told():
        with post.world.store.read() as conn:
            return [(each.name, each.heard_at) for each in events.listeners(conn)]

    assert told() == [("me", None)]
    post.put(None)
    post.world.clock.move(5)
    post.inbox.deliver()
    (found,) = told()
    assert found[0] == "me"
    assert found[1] is not None
    post.world.clock.move(60)
    other = ListenerRecord("other", "host", 2, post.world.clock.now(), post.world.clock.now())
    Inbox(post.world.store, post.world.clock, other, bell=Undisturbed(post.world.clock), measures=post.kept).deliver()
    assert [name for name, _ in told()] == ["other"], "who was not heard of has ended"


def test_of_a_port_the_pools_of_its_server_are_looked_at_and_of_a_balancer_those_of_its_project(post):
    node = post.world.nodes(post.group)[0]
    row = {"project_id": SCOPE.project_id, "region": REGION, "cluster_id": post.group.id, "server_id": node.server_id}
    pools = [uuid_of("pool"), uuid_of("another")]

    def work(conn):
        values = {"address": "10.0.0.1", "port": 80, "state": "Registered", "state_at": NOW, "health": "unknown"}
        conn.execute(
            insert(tables.registrations),
            {"node_id": node.id, "pool_id": pools[0], "served": False, **row, **values},
        )
        for pool in pools:
            place = {"project_id": SCOPE.project_id, "region": REGION}
            conn.execute(insert(tables.pools), {"id": pool, "due_at": LATER, "epoch": 0, **place})

    post.world.store.transact(work)

    def due():
        with post.world.store.read() as conn:
            asked = select(tables.pools.c.id).where(tables.pools.c.due_at <= post.world.clock.now())
            return set(conn.execute(asked).scalars())

    post.put(Event(Subject.PORT, uuid_of("stranger")), Event(Subject.BALANCER, OTHER.project_id))
    assert due() == set()
    post.put(Event(Subject.PORT, node.server_id))
    assert due() == {pools[0]}
    post.put(Event(Subject.BALANCER, SCOPE.project_id))
    assert due() == set(pools)


def test_a_project_that_is_not_looked_at_is_not_made_to_be(post):
    nobody = Scope("f" * 32, REGION)
    assert post.world.store.transact(lambda conn: events.look(conn, [nobody], NOW)) == 0
    with post.world.store.read() as conn:
        assert conn.execute(select(tables.watches.c.project_id)).scalars().all() == [SCOPE.project_id]
