"""Users at work while both engines are killed, Nova's API lies and a region hangs: nothing is lost, doubled, leaked or
needlessly killed. `make storm MINUTES=20` runs it, with a second region; the lane has shorter ones in test_storms.py.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pymysql
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conformance.clients import client
from conformance.fleet import Fleet, make_fleet, unique
from conformance.openstack.cloud import state_folder
from conformance.openstack.settings import PASSWORD, settle
from conformance.openstack_lane.operator import GROUP, Operator, short
from conformance.openstack_lane.weather import Proxy, Weather, before
from conformance.product import CALM, ROOT, TENANT, Access, Product, openstack_settings, ready, until

MINUTES = float(os.environ.get("COPPICE_STORM_MINUTES") or 1.5)
SEED = int(os.environ.get("COPPICE_STORM_SEED") or 7)
GROUPS, MOST = 3, 4
_NO_ANSWER = (BotoCoreError, OSError)


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of a database on the cloud's MariaDB."""
    port, name = settle(state_folder(), None).port("mariadb"), unique("storm").replace("-", "")
    with contextlib.closing(pymysql.connect(host="127.0.0.1", port=port, user="root", password=PASSWORD)) as own:
        own.cursor().execute(f"CREATE DATABASE {name}")
        yield f"mysql+pymysql://root:{PASSWORD}@127.0.0.1:{port}/{name}"
        own.cursor().execute(f"DROP DATABASE {name}")


@dataclass
class Engines:
    """The engine beside the gateway, which its supervisor starts again, and another one, which we start again."""

    product: Product
    second: subprocess.Popen[bytes] | None = None
    killed: int = 0

    def start(self) -> None:
        environment = {**os.environ, **CALM, **self.product.settings}
        with (self.product.state / "second.log").open("ab") as log:
            self.second = subprocess.Popen(
                [sys.executable, "wsgi.py", "engine"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def kill(self, rng: random.Random) -> None:
        self.killed += 1
        if rng.random() < 0.5:
            with contextlib.suppress(OSError, ValueError):  # it is just being started
                self.product.kill("engine")
            return
        self.end(signal.SIGKILL)
        self.start()

    def end(self, how: int) -> None:
        if self.second is not None:
            self.second.send_signal(how)
            self.second.wait(30)


@pytest.fixture
def engines(database: str, tmp_path: Path) -> Iterator[Engines]:
    cloud = state_folder()
    regions = "us-east-1:RegionOne" + (",us-west-2:RegionTwo" if settle(cloud, None).regions > 1 else "")
    zones = "us-east-1a:az1,us-east-1b:az2,us-east-1c:az3,us-west-2a:az1"
    settings = openstack_settings(cloud) | {
        "OS_DATABASE__URL": database,
        "OS_OPENSTACK__REGIONS": regions,
        "OS_OPENSTACK__ZONES": zones,
        "OS_ENGINE__LEASE_SECONDS": "15",
        # Engines that are killed while servers go leave ports, which are looked for with complete listings.
        "OS_ENGINE__WATCH_FULL_SECONDS": "60",
        "OS_OPENSTACK__PORT_GRACE_SECONDS": "120",
    }
    product = Product(tmp_path / "state", arguments=(), settings=settings, keys=cloud / f"ec2-{TENANT}.env")
    product.start()
    made = Engines(product)
    made.start()
    yield made
    made.end(signal.SIGTERM)
    product.stop()


@dataclass
class User:
    """Somebody who goes on whatever is answered, and keeps what was promised.

    Attributes:
        desired: of each group what was accepted last; None where no answer told.
        terminated: instances whose end was asked for.
    """

    fleet: Fleet
    rng: random.Random
    desired: dict[str, int | None] = field(default_factory=dict)
    terminated: set[str] = field(default_factory=set)
    granted: int = 0
    refused: int = 0

    def act(self) -> None:
        name = self.rng.choice(sorted(self.desired))
        try:
            if self.rng.random() < 0.7:
                self._resize(name, self.rng.randint(0, MOST))
            else:
                self._terminate(name)
            self.granted += 1
        except (ClientError, *_NO_ANSWER):
            self.refused += 1

    def _resize(self, name: str, number: int) -> None:
        before, self.desired[name] = self.desired[name], None
        try:
            self.fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=number)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                self.desired[name] = before
            raise
        self.desired[name] = number

    def _terminate(self, name: str) -> None:
        members = self.fleet.ids(name)
        if members:
            chosen = self.rng.choice(members)
            self.terminated.add(chosen)
            self.fleet.autoscaling.terminate_instance_in_auto_scaling_group(
                InstanceId=chosen, ShouldDecrementDesiredCapacity=False
            )


def test_a_storm_of_everything(engines: Engines, operator: Operator) -> None:
    access = engines.product.access
    fleet = make_fleet(client(access, "autoscaling", recorded=False), client(access, "ec2", recorded=False))
    user = User(fleet, random.Random(SEED))
    assert not operator.servers(), "somebody else's servers: this counts all of the project"
    assert not operator.ports(), "somebody else's ports: this counts all of the project"
    with contextlib.ExitStack() as stack:
        stack.callback(until, "nothing is left", lambda: not operator.servers() and not operator.ports(), 120, 1)
        stack.callback(fleet.sweep)
        user.desired = {fleet.create(1, maximum=MOST): 1 for _ in range(GROUPS)}
        nova = stack.enter_context(before(operator.admin, "compute", "RegionOne"))
        far = other = None
        if settle(state_folder(), None).regions > 1:
            far = _OtherRegion(access)
            stack.callback(far.fleet.sweep)
            other = stack.enter_context(before(operator.admin, "compute", "RegionTwo"))
            stack.callback(setattr, other, "weather", Weather.FAIR)
            other.weather = Weather.HANGING
        for part in ("engine", "gateway"):
            engines.product.kill(part)  # what is started now finds the proxies in the catalog
        engines.end(signal.SIGKILL)
        engines.start()
        until("the gateway is back", lambda: ready(access))
        _blow(engines, user, nova)
        nova.weather = Weather.FAIR
        assert nova.answered[Weather.NOT_FOUND], "nobody asked while it lied"
        assert nova.answered[Weather.AWAY], "nobody asked while it was away"
        _all_is_as_promised(user, operator, list(user.desired))
        if far is not None and other is not None:
            assert other.answered[Weather.HANGING], "nobody met the region that hangs"
            other.weather = Weather.FAIR
            far.nobody_was_harmed()
        print(
            f"storm: {MINUTES:g} min, {user.granted} requests granted, {user.refused} not, {engines.killed} engines killed, {nova.answered}"
        )


class _OtherRegion:
    """Another region, with a group whose one member has to outlive the storm."""

    def __init__(self, access: Access) -> None:
        self.fleet = make_fleet(
            client(access, "autoscaling", region="us-west-2", recorded=False),
            client(access, "ec2", region="us-west-2", recorded=False),
        )
        self.name = self.fleet.create(1, maximum=MOST)
        self.members = self.fleet.ids(self.name)

    def nobody_was_harmed(self) -> None:
        """The region answers again: the group has its member still, and can grow."""
        self.fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=2)
        assert set(self.members) < set(self.fleet.settle(self.name, 2, seconds=60))


