"""The event bus: rules, their targets, and events that callers put."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from backend.clock import Clock
from backend.domain import patterns
from backend.domain.messages import Message
from backend.domain.rules import Event, Rule, RuleHasTargets, RuleMissing, RuleTarget, TargetRefused, rule_id
from backend.domain.scope import Scope
from backend.domain.steps import TooManySteps
from backend.errors import LimitExceeded
from backend.store import counting, outbox
from backend.store import rules as rows
from backend.store.outlets import Outlets
from backend.store.rules import RULES, TARGETS
from backend.store.session import Connection, Store

# Source: Amazon EventBridge User Guide, "Quotas".
MOST_RULES = 300
MOST_TARGETS = 5
MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class RuleRequest:
    """A rule as asked for: what it does not name, it has not."""

    name: str
    pattern: str
    enabled: bool = True
    description: str | None = None
    role: str | None = None
    tags: Mapping[str, str] | None = None


class Events:
    """Each call may raise StoreUnavailable; those that name a rule RuleMissing.

    Args:
        outlets: who can be sent messages, and how many of them may wait.
    """

    def __init__(self, store: Store, clock: Clock, outlets: Outlets) -> None:
        self._store = store
        self._clock = clock
        self._outlets = outlets

    def put(self, scope: Scope, wanted: RuleRequest) -> Rule:
        """Make a rule, or make another of the one that has the name; that keeps its targets and its tags.

        Raises:
            PatternRefused: its pattern is none.
            LimitExceeded: of rules or tags.
        """
        patterns.compiled(wanted.pattern)
        tags = dict(wanted.tags or {})
        if len(tags) > MOST_TAGS:
            raise LimitExceeded("tags", MOST_TAGS)
        made = Rule(
            id=rule_id(scope, wanted.name),
            name=wanted.name,
            pattern=wanted.pattern,
            enabled=wanted.enabled,
            created_at=self._clock.now(),
            description=wanted.description,
            role=wanted.role,
            tags=tags,
        )

        def work(conn: Connection) -> Rule:
            present = RULES.one(conn, scope, id=made.id)
            if present is None:
                counting.check(conn, scope, "rules", MOST_RULES, partial(RULES.count, conn, scope))
                RULES.add(conn, scope, made)
            else:
                changed = {name: getattr(made, name) for name in ("pattern", "enabled", "description", "role")}
                RULES.change(conn, scope, made.id, **changed)
            return made

        return counting.transact(self._store, work)

    def get(self, scope: Scope, name: str) -> Rule:
        with self._store.read() as conn:
            return rows.named(conn, scope, name)

    def list(self, scope: Scope, prefix: str = "") -> Sequence[Rule]:
        """Rules by name."""
        with self._store.read() as conn:
            found = RULES.all(conn, scope)
        return sorted((each for each in found if each.name.startswith(prefix)), key=lambda each: each.name)

    def enable(self, scope: Scope, name: str, *, enabled: bool) -> None:
        """Let a rule tell its targets, or tell nobody."""

        def work(conn: Connection) -> None:
            rule = rows.named(conn, scope, name)
            RULES.change(conn, scope, rule.id, enabled=enabled)

        self._store.transact(work)

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a rule; one that there is not is no error. Raises RuleHasTargets."""

        def work(conn: Connection) -> None:
            try:
                rule = rows.lock(conn, scope, name)  # who puts targets holds it, too: none come after they were counted
            except RuleMissing:
                return
            if TARGETS.count(conn, scope, rule_id=rule.id):
                raise RuleHasTargets(name)
            RULES.remove(conn, scope, id=rule.id)

        self._store.transact(work)

    def put_targets(self, scope: Scope, name: str, targets: Sequence[RuleTarget]) -> None:
        """Add targets to a rule, or make others of those that have their names.

        Raises:
            TargetRefused: nothing can be sent to one.
            LimitExceeded: the rule would have too many.
        """
        for each in targets:
            if not self._outlets.takes(each.arn):
                raise TargetRefused(each.arn)

        def work(conn: Connection) -> None:
            rule = rows.lock(conn, scope, name)
            TARGETS.remove(conn, scope, id=[each.id for each in targets])
            TARGETS.add(conn, scope, *targets)
            if TARGETS.count(conn, scope, rule_id=rule.id) > MOST_TARGETS:
                raise LimitExceeded("targets", MOST_TARGETS)

        self._store.transact(work)

    def targets(self, scope: Scope, name: str) -> Sequence[RuleTarget]:
        """The targets of a rule by their names."""
        with self._store.read() as conn:
            rule = rows.named(conn, scope, name)
            return sorted(TARGETS.all(conn, scope, rule_id=rule.id), key=lambda each: each.target)

    def telling(self, scope: Scope, arn: str) -> Sequence[str]:
        """Names of the rules that have that target."""
        with self._store.read() as conn:
            owners = {each.rule_id for each in TARGETS.all(conn, scope, arn=arn)}
            return sorted(rule.name for rule in RULES.of(conn, scope, owners).values())

    def remove_targets(self, scope: Scope, name: str, targets: Sequence[str]) -> None:
        """Take targets from a rule; those that it has not are no error."""

        def work(conn: Connection) -> None:
            rule = rows.lock(conn, scope, name)
            TARGETS.remove(conn, scope, rule_id=rule.id, target=list(targets))

        self._store.transact(work)

    def retag(self, scope: Scope, name: str, put: Mapping[str, str], remove: Sequence[str] = ()) -> Rule:
        """Set and take away tags. Raises LimitExceeded."""

        def work(conn: Connection) -> Rule:
            rule = rows.lock(conn, scope, name)
            tags = {key: value for key, value in {**rule.tags, **put}.items() if key not in remove}
            if len(tags) > MOST_TAGS:
                raise LimitExceeded("tags", MOST_TAGS)
            RULES.change(conn, scope, rule.id, tags=tags)
            return replace(rule, tags=tags)

        return self._store.transact(work)

    def now(self) -> datetime:
        """When an event happened that does not say so."""
        return self._clock.now()

    def publish(self, scope: Scope, events: Sequence[Event]) -> Collection[str]:
        """Tell events to the targets of the rules that mean them.

        Returns:
            Ids of the events that are told to nobody: they cause too much work, or too many messages wait.
        """
        with self._store.read() as conn:
            known = rows.listening(conn, scope)
        if not known:
            return ()
        # Before the transaction: what callers wrote is tried on what callers wrote, and other writers do not wait.
        spreading, refused = rows.Spreading(rows.Bounds()), set[str]()
        meant: list[tuple[Event, list[Rule]]] = []
        for event in events:
            try:
                meant.append((event, spreading.meaning(known, event)))
            except TooManySteps:
                refused.add(event["id"])
        with self._store.read() as conn:
            targets = rows.targets(conn, scope, {rule.id for _, rules in meant for rule in rules})
        now = self._clock.now()
        told: dict[str, Sequence[Message]] = {}
        for event, rules in meant:
            try:
                told[event["id"]] = spreading.messages(scope, event, rules, targets, now)
            except TooManySteps:
                refused.add(event["id"])
        return refused.union(self._add(scope, told))

    def _add(self, scope: Scope, told: Mapping[str, Sequence[Message]]) -> Collection[str]:
        """Store what events tell, by their ids; those for which there is no room."""

        def work(conn: Connection) -> Collection[str]:
            room = outbox.room(conn, scope, self._outlets.most_waiting)
            added: list[Message] = []
            late = set[str]()
            for event_id, messages in told.items():
                if len(added) + len(messages) <= room:
                    added += messages
                elif messages:
                    late.add(event_id)
            outbox.add(conn, added)
            return late

        return self._store.transact(work) if any(told.values()) else ()
