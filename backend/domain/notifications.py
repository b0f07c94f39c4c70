"""Notifications: which topics hear of which moves of a cluster's nodes. Values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.domain.activity import Activity, ActivityKind, ActivityStatus
from backend.domain.ids import derived_uuid


class Notice(StrEnum):
    """What may be heard of."""

    LAUNCH = "launch"
    LAUNCH_ERROR = "launch_error"
    TERMINATE = "terminate"
    TERMINATE_ERROR = "terminate_error"
    TEST = "test"  #  that the topic can be reached: heard by every topic when it is named, whatever it hears of


_NOTICES = {
    ActivityKind.LAUNCH: (Notice.LAUNCH, Notice.LAUNCH_ERROR),
    ActivityKind.TERMINATE: (Notice.TERMINATE, Notice.TERMINATE_ERROR),
    ActivityKind.WARM_LAUNCH: (Notice.LAUNCH, Notice.LAUNCH_ERROR),
    ActivityKind.DRAW: (Notice.LAUNCH, Notice.LAUNCH_ERROR),
    ActivityKind.RETURN: (Notice.TERMINATE, Notice.TERMINATE_ERROR),
    ActivityKind.WARM_TERMINATE: (Notice.TERMINATE, Notice.TERMINATE_ERROR),
}


@dataclass(frozen=True, slots=True)
class Notification:
    """What a topic hears of a cluster.

    Attributes:
        topic: its ARN.
        kinds: in the order of the words of Notice, each once.
    """

    id: str
    cluster_id: str
    cluster_name: str
    topic: str
    kinds: tuple[Notice, ...]


def id_of(cluster_id: str, topic: str) -> str:
    """A topic hears of a cluster in one way: the id says which."""
    return derived_uuid("notification", cluster_id, topic)


def notice_of(entry: Activity) -> Notice | None:
    """What the end of an entry is heard as; None where nobody hears of such entries."""
    done, failed = _NOTICES.get(entry.kind, (None, None))
    return done if entry.status is ActivityStatus.SUCCESSFUL else failed
