"""Receivers: made and ended, and what they do when they hear of an alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from backend.clock import Clock
from backend.domain.cluster import Cluster, ClusterStatus, Process
from backend.domain.cluster_findings import ClusterDeleting, ClusterNotFound, CoolingDown, NodeNotFound
from backend.domain.node import Health
from backend.domain.receivers import (
    Outcome,
    Receiver,
    ReceiverGone,
    ReceiverUnknown,
    Signal,
    ThresholdMissing,
    ValueMissing,
    WantedReceiver,
    digest_of,
    new_token,
)
from backend.domain.scaling import Breach, PolicyKind, ScalingPolicy
from backend.domain.scaling_findings import (
    NoStepFound,
    PolicyDisabled,
    PolicyNotExecutable,
    ScalingPolicyNotFound,
)
from backend.domain.scope import Scope
from backend.services.nodes import Nodes
from backend.services.scaling_policies import carry_out
from backend.store import clusters, counting, hosts
from backend.store.receivers import RECEIVERS, scope_of
from backend.store.scaling_policies import POLICIES
from backend.store.session import Connection, Store
from backend.store.types import to_micros

AGAIN: Final = timedelta(minutes=1)
"""The same message within so long is one that was sent twice; later it says that the alarm lasts."""
_MOST: Final = 100
"""Receivers of a project in a region."""
_MOST_HEARD: Final = 20
_STAYS: Final[Mapping[type[Exception], Outcome]] = {
    CoolingDown: Outcome.COOLING,
    PolicyDisabled: Outcome.DISABLED,
    NoStepFound: Outcome.NO_STEP,
}


class Receivers:
    """Each call may raise StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock, nodes: Nodes) -> None:
        self._store = store
        self._clock = clock
        self._nodes = nodes

    def add(self, scope: Scope, wanted: WantedReceiver) -> tuple[Receiver, str]:
        """Make a receiver; its token is told this once.

        Raises:
            ClusterNotFound, ClusterDeleting, ScalingPolicyNotFound
            PolicyNotExecutable: the policy's kind acts by what is measured alone.
            ThresholdMissing: of a step policy, or there is one where it has no meaning.
            LimitExceeded
        """
        token, now = new_token(), self._clock.now()

        def work(conn: Connection) -> Receiver:
            # Whoever is its operator: this is for who runs the installation, and an alarm of ours would act as well.
            cluster = clusters.lock_by_id(conn, clusters.get(conn, scope, wanted.cluster_name).id)
            if cluster is None:
                raise ClusterNotFound(wanted.cluster_name)
            if cluster.status is ClusterStatus.DELETING:
                raise ClusterDeleting(cluster.name)
            policy = None
            if wanted.policy_name is not None:
                policy = POLICIES.one(conn, scope, cluster_id=cluster.id, name=wanted.policy_name)
                if policy is None:
                    raise ScalingPolicyNotFound(wanted.policy_name)
                if policy.kind not in {PolicyKind.SIMPLE, PolicyKind.STEP}:
                    raise PolicyNotExecutable(policy.name, str(policy.kind))
            needed = policy is not None and policy.kind is PolicyKind.STEP
            if needed != (wanted.threshold is not None):
                raise ThresholdMissing(wanted.policy_name or "", given=not needed)
            counting.check(conn, scope, "receivers", _MOST, partial(RECEIVERS.count, conn, scope))
            made = Receiver(
                id=str(uuid4()),
                cluster_id=cluster.id,
                cluster_name=cluster.name,
                digest=digest_of(token),
                created_at=now,
                policy_id=None if policy is None else policy.id,
                policy_name=None if policy is None else policy.name,
                threshold=wanted.threshold,
                label=wanted.label,
                drains=wanted.drains,
            )
            RECEIVERS.add(conn, scope, made)
            return made

        return self._store.transact(work), token

    def all(self, scope: Scope) -> Sequence[Receiver]:
        """Those of a project, by id."""
        with self._store.read() as conn:
            return RECEIVERS.all(conn, scope)

    def remove(self, scope: Scope, receiver_id: str) -> bool:
        """Whether there was one."""
        return bool(self._store.transact(lambda conn: RECEIVERS.remove(conn, scope, id=receiver_id)))

    def of(self, token: str) -> tuple[Scope, Receiver]:
        """Whose token that is. Raises ReceiverUnknown."""
        digest = digest_of(token)
        with self._store.read() as conn:
            scope = scope_of(conn, digest)
            found = None if scope is None else RECEIVERS.one(conn, scope, digest=digest)
        if scope is None or found is None:
            raise ReceiverUnknown
        return scope, found

    def hear(self, scope: Scope, receiver: Receiver, signal: Signal) -> Outcome:
        """Do what a message asks for, once however often it comes within a minute.

        Raises:
            ReceiverUnknown: it was ended meanwhile.
            ReceiverGone, ValueMissing, PolicyNotExecutable
        """
        if receiver.drains:
            return self._store.transact(lambda conn: self._drain(conn, scope, receiver, signal))
        if receiver.policy_id is None:
            return self._judge(scope, receiver, signal)
        return self._store.transact(lambda conn: self._execute(conn, scope, receiver, signal))

    def _execute(self, conn: Connection, scope: Scope, receiver: Receiver, signal: Signal) -> Outcome:
        """In one transaction: whoever sends it again finds that it was heard, and that it was done.

        The group is held before its receiver, as by whoever deletes both.
        """
        now = self._clock.now()
        held = _held(conn, scope, receiver) if signal.firing else None
        if self._heard(conn, scope, receiver.id, signal, now):
            return Outcome.AGAIN
        outcome = Outcome.OVER
        if held is not None:
            outcome = _executed(conn, *held, receiver.threshold, signal.value, now)
        RECEIVERS.change(conn, scope, receiver.id, outcome=outcome)
        return outcome

    def _drain(self, conn: Connection, scope: Scope, receiver: Receiver, signal: Signal) -> Outcome:
        """What an alarm names is to be replaced; where it is over, what was not replaced yet stays.

        One that an operator drains, or another receiver has named, is theirs: the end of this alarm keeps it not.
        """
        now = self._clock.now()
        cluster = clusters.lock_by_id(conn, receiver.cluster_id)
        if cluster is None or cluster.status is ClusterStatus.DELETING:
            raise ReceiverGone
        if self._heard(conn, scope, receiver.id, signal, now):
            return Outcome.AGAIN
        why = f"receiver {receiver.id}"
        kept = hosts.keep_some(conn, cluster.id, signal.over, why, now)
        leave = hosts.drain_some(conn, cluster.id, signal.servers, why, now)
        outcome = Outcome.DRAINED if kept or leave else Outcome.UNKNOWN if signal.firing else Outcome.OVER
        RECEIVERS.change(conn, scope, receiver.id, outcome=outcome)
        return outcome

    def _judge(self, scope: Scope, receiver: Receiver, signal: Signal) -> Outcome:
        """Each instance by itself, which may be judged twice: the verdict is the same."""
        marked = 0
        for server in signal.servers if signal.firing else ():
            try:
                self._nodes.set_health(scope, server, Health.UNHEALTHY, cluster_id=receiver.cluster_id)
            except NodeNotFound:
                continue
            marked += 1
        outcome = Outcome.OVER if not signal.firing else Outcome.MARKED if marked else Outcome.UNKNOWN
        now = self._clock.now()

        def work(conn: Connection) -> None:
            self._heard(conn, scope, receiver.id, signal, now)
            if clusters.get_by_id(conn, receiver.cluster_id) is None:
                raise ReceiverGone
            RECEIVERS.change(conn, scope, receiver.id, outcome=outcome)

        self._store.transact(work)
        return outcome

    @staticmethod
    def _heard(conn: Connection, scope: Scope, receiver_id: str, signal: Signal, now: datetime) -> bool:
        """Whether the receiver, which is held, has heard that just now; it has from now on."""
        receiver = RECEIVERS.hold(conn, scope, id=receiver_id)
        if receiver is None:
            raise ReceiverUnknown
        lately: list[Any] = [each for each in receiver.heard if each[1] > to_micros(now - AGAIN)]
        if any(each[0] == signal.digest for each in lately):
            return True
        heard = (*lately[1 - _MOST_HEARD :], [signal.digest, to_micros(now)])
        RECEIVERS.change(conn, scope, receiver.id, heard=heard, heard_at=now)
        return False


