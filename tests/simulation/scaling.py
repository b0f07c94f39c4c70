"""Scaling policies in a run: users who put and execute them, alarms that ask them, and what must hold of each step."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from backend.domain.alarms import AlarmState, Comparison, WantedAlarm, Watched
from backend.domain.metric_queries import MetricStat, Query
from backend.domain.metrics import HOUR, Metric, measured
from backend.domain.prediction import Gauge, MaximumBreach, Mode, Prediction
from backend.domain.scaling import Adjustment, Breach, PolicyKind, ScalingPolicy, Step, WantedPolicy
from backend.errors import Finding
from backend.services.scaling_policies import PolicyName, Said
from backend.store.types import from_micros
from tests.simulation.companion import Companion, Deed

if TYPE_CHECKING:
    from tests.simulation.composing import Composites
    from tests.simulation.model import Model, Told
    from tests.simulation.users import User
    from tests.simulation.world import World

_STEPS: Final = {"out": 1, "more": 2, "in": -1}
_SIMPLE: Final = {"up": 1, "down": -1}
_THRESHOLD: Final = 50.0
_MEASURED: Final = 60.0
_AHEAD: Final = "ahead"
_BUFFERS: Final = (0, 300, 3540)
_PAST: Final = 30
"""Hours of a load that were measured before."""
_HOUR: Final = timedelta(hours=1)
_WORK, _BUSY, _UNITS = (Metric("App", name) for name in ("Work", "Busy", "Units"))


def needed(at: datetime) -> int:
    """The nodes that a load needs which comes again each day."""
    return 2 + at.hour % 5


_MICROS: Final = 1_000_000
_ASKED_ANEW: Final = "asked anew"


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
        self.acted: set[tuple[str, datetime]] = set()
        self._read = 0
        self._raw = world.store.database.raw
        world.chaos.on_commit.append(self._committed)

    def _committed(self) -> None:
        question = "SELECT * FROM seen_decisions WHERE seq > ? ORDER BY seq"
        for row in self._raw.execute(question, (self._read,)).fetchall():
            decision = _Decision(*row)
            self._read = decision.seq
            if decision.name == _ASKED_ANEW:
                self.acted = {each for each in self.acted if each[0] != decision.cluster_id}
                continue
            if decision.name == _AHEAD:
                self._once(decision)
            if decision.stayed is None:
                self._done(decision)

    def _once(self, decision: _Decision) -> None:
        """What is foreseen for an hour is acted by once, whether or not anything comes of it."""
        buffer, known = self._foreseeing(decision.cluster_id)
        if not known or decision.stayed == "no_data":
            return
        hour = (decision.cluster_id, (from_micros(decision.at) + buffer).replace(minute=0, second=0, microsecond=0))
        if hour in self.acted:
            raise self.world.broke("11 once", f"an hour is acted for twice: {decision}")
        self.acted.add(hour)
        told = self._told(decision)
        if decision.maximum < told.maximum:
            raise self.world.broke("22 scaling", f"a forecast lowers the maximum {told.maximum}: {decision}")
        told.maximum = decision.maximum  # though nothing else may come of it

    def _foreseeing(self, cluster_id: str) -> tuple[timedelta, bool]:
        """How long before its hour a cluster's forecast asks for what is needed; whether there is any."""
        question = """SELECT p.forecast, f.expected FROM scaling_policies p JOIN forecasts f ON f.id = p.id
            WHERE p.cluster_id = ? AND p.kind = 'PredictiveScaling'"""
        row = self._raw.execute(question, (cluster_id,)).fetchone()
        if row is None or row[1] is None:
            return timedelta(), False
        return Prediction.of(json.loads(row[0])).buffer, True

    def _asked(self, decision: _Decision) -> int | None:
        """What a cluster's forecast asks for at the time of a decision."""
        buffer, known = self._foreseeing(decision.cluster_id)
        at = from_micros(decision.at)
        return max(needed(at), needed(at + buffer)) if known else None

    def _done(self, decision: _Decision) -> None:
        told = self._told(decision)
        before, after = told.desired, decision.desired
        who = "" if not self.world.chaos.actors else self.world.chaos.actors[-1][0]
        self.world.trace(f"{who} {decision.name} of {decision.cluster_id[:4]}: {before} -> {after}")
        if not decision.minimum <= after <= decision.maximum:
            raise self.world.broke("3 bounds", f"{decision}")
        judges = {_AHEAD: self._ahead, **dict.fromkeys(_SIMPLE, self._simple)}
        fault = judges.get(decision.name, self._step)(decision, before) or self._below(decision, before)
        if fault:
            raise self.world.broke("31 scaling", f"{fault}, {before} -> {after}: {decision}")
        if decision.name not in _SIMPLE and after > before and not self._warms(decision, before):
            self.added_at[decision.cluster_id] = decision.at
        told.desired = after
        self.model.effects += 1

    def _told(self, decision: _Decision) -> Told:
        """What users know of the cluster."""
        question = "SELECT project_id, name FROM clusters WHERE id = ?"
        return self.model.told[tuple(self._raw.execute(question, (decision.cluster_id,)).fetchone())]

    def _ahead(self, decision: _Decision, before: int) -> str:
        """More, and no more than is asked for."""
        asked = self._asked(decision)
        if decision.desired <= before:
            return "a forecast takes away"
        return "" if asked is not None and decision.desired == min(asked, decision.maximum) else f"asked for {asked}"

    def _below(self, decision: _Decision, before: int) -> str:
        """No policy goes below what a forecast asks for, where so much is there."""
        asked = self._asked(decision)
        return f"{asked} are foreseen" if asked is not None and decision.desired < min(asked, before) else ""

    def _warms(self, decision: _Decision, before: int) -> bool:
        """Whether what was added before still warms up for any policy of the cluster."""
        added_at = self.added_at.get(decision.cluster_id)
        question = """SELECT max(coalesce(p.warmup_seconds, c.warmup_seconds, c.cooldown_seconds))
            FROM scaling_policies p JOIN clusters c ON c.id = p.cluster_id WHERE p.cluster_id = ?"""
        (longest,) = self._raw.execute(question, (decision.cluster_id,)).fetchone()
        return added_at is not None and self._settled(decision, longest, added_at) < before

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
        """How many have served for long enough, or since before the last step that added any.

        All of them where none ever did: one that came while the decision was under way is newer than its time, and warm.
        """
        return self._settled(decision, decision.warmup_seconds, self.added_at.get(decision.cluster_id))

    def _settled(self, decision: _Decision, warmup_seconds: int, added_at: int | None) -> int:
        question = "SELECT in_service_at FROM nodes WHERE cluster_id = ? AND state = 'InService'"
        came = [at for (at,) in self._raw.execute(question, (decision.cluster_id,)).fetchall()]
        if added_at is None:
            return len(came)
        settled = max(decision.at - warmup_seconds * _MICROS, added_at)
        return sum(at <= settled for at in came)


