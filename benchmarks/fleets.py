"""What fleets cost: a refresh of a large group, a pass's planning by the size of the group, and a draw from a pool.

``--only refresh | planning | draw``. The first two run in this process, on a simulated cloud without latency and a
clock of their own, so that what is told is the processor's time. The draw is asked for over the API, of a server that
is started here, or of the one at ``--url`` (the test cloud's, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
``--image``, ``--type`` and ``--zones`` of that cloud).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import boto3

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peers import coppice

from backend.domain.cluster import NewCluster, PlacementRequest, SourceRequest
from backend.domain.profile import ServerSpec
from backend.domain.refreshes import RefreshRequest
from backend.drivers.simulated import SimulatedSettings
from backend.engine.plan import make_plan
from backend.services.templates import NewVersion
from tests.backend.engine import drafts
from tests.backend.engine.world import EngineWorld
from tests.factories import NOW, SCOPE, uuid_of
from tests.factories import refresh as made_refresh

SIZES = (1000, 4000, 10_000)
_ROUNDS = 3
_PATIENCE_SECONDS = 900.0
_PAUSE_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("refresh", "planning", "draw"))
    parser.add_argument("--members", type=int, default=1000, help="of the group that is refreshed")
    parser.add_argument("--number", type=int, default=100, help="drawn, and launched cold")
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--image", help="an id of an image, where --url is given")
    parser.add_argument("--type", default="t3.micro")
    parser.add_argument("--zones", default="us-east-1a,us-east-1b,us-east-1c")
    chosen = parser.parse_args()
    print(f"load of the machine: {', '.join(f'{each:.1f}' for each in os.getloadavg())}", flush=True)
    if chosen.only in {None, "planning"}:
        _planning()
    if chosen.only in {None, "refresh"}:
        _refresh(chosen.members)
    if chosen.only in {None, "draw"}:
        _draw(chosen)


def _planning() -> None:
    """Processor time of one plan: the best of some rounds, since only others' work makes one longer."""
    for told, under_way in (("at rest", False), ("with a refresh", True)):
        for size in SIZES:
            spent = min(_planned(size, under_way=under_way) for _ in range(_ROUNDS))
            print(f"a pass {told} over {size:,} members: {spent * 1e3:.1f} ms, {spent / size * 1e6:.1f} us a member")


def _planned(size: int, *, under_way: bool) -> float:
    named = {"refresh_id": uuid_of("refresh")} if under_way else {}
    cluster = drafts.owner(desired=size, maximum=2 * size, **named)
    nodes = [drafts.node(cluster, f"n{each}") for each in range(size)]
    refresh = made_refresh(cluster, maximum_percent=110) if under_way else None
    snapshot = drafts.snapshot(cluster, *nodes, refresh=refresh)
    begun = time.process_time()
    make_plan(snapshot, NOW, drafts.SETTINGS, Random(1))
    return time.process_time() - begun


