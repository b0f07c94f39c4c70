"""moto as oracle: the same calls to both; every difference is justified in differences.py, and every justification is needed.

moto is asked only where nothing of the real service is recorded: conformance/recorded judges what its rows tell of.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import client
from conformance.differences import DIFFERENCES
from conformance.fleet import unique
from conformance.oracle import Recorded, Side, Step, answer, differences, matches
from conformance.product import Access, free_port, until

G, C, T = unique("oracle"), unique("oracle-lc"), unique("oracle-lt")
TAGS = [
    {"ResourceId": G, "ResourceType": "auto-scaling-group", "Key": "Name", "Value": "web", "PropagateAtLaunch": True},
    {"ResourceId": G, "ResourceType": "auto-scaling-group", "Key": "team", "Value": "a", "PropagateAtLaunch": False},
]
NAMED = {"AutoScalingGroupName": G}
ONE = {"AutoScalingGroupNames": [G]}
MINE = [
    {"Name": "tag:aws:autoscaling:groupName", "Values": [G]},
    {"Name": "instance-state-name", "Values": ["running"]},
]


def subnets(side: Side) -> str:
    return ",".join(side.known["subnets"][zone] for zone in ("us-east-1a", "us-east-1b"))


def template(side: Side) -> dict[str, Any]:
    return {"ImageId": side.known["image"], "InstanceType": "t3.micro", "UserData": "aGVsbG8="}


def scaled(count: int) -> Step:
    def call(side: Side) -> Any:
        done = side.asg.set_desired_capacity(**NAMED, DesiredCapacity=count)
        side.settled(G, count)
        return done

    return Step(f"SetDesiredCapacity {count}", call)


def created(side: Side) -> Any:
    done = side.asg.create_auto_scaling_group(
        **NAMED,
        MinSize=0,
        MaxSize=4,
        DesiredCapacity=2,
        LaunchTemplate={"LaunchTemplateName": T, "Version": "$Latest"},
        VPCZoneIdentifier=subnets(side),
        Tags=TAGS,
    )
    side.settled(G, 2)
    return done


def updated(side: Side) -> Any:
    return side.asg.update_auto_scaling_group(
        **NAMED,
        LaunchConfigurationName=C,
        DefaultCooldown=60,
        HealthCheckGracePeriod=30,
        TerminationPolicies=["OldestInstance"],
    )


def first(side: Side) -> list[str]:
    return side.members(G)[:1]


def an_instance(side: Side) -> Any:
    """One member as EC2 tells it: how members share reservations is not the same here and there."""
    found = side.ec2.describe_instances(Filters=MINE)["Reservations"]
    return {"Instance": found[0]["Instances"][0]}


GROUPS = "DescribeAutoScalingGroups"
STEPS = [
    Step("GetCallerIdentity", lambda s: s.sts.get_caller_identity()),
    Step("DescribeAvailabilityZones", lambda s: s.ec2.describe_availability_zones(ZoneNames=["us-east-1a"])),
    Step("DescribeRegions", lambda s: s.ec2.describe_regions(RegionNames=["us-east-1"])),
    Step("DescribeVpcs", lambda s: s.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])),
    Step("DescribeSubnets", lambda s: s.ec2.describe_subnets(SubnetIds=[s.known["subnets"]["us-east-1a"]])),
    Step("DescribeSecurityGroups", lambda s: s.ec2.describe_security_groups(GroupNames=["default"])),
    Step(
        "DescribeInstanceTypeOfferings",
        lambda s: s.ec2.describe_instance_type_offerings(Filters=[{"Name": "instance-type", "Values": ["t3.micro"]}]),
    ),
    Step("DescribeInstanceTypes", lambda s: s.ec2.describe_instance_types(InstanceTypes=["t3.micro"])),
    Step("DescribeImages", lambda s: s.ec2.describe_images(ImageIds=[s.known["image"]])),
    Step("DescribeImages unknown", lambda s: s.ec2.describe_images(ImageIds=["ami-00000000000000000"])),
    Step("DescribeKeyPairs unknown", lambda s: s.ec2.describe_key_pairs(KeyNames=["nobody"])),
    Step(
        "CreateLaunchTemplate",
        lambda s: s.ec2.create_launch_template(
            LaunchTemplateName=T, LaunchTemplateData=template(s), VersionDescription="one"
        ),
    ),
    Step(
        "CreateLaunchTemplate again",
        lambda s: s.ec2.create_launch_template(LaunchTemplateName=T, LaunchTemplateData=template(s)),
    ),
    Step(
        "CreateLaunchTemplateVersion",
        lambda s: s.ec2.create_launch_template_version(
            LaunchTemplateName=T, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small"}
        ),
    ),
    Step("ModifyLaunchTemplate", lambda s: s.ec2.modify_launch_template(LaunchTemplateName=T, DefaultVersion="2")),
    Step("DescribeLaunchTemplates", lambda s: s.ec2.describe_launch_templates(LaunchTemplateNames=[T])),
    Step("DescribeLaunchTemplates unknown", lambda s: s.ec2.describe_launch_templates(LaunchTemplateNames=["nobody"])),
    Step("DescribeLaunchTemplateVersions", lambda s: s.ec2.describe_launch_template_versions(LaunchTemplateName=T)),
    Step(
        "DescribeLaunchTemplateVersions $Latest",
        lambda s: s.ec2.describe_launch_template_versions(LaunchTemplateName=T, Versions=["$Latest"]),
    ),
    Step(
        "CreateLaunchConfiguration",
        lambda s: s.asg.create_launch_configuration(
            LaunchConfigurationName=C, ImageId=s.known["image"], InstanceType="t3.micro"
        ),
    ),
    Step("DescribeLaunchConfigurations", lambda s: s.asg.describe_launch_configurations(LaunchConfigurationNames=[C])),
    Step(
        "DescribeLaunchConfigurations unknown",
        lambda s: s.asg.describe_launch_configurations(LaunchConfigurationNames=["nobody"]),
    ),
    Step("CreateAutoScalingGroup", created),
    Step("CreateAutoScalingGroup again", created),
    Step(
        "CreateAutoScalingGroup no source",
        lambda s: s.asg.create_auto_scaling_group(
            AutoScalingGroupName="x", MinSize=0, MaxSize=0, AvailabilityZones=["us-east-1a"]
        ),
    ),
    Step(
        "CreateAutoScalingGroup no place",
        lambda s: s.asg.create_auto_scaling_group(
            AutoScalingGroupName="x", MinSize=0, MaxSize=0, LaunchConfigurationName=C
        ),
    ),
    Step(
        "CreateAutoScalingGroup zones and subnets",
        lambda s: s.asg.create_auto_scaling_group(
            AutoScalingGroupName="x",
            MinSize=0,
            MaxSize=0,
            LaunchConfigurationName=C,
            AvailabilityZones=["us-east-1c"],
            VPCZoneIdentifier=subnets(s),
        ),
    ),
    Step(GROUPS, lambda s: s.asg.describe_auto_scaling_groups(**ONE)),
    Step(f"{GROUPS} unknown", lambda s: s.asg.describe_auto_scaling_groups(AutoScalingGroupNames=["nobody"])),
    Step(
        f"{GROUPS} by tag",
        lambda s: s.asg.describe_auto_scaling_groups(
            Filters=[{"Name": "tag:team", "Values": ["a"]}, {"Name": "tag-key", "Values": ["Name"]}]
        ),
    ),
    Step("DescribeAutoScalingInstances", lambda s: s.asg.describe_auto_scaling_instances(InstanceIds=s.members(G))),
    Step("DescribeTags", lambda s: s.asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [G]}])),
    Step("DescribeInstances", an_instance),
    Step("DescribeInstanceStatus", lambda s: s.ec2.describe_instance_status(InstanceIds=first(s))),
    Step("DescribeScalingActivities", lambda s: s.asg.describe_scaling_activities(**NAMED)),
    scaled(3),
    scaled(1),
    Step(f"{GROUPS} after scaling", lambda s: s.asg.describe_auto_scaling_groups(**ONE)),
    Step(
        "SetDesiredCapacity unknown",
        lambda s: s.asg.set_desired_capacity(AutoScalingGroupName="nobody", DesiredCapacity=1),
    ),
    Step("CreateOrUpdateTags", lambda s: s.asg.create_or_update_tags(Tags=[TAGS[1] | {"Value": "b"}])),
    Step("DeleteTags", lambda s: s.asg.delete_tags(Tags=TAGS[:1])),
    Step(
        "DescribeTags changed", lambda s: s.asg.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [G]}])
    ),
    Step("SuspendProcesses", lambda s: s.asg.suspend_processes(**NAMED, ScalingProcesses=["Launch", "AZRebalance"])),
    Step("ResumeProcesses", lambda s: s.asg.resume_processes(**NAMED, ScalingProcesses=["AZRebalance"])),
    Step(
        "EnableMetricsCollection",
        lambda s: s.asg.enable_metrics_collection(**NAMED, Granularity="1Minute", Metrics=["GroupMinSize"]),
    ),
    Step("UpdateAutoScalingGroup", updated),
    Step(
        "UpdateAutoScalingGroup unknown",
        lambda s: s.asg.update_auto_scaling_group(AutoScalingGroupName="nobody", MinSize=0),
    ),
    Step(f"{GROUPS} after changes", lambda s: s.asg.describe_auto_scaling_groups(**ONE)),
    Step("ResumeProcesses all", lambda s: s.asg.resume_processes(**NAMED)),
    Step(
        "SetInstanceProtection",
        lambda s: s.asg.set_instance_protection(**NAMED, InstanceIds=first(s), ProtectedFromScaleIn=True),
    ),
    Step(f"{GROUPS} protected", lambda s: s.asg.describe_auto_scaling_groups(**ONE)),
    Step(
        "SetInstanceHealth unknown",
        lambda s: s.asg.set_instance_health(InstanceId="i-00000000000000000", HealthStatus="Healthy"),
    ),
    Step(
        "EnterStandby",
        lambda s: s.asg.enter_standby(**NAMED, InstanceIds=first(s), ShouldDecrementDesiredCapacity=True),
    ),
    Step("ExitStandby", lambda s: s.asg.exit_standby(**NAMED, InstanceIds=s.resting(G, "Standby")[:1])),
    Step(
        "DetachInstances",
        lambda s: s.asg.detach_instances(
            **NAMED, InstanceIds=s.resting(G, "InService")[:1], ShouldDecrementDesiredCapacity=True
        ),
    ),
    Step(
        "TerminateInstanceInAutoScalingGroup unknown",
        lambda s: s.asg.terminate_instance_in_auto_scaling_group(
            InstanceId="i-00000000000000000", ShouldDecrementDesiredCapacity=True
        ),
    ),
    Step("DescribeInstances unknown", lambda s: s.ec2.describe_instances(InstanceIds=["i-00000000000000000"])),
    Step("TerminateInstances unknown", lambda s: s.ec2.terminate_instances(InstanceIds=["i-00000000000000000"])),
    Step("DeleteLaunchConfiguration in use", lambda s: s.asg.delete_launch_configuration(LaunchConfigurationName=C)),
    Step("SetDesiredCapacity above", lambda s: s.asg.set_desired_capacity(**NAMED, DesiredCapacity=99)),
    Step("DeleteAutoScalingGroup", lambda s: s.asg.delete_auto_scaling_group(**NAMED, ForceDelete=True)),
    Step("DeleteLaunchTemplate", lambda s: s.ec2.delete_launch_template(LaunchTemplateName=T)),
    Step("DeleteLaunchTemplate again", lambda s: s.ec2.delete_launch_template(LaunchTemplateName=T)),
]


def side(access: Access, *, scales: bool) -> Side:
    made = Side(*(client(access, name, recorded=False) for name in ("autoscaling", "ec2", "sts")), scales=scales)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def moto() -> Iterator[Side]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("moto answers", lambda: _answers(port), 60)
        yield side(Access(f"http://127.0.0.1:{port}", "AKIAORACLEORACLEORAC", "oracle", "us-east-1"), scales=False)
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/moto-api/")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def test_coppice_answers_as_moto_does_or_better(server: Access, moto: Side) -> None:
    coppice = side(server, scales=True)
    found: dict[str, str] = {}
    recorded = Recorded.read()
    for step in STEPS:
        ours, theirs = answer(step, coppice), answer(step, moto)
        if not recorded.refusal(step.operation, ours):
            told = differences(step.name, ours, theirs)
            found |= {path: what for path, what in told if not recorded.member(step, path, what) and path not in found}
    _forget(coppice)
    justified = {path: pattern for path in found for pattern in DIFFERENCES if matches(pattern, path)}
    unjustified = {path: what for path, what in found.items() if path not in justified}
    assert not unjustified, "\n".join(f"{path}: {what}" for path, what in unjustified.items())
    unneeded = set(DIFFERENCES) - set(justified.values())
    assert not unneeded, "listed, but no longer different:\n" + "\n".join(sorted(unneeded))
    assert all(reason.strip() for reason in DIFFERENCES.values())


def _forget(coppice: Side) -> None:
    """Take away what the steps left: the launch configuration, the detached instance."""
    until("the group is gone", lambda: not coppice.asg.describe_auto_scaling_groups(**ONE)["AutoScalingGroups"])
    coppice.asg.delete_launch_configuration(LaunchConfigurationName=C)
    left = coppice.ec2.describe_instances(
        Filters=[{"Name": "tag:Name", "Values": ["web"]}, {"Name": "image-id", "Values": [coppice.known["image"]]}]
    )
    ids = [one["InstanceId"] for reservation in left["Reservations"] for one in reservation["Instances"]]
    if ids:
        coppice.ec2.terminate_instances(InstanceIds=ids)
