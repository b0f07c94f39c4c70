"""What scaling policies do when an alarm asks them: once for each evaluation, under the lease of the round.

A cluster is held before its alarm, as by everybody who holds both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.domain import alarm_work
from backend.domain.activity import Cause, CauseKind
from backend.domain.alarm_actions import ActionFault, policy_of
from backend.domain.alarms import Alarm, AlarmState, Watched, next_evaluation
from backend.domain.cluster import Cluster, ClusterStatus, Process
from backend.domain.metric_queries import ExpressionRefused
from backend.domain.scaling import Breach, Capacity, Decision, PolicyKind, ScalingPolicy, Stay
from backend.domain.scaling_findings import NoStepFound
from backend.domain.scope import Scope
from backend.domain.steps import TooManySteps
from backend.domain.tracking import Tracking
from backend.engine.alarm_verdicts import measured
from backend.engine.context import Context
from backend.policies import simple_scaling, step_scaling, target_tracking
from backend.policies.alarm_states import decide
from backend.store import alarm_changes, clusters, scaling_policies
from backend.store.alarms import ALARMS, ROUNDS, RoundLease
from backend.store.scaling_policies import POLICIES
from backend.store.session import Connection
from backend.store.types import from_micros

_FRESH: Final = timedelta(seconds=90)
"""Data that a step is chosen by are no older. Source: conformance/recorded alarm_signals: two minutes are too old."""


class _Failed(Exception):
    """An action that cannot be carried out: why, and what more the alarm's history keeps of that."""

    def __init__(self, fault: ActionFault, **told: Any) -> None:
        super().__init__(str(fault))
        self.told: Mapping[str, Any] = {"kind": str(fault), **told}


def act(context: Context, lease: RoundLease, alarm_id: str, conn: Connection) -> Sequence[str]:
    """Have the policies of an alarm do what its state asks for; what they did, for the log.

    What is still to be done to a server stays: its alarm is due when that is.
    """
    scope = lease.scope
    seen = ALARMS.one(conn, scope, id=alarm_id)
    if seen is None or seen.acts is None:
        return ()
    due = alarm_work.is_for_policies(seen.acts, context.now())
    ids = {action: policy_of(action) for action in seen.actions(AlarmState(seen.acts["state"])) if due}
    wanted = {policy_id for policy_id in ids.values() if policy_id is not None}
    found = POLICIES.of(conn, scope, wanted)
    clusters.lock_many(conn, {policy.cluster_id for policy in found.values()})
    if ROUNDS.fence(conn, lease) is None:
        return ()
    alarm = ALARMS.hold(conn, scope, id=alarm_id)
    if alarm is None or alarm.acts != seen.acts:
        return ()
    now = context.now()
    lines: list[str] = []
    for action, policy_id in ids.items():
        if policy_id is not None:
            told = _Asked(conn, alarm, action, now)
            lines += told.ask(scope, found.get(policy_id))
    passed(conn, scope, alarm, next_evaluation(alarm.id, alarm.rule.period, now))
    return lines


