"""Scaling policies: written, executed at a request, listed and deleted. Alarms have them executed by an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from backend.clock import Clock
from backend.domain.activity import Cause, CauseKind
from backend.domain.alarms import ONE_LINE, WantedAlarm
from backend.domain.cluster import Cluster
from backend.domain.cluster_findings import CoolingDown
from backend.domain.metric_queries import ExpressionRefused
from backend.domain.page import Page
from backend.domain.prediction import Prediction, Told
from backend.domain.quotas import Quota
from backend.domain.scaling import Breach, Capacity, Decision, PolicyKind, ScalingPolicy, Stay, WantedPolicy
from backend.domain.scaling_findings import (
    BreachMissing,
    ForecastMissing,
    GaugeRefused,
    PolicyDisabled,
    PolicyNotExecutable,
    PolicyNotPredictive,
    ScalingPolicyNotFound,
)
from backend.domain.scope import Scope
from backend.domain.steps import TooManySteps
from backend.domain.tracking import Tracking
from backend.errors import Finding
from backend.policies import scaling_rules, simple_scaling, step_scaling
from backend.policies.metric_math import Answers, nothing_read
from backend.services import alarms as kept_alarms
from backend.services.alarms import Describe
from backend.store import alarms, clusters, forecasts, intents, quotas, scaling_policies
from backend.store.outlets import Outlets
from backend.store.scaling_policies import POLICIES, PolicyQuery
from backend.store.session import Connection, Store

__all__ = ["PolicyName", "PolicyQuery", "Said", "ScalingPolicies", "carry_out", "locked"]


@dataclass(frozen=True, slots=True)
class PolicyName:
    """Which policy is meant.

    Attributes:
        given: as the caller wrote it.
        id: where that is an ARN, its id.
        cluster_name: None where the id alone says it.
    """

    given: str
    cluster_name: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What only the caller's words tell.

    Attributes:
        arn: of a policy.
        describe: an alarm as its history tells it.
    """

    arn: Callable[[ScalingPolicy], str]
    describe: Describe


