"""Composite alarms in a run: each follows an alarm that users set, and none misses a change of it.

What was written last holds: whoever changes the state of an alarm has those looked at, in the same transaction, that
depend on it. So whatever dies, one that nobody is to look at has seen the alarms that it depends on as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from backend.domain.alarms import AlarmState, WantedAlarm, Watched
from backend.domain.composites import NOTHING_WATCHED, Composite
from backend.errors import Finding

if TYPE_CHECKING:
    from tests.simulation.users import User
    from tests.simulation.world import World

_MISSED = """
    SELECT parent.name, parent.seen, parent.state FROM alarms parent
    JOIN alarm_children link ON link.parent_id = parent.id
    LEFT JOIN alarms child ON child.id = link.child_id
    WHERE parent.next_at IS NULL AND (
        parent.seen != '["' || coalesce(child.state, 'INSUFFICIENT_DATA') || '"]'
        OR parent.state != CASE child.state WHEN 'ALARM' THEN 'ALARM' ELSE 'OK' END
    )
"""


class Composites:
    """Puts a composite alarm beside each alarm that it is told of, and looks at all of them with every commit."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._raw = world.store.database.raw
        world.chaos.on_commit.append(self._committed)

    def _committed(self) -> None:
        if missed := self._raw.execute(_MISSED).fetchone():
            raise self.world.broke("24 composites", f"{missed} is not looked at, and has not seen what it follows")

    def follow(self, user: User, alarm: str) -> None:
        """A composite alarm that is in alarm while that one is."""
        composite = Composite("", ["is", str(AlarmState.ALARM), 0], (alarm,))
        wanted = WantedAlarm(_beside(alarm), Watched.of(NOTHING_WATCHED), composite=composite.document())
        user.backend.alarms.put(user.scope, wanted, lambda alarm: {})

    def let_go(self, user: User, alarms: Iterable[str]) -> None:
        """They go, so that those which they follow can."""
        for alarm in alarms:
            with contextlib.suppress(Finding):
                user.backend.alarms.remove(user.scope, [_beside(alarm)], lambda alarm: {})


def _beside(alarm: str) -> str:
    return f"{alarm}-too"
