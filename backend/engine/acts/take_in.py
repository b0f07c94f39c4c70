"""An attached server becomes ours."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.activity import ActivityStatus, Reason, ReasonKind
from backend.domain.node import GROUP_TAG, Node, NodeState, ServerStatus, move
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.revision import Revision


@dataclass(frozen=True, slots=True)
class TakeServerIn(ActOnServer):
    """``group``: the name of the cluster, which the server carries from then on, with the token of its node."""

    tells_gone = False
    group: str

    def ask(self, cloud: Cloud) -> Server:
        cloud.compute.adopt(self.scope, self.server_id, self.node.launch_id)
        cloud.compute.tag(self.scope, self.server_id, {GROUP_TAG: self.group}, ())
        return cloud.compute.get(self.scope, self.server_id)

    def done(self, result: Result, node: Node, revision: Revision) -> None:
        if result.gone and node.server_status is not ServerStatus.DELETED:
            return  # a look has to say so, too: it may carry our token by now, and is its owner's all the same
        revision.again = True
        if node.state is not NodeState.PENDING:
            return
        if result.gone:
            revision.end(node.activity_id, ActivityStatus.FAILED, Reason(ReasonKind.SERVER_VANISHED))
            revision.put(move(node, NodeState.TERMINATING, revision.now))
        else:
            revision.enter_service(node)
