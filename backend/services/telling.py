"""Test messages: whoever is named as a target is told so at once, and refused where that cannot be."""

from __future__ import annotations

from typing import Protocol
from uuid import uuid4

from backend.clock import Clock
from backend.domain.lifecycle_findings import TargetUnreached
from backend.domain.messages import Gone, Message, MessageKind, SinkError
from backend.domain.scope import Scope
from backend.domain.web_addresses import shown
from backend.store.outlets import Outlets, kind_of
from backend.store.session import Store


class Trial(Protocol):
    """Publishes the test message that whoever is named as a target gets first."""

    def __call__(self, scope: Scope, target: str, *, cluster_id: str, cluster_name: str) -> None:
        """Publish it now.

        Raises:
            TargetUnreached: it was not taken.
        """


class Publisher:
    """The trial by what takes messages here."""

    def __init__(self, store: Store, clock: Clock, outlets: Outlets) -> None:
        self._store = store
        self._clock = clock
        self._outlets = outlets

    def __call__(self, scope: Scope, target: str, *, cluster_id: str, cluster_name: str) -> None:
        """Publish a test message now. Raises TargetUnreached, with the cause that the target gave."""
        message = Message(
            id=str(uuid4()),
            project_id=scope.project_id,
            region=scope.region,
            cluster_id=cluster_id,
            cluster_name=cluster_name,
            kind=MessageKind.TEST,
            target=target,
            data={"request_id": str(uuid4())},
            created_at=self._clock.now(),
        )
        try:
            self._publish(message)
        except SinkError as error:
            raise TargetUnreached(target) from error

    def _publish(self, message: Message) -> None:
        if not self._outlets.takes(message.target):
            raise Gone(f"there is no way to {shown(message.target)}")
        telling = self._outlets.words(message)
        kind, scope, target = kind_of(message.target), message.scope, message.target
        shelf, send = self._outlets.shelves.get(kind), self._outlets.sinks.get(kind)
        if shelf is not None:
            now = message.created_at
            self._store.transact(lambda conn: shelf(conn, scope, target, telling, now))
        elif send is not None:
            send(scope, target, telling)
