"""Documents of a small cloud, as Nova, Neutron and Glance 2026.1 tell them, without the members that nobody reads."""

from __future__ import annotations

from typing import Any

PROJECT = "p-1"
NETWORK = "11111111-1111-4111-8111-111111111111"
SUBNET = "22222222-2222-4222-8222-222222222222"
GROUP = "33333333-3333-4333-8333-333333333333"
IMAGE = "44444444-4444-4444-8444-444444444444"
LAUNCH = "77777777-7777-4777-8777-777777777777"
SERVER = "55555555-5555-4555-8555-555555555555"

ZONES = {
    "availabilityZoneInfo": [
        {"zoneName": "internal", "zoneState": {"available": True}, "hosts": None},
        {"zoneName": "az2", "zoneState": {"available": False}, "hosts": None},
        {"zoneName": "az1", "zoneState": {"available": True}, "hosts": None},
    ]
}


def network(**changes: Any) -> dict[str, Any]:
    return {
        "id": NETWORK,
        "name": "private",
        "project_id": PROJECT,
        "shared": False,
        "router:external": False,
        "tags": [],
        "availability_zone_hints": [],
        "created_at": "2026-11-22T12:00:00Z",
        **changes,
    }


def subnet(**changes: Any) -> dict[str, Any]:
    return {
        "id": SUBNET,
        "name": "private-subnet",
        "network_id": NETWORK,
        "ip_version": 4,
        "cidr": "10.0.0.0/24",
        "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.254"}],
        "tags": [],
        "created_at": "2026-11-22T12:00:01Z",
        **changes,
    }


def group(**changes: Any) -> dict[str, Any]:
    rules = [
        {
            "direction": "ingress",
            "ethertype": "IPv4",
            "protocol": "tcp",
            "port_range_min": 80,
            "port_range_max": 80,
            "remote_ip_prefix": "10.0.0.0/8",
            "remote_group_id": None,
        },
        {"direction": "egress", "ethertype": "IPv6", "protocol": None, "remote_ip_prefix": None},
        {"direction": "ingress", "ethertype": "IPv4", "protocol": "17", "remote_group_id": GROUP},
    ]
    return {"id": GROUP, "name": "default", "description": "Default", "security_group_rules": rules, **changes}


def flavor(name: str, vcpus: int, ram: int, disk: int = 10, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"f-{name}",
        "name": name,
        "vcpus": vcpus,
        "ram": ram,
        "disk": disk,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "extra_specs": {},
        **changes,
    }


def image(**changes: Any) -> dict[str, Any]:
    return {
        "id": IMAGE,
        "name": "debian-12",
        "status": "active",
        "visibility": "public",
        "owner": "p-admin",
        "created_at": "2026-11-22T12:00:00Z",
        "min_disk": 0,
        "size": 65536,
        "virtual_size": 2 * 1024**3 + 1,
        "disk_format": "raw",
        "architecture": "x86_64",
        **changes,
    }


def server(**changes: Any) -> dict[str, Any]:
    return {
        "id": SERVER,
        "name": "web",
        "status": "ACTIVE",
        "OS-EXT-STS:task_state": None,
        "OS-EXT-AZ:availability_zone": "az1",
        "created": "2026-11-22T13:00:00Z",
        "updated": "2026-11-22T13:00:05Z",
        "image": {"id": IMAGE},
        "flavor": {"original_name": "m1.tiny", "vcpus": 1, "ram": 512},
        "key_name": "test-key",
        "metadata": {},
        "security_groups": [{"name": "default"}],
        "addresses": {
            "private": [
                {
                    "version": 6,
                    "addr": "fd00::5",
                    "OS-EXT-IPS:type": "fixed",
                    "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:0:0:1",
                },
                {
                    "version": 4,
                    "addr": "10.0.0.5",
                    "OS-EXT-IPS:type": "fixed",
                    "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:0:0:1",
                },
                {"version": 4, "addr": "203.0.113.7", "OS-EXT-IPS:type": "floating"},
            ]
        },
        **changes,
    }
