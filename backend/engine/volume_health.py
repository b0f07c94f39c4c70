"""Volumes that do not work, looked for where a cluster goes by them. Could-not-ask says nothing of any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.volumes import Volume
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.store import volume_health, wakes
from backend.store.session import Connection


@dataclass(frozen=True, slots=True)
class VolumeLook:
    """One look at a project's volumes.

    Attributes:
        is_held: whether the project's watch is, its row locked.
    """

    context: Context
    scope: Scope
    is_held: Callable[[Connection], bool]

    def run(self) -> Job:
        volumes = self.context.cloud.volumes
        if volumes is None:
            return
        with self.context.store.read() as conn:
            if not volume_health.is_wanted(conn, self.scope):
                return
        (answer,) = yield [Call(self.scope, partial(answer_of, volumes.list, self.scope))]
        if not isinstance(answer, errors.CloudError):
            yield Write(partial(self._record, _failed(answer)))

    def _record(self, failed: frozenset[str], conn: Connection) -> None:
        volume_health.lock_concerned(conn, self.scope, failed)
        if self.is_held(conn):
            wakes.wake(conn, volume_health.record(conn, self.scope, failed), self.context.now())


def _failed(volumes: Sequence[Volume]) -> frozenset[str]:
    """The servers that have one that does not work."""
    return frozenset(each.attachment.server_id for each in volumes if each.attachment is not None and not each.works)
