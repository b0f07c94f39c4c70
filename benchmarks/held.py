"""What an installation of several processes holds: ``python benchmarks/held.py``, on one PostgreSQL. Tables.

Requests a second under many connections with two gateways, the time from a write of the API to the first call to the
cloud, what engines cost that have nothing to do, the time from ``kill -9`` of one until another goes on with its work,
and from the end of a server behind its group's back until the cloud has made another. ``benchmarks/engines.py`` tells
what several do that one alone does.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import text

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # in the place of this folder, whose openstack.py would be taken for the SDK

from backend.clock import SystemClock  # noqa: E402
from backend.drivers.simulated import SimulatedCloud  # noqa: E402
from backend.store.session import Store  # noqa: E402
from benchmarks import load  # noqa: E402
from benchmarks.processes import Process  # noqa: E402
from benchmarks.signing import Target, signed  # noqa: E402
from benchmarks.table import Table  # noqa: E402
from conformance.chaos.installation import SETTINGS, Installation, installation  # noqa: E402
from conformance.clients import client  # noqa: E402
from conformance.fleet import default_subnets, newest_image  # noqa: E402
from tests.databases import start  # noqa: E402

_PATIENCE_SECONDS = 300.0
_AS_IN_PRODUCTION = {
    "OS_ENGINE__POLL_SECONDS": "0.25",
    "OS_ENGINE__LEASE_SECONDS": "60",
    "OS_ENGINE__BEAT_SECONDS": "3",
    "OS_ENGINE__SILENCE_SECONDS": "9",
    "OS_ENGINE__WATCH_BUSY_SECONDS": "0.5",
    "OS_ENGINE__WATCH_IDLE_SECONDS": "5",
    "OS_ENGINE__WATCH_FULL_SECONDS": "900",
    "OS_GATEWAY__STRICT_ANSWERS": "false",
}
"""In the place of the shortened patience of the suites: the defaults."""
_REMEMBERED = ("OS_SIMULATED__BOOT_SECONDS", "OS_SIMULATED__DELETE_SECONDS")


@dataclass(frozen=True, slots=True)
class Chosen:
    """How much of it.

    Attributes:
        clients, idle: connections that are kept busy, and that say nothing after their first request.
        seconds: of each load, and of each watch of what is idle.
        groups: of the installation.
        writes: whose way to the cloud is timed.
        deaths: of engines.
        settings: in the place of the defaults.
    """

    clients: int
    idle: int
    seconds: float
    groups: int
    writes: int
    deaths: int
    settings: Mapping[str, str]


@contextmanager
def _started(engines: int, gateways: int, chosen: Chosen) -> Iterator[Installation]:
    """An installation at rest, with groups of no members."""
    (ROOT / "build").mkdir(exist_ok=True)
    settings = {**{name: SETTINGS[name] for name in _REMEMBERED}, **_AS_IN_PRODUCTION, **chosen.settings}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="held-", dir=ROOT / "build")))
        database = stack.enter_context(start.database("postgresql", durable=True))
        made = stack.enter_context(
            installation(folder, database, engines=engines, gateways=gateways, accounts=1, settings=settings)
        )
        _fill(made, chosen.groups)
        yield made


def _fill(made: Installation, groups: int) -> None:
    access = made.access("default", 0)
    asg, ec2 = client(access, "autoscaling", recorded=False), client(access, "ec2", recorded=False)
    ec2.create_launch_template(
        LaunchTemplateName="held", LaunchTemplateData={"ImageId": newest_image(ec2), "InstanceType": "t3.micro"}
    )
    zones = list(default_subnets(ec2))
    for number in range(groups):
        asg.create_auto_scaling_group(
            AutoScalingGroupName=f"group-{number:04}",
            MinSize=0,
            MaxSize=20,
            DesiredCapacity=0,
            AvailabilityZones=zones,
            LaunchTemplate={"LaunchTemplateName": "held"},
        )


def _targets(made: Installation) -> list[Target]:
    accesses = [made.access("default", number) for number in range(len(made.gateways))]
    return [Target(access.url, access.key, access.secret) for access in accesses]


def requests_held(chosen: Chosen) -> Table:
    """Two gateways, so many clients, and as many connections that only stay."""
    table = Table("request", "clients", "idle", "requests/s", "p50 ms", "p99 ms", "")
    with _started(2, 2, chosen) as made, ExitStack() as stack:
        targets = _targets(made)
        names = [f"group-{number:04}" for number in range(chosen.groups)]
        cases = {
            "Describe 1 group": (
                "DescribeAutoScalingGroups",
                [{"AutoScalingGroupNames.member.1": one} for one in names],
            ),
            "SetDesiredCapacity, unchanged": (
                "SetDesiredCapacity",
                [{"AutoScalingGroupName": one, "DesiredCapacity": "0"} for one in names],
            ),
        }
        for idle in dict.fromkeys((0, chosen.idle)):
            for number in range(idle):
                stack.enter_context(_idle(targets[number % len(targets)]))
            for name, (action, parameters) in cases.items():
                loads = _loaded(targets, action, parameters, chosen)
                ranked = sorted(one for each in loads for one in each.latencies)
                rate = sum(each.rate for each in loads)
                p50, p99 = (1000 * ranked[min(len(ranked) - 1, len(ranked) * each // 100)] for each in (50, 99))
                table.add(name, str(chosen.clients), str(idle), f"{rate:,.0f}", f"{p50:,.0f}", f"{p99:,.0f}")
    return table


@contextmanager
def _idle(target: Target) -> Iterator[None]:
    """A connection that has asked once, and is kept."""
    with socket.create_connection(target.address, timeout=60) as connection:
        connection.sendall(signed(target, "DescribeAccountLimits", {}))
        connection.recv(65536)
        yield


def _loaded(
    targets: Sequence[Target], action: str, parameters: Sequence[dict[str, str]], chosen: Chosen
) -> list[load.Load]:
    """One thread of clients for each gateway, at once."""
    found: list[load.Load] = []

    def ask(target: Target) -> None:
        requests = [signed(target, action, each) for each in parameters]
        found.append(load.run(target.address, requests, chosen.seconds, chosen.clients // len(targets)))

    threads = [threading.Thread(target=ask, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(found) != len(targets):
        raise SystemExit("a gateway was not loaded to the end")
    return found


def writes_to_cloud(chosen: Chosen) -> Table:
    """From the moment at which a request is sent to the one at which the cloud has made the server."""
    table = Table("from API write to first cloud call, 0 -> 1 member", "number", "p50 ms", "p99 ms", "")
    with _started(2, 2, chosen) as made:
        clients = [client(made.access("default", number), "autoscaling", recorded=False) for number in range(2)]
        asked: dict[str, float] = {}
        for number in range(min(chosen.writes, chosen.groups)):
            name = f"group-{number:04}"
            asked[name] = time.time()
            clients[number % 2].set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
            time.sleep(0.05)
        cloud = SimulatedCloud.open(str(made.cloud), SystemClock())
        servers = _waited(lambda: found if len(found := cloud.operator.servers()) >= len(asked) else None)
        came = {server.tags["aws:autoscaling:groupName"]: server.created_at.timestamp() for _, server in servers}
        cloud.close()
    took = sorted(1000 * (came[name] - at) for name, at in asked.items())
    table.add("", str(len(took)), f"{median(took):,.0f}", f"{took[min(len(took) - 1, len(took) * 99 // 100)]:,.0f}")
    return table


def idle_cost(chosen: Chosen) -> Table:
    """Engines that have nothing to do, and the database that they ask."""
    table = Table("engines", "groups", "share of a core, each", "all engines", "")
    for number in (1, 2, 4):
        with _started(number, 1, chosen) as made:
            time.sleep(10)  # what each does once after its start
            engines = [Process(part.process.pid, part.name) for part in made.engines if part.process is not None]
            before = [one.processor_seconds() for one in engines]
            time.sleep(chosen.seconds)
            shares = [
                (one.processor_seconds() - was) / chosen.seconds for one, was in zip(engines, before, strict=True)
            ]
        each = ", ".join(f"{share:.2%}" for share in shares)
        table.add(str(number), str(chosen.groups), each, f"{sum(shares):.2%}")
    return table


def deaths(chosen: Chosen) -> Table:
    """``kill -9`` of the engine that holds most, in a scale-out whose calls take a second each.

    With many groups another goes on late: what it has to do itself was due before.
    """
    took: dict[str, list[float]] = {
        "its claims are given back": [],
        "another goes on with the first": [],
        "another goes on with all": [],
    }
    with _started(2, 1, chosen) as made:
        store = Store(made.database.url, SystemClock(), pool_size=1)
        cloud = SimulatedCloud.open(str(made.cloud), SystemClock())
        cloud.faults.delay(1.0)
        asg = client(made.access("default", 0), "autoscaling", recorded=False)
        for death in range(chosen.deaths):
            for number in range(chosen.groups):
                asg.set_desired_capacity(AutoScalingGroupName=f"group-{number:04}", DesiredCapacity=(death + 1) % 2)
            victim, claims = _waited(lambda: _holder(store))
            part = next(one for one in made.engines if one.process is not None and f"-{one.process.pid}-" in victim)
            begun = time.monotonic()
            part.kill()
            for times, look in zip(took.values(), _stages(store, victim, claims), strict=True):
                _waited(look)
                times.append(time.monotonic() - begun)
            part.start()
            part.await_engine()
            _waited(lambda: _number(store, "SELECT count(*) FROM clusters WHERE owner IS NOT NULL") == 0)
        store.close()
        cloud.close()
    table = Table("from kill -9 of an engine until", "deaths", "median s", "longest s", "")
    for name, times in took.items():
        table.add(name, str(len(times)), f"{median(times):.1f}", f"{max(times):.1f}")
    return table


def replacements(chosen: Chosen) -> Table:
    """Servers that end behind their groups' backs, one after the other, while nothing tells of it but looks."""
    table = Table("from a server's end to its replacement at the cloud", "deaths", "median s", "longest s", "")
    took: list[float] = []
    with _started(2, 1, chosen) as made:
        asg = client(made.access("default", 0), "autoscaling", recorded=False)
        names = [f"group-{number:04}" for number in range(min(chosen.deaths, chosen.groups))]
        for name in names:
            asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
        cloud = SimulatedCloud.open(str(made.cloud), SystemClock())
        _waited(lambda: len(_serving(asg)) == len(names))
        for name in names:
            server = _serving(asg)[name]
            scope, found = next(each for each in cloud.operator.servers() if each[1].short_id == server)
            begun = time.time()
            cloud.cloud.compute.delete(scope, found.id)
            made_at = _waited(lambda name=name, server=server: _another(cloud, name, server))
            took.append(made_at - begun)
            _waited(lambda: len(_serving(asg)) == len(names))
        cloud.close()
    table.add("", str(len(took)), f"{median(took):.1f}", f"{max(took):.1f}")
    return table


