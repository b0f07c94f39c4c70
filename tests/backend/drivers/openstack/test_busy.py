from __future__ import annotations

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


def test_few_requests_wait_at_once_and_hold_what_others_need():
    class Crowded(HandClock):
        """While one waits, another begins to."""

        deepest = depth = 0

        def wait(self, seconds: float) -> None:
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)
            if self.depth < 20:
                with pytest.raises(ServerBusy):
                    when_at_rest(self, refused)
            self.depth -= 1

    clock = Crowded()
    with pytest.raises(ServerBusy):
        when_at_rest(clock, refused)
    assert clock.deepest == busy.MOST
    clock.deepest = 0
    with pytest.raises(ServerBusy):  # whoever waited gave the place back
        when_at_rest(clock, refused)
    assert clock.deepest == busy.MOST


def test_few_requests_wait_at_once_for_what_a_server_is_about_to_let_go():
    class Crowded(HandClock):
        """While one waits, another begins to."""

        deepest = depth = 0

        def wait(self, seconds: float) -> None:
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)
            if self.depth < 20:
                assert not until_done(self, PAUSES, lambda: False)
            self.depth -= 1

    clock = Crowded()
    for _ in range(2):  # whoever waited gave the place back
        clock.deepest = 0
        assert not until_done(clock, PAUSES, lambda: False)
        assert clock.deepest == busy.MOST


def test_what_is_done_is_waited_for_no_longer():
    clock, looks = HandClock(), iter([False, False, True])
    assert until_done(clock, (1.0, 2.0, 4.0), lambda: next(looks))
    assert clock.monotonic() == 3.0
    assert until_done(clock, (1.0,), lambda: True)
    assert clock.monotonic() == 3.0
