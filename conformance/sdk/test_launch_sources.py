"""boto3: launch configurations and launch templates, and what groups make of them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from conformance.clients import refused
from conformance.fleet import Fleet, unique
from conformance.product import until

SCRIPT = base64.b64encode(b"#!/bin/sh\necho hello\n").decode()


def test_a_launch_configuration_comes_back_whole(fleet: Fleet, account: str) -> None:
    given: dict[str, Any] = {
        "ImageId": fleet.image,
        "InstanceType": "m5.large",
        # botocore encodes it for launch configurations, not for templates.
        "UserData": base64.b64decode(SCRIPT).decode(),
        "InstanceMonitoring": {"Enabled": False},
        "EbsOptimized": True,
        "AssociatePublicIpAddress": True,
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9, "VolumeType": "gp3", "DeleteOnTermination": True}}
        ],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "HttpEndpoint": "enabled"},
    }
    name = fleet.configuration(**given)
    found = fleet.autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])["LaunchConfigurations"]
    assert len(found) == 1
    assert {key: found[0][key] for key in given} == given | {"UserData": SCRIPT}
    assert found[0]["LaunchConfigurationARN"].startswith(
        f"arn:aws:autoscaling:us-east-1:{account}:launchConfiguration:"
    )
    assert found[0]["LaunchConfigurationARN"].endswith(f":launchConfigurationName/{name}")
    assert {key: found[0][key] for key in ("KeyName", "KernelId", "RamdiskId")} == {
        "KeyName": "",
        "KernelId": "",
        "RamdiskId": "",
    }
    assert found[0]["ClassicLinkVPCSecurityGroups"] == []
    assert found[0]["SecurityGroups"] == []


def test_launch_configuration_refusals(fleet: Fleet, loose_asg: Any) -> None:
    name = fleet.configuration()
    with refused("AlreadyExists"):
        fleet.configuration(LaunchConfigurationName=name)
    with refused(
        "ValidationError",
        "Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType parameters.",
    ):
        fleet.autoscaling.create_launch_configuration(LaunchConfigurationName=unique())
    with refused("ValidationError"):
        fleet.configuration(ImageId="ami-00000000000000000")
    with refused("ValidationError"):
        fleet.configuration(InstanceType="z9.huge")
    with refused("ValidationError"):
        loose_asg.create_launch_configuration(
            LaunchConfigurationName="x" * 256, ImageId=fleet.image, InstanceType="t3.micro"
        )
    with refused("ValidationError", "Launch configuration name not found"):
        fleet.autoscaling.delete_launch_configuration(LaunchConfigurationName=unique("nobody"))


def test_a_configuration_copied_from_an_instance(fleet: Fleet) -> None:
    identity = fleet.run()
    name = unique("lc")
    fleet.autoscaling.create_launch_configuration(LaunchConfigurationName=name, InstanceId=identity)
    fleet.configurations.append(name)
    found = fleet.autoscaling.describe_launch_configurations(LaunchConfigurationNames=[name])["LaunchConfigurations"]
    assert (found[0]["ImageId"], found[0]["InstanceType"]) == (fleet.image, "t3.micro")
    fleet.ec2.terminate_instances(InstanceIds=[identity])


def test_members_of_a_configuration(fleet: Fleet) -> None:
    configuration = fleet.configuration()
    name = fleet.create(1, LaunchConfigurationName=configuration)
    assert fleet.instances(name)[0]["LaunchConfigurationName"] == configuration
    assert "LaunchTemplate" not in fleet.instances(name)[0]
    described = fleet.autoscaling.describe_auto_scaling_instances(InstanceIds=fleet.ids(name))["AutoScalingInstances"][
        0
    ]
    assert described["LaunchConfigurationName"] == configuration


def test_configuration_limit(fleet: Fleet) -> None:
    limits = fleet.autoscaling.describe_account_limits()
    assert limits["MaxNumberOfAutoScalingGroups"] == 500
    assert limits["MaxNumberOfLaunchConfigurations"] == 200
    have = limits["NumberOfLaunchConfigurations"]
    made = [fleet.configuration() for _ in range(200 - have)]
    with refused("LimitExceeded"):
        fleet.configuration()
    assert fleet.autoscaling.describe_account_limits()["NumberOfLaunchConfigurations"] == 200
    for name in made:
        fleet.autoscaling.delete_launch_configuration(LaunchConfigurationName=name)
    assert fleet.autoscaling.describe_account_limits()["NumberOfLaunchConfigurations"] == have


def test_template_versions(fleet: Fleet) -> None:
    ec2, name = fleet.ec2, fleet.new_template(KeyName="nokey", UserData=SCRIPT)
    second = ec2.create_launch_template_version(
        LaunchTemplateName=name,
        SourceVersion="1",
        VersionDescription="two",
        LaunchTemplateData={"InstanceType": "t3.small"},
    )["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2
    assert second["DefaultVersion"] is False
    assert second["LaunchTemplateData"]["InstanceType"] == "t3.small"
    assert second["LaunchTemplateData"]["ImageId"] == fleet.image, "members of the source version are kept"
    assert second["LaunchTemplateData"]["UserData"] == SCRIPT
    bare = ec2.create_launch_template_version(LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "t3.nano"})
    assert "ImageId" not in bare["LaunchTemplateVersion"]["LaunchTemplateData"]

    def versions(**which: Any) -> list[int]:
        answer = ec2.describe_launch_template_versions(LaunchTemplateName=name, **which)
        return [one["VersionNumber"] for one in answer["LaunchTemplateVersions"]]

    assert versions() == [3, 2, 1]
    assert versions(Versions=["$Default"]) == [1]
    assert versions(Versions=["$Latest"]) == [3]
    assert versions(Versions=["2"]) == [2]
    assert versions(MinVersion="2") == [3, 2]
    ec2.modify_launch_template(LaunchTemplateName=name, DefaultVersion="2")
    assert versions(Versions=["$Default"]) == [2]
    shown = ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"][0]
    assert (shown["DefaultVersionNumber"], shown["LatestVersionNumber"]) == (2, 3)
    with refused("InvalidParameterValue", "The default version cannot be deleted."):
        ec2.delete_launch_template_versions(LaunchTemplateName=name, Versions=["1", "2", "77"])
    gone = ec2.delete_launch_template_versions(LaunchTemplateName=name, Versions=["1", "77"])
    assert [one["VersionNumber"] for one in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
    failed = {
        one["VersionNumber"]: one["ResponseError"]["Code"]
        for one in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]
    }
    assert set(failed) == {77}
    assert failed[77] == "launchTemplateVersionDoesNotExist"
    assert versions() == [3, 2]


def test_template_data_of_an_instance(fleet: Fleet) -> None:
    identity = fleet.run()
    data = fleet.ec2.get_launch_template_data(InstanceId=identity)["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"]) == (fleet.image, "t3.micro")
    fleet.ec2.terminate_instances(InstanceIds=[identity])


def test_template_refusals(fleet: Fleet, loose_ec2: Any) -> None:
    ec2, name = fleet.ec2, fleet.new_template()
    data = {"ImageId": fleet.image}
    with refused("InvalidLaunchTemplateName.AlreadyExistsException"):
        ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    with refused("InvalidLaunchTemplateName.MalformedException"):
        loose_ec2.create_launch_template(LaunchTemplateName="no spaces!", LaunchTemplateData=data)
    with refused("InvalidLaunchTemplateName.NotFoundException"):
        ec2.describe_launch_templates(LaunchTemplateNames=["nobody-" + name])
    with refused("InvalidLaunchTemplateId.NotFound"):
        ec2.describe_launch_templates(LaunchTemplateIds=["lt-00000000000000000"])
    with refused("InvalidLaunchTemplateId.Malformed"):
        ec2.describe_launch_templates(LaunchTemplateIds=["template"])
    with refused("InvalidLaunchTemplateId.VersionNotFound"):
        ec2.describe_launch_template_versions(LaunchTemplateName=name, Versions=["42"])
    with refused("InvalidLaunchTemplateId.VersionNotFound"):
        ec2.modify_launch_template(LaunchTemplateName=name, DefaultVersion="42")


def test_template_removal(fleet: Fleet) -> None:
    name = fleet.new_template()
    gone = fleet.ec2.delete_launch_template(LaunchTemplateName=name)["LaunchTemplate"]
    assert gone["LaunchTemplateName"] == name
    with refused("InvalidLaunchTemplateName.NotFoundException"):
        fleet.ec2.delete_launch_template(LaunchTemplateName=name)


def test_template_client_token(fleet: Fleet) -> None:
    name, token = unique("lt"), unique("token")
    request = {"LaunchTemplateName": name, "LaunchTemplateData": {"ImageId": fleet.image}, "ClientToken": token}
    first = fleet.ec2.create_launch_template(**request)["LaunchTemplate"]
    again = fleet.ec2.create_launch_template(**request)["LaunchTemplate"]
    fleet.templates.append(name)
    assert first["LaunchTemplateId"] == again["LaunchTemplateId"]


def test_a_group_follows_latest(fleet: Fleet) -> None:
    template = fleet.new_template()
    name = fleet.create(1, LaunchTemplate={"LaunchTemplateName": template, "Version": "$Latest"})
    first = fleet.instances(name)[0]
    assert first["LaunchTemplate"]["Version"] == "1"
    assert first["LaunchTemplate"]["LaunchTemplateName"] == template
    assert first["InstanceType"] == "t3.micro"
    fleet.ec2.create_launch_template_version(
        LaunchTemplateName=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small"}
    )
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    fleet.settle(name, 2)
    second = next(one for one in fleet.instances(name) if one["InstanceId"] != first["InstanceId"])
    assert (second["LaunchTemplate"]["Version"], second["InstanceType"]) == ("2", "t3.small")
    assert fleet.group(name)["LaunchTemplate"]["Version"] == "$Latest"


def test_a_group_follows_default(fleet: Fleet) -> None:
    template = fleet.new_template()
    name = fleet.create(0, LaunchTemplate={"LaunchTemplateName": template, "Version": "$Default"})
    fleet.ec2.create_launch_template_version(
        LaunchTemplateName=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.small"}
    )
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    fleet.settle(name, 1)
    assert fleet.instances(name)[0]["LaunchTemplate"]["Version"] == "1"
    assert fleet.group(name)["LaunchTemplate"]["Version"] == "$Default"


def test_what_goes_wrong_after_creation_is_a_failed_activity(fleet: Fleet) -> None:
    template = fleet.new_template()
    name = fleet.create(0, LaunchTemplate={"LaunchTemplateName": template, "Version": "$Latest"})
    fleet.ec2.create_launch_template_version(
        LaunchTemplateName=template, LaunchTemplateData={"ImageId": "ami-00000000000000000", "InstanceType": "t3.micro"}
    )
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)

    def failed() -> list[dict[str, Any]]:
        return [one for one in fleet.activities(name) if one["StatusCode"] == "Failed"]

    until("a failed activity", failed)
    activity = failed()[-1]
    assert activity["Progress"] == 100
    assert activity["Description"].startswith("Launching a new EC2 instance")
    assert activity["Description"].endswith("Launching EC2 instance failed.")
    assert "ami-00000000000000000" in activity["StatusMessage"]
    assert activity["EndTime"] >= activity["StartTime"].replace(microsecond=0)  # it is told in whole seconds
    assert fleet.group(name)["Instances"] == []
    # Mended, the group gets its instance: failures only delay.
    fleet.ec2.create_launch_template_version(
        LaunchTemplateName=template, SourceVersion="1", LaunchTemplateData={"InstanceType": "t3.micro"}
    )
    fleet.settle(name, 1, seconds=90)


@pytest.mark.parametrize(
    "data",
    [
        {"ImageId": "ami-00000000000000000", "InstanceType": "t3.micro"},
        {"ImageId": "IMAGE", "InstanceType": "z9.huge"},
        {"InstanceType": "t3.micro"},
        {"ImageId": "IMAGE", "InstanceType": "t3.micro", "KeyName": "nobody"},
        {"ImageId": "IMAGE", "InstanceType": "t3.micro", "SecurityGroupIds": ["sg-00000000000000000"]},
    ],
    ids=["image", "type", "no-image", "key", "security-group"],
)
def test_a_template_that_cannot_launch_is_refused_at_create(fleet: Fleet, loose_ec2: Any, data: dict[str, Any]) -> None:
    template = unique("lt")
    filled = {key: fleet.image if value == "IMAGE" else value for key, value in data.items()}
    loose_ec2.create_launch_template(LaunchTemplateName=template, LaunchTemplateData=filled)
    fleet.templates.append(template)
    with refused("ValidationError", "You must use a valid fully-formed launch template."):
        fleet.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=unique(),
            MinSize=0,
            MaxSize=1,
            LaunchTemplate={"LaunchTemplateName": template},
            AvailabilityZones=["us-east-1a"],
        )
