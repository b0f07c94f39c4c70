"""Made interfaces that end with their servers: each is taken from the cloud once its server has let go of it."""

from __future__ import annotations

import logging
from functools import partial

from backend.domain.addresses import MadeInterface
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.address_making import InterfaceMaking
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of, error_of
from backend.store import addresses as rows
from backend.store.networks import LEASED_MAKINGS, MakingLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)


def end(context: Context, lease: MakingLease) -> Job:
    """End one, known by the cloud's id of it, unless its server is there still."""
    making, scope = context.cloud.interfaces, lease.scope
    interface: MadeInterface | None = yield Write(partial(_read, lease))
    if interface is None or making is None:
        yield Write(partial(LEASED_MAKINGS.forget, lease=lease))
        return
    (answer,) = yield [Call(scope, partial(answer_of, _ask, making, scope, interface))]
    error = error_of(answer)
    if error is not None:
        if not isinstance(error, errors.Busy):
            LOG.warning(
                "project=%s region=%s interface %s waits: %s", scope.project_id, scope.region, lease.token, error
            )
        due_at = context.now() + context.pause(lease, error)
        yield Write(partial(LEASED_MAKINGS.release, lease=lease, due_at=due_at))
        return
    context.held_up.over(lease)
    yield Write(partial(_ended, context, lease))


def _ask(making: InterfaceMaking, scope: Scope, interface: MadeInterface) -> None:
    if making.holder(scope, interface.cloud_id) is not None:
        raise errors.Busy(f"a server has interface {interface.cloud_id} still")
    making.delete_interface(scope, interface.cloud_id)


def _read(lease: MakingLease, conn: Connection) -> MadeInterface | None:
    """The interface, None where it ends with no server (any more), or this is another engine's by now."""
    if LEASED_MAKINGS.fence(conn, lease) is None:
        return None
    found = rows.INTERFACES.one(conn, lease.scope, cloud_id=lease.token)
    here = None if found is None else rows.lock_interface(conn, lease.scope, found.id)
    return here if here is not None and here.server_id is not None and here.delete_on_termination else None


def _ended(context: Context, lease: MakingLease, conn: Connection) -> None:
    here = _read(lease, conn)
    if here is not None:
        rows.end_interface(conn, lease.scope, here, context.now())
    LEASED_MAKINGS.forget(conn, lease)
