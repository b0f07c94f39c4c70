"""The server of a node on its way out is deleted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backend.domain.node import Node
from backend.drivers.cloud import Cloud
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.revision import Revision


@dataclass(frozen=True, slots=True)
class DeleteServer(ActOnServer):
    """The cloud may take its time; the node goes when a look finds the server gone."""

    ends = True

    def ask(self, cloud: Cloud) -> None:
        cloud.compute.delete(self.scope, self.server_id)

    def done(self, result: Result, node: Node, revision: Revision) -> None:
        self.refused(node, revision)
        revision.remark(node.activity_id, None)
        revision.again |= result.gone

    def refused(self, node: Node, revision: Revision) -> None:
        revision.put(replace(node, delete_requested_at=revision.now))
