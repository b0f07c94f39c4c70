"""Findings about security groups and their rules. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class SecurityGroupNotFound(Finding):
    """``group`` is a short id or a name; ``named`` says which."""

    group: str
    named: bool = False
    network: str = ""


@dataclass(eq=False)
class SecurityGroupExists(Finding):
    """The name is taken in the network (short id)."""

    name: str
    network: str


@dataclass(eq=False)
class SecurityGroupInUse(Finding):
    """Servers, ports or rules of other groups need it (short id)."""

    group: str


@dataclass(eq=False)
class SecurityGroupKept(Finding):
    """It came with its network, and goes with it. ``group`` is a short id."""

    group: str
    name: str


@dataclass(eq=False)
class GroupRuleExists(Finding):
    """The group has the rule. ``peer`` is a block of addresses or the short id of a group; ports -1 for all."""

    protocol: str
    from_port: int
    to_port: int
    peer: str


@dataclass(eq=False)
class GroupRuleMissing(Finding):
    """The group has no such rule."""


@dataclass(eq=False)
class GroupRulesUnknown(Finding):
    """No rules of the group have these ids (short)."""

    rules: tuple[str, ...]
