"""Acts on the power of servers that wait for a busy cloud: each is done once the cloud takes it, or found done.

A call may be made twice: a server that is stopped or started already stays as it is, and one that is rebooted a second
time was to be rebooted anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from backend.domain.node import ServerStatus
from backend.domain.power import PowerAct, PowerWish
from backend.drivers import errors
from backend.drivers.compute import change_power
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.store.power_wishes import LEASED, POWER_WISHES, PowerLease
from backend.store.session import Connection

LOG: Final = logging.getLogger(__name__)
SOONEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(seconds=15)
"""Between two tries of what the cloud would not do yet."""
PATIENCE: Final = timedelta(minutes=10)
"""What the cloud has refused for so long is given up. A system that does not listen is rebooted hard after two minutes.

The pauses between its refusals count: neither when it was away nor when no engine was there was anything refused.
"""

Steps = Generator[Sequence[Call] | Write, Any, Any]


class _Retry(NamedTuple):
    """After how long it is tried again, and for how long it will have been refused by then."""

    pause: timedelta
    refused_seconds: int | None


def fulfil(context: Context, lease: PowerLease) -> Job:
    """Do what waits for a server, or find that there is nothing left to do."""
    work = _Fulfilling(context, lease)
    wish: PowerWish | None = yield Write(work.read)
    if wish is not None:
        retry = yield from work.tried(wish)
        yield Write(partial(work.end, wish, retry))


@dataclass(slots=True)
class _Fulfilling:
    context: Context
    lease: PowerLease

    def read(self, conn: Connection) -> PowerWish | None:
        if LEASED.fence(conn, self.lease) is None:
            return None
        return POWER_WISHES.one(conn, self.lease.scope, id=self.lease.server_id)

    def tried(self, wish: PowerWish) -> Steps:
        """When it is tried again; None: there is nothing left to do."""
        compute, scope = self.context.cloud.compute, self.lease.scope
        found = yield from self._asked(partial(compute.get, scope, wish.id))
        if isinstance(found, errors.ServerNotFound):
            return None
        if isinstance(found, errors.CloudError):
            return self._later(wish, found)
        if found.status is ServerStatus.UNKNOWN:  # the cloud does not reach where it runs: that is no verdict
            return self._later(wish, errors.CloudUnavailable(f"it is {found.status}"))
        if found.status is ServerStatus.BUILDING and found.status not in wish.act.allowed:
            return self._later(wish, errors.ServerBusy(f"it is {found.status}"))
        if found.status is not wish.act.acts_on:
            return None
        error = yield from self._asked(partial(change_power, compute, scope, wish.id, wish.act))
        if error is None or isinstance(error, errors.ServerNotFound):
            return None
        if wish.act is PowerAct.REBOOT and isinstance(error, errors.ServerBusy) and error.rebooting:
            return None
        return self._later(wish, error)

    def _asked(self, call: Callable[[], object]) -> Steps:
        (answer,) = yield [Call(self.lease.scope, partial(answer_of, call))]
        return answer

    def _later(self, wish: PowerWish, error: errors.CloudError) -> _Retry | None:
        """A cloud that is away says nothing of the server: its return is waited for, however long."""
        refused = isinstance(error, errors.Refused)
        over = refused and timedelta(seconds=wish.refused_seconds or 0) >= PATIENCE
        LOG.log(
            logging.WARNING if over else logging.INFO,
            "project=%s region=%s server=%s its %s %s: %s",
            *(self.lease.scope.project_id, self.lease.scope.region, wish.id, wish.act),
            "is given up" if over else "waits",
            error,
        )
        if over:
            return None
        pause = min(max((self.context.now() - wish.asked_at) / 4, SOONEST), LONGEST)
        if refused:
            return _Retry(pause, (wish.refused_seconds or 0) + round(pause.total_seconds()))
        away = isinstance(error, errors.CloudUnavailable)
        return _Retry(max(pause, self.context.settings.cloud_retry) if away else pause, wish.refused_seconds)

    def end(self, wish: PowerWish, retry: _Retry | None, conn: Connection) -> None:
        """Give the row back, or delete it; what was asked of the server meanwhile is due at once."""
        if LEASED.fence(conn, self.lease) is None:
            return
        if POWER_WISHES.one(conn, self.lease.scope, id=wish.id) != wish:
            LEASED.release(conn, self.lease, self.context.now())
        elif retry is None:
            LEASED.forget(conn, self.lease)
        else:
            due_at = self.context.now() + retry.pause
            LEASED.release(conn, self.lease, due_at, refused_seconds=retry.refused_seconds)
