"""boto3: groups, made, read, changed and removed."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import Access, until

ALWAYS = {
    "AutoScalingGroupARN",
    "AutoScalingGroupName",
    "AvailabilityZones",
    "CreatedTime",
    "DefaultCooldown",
    "DesiredCapacity",
    "EnabledMetrics",
    "HealthCheckGracePeriod",
    "HealthCheckType",
    "Instances",
    "LoadBalancerNames",
    "MaxSize",
    "MinSize",
    "NewInstancesProtectedFromScaleIn",
    "ServiceLinkedRoleARN",
    "SuspendedProcesses",
    "Tags",
    "TargetGroupARNs",
    "TerminationPolicies",
    "VPCZoneIdentifier",
}
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != ":")


def test_every_member_that_is_always_there(fleet: Fleet, account: str) -> None:
    before = datetime.now(UTC)
    name = fleet.create()
    group = fleet.group(name)
    assert set(group) >= ALWAYS
    assert group["AutoScalingGroupARN"].startswith(f"arn:aws:autoscaling:us-east-1:{account}:autoScalingGroup:")
    assert group["AutoScalingGroupARN"].endswith(f":autoScalingGroupName/{name}")
    assert group["ServiceLinkedRoleARN"] == (
        f"arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    )
    assert group["DefaultCooldown"] == 300
    assert group["HealthCheckType"] == "EC2"
    assert group["HealthCheckGracePeriod"] == 0
    assert group["TerminationPolicies"] == ["Default"]
    assert group["NewInstancesProtectedFromScaleIn"] is False
    assert group["AvailabilityZoneDistribution"] == {"CapacityDistributionStrategy": "balanced-best-effort"}
    assert group["CapacityReservationSpecification"] == {"CapacityReservationPreference": "default"}
    assert group["InstanceLifecyclePolicy"] == {"RetentionTriggers": {"TerminateHookAbandon": "terminate"}}
    assert group["VPCZoneIdentifier"] == ",".join(sorted(fleet.subnets.values()))  # recorded: told in order
    assert sorted(group["AvailabilityZones"]) == sorted(fleet.subnets)
    assert abs((group["CreatedTime"] - before).total_seconds()) < 60
    assert not {"LaunchConfigurationName", "MixedInstancesPolicy", "Status", "MaxInstanceLifetime"} & set(group)
    assert group["LaunchTemplate"]["LaunchTemplateName"] == fleet.template
    assert re.fullmatch(r"lt-[0-9a-f]{17}", group["LaunchTemplate"]["LaunchTemplateId"])


def test_all_members_given_come_back(fleet: Fleet) -> None:
    given: dict[str, Any] = {
        "DefaultCooldown": 7,
        "HealthCheckType": "EC2",
        "HealthCheckGracePeriod": 11,
        "TerminationPolicies": ["OldestInstance", "Default"],
        "NewInstancesProtectedFromScaleIn": True,
        "CapacityRebalance": True,
        "MaxInstanceLifetime": 86400,
        "Context": "conformance",
        "DefaultInstanceWarmup": 3,
        "InstanceMaintenancePolicy": {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120},
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": "balanced-only"},
        "DeletionProtection": "prevent-force-deletion",
    }
    name = fleet.create(0, 0, 5, **given)
    group = fleet.group(name)
    assert {key: group.get(key) for key in given} == given
    fleet.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name,
        DefaultInstanceWarmup=-1,
        MaxInstanceLifetime=0,
        InstanceMaintenancePolicy={"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1},
        DeletionProtection="none",
        TerminationPolicies=["NewestInstance"],
        DefaultCooldown=1,
    )
    group = fleet.group(name)
    assert "DefaultInstanceWarmup" not in group
    assert "InstanceMaintenancePolicy" not in group
    assert not group.get("MaxInstanceLifetime")
    assert group["TerminationPolicies"] == ["NewestInstance"]
    assert group["DefaultCooldown"] == 1


def test_account_settings(fleet: Fleet, loose_asg: Any) -> None:
    told = {"Name": "launchBeforeTerminate", "EnforcementType": "none"}
    for value in ("enabled", "disabled"):
        fleet.autoscaling.put_account_setting(Name="launchBeforeTerminate", Value=value)
        assert fleet.autoscaling.describe_account_settings()["Settings"] == [{**told, "Value": value}]
    with refused("ValidationError", "Invalid account setting name"):
        fleet.autoscaling.describe_account_settings(Name="other")
    with refused("ValidationError", "Invalid account setting value"):
        loose_asg.put_account_setting(Name="launchBeforeTerminate", Value="on")
    with refused("ValidationError", "'name' failed to satisfy constraint"):
        loose_asg.put_account_setting(Name="a b", Value="enabled")


def test_health_checks_are_told_as_they_were_given(fleet: Fleet) -> None:
    name = fleet.create(HealthCheckType="EBS,ELB")
    assert fleet.group(name)["HealthCheckType"] == "EBS,ELB"
    with refused("ValidationError", "Specifying EC2 in addition"):
        fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, HealthCheckType="EC2,EBS")


def test_a_group_with_an_operator(fleet: Fleet, server: Access) -> None:
    own = {"Principal": client(server, "sts").get_caller_identity()["Arn"]}
    name = fleet.create(Operator=own)
    assert fleet.group(name)["Operator"] == own
    fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=1)
    pages = fleet.autoscaling.get_paginator("describe_auto_scaling_groups").paginate(IncludeManagedResources=False)
    assert name not in {group["AutoScalingGroupName"] for page in pages for group in page["AutoScalingGroups"]}
    with refused("AccessDenied", status=403):
        fleet.create(Operator={"Principal": "eks.amazonaws.com"})
    fleet.made.pop()


def test_zones_alone_place_in_their_default_subnets(fleet: Fleet) -> None:
    zones = sorted(fleet.subnets)[:2]
    name = fleet.create(2, AvailabilityZones=zones)
    assert sorted(fleet.group(name)["AvailabilityZones"]) == zones
    assert fleet.zones(name) == dict.fromkeys(zones, 1)


@pytest.mark.parametrize(
    "name",
    [
        "n" * 255,
        PRINTABLE,
        PRINTABLE[::-1],
        "<&\"'>]]>",
        "a/b?c=d&e=%20+",
        "-",
    ],
    ids=["255", "printable", "reversed", "xml", "url", "dash"],
)
def test_names_with_everything_aws_allows(fleet: Fleet, name: str) -> None:
    fleet.create(AutoScalingGroupName=name)
    assert fleet.group(name)["AutoScalingGroupName"] == name
    tag = {
        "ResourceId": name,
        "ResourceType": "auto-scaling-group",
        "Key": "k",
        "Value": "v",
        "PropagateAtLaunch": False,
    }
    fleet.autoscaling.create_or_update_tags(Tags=[tag])
    asked = fleet.autoscaling.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": [name]}])
    assert asked["Tags"] == [tag]
    fleet.delete(name)


@pytest.mark.parametrize("name", ["n" * 256, "", "a:b"], ids=["256", "empty", "colon"])
def test_names_that_aws_refuses(fleet: Fleet, loose_asg: Any, name: str) -> None:
    with refused("ValidationError"):
        loose_asg.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=0,
            LaunchTemplate={"LaunchTemplateName": fleet.template},
            AvailabilityZones=["us-east-1a"],
        )


def test_a_name_is_taken_once(fleet: Fleet) -> None:
    name = fleet.create()
    text = f"AutoScalingGroup by this name already exists - A group with the name {name} already exists"
    with refused("AlreadyExists") as answer:
        fleet.create(AutoScalingGroupName=name)
    assert answer.message == text


def test_two_creates_of_one_name_at_once(fleet: Fleet) -> None:
    for _ in range(3):
        name, answers = unique("twin"), []
        gate = threading.Barrier(4)
        fleet.made.append(name)

        def create(name: str = name, gate: threading.Barrier = gate, answers: list[str] = answers) -> None:
            gate.wait()
            try:
                fleet.autoscaling.create_auto_scaling_group(
                    AutoScalingGroupName=name,
                    MinSize=0,
                    MaxSize=1,
                    LaunchTemplate={"LaunchTemplateName": fleet.template},
                    AvailabilityZones=["us-east-1a"],
                )
                answers.append("created")
            except ClientError as error:
                answers.append(error.response["Error"]["Code"])

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == ["AlreadyExists"] * 3 + ["created"]
        assert fleet.exists(name)


def test_create_needs_a_launch_source_and_a_place(fleet: Fleet) -> None:
    sizes = {"AutoScalingGroupName": unique(), "MinSize": 0, "MaxSize": 0}
    template = {"LaunchTemplate": {"LaunchTemplateName": fleet.template}}
    with refused("ValidationError", "Valid requests must contain either LaunchTemplate, LaunchConfigurationName"):
        fleet.autoscaling.create_auto_scaling_group(**sizes, AvailabilityZones=["us-east-1a"])
    with refused("ValidationError", "You must specify 1 of either AvailabilityZones, AvailabilityZoneIds, or Subnets"):
        fleet.autoscaling.create_auto_scaling_group(**sizes, **template)
    with refused(
        "ValidationError", "The availability zones of the specified subnets and the Auto Scaling group do not match"
    ):
        fleet.autoscaling.create_auto_scaling_group(
            **sizes, **template, AvailabilityZones=["us-east-1b"], VPCZoneIdentifier=fleet.subnets["us-east-1a"]
        )


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        (
            {"MinSize": 4, "MaxSize": 10, "DesiredCapacity": 2},
            "Desired capacity:2 must be between the specified min size:4 and max size:10",
        ),
        (
            {"MinSize": 0, "MaxSize": 3, "DesiredCapacity": 4},
            "Desired capacity:4 must be between the specified min size:0 and max size:3",
        ),
        ({"MinSize": 5, "MaxSize": 3}, "Max bound, 3, must be greater than or equal to min bound, 5"),
    ],
)
def test_sizes_out_of_order(fleet: Fleet, sizes: dict[str, int], text: str) -> None:
    name = unique()
    with refused("ValidationError", text):
        fleet.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchTemplate={"LaunchTemplateName": fleet.template},
            AvailabilityZones=["us-east-1a"],
            **sizes,
        )
    assert not fleet.exists(name)


@pytest.mark.parametrize(
    "change",
    [
        {"VPCZoneIdentifier": "subnet-00000000000000000"},
        {"AvailabilityZones": ["us-east-1z"]},
        {"LaunchTemplate": {"LaunchTemplateName": "no-such-template"}},
        {"LaunchTemplate": {"LaunchTemplateId": "lt-00000000000000000"}},
        {"LaunchTemplate": {"LaunchTemplateName": "TEMPLATE", "Version": "99"}},
        {"LaunchConfigurationName": "no-such-configuration"},
        {"TerminationPolicies": ["NoSuchPolicy"]},
        {"HealthCheckType": "SMOKE"},
        {"MaxInstanceLifetime": 86399},
        {"InstanceMaintenancePolicy": {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 250}},
        {"InstanceMaintenancePolicy": {"MinHealthyPercentage": 10, "MaxHealthyPercentage": 200}},
        {"MinSize": -1},
        {"LaunchConfigurationName": "x", "LaunchTemplate": {"LaunchTemplateName": "TEMPLATE"}},
        {"Tags": [{"Key": "aws:mine", "Value": "v"}]},
    ],
    ids=str,
)
def test_members_that_cannot_be(fleet: Fleet, loose_asg: Any, change: dict[str, Any]) -> None:
    request: dict[str, Any] = {"AutoScalingGroupName": unique(), "MinSize": 0, "MaxSize": 1}
    if "AvailabilityZones" not in change and "VPCZoneIdentifier" not in change:
        request["AvailabilityZones"] = ["us-east-1a"]
    if not {"LaunchTemplate", "LaunchConfigurationName"} & set(change):
        request["LaunchTemplate"] = {"LaunchTemplateName": fleet.template}
    request |= change
    if request.get("LaunchTemplate", {}).get("LaunchTemplateName") == "TEMPLATE":
        request["LaunchTemplate"] = request["LaunchTemplate"] | {"LaunchTemplateName": fleet.template}
    with refused("ValidationError") as answer:
        loose_asg.create_auto_scaling_group(**request)
    assert answer.message
    assert not fleet.exists(request["AutoScalingGroupName"])


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("MixedInstancesPolicy", {"LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "x"}}}),
        ("TrafficSources", [{"Identifier": "x", "Type": "elb"}]),
        ("LoadBalancerNames", ["lb"]),
        ("TargetGroupARNs", ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/t/0123456789abcdef"]),
    ],
)
def test_what_comes_later_is_refused_not_dropped(fleet: Fleet, loose_asg: Any, member: str, value: Any) -> None:
    request = {"AutoScalingGroupName": unique(), "MinSize": 0, "MaxSize": 1, "AvailabilityZones": ["us-east-1a"]}
    if member != "MixedInstancesPolicy":
        request["LaunchTemplate"] = {"LaunchTemplateName": fleet.template}
    with refused("ValidationError"):
        loose_asg.create_auto_scaling_group(**request, **{member: value})


def test_model_constraints_in_aws_form(loose_asg: Any) -> None:
    with refused("ValidationError") as answer:
        loose_asg.create_auto_scaling_group(AutoScalingGroupName="", MaxSize=1, DesiredCapacityType="x" * 300)
    assert re.match(r"\d validation errors detected: ", answer.message), answer.message
    assert "Value null at 'minSize' failed to satisfy constraint: Member must not be null" in answer.message
    assert (
        "Value '' at 'autoScalingGroupName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1" in answer.message
    )


def test_unknown_groups(fleet: Fleet, loose_asg: Any) -> None:
    nobody = unique("nobody")
    assert fleet.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[nobody])["AutoScalingGroups"] == []
    calls: list[tuple[str, dict[str, Any]]] = [
        ("update_auto_scaling_group", {"MaxSize": 1}),
        ("delete_auto_scaling_group", {}),
        ("set_desired_capacity", {"DesiredCapacity": 1}),
        ("suspend_processes", {}),
        ("resume_processes", {}),
        ("enable_metrics_collection", {"Granularity": "1Minute"}),
        ("disable_metrics_collection", {}),
        ("attach_instances", {"InstanceIds": ["i-00000000000000000"]}),
        ("detach_instances", {"InstanceIds": ["i-00000000000000000"], "ShouldDecrementDesiredCapacity": True}),
        ("enter_standby", {"InstanceIds": ["i-00000000000000000"], "ShouldDecrementDesiredCapacity": True}),
        ("exit_standby", {"InstanceIds": ["i-00000000000000000"]}),
        ("set_instance_protection", {"InstanceIds": ["i-00000000000000000"], "ProtectedFromScaleIn": True}),
    ]
    for operation, rest in calls:
        with refused("ValidationError", "not found"):
            getattr(fleet.autoscaling, operation)(AutoScalingGroupName=nobody, **rest)


def test_update_moves_desired_with_the_bounds(fleet: Fleet) -> None:
    name = fleet.create(2, 1, 4)
    update = fleet.autoscaling.update_auto_scaling_group
    update(AutoScalingGroupName=name, MinSize=3)
    assert fleet.group(name)["DesiredCapacity"] == 3
    fleet.settle(name, 3)
    update(AutoScalingGroupName=name, MinSize=0, MaxSize=1)
    assert fleet.group(name)["DesiredCapacity"] == 1
    fleet.settle(name, 1)
    with refused("ValidationError", "must be between the specified min size:0 and max size:1"):
        update(AutoScalingGroupName=name, DesiredCapacity=2)
    assert fleet.group(name)["DesiredCapacity"] == 1


def test_update_changes_the_launch_source(fleet: Fleet) -> None:
    name = fleet.create()
    configuration = fleet.configuration()
    fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, LaunchConfigurationName=configuration)
    group = fleet.group(name)
    assert group["LaunchConfigurationName"] == configuration
    assert "LaunchTemplate" not in group
    with refused(
        "ResourceInUse",
        f"Cannot delete launch configuration {configuration} because it is attached to AutoScalingGroup",
    ):
        fleet.autoscaling.delete_launch_configuration(LaunchConfigurationName=configuration)
    fleet.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": fleet.template, "Version": "$Latest"}
    )
    group = fleet.group(name)
    assert "LaunchConfigurationName" not in group
    assert group["LaunchTemplate"]["Version"] == "$Latest"
    fleet.autoscaling.delete_launch_configuration(LaunchConfigurationName=configuration)


def test_desired_capacity_within_bounds(fleet: Fleet) -> None:
    name = fleet.create(0, 0, 4)
    with refused("ValidationError", "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup."):
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=5)
    fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=1)
    with refused("ValidationError", "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup."):
        fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)


def test_delete_in_use(fleet: Fleet) -> None:
    name = fleet.create(1)
    with refused("ResourceInUse") as answer:
        fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name)
    # Source: stackd, warm_pool_group_deletion_native; what users showed before there were warm pools ends sooner.
    assert answer.message == (
        "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group."
        " Also, you can\u2019t delete it while there are instances that are part of a warm pool."
    )
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)
    fleet.settle(name, 0)
    # The last activity may still be at its end when the list is already empty.
    until("deleted", lambda: _deleted(fleet, name))
    assert not fleet.exists(name)


def _deleted(fleet: Fleet, name: str) -> bool:
    answer = _deletion(fleet, name)
    assert answer in {"deleted", "ScalingActivityInProgress", "ResourceInUse"}, answer
    return answer == "deleted"


def _deletion(fleet: Fleet, name: str) -> str:
    try:
        fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "deleted"


def test_delete_while_scaling(fleet: Fleet) -> None:
    name = fleet.create(0)
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    until("something is on its way", lambda: fleet.group(name)["Instances"], pause=0.02)
    assert _deletion(fleet, name) in {"ScalingActivityInProgress", "ResourceInUse"}
    fleet.settle(name, 3)
    # A group that lets none go keeps its activity in progress.
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)
    answers = set()

    def gone() -> bool:
        answers.add(_deletion(fleet, name))
        return "deleted" in answers

    until("deleted", gone, pause=0.01)
    assert answers <= {"deleted", "ScalingActivityInProgress", "ResourceInUse"}, answers


def test_force_delete_takes_the_instances(fleet: Fleet) -> None:
    name = fleet.create(2)
    fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    if fleet.exists(name):
        assert fleet.group(name)["Status"] == "Delete in progress"
        with refused("ValidationError", "pending delete"):
            fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=9)
    until("the group is gone", lambda: not fleet.exists(name))
    assert fleet.servers(name) == []
    fleet.create(1, AutoScalingGroupName=name)


def test_activities_outlive_their_group(fleet: Fleet) -> None:
    name = fleet.create(1)
    fleet.delete(name)
    answer = fleet.autoscaling.describe_scaling_activities(IncludeDeletedGroups=True, AutoScalingGroupName=name)
    assert answer["Activities"]
    assert {activity["AutoScalingGroupState"] for activity in answer["Activities"]} == {"Deleted"}


@pytest.mark.parametrize(("protection", "force"), [("prevent-force-deletion", True), ("prevent-all-deletion", False)])
def test_deletion_protection(fleet: Fleet, protection: str, force: bool) -> None:
    name = fleet.create(DeletionProtection=protection)
    with refused("ValidationError"):
        fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=force)
    fleet.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, DeletionProtection="none")
    fleet.autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=force)
    until("the group is gone", lambda: not fleet.exists(name))


def test_filters(fleet: Fleet) -> None:
    key = unique("key")
    names = [
        fleet.create(Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": False}])
        for value in ("red", "blue", "Red")
    ]

    def asked(*filters: tuple[str, list[str]]) -> list[str]:
        answer = fleet.autoscaling.describe_auto_scaling_groups(
            Filters=[{"Name": name, "Values": values} for name, values in filters]
        )
        return [group["AutoScalingGroupName"] for group in answer["AutoScalingGroups"]]

    assert asked(("tag-key", [key])) == sorted(names)
    assert asked((f"tag:{key}", ["red"])) == [names[0]]
    assert sorted(asked((f"tag:{key}", ["red", "blue"]))) == sorted(names[:2])
    assert asked(("tag-key", [key]), ("tag-value", ["blue"])) == [names[1]]
    assert asked((f"tag:{key}", ["green"])) == []
    with refused("ValidationError"):
        asked(("no-such-filter", ["x"]))


def test_a_hundred_names_and_no_instances(fleet: Fleet) -> None:
    name = fleet.create(1)
    answer = fleet.autoscaling.describe_auto_scaling_groups(
        AutoScalingGroupNames=[name, *(f"missing-{n}" for n in range(99))], MaxRecords=100, IncludeInstances=False
    )
    assert [group["AutoScalingGroupName"] for group in answer["AutoScalingGroups"]] == [name]
    assert not answer["AutoScalingGroups"][0].get("Instances")
    with refused("ValidationError"):
        fleet.autoscaling.describe_auto_scaling_groups(MaxRecords=101)


def test_from_an_instance(fleet: Fleet) -> None:
    identity = fleet.run()
    name = unique("copy")
    fleet.made.append(name)
    fleet.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        MinSize=0,
        MaxSize=1,
        InstanceId=identity,
        VPCZoneIdentifier=fleet.subnets["us-east-1a"],
    )
    made = fleet.group(name)["LaunchConfigurationName"]
    copied = fleet.autoscaling.describe_launch_configurations(LaunchConfigurationNames=[made])["LaunchConfigurations"]
    assert copied[0]["ImageId"] == fleet.image
    assert copied[0]["InstanceType"] == "t3.micro"
    fleet.configurations.append(made)
    fleet.ec2.terminate_instances(InstanceIds=[identity])


def test_why_a_group_is_as_it_is(asg: Any, fleet: Fleet) -> None:
    name = fleet.create(0)
    asg.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
    asg.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    filters = [{"Name": "key", "Values": ["coppice:explain"]}, {"Name": "auto-scaling-group", "Values": [name]}]
    told = {each["Key"]: each["Value"] for each in asg.describe_tags(Filters=filters)["Tags"]}
    assert told["coppice:explain:capacity"] == "1 wanted (0 to 10), 0 there"
    assert "Launch is suspended (ResumeProcesses)" in told["coppice:explain:blocked-by"]
    assert asg.describe_tags(Filters=filters[1:])["Tags"] == []
    with pytest.raises(ClientError, match="takes 1 to 10 values of the filter auto-scaling-group"):
        asg.describe_tags(Filters=filters[:1])
