"""Findings about lifecycle hooks, the actions that they wait for, the nodes that they keep, and targets of messages."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class NodeRetained(Finding):
    """The node is kept after an end that a hook abandoned, and what was asked is not done with such."""

    server: str


@dataclass(eq=False)
class RetentionForbids(Finding):
    """A cluster that keeps nodes whose end is abandoned is not ended by force."""

    name: str


@dataclass(eq=False)
class HookNotFound(Finding):
    name: str
    cluster: str


@dataclass(eq=False)
class HookIncomplete(Finding):
    """A new hook lacks its transition or, with a target that is told under one, its role."""

    name: str
    lacks_role: bool = False


@dataclass(eq=False)
class ActionNotFound(Finding):
    """No action is waited for by that token or, where none was named, for that server (short id)."""

    token: str | None
    server: str | None


@dataclass(eq=False)
class TargetUnreached(Finding):
    """The test message to a hook's target could not be published; nothing is stored."""

    target: str
    role: str | None = None


@dataclass(eq=False)
class TopicRefused(Finding):
    """Nothing can be published to the topic of a notification: ``why`` in words."""

    topic: str
    why: str
