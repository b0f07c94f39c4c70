"""Rules of the event bus and their targets. Values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.domain import inputs, patterns
from backend.domain.ids import derived_uuid
from backend.domain.scope import Scope
from backend.domain.steps import Steps
from backend.errors import Finding

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a project wants to hear of.

    Attributes:
        pattern: a JSON text that ``patterns.compiled`` reads.
        role: ARN as given.
    """

    id: str
    name: str
    pattern: str
    enabled: bool
    created_at: datetime
    description: str | None = None
    role: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def means(self, event: Any, steps: Steps | None = None) -> bool:
        """Whether an event, as ``patterns.read`` gives it, is meant. Raises TooManySteps."""
        return self.enabled and patterns.compiled(self.pattern).matches(event, steps)


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """Who hears what a rule means, and what of it: at most one of the three inputs.

    Attributes:
        target: its name among those of the rule.
        arn: what is told.
        input: a JSON text, the same for every event.
        input_path: the part of the event that is told.
        template: a text with places for what the paths lead to.
    """

    id: str
    rule_id: str
    target: str
    arn: str
    role: str | None = None
    input: str | None = None
    input_path: str | None = None
    paths: Mapping[str, str] | None = None
    template: str | None = None

    def body(self, event: Event, rule: Rule, now: str, steps: Steps | None = None) -> str:
        """What it is told of an event. Raises InputTooLong, TooManySteps."""
        steps = steps or Steps()
        if self.input is not None:
            return self.input
        if self.template is not None:
            arn = f"arn:aws:events:{event['region']}:{event['account']}:rule/{rule.name}"
            values = inputs.variables(event, self.paths or {}, (arn, rule.name), now, steps)
            return inputs.filled(self.template, values, steps)
        told = event if self.input_path is None else inputs.at_path(event, self.input_path, steps)
        body = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
        steps.take(1 + len(body) // 64)
        return body


def rule_id(scope: Scope, name: str) -> str:
    """A name is given once in a project and region: the id says which."""
    return derived_uuid("rule", scope.project_id, scope.region, name)


def target_id(rule: str, target: str) -> str:
    return derived_uuid("rule-target", rule, target)


@dataclass(eq=False)
class RuleMissing(Finding):
    name: str


@dataclass(eq=False)
class RuleHasTargets(Finding):
    name: str


@dataclass(eq=False)
class TargetRefused(Finding):
    """Nothing can be sent to what a target names."""

    arn: str
