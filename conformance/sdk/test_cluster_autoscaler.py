"""The calls of cluster-autoscaler in its order, for groups of several types, and what it reads of each answer.

Source: kubernetes/autoscaler, cluster-autoscaler/cloudprovider/aws: auto_scaling_groups.go, aws_wrapper.go, aws_util.go.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from conformance.fleet import Fleet, unique
from conformance.product import until

ENABLED = "k8s.io/cluster-autoscaler/enabled"
RESOURCES = "k8s.io/cluster-autoscaler/node-template/resources/ephemeral-storage"
REQUIREMENTS = {"VCpuCount": {"Min": 2, "Max": 4}, "MemoryMiB": {"Min": 4096}, "AllowedInstanceTypes": ["m*"]}


def _catalog(ec2: Any) -> dict[str, dict[str, Any]]:
    """Its table of types, built at its start: all there are, page by page."""
    found = {}
    for page in ec2.get_paginator("describe_instance_types").paginate():
        for one in page["InstanceTypes"]:
            found[one["InstanceType"]] = {
                "cpu": one["VCpuInfo"]["DefaultVCpus"],
                "memory": one["MemoryInfo"]["SizeInMiB"],
                "gpu": sum(gpu["Count"] for gpu in one.get("GpuInfo", {}).get("Gpus", ())),
                "architecture": one["ProcessorInfo"]["SupportedArchitectures"][0],
            }
    return found


def _discovered(fleet: Fleet, cluster: str) -> dict[str, dict[str, Any]]:
    """Groups of one cluster by their tags, as every minute."""
    filters = [{"Name": "tag-key", "Values": [ENABLED]}, {"Name": f"tag:{cluster}", "Values": ["owned"]}]
    pages = fleet.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(
        Filters=filters, PaginationConfig={"PageSize": 100}
    )
    return {one["AutoScalingGroupName"]: one for page in pages for one in page["AutoScalingGroups"]}


def _type_of(fleet: Fleet, group: dict[str, Any]) -> str:
    """The type that its template node is made from: of the overrides the first, or the first that meets what is asked for."""
    mix = group["MixedInstancesPolicy"]["LaunchTemplate"]
    overrides = mix["Overrides"]
    if overrides and "InstanceType" in overrides[0]:
        return str(overrides[0]["InstanceType"])
    template = mix["LaunchTemplateSpecification"]
    (version,) = fleet.ec2.describe_launch_template_versions(
        LaunchTemplateName=template["LaunchTemplateName"], Versions=[template["Version"]]
    )["LaunchTemplateVersions"]
    data = version["LaunchTemplateData"]
    wanted = overrides[0]["InstanceRequirements"] if overrides else data["InstanceRequirements"]
    (image,) = fleet.ec2.describe_images(ImageIds=[data["ImageId"]])["Images"]
    pages = fleet.ec2.get_paginator("get_instance_types_from_instance_requirements").paginate(
        ArchitectureTypes=[image["Architecture"]],
        VirtualizationTypes=[image["VirtualizationType"]],
        InstanceRequirements=wanted,
    )
    return next(str(one["InstanceType"]) for page in pages for one in page["InstanceTypes"])


def _mixed(template: str, *overrides: dict[str, Any]) -> dict[str, Any]:
    specification = {"LaunchTemplateName": template, "Version": "$Default"}
    return {"LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": list(overrides)}}


def _tags(cluster: str) -> list[dict[str, Any]]:
    told = {ENABLED: "", cluster: "owned", RESOURCES: "20Gi"}
    return [{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in told.items()]


def _failed_since(fleet: Fleet, name: str, since: datetime) -> bool:
    """Whether launches fail: the first page alone, newest first, and no older than the last look."""
    for one in fleet.autoscaling.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]:
        if one["StartTime"] < since:
            return False
        if one["StatusCode"] == "Failed":
            return True
    return False


@pytest.mark.embedded("the test cloud's flavors are of other sizes than types of these names")
def test_a_cluster_grows_and_shrinks(fleet: Fleet) -> None:
    cluster = f"kubernetes.io/cluster/{unique('k')}"
    typed = fleet.create(
        1,
        MixedInstancesPolicy=_mixed(fleet.template, {"InstanceType": "t3.small"}, {"InstanceType": "t3.micro"}),
        Tags=_tags(cluster),
    )
    meeting = fleet.create(
        MixedInstancesPolicy=_mixed(fleet.template, {"InstanceRequirements": REQUIREMENTS}), Tags=_tags(cluster)
    )
    template = unique("lt")
    fleet.ec2.create_launch_template(
        LaunchTemplateName=template,
        LaunchTemplateData={"ImageId": fleet.image, "InstanceRequirements": REQUIREMENTS},
    )
    fleet.templates.append(template)
    by_template = fleet.create(MixedInstancesPolicy=_mixed(template), Tags=_tags(cluster))
    fleet.create()  # of no cluster

    catalog, groups = _catalog(fleet.ec2), _discovered(fleet, cluster)
    assert groups.keys() == {typed, meeting, by_template}
    for name, group in groups.items():
        kind = catalog[_type_of(fleet, group)]
        assert kind["architecture"] == "x86_64"
        assert (kind["cpu"], kind["memory"]) == ((2, 2048) if name == typed else (2, kind["memory"]))
        assert kind["memory"] >= (2048 if name == typed else 4096)
        assert group["AvailabilityZones"]
        assert {each["Key"]: each["Value"] for each in group["Tags"]} == {
            ENABLED: "",
            cluster: "owned",
            RESOURCES: "20Gi",
        }
        assert {each["ResourceId"] for each in group["Tags"]} == {name}

    for name in (typed, meeting, by_template):
        wanted = groups[name]["DesiredCapacity"] + 1
        assert wanted <= groups[name]["MaxSize"]
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=wanted, HonorCooldown=False)
    for name, count in ((typed, 2), (meeting, 1), (by_template, 1)):
        fleet.settle(name, count)
    groups = _discovered(fleet, cluster)
    for name, group in groups.items():
        members = {each["InstanceId"]: each for each in group["Instances"]}
        # aws:///ZONE/ID of each node, which its kubelet tells too.
        assert {each["AvailabilityZone"] for each in members.values()} <= set(group["AvailabilityZones"])
        assert {each["HealthStatus"] for each in members.values()} == {"Healthy"}
        assert {each["LifecycleState"] for each in members.values()} == {"InService"}
        assert {each["InstanceType"] for each in members.values()} <= catalog.keys()
        for server in fleet.servers(name):
            worn = {each["Key"]: each["Value"] for each in server["Tags"]}
            assert (worn[cluster], worn[RESOURCES]) == ("owned", "20Gi")

    leaving = fleet.ids(typed)[0]
    activity = fleet.autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=leaving, ShouldDecrementDesiredCapacity=True
    )["Activity"]
    assert activity["Description"] == f"Terminating EC2 instance: {leaving}"
    assert leaving not in fleet.settle(typed, 1)
    group = _discovered(fleet, cluster)[typed]
    assert (group["DesiredCapacity"], group["MinSize"]) == (1, 0)


def test_a_group_that_cannot_grow_is_left_aside(fleet: Fleet) -> None:
    """What is asked for and fails: it looks for a failure since its last look, and takes back what it asked for."""
    cluster = f"kubernetes.io/cluster/{unique('k')}"
    nothing = {"VCpuCount": {"Min": 4000}, "MemoryMiB": {"Min": 0}}
    mix = _mixed(fleet.template, {"InstanceRequirements": nothing})
    name = fleet.create(MixedInstancesPolicy=mix, Tags=_tags(cluster))
    since = _discovered(fleet, cluster)[name]["CreatedTime"]
    assert not _failed_since(fleet, name, since)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2, HonorCooldown=False)
    until("a launch fails", lambda: _failed_since(fleet, name, since))
    group = _discovered(fleet, cluster)[name]
    assert (group["DesiredCapacity"], group["Instances"]) == (2, [])
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0, HonorCooldown=False)
    assert _discovered(fleet, cluster)[name]["DesiredCapacity"] == 0
