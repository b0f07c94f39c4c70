"""Alarms of servers in a run: users who have servers stopped, ended, rebooted or recovered, and what must hold of that.

An alarm does something to a server that it watched and that breached, when its state begins, once, and in its project.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from backend.domain.alarm_actions import ServerAct, server_act_of, server_of
from backend.domain.alarms import AlarmState, Comparison, Missing, WantedAlarm, Watched
from backend.domain.ids import short_id
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import MINUTE, Metric, floored, measured, metric
from backend.drivers.simulated.faults import Call, Moment
from backend.errors import Finding
from tests.simulation.companion import Companion, Deed

if TYPE_CHECKING:
    from backend.domain.scope import Scope
    from tests.simulation.model import Model
    from tests.simulation.users import User
    from tests.simulation.world import World

_NAMES: Final = tuple(f"watch-{number}" for number in range(3))
_THRESHOLD: Final = 50.0
_HOT, _COOL = 90.0, 10.0
_ONCE: Final = frozenset({ServerAct.REBOOT, ServerAct.RECOVER})
"""What is not the same again: a stop or an end may be asked for twice."""


def action_of(act: ServerAct) -> str:
    return f"arn:aws:automate:us-east-1:ec2:{act}"


class _Watching(NamedTuple):
    """Who watches a server, by its short id."""

    project_id: str
    server: str


class _Deed(NamedTuple):
    """One action for one beginning of a state; the instant in microseconds."""

    alarm_id: str
    at: int
    act: ServerAct


class Guards:
    """Holds each call that an alarm makes for against the rows of the alarms."""

    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self.hot: set[_Watching] = set()
        """Servers that somebody measured above the threshold, in whose project."""
        self.said: set[str] = set()
        """Alarms whose state somebody set by hand, by id."""
        self._began: dict[tuple[str, int], _Watching] = {}
        self._done: Counter[_Deed] = Counter()
        self._under_way: list[_Deed | None] = []
        self._raw = world.store.database.raw
        world.chaos.on_commit.append(self._committed)
        world.simulated.faults.hooks.insert(0, self._hook)

    def _committed(self) -> None:
        """Note the states that begin, and the servers that are watched at that moment."""
        question = "SELECT id, project_id, transitioned_at, watched FROM alarms WHERE state = 'ALARM'"
        for alarm_id, project_id, at, watched in self._raw.execute(question).fetchall():
            if (alarm_id, at) in self._began:
                continue
            server = server_of(Watched.of(json.loads(watched)))
            if server is None:
                continue
            watching = self._began[alarm_id, at] = _Watching(project_id, server)
            if watching not in self.hot and alarm_id not in self.said:
                raise self.world.broke("32 watched", f"an alarm rings of {watching}, which never breached")

    @contextmanager
    def doing(self, act: ServerAct, scope: Scope, server_id: str) -> Iterator[bool]:
        """The block is a call for a server; whether an alarm asks for it."""
        deed = self._asked(act, scope, short_id(server_id))
        is_engines = bool(self.world.chaos.actors) and self.world.chaos.actors[-1][0] == "engine"
        if deed is None and is_engines and act in _ONCE:
            raise self.world.broke("32 watched", f"no alarm asks for a {act} of {server_id}")
        if deed is not None:
            self._check(deed, scope, server_id)
            self.world.doubted.add(short_id(server_id))
        self._under_way.append(deed)
        try:
            yield deed is not None
        finally:
            self._under_way.pop()

    def _asked(self, act: ServerAct, scope: Scope, server: str) -> _Deed | None:
        """What an alarm of the project has written down that it asks for; of several, one that it was not yet done for."""
        question = "SELECT id, acts FROM alarms WHERE project_id = ? AND acts IS NOT NULL ORDER BY id"
        found = list[_Deed]()
        for alarm_id, told in self._raw.execute(question, (scope.project_id,)).fetchall():
            work = json.loads(told)
            for action in work.get("asked", {}):
                if server_act_of(action) is act and work.get("server") == server:
                    found.append(_Deed(alarm_id, work["at"], act))
        return min(found, key=lambda deed: self._done[deed], default=None)

    def _check(self, deed: _Deed, scope: Scope, server_id: str) -> None:
        began = self._began.get((deed.alarm_id, deed.at))
        if began != _Watching(scope.project_id, short_id(server_id)):
            raise self.world.broke("32 watched", f"{deed} for {server_id} of {scope.project_id}: {began}")
        owner = self.world.owners().get(short_id(server_id), scope.project_id)
        if owner != scope.project_id:
            raise self.world.broke("32 watched", f"{deed} for {server_id} of {owner}")

    def _hook(self, moment: Moment, call: Call) -> None:
        """A call is done, whatever its caller hears of that."""
        if moment is not Moment.AFTER or call.name not in {"reboot", "start", "stop", "delete"}:
            return
        deed = self._under_way[-1] if self._under_way else None
        if deed is None:
            return
        self._done[deed] += 1
        self.model.effects += 1
        self.world.trace(f"an alarm had {deed.act} done to {call.server and short_id(call.server)}")
        if deed.act in _ONCE and self._done[deed] > 1:
            raise self.world.broke("32 watched", f"{deed} is done again")


class Wardens(Companion):
    """What users do with alarms of servers."""

    def __init__(self, guards: Guards, users: Sequence[User]) -> None:
        super().__init__(guards.world, users)
        self._guards = guards

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return (4, self._put), (6, self._measure), (2, self._say)

    def settle_in(self) -> None:
        """Some to begin with, of whatever there is."""
        for user in self.users:
            for name in _NAMES:
                self._write(user, name)

    def _put(self, user: User) -> None:
        self._write(user, self.world.rng.choice(_NAMES))

    def _write(self, user: User, name: str) -> None:
        """An alarm of a server of the project; now and then of another project's, of which nothing is to come."""
        rng = self.world.rng
        there = [
            short_id(server.id) for scope, server in self.world.simulated.operator.servers() if scope == user.scope
        ]
        foreign = [server for server, owner in self.world.owners().items() if owner != user.scope.project_id]
        server = rng.choice(sorted(foreign) if foreign and rng.random() < 0.2 else sorted(there) or ["0" * 17])
        acts = rng.sample(
            (ServerAct.REBOOT, ServerAct.REBOOT, ServerAct.RECOVER, ServerAct.STOP, ServerAct.TERMINATE), 2
        )
        watched = Watched(
            Comparison.ABOVE,
            _THRESHOLD,
            1,
            missing=Missing.IGNORE,
            stat=MetricStat(cpu_of(server), 60, "Average"),
        )
        actions = tuple(dict.fromkeys(map(action_of, acts)))
        user.backend.alarms.put(user.scope, WantedAlarm(name, watched, alarm_actions=actions), lambda alarm: {})

    def _measure(self, user: User) -> None:
        """What a server of the project does, or is said to do: it is watched now or was before."""
        rng = self.world.rng
        server = self._watched(user, rng.choice(_NAMES))
        if server is None:
            return
        value = rng.choice((_HOT, _HOT, _COOL))
        if value == _HOT:
            self._guards.hot.add(_Watching(user.scope.project_id, server))
        minute = floored(self.world.clock.now(), MINUTE)
        user.backend.metrics.put(user.scope, [measured(cpu_of(server), minute, [value])])
        self.world.trace(f"{user.scope.project_id} measures {value} of {server}")
        self.world.clock.wait(rng.choice((5.0, 20.0, 61.0)))

    def _say(self, user: User) -> None:
        """Somebody says what an alarm's state is."""
        name, state = self.world.rng.choice(_NAMES), self.world.rng.choice((AlarmState.ALARM, AlarmState.OK))
        question = "SELECT id FROM alarms WHERE project_id = ? AND name = ?"
        raw = self.world.store.database.raw
        self._guards.said |= {row[0] for row in raw.execute(question, (user.scope.project_id, name)).fetchall()}
        user.backend.alarms.set_state(user.scope, name, state, "by hand", None)

    def _watched(self, user: User, name: str) -> str | None:
        question = "SELECT watched FROM alarms WHERE project_id = ? AND name = ?"
        row = self.world.store.database.raw.execute(question, (user.scope.project_id, name)).fetchone()
        return None if row is None else server_of(Watched.of(json.loads(row[0])))

    def settle(self) -> None:
        """No alarm watches anything any more: all is to come to rest."""
        for user in self.users:
            for name in _NAMES:
                try:
                    user.backend.alarms.remove(user.scope, [name], lambda alarm: {})
                except Finding:
                    continue


def cpu_of(server: str) -> Metric:
    return metric("AWS/EC2", "CPUUtilization", {"InstanceId": f"i-{server}"})
