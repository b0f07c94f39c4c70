"""Spans of an engine's work: what they tell, what caused them, and what its calls to the cloud are done for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend import tracing
from backend.domain.cluster import Cluster
from backend.drivers.errors import CloudUnavailable
from backend.engine.kinds.kind import Kind
from backend.engine.lanes import Call, Lanes
from backend.engine.loop import Engine
from backend.store import leases, tables
from backend.tracing import During, Origin, Role
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE
from tests.spans import SpanKept, TracesKept

ID = "0b7f1a52-3d36-4c53-9d5e-0c1a7b3f5a11"


@pytest.fixture
def traces() -> TracesKept:
    return TracesKept()


@pytest.fixture
def world(traces) -> Iterator[EngineWorld]:
    made = EngineWorld()
    made.engine = made.new_engine("one", traces=traces)
    yield made
    made.close()


def passes(traces: TracesKept, cluster: Cluster) -> list[SpanKept]:
    return [each for each in traces.named("engine clusters") if each.told["coppice.key"] == cluster.id]


def activities(world: EngineWorld, cluster: Cluster) -> set[str]:
    with world.store.read() as conn:
        return set(conn.execute(select(tables.activities.c.id).filter_by(cluster_id=cluster.id)).scalars())


def test_a_pass_tells_its_group_what_it_did_and_which_activities_are_of_it(world, traces):
    cluster = world.make(desired=2)
    world.engine.tick(world.clock.now())
    span = passes(traces, cluster)[0]
    assert (span.role, span.ended, span.failed) == (Role.WORKS, True, "")
    told = span.told
    assert (told["coppice.kind"], told["coppice.group"]) == ("clusters", "web")
    assert (told["coppice.project"], told["coppice.region"]) == (SCOPE.project_id, SCOPE.region)
    assert set(told["coppice.activities"]) == activities(world, cluster)
    assert "new->Pending=2" in told["coppice.steps"]


def test_a_pass_is_linked_to_the_request_that_called_for_it_and_the_next_is_not(world, traces):
    request = traces.begin("request", Role.ANSWERS, {})
    with During(Origin(ID, request)):
        cluster = world.make(desired=1)
    world.pass_time(5)
    first, second = passes(traces, cluster)
    assert (first.links, first.told["coppice.request_id"]) == ((request.context,), ID)
    assert first.under is None
    # The second was called for by the look at the project that saw the server at work.
    (caller,) = (each for each in traces.named("engine watches") if (each.context,) == second.links)
    assert second.told["coppice.request_id"] == caller.told["coppice.request_id"] != ID


def test_work_that_nobody_asked_for_has_an_id_of_its_own_of_the_form_that_the_cloud_takes(world, traces):
    world.make(desired=1)
    world.pass_time(10)
    of_its_own = [each for each in traces.spans if not each.links]
    ids = {each.told["coppice.request_id"] for each in of_its_own}
    assert len(ids) == len(of_its_own) > 3
    assert all(Origin(each).global_id() for each in ids)
    assert all(each.ended for each in traces.spans)


@pytest.mark.parametrize("asked_by", ["x", f"{ID} 00-x", "r-1", f"{ID}\n"])
def test_a_row_with_other_words_is_worked_on_all_the_same(world, traces, asked_by):
    cluster = world.make(desired=1)
    with world.store.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE clusters SET asked_by = ?", (asked_by,))
    world.engine.tick(world.clock.now())
    span = passes(traces, cluster)[0]
    assert (span.links, bool(Origin(span.told["coppice.request_id"]).global_id())) == ((), True)


def _engine(world: EngineWorld, traces: TracesKept, work, **more) -> Engine:
    kind = Kind("clusters", leases.CLUSTERS, lambda settings: 10, work)
    return world.new_engine("two", kinds=[kind], rounds=(), traces=traces, **more)


def test_calls_to_the_cloud_know_what_they_are_for_in_their_threads_and_the_thread_forgets_it(world, traces):
    found: list[Origin | None] = []
    lanes = Lanes(world.clock, 2)

    def work(context, lease):
        yield [Call(lease.scope, lambda: found.append(tracing.present()))]
        found.append(tracing.present())
        context.store.transact(lambda conn: leases.release(conn, lease, None))

    with During(Origin(ID)):
        world.make(desired=0)
    engine = _engine(world, traces, work, calls=lanes)
    engine.tick(world.clock.now())
    while len(found) < 2:
        engine.tick(world.clock.now())
    thread, loop = found
    assert thread is loop
    assert thread is not None
    assert (thread.request_id, thread.span) == (ID, traces.spans[-1])
    assert tracing.present() is None
    lanes.submit([Call(SCOPE, lambda: found.append(tracing.present()))])
    while len(found) < 3:
        lanes.wait(0.01)
    lanes.close()
    assert found[2] is None


@pytest.mark.parametrize(
    ("error", "failed"), [(ZeroDivisionError(), "ZeroDivisionError"), (CloudUnavailable("x"), "CloudUnavailable")]
)
def test_a_job_that_fails_ends_its_span_with_the_kind_of_its_fault_and_none_of_its_words(world, traces, error, failed):
    def work(context, lease):
        yield from ()
        raise error

    world.make(desired=0)
    assert _engine(world, traces, work).tick(world.clock.now()).faults == 1
    assert (traces.spans[-1].failed, traces.spans[-1].ended) == (failed, True)
    assert tracing.present() is None


class Never:
    """A cloud that does not answer."""

    def submit(self, calls):
        return [Future() for _ in calls]

    def wait(self, seconds):
        pass

    def close(self):
        pass


def _waits(context, lease):
    yield [Call(lease.scope, lambda: None)]


def test_who_loses_a_lease_ends_the_span(world, traces):
    world.make(desired=0)
    engine = _engine(world, traces, _waits, calls=Never())
    engine.tick(world.clock.now())
    with world.store.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE clusters SET epoch = epoch + 1")
    world.clock.move(50)
    engine.tick(world.clock.now())
    assert traces.spans[0].failed == "LeaseLost"


def test_who_ends_ends_the_spans_of_what_is_given_back(world, traces):
    class Told:
        def is_set(self):
            return bool(traces.spans)

    world.make(desired=0)
    world.engine_settings = replace(world.engine_settings, drain=timedelta(0))
    _engine(world, traces, _waits, calls=Never()).run(Told())
    assert [(each.ended, each.failed) for each in traces.spans] == [(True, "GivenBack")]
