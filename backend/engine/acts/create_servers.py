"""The servers of claimed nodes are made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from backend.domain.activity import ActivityStatus
from backend.domain.node import ARRIVING, WARMING, ServerStatus
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server, ServerRequest
from backend.drivers.resolution import resolve
from backend.engine.acts.act import Act, Result
from backend.engine.reasons import reason_of
from backend.engine.revision import NOT_ASKED, Revision
from backend.engine.snapshot import Profile

_ROOM = (errors.NoCapacity, errors.QuotaExceeded, errors.NoAddresses)
_NOT_MADE = (errors.Refused, errors.CloudUnavailable)


@dataclass(frozen=True, slots=True)
class CreateServers(Act):
    """Claimed nodes of one launch, oldest first, and what their servers are made from.

    Of the errors of its result Refused and CloudUnavailable mean that what is not among the servers does not exist,
    OutcomeUnknown that it may.
    """

    launch_id: str
    node_ids: tuple[str, ...]
    zone: str
    subnet_id: str | None
    profile: Profile
    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    server_group: str | None = None

    def carry_out(self, cloud: Cloud, catalog: Catalog) -> Result:
        servers: list[Server] = []
        try:
            refusal = self._create(cloud, self._resolved(catalog), servers)
        except errors.CloudError as error:
            return Result(self, servers, error=error)
        finally:
            catalog.drop("quotas", self.scope)
        return Result(self, servers, error=refusal)

    def _resolved(self, catalog: Catalog) -> ServerRequest:
        return resolve(
            catalog,
            self.scope,
            self.profile.spec,
            zone=self.zone,
            subnet_id=self.subnet_id,
            name=self.name,
            launch_id=self.launch_id,
            server_group=self.server_group,
            tags=self.tags,
            preemptible=self.profile.preemptible,
        )

    def _create(self, cloud: Cloud, request: ServerRequest, servers: list[Server]) -> errors.CloudError | None:
        """All servers of the launch, or as many as there is room for: a refused batch is halved."""
        refusal: errors.CloudError | None = None
        left = size = len(self.node_ids)
        if request.server_group is not None and request.server_group.policy.apart:
            # A cloud may accept a batch and then find a host for none of it: each server has to find its own.
            size = 1
        while left:
            try:
                servers += cloud.compute.create(self.scope, request, size)
            except errors.PartlyMade as part:
                servers += part.servers
                return part.refusal
            except _ROOM as error:
                refusal = refusal or error
                if size == 1:
                    return refusal
                size //= 2
            else:
                left -= size
                size = min(size, left)
        return None

    def touches(self, result: Result) -> Collection[str]:
        return self.node_ids if len(result.servers) < len(self.node_ids) else ()

    def conclude(self, result: Result, revision: Revision) -> None:
        """What was not made ends as failed, what someone gave up meanwhile as that; what may be made is waited for.

        What was not asked for, since it might have been another's by then, is asked for later, as the same launch.
        """
        if any(server.status is not ServerStatus.BUILDING for server in result.servers):
            revision.again = True
        unmade = [node for node in list(revision.nodes.values()) if node.id in self.node_ids and node.server_id is None]
        if not isinstance(result.error, _NOT_MADE):
            for node in unmade:
                revision.put(replace(node, asked_at=revision.now))
            return
        reason = reason_of(result.error, self.profile.spec.instance_type or "", self.zone)
        unasked = isinstance(result.error, errors.NotHeld)
        for node in unmade:
            if node.state in ARRIVING | WARMING:
                if unasked:
                    continue
                revision.end(node.activity_id, ActivityStatus.FAILED, reason)
            else:
                revision.end(node.activity_id, ActivityStatus.SUCCESSFUL)
            del revision.nodes[node.id]
        if not unasked:
            revision.back_off(self.zone, self.profile.key, refused=reason.kind not in NOT_ASKED)
