"""Ids as Auto Scaling's callers write them, and as they are told again."""

from __future__ import annotations

from collections.abc import Iterable

from backend.domain.ids import is_short_id
from translators import arns


def server_of(instance: str) -> str:
    """The short id of a server; a text that is no instance id stays as it is and matches nothing."""
    return arns.short_of(arns.INSTANCE, instance) or instance


def servers_of(instances: Iterable[str]) -> list[str]:
    return [server_of(instance) for instance in instances]


def shown(prefix: str, reference: str) -> str:
    """A thing as the caller wrote it: short ids get their prefix back, texts that never were ids stay."""
    return f"{prefix}-{reference}" if is_short_id(reference) else reference


def instance(server: str) -> str:
    """The instance id of a server's short id, or the text that never was one."""
    return shown(arns.INSTANCE, server)
