"""The server of a detaching node is no longer ours."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.node import GROUP_TAG, PARTING, Node, ServerStatus
from backend.drivers.cloud import Cloud
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.revision import Revision


@dataclass(frozen=True, slots=True)
class LetServerGo(ActOnServer):
    """It keeps neither our token nor the group's tag."""

    tells_gone = False

    def ask(self, cloud: Cloud) -> None:
        cloud.compute.tag(self.scope, self.server_id, {}, (GROUP_TAG,))
        cloud.compute.adopt(self.scope, self.server_id, None)

    def done(self, result: Result, node: Node, revision: Revision) -> None:
        if result.gone and node.server_status is not ServerStatus.DELETED:
            return  # a look has to say so, too: only then is there nothing left to be let go
        if node.state in PARTING:
            revision.forget(node)
        revision.again = True
