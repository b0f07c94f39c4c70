"""Listeners and rules of balancers that are made here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from backend import errors
from backend.clock import Clock
from backend.domain import balancer_findings
from backend.domain.balancers import (
    BalancerKind,
    BalancerListener,
    BalancerRule,
    Document,
    LoadBalancer,
    forwarded,
    new_digits,
    referred,
)
from backend.domain.scope import Scope
from backend.drivers.balancer_making import ListenerPlan, RulePlan
from backend.drivers.balancer_plans import blend_plan, listener_plan, pool_plan, rule_plan, rule_plans
from backend.drivers.cloud import Cloud
from backend.services import limits
from backend.services.balancers import beside, check_parts, locked, present, tag_id
from backend.services.catalog import asking
from backend.services.server_certificates import hold
from backend.services.target_groups import known
from backend.store import balancers, resource_tags
from backend.store.balancers import LISTENERS, RULES
from backend.store.session import Connection, Store


@dataclass(frozen=True, slots=True)
class NewListener:
    """A listener as it is asked for."""

    protocol: str
    port: int
    actions: tuple[Document, ...]
    certificates: tuple[str, ...] = ()
    ssl_policy: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewRule:
    """A rule as it is asked for."""

    priority: int
    conditions: tuple[Document, ...]
    actions: tuple[Document, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


Revise = Callable[[BalancerListener], Mapping[str, Any]]
"""Fields of a listener by those that it has."""


class Listeners:
    """Listeners and rules by the 16 digits that end their ARNs."""

    def __init__(self, store: Store, cloud: Cloud, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._clock = clock

    def all(self, scope: Scope) -> Sequence[BalancerListener]:
        """Every listener, by balancer and port."""
        with self._store.read() as conn:
            found = LISTENERS.all(conn, scope)
        return sorted(found, key=lambda each: (each.balancer_id, each.port))

    def get(self, scope: Scope, listener_id: str) -> BalancerListener:
        """Raises ListenerNotFound."""
        with self._store.read() as conn:
            return _listener(conn, scope, listener_id)

    def create(self, scope: Scope, balancer_id: str, wanted: NewListener) -> BalancerListener:
        """Make a listener.

        Raises:
            BalancerNotFound, ListenerExists, LimitExceeded, PoolNotFound, TargetGroupElsewhere, BalancingLacks
            CertificateMissing
        """
        made = BalancerListener(
            id=new_digits(str(uuid.uuid4())),
            balancer_id=balancer_id,
            protocol=wanted.protocol,
            port=wanted.port,
            actions=wanted.actions,
            created_at=self._clock.now(),
            certificates=wanted.certificates,
            ssl_policy=wanted.ssl_policy,
        )

        check_certificates(self._cloud, scope, made.protocol)

        def work(conn: Connection) -> BalancerListener:
            balancer = locked(conn, scope, balancer_id, self._clock)
            here = LISTENERS.all(conn, scope, balancer_id=balancer_id)
            if any(each.port == made.port for each in here):
                raise balancer_findings.ListenerExists(made.port)
            if len(here) >= limits.LISTENERS_OF_BALANCER:
                raise errors.LimitExceeded("listeners", limits.LISTENERS_OF_BALANCER)
            self._check_actions(conn, scope, balancer, made.actions)
            self._check(conn, scope, listener_plan(balancer, made))
            hold(conn, scope, made.certificates)
            LISTENERS.add(conn, scope, made)
            resource_tags.put(conn, scope, tag_id(made.id), wanted.tags)
            balancers.refer(conn, scope, balancer_id)
            return made

        return self._store.transact(work)

    def change(self, scope: Scope, listener_id: str, revise: Revise | None = None, **values: Any) -> BalancerListener:
        """Set fields of a listener; attributes beside those it has.

        Args:
            revise: asked for further fields while nobody else changes the listener; it may refuse by raising.

        Raises:
            ListenerNotFound, and as ``create``
        """
        check_certificates(self._cloud, scope, values.get("protocol", ""))

        def work(conn: Connection) -> BalancerListener:
            found = _listener(conn, scope, listener_id)
            balancer = locked(conn, scope, found.balancer_id, self._clock)
            found = _listener(conn, scope, listener_id)
            whole = beside(found, values, revise)
            changed = replace(found, **whole)
            here = LISTENERS.all(conn, scope, balancer_id=balancer.id)
            if any(each.port == changed.port and each.id != listener_id for each in here):
                raise balancer_findings.ListenerExists(changed.port)
            self._check_actions(conn, scope, balancer, changed.actions)
            self._check(conn, scope, listener_plan(balancer, changed))
            hold(conn, scope, [each for each in changed.certificates if each not in found.certificates])
            LISTENERS.change(conn, scope, listener_id, **whole)
            balancers.refer(conn, scope, balancer.id)
            return changed

        return self._store.transact(work)

    def delete(self, scope: Scope, listener_id: str) -> None:
        """Delete a listener with its rules. Raises ListenerNotFound."""

        def work(conn: Connection) -> None:
            found = _listener(conn, scope, listener_id)
            locked(conn, scope, found.balancer_id, self._clock)
            for each in RULES.all(conn, scope, listener_id=listener_id):
                resource_tags.remove(conn, scope, tag_id(each.id))
            RULES.remove(conn, scope, listener_id=listener_id)
            LISTENERS.remove(conn, scope, id=listener_id)
            resource_tags.remove(conn, scope, tag_id(listener_id))
            balancers.refer(conn, scope, found.balancer_id)

        self._store.transact(work)

    # rules -----------------------------------------------------------------------------------------------------------

    def rules(self, scope: Scope, listener_id: str | None = None) -> Sequence[BalancerRule]:
        """Those of a listener, or all, by listener and priority. Raises ListenerNotFound."""
        with self._store.read() as conn:
            if listener_id is not None:
                _listener(conn, scope, listener_id)
                found = RULES.all(conn, scope, listener_id=listener_id)
            else:
                found = RULES.all(conn, scope)
        return sorted(found, key=lambda each: (each.listener_id, each.priority))

    def create_rule(
        self,
        scope: Scope,
        listener_id: str,
        wanted: NewRule,
    ) -> BalancerRule:
        """Make a rule.

        Raises:
            ListenerNotFound, PriorityInUse, LimitExceeded, PoolNotFound, TargetGroupElsewhere, BalancingLacks
            RuleMisplaced
        """

        def work(conn: Connection) -> BalancerRule:
            balancer = locked(conn, scope, _listener(conn, scope, listener_id).balancer_id, self._clock)
            listener = _listener(conn, scope, listener_id)
            made = BalancerRule(
                id=new_digits(str(uuid.uuid4())),
                balancer_id=balancer.id,
                listener_id=listener_id,
                priority=wanted.priority,
                conditions=wanted.conditions,
                actions=wanted.actions,
                created_at=self._clock.now(),
            )
            here = RULES.all(conn, scope, balancer_id=balancer.id)
            if any(each.listener_id == listener_id and each.priority == wanted.priority for each in here):
                raise balancer_findings.PriorityInUse(wanted.priority)
            if len(here) >= limits.RULES_OF_BALANCER:
                raise errors.LimitExceeded("rules", limits.RULES_OF_BALANCER)
            self._check_actions(conn, scope, balancer, wanted.actions)
            self._check(conn, scope, rule_plan(made, 1, listener))
            self._check_order(scope, listener, [*here, made])
            RULES.add(conn, scope, made)
            resource_tags.put(conn, scope, tag_id(made.id), wanted.tags)
            balancers.refer(conn, scope, balancer.id)
            return made

        return self._store.transact(work)

    def change_rule(self, scope: Scope, rule_id: str, **values: Any) -> BalancerRule:
        """Set conditions or actions of a rule. Raises RuleNotFound and as ``create_rule``."""

        def work(conn: Connection) -> BalancerRule:
            found = _rule(conn, scope, rule_id)
            balancer = locked(conn, scope, found.balancer_id, self._clock)
            changed = replace(_rule(conn, scope, rule_id), **values)
            self._check_actions(conn, scope, balancer, changed.actions)
            listener = _listener(conn, scope, changed.listener_id)
            self._check(conn, scope, rule_plan(changed, 1, listener))
            others = [each for each in RULES.all(conn, scope, listener_id=listener.id) if each.id != rule_id]
            self._check_order(scope, listener, [*others, changed])
            RULES.change(conn, scope, rule_id, **values)
            balancers.refer(conn, scope, balancer.id)
            return changed

        return self._store.transact(work)

    def delete_rule(self, scope: Scope, rule_id: str) -> None:
        """Raises RuleNotFound."""

        def work(conn: Connection) -> None:
            found = _rule(conn, scope, rule_id)
            locked(conn, scope, found.balancer_id, self._clock)
            RULES.remove(conn, scope, id=rule_id)
            resource_tags.remove(conn, scope, tag_id(rule_id))
            balancers.refer(conn, scope, found.balancer_id)

        self._store.transact(work)

    def set_priorities(self, scope: Scope, priorities: Mapping[str, int]) -> Sequence[BalancerRule]:
        """Give rules of one listener other places, all at once. Raises RuleNotFound, PriorityInUse, RuleMisplaced."""

        def work(conn: Connection) -> Sequence[BalancerRule]:
            first = _rule(conn, scope, next(iter(priorities)))
            locked(conn, scope, first.balancer_id, self._clock)
            here = RULES.all(conn, scope, listener_id=first.listener_id)
            for rule_id in priorities:
                if rule_id not in {each.id for each in here}:
                    raise balancer_findings.RuleNotFound(rule_id)
            moved = [replace(each, priority=priorities.get(each.id, each.priority)) for each in here]
            taken: set[int] = set()
            for each in moved:
                if each.priority in taken:
                    raise balancer_findings.PriorityInUse(each.priority)
                taken.add(each.priority)
            self._check_order(scope, _listener(conn, scope, first.listener_id), moved)
            for each in moved:
                RULES.change(conn, scope, each.id, priority=each.priority)
            return [each for each in moved if each.id in priorities]

        return self._store.transact(work)

    @staticmethod
    def _check_actions(conn: Connection, scope: Scope, balancer: LoadBalancer, actions: Sequence[Document]) -> None:
        """Groups exist, serve no other balancer, and are not too many."""
        wanted = forwarded(actions)
        balancers.lock_groups(conn, scope, wanted)
        for group_id in wanted:
            group = known(conn, scope, group_id)
            if group.balancer_id not in {None, balancer.id}:
                raise balancer_findings.TargetGroupElsewhere(group_id)
        listeners = LISTENERS.all(conn, scope, balancer_id=balancer.id)
        rules = RULES.all(conn, scope, balancer_id=balancer.id)
        if len(referred(listeners, rules) | set(wanted)) > limits.GROUPS_OF_BALANCER:
            raise errors.LimitExceeded("groups of a balancer", limits.GROUPS_OF_BALANCER)

    def _check(self, conn: Connection, scope: Scope, owner: ListenerPlan | RulePlan) -> None:
        """Whether the cloud can give a listener or rule, with the blend that it may take."""
        check_parts(self._cloud, scope, owner)
        making = self._cloud.balancer_making
        if making is not None and making.blends:
            groups = forwarded([json.loads(owner.action)])
            blend = blend_plan(owner, {each: pool_plan(known(conn, scope, each)) for each in groups})
            if blend is not None:
                check_parts(self._cloud, scope, blend)

    def _check_order(self, scope: Scope, listener: BalancerListener, rules: Sequence[BalancerRule]) -> None:
        """Whether the cloud follows rules of a listener in their order. Raises RuleMisplaced."""
        making = self._cloud.balancer_making
        plans = rule_plans(rules, listener)
        found = None if making is None else making.misplaced(scope, plans)
        if found is not None:
            places = {each.position: at for each, at in zip(plans, sorted(_places(rules, listener)), strict=True)}
            raise balancer_findings.RuleMisplaced(*(places[each.position] for each in found))


def check_certificates(cloud: Cloud, scope: Scope, protocol: str) -> None:
    """Whether the cloud has a place for certificates, where a listener of that protocol has any.

    It may ask the cloud: not for a transaction.

    Raises:
        BalancingLacks
    """
    if protocol != "HTTPS" or cloud.balancer_making is None:
        return
    with asking():
        lack = cloud.balancer_making.lacks_certificates(scope)
    if lack is not None:
        raise balancer_findings.BalancingLacks(lack)


def _listener(conn: Connection, scope: Scope, listener_id: str) -> BalancerListener:
    found = LISTENERS.one(conn, scope, id=listener_id)
    if found is None:
        raise balancer_findings.ListenerNotFound(listener_id)
    balancer = present(conn, scope, found.balancer_id)
    if balancer.kind is BalancerKind.CLASSIC:
        raise balancer_findings.ListenerNotFound(listener_id)
    return found


def _places(rules: Sequence[BalancerRule], listener: BalancerListener) -> list[int]:
    return [each.priority for each in rules if each.listener_id == listener.id]


def _rule(conn: Connection, scope: Scope, rule_id: str) -> BalancerRule:
    found = RULES.one(conn, scope, id=rule_id)
    if found is None:
        raise balancer_findings.RuleNotFound(rule_id)
    return found
