from __future__ import annotations

from datetime import timedelta

from backend.domain.session import Session
from backend.store import sessions
from backend.store.secrets import Seal, new_key
from tests.factories import NOW


def test_temporary_keys_go_a_day_after_their_end_whoever_opened_them(world):
    seal = Seal([new_key()])
    made = [Session(f"ASIA{hours}", "AKIAX", "p", NOW, NOW + timedelta(hours=hours)) for hours in (1, 12)]
    for each in made:
        world.store.transact(lambda conn, each=each: sessions.add(conn, each, seal))
    for hours, left in ((24, 2), (2, 1), (12, 0)):
        world.clock.move(hours * 3600)
        world.pass_time(1)
        with world.store.read() as conn:
            assert len([each for each in made if sessions.find(conn, each.access_key, seal)]) == left
