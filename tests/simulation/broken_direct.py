"""Deliberate faults of direct launches: of what is raised for them, and when they are over."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from backend.engine.phases import direct
from tests.simulation.putting import put


def raises_nothing_for_what_was_made() -> AbstractContextManager[None]:
    """What is desired stays as it was."""
    end = direct._end
    return put(direct, "_end", lambda draft, ended, _more: end(draft, ended, 0))


def ends_before_the_cloud_has_answered() -> AbstractContextManager[None]:
    """Nodes without a server count as made."""

    def look(draft: Any, begun: Any) -> None:
        direct._end(draft, begun, sum(each.weight for each in begun.claimed))

    return put(direct, "_look", look)
