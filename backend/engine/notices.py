"""What clusters are told that no node of theirs does: entries of the journal that end as they begin. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from backend.domain.activity import Activity, ActivityKind, ActivityStatus, Cause, Reason, over
from backend.domain.ids import new_id
from backend.domain.scope import Scope


class _Named(NamedTuple):
    """A cluster of which no more is known than its journal needs."""

    id: str
    project_id: str
    region: str
    name: str


def notices(
    scope: Scope,
    named: Mapping[str, str],
    status: ActivityStatus,
    cause: Cause,
    rng: Random,
    *,
    reason: Reason | None = None,
) -> list[Activity]:
    """An entry for each of these clusters of a project.

    Args:
        named: cluster id -> its name.
        cause: why; its instant is that of the entries.
        rng: the ids come from it.
    """
    return [
        over(
            new_id(rng),
            _Named(cluster_id, scope.project_id, scope.region, name),
            ActivityKind.HEALTH_CHECK,
            status,
            causes=(cause,),
            at=cause.at,
            reason=reason,
        )
        for cluster_id, name in sorted(named.items())
    ]