def _refresh(members: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = SimulatedSettings(seed=7, boot_seconds=0, delete_seconds=0)
        world = EngineWorld(url=f"sqlite:///{Path(folder) / 'coppice.db'}", settings=settings)
        world.backend.templates.create(SCOPE, "web", NewVersion(ServerSpec(world.image(), "t3.micro"), {}, "me"))
        values = {"minimum": 0, "maximum": 2 * members, "desired": members, "warmup_seconds": 0}
        place = PlacementRequest(zones=("us-east-1a", "us-east-1b"))
        source = SourceRequest(template_name="web", version="1")
        cluster = world.backend.clusters.create(SCOPE, NewCluster("web", values, source, place))
        _until(world, lambda: sum(node.state == "InService" for node in world.nodes(cluster)) == members)
        before = {node.id for node in world.nodes(cluster)}
        world.backend.refreshes.start(SCOPE, "web", RefreshRequest(minimum_percent=90))
        begun, at = time.process_time(), world.clock.now()
        _until(world, lambda: world.backend.refreshes.page(SCOPE, "web", limit=1).items[0].ended_at is not None)
        spent, passed = time.process_time() - begun, (world.clock.now() - at).total_seconds()
        assert not before & {node.id for node in world.nodes(cluster)}
        print(
            f"a refresh of {members:,} members, 90 % of them healthy: {spent:.1f} s of one processor,"
            f" {members / spent:.0f} members/s, {passed:.0f} s of its own clock"
        )
        world.close()


def _until(world: EngineWorld, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {_PATIENCE_SECONDS:g} s")
        world.pass_time(1, step=0.5)


def _draw(chosen: argparse.Namespace) -> None:
    """The same number of members, started from a warm pool and launched cold, on one server."""
    with _server(chosen) as scaling:
        image = chosen.image or scaling.image
        zones = chosen.zones.split(",")
        cold = _timed(scaling.client, chosen, image, zones, pooled=False)
        drawn = _timed(scaling.client, chosen, image, zones, pooled=True)
    print(
        f"{chosen.number} members from a pool: {drawn:.1f} s; launched cold: {cold:.1f} s; ratio {drawn / cold:.2f}",
        flush=True,
    )


class _Scaling:
    """Clients of a server, and an image of it."""

    def __init__(self, url: str, keys: dict[str, str]) -> None:
        named = {"endpoint_url": url, "region_name": "us-east-1", **keys}
        self.client = boto3.client("autoscaling", **named)
        self._ec2 = boto3.client("ec2", **named)

    @property
    def image(self) -> str:
        images = self._ec2.describe_images(Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"]
        return str(images[0]["ImageId"])


@contextmanager
def _server(chosen: argparse.Namespace) -> Iterator[_Scaling]:
    if chosen.url is not None:
        yield _Scaling(chosen.url, {})
        return
    with tempfile.TemporaryDirectory() as folder, coppice(Path(folder), boot_seconds=10) as peer:
        keys = {"aws_access_key_id": peer.target.access_key, "aws_secret_access_key": peer.target.secret_key}
        yield _Scaling(peer.target.url, keys)


def _timed(scaling: Any, chosen: argparse.Namespace, image: str, zones: list[str], *, pooled: bool) -> float:
    """Seconds from the change of the desired capacity to the last member in service; the group goes after that."""
    name, number = f"draw-{'pool' if pooled else 'cold'}", chosen.number
    scaling.create_launch_configuration(LaunchConfigurationName=name, ImageId=image, InstanceType=chosen.type)
    group = {"AutoScalingGroupName": name}
    scaling.create_auto_scaling_group(
        **group, LaunchConfigurationName=name, MinSize=0, MaxSize=number, AvailabilityZones=zones
    )
    try:
        if pooled:
            # As large as what the group lacks of its maximum: what was drawn is not made up for at the same time.
            scaling.put_warm_pool(**group)
            _wait(lambda: _settled(scaling, group, number))
        begun = time.perf_counter()
        scaling.set_desired_capacity(**group, DesiredCapacity=number)
        _wait(lambda: _in_service(scaling, group) == number)
        return time.perf_counter() - begun
    finally:
        scaling.delete_auto_scaling_group(**group, ForceDelete=True)
        _wait(lambda: not scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"])
        scaling.delete_launch_configuration(LaunchConfigurationName=name)


def _settled(scaling: Any, group: dict[str, str], number: int) -> bool:
    pages = scaling.get_paginator("describe_warm_pool").paginate(**group)
    states = [each["LifecycleState"] for page in pages for each in page["Instances"]]
    return states.count("Warmed:Stopped") >= number


def _in_service(scaling: Any, group: dict[str, str]) -> int:
    (told,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=list(group.values()))["AutoScalingGroups"]
    return sum(each["LifecycleState"] == "InService" for each in told["Instances"])


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {_PATIENCE_SECONDS:g} s")
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
