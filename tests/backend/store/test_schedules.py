"""Rows of schedules, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.schedules import Schedule
from backend.store import clusters, schedules
from backend.store.leased import Claimer, Room
from backend.store.schedules import ScheduleQuery
from tests import factories
from tests.factories import NOW, OTHER, SCOPE, uuid_of

HOUR = timedelta(hours=1)
CLAIMER = Claimer("one", timedelta(seconds=60))


@pytest.fixture
def group(store):
    made = factories.cluster(due_at=None)
    store.transact(lambda conn: clusters.insert(conn, made, ()))
    return made


def schedule(group, name, hours=1.0, **values):
    at = NOW + hours * HOUR
    made = Schedule(
        id=uuid_of(f"schedule {group.id} {name}"),
        cluster_id=group.id,
        cluster_name=group.name,
        name=name,
        created_at=NOW,
        first_at=at,
        next_at=at,
        ends_at=None,
        recurrence=None,
        zone=None,
        minimum=0,
        maximum=None,
        desired=1,
    )
    return replace(made, **values)


def write(store, *made, scope=SCOPE):
    for each in made:
        store.transact(lambda conn, each=each: schedules.write(conn, scope, each))


def test_what_was_written_is_read(store, group):
    made = [
        schedule(group, "ä b"),
        schedule(group, "a", ends_at=NOW + 9 * HOUR, recurrence="0 9 * * *", zone="Asia/Tokyo"),
    ]
    write(store, *made)
    with store.read() as conn:
        assert schedules.of_cluster(conn, SCOPE, group.id) == {each.name: each for each in made}
        assert schedules.of_cluster(conn, OTHER, group.id) == {}


def test_writing_one_again_changes_it_and_when_it_is_due(store, group):
    write(store, schedule(group, "a"), schedule(group, "a", 2, desired=None, maximum=7))
    with store.read() as conn:
        assert schedules.of_cluster(conn, SCOPE, group.id)["a"].maximum == 7
    assert schedules.LEASED.claim(store, CLAIMER, NOW + HOUR, Room(5, [])) == []
    (lease,) = schedules.LEASED.claim(store, CLAIMER, NOW + 2 * HOUR, Room(5, []))
    assert (lease.schedule_id, lease.cluster_id) == (schedule(group, "a").id, group.id)


def test_one_without_a_next_run_is_due_at_its_end(store, group):
    write(store, schedule(group, "a", next_at=None, ends_at=NOW + 3 * HOUR), schedule(group, "b", next_at=None))
    assert schedules.LEASED.claim(store, CLAIMER, NOW + 2 * HOUR, Room(5, [])) == []
    assert len(schedules.LEASED.claim(store, CLAIMER, NOW + 9 * HOUR, Room(5, []))) == 1


def test_they_go_with_their_cluster(store, group):
    other = factories.cluster("other", due_at=None)
    store.transact(lambda conn: clusters.insert(conn, other, ()))
    write(store, schedule(group, "a"), schedule(other, "a"))
    store.transact(lambda conn: clusters.remove(conn, group.id, NOW))
    with store.read() as conn:
        assert [each.cluster_name for each in schedules.page(conn, SCOPE, ScheduleQuery(), 9).items] == ["other"]


def test_pages(store, group):
    other = factories.cluster("Other", due_at=None)
    write(store, *(schedule(owner, name, hours) for owner in (group, other) for hours, name in enumerate("bcaB")))
    write(store, schedule(factories.cluster(scope=OTHER), "z"), scope=OTHER)
    seen, after = [], None
    while True:
        with store.read() as conn:
            page = schedules.page(conn, SCOPE, ScheduleQuery(), 3, after)
        seen += [f"{each.cluster_name} {each.name}" for each in page.items]
        if page.marker is None:
            break
        after = tuple(page.marker.split(":", 1))
    assert seen == [f"{owner} {name}" for owner in ("Other", "web") for name in ("B", "a", "b", "c")]

    def found(**asked):
        with store.read() as conn:
            return [
                f"{each.cluster_name} {each.name}"
                for each in schedules.page(conn, SCOPE, ScheduleQuery(**asked), 9).items
            ]

    assert found(cluster_name="web", names=["a", "x"]) == ["web a"]
    assert found(next_from=NOW + 2 * HOUR) == ["Other B", "Other a", "web B", "web a"]
    assert found(cluster_name="web", next_until=NOW) == ["web b"]
