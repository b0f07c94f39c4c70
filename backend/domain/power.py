"""What is done to a server's power, and acts that wait for a cloud that is busy with the server. Data alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from backend.domain.node import ServerStatus


class _Way(NamedTuple):
    acts_on: ServerStatus
    becomes: ServerStatus
    stays: frozenset[ServerStatus]


class PowerAct(StrEnum):
    START = "start"
    STOP = "stop"
    REBOOT = "reboot"

    @property
    def acts_on(self) -> ServerStatus:
        """The status of servers to which it is done."""
        return _WAYS[self].acts_on

    @property
    def becomes(self) -> ServerStatus:
        """The status that they go to at once."""
        return _WAYS[self].becomes

    @property
    def allowed(self) -> frozenset[ServerStatus]:
        """Statuses in which it may be asked for: servers of the others among them stay as they are."""
        way = _WAYS[self]
        return way.stays | {way.acts_on}


_WAYS: Final = {
    PowerAct.START: _Way(
        ServerStatus.STOPPED, ServerStatus.BUILDING, frozenset({ServerStatus.ACTIVE, ServerStatus.BUILDING})
    ),
    PowerAct.STOP: _Way(
        ServerStatus.ACTIVE, ServerStatus.STOPPING, frozenset({ServerStatus.STOPPING, ServerStatus.STOPPED})
    ),
    PowerAct.REBOOT: _Way(ServerStatus.ACTIVE, ServerStatus.ACTIVE, frozenset()),
}


@dataclass(frozen=True, slots=True)
class PowerWish:
    """An act that was taken on and waits until the cloud takes it.

    Attributes:
        id: cloud id of the server; the last act that was asked of it is the one that waits.
        refused_seconds: for how long the cloud, asked time and again, refused it; None: not yet.
    """

    id: str
    act: PowerAct
    asked_at: datetime
    refused_seconds: int | None = None

    def shown(self, status: ServerStatus) -> ServerStatus:
        """What a server of this status is on its way to."""
        return self.act.becomes if status is self.act.acts_on else status
