"""The same groups on each server, made through boto3."""

from __future__ import annotations

import time
from typing import Any

import boto3
from botocore.config import Config
from signing import Target

_CONVERGENCE_SECONDS = 300.0


def client(target: Target, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=target.url,
        aws_access_key_id=target.access_key,
        aws_secret_access_key=target.secret_key,
        region_name=target.region,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
    )


def prepare(target: Target) -> list[str]:
    """A launch configuration named ``bench``. Returns the zones."""
    ec2 = client(target, "ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    client(target, "autoscaling").create_launch_configuration(
        LaunchConfigurationName="bench", ImageId=image, InstanceType="t3.micro"
    )
    return zones(target)


def zones(target: Target) -> list[str]:
    """The names of the first three availability zones."""
    found = client(target, "ec2").describe_availability_zones()["AvailabilityZones"]
    return [zone["ZoneName"] for zone in found][:3]


def create_groups(target: Target, among: list[str], names: list[str], instances: int) -> None:
    """Groups of that many instances each, tagged as groups are; returns once all instances are in service."""
    autoscaling = client(target, "autoscaling")
    for name in names:
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="bench",
            MinSize=0,
            MaxSize=100,
            DesiredCapacity=instances,
            AvailabilityZones=among,
            Tags=[
                {"Key": "Name", "Value": name, "PropagateAtLaunch": True},
                {"Key": "environment", "Value": "bench", "PropagateAtLaunch": False},
            ],
        )
    deadline = time.monotonic() + _CONVERGENCE_SECONDS
    while not _all_in_service(autoscaling, names, instances):
        if time.monotonic() > deadline:
            raise SystemExit(f"{target.url}: the groups' instances did not come into service")
        time.sleep(0.5)


def _all_in_service(autoscaling: Any, names: list[str], instances: int) -> bool:
    for start in range(0, len(names), 50):
        page = names[start : start + 50]
        groups = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=page)["AutoScalingGroups"]
        for group in groups:
            states = [instance["LifecycleState"] for instance in group["Instances"]]
            if states != ["InService"] * instances:
                return False
    return True
