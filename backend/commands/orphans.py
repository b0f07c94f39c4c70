"""What belongs to no group, as an operator sees it, and the operator's word on it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from typing import Any

from backend.clock import Clock
from backend.commands import CannotDo
from backend.domain.scope import Scope
from backend.engine import sweeps
from backend.policies.sweep import SweepRule
from backend.store import orphans, watches
from backend.store.orphans import Orphans
from backend.store.session import Connection, Store


def listed(store: Store, clock: Clock, rule: SweepRule) -> list[str]:
    """A line for each project, region and kind that has orphans, and for each that has servers of others."""
    with store.read() as conn:
        found, spared = orphans.everywhere(conn), watches.spared(conn)
    lines = [_line(each, rule, clock.now()) for each in found]
    strange = {scope: strangers for scope, (strangers, _) in spared.items() if strangers}
    lines += [
        f"{scope.project_id}/{scope.region}  server: {number} with a token that is not this installation's, left alone"
        for scope, number in strange.items()
    ]
    return lines or ["Nothing belongs to no group."]


def found(store: Store, now: datetime, rule: SweepRule) -> list[dict[str, Any]]:
    """The same as values, for programs."""
    with store.read() as conn:
        each_kind, spared = orphans.everywhere(conn), watches.spared(conn)
    rows = [
        {
            "project": each.scope.project_id,
            "region": each.scope.region,
            "kind": str(each.kind),
            "unowned": each.known + each.unknown + each.released,
            "total": each.total,
            "oldest_seconds": int((now - each.oldest).total_seconds()),
            "held": sweeps.held(rule, each),
            "unknown": each.unknown,
            "released": each.released,
            "strangers": 0,
        }
        for each in each_kind
    ]
    for scope, (strangers, _) in spared.items():
        if strangers:
            none = dict.fromkeys(("unowned", "total", "oldest_seconds", "held", "unknown", "released"), 0)
            place = {"project": scope.project_id, "region": scope.region, "kind": "server"}
            rows.append({**place, **none, "strangers": strangers})
    return rows


def release(store: Store, clock: Clock, word: str) -> str:
    """Let go what a project has now, ``PROJECT`` or ``PROJECT/REGION``; what comes later needs another word."""
    project, _, region = word.partition("/")

    def work(conn: Connection) -> int:
        for scope in {each.scope for each in orphans.everywhere(conn) if each.scope.project_id == project}:
            if region in {"", scope.region}:
                watches.pull(conn, scope, clock.now())
        return orphans.release(conn, project, region or None)

    number = store.transact(work)
    return (
        f"Released: {number}. The engine ends them after another look at each."
        if number
        else f"Nothing of {word} is held."
    )


def look(store: Store, clock: Clock, word: str, regions: Container[str], told: Iterable[str]) -> str:
    """Let the engine look at a project that has no group, ``PROJECT/REGION``.

    Args:
        regions: those of the cloud that are served, by its own names.
        told: those of them that are told to who names another.

    Raises:
        CannotDo: it names no region, or one that is not served.
    """
    project, _, region = word.partition("/")
    if not (project and region):
        raise CannotDo(f"{word} is no PROJECT/REGION")
    if region not in regions:
        raise CannotDo(f"{region} is none of the cloud's regions here: {', '.join(sorted(told))}")
    store.transact(lambda conn: watches.pull(conn, Scope(project, region), clock.now()))
    return f"The engine looks at {project} in {region}; what it finds is listed here after a moment."


def _line(found: Orphans, rule: SweepRule, now: datetime) -> str:
    return f"{found.scope.project_id}/{found.scope.region}  {found.kind}: {', '.join(_parts(found, rule, now))}"


def _parts(found: Orphans, rule: SweepRule, now: datetime) -> Iterator[str]:
    held = sweeps.held(rule, found)
    yield f"{found.known + found.unknown + found.released} of {found.total} belong to no group"
    yield f"the oldest for {int((now - found.oldest).total_seconds())} s"
    if held:
        yield f"{held} held"
    if found.unknown:
        yield f"{found.unknown} of launches that this database does not know"
    if found.released:
        yield f"{found.released} released"
