"""Nova's server groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from backend.domain.scope import Scope
from backend.drivers.compute import GroupPolicy, ServerGroup
from backend.drivers.errors import ServerGroupNotFound, Unsupported
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.refusals import of_group
from backend.drivers.openstack.rest import COMPUTE, Declined, Rest

_PAGE: Final = 100
_POLICIES: Final = {policy.value: policy for policy in GroupPolicy if policy is not GroupPolicy.PARTITION}


class ServerGroups:
    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def list(self, scope: Scope) -> Sequence[ServerGroup]:
        """The project's groups, the first made first; those of a policy that is not known are left out."""
        with told():
            return [_group(each) for each in self._documents(scope) if each.get("policy") in _POLICIES]

    def create(self, scope: Scope, name: str, policy: GroupPolicy) -> ServerGroup:
        """Make one. Nova keeps servers apart, and not groups of them: it knows no partitions."""
        if policy.value not in _POLICIES:
            raise Unsupported("Strategy")
        asked = {"server_group": {"name": name, "policy": policy.value}}
        try:
            answer = self._rest.write(scope, COMPUTE, "POST", "/os-server-groups", asked)
        except Declined as declined:
            raise of_group(declined) from declined
        return _group(answer.item("server_group"))

    def delete(self, scope: Scope, group_id: str) -> None:
        try:
            self._rest.write(scope, COMPUTE, "DELETE", f"/os-server-groups/{group_id}", repeat=True)
        except Declined as declined:
            if declined.status == 404 and group_id in declined.message:
                raise ServerGroupNotFound(group_id, request_id=declined.request_id) from declined
            raise of_group(declined) from declined

    def _documents(self, scope: Scope) -> Iterator[Mapping[str, Any]]:
        """Page by page, by number: this listing has neither links nor markers."""
        seen = 0
        while True:
            params = {"limit": _PAGE, "offset": seen}
            found, _ = self._rest.page(scope, COMPUTE, "/os-server-groups", "server_groups", params)
            yield from found
            seen += len(found)
            if len(found) < _PAGE:
                return


def _group(document: Mapping[str, Any]) -> ServerGroup:
    return ServerGroup(
        document["id"], document["name"], _POLICIES[document["policy"]], tuple(document.get("members") or ())
    )
