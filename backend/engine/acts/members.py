"""Members of a pool are added, drained or removed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from backend.domain.changes import MemberKey
from backend.domain.traffic import RegistrationState
from backend.drivers import errors
from backend.drivers.balancing import Target
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.engine.acts.act import Act, Result
from backend.engine.reasons import reason_of
from backend.engine.revision import Revision
from backend.engine.settings import EngineSettings

_GONE = (errors.PoolNotFound, errors.NoBalancing)
_AGAIN = (errors.Busy, errors.CloudUnavailable, errors.OutcomeUnknown)


class Change(StrEnum):
    """What becomes of members of a pool."""

    ADD = "add"
    DRAIN = "drain"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class ChangeMembers(Act):
    """Members of one pool, each for a node of ours. What is not done is due again, and nothing else waits for it."""

    pool_id: str
    change: Change
    targets: tuple[Target, ...]

    def carry_out(self, cloud: Cloud, catalog: Catalog) -> Result:
        ask = {
            Change.ADD: cloud.balancing.add_members,
            Change.DRAIN: cloud.balancing.drain_members,
            Change.REMOVE: cloud.balancing.remove_members,
        }[self.change]
        try:
            ask(self.scope, self.pool_id, self.targets)
        except errors.CloudError as error:
            return Result(self, error=error)
        return Result(self)

    def touches(self, result: Result) -> Collection[str]:
        return () if result.error is None else [target.owner for target in self.targets]

    def rest(self, error: errors.CloudError, settings: EngineSettings) -> timedelta:
        return timedelta(0)

    def conclude(self, result: Result, revision: Revision) -> None:
        owners = [target.owner for target in self.targets]
        keys = [key for key in ((owner, self.pool_id) for owner in owners) if key in revision.registrations]
        if result.error is None:
            self._done(self.change, keys, revision)
        elif isinstance(result.error, _GONE) and self.change is not Change.ADD:
            self._done(Change.REMOVE, keys, revision)
        else:
            soon = isinstance(result.error, _AGAIN)
            pause = revision.settings.cloud_retry if soon else revision.settings.refused_retry
            for key in keys:
                revision.put_off(key, revision.now + pause)
            if not soon:
                self._tell(result.error, owners, revision)

    def _done(self, change: Change, keys: Collection[MemberKey], revision: Revision) -> None:
        revision.again = True
        for key in keys:
            if change is Change.ADD:
                revision.register(key, RegistrationState.REGISTERED, None)
            elif change is Change.DRAIN:
                until = revision.now + revision.delay(self.pool_id)
                revision.register(key, RegistrationState.DRAINING, until)
            else:
                del revision.registrations[key]

    def _tell(self, error: errors.CloudError, owners: Collection[str], revision: Revision) -> None:
        """The entries of nodes that cannot go on for it say so while they are open."""
        for owner in owners:
            node = revision.nodes.get(owner)
            if node is not None:
                revision.remark(node.activity_id, reason_of(error, node.instance_type, node.zone))
