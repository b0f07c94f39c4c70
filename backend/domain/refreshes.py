"""Instance refreshes: the replacement of a cluster's nodes, a few at a time. Values and their states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from backend.domain import mixes
from backend.domain.cluster import SourceRequest
from backend.domain.mixes import Mix, MixRequest
from backend.domain.profile import LaunchSource

MINIMUM_PERCENT: Final = 90
CHECKPOINT_SECONDS: Final = 3600
WIDEST: Final = 100
"""How far the two percentages may lie apart."""


class RefreshStatus(StrEnum):
    """AWS's own words."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"
    ROLLING_BACK = "RollbackInProgress"
    ROLLBACK_FAILED = "RollbackFailed"
    ROLLED_BACK = "RollbackSuccessful"
    BAKING = "Baking"


OVER: Final = frozenset(
    {
        RefreshStatus.SUCCESSFUL,
        RefreshStatus.FAILED,
        RefreshStatus.CANCELLED,
        RefreshStatus.ROLLBACK_FAILED,
        RefreshStatus.ROLLED_BACK,
    }
)
FORWARD: Final = frozenset({RefreshStatus.PENDING, RefreshStatus.IN_PROGRESS, RefreshStatus.BAKING})
"""Nodes are made from what the refresh brings, and may still be rolled back."""


class RefreshStrategy(StrEnum):
    ROLLING = "Rolling"
    REPLACE_ROOT_VOLUME = "ReplaceRootVolume"


class Handling(StrEnum):
    """What is done about nodes that are protected from scale-in, or in standby; AWS's own words."""

    WAIT = "Wait"
    IGNORE = "Ignore"
    REFRESH = "Refresh"  # of protected ones
    TERMINATE = "Terminate"  # of those in standby


class RefreshReason(StrEnum):
    """Why a refresh stands as it does; the translators know AWS's words. ``server``: an example."""

    AVAILABLE = "available"  #      waits for a node to come into service: server
    WARMING = "warming"  #          waits for a node to warm up: server
    TERMINATING = "terminating"  #  waits for a node to be gone: server
    PROTECTED = "protected"  #      waits for a node to lose its protection: server
    STANDBY = "standby"  #          waits for a node to return: server
    CANCELLED = "cancelled"  #      by its user
    CANCELLED_AT_ONCE = "cancelled_at_once"  # by its user, who did not wait for what was under way
    CLUSTER_DELETED = "cluster_deleted"
    STALLED = "stalled"  #          nothing was done for an hour: server, of what it waited for then
    OVERDUE = "overdue"  #          it lasted for too long
    ALARM = "alarm"  #              alarm (its name)


