"""What a kind of work is: rows that are leased and worked on, or a round that each engine makes by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from backend.engine.context import Context
from backend.engine.jobs import Job
from backend.engine.settings import EngineSettings
from backend.store.leased import Lease, Leased

L = TypeVar("L", bound=Lease)


@dataclass(frozen=True, slots=True)
class Kind(Generic[L]):
    """Work on rows, each when it is due, by one engine at a time.

    Attributes:
        name: what it is called in measures.
        leased: the rows.
        at_once: how many of one region are worked on at once by one engine.
        work: the job of one row; it gives the row back in its last transaction.
        unhurried: asked for once a poll: ticks come with every answer of the cloud.
    """

    name: str
    leased: Leased[L]
    at_once: Callable[[EngineSettings], int]
    work: Callable[[Context, L], Job]
    unhurried: bool = False


AnyKind = Kind[Any]


@dataclass(frozen=True, slots=True)
class Round:
    """Work that each engine does now and then, a bounded part at a time, with no call to the cloud.

    Attributes:
        work: does it, and answers when there is more to do.
    """

    name: str
    work: Callable[[Context], timedelta]