def passed(conn: Connection, scope: Scope, alarm: Alarm, next_at: datetime) -> None:
    """Its policies have been asked: it is evaluated next then. Before that, too, it is due for a server of its own."""
    if alarm.acts is not None and alarm_work.is_for_server(alarm.acts):
        alarm_changes.write(conn, scope, alarm, acts=alarm_work.without_policies(alarm.acts, next_at))
    else:
        alarm_changes.write(conn, scope, alarm, acts=None, next_at=next_at)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One policy that an alarm asks, by its ARN as it stands among the alarm's actions."""

    conn: Connection
    alarm: Alarm
    action: str
    now: datetime

    def ask(self, scope: Scope, policy: ScalingPolicy | None) -> Sequence[str]:
        """What comes of it is kept in the alarm's history where its state is new, or the capacity changes."""
        acts = self.alarm.acts or {}
        done, fault = "", None
        try:
            done = self._follow(policy)
        except _Failed as failed:
            fault = failed.told
        if done or (acts["was"] != acts["state"] and alarm_work.is_fresh(acts)):
            alarm_changes.executed(self.conn, scope, self.alarm, self.action, self.now, fault=fault)
        return [done] if done else []

    def _follow(self, policy: ScalingPolicy | None) -> str:
        """Give the cluster what the policy decides; what that is, for the log. Raises _Failed."""
        cluster = None if policy is None else clusters.lock_by_id(self.conn, policy.cluster_id)
        if policy is None or cluster is None or cluster.status is ClusterStatus.DELETING:
            raise _Failed(ActionFault.NO_POLICY)
        upon = scaling_policies.capacity(self.conn, cluster, policy, self.now)
        decision = self._decide(cluster, policy, upon)
        told: dict[str, str | int] = {
            "alarm": self.alarm.name,
            "policy": policy.name,
            "before": upon.desired,
            "after": decision.desired,
            "invoking": self._invoking(),
        }
        cause = Cause(CauseKind.ALARM_TRIGGERED_POLICY, self.now, told)
        scaling_policies.follow(self.conn, cluster, policy, decision, cause)
        if decision.stay is not None:
            return ""
        step = f"{upon.desired}->{decision.desired}"
        return f"cluster={cluster.name!r} policy={policy.name!r} alarm={self.alarm.name!r} {step}"

    def _decide(self, cluster: Cluster, policy: ScalingPolicy, upon: Capacity) -> Decision:
        if not policy.enabled:
            return Decision(upon.desired, Stay.DISABLED)
        if not cluster.runs(Process.ALARM_NOTIFICATION):
            return Decision(upon.desired, Stay.SUSPENDED)
        if policy.kind is PolicyKind.SIMPLE:
            return simple_scaling.decide(policy, upon, honor_cooldown=True)
        if policy.kind is PolicyKind.STEP:
            try:
                return step_scaling.decide(policy, upon, Breach(self._points(), self.alarm.rule.threshold))
            except NoStepFound as found:
                raise _Failed(ActionFault.NO_STEP, points=list(found.points), threshold=found.threshold) from found
        if policy.kind is PolicyKind.TARGET_TRACKING:
            return self._track(cluster, policy, upon)
        return Decision(upon.desired, Stay.NO_DATA)

    def _track(self, cluster: Cluster, policy: ScalingPolicy, upon: Capacity) -> Decision:
        """A policy that tracks a metric hears its own alarms alone: of too much, and of too little."""
        assert policy.tracking is not None
        tracking = Tracking.of(policy.tracking)
        if self.alarm.name not in policy.alarms:
            return Decision(upon.desired, Stay.NO_DATA)
        if self.alarm.name == policy.alarms[0]:
            points, at = self._points(), self._at("newest")
            nodes = scaling_policies.measured_units(self.conn, cluster, at)
            return target_tracking.scale_out(tracking.target, upon, points, nodes)
        if cluster.desired_at is not None and cluster.desired_at > self._at("oldest"):
            return Decision(upon.desired, Stay.WARMING)  # what was measured is of another capacity
        if tracking.no_scale_in:
            return Decision(upon.desired, Stay.DISABLED)
        others = [
            (Tracking.of(other.tracking), other)
            for other in scaling_policies.of_cluster(self.conn, cluster.scope, cluster.id).values()
            if other.id != policy.id and other.enabled and other.tracking is not None
        ]
        needs = [
            (each.target, self._too_little(cluster.scope, each.watched(cluster.name)[1]))
            for each, _ in others
            if not each.no_scale_in
        ]
        return target_tracking.scale_in(tracking.target, upon, self._points(), needs)

    def _too_little(self, scope: Scope, watched: Watched) -> Sequence[float]:
        """The points of another policy's metric, where they are below its target for long enough."""
        try:
            starts, points = measured(self.conn, scope, watched, self.now)
        except (ExpressionRefused, TooManySteps):
            return ()
        verdict = decide(watched, starts, points, self.now)
        if verdict is None or verdict.state is not AlarmState.ALARM:
            return ()
        return [points[slot].value for slot in starts if slot in points][: watched.periods]

    def _points(self) -> tuple[float, ...]:
        """What was measured, by the data of the state: by the evaluation's own or by what a caller set.

        Source: conformance/recorded alarm_signals.
        """
        assert self.alarm.acts is not None
        data = json.loads(self.alarm.acts["data"] or "{}")
        data = data if isinstance(data, dict) else {}
        given = data.get("recentDatapoints")
        numbers = [each for each in given if _is_number(each)] if isinstance(given, list) else []
        if not numbers:
            raise _Failed(ActionFault.NO_POINTS)
        if (at := _instant(data.get("queryDate"))) is not None and self.now - at > _FRESH:
            raise _Failed(ActionFault.STALE, at=str(data.get("queryDate")))
        return tuple(float(each) for each in numbers)

    def _at(self, which: str) -> datetime:
        """When the newest, or the oldest, of the periods began that the state was judged by; now, where nobody says."""
        assert self.alarm.acts is not None
        data = json.loads(self.alarm.acts["data"] or "{}")
        data = data if isinstance(data, dict) else {}
        judged = data.get("evaluatedDatapoints")
        entries = judged if isinstance(judged, list) else []
        instants = [_instant(each.get("timestamp")) for each in entries if isinstance(each, dict)]
        known = [each for each in instants if each is not None]
        if not known or which == "newest":
            return max(known, default=self.now)
        # Of many periods not all are told, but there is a recent point, or a gap, for each of them.
        recent = data.get("recentDatapoints")
        number = len(recent) if isinstance(recent, list) else 0
        try:
            oldest = max(known) - timedelta(seconds=self.alarm.rule.period) * max(number - 1, 0)
        except OverflowError:  # of data that anybody may have set
            return min(known)
        return min(oldest, *known)

    def _invoking(self) -> str:
        """What activities tell of the alarm, as a JSON text."""
        acts = self.alarm.acts or {}
        states = AlarmState(acts["was"]), AlarmState(acts["state"])
        told = alarm_changes.facts(self.alarm, *states, from_micros(acts["at"]))
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that is larger than any other
        return False


def _instant(text: object) -> datetime | None:
    """An instant of a reason's data, None where it is none."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
