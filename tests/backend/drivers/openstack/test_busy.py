from __future__ import annotations

from typing import NoReturn

import pytest

from backend.drivers.errors import ServerBusy
from backend.drivers.openstack import busy
from backend.drivers.openstack.busy import PAUSES, when_at_rest
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
