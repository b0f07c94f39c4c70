"""Instance profiles of instances: from a launch, given by hand, and gone."""

from __future__ import annotations

import json

import pytest

from tests.factories import SCOPE, World
from tests.translators.ec2.wire import Asking, filtered

TRUST = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def ec2(world):
    return Asking(world, "ec2")


@pytest.fixture
def iam(world):
    """IAM, with a role and the profiles ``web`` and ``db`` in it, and the empty profile ``bare``."""
    iam = Asking(world, "iam")
    iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)
    for name in ("web", "db", "bare"):
        iam("CreateInstanceProfile", InstanceProfileName=name, Path="/p/")
        if name != "bare":
            iam("AddRoleToInstanceProfile", InstanceProfileName=name, RoleName="r")
    return iam


def arn_of(iam, name):
    return iam("GetInstanceProfile", InstanceProfileName=name)["InstanceProfile"]["Arn"]


def run(ec2, **profile):
    image = f"ami-{ec2.world.image()}"
    more = {"IamInstanceProfile": profile} if profile else {}
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    return ec2("RunInstances", **asked, **more)["Instances"][0]


@pytest.mark.parametrize("by_arn", [False, True])
def test_an_instance_is_launched_with_its_profile(ec2, iam, by_arn):
    arn = arn_of(iam, "web")
    made = run(ec2, **({"Arn": arn} if by_arn else {"Name": "web"}))
    assert made["IamInstanceProfile"]["Arn"] == arn
    assert made["IamInstanceProfile"]["Id"].startswith("AIPA")
    assert "Tags" not in made, "what Coppice notes is nobody's tag"
    assert ec2("DescribeTags")["Tags"] == []
    for name, value in (("iam-instance-profile.name", "web"), ("iam-instance-profile.arn", arn)):
        assert len(ec2("DescribeInstances", Filters=filtered(name, value))["Reservations"]) == 1
        assert ec2("DescribeInstances", Filters=filtered(name, "x"))["Reservations"] == []


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (
            {"Name": "nobody"},
            "Value (nobody) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
        ),
        (
            {"Arn": "arn:aws:iam::711542881322:instance-profile/web"},
            "Invalid IAM Instance Profile arn",
        ),
        ({"Name": "bare"}, 'IAM Instance Profile "bare" has no associated IAM Roles'),
    ],
)
def test_profiles_that_cannot_be_had(ec2, iam, profile, words):
    assert iam
    asked = {"ImageId": f"ami-{ec2.world.image()}", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    refused = ec2.refused("RunInstances", IamInstanceProfile=profile, **asked)
    assert refused.code == "InvalidParameterValue"
    assert words in refused.message
    assert ec2.code("RunInstances", IamInstanceProfile=profile, DryRun=True, **asked) == "InvalidParameterValue"
    assert ec2("DescribeInstances")["Reservations"] == []


def test_a_profile_is_given_replaced_and_taken_away(ec2, iam):
    instance = run(ec2)["InstanceId"]
    assert ec2("DescribeIamInstanceProfileAssociations")["IamInstanceProfileAssociations"] == []
    told = ec2("AssociateIamInstanceProfile", InstanceId=instance, IamInstanceProfile={"Name": "web"})
    first = told["IamInstanceProfileAssociation"]
    assert (first["State"], first["IamInstanceProfile"]["Arn"]) == ("associating", arn_of(iam, "web"))
    again = {"InstanceId": instance, "IamInstanceProfile": {"Name": "db"}}
    assert ec2.code("AssociateIamInstanceProfile", **again) == "IncorrectState"
    listed = ec2("DescribeIamInstanceProfileAssociations", Filters=filtered("instance-id", instance))
    assert [each["State"] for each in listed["IamInstanceProfileAssociations"]] == ["associated"]
    second = ec2(
        "ReplaceIamInstanceProfileAssociation",
        AssociationId=first["AssociationId"],
        IamInstanceProfile={"Arn": arn_of(iam, "db")},
    )["IamInstanceProfileAssociation"]
    assert second["AssociationId"] != first["AssociationId"]
    old = [first["AssociationId"]]
    assert ec2.code("DescribeIamInstanceProfileAssociations", AssociationIds=old) == "NoSuchAssociation"
    ec2("DisassociateIamInstanceProfile", AssociationId=second["AssociationId"])
    shown = ec2("DescribeInstances")["Reservations"][0]["Instances"][0]
    assert "IamInstanceProfile" not in shown


def test_an_instance_keeps_a_profile_that_is_deleted(ec2, iam):
    made = run(ec2, Name="web")
    iam("RemoveRoleFromInstanceProfile", InstanceProfileName="web", RoleName="r")
    iam("DeleteInstanceProfile", InstanceProfileName="web")
    shown = ec2("DescribeInstances")["Reservations"][0]["Instances"][0]
    assert shown["IamInstanceProfile"]["Id"] == made["IamInstanceProfile"]["Id"]


def test_a_group_wants_a_profile_that_is_there(world, ec2, iam):
    autoscaling = Asking(world, "autoscaling")
    data = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro", "IamInstanceProfile": {"Name": "gone"}}
    ec2("CreateLaunchTemplate", LaunchTemplateName="tmpl", LaunchTemplateData=data)
    group = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1, "AvailabilityZones": ["us-east-1a"]}
    source = {"LaunchTemplate": {"LaunchTemplateName": "tmpl"}}
    refused = autoscaling.refused("CreateAutoScalingGroup", **group, **source)
    assert "Invalid IAM Instance Profile name" in refused.message
    asked = {"LaunchConfigurationName": "lc", "ImageId": data["ImageId"], "InstanceType": "t3.micro"}
    refused = autoscaling.refused("CreateLaunchConfiguration", IamInstanceProfile="gone", **asked)
    assert refused.message == "Invalid IamInstanceProfile: gone"
    autoscaling("CreateLaunchConfiguration", IamInstanceProfile=arn_of(iam, "web"), **asked)
    kept = autoscaling("DescribeLaunchConfigurations")["LaunchConfigurations"][0]
    assert kept["IamInstanceProfile"] == arn_of(iam, "web")
    autoscaling("CreateAutoScalingGroup", LaunchConfigurationName="lc", **group)
    assert world.backend.clusters.get(SCOPE, "g").spec.source.configuration == "lc"
