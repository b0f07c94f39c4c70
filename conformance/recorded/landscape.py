"""An account with something of everything in it, for rows that tell of all objects of a list."""

from __future__ import annotations

from typing import Any

from conformance.fleet import Fleet, unique


class Landscape:
    """A group with a member, tags, metrics and a suspension; a launch configuration; a balancer; an instance of nobody's."""

    def __init__(self, fleet: Fleet, elbv2: Any, zone: str) -> None:
        name = unique("rec")
        tags = [{"Key": "team", "Value": "red", "PropagateAtLaunch": True}]
        self.group = fleet.create(1, AutoScalingGroupName=name, Tags=tags)
        fleet.autoscaling.enable_metrics_collection(AutoScalingGroupName=name, Granularity="1Minute")
        fleet.autoscaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AZRebalance"])
        disk = {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 9, "VolumeType": "gp3"}}
        fleet.configuration(BlockDeviceMappings=[disk])
        self.ec2 = fleet.ec2
        self.elbv2 = elbv2
        self.balancer, self.target_group = self._balance(name)
        self.running, self.spare = (self._run(fleet.image, zone, disk) for _ in range(2))
        self.ec2.get_waiter("instance_running").wait(
            InstanceIds=[self.running, self.spare], WaiterConfig={"Delay": 1, "MaxAttempts": 240}
        )

    def _balance(self, name: str) -> tuple[str, str]:
        """A balancer that forwards to a target group; their ARNs."""
        subnets = self.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][:2]
        made = self.elbv2.create_load_balancer(
            Name=name, Subnets=[subnet["SubnetId"] for subnet in subnets], Tags=[{"Key": "team", "Value": "red"}]
        )
        balancer: str = made["LoadBalancers"][0]["LoadBalancerArn"]
        made = self.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"])
        target_group: str = made["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
        )
        return balancer, target_group

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

    def params(self, service: str, operation: str) -> dict[str, Any]:
        """What an operation must be asked with."""
        known: dict[str, dict[str, Any]] = {
            "DescribeInstanceAttribute": {"InstanceId": self.running, "Attribute": "disableApiTermination"},
            "StartInstances": {"InstanceIds": [self.running]},
            "StopInstances": {"InstanceIds": [self.spare]},
            "TerminateInstances": {"InstanceIds": [self.spare]},
            "GetRole": {"RoleName": "AWSServiceRoleForAutoScaling"},
            "GetPolicy": {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            "ListAttachedRolePolicies": {"RoleName": "AWSServiceRoleForAutoScaling"},
            "DescribeImages": {"Owners": ["amazon"]},
            "DescribeLaunchTemplateVersions": {"Versions": ["$Latest"]},
            "DescribeListeners": {"LoadBalancerArn": self.balancer},
            "DescribeTargetHealth": {"TargetGroupArn": self.target_group},
        }
        if service == "elbv2":
            known["DescribeTags"] = {"ResourceArns": [self.balancer]}
        return known.get(operation, {})

    def end(self) -> None:
        self.ec2.terminate_instances(InstanceIds=[self.running, self.spare])
        self.elbv2.delete_load_balancer(LoadBalancerArn=self.balancer)
        self.elbv2.delete_target_group(TargetGroupArn=self.target_group)
