"""Deliberate faults of what is told and of what is due: messages, targets, schedules."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from backend.engine import scheduling
from backend.store import lifecycle, outbox
from backend.store.session import Store
from tests.simulation.putting import put, put_all


def tells_in_another_transaction() -> AbstractContextManager[None]:
    """Messages are written after what they tell of: whoever dies in between has told nobody."""
    add, transact = outbox.add, Store.transact

    def transacted(self: Store, work: Any) -> Any:
        waiting: list[Any] = []

        def working(conn: Any) -> Any:
            waiting.clear()
            with put(outbox, "add", lambda _conn, messages: waiting.extend(messages)):
                return work(conn)

        result = transact(self, working)
        if waiting:
            transact(self, lambda conn: add(conn, waiting))
        return result

    return put(Store, "transact", transacted)


def gives_up_in_silence() -> AbstractContextManager[None]:
    """A message that nobody takes decides nothing."""
    return put(lifecycle, "decide_by_default", lambda *_given, **_more: None)


def forgets_what_was_not_taken() -> AbstractContextManager[None]:
    """What a target did not take is not told again."""
    return put(outbox, "put_off", lambda conn, each, *_: outbox.told(conn, [each.message.id]))


def runs_once_an_engine() -> AbstractContextManager[None]:
    """A schedule is followed by each engine, not once."""
    move_on, followed = scheduling._move_on, set()

    def moved(conn: Any, cluster: Any, schedule: Any, now: Any) -> None:
        run = schedule.id, schedule.next_at
        if run in followed:
            move_on(conn, cluster, schedule, now)
        followed.add(run)

    return put(scheduling, "_move_on", moved)


def sleeps_over_schedules() -> AbstractContextManager[None]:
    """Schedules move on, and their clusters are given nothing."""

    def _run(_conn: Any, schedule: Any, wanted_at: Any, *_: Any) -> Any:
        return scheduling._Run(schedule, wanted_at)

    return put_all((scheduling, "_run", _run))
