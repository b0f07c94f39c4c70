import base64

import pytest

from backend.domain.options import ServerOptions
from tests.factories import SCOPE


@pytest.fixture
def create(world):
    def make(name="lc", **params):
        asked = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro", **params}
        return world.call("CreateLaunchConfiguration", LaunchConfigurationName=name, **asked)

    return make


def told(world, name="lc"):
    (found,) = world.call("DescribeLaunchConfigurations", LaunchConfigurationNames=[name])["LaunchConfigurations"]
    return found


def test_what_is_always_told(world, create):
    assert create() == {}
    found = told(world)
    account = found["LaunchConfigurationARN"].split(":")[4]
    assert found["LaunchConfigurationARN"].startswith(f"arn:aws:autoscaling:us-east-1:{account}:launchConfiguration:")
    assert found["LaunchConfigurationARN"].endswith(":launchConfigurationName/lc")
    del found["LaunchConfigurationARN"], found["CreatedTime"]
    assert found == {
        "LaunchConfigurationName": "lc",
        "ImageId": f"ami-{world.image()}",
        "InstanceType": "t3.micro",
        "KeyName": "",
        "KernelId": "",
        "RamdiskId": "",
        "UserData": "",
        "SecurityGroups": [],
        "ClassicLinkVPCSecurityGroups": [],
        "BlockDeviceMappings": [],
        "EbsOptimized": False,
        "InstanceMonitoring": {"Enabled": True},
    }


def test_all_that_can_be_told(world, create):
    world.simulated.projects.create_key_pair(SCOPE, "key")
    group = f"sg-{world.simulated.cloud.network.security_groups(SCOPE)[0].short_id}"
    asked = {
        "KeyName": "key",
        "SecurityGroups": [group],
        "UserData": base64.b64encode(b"#!/bin/sh").decode(),
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Encrypted": True}},
            {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
            {"DeviceName": "/dev/sdc", "NoDevice": True},
        ],
        "EbsOptimized": True,
        "InstanceMonitoring": {"Enabled": False},
        "MetadataOptions": {"HttpTokens": "required"},
        "AssociatePublicIpAddress": False,
        "PlacementTenancy": "default",
    }
    create(**asked)
    found = told(world)
    assert {name: found[name] for name in asked} == asked
    kept = world.backend.configurations.page(SCOPE, limit=1).items[0].spec
    assert [device.suppressed for device in kept.block_devices] == [False, False, True]
    assert (kept.block_devices[0].size_gib, kept.public_address) == (20, False)


def test_groups_by_name(world, create):
    create(SecurityGroups=["default"])
    assert told(world)["SecurityGroups"] == ["default"]


def test_from_an_instance(world):
    server = world.server()
    world.call("CreateLaunchConfiguration", LaunchConfigurationName="lc", InstanceId=f"i-{server.short_id}")
    assert (told(world)["ImageId"], told(world)["InstanceType"]) == (f"ami-{world.image()}", "t3.micro")
    params = {"InstanceId": f"i-{server.short_id}", "InstanceType": "t3.large"}
    world.call("CreateLaunchConfiguration", LaunchConfigurationName="big", **params)
    assert told(world, "big")["InstanceType"] == "t3.large"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"ImageId": None},
            "Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType parameters.",
        ),
        (
            {"ImageId": "ami-00000000000000000"},
            "AMI ami-00000000000000000 is invalid: The image id '[ami-00000000000000000]' does not exist",
        ),
        ({"ImageId": "nonsense"}, "AMI nonsense is invalid: The image id '[nonsense]' does not exist"),
        ({"InstanceType": "x9.huge"}, "Invalid instance type: 'x9.huge'"),
        ({"KeyName": "nokey"}, "The key pair 'nokey' does not exist"),
        ({"SecurityGroups": ["sg-00000000000000000"]}, "The security group 'sg-00000000000000000' does not exist"),
        ({"SecurityGroups": ["web"]}, "The security group 'web' does not exist in default VPC"),
        (
            {"SecurityGroups": ["web", "sg-00000000000000000"]},
            "Security groups must be specified either by ID or by name, not both.",
        ),
        ({"IamInstanceProfile": "p"}, "Invalid IamInstanceProfile: p"),
        ({"UserData": "not base64!"}, "Invalid BASE64 encoding of user data."),
        ({"KernelId": "aki-1"}, "KernelId is not supported by this service: images bring their own kernel."),
        ({"PlacementTenancy": "dedicated"}, "PlacementTenancy dedicated is not supported by this service."),
        ({"ClassicLinkVPCId": "vpc-1"}, "ClassicLinkVPCId is not supported by this service: there is no EC2-Classic."),
        ({"ImageId": None, "InstanceId": "i-00000000000000000"}, "Invalid Instance ID(s): [i-00000000000000000]"),
    ],
)
def test_refusals(world, refused, params, words):
    asked = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro", **params}
    asked = {name: value for name, value in asked.items() if value is not None}
    error = refused("CreateLaunchConfiguration", LaunchConfigurationName="lc", **asked)
    assert (error.code, error.message) == ("ValidationError", words)


def test_names(world, create, refused):
    create()
    params = {"ImageId": f"ami-{world.image()}", "InstanceType": "t3.micro"}
    error = refused("CreateLaunchConfiguration", LaunchConfigurationName="lc", **params)
    assert (error.code, error.message) == (
        "AlreadyExists",
        "Launch Configuration by this name already exists - A launch configuration already exists with the name lc",
    )


def test_delete(world, create, refused):
    world.group()
    error = refused("DeleteLaunchConfiguration", LaunchConfigurationName="lc")
    assert (error.code, error.message) == (
        "ResourceInUse",
        "Cannot delete launch configuration lc because it is attached to AutoScalingGroup web",
    )
    create("free")
    assert world.call("DeleteLaunchConfiguration", LaunchConfigurationName="free") == {}
    error = refused("DeleteLaunchConfiguration", LaunchConfigurationName="free")
    assert error.message == "Launch configuration name not found - Launch configuration free not found"


def test_pages(world, create):
    for name in "abc":
        create(name)
    first = world.call("DescribeLaunchConfigurations", MaxRecords=2)
    rest = world.call("DescribeLaunchConfigurations", MaxRecords=2, NextToken=first["NextToken"])
    names = [item["LaunchConfigurationName"] for item in first["LaunchConfigurations"] + rest["LaunchConfigurations"]]
    assert names == ["a", "b", "c"]


def test_switches_go_with_its_instances(world, create):
    create(InstanceMonitoring={"Enabled": True}, EbsOptimized=True, MetadataOptions={"HttpTokens": "required"})
    (made,) = world.backend.configurations.page(SCOPE, names=["lc"], limit=1).items
    assert made.spec.options == ServerOptions(monitored=True, ebs_optimized=True, tokens="required")
