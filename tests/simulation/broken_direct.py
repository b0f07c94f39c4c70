"""Deliberate faults of direct launches: of what is raised for them, and when they are over."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from backend.engine.phases import direct
from backend.services import direct_launches
from tests.simulation.putting import put, put_all


def raises_nothing_for_what_was_made() -> AbstractContextManager[None]:
    """What is desired stays as it was."""
    end = direct._end
    return put(direct, "_end", lambda draft, ended, _more: end(draft, ended, 0))


def ends_before_the_cloud_has_answered() -> AbstractContextManager[None]:
    """Nodes without a server count as made."""

    def look(draft: Any, begun: Any) -> None:
        direct._end(draft, begun, sum(each.weight for each in begun.claimed))

    return put(direct, "_look", look)


def knows_no_maximum() -> AbstractContextManager[Any]:
    """What is launched by number is held against no maximum, neither when it is asked for nor when it is begun."""
    begin = direct._begin

    def unbounded(draft: Any, wanted: Any) -> None:
        maximum = draft.cluster.spec.maximum
        draft.cluster = replace(draft.cluster, spec=replace(draft.cluster.spec, maximum=1000))
        begin(draft, wanted)
        draft.cluster = replace(draft.cluster, spec=replace(draft.cluster.spec, maximum=maximum))

    unasked = SimpleNamespace(raised=lambda _cluster, _count: 0)
    return put_all((direct, "_begin", unbounded), (direct_launches, "bounds", unasked))
