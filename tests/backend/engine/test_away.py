"""A database that is away: no answer of the cloud is lost for it, and the log is not flooded."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from sqlalchemy.exc import OperationalError

from backend.engine.lanes import Lanes
from backend.store import leases
from tests.backend.engine.threads import Threads


class Away:
    """A hook of the store: at these moments it fails, as many times as is said."""

    def __init__(self, *moments, times=1_000_000):
        self.moments = moments
        self.times = times

    def __call__(self, moment):
        if moment in self.moments and self.times:
            self.times -= 1
            raise OperationalError("BEGIN", {}, Exception("server closed the connection"))


class ByHand:
    """Calls that are answered when it is said."""

    def __init__(self):
        self.open = []

    def submit(self, calls):
        futures = [Future() for _ in calls]
        self.open += zip(calls, futures, strict=True)
        return futures

    def answer(self):
        asked, self.open = self.open, []
        for call, future in asked:
            future.set_result(call.ask())

    def wait(self, _seconds):
        pass

    def close(self):
        pass


@pytest.fixture
def calls(world):
    made = ByHand()
    world.engine = world.new_engine("one", calls=made)
    return made


def _go_on(world, calls, seconds):
    for _ in range(int(seconds * 2)):
        world.engine._guarded_tick()
        calls.answer()
        world.clock.move(0.5)


def _begin(world, calls):
    """Passes are told what the cloud's quotas leave them, and ask for servers."""
    world.engine.tick(world.clock.now())
    calls.answer()
    world.engine.tick(world.clock.now())


@pytest.mark.parametrize("moment", ["begin", "commit", "committed"])
def test_what_the_cloud_answered_is_written_when_the_store_is_back(world, calls, caplog, moment):
    groups = [world.make(f"g{number}", desired=1) for number in range(4)]
    _begin(world, calls)
    assert len(calls.open) == 4
    calls.answer()
    world.store.hook = Away(moment)
    _go_on(world, calls, 20)
    world.store.hook = None
    world.engine.tick(world.clock.now())
    assert [node.server_id is not None for group in groups for node in world.nodes(group)] == [True] * 4
    _go_on(world, calls, 8)
    assert [world.states(group) for group in groups] == [["InService"]] * 4
    assert len(world.simulated.operator.servers()) == 4
    told = [record for record in caplog.records if record.name == "backend.engine.loop"]
    assert [record.exc_info for record in told] == [None] * len(told)
    assert len(told) <= 2 if moment == "begin" else len(told) <= 42


def test_a_claim_that_nobody_heard_of_is_given_back(world, calls):
    group = world.make(desired=1)
    world.store.hook = Away("committed", times=1)
    assert world.engine._guarded_tick() is None
    assert calls.open == []
    _begin(world, calls)
    assert len(calls.open) == 1
    assert len(world.nodes(group)) == 1


def test_what_is_claimed_and_under_way_is_not_given_back_with_it(world, calls):
    world.make("first", desired=1)
    _begin(world, calls)
    world.make("second", desired=1)
    world.store.hook = Away("committed", times=1)
    assert world.engine._guarded_tick() is None
    world.engine.tick(world.clock.now())
    assert len(calls.open) == 2
    calls.answer()
    _go_on(world, calls, 6)
    assert len(world.simulated.operator.servers()) == 2


def test_a_pass_that_could_not_begin_is_taken_up_when_the_store_is_back(world, calls):
    group = world.make(desired=1)
    hook = Away("begin")
    kept = leases.CLUSTERS.claim

    def claim(*arguments):
        claimed = kept(*arguments)
        world.store.hook = hook
        return claimed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases.CLUSTERS, "claim", claim)
        world.engine._guarded_tick()
    assert world.nodes(group) == []
    world.store.hook = None
    world.engine.tick(world.clock.now())
    world.clock.move(0.5)
    world.engine.tick(world.clock.now())
    assert len(calls.open) == 1
    assert world.engine.counters["faults"] == 0


def test_what_the_store_refuses_while_it_works_is_a_fault_in_the_end(world, calls, caplog):
    world.make(desired=1)
    _begin(world, calls)
    calls.answer()

    def refused(_conn, _lease):
        raise OperationalError("UPDATE", {}, Exception("no such column"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "fence", refused)
        _go_on(world, calls, 70)
    assert world.engine.counters["faults"] == 1
    assert "a job failed" in caplog.text


def test_an_engine_that_is_told_to_stop_does_so_while_the_store_is_away(world):
    threads = Threads(world.clock, 0.5)
    calls = Lanes(world.clock, 4, executor_of=lambda *_: threads)
    world.engine = world.new_engine("one", calls=calls)
    world.make(desired=1)

    class Stop:
        looks = 0

        def is_set(self):
            self.looks += 1
            if self.looks == 3:  # the cloud has told its quotas
                world.clock.move(1)
                threads.move()
            if self.looks == 6:
                world.store.hook = Away("begin")
                world.clock.move(1)
                threads.move()
            return self.looks == 6

    world.engine.run(Stop())
    assert len(world.simulated.operator.servers()) == 1
