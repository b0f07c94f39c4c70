"""Deliberate faults of root disks that are written anew: of what is asked, and of who is taken for new."""

from __future__ import annotations

from contextlib import AbstractContextManager

from backend.domain.node import Node, NodeState, ServerStatus
from backend.domain.refreshes import Refresh
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.images import Image
from backend.engine.acts.rebuild_server import RebuildServer
from backend.engine.draft import Draft
from backend.engine.phases import rebuild
from tests.simulation.putting import put


def writes_nothing() -> AbstractContextManager[None]:
    """A member serves with the old image, and counts as new."""
    return put(RebuildServer, "_rebuilt", lambda self, cloud, _image: self.ask(cloud))


def asks_twice() -> AbstractContextManager[None]:
    """What the server tells of an earlier request is not looked at."""

    def anew(self: RebuildServer, cloud: Cloud, image: Image) -> Server:
        cloud.compute.rebuild(self.scope, self.server_id, image.id, self.node.activity_id)
        return self.ask(cloud)

    return put(RebuildServer, "_rebuilt", anew)


def comes_back_too_soon() -> AbstractContextManager[None]:
    """A server that runs is taken for one that was written, whatever was asked of it."""

    def at_once(draft: Draft, node: Node) -> None:
        if node.server_status is ServerStatus.ACTIVE:
            rebuild._go_on(draft, node, NodeState.ROOT_VOLUME_REPLACED)

    return put(rebuild, "_STEPS", {**rebuild._STEPS, NodeState.REPLACING_ROOT_VOLUME_PROCEED: at_once})


def brings_no_mix() -> AbstractContextManager[None]:
    """What nodes are mixed of is the cluster's own to say, whatever a refresh brings."""
    return put(Refresh, "mixes", lambda _self, standing: standing)
