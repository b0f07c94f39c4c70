"""The server of a node is stopped or suspended for the warm pool, or started or resumed for service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from backend.domain.node import Node
from backend.drivers import errors
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.revision import Revision


class Power(StrEnum):
    START = "start"
    STOP = "stop"
    SUSPEND = "suspend"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class ChangePower(ActOnServer):
    """The cloud may take its time: a look finds what became of it."""

    power: Power

    def ask(self, cloud: Cloud) -> Server | None:
        compute = cloud.compute
        tell = {
            Power.START: compute.start,
            Power.STOP: compute.stop,
            Power.SUSPEND: compute.suspend,
            Power.RESUME: compute.resume,
        }[self.power]
        try:
            tell(self.scope, self.server_id)
        except errors.ServerStateConflict:  # heard before, or done by somebody else
            return compute.get(self.scope, self.server_id)
        return None

    def done(self, result: Result, node: Node, revision: Revision) -> None:
        self.refused(node, revision)
        revision.remark(node.activity_id, None)
        revision.again |= result.gone

    def refused(self, node: Node, revision: Revision) -> None:
        if node.state is self.node.state:
            revision.put(replace(node, power_asked_at=revision.now))
