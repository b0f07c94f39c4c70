"""What an operator's own script does: servers booted one by one from twenty threads, or all by one request.

A process of its own, ``python -m benchmarks.boots WAY NUMBER``: it prints the seconds from its first creation until one
listing, asked for once a second, shows them all as active.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from openstack.connection import Connection

from benchmarks.workload import FLAVOR, IMAGE, PATIENCE_SECONDS, PAUSE_SECONDS, USER
from conformance.openstack.cloud import connect

_THREADS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=("bare", "bulk"))
    parser.add_argument("number", type=int)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--network", required=True)
    parser.add_argument("--zones", required=True, help="comma-separated")
    given = parser.parse_args()
    zones = given.zones.split(",")
    with connect(USER, given.state) as cloud:
        server = {
            "name": given.name,
            "image_id": cloud.image.find_image(IMAGE).id,
            "flavor_id": cloud.compute.find_flavor(FLAVOR).id,
            "networks": [{"uuid": cloud.network.find_network(given.network).id}],
        }
        begun = time.monotonic()
        if given.way == "bare":
            _one_by_one(cloud, server, zones, given.number)
        else:
            _at_once(cloud, server, zones, given.number)
        _wait(cloud, given.name, given.number)
        print(f"{time.monotonic() - begun:.3f}")


def _one_by_one(cloud: Connection, server: dict[str, Any], zones: list[str], number: int) -> None:
    def boot(each: int) -> None:
        cloud.compute.create_server(**server, availability_zone=zones[each % len(zones)])

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(boot, range(number)))


def _at_once(cloud: Connection, server: dict[str, Any], zones: list[str], number: int) -> None:
    """One request names one zone, or leaves it to the scheduler."""
    zone = {"availability_zone": zones[0]} if len(zones) == 1 else {}
    cloud.compute.create_server(**server, **zone, min_count=number, max_count=number)


def _wait(cloud: Connection, name: str, number: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        statuses = [server.status for server in cloud.compute.servers(name=name)]
        if statuses.count("ACTIVE") == number:
            return
        if "ERROR" in statuses or time.monotonic() > deadline:
            raise SystemExit(f"of {number} servers: {sorted(statuses)}")
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
