"""A server's status as a function of time: rows tell its move, this tells what the move means at an instant."""

from __future__ import annotations

from typing import NamedTuple

from backend.domain.node import ServerStatus


class Move(NamedTuple):
    """From one status to the next.

    Attributes:
        status, status_at, fault: what holds from ``status_at`` on.
        next_status, change_at, next_fault: what holds from ``change_at`` on; None when nothing is to change.
        prior, prior_at: what held before, for listings that lag behind.
    """

    status: str
    status_at: int
    fault: str | None = None
    next_status: str | None = None
    change_at: int | None = None
    next_fault: str | None = None
    prior: str | None = None
    prior_at: int | None = None


class Present(NamedTuple):
    """What holds at an instant, since when, and the cloud's words about an error."""

    status: ServerStatus
    since: int
    fault: str | None


_STATUS = {status.value: status for status in ServerStatus}


def present(move: Move, instant: int) -> Present:
    """What the move means at an instant (microseconds). Before the server was made: its first status."""
    if move.change_at is not None and move.change_at <= instant:
        return Present(_STATUS[move.next_status or ""], move.change_at, move.next_fault)
    if move.status_at <= instant or move.prior is None or move.prior_at is None:
        return Present(_STATUS[move.status], move.status_at, move.fault)
    return Present(_STATUS[move.prior], move.prior_at, None)


def moved(
    move: Move,
    now: int,
    status: ServerStatus,
    *,
    then: ServerStatus | None = None,
    after: int = 0,
    fault: str | None = None,
) -> Move:
    """The move that takes over from another now: ``status`` at once and ``then`` after so many microseconds."""
    before = present(move, now)
    return Move(
        status=status.value,
        status_at=now,
        fault=fault,
        next_status=None if then is None else then.value,
        change_at=None if then is None else now + after,
        prior=before.status.value,
        prior_at=before.since,
    )
