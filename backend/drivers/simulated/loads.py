"""Load on the simulated cloud: a group's is scripted, and its servers share it.

A script says how much there is to do by time, in per cent of one server: ``0:50 120:300 600:50`` rises from half a
server's worth to three servers' within two minutes, and falls within the eight after. Between two points it runs
straight, after the last it stays, or begins again.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from backend.domain.node import GROUP_TAG, ServerStatus
from backend.domain.scope import Scope
from backend.drivers.metric_sources import Asked, Measure, Series, Told
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.settable import CannotSet
from backend.drivers.simulated.state import to_micros
from backend.drivers.simulated.world import World

Point = tuple[float, float]
MOST_POINTS: Final = 1000
_POINT: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?):([0-9]{1,9}(?:\.[0-9]{1,6})?)")
_SAMPLES: Final = 6
_MINUTE: Final = timedelta(minutes=1)
_FULL: Final = 100.0


def script_of(text: str) -> tuple[Point, ...]:
    """(second, per cent) of a script, by time. Raises CannotSet."""
    points = []
    for word in text.replace(",", " ").split():
        found = _POINT.fullmatch(word)
        if found is None:
            raise CannotSet(f"{word} is no SECOND:PERCENT")
        points.append((float(found[1]), float(found[2])))
    if not points or len(points) > MOST_POINTS:
        raise CannotSet(f"a load has from 1 to {MOST_POINTS} points SECOND:PERCENT")
    if any(one[0] >= other[0] for one, other in pairwise(points)):
        raise CannotSet("the points of a load come by their seconds, each once")
    return tuple(points)


def at(points: Sequence[Point], second: float, every: float | None = None) -> float:
    """How much there is to do then, in per cent of one server.

    Args:
        every: it begins again after so many seconds.
    """
    if every:
        second %= every
    number = bisect_right(points, second, key=lambda point: point[0])
    if number == 0:
        return points[0][1]
    before = points[number - 1]
    if number == len(points):
        return before[1]
    after = points[number]
    return before[1] + (after[1] - before[1]) * (second - before[0]) / (after[0] - before[0])


class SimulatedLoads:
    """The port, and what sets it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def put(self, group: str, points: Sequence[Point], every: float | None = None, project: str | None = None) -> None:
        """A group's load from now on, in the place of the one it has.

        Args:
            project: None: of the groups of that name of all projects.
        """
        told = (project or "", group, json.dumps(points), every, self._world.now())
        with self._world.state.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO loads VALUES (?, ?, ?, ?, ?)", told)

    def drop(self, group: str, project: str | None = None) -> bool:
        """Whether there was any."""
        with self._world.state.writing() as connection:
            found = connection.execute("DELETE FROM loads WHERE project = ? AND name = ?", (project or "", group))
            return found.rowcount > 0

    def all(self) -> Sequence[Mapping[str, Any]]:
        """What is set, with how much there is to do now."""
        with self._world.state.reading() as connection:
            rows = connection.execute("SELECT * FROM loads ORDER BY project, name").fetchall()
        now = self._world.now()
        return [
            {
                "group": name,
                "project": project or "-",
                "now": round(at(json.loads(points), (now - began_at) / 1e6, every), 1),
                "script": " ".join(f"{second:g}:{percent:g}" for second, percent in json.loads(points)),
                "every": every or "-",
            }
            for project, name, points, every, began_at in rows
        ]

    name: Final = "simulated"
    measures: Final = frozenset({Measure.CPU})
    free: Final = True
    minutes: Final = 1
    late: Final = 0

    def ask(self, scope: Scope, asked: Asked) -> Told:
        """See the port: the servers of a group that are active now share what there was to do."""
        wanted, minute = asked.subjects.get(Measure.CPU, frozenset()), asked.since
        with self._world.call(Call("loads", scope)), self._world.state.reading() as connection:
            scripts = {
                (project, name): (json.loads(points), every, began_at)
                for project, name, points, every, began_at in connection.execute(
                    "SELECT * FROM loads WHERE project IN ('', ?)", (scope.project_id,)
                )
            }
            if not scripts:
                return Told()
            now = self._world.now()
            groups: dict[str, list[str]] = {}
            for row in self._world.servers.standing(connection, scope, now):
                server = self._world.servers.server(connection, row, now)
                if server.status is ServerStatus.ACTIVE and GROUP_TAG in server.tags:
                    groups.setdefault(server.tags[GROUP_TAG], []).append(server.id)
        found: dict[tuple[Measure, str], Series] = {}
        for group, servers in groups.items():
            script = scripts.get((scope.project_id, group)) or scripts.get(("", group))
            if script is not None:
                share = min(_mean(*script, minute) / len(servers), _FULL)
                found |= {(Measure.CPU, server): {minute: share} for server in servers if server in wanted}
        return Told(found)


def _mean(points: Sequence[Point], every: float | None, began_at: int, minute: datetime) -> float:
    """Over a minute."""
    begin = (to_micros(minute) - began_at) / 1e6
    step = _MINUTE.total_seconds() / _SAMPLES
    return sum(at(points, max(begin + step * (number + 0.5), 0.0), every) for number in range(_SAMPLES)) / _SAMPLES