class ScalingPolicies:
    """Writes, executes, lists and deletes scaling policies."""

    def __init__(self, store: Store, clock: Clock, outlets: Outlets | None = None) -> None:
        self._store = store
        self._clock = clock
        self._outlets = outlets or Outlets()

    def put(self, scope: Scope, cluster_name: str, wanted: WantedPolicy, said: Said) -> ScalingPolicy:
        """Write a policy in the place of the one of its name: what is not given is not kept.

        One of target tracking has two alarms of its own, which are made anew each time.

        Args:
            said: what only the caller's words tell.

        Raises:
            ClusterNotFound, ClusterDeleting
            PolicyRefused: see domain.scaling.PolicyFlaw.
            AlarmRefused, ExpressionRefused, TooManySteps: of what its alarms would watch.
            GaugeRefused: of what it would foresee.
            LimitExceeded
        """
        scaling_rules.check(wanted)
        # Tried here, for no transaction waits for that, and told where the group has been found.
        refusal: Finding | None = None
        if wanted.tracking is not None:
            refusal = _refusal_of(wanted.tracking, cluster_name)
        elif wanted.prediction is not None:
            refusal = _refusal_of_queries(wanted.prediction)
        now = self._clock.now()

        def work(conn: Connection) -> ScalingPolicy:
            cluster = intents.lock(conn, scope, cluster_name)
            here = scaling_policies.of_cluster(conn, scope, cluster.id)
            if wanted.name not in here:
                quotas.check(conn, scope, Quota.POLICIES, len(here) + 1)
            made = _made(cluster, wanted, here, now)
            own: list[WantedAlarm] = []
            if wanted.tracking is not None:
                others = (each for each in here.values() if each.name != wanted.name)
                scaling_rules.check_tracked(wanted.tracking, others, cluster.sources)
                if refusal is not None:
                    raise refusal
                own = _alarms(cluster.name, wanted.tracking, made.id, said.arn(made))
            if wanted.prediction is not None:
                scaling_rules.check_sources(wanted.prediction.labels, cluster.sources)
                if refusal is not None:
                    raise refusal
            kept_alarms.wake_for(conn, scope, own, now)
            alarms.remove_of_policy(conn, scope, made.id, now)
            for alarm in own:
                kept_alarms.put(conn, scope, alarm, said.describe, now, self._outlets)
            made = replace(made, alarms=tuple(alarm.name for alarm in own))
            scaling_policies.write(conn, scope, made)
            if wanted.prediction is not None:
                forecasts.ask(conn, scope, made.id, cluster.id, now)
            else:
                _foresee_nothing(conn, cluster, made.id, now)
            return made

        return self._store.transact(work)

    def execute(
        self, scope: Scope, name: PolicyName, *, breach: Breach | None = None, honor_cooldown: bool = False
    ) -> Decision:
        """Have a simple or step policy change the desired capacity, as if an alarm asked; what it decided.

        Args:
            breach: what was measured, which a step policy needs and no other takes.
            honor_cooldown: a simple one waits for what is under way.

        Raises:
            ClusterNotFound, ClusterDeleting, ScalingPolicyNotFound
            PolicyNotExecutable, PolicyDisabled, BreachMissing, NoStepFound
            CoolingDown: the cooldown was to be honoured and is not over.
        """
        now = self._clock.now()

        def work(conn: Connection) -> Decision:
            cluster, policy = locked(conn, scope, name)
            return carry_out(conn, cluster, policy, breach, now, honor_cooldown=honor_cooldown)

        return self._store.transact(work)

    def remove(self, scope: Scope, name: PolicyName) -> None:
        """Delete a policy.

        Raises:
            ClusterNotFound, ClusterDeleting, ScalingPolicyNotFound
        """

        def work(conn: Connection) -> None:
            cluster, policy = locked(conn, scope, name)
            alarms.forget_policies(conn, scope, [policy.id], self._clock.now())
            POLICIES.remove(conn, scope, id=policy.id)
            if policy.kind is PolicyKind.PREDICTIVE:
                _foresee_nothing(conn, cluster, policy.id, self._clock.now())

        self._store.transact(work)

    def page(
        self, scope: Scope, query: PolicyQuery, *, limit: int, after: tuple[str, str] | None = None
    ) -> Page[ScalingPolicy]:
        """Policies by cluster name and name; names that are unknown are left out."""
        with self._store.read() as conn:
            return scaling_policies.page(conn, scope, query, limit, after)

    def forecast(self, scope: Scope, name: PolicyName, start: datetime, end: datetime) -> tuple[Prediction, Told]:
        """What a predictive policy foresaw for the hours that begin from ``start`` on and before ``end``.

        Raises:
            ClusterNotFound, ScalingPolicyNotFound
            PolicyNotPredictive
            ForecastOutOfBounds: see domain.scaling_findings.
            ForecastMissing: none has been made yet.
        """
        scaling_rules.check_span(start, end, self._clock.now())
        with self._store.read() as conn:
            cluster = clusters.get(conn, scope, name.cluster_name or "")
            which = {"name": name.given} if name.id is None else {"id": name.id}
            policy = POLICIES.one(conn, scope, cluster_id=cluster.id, **which)
            if policy is None:
                raise ScalingPolicyNotFound(name.given)
            if policy.kind is not PolicyKind.PREDICTIVE:
                raise PolicyNotPredictive(policy.name, str(policy.kind))
            kept = forecasts.of(conn, scope, [policy.id]).get(policy.id)
            told = None if kept is None else forecasts.told(conn, kept, start, end)
        if told is None:
            raise ForecastMissing(policy.name)
        return policy.prediction, told

    def alarms_of(self, scope: Scope, policies: Sequence[ScalingPolicy]) -> Mapping[str, Sequence[str]]:
        """Names of the alarms that have each of these policies executed, by the policy's id."""
        with self._store.read() as conn:
            return alarms.acting_on(conn, scope, [policy.id for policy in policies])


def locked(conn: Connection, scope: Scope, name: PolicyName) -> tuple[Cluster, ScalingPolicy]:
    """The policy, and its cluster held.

    Raises:
        ClusterNotFound, ClusterDeleting, ScalingPolicyNotFound
    """
    cluster_name = name.cluster_name
    if cluster_name is None:
        found = None if name.id is None else POLICIES.one(conn, scope, id=name.id)
        if found is None:
            raise ScalingPolicyNotFound(name.given)
        cluster_name = found.cluster_name
    cluster = intents.lock(conn, scope, cluster_name)
    which = {"name": name.given} if name.id is None else {"id": name.id}
    policy = POLICIES.one(conn, scope, cluster_id=cluster.id, **which)
    if policy is None:
        raise ScalingPolicyNotFound(name.given)
    return cluster, policy


