"""The root disk of a node's server is written anew from another image."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backend.domain.ids import short_id
from backend.domain.node import Node, NodeState
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.images import Image
from backend.drivers.resolution import image_of
from backend.engine.acts.act import ActOnServer, Result
from backend.engine.reasons import reason_of
from backend.engine.revision import Revision

_NEVER = (errors.ImageNotFound, errors.FlavorNotSupported, errors.Unsupported)
"""What would be answered however often it is asked."""
_NO_VERDICT = (errors.NotAuthorized, errors.Busy)
"""Refusals that say nothing of the server: it is waited for until they end, however long."""


@dataclass(frozen=True, slots=True)
class RebuildServer(ActOnServer):
    """What was asked and not answered is read from the server: it shows its new image from when the cloud took it on.

    One that is written anew from the image that it had shows the mark of the request instead.
    """

    image: str

    def carry_out(self, cloud: Cloud, catalog: Catalog) -> Result:
        try:
            return Result(self, (self._rebuilt(cloud, self._image(catalog)),))
        except errors.ServerNotFound:
            return Result(self, gone=True)
        except errors.CloudError as error:
            return Result(self, error=error)

    def ask(self, cloud: Cloud) -> Server:
        return cloud.compute.get(self.scope, self.server_id)

    def _image(self, catalog: Catalog) -> Image:
        image = image_of(catalog, self.scope, self.image)
        if image is None or not image.active:
            raise errors.ImageNotFound(self.image)
        return image

    def _rebuilt(self, cloud: Cloud, image: Image) -> Server:
        """The server as it is once it was told, by this request or an earlier one."""
        server, mark = self.ask(cloud), self.node.activity_id
        told = image.id != self.node.rebuilt_from or (mark is not None and server.rebuild_mark == mark)
        if server.image_id == image.id and told:
            return server
        cloud.compute.rebuild(self.scope, self.server_id, image.id, mark)
        return self.ask(cloud)

    def conclude(self, result: Result, revision: Revision) -> None:
        node = revision.nodes.get(self.node.id)
        if node is None or not self._is_awaited(node):
            return
        error = result.error
        if error is None:
            ActOnServer.conclude(self, result, revision)
            return
        reason = reason_of(error, node.instance_type, node.zone)
        if isinstance(error, errors.Refused):
            self.refused(node, revision)
            if isinstance(error, _NEVER) or self._is_refused_for_good(error, node, revision):
                revision.fail_rebuild(revision.nodes[node.id], reason)
                return
        revision.remark(node.activity_id, reason)

    @staticmethod
    def _is_refused_for_good(error: errors.CloudError, node: Node, revision: Revision) -> bool:
        """Whether its time is over and it was refused before, too: once may be by chance, after the cloud was away."""
        late = revision.now >= node.state_at + revision.settings.boot_timeout
        return late and node.power_asked_at is not None and not isinstance(error, _NO_VERDICT)

    def done(self, result: Result, node: Node, revision: Revision) -> None:
        revision.again = True
        for server in result.servers:
            own = None if server.image_id is None else short_id(server.image_id)
            revision.put(replace(node, own_image=own, rebuilds_to=None, power_asked_at=revision.now))
            revision.remark(node.activity_id, None)

    def refused(self, node: Node, revision: Revision) -> None:
        revision.put(replace(node, power_asked_at=revision.now))

    def _is_awaited(self, node: Node) -> bool:
        return node.state is NodeState.REPLACING_ROOT_VOLUME_PROCEED and node.rebuilds_to == self.image
