"""What a project may have of what servers take: Nova's limits, and Neutron's of ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from backend.domain.scope import Scope
from backend.drivers.compute import Quota
from backend.drivers.errors import CloudError, CloudUnavailable
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Declined, Rest

_OF_NOVA: Final = {
    "instances": ("maxTotalInstances", "totalInstancesUsed"),
    "cores": ("maxTotalCores", "totalCoresUsed"),
    "ram": ("maxTotalRAMSize", "totalRAMUsed"),
}
"""Source: Compute API, "Show Rate And Absolute Limits"; -1 stands for no limit."""


def quotas(rest: Rest, scope: Scope) -> Sequence[Quota]:
    """What Nova tells, and of ports what Neutron does, where it tells projects of theirs."""
    try:
        limits = rest.item(scope, COMPUTE, "/limits", "limits")
    except Declined as declined:
        raise CloudUnavailable(f"of its limits Nova says only: {declined}") from declined
    return [*_of_nova(limits.get("absolute")), *_of_neutron(rest, scope)]


def _of_nova(absolute: Any) -> Iterator[Quota]:
    told = absolute if isinstance(absolute, dict) else {}
    for resource, (most, used) in _OF_NOVA.items():
        yield from _quota(resource, told.get(most), told.get(used))


def _of_neutron(rest: Rest, scope: Scope) -> Iterator[Quota]:
    """Source: Networking API, "Show quota details for a tenant" (the extension quota_details)."""
    try:
        told: Mapping[str, Any] = rest.item(scope, NETWORK, f"/quotas/{scope.project_id}/details", "quota")
    except (CloudError, Declined):  # an older Neutron, or one whose policy keeps it to admins: it refuses ports itself
        return
    port = told.get("port")
    if isinstance(port, dict):
        used, reserved = port.get("used"), port.get("reserved", 0)
        if isinstance(used, int) and isinstance(reserved, int):
            yield from _quota("ports", port.get("limit"), used + reserved)


def _quota(resource: str, limit: Any, used: Any) -> Iterator[Quota]:
    if isinstance(limit, int) and isinstance(used, int) and limit >= 0:
        yield Quota(resource, limit, used)
