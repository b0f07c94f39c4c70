"""Public addresses whose requests did not end: the cloud leads each where its row says, whatever came of them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.address_making import AddressMaking
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of, error_of
from backend.store.addresses import ADDRESSES, INTERFACES
from backend.store.networks import LEASED_MAKINGS, MakingLease
from backend.store.session import Connection

LOG = logging.getLogger(__name__)
_NOWHERE_TO_GO = (errors.ServerNotFound, errors.NetworkMissing)
"""What it would lead to is gone: then it leads to nothing by itself."""


@dataclass(frozen=True, slots=True)
class _Led:
    """Where a row says that an address leads, by ids of the cloud; to nothing where neither is said."""

    association_id: str | None
    server_id: str | None
    interface_id: str | None


def lead(context: Context, lease: MakingLease) -> Job:
    """Lead one address, known by the cloud's id of it, where its row says."""
    making, scope = context.cloud.addresses, lease.scope
    led: _Led | None = yield Write(partial(_read, lease))
    if led is None or making is None:
        yield Write(partial(LEASED_MAKINGS.forget, lease=lease))
        return
    (answer,) = yield [Call(scope, partial(answer_of, _ask, making, scope, lease.token, led))]
    error = error_of(answer)
    if error is not None and not isinstance(error, _NOWHERE_TO_GO):
        LOG.warning("project=%s region=%s address %s waits: %s", scope.project_id, scope.region, lease.token, error)
        due_at = context.now() + context.pause(lease, error)
        yield Write(partial(LEASED_MAKINGS.release, lease=lease, due_at=due_at))
        return
    context.held_up.over(lease)
    yield Write(partial(_agree, context, lease, led))


def _ask(making: AddressMaking, scope: Scope, address_id: str, led: _Led) -> None:
    if led.server_id is None and led.interface_id is None:
        making.unbind_address(scope, address_id)
    else:
        making.bind_address(scope, address_id, server_id=led.server_id, interface_id=led.interface_id)


def _read(lease: MakingLease, conn: Connection) -> _Led | None:
    """Where the address is to lead; None where it was given back, or this is another engine's by now."""
    if LEASED_MAKINGS.fence(conn, lease) is None:
        return None
    address = ADDRESSES.one(conn, lease.scope, cloud_id=lease.token)
    if address is None:
        return None
    place = INTERFACES.one(conn, lease.scope, id=address.interface_id) if address.interface_id else None
    # What is kept for a gateway leads to nothing.
    interface = None if place is None or place.gateway_id is not None else place.cloud_id
    return _Led(address.association_id, address.server_id, interface)


def _agree(context: Context, lease: MakingLease, led: _Led, conn: Connection) -> None:
    """Done, unless somebody said something else while the cloud was asked: then once more."""
    now = _read(lease, conn)
    if now is None or now == led:
        LEASED_MAKINGS.forget(conn, lease)
    else:
        LEASED_MAKINGS.release(conn, lease, context.now())
