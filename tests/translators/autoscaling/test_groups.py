"""Groups as their callers make, change and see them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain import launch_findings, server_findings
from backend.domain.cluster import Process
from backend.domain.node import Health, NodeState
from backend.domain.profile import ProfileRef
from backend.store import clusters, journal
from tests.factories import NOW, OTHER, SCOPE, activity, uuid_of
from translators.errors import translate

ZONES = ["us-east-1a", "us-east-1b"]
ALWAYS = {
    "AutoScalingGroupName", "AutoScalingGroupARN", "MinSize", "MaxSize", "DesiredCapacity", "DefaultCooldown",
    "AvailabilityZones", "LoadBalancerNames", "TargetGroupARNs", "HealthCheckType", "HealthCheckGracePeriod",
    "Instances", "CreatedTime", "SuspendedProcesses", "VPCZoneIdentifier", "EnabledMetrics", "Tags",
    "TerminationPolicies", "NewInstancesProtectedFromScaleIn", "ServiceLinkedRoleARN", "AvailabilityZoneIds",
    "AvailabilityZoneDistribution", "CapacityReservationSpecification", "InstanceLifecyclePolicy",
}  # fmt: skip


@pytest.fixture
def create(world):
    world.launch_configuration()

    def make(name="web", **params):
        asked = {"LaunchConfigurationName": "lc", "MinSize": 1, "MaxSize": 4, "AvailabilityZones": ZONES, **params}
        asked = {key: value for key, value in asked.items() if value is not None}
        return world.call("CreateAutoScalingGroup", AutoScalingGroupName=name, **asked)

    return make


def described(world, *names, **params):
    if names:
        params["AutoScalingGroupNames"] = list(names)
    return world.call("DescribeAutoScalingGroups", **params)["AutoScalingGroups"]


class TestPlacementGroup:
    def make(self, world, name="pg", strategy="spread"):
        return world.call("CreatePlacementGroup", service="ec2", GroupName=name, Strategy=strategy)

    def test_it_is_told_as_given_and_taken_away_by_an_empty_name(self, world, create):
        self.make(world)
        create(PlacementGroup="pg")
        assert described(world, "web")[0]["PlacementGroup"] == "pg"
        self.make(world, "other")
        for name in ("other", ""):
            world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", PlacementGroup=name)
            assert described(world, "web")[0].get("PlacementGroup", "") == name
        assert "PlacementGroup" not in described(world, "web")[0]

    def test_it_must_be_there(self, world, create):
        create()
        asked = {"AutoScalingGroupName": "web", "PlacementGroup": "nil"}
        for refused in (
            lambda: create("other", PlacementGroup="nil"),
            lambda: world.call("UpdateAutoScalingGroup", **asked),
        ):
            with pytest.raises(server_findings.ServerGroupNotFound) as found:
                refused()
            told = translate(found.value, "autoscaling")
            assert (told.code, told.message) == ("ValidationError", "The Placement Group 'nil' is unknown.")
        assert [group["AutoScalingGroupName"] for group in described(world)] == ["web"]

    def test_a_template_s_own_must_be_there(self, world, create):
        data = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro", "Placement": {"GroupName": "nil"}}
        world.call("CreateLaunchTemplate", service="ec2", LaunchTemplateName="tmpl", LaunchTemplateData=data)
        with pytest.raises(launch_findings.TemplateUnusable) as found:
            create(LaunchConfigurationName=None, LaunchTemplate={"LaunchTemplateName": "tmpl"})
        assert translate(found.value, "autoscaling").message == (
            "You must use a valid fully-formed launch template. The Placement Group 'nil' is unknown."
        )


class TestCreate:
    def test_what_is_always_told(self, world, create):
        assert create() == {}
        (group,) = described(world, "web")
        assert set(group) == ALWAYS | {"LaunchConfigurationName"}
        account = group["ServiceLinkedRoleARN"].split(":")[4]
        assert group["AutoScalingGroupARN"].startswith(f"arn:aws:autoscaling:us-east-1:{account}:autoScalingGroup:")
        assert group["AutoScalingGroupARN"].endswith(":autoScalingGroupName/web")
        assert (group["DesiredCapacity"], group["DefaultCooldown"], group["HealthCheckGracePeriod"]) == (1, 300, 0)
        assert (group["HealthCheckType"], list(group["TerminationPolicies"])) == ("EC2", ["Default"])
        assert (group["VPCZoneIdentifier"], list(group["AvailabilityZones"])) == ("", ZONES)

    def test_all_that_can_be_told(self, world, create):
        create(
            DesiredCapacity=3,
            DefaultCooldown=10,
            HealthCheckType="ELB,VPC_LATTICE",
            HealthCheckGracePeriod=5,
            TerminationPolicies=["NewestInstance"],
            NewInstancesProtectedFromScaleIn=True,
            CapacityRebalance=True,
            DeletionProtection="prevent-force-deletion",
            Tags=[{"Key": "b", "Value": "2", "PropagateAtLaunch": True}, {"Key": "a", "ResourceId": "web"}],
            MaxInstanceLifetime=86_400,
            Context="ctx",
            DesiredCapacityType="units",
            DefaultInstanceWarmup=0,
            InstanceMaintenancePolicy={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200},
            AvailabilityZoneDistribution={"CapacityDistributionStrategy": "balanced-only"},
            AvailabilityZoneImpairmentPolicy={"ImpairedZoneHealthCheckBehavior": "IgnoreUnhealthy"},
            CapacityReservationSpecification={"CapacityReservationPreference": "none"},
            ServiceLinkedRoleARN="arn:aws:iam::111122223333:role/own",
        )
        (group,) = described(world, "web")
        wanted = {
            "DesiredCapacity": 3,
            "DefaultCooldown": 10,
            "HealthCheckType": "ELB,VPC_LATTICE",
            "HealthCheckGracePeriod": 5,
            "TerminationPolicies": ("NewestInstance",),
            "NewInstancesProtectedFromScaleIn": True,
            "CapacityRebalance": True,
            "DeletionProtection": "prevent-force-deletion",
            "MaxInstanceLifetime": 86_400,
            "Context": "ctx",
            "DesiredCapacityType": "units",
            "DefaultInstanceWarmup": 0,
            "InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 200},
            "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": "balanced-only"},
            "AvailabilityZoneImpairmentPolicy": {
                "ZonalShiftEnabled": False,
                "ImpairedZoneHealthCheckBehavior": "IgnoreUnhealthy",
            },
            "CapacityReservationSpecification": {"CapacityReservationPreference": "none"},
            "ServiceLinkedRoleARN": "arn:aws:iam::111122223333:role/own",
        }
        assert {name: group[name] for name in wanted} == wanted
        assert [(tag["Key"], tag["Value"], tag["PropagateAtLaunch"]) for tag in group["Tags"]] == [
            ("a", "", False),
            ("b", "2", True),
        ]

    @pytest.mark.parametrize("name", ["x" * 255, "a b/c_d-e.f(g)[h]{i}!\"#$%&'*+,;<=>?@\\^`|~"])
    def test_names(self, world, create, name):
        create(name)
        assert described(world, name)[0]["AutoScalingGroupName"] == name

    @pytest.mark.parametrize("name", ["a:b", "näme", "tab\there"])
    def test_names_that_are_none(self, refused, name):
        assert (
            refused("CreateAutoScalingGroup", AutoScalingGroupName=name, MinSize=0, MaxSize=0).code == "ValidationError"
        )

    def test_subnets(self, world, create):
        subnets = {
            s.zone: f"subnet-{s.short_id}" for s in world.simulated.cloud.network.subnets(SCOPE) if s.zone_default
        }
        both = f"{subnets['us-east-1b']},{subnets['us-east-1a']}"
        create(AvailabilityZones=None, VPCZoneIdentifier=f" {both.replace(',', ' , ')}")
        (group,) = described(world, "web")
        assert group["VPCZoneIdentifier"] == ",".join(sorted(both.split(",")))
        assert list(group["AvailabilityZones"]) == ["us-east-1a", "us-east-1b"]
        assert group["AvailabilityZoneIds"] == ["use1-az1", "use1-az2"]

    def test_zone_ids(self, world, create):
        ids = {zone.name: zone.zone_id for zone in world.simulated.cloud.compute.zones(SCOPE)}
        create(AvailabilityZones=None, AvailabilityZoneIds=[ids["us-east-1c"]])
        assert list(described(world, "web")[0]["AvailabilityZones"]) == ["us-east-1c"]

    @pytest.mark.parametrize(
        ("params", "words"),
        [
            (
                {"LaunchConfigurationName": None},
                (
                    "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or"
                    " MixedInstancesPolicy parameter."
                ),
            ),
            (
                {"InstanceId": "i-0123456789abcdef0"},
                (
                    "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or"
                    " MixedInstancesPolicy parameter."
                ),
            ),
            (
                {"LaunchConfigurationName": "nope"},
                "Launch configuration name not found - A launch configuration with the name: nope does not exist",
            ),
            (
                {"AvailabilityZones": None},
                "You must specify 1 of either AvailabilityZones, AvailabilityZoneIds, or Subnets",
            ),
            ({"AvailabilityZones": ["nowhere"]}, "Invalid availability zones: [nowhere]"),
            (
                {"AvailabilityZones": None, "VPCZoneIdentifier": "subnet-00000000000000000"},
                "The subnet ID 'subnet-00000000000000000' does not exist",
            ),
            ({"AvailabilityZones": None, "VPCZoneIdentifier": "nonsense"}, "The subnet ID 'nonsense' does not exist"),
            ({"DesiredCapacity": 5}, "Desired capacity:5 must be between the specified min size:1 and max size:4"),
            ({"MinSize": 5}, "Max bound, 4, must be greater than or equal to min bound, 5"),
            (
                {"AvailabilityZoneIds": ["use1-az1"]},
                "You cannot specify both AvailabilityZones and AvailabilityZoneIds in the same request.",
            ),
            (
                {"Tags": [{"Key": "aws:x"}]},
                "aws: prefixed tag key names are not allowed for external use.",
            ),
            ({"Tags": [{"Key": "x"}, {"Key": "x"}]}, "Duplicate keys found in tags list."),
            (
                {"LaunchConfigurationName": None, "InstanceId": "i-0123456789abcdef0"},
                "Invalid Instance ID(s): [i-0123456789abcdef0]",
            ),
        ],
    )
    def test_refusals(self, create, refused, params, words):
        asked = {"LaunchConfigurationName": "lc", "MinSize": 1, "MaxSize": 4, "AvailabilityZones": ZONES, **params}
        asked = {key: value for key, value in asked.items() if value is not None}
        error = refused("CreateAutoScalingGroup", AutoScalingGroupName="web", **asked)
        assert (error.code, error.message, error.status) == ("ValidationError", words, 400)

    def test_a_name_that_is_going_away_is_told_so(self, world, create, refused):
        """Source: hashicorp/terraform #1105, kubernetes/test-infra #33190."""
        create()
        world.put(clusters_of(world, "web"), "a")
        asked = {"AutoScalingGroupName": "web", "LaunchConfigurationName": "lc", "MinSize": 0, "MaxSize": 0}
        error = refused("CreateAutoScalingGroup", **asked, AvailabilityZones=ZONES)
        taken = "AutoScalingGroup by this name already exists - A group with the name web already exists"
        assert (error.code, error.message) == ("AlreadyExists", taken)
        world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
        error = refused("CreateAutoScalingGroup", **asked, AvailabilityZones=ZONES)
        assert error.message == (
            f"{taken} and is pending delete.  Please wait until Autoscaling completes the deletion process before"
            " creating another group with the same name."
        )

    def test_zones_against_subnets(self, world, create, refused):
        subnets = world.simulated.cloud.network.subnets(SCOPE)
        short = next(subnet.short_id for subnet in subnets if subnet.zone == "us-east-1c")
        params = {"LaunchConfigurationName": "lc", "MinSize": 0, "MaxSize": 0, "AvailabilityZones": ZONES}
        error = refused(
            "CreateAutoScalingGroup", AutoScalingGroupName="x", VPCZoneIdentifier=f"subnet-{short}", **params
        )
        assert (
            error.message == "The availability zones of the specified subnets and the Auto Scaling group do not match"
        )

    def test_twice(self, create, refused):
        create()
        error = refused(
            "CreateAutoScalingGroup",
            AutoScalingGroupName="web", LaunchConfigurationName="lc", MinSize=1, MaxSize=1, AvailabilityZones=ZONES,
        )  # fmt: skip
        assert (error.code, error.message) == (
            "AlreadyExists",
            "AutoScalingGroup by this name already exists - A group with the name web already exists",
        )


