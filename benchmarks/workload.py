"""What every contestant is asked for, and the cloud it is asked of: servers of one image and flavor in one project."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conformance.openstack import processes
from conformance.openstack.cloud import connect
from conformance.openstack.services import services
from conformance.openstack.settings import settle

USER = "bench"
IMAGE = "cirros"
FLAVOR = "m1.nano"
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 900.0
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Workload:
    """Attributes:
    state: folder of the test cloud.
    network: ``backend`` has one subnet, ``private`` one for each zone.
    """

    state: Path
    number: int
    network: str
    zones: tuple[str, ...]


def wait(what: str, holds: Callable[[], bool], pause: float = PAUSE_SECONDS) -> None:
    """Look until it holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not after {PATIENCE_SECONDS:g} s")
        time.sleep(pause)


def processor_seconds(state: Path) -> float:
    """What the cloud's services have used so far: it depends little on what else the machine does."""
    settings = settle(state, None)
    leaders = (processes.leader(settings.run, service.name) for service in services(settings))
    return sum(processes.processor_seconds(processes.members(led)) for led in leaders if led)


def clear(state: Path) -> None:
    """Delete the project's servers and the ports they were on, and wait until nothing is left of them."""
    with connect(USER, state) as cloud:
        mine = {"project_id": cloud.current_project_id}

        def gone() -> bool:
            servers = list(cloud.compute.servers(details=False))
            for server in servers:
                cloud.compute.delete_server(server)
            return not servers

        def free() -> bool:
            ports = [port for port in cloud.network.ports(**mine) if not port.device_owner.startswith("network:")]
            for port in ports:
                if not port.device_id:
                    cloud.network.delete_port(port)
            return not ports

        wait("the servers of before go", gone, 2 * PAUSE_SECONDS)
        wait("their ports go", free, 2 * PAUSE_SECONDS)