class RollbackCause(StrEnum):
    """What made a refresh roll back."""

    USER = "user"
    STALLED = "stalled"
    OVERDUE = "overdue"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class RefreshRequest:
    """A refresh as asked for; None and empty where nothing was said.

    Attributes:
        desired: what nodes are to be made from, None for what the cluster launches from anyway.
        mix: what they are to be mixed of; with it ``desired`` may be left out.
        checkpoints: percentages, ascending.
        alarms: names.
    """

    strategy: RefreshStrategy = RefreshStrategy.ROLLING
    desired: SourceRequest | None = None
    mix: MixRequest | None = None
    minimum_percent: int | None = None
    maximum_percent: int | None = None
    warmup_seconds: int | None = None
    checkpoints: tuple[int, ...] = ()
    checkpoint_seconds: int | None = None
    skip_matching: bool = False
    auto_rollback: bool = False
    protected: Handling | None = None
    standby: Handling | None = None
    alarms: tuple[str, ...] = ()
    bake_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """A stored refresh.

    Attributes:
        minimum_percent, maximum_percent: of the desired capacity: how much stays ready to use, how much there may be
            at once; None for the latter: what goes and what follows it go together.
        warmup_seconds: a new node counts when it is in service for so long.
        checkpoints: percentages at each of which it pauses for ``checkpoint_seconds``.
        skip_matching: nodes made from the same as those it makes are left alone.
        protected, standby: None where nothing was said, which means to wait for them.
        desired: what it brings, as a document; None where nodes are made from what the cluster says.
        percent, to_update: how far it is, with the warm pool; None before it began.
        members_percent, members_to_update, pool_percent, pool_to_update: of these the parts of the cluster's own nodes
            and of its warm pool; None where it has no pool.
        reason: a document of ``kind`` (RefreshReason) and the facts named there, None where there is nothing to say.
        progress_at: when it last came nearer to its end.
        held: its process was suspended when it was last looked at.
        checkpoint: the percentage of the last one reached, None before the first.
        paused_until, bakes_until: it waits until then.
        rollback_cause: None where it was not rolled back; what follows is as things stood then.
        rollback_data: facts of its cause.
    """

    id: str
    project_id: str
    region: str
    cluster_id: str
    cluster_name: str
    strategy: RefreshStrategy
    status: RefreshStatus
    requested_at: datetime
    minimum_percent: int
    maximum_percent: int | None
    warmup_seconds: int
    checkpoints: tuple[int, ...]
    checkpoint_seconds: int | None
    skip_matching: bool
    auto_rollback: bool
    protected: Handling | None
    standby: Handling | None
    alarms: tuple[str, ...]
    bake_seconds: int | None
    desired: Mapping[str, Any] | None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    percent: int | None = None
    to_update: int | None = None
    reason: Mapping[str, str] | None = None
    progress_at: datetime | None = None
    held: bool = False
    checkpoint: int | None = None
    paused_until: datetime | None = None
    bakes_until: datetime | None = None
    rollback_cause: RollbackCause | None = None
    rollback_data: Mapping[str, str] | None = None
    rollback_at: datetime | None = None
    rollback_percent: int | None = None
    rollback_to_update: int | None = None
    members_percent: int | None = None
    members_to_update: int | None = None
    pool_percent: int | None = None
    pool_to_update: int | None = None
    rollback_members_percent: int | None = None
    rollback_members_to_update: int | None = None
    rollback_pool_percent: int | None = None
    rollback_pool_to_update: int | None = None

    @property
    def active(self) -> bool:
        return self.status not in OVER

    @property
    def source(self) -> LaunchSource | None:
        """What it brings, None where that is what the cluster says."""
        if self.desired is None:
            return None
        return LaunchSource(**{name: self.desired[name] for name in _SOURCE})

    @property
    def mix(self) -> Mix | None:
        """The mix that it brings, None where it brings none: then the cluster's own stays."""
        written = None if self.desired is None else self.desired.get("mix")
        return None if written is None else mixes.mix_of(written)

    def makes(self, standing: LaunchSource) -> LaunchSource:
        """What nodes are made from while it stands as it does.

        Args:
            standing: what the cluster launches from by itself.
        """
        return (self.source or standing) if self.status in FORWARD else standing

    def mixes(self, standing: Mix | None) -> Mix | None:
        """What nodes are mixed of while it stands as it does; ``standing``: what the cluster's are by itself."""
        return (self.mix or standing) if self.status in FORWARD else standing

    def rolled_back(self, cause: RollbackCause, facts: Mapping[str, str], now: datetime) -> Refresh:
        """It, as it begins to go back."""
        return replace(
            self,
            status=RefreshStatus.ROLLING_BACK,
            reason=None,
            progress_at=now,
            paused_until=None,
            bakes_until=None,
            rollback_cause=cause,
            rollback_data=facts,
            rollback_at=now,
            rollback_percent=self.percent or 0,
            rollback_to_update=self.to_update or 0,
            rollback_members_percent=self.members_percent,
            rollback_members_to_update=self.members_to_update,
            rollback_pool_percent=self.pool_percent,
            rollback_pool_to_update=self.pool_to_update,
        )


_SOURCE: Final = ("template_id", "template_name", "template_version")


def document(source: LaunchSource | None, mix: Mix | None = None) -> dict[str, Any] | None:
    """What a refresh keeps of what it brings: the members that there are."""
    if source is None:
        return None
    written: dict[str, Any] = {name: getattr(source, name) for name in _SOURCE}
    return written if mix is None else {**written, "mix": mixes.document(mix)}