def carry_out(
    conn: Connection,
    cluster: Cluster,
    policy: ScalingPolicy,
    breach: Breach | None,
    now: datetime,
    *,
    honor_cooldown: bool,
) -> Decision:
    """Have a policy change the desired capacity of its cluster, which is held; see ``ScalingPolicies.execute``.

    Raises:
        PolicyNotExecutable, PolicyDisabled, BreachMissing, NoStepFound, CoolingDown
    """
    if policy.kind not in {PolicyKind.SIMPLE, PolicyKind.STEP}:
        raise PolicyNotExecutable(policy.name, str(policy.kind))
    if (breach is not None) != (policy.kind is PolicyKind.STEP):
        raise BreachMissing(str(policy.kind), given=breach is not None)
    if not policy.enabled:
        raise PolicyDisabled(policy.name)
    upon = scaling_policies.capacity(conn, cluster, policy, now)
    decision = _decided(policy, upon, breach, honor_cooldown=honor_cooldown)
    if decision.stay is Stay.BUSY:
        raise CoolingDown(cluster.name, upon.busy or "")
    told: dict[str, str | int] = {"policy": policy.name, "before": upon.desired, "after": decision.desired}
    cause = Cause(CauseKind.USER_EXECUTED_POLICY, now, told)
    scaling_policies.follow(conn, cluster, policy, decision, cause, warming=upon.warming)
    return decision


def _decided(policy: ScalingPolicy, upon: Capacity, breach: Breach | None, *, honor_cooldown: bool) -> Decision:
    if breach is None:
        return simple_scaling.decide(policy, upon, honor_cooldown=honor_cooldown)
    return step_scaling.decide(policy, upon, breach)


def _made(cluster: Cluster, wanted: WantedPolicy, here: Mapping[str, ScalingPolicy], now: datetime) -> ScalingPolicy:
    """What is written for what was asked for.

    Args:
        here: the cluster's policies by name.
    """
    before = here.get(wanted.name)
    return ScalingPolicy(
        id=str(uuid4()) if before is None else before.id,
        cluster_id=cluster.id,
        cluster_name=cluster.name,
        name=wanted.name,
        kind=wanted.kind,
        enabled=wanted.enabled,
        created_at=now if before is None else before.created_at,
        adjustment=wanted.adjustment,
        amount=wanted.amount,
        magnitude=wanted.magnitude,
        cooldown_seconds=wanted.cooldown_seconds,
        aggregation=wanted.aggregation,
        warmup_seconds=wanted.warmup_seconds,
        ladder=tuple((step.lower, step.upper, step.amount) for step in wanted.steps),
        tracking=None if wanted.tracking is None else wanted.tracking.document(),
        forecast=None if wanted.prediction is None else wanted.prediction.document(),
    )


def _foresee_nothing(conn: Connection, cluster: Cluster, policy_id: str, now: datetime) -> None:
    forecasts.forget(conn, cluster.scope, policy_id)
    scaling_policies.note_foreseen(conn, cluster, now)


def _refusal_of(tracking: Tracking, cluster_name: str) -> Finding | None:
    """Why no alarm may watch what is tracked."""
    refusals = (kept_alarms.refusal_of(watched) for watched in tracking.watched(cluster_name))
    return next((refusal for refusal in refusals if refusal is not None), None)


def _refusal_of_queries(prediction: Prediction) -> Finding | None:
    """Why queries cannot tell what is to be foreseen: seen without any data."""
    gauges = (prediction.load, prediction.scaling, prediction.capacity)
    for queries in (gauge.queries for gauge in gauges if gauge is not None):
        for returned in (query.id for query in queries if query.returned):
            try:
                if len(Answers(queries, nothing_read, lambda _: (), lambda *_: ()).of(returned)) > 1:
                    return GaugeRefused(returned, ONE_LINE)
            except ExpressionRefused as refusal:
                return GaugeRefused(refusal.query, refusal.reason)
            except TooManySteps:
                return GaugeRefused(returned, "the expression is too costly")
    return None


_LONGEST_NAME: Final = 255
_ALARM: Final = "TargetTracking-{cluster}-Alarm{which}-{uuid}"


def _alarms(cluster_name: str, tracking: Tracking, policy_id: str, arn: str) -> list[WantedAlarm]:
    """The alarms of a policy that tracks a metric: for too much, and for too little.

    Source: conformance/recorded aas/scale_in; the words as users import them.
    """
    found = []
    for which, watched in zip(("High", "Low"), tracking.watched(cluster_name), strict=True):
        uuid = str(uuid4())
        room = _LONGEST_NAME - len(_ALARM.format(cluster="", which=which, uuid=uuid))
        found.append(
            WantedAlarm(
                name=_ALARM.format(cluster=cluster_name[:room], which=which, uuid=uuid),
                watched=watched,
                description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}."[:_LONGEST_NAME],
                alarm_actions=(arn,),
                policy_id=policy_id,
            )
        )
    return found
