"""A server is asked for by itself: its status, its address or the cloud's words about its fault are wanted now."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.node import Node
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.revision import Revision


@dataclass(frozen=True, slots=True)
class LookAtServer(ActOnServer):
    """What was seen is all that comes of it; whether it is news decides when the cluster is looked at again."""

    def ask(self, cloud: Cloud) -> Server:
        return cloud.compute.get(self.scope, self.server_id)

    def done(self, result: Result, node: Node, revision: Revision) -> None:
        revision.again |= result.gone