class TestTemplates:
    @pytest.fixture
    def template(self, world):
        def make(**data):
            words = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro", **data}
            answer = world.call(
                "CreateLaunchTemplate", service="ec2", LaunchTemplateName="tmpl", LaunchTemplateData=words
            )
            return answer["LaunchTemplate"]["LaunchTemplateId"]

        return make

    @pytest.mark.parametrize(("version", "told"), [(None, None), ("$Latest", "$Latest"), ("1", "1")])
    @pytest.mark.parametrize("by_name", [True, False])
    def test_both_names_and_the_version_as_given(self, world, create, template, version, told, by_name):
        template_id = template()
        asked = {"LaunchTemplateName": "tmpl"} if by_name else {"LaunchTemplateId": template_id}
        if version is not None:
            asked["Version"] = version
        create(LaunchConfigurationName=None, LaunchTemplate=asked)
        (group,) = described(world, "web")
        assert "LaunchConfigurationName" not in group
        shown = {"LaunchTemplateId": template_id, "LaunchTemplateName": "tmpl"}
        assert group["LaunchTemplate"] == (shown if told is None else {**shown, "Version": told})

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({}, "Valid requests must contain either launchTemplateId or LaunchTemplateName"),
            (
                {"LaunchTemplateName": "nope"},
                "The specified launch template, with template name nope, does not exist.",
            ),
            (
                {"LaunchTemplateId": "lt-00000000000000000"},
                "The specified launch template, with template ID lt-00000000000000000, does not exist.",
            ),
            ({"LaunchTemplateId": "nonsense"}, "Invalid launch template ID: 'nonsense'"),
            (
                {"LaunchTemplateName": "tmpl", "Version": "newest"},
                "Invalid launch template version: either '$Default', '$Latest', or a numeric version are allowed.",
            ),
        ],
    )
    def test_refusals(self, refused, template, asked, words):
        template()
        error = refused(
            "CreateAutoScalingGroup",
            AutoScalingGroupName="x", LaunchTemplate=asked, MinSize=0, MaxSize=0, AvailabilityZones=ZONES,
        )  # fmt: skip
        assert (error.code, error.message) == ("ValidationError", words)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ({"ImageId": "ami-00000000000000000"}, "The image id '[ami-00000000000000000]' does not exist"),
            ({"KeyName": "nokey"}, "The key pair 'nokey' does not exist"),
            (
                {"IamInstanceProfile": {"Name": "p"}},
                "Value (p) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
            ),
        ],
    )
    def test_what_ec2_says(self, refused, template, data, words):
        template(**data)
        error = refused(
            "CreateAutoScalingGroup",
            AutoScalingGroupName="x", LaunchTemplate={"LaunchTemplateName": "tmpl"}, MinSize=0, MaxSize=0,
            AvailabilityZones=ZONES,
        )  # fmt: skip
        assert error.message == f"You must use a valid fully-formed launch template. {words}"

    def test_disks_that_no_type_has(self, refused, template):
        ebs = {"VolumeType": "gp2", "Iops": 300, "VolumeSize": 20}
        template(BlockDeviceMappings=[{"DeviceName": "/dev/sdb", "Ebs": ebs}])
        asked = {"AutoScalingGroupName": "x", "MinSize": 0, "MaxSize": 0, "AvailabilityZones": ZONES}
        error = refused("CreateAutoScalingGroup", **asked, LaunchTemplate={"LaunchTemplateName": "tmpl"})
        assert error.message == (
            "You must use a valid fully-formed launch template. The parameter iops is not supported for gp2 volumes."
        )

    def test_no_group_has_one_address_for_all(self, refused, template):
        template(NetworkInterfaces=[{"DeviceIndex": 0, "PrivateIpAddress": "172.31.0.77"}])
        asked = {"AutoScalingGroupName": "x", "MinSize": 0, "MaxSize": 0, "AvailabilityZones": ZONES}
        error = refused("CreateAutoScalingGroup", **asked, LaunchTemplate={"LaunchTemplateName": "tmpl"})
        assert error.message.startswith("Incompatible launch template: ")

    def test_the_interface_of_a_group_is_the_first(self, refused, template):
        template(NetworkInterfaces=[{"DeviceIndex": 1, "DeleteOnTermination": True}])
        asked = {"AutoScalingGroupName": "x", "MinSize": 0, "MaxSize": 0, "AvailabilityZones": ZONES}
        error = refused("CreateAutoScalingGroup", **asked, LaunchTemplate={"LaunchTemplateName": "tmpl"})
        assert (error.code, error.message) == (
            "InvalidQueryParameter",
            "Incompatible launch template: The network interface's device index must be zero.",
        )

    def test_user_data_that_is_none_is_told_before_the_first_launch(self, refused, template):
        template(UserData="#!/bin/sh")
        asked = {"AutoScalingGroupName": "x", "MinSize": 0, "MaxSize": 0, "AvailabilityZones": ZONES}
        error = refused("CreateAutoScalingGroup", **asked, LaunchTemplate={"LaunchTemplateName": "tmpl"})
        assert error.message.startswith("You must use a valid fully-formed launch template. ")
        assert error.message.endswith("BASE64 encoding of user data.")

    def test_an_update_is_checked_as_well(self, create, refused, template):
        create()
        template(NetworkInterfaces=[{"DeviceIndex": 0}], SecurityGroupIds=["sg-0123456789abcdef0"])
        source = {"LaunchTemplateName": "tmpl"}
        error = refused("UpdateAutoScalingGroup", AutoScalingGroupName="web", LaunchTemplate=source)
        assert error.code == "InvalidQueryParameter"


