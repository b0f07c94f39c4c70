"""What is told to others than the caller: of an action that waits for them, of a move that ended. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from backend.domain.activity import Owner
from backend.domain.scope import Scope


class MessageKind(StrEnum):
    """What a message tells; its data holds the facts named beside it, in the engine's words."""

    ACTION = "action"  #      an action began: see domain.lifecycle
    ACTIVITY = "activity"  #  a move of a node ended: activity (id), and all that the entry says
    REFRESH = "refresh"  #    an instance refresh: refresh (id), event; percentage and delay of a checkpoint
    TEST = "test"  #          the target can be reached: request_id
    EVENT = "event"  #        a rule matched: body, a text that is sent as it is; whole: it is the event
    ALARM = "alarm"  #        an alarm changed its state: see store.alarm_changes
    ALARM_CONFIGURATION = "alarm-configuration"  #  an alarm was made, written anew or deleted: see there, too
    PUBLICATION = "sns"  #    a URL hears a topic: type, body, raw, topic, subscription (id), message_id


KNOWN_KINDS = frozenset(map(str, MessageKind))

EVERYWHERE = ""
"""The target of a message that goes to whoever listens to the events of the project, and to nobody by name."""


MOST_WAITING = 20_000
"""Messages of a project in a region that wait at once, by default; while there are more, rules tell nobody."""


@dataclass(frozen=True, slots=True)
class Message:
    """One telling to one target; it is stored in the transaction of what it tells.

    Attributes:
        id: a UUID, the same in every attempt: whoever hears it twice can know.
        kind: a word of MessageKind, or one that only a newer version knows, which wrote it.
        cluster_id, cluster_name: the group that it tells of; its messages go out in their order as well as can be.
        target: ARN of a topic, a queue or another sink; EVERYWHERE for the event bus.
        data: values of JSON.
        action_id: the action that is decided by its default when this message can never be delivered.
    """

    id: str
    project_id: str
    region: str
    cluster_id: str
    cluster_name: str
    kind: str
    target: str
    data: Mapping[str, Any]
    created_at: datetime
    action_id: str | None = None

    @classmethod
    def about(
        cls, cluster: Owner, kind: MessageKind, target: str, *, data: Mapping[str, Any], at: datetime, **more: Any
    ) -> Message:
        """What a target is told of a cluster. ``more``: id, and the other fields that there is something to say in."""
        return cls(
            project_id=cluster.project_id,
            region=cluster.region,
            cluster_id=cluster.id,
            cluster_name=cluster.name,
            kind=kind,
            target=target,
            data=data,
            created_at=at,
            **more,
        )

    @property
    def scope(self) -> Scope:
        return Scope(self.project_id, self.region)


@dataclass(frozen=True, slots=True)
class Telling:
    """A message in the words of those who hear it.

    Attributes:
        id: the message's.
        subject: one line, where the target has room for one.
        body: what is sent.
        event: the same for the event bus; None where it is told of nothing there.
        attributes: texts beside the body, where the target has room for them.
    """

    id: str
    body: str
    subject: str | None = None
    event: Mapping[str, Any] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


class SinkError(Exception):
    """A message was not taken; the words say why, and hold no secret."""


class Unreached(SinkError):
    """Whoever is told could not be asked, or cannot take it now: it may be taken later."""


class Refused(SinkError):
    """This message is not taken, and never will be."""


class Gone(SinkError):
    """There is no such target any more."""
