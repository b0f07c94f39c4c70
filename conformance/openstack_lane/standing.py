"""What stands in a project of the cloud itself, by the cloud's own listings: nothing of a stack may be left in any."""

from __future__ import annotations

from collections.abc import Iterator

from openstack.connection import Connection


def standing_in(owner: Connection) -> dict[str, set[str]]:
    """Names and ids of all that is there, by the service's name for it; security groups tell of their rules, too."""
    mine = {"project_id": owner.current_project_id}
    neutron, octavia = owner.network, owner.load_balancer
    listings: dict[str, Iterator[object]] = {
        "servers": owner.compute.servers(),
        "keypairs": owner.compute.keypairs(),
        "server groups": owner.compute.server_groups(),
        **{noun: getattr(neutron, noun)(**mine) for noun in ("networks", "subnets", "routers", "ports", "ips")},
        **{
            noun: getattr(neutron, noun)(**mine)
            for noun in ("security_groups", "security_group_rules", "address_groups")
        },
        **{noun: getattr(octavia, noun)(**mine) for noun in ("load_balancers", "listeners", "pools", "l7_policies")},
        "monitors": octavia.health_monitors(**mine),
    }
    return {noun: {f"{one.name or ''} {one.id}" for one in listed} for noun, listed in listings.items()}  # type: ignore[attr-defined]
