"""Deliberate faults of composite alarms: of who is to look at them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from backend.domain.scope import Scope
from backend.store import composing, composites
from tests.simulation.putting import put


def tells_no_parents() -> AbstractContextManager[None]:
    """Who changes the state of an alarm has nobody look at those that depend on it."""

    def wake_parents(_conn: Connection, _scope: Scope, _ids: Collection[str], _at: datetime) -> bool:
        return False

    return put(composites, "wake_parents", wake_parents)


def keeps_its_state() -> AbstractContextManager[None]:
    """A composite alarm looks at what it follows, and stays as it is."""

    def verdict(*_: Any) -> None:
        return None

    return put(composing, "_verdict", verdict)
