"""Scaling policies in a run: users who put and execute them, alarms that ask them, and what must hold of each step."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from backend.domain.alarms import AlarmState, Comparison, WantedAlarm, Watched
from backend.domain.metric_queries import MetricStat
from backend.domain.metrics import Metric
from backend.domain.scaling import Adjustment, Breach, PolicyKind, ScalingPolicy, Step, WantedPolicy
from backend.errors import Finding
from backend.services.scaling_policies import PolicyName, Said
from tests.simulation.companion import Companion, Deed

if TYPE_CHECKING:
    from tests.simulation.model import Model
    from tests.simulation.users import User
    from tests.simulation.world import World

_STEPS: Final = {"out": 1, "more": 2, "in": -1}
_SIMPLE: Final = {"up": 1, "down": -1}
_THRESHOLD: Final = 50.0
_MEASURED: Final = 60.0
_MICROS: Final = 1_000_000


class _Decision(NamedTuple):
    """What the database noted of one decision; instants in microseconds."""

    seq: int
    name: str
    cluster_id: str
    warmup_seconds: int
    at: int
    stayed: str | None
    minimum: int
    maximum: int
    desired: int


class Decisions:
    """Holds every decision of a policy against the nodes that served then.

    What it decided is what the users are told from then on.
    """

    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self.added_at: dict[str, int] = {}
        self._read = 0
        self._raw = world.store.database.raw
        world.chaos.on_commit.append(self._committed)

    def _committed(self) -> None:
        question = "SELECT * FROM seen_decisions WHERE seq > ? ORDER BY seq"
        for row in self._raw.execute(question, (self._read,)).fetchall():
            decision = _Decision(*row)
            self._read = decision.seq
            if decision.stayed is None:
                self._done(decision)

    def _done(self, decision: _Decision) -> None:
        question = "SELECT project_id, name FROM clusters WHERE id = ?"
        told = self.model.told[tuple(self._raw.execute(question, (decision.cluster_id,)).fetchone())]
        before, after = told.desired, decision.desired
        who = "" if not self.world.chaos.actors else self.world.chaos.actors[-1][0]
        self.world.trace(f"{who} {decision.name} of {decision.cluster_id[:4]}: {before} -> {after}")
        if not decision.minimum <= after <= decision.maximum:
            raise self.world.broke("3 bounds", f"{decision}")
        fault = self._simple(decision, before) if decision.name in _SIMPLE else self._step(decision, before)
        if fault:
            raise self.world.broke("31 scaling", f"{fault}, {before} -> {after}: {decision}")
        if decision.name in _STEPS and after > before:
            self.added_at[decision.cluster_id] = decision.at
        told.desired = after
        self.model.effects += 1

    def _simple(self, decision: _Decision, before: int) -> str:
        bounded = sorted((decision.minimum, before + _SIMPLE[decision.name], decision.maximum))[1]
        return "" if decision.desired == bounded else "another amount than was asked for"

    def _step(self, decision: _Decision, before: int) -> str:
        """What warms up counts as added: the same step adds nothing more, and nothing is taken away meanwhile."""
        warm, amount = self._warm(decision), _STEPS[decision.name]
        if (decision.desired > before) is not (amount > 0):
            return "the other way"
        if amount > 0:
            return f"{warm} are warm" if decision.desired > warm + amount else ""
        return f"{warm} are warm" if warm < before else ""

    def _warm(self, decision: _Decision) -> int:
        """How many have served for long enough, or since before the last step that added any."""
        question = "SELECT in_service_at FROM nodes WHERE cluster_id = ? AND state = 'InService'"
        since = decision.at - decision.warmup_seconds * _MICROS
        settled = max(since, self.added_at.get(decision.cluster_id, decision.at))
        return sum(at <= settled for (at,) in self._raw.execute(question, (decision.cluster_id,)).fetchall())


class Scalers(Companion):
    """What users do with policies, and with the alarms that ask them."""

    def __init__(self, decisions: Decisions, users: Sequence[User]) -> None:
        super().__init__(decisions.world, users)

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return ((3, self._put), (6, self._execute), (3, self._alarm))

    def settle_in(self) -> None:
        """Some to begin with."""
        for user in self.users:
            for cluster in ("red", "green"):
                for name in (*_STEPS, *_SIMPLE):
                    self._write(user, cluster, name)

    def _put(self, user: User) -> None:
        self._write(user, user._name(), self._policy())

    def _write(self, user: User, cluster: str, name: str) -> None:
        """A policy, and an alarm that asks it."""
        warmup = self.world.rng.choice((30, 120, 300))
        if name in _STEPS:
            steps = (Step(0.0, None, _STEPS[name]),)
            wanted = WantedPolicy(
                name, PolicyKind.STEP, adjustment=Adjustment.CHANGE, steps=steps, warmup_seconds=warmup
            )
        else:
            wanted = WantedPolicy(name, PolicyKind.SIMPLE, adjustment=Adjustment.CHANGE, amount=_SIMPLE[name])
        made = user.backend.scaling_policies.put(user.scope, cluster, wanted, Said(_arn, lambda alarm: {}))
        stat = MetricStat(Metric("App", "Load"), 60, "Average")
        watched = Watched(Comparison.ABOVE, _THRESHOLD, 1, stat=stat)
        alarm = WantedAlarm(f"{cluster}-{name}", watched, alarm_actions=(_arn(made),))
        user.backend.alarms.put(user.scope, alarm, lambda alarm: {})

    def _execute(self, user: User) -> None:
        name = self._policy()
        breach = Breach((_MEASURED,), _THRESHOLD) if name in _STEPS else None
        honor = self.world.rng.random() < 0.5
        policy = PolicyName(name, user._name())
        user.backend.scaling_policies.execute(user.scope, policy, breach=breach, honor_cooldown=honor)

    def _alarm(self, user: User) -> None:
        """Somebody says what its state is; it is judged again within a minute, by nothing that was measured."""
        state = self.world.rng.choice((AlarmState.ALARM, AlarmState.ALARM, AlarmState.OK))
        data = json.dumps({"recentDatapoints": [_MEASURED]})
        user.backend.alarms.set_state(user.scope, f"{user._name()}-{self._policy()}", state, "by hand", data)

    def _policy(self) -> str:
        return self.world.rng.choice(("out", "out", *_STEPS, *_SIMPLE))

    def settle(self) -> None:
        """No alarm asks for anything any more: all is to come to rest."""
        for user in self.users:
            names = [
                f"{cluster}-{name}" for cluster in sorted({"red", "green", "blue"}) for name in (*_STEPS, *_SIMPLE)
            ]
            with contextlib.suppress(Finding):
                user.backend.alarms.remove(user.scope, names, lambda alarm: {})


def _arn(policy: ScalingPolicy) -> str:
    where = f"autoScalingGroupName/{policy.cluster_name}:policyName/{policy.name}"
    return f"arn:aws:autoscaling:us-east-1:1:scalingPolicy:{policy.id}:{where}"