class Scalers(Companion):
    """What users do with policies, and with the alarms that ask them."""

    def __init__(self, decisions: Decisions, users: Sequence[User], composites: Composites | None) -> None:
        super().__init__(decisions.world, users)
        self._composites = composites

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        deeds: Sequence[tuple[int, Deed]] = ((3, self._put), (6, self._execute), (3, self._alarm))
        if not self.world.mood.foreseeing:
            return deeds
        return (*deeds, (2, self._foresee), (3, self._let_warm_up))

    def settle_in(self) -> None:
        """Some to begin with."""
        for user in self.users:
            if self.world.mood.foreseeing:
                self._measure(user)
            for cluster in ("red", "green"):
                for name in (*_STEPS, *_SIMPLE):
                    self._write(user, cluster, name)

    def _measure(self, user: User) -> None:
        """A load of some days, which one node had alone."""
        hour = self.world.clock.now().replace(minute=0, second=0, microsecond=0)
        past = [hour - _HOUR * back for back in range(1, _PAST + 1)]
        values = [(at, float(needed(at))) for at in past]
        data = [measured(of, at, [value]) for at, value in values for of in (_WORK, _BUSY)]
        user.backend.metrics.put(user.scope, [*data, *(measured(_UNITS, at, [1.0]) for at in past)])

    def _foresee(self, user: User) -> None:
        """A predictive policy, or the end of one."""
        cluster = user._name()
        if self.world.rng.random() < 0.15:
            user.backend.scaling_policies.remove(user.scope, PolicyName(_AHEAD, cluster))
            return
        gauges = (_gauge(_WORK, "Sum"), _gauge(_BUSY, "Average"), _gauge(_UNITS, "Average"))
        room = self.world.rng.choice((None, None, 0, 50))
        breach = None if room is None else MaximumBreach.INCREASE
        buffer = self.world.rng.choice(_BUFFERS)
        prediction = Prediction(1.0, None, *gauges, Mode.SCALE, breach, buffer, room)
        wanted = WantedPolicy(_AHEAD, PolicyKind.PREDICTIVE, prediction=prediction)
        user.backend.scaling_policies.put(user.scope, cluster, wanted, Said(_arn, lambda alarm: {}))

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
        if self._composites is not None:
            self._composites.follow(user, alarm.name)

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

    def _let_warm_up(self, _user: User) -> None:
        """Nobody does anything for a while: what is always new is never warm."""
        self.world.clock.wait(self.world.rng.choice((10.0, 20.0, 40.0)))

    def _policy(self) -> str:
        return self.world.rng.choice(("out", "out", *_STEPS, *_SIMPLE))

    def settle(self) -> None:
        """No alarm asks for anything any more, and nothing is foreseen: all is to come to rest."""
        for user in self.users:
            names = [
                f"{cluster}-{name}" for cluster in sorted({"red", "green", "blue"}) for name in (*_STEPS, *_SIMPLE)
            ]
            if self._composites is not None:
                self._composites.let_go(user, names)
            with contextlib.suppress(Finding):
                user.backend.alarms.remove(user.scope, names, lambda alarm: {})
            for cluster in ("red", "green", "blue"):
                with contextlib.suppress(Finding):
                    user.backend.scaling_policies.remove(user.scope, PolicyName(_AHEAD, cluster))


def _gauge(of: Metric, statistic: str) -> Gauge:
    return Gauge(queries=(Query("q", MetricStat(of, HOUR, statistic)),))


def _arn(policy: ScalingPolicy) -> str:
    where = f"autoScalingGroupName/{policy.cluster_name}:policyName/{policy.name}"
    return f"arn:aws:autoscaling:us-east-1:1:scalingPolicy:{policy.id}:{where}"