def _blow(engines: Engines, user: User, nova: Proxy) -> None:
    ends_at = time.monotonic() + MINUTES * 60
    turns = 0
    while time.monotonic() < ends_at:
        user.act()
        if turns % 8 == 3:
            engines.kill(user.rng)
        if turns % 5 == 2:
            lies = (Weather.NOT_FOUND, Weather.AWAY)
            nova.weather = lies[turns // 10 % 2] if nova.weather is Weather.FAIR else Weather.FAIR
        turns += 1
        time.sleep(user.rng.uniform(0.5, 2.5))


def _all_is_as_promised(user: User, operator: Operator, names: list[str]) -> None:
    fleet = user.fleet

    def settled() -> bool:
        groups = [fleet.group(name) for name in names]
        return all(
            len(group["Instances"]) == group["DesiredCapacity"]
            and all(one["LifecycleState"] == "InService" for one in group["Instances"])
            for group in groups
        )

    until("every group has what it wants", settled, 60, pause=1)
    for name, desired in user.desired.items():
        assert desired in (None, fleet.group(name)["DesiredCapacity"]), f"{name}: {desired} was accepted"

    def agree() -> bool:
        members = sorted(one for name in names for one in fleet.ids(name))
        servers = [server for server in operator.servers() if server.metadata.get(GROUP) in names]
        return members == sorted(short(server.id) for server in servers) and len(set(members)) == len(members)

    until("every member is one server, and there is no other", agree, 60, pause=1)
    for name in names:
        for entry in fleet.activities(name):
            if "health check" in entry["Cause"]:
                # Nobody harmed a server but by asking for its end: whatever else is replaced was needlessly killed.
                assert any(one in entry["Description"] for one in user.terminated), entry
