"""Ways to have many servers: each goes from none to the workload's number, and back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config

from benchmarks.scaling import OURS
from benchmarks.serving import ROOT, free_port, running
from benchmarks.workload import FLAVOR, IMAGE, PAUSE_SECONDS, USER, Workload, wait
from conformance.openstack.cloud import connect

_GROUP = "bench-coppice"
_REGION = "us-east-1"


class Contestant(Protocol):
    """One way to have servers, which runs only while it has its turn."""

    name: str

    def standing(self) -> AbstractContextManager[None]:
        """Ready to grow, without a server, until the block ends."""

    def grow(self) -> float:
        """The seconds from the order until all servers are active."""

    def shrink(self) -> None:
        """Let all servers go."""


class Script:
    """An operator's own script, in a process of its own. ``way``: see ``boots``."""

    def __init__(self, name: str, way: str, workload: Workload, environment: Mapping[str, str]) -> None:
        self.name = name
        self._way = way
        self._workload = workload
        self._environment = environment

    def standing(self) -> AbstractContextManager[None]:
        return nullcontext()

    def grow(self) -> float:
        work = self._workload
        command = [sys.executable, "-m", "benchmarks.boots", self._way, str(work.number), "--state", str(work.state)]
        command += ["--name", f"bench-{self._way}", "--network", work.network, "--zones", ",".join(work.zones)]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | self._environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return float(done.stdout.split()[-1])

    def shrink(self) -> None:
        """What it made is cleared away with everything else."""


class Coppice:
    """Gateway and engine as ``wsgi.py run`` starts them, and a group.

    It is asked as its users ask: SetDesiredCapacity, then DescribeAutoScalingGroups once a second.
    """

    name = OURS

    def __init__(self, folder: Path, workload: Workload, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._workload = workload
        self._environment = environment
        self._client: Any = None

    @contextmanager
    def standing(self) -> Iterator[None]:
        port, state = free_port(), self._workload.state
        with tempfile.TemporaryDirectory(prefix="coppice-", dir=self._folder) as folder:
            command = [sys.executable, "wsgi.py", "run", "--port", str(port), "--state", f"{folder}/state"]
            configuration = {
                "OS_CLOUD__DRIVER": "openstack",
                "OS_OPENSTACK__CLOUD": "coppice",
                "OS_OPENSTACK__CLOUDS_FILE": str(state / "clouds.yaml"),
                "OS_OPENSTACK__REGIONS": f"{_REGION}:RegionOne",
            }
            url, log = f"http://127.0.0.1:{port}", Path(folder) / "coppice.log"
            with running(command, log, f"{url}/readyz", {**self._environment, **configuration}):
                self._client = _client("autoscaling", url, state)
                _make_group(_client("ec2", url, state), self._client, self._workload)
                yield
                self._client.delete_auto_scaling_group(AutoScalingGroupName=_GROUP, ForceDelete=True)
                wait("the group is gone", lambda: not self._groups())

    def grow(self) -> float:
        number = self._workload.number
        begun = time.monotonic()
        self._client.set_desired_capacity(AutoScalingGroupName=_GROUP, DesiredCapacity=number)
        wait("all in service", lambda: self._states() == ["InService"] * number)
        return time.monotonic() - begun

    def shrink(self) -> None:
        self._client.set_desired_capacity(AutoScalingGroupName=_GROUP, DesiredCapacity=0)
        wait("none left", lambda: not self._states())

    def _states(self) -> list[str]:
        (group,) = self._groups()
        return [instance["LifecycleState"] for instance in group["Instances"]]

    def _groups(self) -> list[Any]:
        found: list[Any] = self._client.describe_auto_scaling_groups(AutoScalingGroupNames=[_GROUP])[
            "AutoScalingGroups"
        ]
        return found


def _client(service: str, url: str, state: Path) -> Any:
    keys = _keys(state / f"ec2-{USER}.env")
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=_REGION,
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


def _make_group(ec2: Any, autoscaling: Any, workload: Workload) -> None:
    with connect(USER, workload.state) as cloud:
        network = cloud.network.find_network(workload.network)
        cidrs = [subnet.cidr for subnet in cloud.network.subnets(network_id=network.id)]
    (image,) = ec2.describe_images(Filters=[{"Name": "name", "Values": [IMAGE]}])["Images"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": list(workload.zones)}])["Subnets"]
    chosen = [subnet["SubnetId"] for subnet in subnets if subnet["CidrBlock"] in cidrs]
    autoscaling.create_launch_configuration(
        LaunchConfigurationName=_GROUP, ImageId=image["ImageId"], InstanceType=FLAVOR
    )
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=_GROUP,
        LaunchConfigurationName=_GROUP,
        MinSize=0,
        MaxSize=workload.number,
        DesiredCapacity=0,
        VPCZoneIdentifier=",".join(chosen),
    )
    time.sleep(PAUSE_SECONDS)  # the engine has seen the group, as it has any group of before


def _keys(file: Path) -> dict[str, str]:
    lines = [line.removeprefix("export ") for line in file.read_text().splitlines() if line.startswith("export ")]
    return dict(line.split("=", 1) for line in lines)
