"""The public addresses that servers and balancers have for life: taken, led there, given back when those are gone.

The cloud gives them none by itself there. Every call may be made twice; what could not be done is tried again, less
and less often: a way out may come later, and so may room.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from backend.domain.addresses import Holder, LaunchAddress
from backend.domain.node import ENDED_STATUSES
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.address_making import AddressMaking
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.store.launch_addresses import LAUNCH_ADDRESSES, LEASED, LaunchAddressLease
from backend.store.session import Connection

LOG: Final = logging.getLogger(__name__)
LONGEST: Final = timedelta(minutes=10)
"""Between two tries of what the cloud would not do."""

Steps = Generator[Sequence[Call] | Write, Any, Any]


def settle(context: Context, lease: LaunchAddressLease) -> Job:
    """Bring the cloud to what the row says, or the row to its end."""
    work = _Settling(context, lease)
    row: LaunchAddress | None = yield Write(work.read)
    making = context.cloud.addresses
    if row is not None and making is not None:
        yield from work.settled(making, row)
    yield Write(work.release)


@dataclass(slots=True)
class _Settling:
    """The work on one address. ``retry``: when what could not be done is tried again; None: all is done."""

    context: Context
    lease: LaunchAddressLease
    retry: timedelta | None = None

    @property
    def scope(self) -> Scope:
        return self.lease.scope

    def read(self, conn: Connection) -> LaunchAddress | None:
        if LEASED.fence(conn, self.lease) is None:
            return None
        return LAUNCH_ADDRESSES.one(conn, self.scope, id=self.lease.holder_id)

    def release(self, conn: Connection) -> None:
        if LEASED.fence(conn, self.lease) is not None:
            LEASED.release(conn, self.lease, None if self.retry is None else self.context.now() + self.retry)

    def settled(self, making: AddressMaking, row: LaunchAddress) -> Steps:
        """Take and lead it, or give it back. A server that is to be led to shows whether it is there by itself."""
        port: str | None = None
        if row.ended or row.bound or row.holder is Holder.BALANCER:
            gone, port = yield from self._seen(row)
            if row.ended or gone:
                yield from self._give_back(making, row, forget=bool(gone))
            if row.ended or gone is not False or row.bound:
                return
        taken = row if row.cloud_id is not None else (yield from self._take(making, row))
        if taken is None:
            return
        end = {"server_id": row.id} if row.holder is Holder.SERVER else {"interface_id": port}
        bind = partial(making.bind_address, self.scope, taken.cloud_id or "", **end)
        error = yield from self._asked(bind)
        if error is None:
            yield Write(partial(self._change, {"bound": True}))
            return
        gone, _ = (yield from self._seen(row)) if isinstance(error, errors.ServerNotFound) else (False, None)
        if gone:
            yield from self._give_back(making, taken, forget=True)
        else:
            self._put_off(row, error)

    def _take(self, making: AddressMaking, row: LaunchAddress) -> Steps:
        """The row with an address, None where there is none to be had now or it is not wanted any more."""
        found = yield from self._asked(partial(making.find_address, self.scope, row.token))
        if found is None:
            found = yield from self._asked(partial(making.allocate_address, self.scope, row.token))
        if isinstance(found, errors.CloudError):
            self._put_off(row, found)
            return None
        taken = {"cloud_id": found.id, "address": found.address}
        return (yield Write(partial(self._change, taken)))

    def _give_back(self, making: AddressMaking, row: LaunchAddress, *, forget: bool) -> Steps:
        """Release all that was taken under the token: an answer may have been lost, and another taken after it."""
        cloud_id = row.cloud_id
        while not row.kept:  # one that is, the cloud leads nowhere by itself once there is nothing to lead to
            if cloud_id is not None:
                error = yield from self._asked(partial(making.release_address, self.scope, cloud_id))
                if error is not None:
                    self._put_off(row, error)
                    return
            found = yield from self._asked(partial(making.find_address, self.scope, row.token))
            if isinstance(found, errors.CloudError):
                self._put_off(row, found)
                return
            if found is None or found.id == cloud_id:
                break
            cloud_id = found.id
        yield Write(self._forget if forget else partial(self._change, {"cloud_id": None, "address": None}))

    def _seen(self, row: LaunchAddress) -> Steps:
        """Whether what holds it is gone, None where the cloud says nothing of that; and a balancer's port."""
        cloud = self.context.cloud
        if row.holder is Holder.BALANCER:
            if cloud.balancer_making is None:
                return None, None
            found = yield from self._asked(partial(cloud.balancer_making.tree, self.scope, row.id))
            if not isinstance(found, errors.CloudError):
                return found is None, None if found is None else found.port_id
        else:
            found = yield from self._asked(partial(cloud.compute.get, self.scope, row.id))
            if isinstance(found, errors.ServerNotFound):
                return True, None
            if not isinstance(found, errors.CloudError):
                return found.status in ENDED_STATUSES, None
        self._put_off(row, found)
        return None, None

    def _asked(self, call: Callable[[], object]) -> Steps:
        (answer,) = yield [Call(self.scope, partial(answer_of, call))]
        return answer

    def _put_off(self, row: LaunchAddress, error: errors.CloudError) -> None:
        settings, scope = self.context.settings, self.scope
        if isinstance(error, errors.OutcomeUnknown):  # it may arrive yet: who asks again too soon takes a second
            self.retry = settings.relaunch_grace
        else:
            self.retry = min(max(self.context.now() - row.created_at, settings.cloud_retry), LONGEST)
        LOG.info(
            "project=%s region=%s %s=%s its public address waits: %s",
            *(scope.project_id, scope.region, row.holder, row.id, error),
        )

    def _change(self, values: dict[str, object], conn: Connection) -> LaunchAddress | None:
        """Write what was done; the row, None where it is lost or another address leads there by now."""
        if LEASED.fence(conn, self.lease) is None:
            return None
        LAUNCH_ADDRESSES.change(conn, self.scope, self.lease.holder_id, **values)
        found = LAUNCH_ADDRESSES.one(conn, self.scope, id=self.lease.holder_id)
        return None if found is None or found.ended else found

    def _forget(self, conn: Connection) -> None:
        LEASED.forget(conn, self.lease)
