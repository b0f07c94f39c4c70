"""How the simulated cloud is set up."""

from __future__ import annotations

from dataclasses import dataclass

from backend.drivers.spot import Spot


@dataclass(frozen=True, slots=True)
class SimulatedSettings:
    """One simulated cloud's size and pace. Every process that shares its state is given the same.

    Attributes:
        regions: AWS region names; any name of AWS's form will do. The first is that of who names none.
        any_region: every name of AWS's form is a region, too.
        zones_per_region: zones are ``<region>a``, ``<region>b``...; at most 6.
        boot_seconds: from the create call to ACTIVE; 0 makes servers ACTIVE at once.
        boot_spread: share of ``boot_seconds`` by which single boots take longer (told by the server's id).
        delete_seconds: from the delete call until the server is gone.
        stop_seconds, start_seconds, reboot_seconds, suspend_seconds, resume_seconds, rebuild_seconds, snapshot_seconds:
            how long each takes, with nothing else done to the server meanwhile.
        monitor_seconds: how long a pool's monitor takes to find out about a member.
        balancer_seconds: how long a change of a balancer's tree takes, which takes no other meanwhile.
        open_connections: balancers have connections that never end.
        zone_capacity: servers that fit into one zone, all projects together; None for no limit.
        instances_per_project: the quota of a project in a region.
        apart_per_zone: servers of one group with the policy anti-affinity that find hosts of their own in a zone.
        partitions_per_zone: how many groups of hosts a zone has that a server group may keep apart; 0 for none.
        late_addresses: servers are made without their public addresses, for engines to take, as on other clouds.
        spot: what becomes of launches that ask for Spot.
        listing_lag_seconds: how far ``list`` and ``list_changed`` lag behind; ``get`` never does.
        retention_seconds: how long a deleted server is still told by ``list_changed``.
        network_cidr, subnet_prefix: the default network; its zones' default subnets are cut from it in order.
        loads: the cloud tells what servers have to do, where a group's load is scripted.
        seed: makes server ids repeatable; None draws them at random when the state is made.
    """

    regions: tuple[str, ...] = ("us-east-1",)
    any_region: bool = False
    zones_per_region: int = 3
    boot_seconds: float = 2.0
    boot_spread: float = 0.25
    delete_seconds: float = 1.0
    stop_seconds: float = 1.0
    start_seconds: float = 1.0
    reboot_seconds: float = 1.0
    suspend_seconds: float = 1.0
    resume_seconds: float = 1.0
    rebuild_seconds: float = 2.0
    snapshot_seconds: float = 1.0
    monitor_seconds: float = 1.0
    balancer_seconds: float = 0.0
    open_connections: bool = False
    zone_capacity: int | None = None
    instances_per_project: int = 10_000
    apart_per_zone: int = 7
    partitions_per_zone: int = 7
    late_addresses: bool = False
    spot: Spot = Spot.PREEMPTIBLE
    listing_lag_seconds: float = 0.0
    retention_seconds: float = 86_400.0
    network_cidr: str = "172.31.0.0/16"
    subnet_prefix: int = 20
    loads: bool = False
    seed: int | None = None
