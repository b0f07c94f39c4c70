"""The event bus: rules' rows, and what becomes of an event: a message to each target of each rule that means it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from backend.domain import patterns
from backend.domain.ids import derived_uuid
from backend.domain.inputs import InputTooLong
from backend.domain.messages import MOST_WAITING, Message, MessageKind, Telling
from backend.domain.rules import Event, Rule, RuleMissing, RuleTarget, rule_id
from backend.domain.scope import Scope
from backend.domain.steps import MOST_STEPS, Steps, TooManySteps
from backend.store import outbox
from backend.store.records import Records
from backend.store.rule_tables import rule_targets, rules

LOG = logging.getLogger(__name__)
RULES: Final = Records(rules, Rule)
TARGETS: Final = Records(rule_targets, RuleTarget)


def named(conn: Connection, scope: Scope, name: str) -> Rule:
    """Raises RuleMissing."""
    found = RULES.one(conn, scope, id=rule_id(scope, name))
    if found is None:
        raise RuleMissing(name)
    return found


def lock(conn: Connection, scope: Scope, name: str) -> Rule:
    """A rule, held against every other writer. Raises RuleMissing."""
    conn.execute(select(rules.c.id).where(rules.c.id == rule_id(scope, name)).with_for_update())
    return named(conn, scope, name)


def listening(conn: Connection, scope: Scope) -> list[Rule]:
    """Rules that tell somebody."""
    c = rule_targets.c
    of_scope = (c.project_id == scope.project_id, c.region == scope.region)
    owners = set(conn.execute(select(c.rule_id).where(*of_scope).distinct()).scalars())
    return [rule for rule in RULES.all(conn, scope, enabled=True) if rule.id in owners] if owners else []


def targets(conn: Connection, scope: Scope, rule_ids: Collection[str]) -> Mapping[str, list[RuleTarget]]:
    """Targets of rules, by the rules' ids."""
    found: dict[str, list[RuleTarget]] = {}
    for each in TARGETS.all(conn, scope, rule_id=set(rule_ids)) if rule_ids else ():
        found.setdefault(each.rule_id, []).append(each)
    return found


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the events of one request, or one event of the engine, may cause.

    Attributes:
        steps: of matching and of making bodies.
        messages: how many,
        letters: and in all their bodies.
    """

    steps: int = MOST_STEPS
    messages: int = 3000
    letters: int = 16 * 1024**2


_OF_ENGINE: Final = Bounds(steps=100_000, messages=500, letters=2 * 1024**2)
"""Less: its thread has those of others to tell, too."""


class Spreading:
    """Makes messages of events, within bounds; it needs no transaction, and is to be used in none where that can be."""

    def __init__(self, bounds: Bounds) -> None:
        self._steps = Steps(bounds.steps)
        self._messages, self._letters = bounds.messages, bounds.letters

    def meaning(self, rules: Sequence[Rule], event: Event) -> list[Rule]:
        """Those that mean the event. Raises TooManySteps."""
        known = patterns.as_read(event) if rules else {}
        return [rule for rule in rules if rule.means(known, self._steps)]

    def messages(
        self,
        scope: Scope,
        event: Event,
        meant: Sequence[Rule],
        targets: Mapping[str, Sequence[RuleTarget]],
        now: datetime,
    ) -> list[Message]:
        """What the targets of rules are told of an event; nothing too long. Raises TooManySteps."""
        told: list[Message] = []
        long = 0
        for rule, target in [(each, target) for each in meant for target in targets.get(each.id, ())]:
            try:
                body = target.body(event, rule, now.strftime("%Y-%m-%dT%H:%M:%SZ"), self._steps)
            except InputTooLong:
                long += 1
                continue
            self._messages -= 1
            self._letters -= len(body)
            if self._messages < 0 or self._letters < 0:
                raise TooManySteps
            told.append(_message(scope, event["id"], (rule, target), body, now))
        if long:
            _drop(scope, event, f"for {long} targets: their templates make it longer than 256 KiB")
        return told


def _drop(scope: Scope, event: Event, why: str) -> None:
    LOG.warning("project=%s region=%s event %s was dropped %s", scope.project_id, scope.region, event["id"], why)


def _message(scope: Scope, event_id: str, whose: tuple[Rule, RuleTarget], body: str, now: datetime) -> Message:
    """What a rule tells a target is a stream of its own, in the order of the events."""
    rule, target = whose
    return Message(
        id=derived_uuid("event", event_id, target.id),
        project_id=scope.project_id,
        region=scope.region,
        cluster_id=rule.id,
        cluster_name=rule.name,
        kind=MessageKind.EVENT,
        target=target.arn,
        data={"body": body},
        created_at=now,
    )


class Bus:
    """The shelf of what is told everywhere: rules, and targets that the operator named, hear of it.

    Args:
        everywhere: targets that hear of every event of every project.
        most_waiting: see ``Outlets``.
    """

    def __init__(self, everywhere: Sequence[str] = (), most_waiting: int = MOST_WAITING) -> None:
        self._everywhere, self._most = tuple(everywhere), most_waiting

    def __call__(self, conn: Connection, scope: Scope, _target: str, telling: Telling, now: datetime) -> None:
        event = telling.event
        if event is None:
            return
        told = _spread(conn, scope, event, now)
        if told and len(told) > outbox.room(conn, scope, self._most):
            _drop(scope, event, "for the project's rules: too many messages wait")
            told = ()
        outbox.add(conn, told)
        outbox.add(conn, [_copy(scope, event, target, now) for target in self._everywhere])


def _spread(conn: Connection, scope: Scope, event: Event, now: datetime) -> Sequence[Message]:
    """What rules' targets are told of an event of the engine: it is small, and so is what it may cause."""
    spreading = Spreading(_OF_ENGINE)
    try:
        meant = spreading.meaning(listening(conn, scope), event)
        return spreading.messages(scope, event, meant, targets(conn, scope, [rule.id for rule in meant]), now)
    except TooManySteps:
        _drop(scope, event, "for the project's rules: they cause too much work")
        return ()


def _copy(scope: Scope, event: Mapping[str, Any], target: str, now: datetime) -> Message:
    return Message(
        id=derived_uuid("event", event["id"], target),
        project_id=scope.project_id,
        region=scope.region,
        cluster_id=derived_uuid("bus", scope.project_id, scope.region),
        cluster_name="",
        kind=MessageKind.EVENT,
        target=target,
        data={"body": json.dumps(event, separators=(",", ":"), ensure_ascii=False), "whole": True},
        created_at=now,
    )
