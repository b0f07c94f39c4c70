"""An account with something of everything in it, for rows that tell of all objects of a list."""

from __future__ import annotations

from typing import Any

from conformance.fleet import Fleet, unique


class Landscape:
    """A group with a member, tags, metrics and a suspension; a launch configuration; an instance of nobody's."""

    def __init__(self, fleet: Fleet, zone: str) -> None:
        name = unique("rec")
        tags = [{"Key": "team", "Value": "red", "PropagateAtLaunch": True}]
        self.group = fleet.create(1, AutoScalingGroupName=name, Tags=tags)
        fleet.autoscaling.enable_metrics_collection(AutoScalingGroupName=name, Granularity="1Minute")
        fleet.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AZRebalance"])
        disk = {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 9, "VolumeType": "gp3"}}
        fleet.configuration(BlockDeviceMappings=[disk])
        self.ec2 = fleet.ec2
        self.running, self.spare = (self._run(fleet.image, zone, disk) for _ in range(2))
        self.ec2.get_waiter("instance_running").wait(
            InstanceIds=[self.running, self.spare], WaiterConfig={"Delay": 1, "MaxAttempts": 240}
        )

    def _run(self, image: str, zone: str, disk: dict[str, Any]) -> str:
        ran = self.ec2.run_instances(
            ImageId=image,
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": zone},
            BlockDeviceMappings=[disk],
        )
        made: str = ran["Instances"][0]["InstanceId"]
        return made

    def params(self, service: str, operation: str) -> dict[str, Any] | None:
        """What an operation must be asked with; None where there is nothing to ask it about."""
        known: dict[str, dict[str, Any] | None] = {
            "DescribeInstanceAttribute": {"InstanceId": self.running, "Attribute": "disableApiTermination"},
            "StartInstances": {"InstanceIds": [self.running]},
            "StopInstances": {"InstanceIds": [self.spare]},
            "TerminateInstances": {"InstanceIds": [self.spare]},
            "GetRole": {"RoleName": "AWSServiceRoleForAutoScaling"},
            "GetPolicy": {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            "ListAttachedRolePolicies": {"RoleName": "AWSServiceRoleForAutoScaling"},
            "DescribeImages": {"Owners": ["amazon"]},
            "DescribeLaunchTemplateVersions": {"Versions": ["$Latest"]},
            "DescribeListeners": None,
            "DescribeTargetHealth": None,
        }
        if service == "elbv2":
            known["DescribeTags"] = None
        return known.get(operation, {})

    def end(self) -> None:
        self.ec2.terminate_instances(InstanceIds=[self.running, self.spare])
