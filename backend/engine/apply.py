"""The only writer to the cloud: each act is one claimed step carried out, and answers what came of it.

An act raises nothing that a cloud may say: every answer, refusal and lost answer is a result. Nothing here reads or
writes rows; what is done here was claimed in them before, and is written into them after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.domain.node import GROUP_TAG, Node
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.balancing import Target
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.resolution import resolve
from backend.engine.snapshot import Profile

_ROOM = (errors.NoCapacity, errors.QuotaExceeded, errors.NoAddresses)


@dataclass(frozen=True, slots=True)
class CreateServers:
    """Claimed nodes of one launch, oldest first, and what their servers are made from."""

    scope: Scope
    launch_id: str
    node_ids: tuple[str, ...]
    zone: str
    subnet_id: str | None
    profile: Profile
    name: str
    tags: Mapping[str, str]
    server_group: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteServer:
    scope: Scope
    node: Node


@dataclass(frozen=True, slots=True)
class LetServerGo:
    scope: Scope
    node: Node


@dataclass(frozen=True, slots=True)
class TakeServerIn:
    scope: Scope
    node: Node
    group: str


@dataclass(frozen=True, slots=True)
class LookAtServer:
    scope: Scope
    node: Node


class Change(StrEnum):
    """What becomes of members of a pool."""

    ADD = "add"
    DRAIN = "drain"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class ChangeMembers:
    """Members of one pool, each for a node of ours."""

    scope: Scope
    pool_id: str
    change: Change
    targets: tuple[Target, ...]


Act = CreateServers | DeleteServer | LetServerGo | TakeServerIn | LookAtServer | ChangeMembers


@dataclass(frozen=True, slots=True)
class Created:
    """What came of a launch.

    Attributes:
        servers: those that were made.
        error: why not all were: Refused and CloudUnavailable mean that the rest does not exist, OutcomeUnknown that
            it may.
    """

    act: CreateServers
    servers: Sequence[Server]
    error: errors.CloudError | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of an act on one server.

    Attributes:
        gone: the server does not exist (any more).
        error: why it is not known to be done.
        server: as the cloud told it, where it was asked.
    """

    act: DeleteServer | LetServerGo | TakeServerIn | LookAtServer
    gone: bool = False
    error: errors.CloudError | None = None
    server: Server | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What came of a change of a pool. ``error``: why not all of it is known to be done."""

    act: ChangeMembers
    error: errors.CloudError | None = None


Result = Created | Answered | Changed


def carry_out(cloud: Cloud, catalog: Catalog, act: Act) -> Result:
    """Do it, and tell what came of it."""
    if isinstance(act, CreateServers):
        return _create(cloud, catalog, act)
    if isinstance(act, ChangeMembers):
        return _change(cloud, act)
    try:
        return Answered(act, server=_on_server(cloud, act))
    except errors.ServerNotFound:
        return Answered(act, gone=True)
    except errors.CloudError as error:
        return Answered(act, error=error)


def not_done(act: Act, error: errors.CloudError) -> Result:
    """What came of an act that the cloud was never asked for."""
    if isinstance(act, CreateServers):
        return Created(act, (), error)
    if isinstance(act, ChangeMembers):
        return Changed(act, error)
    return Answered(act, error=error)


def _create(cloud: Cloud, catalog: Catalog, act: CreateServers) -> Created:
    """All servers of the launch, or as many as there is room for: a refused batch is halved."""
    servers: list[Server] = []
    refusal: errors.CloudError | None = None
    left = size = len(act.node_ids)
    try:
        request = resolve(
            catalog,
            act.scope,
            act.profile.spec,
            zone=act.zone,
            subnet_id=act.subnet_id,
            name=act.name,
            launch_id=act.launch_id,
            server_group=act.server_group,
            tags=act.tags,
        )
        if request.server_group is not None and request.server_group.policy.apart:
            # A cloud may accept a batch and then find a host for none of it: each server has to find its own.
            size = 1
        while left:
            try:
                servers += cloud.compute.create(act.scope, request, size)
            except errors.PartlyMade as part:
                return Created(act, [*servers, *part.servers], part.refusal)
            except _ROOM as error:
                refusal = refusal or error
                if size == 1:
                    return Created(act, servers, refusal)
                size //= 2
            else:
                left -= size
                size = min(size, left)
    except errors.CloudError as error:
        return Created(act, servers, error)
    return Created(act, servers)


def _change(cloud: Cloud, act: ChangeMembers) -> Changed:
    balancing = cloud.balancing
    ask = {
        Change.ADD: balancing.add_members,
        Change.DRAIN: balancing.drain_members,
        Change.REMOVE: balancing.remove_members,
    }[act.change]
    try:
        ask(act.scope, act.pool_id, act.targets)
    except errors.CloudError as error:
        return Changed(act, error)
    return Changed(act)


def _on_server(cloud: Cloud, act: DeleteServer | LetServerGo | TakeServerIn | LookAtServer) -> Server | None:
    compute, scope, server_id = cloud.compute, act.scope, act.node.server_id
    assert server_id is not None
    if isinstance(act, DeleteServer):
        compute.delete(scope, server_id)
        return None
    if isinstance(act, LetServerGo):
        compute.tag(scope, server_id, {}, (GROUP_TAG,))
        compute.adopt(scope, server_id, None)
        return None
    if isinstance(act, TakeServerIn):
        compute.adopt(scope, server_id, act.node.launch_id)
        compute.tag(scope, server_id, {GROUP_TAG: act.group}, ())
    return compute.get(scope, server_id)