class TestUpdate:
    def test_it_changes_what_is_named(self, world, create):
        create(DesiredCapacity=2, MaxInstanceLifetime=86_400)
        before = described(world, "web")[0]
        world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", MaxSize=9, MaxInstanceLifetime=0)
        after = described(world, "web")[0]
        assert after.pop("MaxSize") == 9
        before.pop("MaxSize")
        before.pop("MaxInstanceLifetime")
        assert after == before

    def test_as_terraform_destroys(self, world, create):
        create()
        world.call("UpdateAutoScalingGroup", AutoScalingGroupName="web", MinSize=0, MaxSize=0, DesiredCapacity=0)
        world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web")
        assert described(world, "web") == []

    def test_refusals(self, create, refused):
        create()
        error = refused("UpdateAutoScalingGroup", AutoScalingGroupName="x", MinSize=0)
        assert error.message == "AutoScalingGroup name not found - null"
        error = refused("DeleteAutoScalingGroup", AutoScalingGroupName="x")
        assert error.message == "AutoScalingGroup name not found - AutoScalingGroup 'x' not found"
        error = refused("UpdateAutoScalingGroup", AutoScalingGroupName="web", DesiredCapacity=9)
        assert error.message == "Desired capacity:9 must be between the specified min size:1 and max size:4"
        both = {"LaunchConfigurationName": "lc", "LaunchTemplate": {"LaunchTemplateName": "tmpl"}}
        error = refused("UpdateAutoScalingGroup", AutoScalingGroupName="web", **both)
        assert error.message.startswith("Valid requests must contain either LaunchTemplate")

    def test_a_group_that_is_going(self, world, create, refused):
        create()
        world.put(clusters_of(world, "web"), "a")
        world.call("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
        assert described(world, "web")[0]["Status"] == "Delete in progress"
        error = refused("UpdateAutoScalingGroup", AutoScalingGroupName="web", MinSize=0)
        assert error.message == "The AutoScaling group may not be modified while it is pending delete"


def clusters_of(world, name):
    return world.backend.clusters.get(SCOPE, name)


class TestSetDesiredCapacity:
    def test_bounds(self, world, create, refused):
        create()
        world.call("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=4, HonorCooldown=False)
        assert described(world, "web")[0]["DesiredCapacity"] == 4
        above = refused("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=5)
        below = refused("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=0)
        assert above.message == "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup."
        assert below.message == "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup."

    def test_cooldown(self, world, create, refused):
        create()
        here = clusters_of(world, "web")
        entry = activity(here)
        world.store.transact(lambda conn: journal.begin(conn, [entry]))
        world.store.transact(lambda conn: clusters.change(conn, here.id, NOW, cooldown_until=NOW + timedelta(1)))
        error = refused("SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=2, HonorCooldown=True)
        assert (error.code, error.message) == (
            "ScalingActivityInProgress",
            f"Scaling activity {entry.id} is in progress and blocks this action",
        )


class TestDelete:
    def test_refusals(self, world, create, refused):
        create()
        (node,) = world.put(clusters_of(world, "web"), "a")
        in_use = refused("DeleteAutoScalingGroup", AutoScalingGroupName="web")
        assert (in_use.code, in_use.message) == (
            "ResourceInUse",
            (
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in"
                " the group. Also, you can\u2019t delete it while there are instances that are part of a warm pool."
            ),
        )
        world.change(node.id, state=NodeState.TERMINATING)
        busy = refused("DeleteAutoScalingGroup", AutoScalingGroupName="web")
        assert (busy.code, busy.message) == (
            "ScalingActivityInProgress",
            "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
        )
        gone = refused("DeleteAutoScalingGroup", AutoScalingGroupName="x")
        assert gone.message == "AutoScalingGroup name not found - AutoScalingGroup 'x' not found"

    def test_protection(self, create, refused):
        create(DeletionProtection="prevent-all-deletion")
        error = refused("DeleteAutoScalingGroup", AutoScalingGroupName="web", ForceDelete=True)
        assert error.code == "ValidationError"
        assert "prevent-all-deletion" in error.message


class TestDescribe:
    def test_instances(self, world, create):
        create()
        here = clusters_of(world, "web")
        world.put(here, "a", health=Health.UNHEALTHY, protected=True, state=NodeState.PENDING)
        template_id = uuid_of("template")
        profile = ProfileRef(template_id=template_id, template_name="tmpl", template_version=4)
        world.put(here, "b", profile=profile, created_at=NOW + timedelta(seconds=1))
        world.put(here, "c", profile=None, created_at=NOW + timedelta(seconds=2))
        world.put(here, "d", server_id=None)
        first, second, third = described(world, "web")[0]["Instances"]
        assert first == {
            "InstanceId": first["InstanceId"],
            "InstanceType": "t3.micro",
            "AvailabilityZone": "us-east-1a",
            "AvailabilityZoneId": "use1-az1",
            "LifecycleState": "Pending",
            "HealthStatus": "Unhealthy",
            "ProtectedFromScaleIn": True,
            "LaunchConfigurationName": "lc",
        }
        assert len(first["InstanceId"]) == 19
        assert second["LaunchTemplate"] == {
            "LaunchTemplateId": f"lt-{template_id.replace('-', '')[:17]}",
            "LaunchTemplateName": "tmpl",
            "Version": "4",
        }
        assert not {"LaunchTemplate", "LaunchConfigurationName"} & set(third)

    def test_without_instances(self, world, create):
        create()
        (group,) = described(world, "web", IncludeInstances=False)
        assert "Instances" not in group

    def test_suspended_and_metrics(self, world, create):
        create()
        world.backend.clusters.suspend(SCOPE, "web", [Process.TERMINATE, Process.LAUNCH])
        world.backend.clusters.collect_metrics(SCOPE, "web", ["GroupMinSize"])
        (group,) = described(world, "web")
        assert group["SuspendedProcesses"] == [
            {"ProcessName": "Launch", "SuspensionReason": "User suspended at 2026-11-22T13:00:00Z"},
            {"ProcessName": "Terminate", "SuspensionReason": "User suspended at 2026-11-22T13:00:00Z"},
        ]
        assert group["EnabledMetrics"] == [{"Metric": "GroupMinSize", "Granularity": "1Minute"}]

    def test_a_process_that_nobody_suspended_says_so(self, world, create):
        create()
        cluster = world.backend.clusters.get(SCOPE, "web")
        stopped = replace(cluster, suspended={Process.LAUNCH: NOW}, given_up=frozenset({Process.LAUNCH}))
        world.store.transact(lambda conn: clusters.save(conn, cluster, stopped))
        (group,) = described(world, "web")
        assert group["SuspendedProcesses"] == [
            {"ProcessName": "Launch", "SuspensionReason": "Administratively suspended at 2026-11-22T13:00:00Z"},
        ]
        world.backend.clusters.resume(SCOPE, "web", [Process.LAUNCH])
        assert not described(world, "web")[0].get("SuspendedProcesses")

    def test_pages(self, world, create, refused):
        for name in "abcde":
            create(name)
        seen, token = [], None
        while True:
            params = {"MaxRecords": 2, **({"NextToken": token} if token else {})}
            answer = world.call("DescribeAutoScalingGroups", **params)
            seen.append([group["AutoScalingGroupName"] for group in answer["AutoScalingGroups"]])
            token = answer.get("NextToken")
            if token is None:
                break
        assert seen == [["a", "b"], ["c", "d"], ["e"]]
        assert refused("DescribeAutoScalingGroups", NextToken="bad").code == "InvalidNextToken"

    def test_a_token_is_its_callers_own(self, world, create):
        create("a")
        create("b")
        token = world.call("DescribeAutoScalingGroups", MaxRecords=1)["NextToken"]
        with pytest.raises(Exception, match="InvalidNextToken"):
            world.call("DescribeAutoScalingGroups", scope=OTHER, MaxRecords=1, NextToken=token)
        with pytest.raises(Exception, match="InvalidNextToken"):
            world.call("DescribeTags", MaxRecords=1, NextToken=token)

    def test_fifty_by_default(self, world, create):
        for number in range(51):
            create(f"{number:02}")
        answer = world.call("DescribeAutoScalingGroups")
        assert len(answer["AutoScalingGroups"]) == 50
        assert "NextToken" in answer
        hundred = [f"{number:02}" for number in range(100)]
        answer = world.call("DescribeAutoScalingGroups", AutoScalingGroupNames=hundred, MaxRecords=100)
        assert len(answer["AutoScalingGroups"]) == 51

    @pytest.mark.parametrize(("records", "word"), [(101, "less"), (0, "greater")])
    def test_records(self, refused, records, word):
        error = refused("DescribeAutoScalingGroups", MaxRecords=records)
        assert (
            f"Value '{records}' at 'maxRecords' failed to satisfy constraint: Member must have value {word}"
            in error.message
        )

    def test_too_many_names(self, refused):
        error = refused("DescribeAutoScalingGroups", AutoScalingGroupNames=[str(number) for number in range(101)])
        assert "'autoScalingGroupNames'" in error.message

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            ([("tag-key", ["env"])], ["a", "b"]),
            ([("tag-value", ["prod"])], ["a", "c"]),
            ([("tag:env", ["prod", "x"])], ["a"]),
            ([("tag:env", ["prod", "test"]), ("tag-key", ["team"])], ["a"]),
            ([("tag:env", ["Prod"])], []),
        ],
    )
    def test_filters(self, world, create, filters, names):
        create("a", Tags=[{"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "x"}])
        create("b", Tags=[{"Key": "env", "Value": "test"}])
        create("c", Tags=[{"Key": "team", "Value": "prod"}])
        asked = [{"Name": name, "Values": values} for name, values in filters]
        assert [group["AutoScalingGroupName"] for group in described(world, Filters=asked)] == names

    def test_an_unknown_filter(self, refused):
        error = refused("DescribeAutoScalingGroups", Filters=[{"Name": "name", "Values": ["x"]}])
        assert error.message.startswith("Filter type name is not correct.")
