"""Lifecycle hooks: who is asked before nodes of a cluster go on, and what a caller wants of one. Values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

GLOBAL_TIMEOUT: Final = timedelta(hours=48)
"""No action is waited for longer, whatever heartbeats are recorded."""
HEARTBEATS: Final = 100
"""Nor longer than so many times its heartbeat."""
HEARTBEAT_SECONDS: Final = 3600
"""The heartbeat of a hook that says nothing of it."""


class Transition(StrEnum):
    LAUNCHING = "launching"
    TERMINATING = "terminating"


class Result(StrEnum):
    """What a node is to do after its wait; AWS's own words."""

    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"


@dataclass(frozen=True, slots=True)
class Hook:
    """Somebody who is asked before nodes of a cluster go on.

    Attributes:
        target: ARN of who is told; None: only whoever listens to the project's events is.
        role: ARN as given with the target.
        metadata: text that goes with each message.
        created_at: only transitions that begin later are held.
    """

    id: str
    project_id: str
    region: str
    cluster_id: str
    name: str
    transition: Transition
    heartbeat_seconds: int
    default_result: Result
    target: str | None
    role: str | None
    metadata: str | None
    created_at: datetime

    @property
    def longest(self) -> timedelta:
        """How long an action is waited for at the most."""
        return min(GLOBAL_TIMEOUT, timedelta(seconds=HEARTBEATS * self.heartbeat_seconds))


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A hook as asked for; what is None is left as it is, or as hooks usually are.

    Attributes:
        transition: a new hook needs it.
        target: ARN of who is told; empty: nobody by name any more.
        role: ARN, given with a target. A new hook needs it for most targets; beside a new target of a hook that there
            is, unsaid, the role that it has stays.
    """

    name: str
    transition: Transition | None = None
    heartbeat_seconds: int | None = None
    default_result: Result | None = None
    target: str | None = None
    role: str | None = None
    metadata: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Fields of a hook, those that are said."""
        told = {
            "transition": self.transition,
            "heartbeat_seconds": self.heartbeat_seconds,
            "default_result": self.default_result,
            "metadata": self.metadata,
        }
        values: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
        if self.target is not None:
            values["target"] = self.target or None
            if self.role or not needs_role(self.target):
                values["role"] = self.role if self.target else None
        return values


def needs_role(target: str) -> bool:
    """Whether whoever an ARN names is told under a role; functions are not, and nobody is not."""
    return bool(target) and target.split(":")[2:3] != ["lambda"]
