"""Ports made for servers that none has: ended after a grace and a second look, a few at a time.

A port that no server has serves nobody, so that no row tells more of it than the cloud does, and none has to rest until
an operator's word.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.compute import LoosePort
from backend.engine import sweeps
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.store import orphans
from backend.store.orphans import Kind, Place
from backend.store.session import Connection

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PortSweep:
    """One sweep of a project's ports.

    Attributes:
        is_held: whether the project's watch is, its row locked.
    """

    context: Context
    scope: Scope
    is_held: Callable[[Connection], bool]

    @property
    def place(self) -> Place:
        return Place(self.scope, Kind.PORT)

    def look(self) -> Generator[Sequence[Call] | Write, Any, bool]:
        """Remember the ports that are loose, and forget those that are no more.

        Returns:
            Whether there may be others: too young, or not told by the cloud.
        """
        loose = yield from self._loose()
        if loose is None:
            return True
        before = self.context.now() - self.context.settings.port_grace
        old = [port.id for port in loose if port.made_at < before]
        yield Write(partial(self._note, old))
        return len(old) < len(loose)

    def run(self) -> Job:
        """End what may; all are looked at once more before."""
        ripe = sweeps.due(self.context, self.place)
        if not ripe:
            return
        loose = yield from self._loose()
        if loose is None:
            return
        doomed = yield Write(partial(self._judge, ripe, {port.id for port in loose}))
        if not doomed:
            return
        place = (self.scope.project_id, self.scope.region)
        (answer,) = yield [
            Call(self.scope, partial(answer_of, self.context.cloud.compute.delete_ports, self.scope, doomed))
        ]
        if isinstance(answer, errors.CloudError):
            LOG.warning("project=%s region=%s ports of no server could not be deleted: %s", *place, answer)
        else:
            LOG.warning("project=%s region=%s ports of no server, deleted: %s", *place, doomed)
        # Whatever came of it is seen after the grace: what is still there is asked for again then.
        yield Write(lambda conn: orphans.asked(conn, self.place, doomed, self.context.now()))

    def _loose(self) -> Generator[Sequence[Call] | Write, Any, Sequence[LoosePort] | None]:
        """Those there are; None where the cloud does not say."""
        ask = partial(answer_of, self.context.cloud.compute.loose_ports, self.scope)
        (answer,) = yield [Call(self.scope, ask)]
        loose: Sequence[LoosePort] | None = None if isinstance(answer, errors.CloudError) else answer
        return loose

    def _note(self, loose: Sequence[str], conn: Connection) -> None:
        if self.is_held(conn):
            orphans.keep(conn, self.place, loose)
            orphans.note(conn, self.place, [(port, True) for port in loose], self.context.now())

    def _judge(self, ripe: Sequence[str], loose: set[str], conn: Connection) -> list[str]:
        """The ports to delete; those that a server has by now, or that are gone, are forgotten."""
        if not self.is_held(conn):
            return []
        orphans.settle(conn, self.place, [port for port in ripe if port not in loose])
        return [port for port in ripe if port in loose]