def _held(conn: Connection, scope: Scope, receiver: Receiver) -> tuple[Cluster, ScalingPolicy]:
    """Its group, held, and its policy; whoever is the group's operator. Raises ReceiverGone."""
    cluster = clusters.lock_by_id(conn, receiver.cluster_id)
    if cluster is None or cluster.status is ClusterStatus.DELETING:
        raise ReceiverGone
    policy = POLICIES.one(conn, scope, cluster_id=cluster.id, id=receiver.policy_id)
    if policy is None:
        raise ReceiverGone
    return cluster, policy


def _executed(  # noqa: PLR0917 - which policy of whom, upon what
    conn: Connection,
    cluster: Cluster,
    policy: ScalingPolicy,
    threshold: float | None,
    value: float | None,
    now: datetime,
) -> Outcome:
    """Have the policy of a group act, which is held, as if an alarm of ours had asked. Raises ValueMissing."""
    if not cluster.runs(Process.ALARM_NOTIFICATION):
        return Outcome.SUSPENDED
    breach = None
    if policy.kind is PolicyKind.STEP:
        if value is None or threshold is None:
            raise ValueMissing
        breach = Breach((value,), threshold)
    try:
        decision = carry_out(conn, cluster, policy, breach, now, honor_cooldown=True)
    except tuple(_STAYS) as stays:
        return _STAYS[type(stays)]
    return Outcome.STAYED if decision.stay is not None else Outcome.SCALED
