"""Made interfaces that requests launched servers with, and did not come to tell: the cloud is asked who has each."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from backend.domain.addresses import UNJOINED, MadeInterface
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of, error_of
from backend.store import addresses as rows
from backend.store.networks import LEASED_MAKINGS, MakingLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)


def join(context: Context, lease: MakingLease) -> Job:
    """Write which server one has, which is known by the cloud's id of it; none: it is free again."""
    making, scope = context.cloud.interfaces, lease.scope
    interface: MadeInterface | None = yield Write(partial(_read, lease))
    if interface is None or making is None:
        yield Write(partial(LEASED_MAKINGS.forget, lease=lease))
        return
    if _over_at(interface) > context.now():  # another request of the same token has begun since
        yield Write(partial(LEASED_MAKINGS.release, lease=lease, due_at=_over_at(interface)))
        return
    (answer,) = yield [Call(scope, partial(answer_of, making.holder, scope, lease.token))]
    error = error_of(answer)
    if error is not None:
        LOG.warning("project=%s region=%s interface %s waits: %s", scope.project_id, scope.region, lease.token, error)
        due_at = context.now() + context.pause(lease, error)
        yield Write(partial(LEASED_MAKINGS.release, lease=lease, due_at=due_at))
        return
    context.held_up.over(lease)
    yield Write(partial(_settle, lease, interface, answer))


def _read(lease: MakingLease, conn: Connection) -> MadeInterface | None:
    """The interface, None where nobody launches with it (any more), or this is another engine's by now."""
    if LEASED_MAKINGS.fence(conn, lease) is None:
        return None
    found = rows.INTERFACES.one(conn, lease.scope, cloud_id=lease.token)
    here = None if found is None else rows.lock_interface(conn, lease.scope, found.id)
    return here if here is not None and here.launching else None


def _over_at(interface: MadeInterface) -> datetime:
    """When the cloud has told whatever it will of a launch."""
    assert interface.attached_at is not None
    return interface.attached_at + UNJOINED


def _settle(lease: MakingLease, asked: MadeInterface, server_id: str | None, conn: Connection) -> None:
    here = _read(lease, conn)
    if here is None:
        LEASED_MAKINGS.forget(conn, lease)
    elif (here.attachment_id, here.attached_at) != (asked.attachment_id, asked.attached_at):
        LEASED_MAKINGS.release(conn, lease, _over_at(here))
    elif server_id is None:
        rows.part_interface(conn, lease.scope, here)
    else:
        rows.note_joined(conn, lease.scope, here, server_id)
