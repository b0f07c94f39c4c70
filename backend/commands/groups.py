"""Groups as an operator sees them: those of all projects, and why one is as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.clock import Clock
from backend.commands import CannotDo
from backend.commands.line import Document, Rows
from backend.domain.brakes import Brake
from backend.domain.cluster import Cluster
from backend.domain.node import ARRIVING, ENDING, SERVING
from backend.engine import explaining
from backend.engine.explaining import Words
from backend.engine.settings import EngineSettings
from backend.store import brakes, overview
from backend.store.session import Connection, Store

_SEVERAL: Final = 20
"""How many groups of one name are told at most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which groups; None and empty: all, from the first on."""

    project: str | None = None
    region: str | None = None
    after: str = ""
    most: int = 100


def listed(store: Store, clock: Clock, wanted: Wanted) -> Rows:
    """A row for each, by project, region and name. Raises CannotDo."""
    after = None
    if wanted.after:
        project, _, rest = wanted.after.partition("/")
        region, _, name = rest.partition("/")
        if not name:
            raise CannotDo(f"{wanted.after} is no PROJECT/REGION/GROUP")
        after = (project, region, name)
    with store.read() as conn:
        found = overview.page(conn, wanted.most, project=wanted.project, region=wanted.region, after=after)
        ids = [cluster.id for cluster in found]
        states, waiting = overview.states(conn, ids), overview.waiting(conn, ids, clock.now())
        held = {scope: brakes.over(conn, scope) for scope in {cluster.scope for cluster in found}}
    return [
        {
            "project": cluster.project_id,
            "region": cluster.region,
            "group": cluster.name,
            "desired": cluster.spec.desired,
            "in_service": _sum(states[cluster.id], SERVING),
            "coming": _sum(states[cluster.id], ARRIVING),
            "going": _sum(states[cluster.id], ENDING),
            "due": explaining.instant(cluster.due_at),
            "notes": list(_notes(cluster, held[cluster.scope], backs_off=cluster.id in waiting)),
        }
        for cluster in found
    ]


def _sum(states: Mapping[str, int], among: frozenset[Any]) -> int:
    return sum(number for state, number in states.items() if state in among)


def _notes(cluster: Cluster, brake: Brake | None, *, backs_off: bool) -> Iterator[str]:
    if brake is not None:
        yield "brake"
    if str(cluster.status) != "active":
        yield str(cluster.status)
    if cluster.suspended:
        yield "suspended: " + " ".join(sorted(map(str, cluster.suspended)))
    if backs_off:
        yield "backing off"
    if cluster.held_since is not None:
        yield "mass failure"
    if cluster.refresh_id is not None:
        yield "refresh"


def explain(
    store: Store, clock: Clock, settings: EngineSettings, words: Words, which: tuple[str, str | None]
) -> Document:
    """Why a group is as it is, what keeps it so, and what the next pass would do.

    Args:
        which: the group's name or id, and the project where several have one of that name.

    Raises:
        CannotDo: there is none, or there are several.
    """
    name, project = which
    with store.read() as conn:
        explained = explaining.read(conn, _one(conn, name, project), clock.now(), settings)
    if explained is None:
        raise CannotDo(f"{name} has gone just now")
    return explained.document(words)


def _one(conn: Connection, name: str, project: str | None) -> Cluster:
    found = overview.named(conn, name, project, None, _SEVERAL)
    if not found:
        raise CannotDo(f"there is no group {name}{f' of project {project}' if project else ''}")
    if len(found) > 1:
        told = ", ".join(f"{each.project_id}/{each.region} ({each.id})" for each in found)
        raise CannotDo(f"several have a group {name}: {told}; --project or the id names one")
    return found[0]
