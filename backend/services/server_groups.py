"""Server groups, which the cloud keeps: made under a name that is still free, ended when nothing is in them.

A cloud does not keep names apart, so the first group of a name is the one that is meant by it. One that was made here
was the first; what somebody makes of the same name beside it later changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend import errors
from backend.domain import server_findings
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import GroupPolicy, ServerGroup
from backend.services.catalog import asking

_NOUN = "server_groups"


class ServerGroups:
    """Every call may raise CloudNotReached, NotPermitted or CloudRefused; the writes OutcomeUnclear too."""

    def __init__(self, cloud: Cloud, catalog: Catalog) -> None:
        self._compute = cloud.compute
        self._catalog = catalog

    @property
    def partitions(self) -> int:
        """How many a group may have; 0 where the cloud keeps none apart."""
        return self._catalog.partitions

    def list(self, scope: Scope) -> Sequence[ServerGroup]:
        """The groups with their members as they are now, one a name, in the order they were made."""
        self._catalog.drop(_NOUN, scope)
        with asking():
            groups = self._catalog.server_groups(scope)
        first: dict[str, ServerGroup] = {}
        for group in groups:
            first.setdefault(group.name, group)
        return [*first.values()]

    def create(self, scope: Scope, name: str, policy: GroupPolicy, partitions: int | None = None) -> ServerGroup:
        """Make a group.

        Args:
            partitions: how many it has, where that is its policy.

        Raises:
            LaunchUnsupported: the cloud knows no such policy.
            ServerGroupExists: the name is taken, or was taken by somebody who was quicker.
            QuotaExceeded
        """
        if self._find(scope, name) is not None:
            raise server_findings.ServerGroupExists(name)
        made = self._make(scope, name, policy, partitions)
        first = self._find(scope, name)
        if first is not None and first.id != made.id:
            self._delete(scope, made.id)
            raise server_findings.ServerGroupExists(name)
        return made

    def delete(self, scope: Scope, name: str) -> ServerGroup:
        """Delete a group, and tell which it was.

        Raises:
            ServerGroupNotFound
            ServerGroupInUse: servers are in it.
        """
        group = self._find(scope, name)
        if group is None:
            raise server_findings.ServerGroupNotFound(name)
        if group.members:
            raise server_findings.ServerGroupInUse(name)
        self._delete(scope, group.id)
        return group

    def _find(self, scope: Scope, name: str) -> ServerGroup | None:
        return next((group for group in self.list(scope) if group.name == name), None)

    def _make(self, scope: Scope, name: str, policy: GroupPolicy, partitions: int | None) -> ServerGroup:
        try:
            with asking():
                return self._compute.create_server_group(scope, name, policy, partitions)
        except errors.OutcomeUnclear:
            made = self._find(scope, name)
            if made is None or (made.policy, made.partitions) != (policy, partitions):
                raise
            return made
        finally:
            self._catalog.drop(_NOUN, scope)

    def _delete(self, scope: Scope, group_id: str) -> None:
        try:
            with asking():
                self._compute.delete_server_group(scope, group_id)
        except server_findings.ServerGroupNotFound:
            return  # somebody else was quicker: it is gone all the same
        finally:
            self._catalog.drop(_NOUN, scope)
