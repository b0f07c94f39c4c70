from __future__ import annotations

import pytest

from backend.domain.node import ServerStatus
from backend.drivers.simulated.timeline import Move, moved, present

BOOT = Move("building", 100, None, "active", 200)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [(50, ("building", 100)), (100, ("building", 100)), (199, ("building", 100)), (200, ("active", 200))],
)
def test_what_holds_is_a_matter_of_time(instant, expected):
    assert present(BOOT, instant)[:2] == expected


def test_a_new_move_remembers_what_held_before():
    broken = moved(BOOT, 300, ServerStatus.ERROR, fault="lost")
    assert present(broken, 300) == (ServerStatus.ERROR, 300, "lost")
    assert present(broken, 250) == (ServerStatus.ACTIVE, 200, None)
    early = moved(BOOT, 150, ServerStatus.DELETING, then=ServerStatus.DELETED, after=20)
    assert present(early, 149)[:2] == (ServerStatus.BUILDING, 100)
    assert present(early, 169)[:2] == (ServerStatus.DELETING, 150)
    assert present(early, 170)[:2] == (ServerStatus.DELETED, 170)


def test_an_error_at_the_end_of_a_boot_tells_its_text_then():
    move = Move("building", 100, None, "error", 200, "no host")
    assert present(move, 199).fault is None
    assert present(move, 200).fault == "no host"
