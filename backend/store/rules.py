"""The event bus: rules' rows, and what becomes of an event: a message to each target of each rule that means it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from backend.domain import patterns
from backend.domain.ids import derived_uuid
from backend.domain.messages import Message, MessageKind, Telling
from backend.domain.rules import Event, Rule, RuleMissing, RuleTarget, rule_id
from backend.domain.scope import Scope
from backend.store import outbox
from backend.store.records import Records
from backend.store.rule_tables import rule_targets, rules

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


def spread(conn: Connection, scope: Scope, events: Sequence[Event], now: datetime) -> None:
    """Tell each event to the targets of the rules that mean it."""
    enabled = RULES.all(conn, scope, enabled=True)
    if not enabled:
        return
    meant: list[tuple[Event, Rule]] = []
    for event in events:
        known = patterns.as_read(event)
        meant += [(event, rule) for rule in enabled if rule.means(known)]
    targets = _targets(conn, scope, {rule.id for _, rule in meant})
    outbox.add(
        conn,
        [_message(scope, event, rule, each, now) for event, rule in meant for each in targets.get(rule.id, ())],
    )


def _targets(conn: Connection, scope: Scope, rule_ids: set[str]) -> Mapping[str, list[RuleTarget]]:
    found: dict[str, list[RuleTarget]] = {}
    for each in TARGETS.all(conn, scope, rule_id=rule_ids) if rule_ids else ():
        found.setdefault(each.rule_id, []).append(each)
    return found


def _message(scope: Scope, event: Event, rule: Rule, target: RuleTarget, now: datetime) -> Message:
    """What a rule tells a target is a stream of its own, in the order of the events."""
    return Message(
        id=derived_uuid("event", event["id"], target.id),
        project_id=scope.project_id,
        region=scope.region,
        cluster_id=rule.id,
        cluster_name=rule.name,
        kind=MessageKind.EVENT,
        target=target.arn,
        data={"body": target.body(event, rule, now.strftime("%Y-%m-%dT%H:%M:%SZ"))},
        created_at=now,
    )


class Bus:
    """The shelf of what is told everywhere: rules, and targets that the operator named, hear of it.

    Args:
        everywhere: targets that hear of every event of every project.
    """

    def __init__(self, everywhere: Sequence[str] = ()) -> None:
        self._everywhere = tuple(everywhere)

    def __call__(self, conn: Connection, scope: Scope, _target: str, telling: Telling, now: datetime) -> None:
        event = telling.event
        if event is None:
            return
        spread(conn, scope, [event], now)
        outbox.add(conn, [_copy(scope, event, target, now) for target in self._everywhere])


def _copy(scope: Scope, event: Mapping[str, Any], target: str, now: datetime) -> Message:
    return Message(
        id=derived_uuid("event", event["id"], target),
        project_id=scope.project_id,
        region=scope.region,
        cluster_id=derived_uuid("bus", scope.project_id, scope.region),
        cluster_name="",
        kind=MessageKind.EVENT,
        target=target,
        data={"body": json.dumps(event, separators=(",", ":"), ensure_ascii=False)},
        created_at=now,
    )
