from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from backend.drivers.errors import ServerBusy
from backend.drivers.openstack import busy
from backend.drivers.openstack.busy import PAUSES, until_done, when_at_rest
from tests.factories import HandClock


def refused() -> NoReturn:
    raise ServerBusy("in task_state rebooting")


def test_a_server_that_stays_busy_is_told_as_that_in_the_end():
    clock = HandClock()
    with pytest.raises(ServerBusy):
        when_at_rest(clock, refused)
    assert clock.monotonic() == sum(PAUSES)


class Crowded(HandClock):
    """While one waits, another begins to. ``begin``: it waits for what does not come."""

    def __init__(self, begin: Callable[[Crowded], object]) -> None:
        super().__init__()
        self.deepest = self.depth = 0
        self._begin = begin

    def wait(self, seconds: float) -> None:
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        if self.depth < 20:
            self._begin(self)
        self.depth -= 1


def is_refused(clock: HandClock) -> None:
    with pytest.raises(ServerBusy):
        when_at_rest(clock, refused)


def is_not_done(clock: HandClock) -> None:
    assert not until_done(clock, PAUSES, lambda: False)


@pytest.mark.parametrize("begin", [is_refused, is_not_done])
def test_few_requests_wait_at_once_and_hold_what_others_need(begin):
    clock = Crowded(begin)
    for _ in range(2):  # whoever waited gave the place back
        clock.deepest = 0
        begin(clock)
        assert clock.deepest == busy.MOST


def test_what_is_done_is_waited_for_no_longer():
    clock, looks = HandClock(), iter([False, False, True])
    assert until_done(clock, (1.0, 2.0, 4.0), lambda: next(looks))
    assert clock.monotonic() == 3.0
    assert until_done(clock, (1.0,), lambda: True)
    assert clock.monotonic() == 3.0
