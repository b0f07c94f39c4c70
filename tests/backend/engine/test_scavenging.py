"""Old records go some at a time, by one engine, and into the archive before."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from backend.domain.activity import ActivityStatus
from backend.drivers.archives import NotArchived
from backend.engine import scavenging
from backend.engine.settings import EngineSettings
from backend.store import garbage, journal, tables
from backend.store.activities import ActivityQuery
from backend.store.leased import Claimer, Room
from backend.store.queue_tables import deduplications
from tests import factories
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, SCOPE

SETTINGS = EngineSettings(garbage_rows=4, garbage_pause=timedelta(seconds=5))
OLD = NOW - timedelta(days=43)


class Kept:
    """An archive in memory, which may be away."""

    def __init__(self):
        self.sheaves = {}
        self.away = False
        self.asked = 0

    def keep(self, sheaf):
        self.asked += 1
        if self.away:
            raise NotArchived("no room left")
        self.sheaves[sheaf.name] = sheaf.content

    def ids(self):
        return [json.loads(line)["id"] for content in self.sheaves.values() for line in content.splitlines()]


@pytest.fixture
def world():
    made = EngineWorld(engine_settings=SETTINGS)
    yield made
    made.close()


@pytest.fixture
def archive():
    return Kept()


def fill(world, number, at=OLD):
    """A journal of a group that is gone, so many entries of it old."""
    group = factories.cluster("gone")
    told = [
        factories.activity(
            group,
            str(n),
            status=ActivityStatus.SUCCESSFUL,
            started_at=at,
            ended_at=at + timedelta(seconds=n),
            cluster_deleted=True,
        )
        for n in range(number)
    ]
    world.store.transact(lambda conn: journal.begin(conn, told))
    return [entry.id for entry in told]


def left(world):
    with world.store.read() as conn:
        return conn.execute(select(func.count()).select_from(tables.activities)).scalar_one()


def rows(world):
    with world.store.read() as conn:
        return conn.execute(select(tables.scavenges.c.id)).scalars().all()


def test_so_many_at_a_time_with_a_pause(world):
    fill(world, 10)
    world.pass_time(1)
    assert left(world) == 6
    world.pass_time(4)
    assert left(world) == 6
    world.pass_time(2)
    assert left(world) == 2
    world.pass_time(6)
    assert left(world) == 0
    assert rows(world) == []
    assert world.engine.counters["scavenged"] == 10


def test_what_no_archive_wants_goes_without_a_pause(world):
    values = {"owner_id": "q", "message_id": "m", "number": 1, "expires_at": OLD}
    many = [{**values, "key": str(number)} for number in range(50)]
    world.store.transact(lambda conn: conn.execute(deduplications.insert(), many))
    world.pass_time(2)
    with world.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(deduplications)).scalar_one() == 0
    assert rows(world) == []
    assert world.engine.counters["scavenged"] == 50


def test_where_nothing_is_old_nothing_is_written(world):
    fill(world, 3, NOW)
    world.pass_time(1)
    told = []
    world.store.hook = told.append
    for _ in range(3):
        world.clock.move(SETTINGS.garbage.total_seconds())
        world.engine.tick(world.clock.now())
    assert told == []
    assert left(world) == 3


def test_what_grows_old_meanwhile_goes_at_a_later_look(world):
    fill(world, 2)
    fill_young = factories.activity(
        factories.cluster("web"), "young", status=ActivityStatus.SUCCESSFUL, ended_at=OLD + timedelta(days=2)
    )
    world.store.transact(lambda conn: journal.begin(conn, [fill_young]))
    world.pass_time(1)
    assert left(world) == 1
    world.clock.move(timedelta(days=2).total_seconds())
    world.pass_time(1)
    assert left(world) == 0


def test_entries_of_groups_that_are_gone_are_told_for_as_long_as_all_others(world):
    query = ActivityQuery(cluster_name="gone", deleted=True)
    fill(world, 3, NOW - timedelta(days=41))
    world.pass_time(1)
    assert len(world.backend.activities.page(SCOPE, query, limit=10).items) == 3
    world.clock.move(timedelta(days=2).total_seconds())
    world.pass_time(1)
    assert not world.backend.activities.page(SCOPE, query, limit=10).items


def test_they_are_archived_first(world, archive):
    ids = fill(world, 10)
    world.engine = world.new_engine("kept", archive=archive)
    world.pass_time(15)
    assert left(world) == 0
    assert archive.ids() == ids
    assert len(archive.sheaves) == 3


def test_what_cannot_be_archived_stays(world, archive, caplog):
    fill(world, 3)
    archive.away = True
    world.engine = world.new_engine("kept", archive=archive)
    world.pass_time(10)
    assert left(world) == 3
    assert archive.asked == 1
    assert "no room left" in caplog.text
    archive.away = False
    world.clock.move(SETTINGS.refused_retry.total_seconds())
    world.pass_time(2)
    assert left(world) == 0
    assert len(archive.ids()) == 3


def test_an_engine_that_dies_after_archiving_loses_nothing(world, archive):
    ids = fill(world, 3)
    context = world.new_engine("dies", archive=archive)._context
    world.store.transact(lambda conn: garbage.demand(conn, garbage.ACTIVITIES, NOW))
    (lease,) = garbage.LEASED.claim(world.store, Claimer("dies", timedelta(seconds=60)), NOW, Room(2, []))
    job = scavenging.scavenge(context, lease)
    (call,) = next(job)
    assert call.ask() is None
    world.clock.move(61)
    world.engine = world.new_engine("lives", archive=archive)
    world.pass_time(2)
    assert left(world) == 0
    assert Counter(archive.ids()) == Counter(ids)  # the same again, and so the same sheaf
    late = job.send([None])
    assert world.store.transact(late.work) is False


def test_secrets_are_never_archived():
    assert {kind.name for kind in garbage.KINDS.values() if kind.kept} == {"activities"}


def test_each_kind_has_a_retention():
    ending = {name for name, kind in garbage.KINDS.items() if kind.since.name == "expires_at"} - {"sessions"}
    assert set(scavenging.RETENTIONS) | ending == set(garbage.KINDS)
    assert not set(scavenging.RETENTIONS) & ending
    assert all(isinstance(scavenging.before(SETTINGS, kind, NOW), type(NOW)) for kind in garbage.KINDS)


def test_a_kind_of_a_newer_engine_is_left_alone(world):
    lease = world.store.transact(lambda conn: garbage.LEASED.demand(conn, ("forecasts",), garbage._NOBODY, NOW))
    assert lease is None
    world.pass_time(2)
    assert rows(world) == ["forecasts"]