def _serving(asg: Any) -> dict[str, str]:
    """The digits of the instance of each group that has one in service."""
    groups = [
        group
        for page in asg.get_paginator("describe_auto_scaling_groups").paginate()
        for group in page["AutoScalingGroups"]
    ]
    found = {group["AutoScalingGroupName"]: group["Instances"] for group in groups}
    serves = {
        name: [each["InstanceId"].removeprefix("i-") for each in members if each["LifecycleState"] == "InService"]
        for name, members in found.items()
    }
    return {name: ids[0] for name, ids in serves.items() if ids}


def _another(cloud: SimulatedCloud, group: str, server: str) -> float | None:
    """When the group's server that is not that one was made."""
    made = [
        each.created_at.timestamp()
        for _, each in cloud.operator.servers()
        if each.tags.get("aws:autoscaling:groupName") == group and each.short_id != server
    ]
    return min(made, default=None)


def _holder(store: Store) -> tuple[str, dict[str, int]] | None:
    """The engine that has claimed most clusters, and the epochs of its claims."""
    with store.read() as conn:
        rows = conn.execute(text("SELECT owner, id, epoch FROM clusters WHERE owner IS NOT NULL")).all()
    owners: dict[str, dict[str, int]] = {}
    for owner, cluster, epoch in rows:
        owners.setdefault(owner, {})[cluster] = epoch
    return max(owners.items(), key=lambda one: len(one[1])) if owners else None


