"""Queues and topics of this database as targets of messages, which they take in the transaction of the outbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from backend.domain.messages import Gone, Refused, Telling, Unreached
from backend.domain.queues import MessageRefused, QueueMissing
from backend.domain.scope import Scope
from backend.domain.topics import Envelope, Publication, PublicationRefused, TopicMissing
from backend.errors import LimitExceeded
from backend.store import queues, topics
from backend.store.rooms import Rooms

IsHome = Callable[[Scope, str, str], bool]
"""Whether a region and an account, as an ARN names them, are a project's: a region may have several names."""


@dataclass(frozen=True, slots=True)
class Shelves:
    """Takes messages into queues, and publishes them to topics.

    Attributes:
        envelope: how those who hear a topic are told, by its ARN.
        rooms: how much a project may have in queues; where there is no room a message waits.
    """

    is_home: IsHome
    envelope: Callable[[str], Envelope]
    rooms: Rooms

    def queue(self, conn: Connection, scope: Scope, arn: str, telling: Telling, now: datetime) -> None:
        """Put a message into a queue. Raises Gone, Refused, Unreached."""
        self._check(scope, arn)
        project_id = scope.project_id
        try:
            queues.of_arn(conn, scope, arn)
            size = len(telling.body.encode())
            self.rooms.take(project_id, 1, size, lambda then: queues.kept(conn, project_id, then))
            queues.put(conn, scope, arn, telling.body, None, now)
        except LimitExceeded as full:
            raise Unreached(f"the queue {arn} has no room left: {full.what}") from full
        except QueueMissing as missing:
            raise Gone(f"there is no queue {arn}") from missing
        except MessageRefused as refused:
            raise Refused(f"the queue {arn} takes no such message: {refused.why}") from refused

    def topic(self, conn: Connection, scope: Scope, arn: str, telling: Telling, now: datetime) -> None:
        """Publish a message to a topic. Raises Gone, Refused, Unreached."""
        self._check(scope, arn)
        said = Publication(telling.body, telling.subject, id=telling.id)
        try:
            topic = topics.of_arn(conn, scope, arn)
            topics.check(topic, said)
            hearing = topics.hearers(conn, scope, topic, [said], self.rooms)
            topics.publish(conn, scope, topic, [said], hearing, now, envelope=self.envelope(arn))
        except LimitExceeded as full:
            raise Unreached(f"there is no room left for what the topic {arn} tells: {full.what}") from full
        except TopicMissing as missing:
            raise Gone(f"there is no topic {arn}") from missing
        except PublicationRefused as refused:
            raise Refused(f"the topic {arn} takes no such message: {refused.why}") from refused

    def reaches(self, scope: Scope, arn: str) -> bool:
        """Whether an ARN is of the project's own region and account; names count within those only."""
        parts = arn.split(":")
        return len(parts) == 6 and self.is_home(scope, parts[3], parts[4])

    def _check(self, scope: Scope, arn: str) -> None:
        if not self.reaches(scope, arn):
            raise Gone(f"{arn} is in another region or account")