def _stages(store: Store, victim: str, claims: dict[str, int]) -> tuple[Callable[[], bool], ...]:
    """Whether what ``deaths`` waits for has come, one after the other."""
    return (
        lambda: _number(store, "SELECT count(*) FROM clusters WHERE owner = :owner", owner=victim) == 0,
        lambda: _gone_on(store, claims) > 0,
        lambda: _gone_on(store, claims) == len(claims),
    )


def _gone_on(store: Store, claims: dict[str, int]) -> int:
    """How many of these claims another had, or has."""
    with store.read() as conn:
        epochs = dict(conn.execute(text("SELECT id, epoch FROM clusters")).tuples().all())
    return sum(epochs.get(cluster, epoch + 1) > epoch for cluster, epoch in claims.items())


def _number(store: Store, question: str, **given: str) -> int:
    with store.read() as conn:
        return int(conn.execute(text(question), given).scalar_one())


def _waited(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            raise SystemExit("it did not come to that")
        time.sleep(0.02)
    return found


PARTS = {
    "requests": requests_held,
    "writes": writes_to_cloud,
    "idle": idle_cost,
    "deaths": deaths,
    "replacements": replacements,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--idle", type=int, default=1000, help="connections beside them that are kept and not used")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--writes", type=int, default=200)
    parser.add_argument("--deaths", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="OS_GROUP__OPTION=VALUE", help="a setting")
    asked = parser.parse_args()
    settings = dict(each.split("=", 1) for each in asked.set)
    chosen = Chosen(asked.clients, asked.idle, asked.seconds, asked.groups, asked.writes, asked.deaths, settings)
    for name, measure in PARTS.items():
        if asked.only in {None, name}:
            before = os.getloadavg()[0]
            print(
                f"{measure(chosen)}\nload of the machine {before:.1f} before, {os.getloadavg()[0]:.1f} after\n",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
