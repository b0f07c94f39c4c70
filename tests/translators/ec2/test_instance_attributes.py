from __future__ import annotations

import base64

import pytest

from backend.domain.node import ENDED_STATUSES
from tests.factories import SCOPE, World
from tests.translators.ec2.test_running import run, states
from tests.translators.ec2.wire import Asking


@pytest.fixture
def instance(aws: Asking, image: str) -> str:
    return run(aws, image)[0]


def told(aws: Asking, instance: str) -> dict:
    return aws("DescribeInstances", InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def attribute(aws: Asking, instance: str, name: str) -> dict:
    answer = aws("DescribeInstanceAttribute", InstanceId=instance, Attribute=name)
    return next(value for member, value in answer.items() if member != "InstanceId")


@pytest.mark.parametrize(
    ("member", "done", "words"),
    [
        ("DisableApiTermination", "TerminateInstances", "may not be terminated. Modify its 'disableApiTermination'"),
        ("DisableApiStop", "StopInstances", "may not be stopped. Modify its 'disableApiStop'"),
        ("DisableApiStop", "TerminateInstances", "may not be terminated. Modify its 'disableApiStop'"),
    ],
)
def test_a_protection_holds_until_it_is_taken_away(aws: Asking, image: str, member: str, done: str, words: str) -> None:
    (instance,) = run(aws, image, **{member: True})
    refusal = aws.refused(done, InstanceIds=[instance])
    assert refusal.code == "OperationNotPermitted"
    assert refusal.message == f"The instance '{instance}' {words} instance attribute and try again."
    assert states(aws, instance) == ["running"]
    aws("ModifyInstanceAttribute", InstanceId=instance, **{member: {"Value": False}})
    aws(done, InstanceIds=[instance])
    assert states(aws, instance) != ["running"]


def test_of_several_those_in_zones_of_protected_ones_stay(aws: Asking, image: str, world: World) -> None:
    here, there = {"AvailabilityZone": "us-east-1a"}, {"AvailabilityZone": "us-east-1b"}
    (kept,) = run(aws, image, Placement=here, DisableApiTermination=True)
    (beside,) = run(aws, image, Placement=here)
    (elsewhere,) = run(aws, image, Placement=there)
    assert aws.code("TerminateInstances", InstanceIds=[kept, beside, elsewhere]) == "OperationNotPermitted"
    world.clock.move(60)
    assert states(aws, kept, beside) == ["running", "running"]
    assert states(aws, elsewhere) == ["terminated"]


def test_a_groups_scale_in_does_not_heed_it(aws: Asking, image: str, world: World) -> None:
    """Scale-in asks the port, which knows of no protection; the template's is the instance's all the same."""
    data = {"ImageId": image, "InstanceType": "t3.micro", "DisableApiTermination": True}
    aws("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=data)
    answer = aws("RunInstances", LaunchTemplate={"LaunchTemplateName": "web"}, MinCount=1, MaxCount=1)
    instance = answer["Instances"][0]["InstanceId"]
    assert attribute(aws, instance, "disableApiTermination") == {"Value": True}
    server = world.backend.servers.list(SCOPE)[0]
    world.simulated.cloud.compute.delete(SCOPE, server.id)
    assert world.backend.servers.list(SCOPE)[0].status in ENDED_STATUSES


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"SourceDestCheck": {"Value": False}}, "sourceDestCheck", {"Value": False}),
        ({"EbsOptimized": {"Value": True}}, "ebsOptimized", {"Value": True}),
        ({"Attribute": "disableApiStop", "Value": "true"}, "disableApiStop", {"Value": True}),
        (
            {"InstanceInitiatedShutdownBehavior": {"Value": "stop"}},
            "instanceInitiatedShutdownBehavior",
            {"Value": "stop"},
        ),
    ],
)
def test_attributes_change(aws: Asking, instance: str, given: dict, name: str, value: dict) -> None:
    aws("ModifyInstanceAttribute", InstanceId=instance, **given)
    assert attribute(aws, instance, name) == value


def test_source_check_is_told_and_reset(aws: Asking, instance: str) -> None:
    aws("ModifyInstanceAttribute", InstanceId=instance, SourceDestCheck={"Value": False})
    one = told(aws, instance)
    assert (one["SourceDestCheck"], one["NetworkInterfaces"][0]["SourceDestCheck"]) == (False, False)
    aws("ResetInstanceAttribute", InstanceId=instance, Attribute="sourceDestCheck")
    assert told(aws, instance)["SourceDestCheck"] is True


def test_type_and_user_data_of_a_stopped_instance(aws: Asking, instance: str, world: World) -> None:
    for given in ({"InstanceType": {"Value": "t3.large"}}, {"UserData": {"Value": b"#!/bin/sh"}}):
        refusal = aws.refused("ModifyInstanceAttribute", InstanceId=instance, **given)
        assert refusal.code == "IncorrectInstanceState"
        assert refusal.message == f"The instance '{instance}' is not in the 'stopped' state."
    aws("StopInstances", InstanceIds=[instance])
    world.clock.move(60)
    aws("ModifyInstanceAttribute", InstanceId=instance, InstanceType={"Value": "t3.large"})
    aws("ModifyInstanceAttribute", InstanceId=instance, UserData={"Value": b"#!/bin/sh"})
    assert told(aws, instance)["InstanceType"] == "t3.large"
    assert attribute(aws, instance, "userData") == {"Value": base64.b64encode(b"#!/bin/sh").decode()}
    aws("StartInstances", InstanceIds=[instance])
    world.clock.move(60)
    aws("TerminateInstances", InstanceIds=[instance])
    world.clock.move(60)
    assert states(aws, instance) == ["terminated"]


def test_groups(aws: Asking, instance: str, world: World) -> None:
    group = world.simulated.projects.add_security_group(SCOPE, "web", "of the web")
    shown = f"sg-{group.short_id}"
    aws("ModifyInstanceAttribute", InstanceId=instance, Groups=[shown])
    assert [each["GroupId"] for each in told(aws, instance)["SecurityGroups"]] == [shown]
    assert attribute(aws, instance, "groupSet")[0]["GroupName"] == "web"
    for groups, code in (
        ([], "InvalidParameterCombination"),
        (["sg-0123456789abcdef0"], "InvalidGroup.NotFound"),
        (["web"], "InvalidGroupId.Malformed"),
    ):
        assert aws.code("ModifyInstanceAttribute", InstanceId=instance, Groups=groups) == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "InvalidParameterCombination"),
        ({"SourceDestCheck": {"Value": True}, "EbsOptimized": {"Value": True}}, "InvalidParameterCombination"),
        ({"Attribute": "disableApiStop", "Value": "perhaps"}, "InvalidParameterValue"),
        ({"Attribute": "rootDeviceName", "Value": "/dev/sda1"}, "InvalidParameterValue"),
        ({"InstanceInitiatedShutdownBehavior": {"Value": "terminate"}}, "UnsupportedOperation"),
        ({"Kernel": {"Value": "aki-1"}}, "UnsupportedOperation"),
        ({"SourceDestCheck": {"Value": True}, "DryRun": True}, "DryRunOperation"),
        ({"SourceDestCheck": {}}, "MissingParameter"),
    ],
)
def test_changes_that_are_none(aws: Asking, instance: str, given: dict, code: str) -> None:
    assert aws.code("ModifyInstanceAttribute", InstanceId=instance, **given) == code


def test_metadata_and_maintenance_options(aws: Asking, instance: str) -> None:
    answer = aws("ModifyInstanceMetadataOptions", InstanceId=instance, HttpTokens="required", HttpPutResponseHopLimit=3)
    assert answer["InstanceMetadataOptions"]["HttpTokens"] == "required"
    aws("ModifyInstanceMetadataOptions", InstanceId=instance, InstanceMetadataTags="enabled")
    options = told(aws, instance)["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 3)
    assert (options["InstanceMetadataTags"], options["State"]) == ("enabled", "applied")
    code = aws.code("ModifyInstanceMetadataOptions", InstanceId=instance, HttpPutResponseHopLimit=99)
    assert code == "InvalidParameterValue"
    answer = aws("ModifyInstanceMaintenanceOptions", InstanceId=instance, AutoRecovery="disabled")
    assert answer == {"InstanceId": instance, "AutoRecovery": "disabled"}
    assert told(aws, instance)["MaintenanceOptions"] == {"AutoRecovery": "disabled"}


def test_names_and_processors_are_told_as_they_were_asked_for(aws: Asking, image: str) -> None:
    """Terraform replaces an instance whose cores are others, and changes options of names for ever."""
    (plain,) = run(aws, image)
    usual = {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False, "EnableResourceNameDnsAAAARecord": False}
    assert told(aws, plain)["PrivateDnsNameOptions"] == usual
    assert told(aws, plain)["CpuOptions"] == {"CoreCount": 1, "ThreadsPerCore": 2}
    asked = {"HostnameType": "resource-name", "EnableResourceNameDnsARecord": True}
    cores = {"CoreCount": 1, "ThreadsPerCore": 1}
    (made,) = run(aws, image, PrivateDnsNameOptions=asked, CpuOptions=cores)
    assert told(aws, made)["PrivateDnsNameOptions"] == {**usual, **asked}
    assert told(aws, made)["CpuOptions"] == cores
    changed = {"PrivateDnsHostnameType": "ip-name", "EnableResourceNameDnsAAAARecord": True}
    assert aws.code("ModifyPrivateDnsNameOptions", InstanceId=made, DryRun=True, **changed) == "DryRunOperation"
    assert aws("ModifyPrivateDnsNameOptions", InstanceId=made, **changed) == {"Return": True}
    assert told(aws, made)["PrivateDnsNameOptions"] == dict.fromkeys(usual, True) | {"HostnameType": "ip-name"}
    aws("ModifyPrivateDnsNameOptions", InstanceId=made, EnableResourceNameDnsARecord=False)
    assert told(aws, made)["PrivateDnsNameOptions"]["EnableResourceNameDnsARecord"] is False


@pytest.mark.parametrize("cores", [{"CoreCount": 0}, {"CoreCount": 1, "ThreadsPerCore": 3}, {"CoreCount": 5000}])
def test_processors_that_no_server_has(aws: Asking, image: str, cores: dict) -> None:
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    assert aws.code("RunInstances", CpuOptions=cores, **asked) == "InvalidParameterValue"


def test_monitoring(aws: Asking, instance: str) -> None:
    answer = aws("MonitorInstances", InstanceIds=[instance])["InstanceMonitorings"]
    assert answer == [{"InstanceId": instance, "Monitoring": {"State": "pending"}}]
    assert told(aws, instance)["Monitoring"] == {"State": "enabled"}
    answer = aws("UnmonitorInstances", InstanceIds=[instance])["InstanceMonitorings"]
    assert answer[0]["Monitoring"] == {"State": "disabling"}
    assert told(aws, instance)["Monitoring"] == {"State": "disabled"}


def test_credits_are_set_where_there_are_some(aws: Asking, instance: str, image: str) -> None:
    (other,) = run(aws, image, InstanceType="m5.large")
    given = [{"InstanceId": each, "CpuCredits": "standard"} for each in (instance, other, "i-0123456789abcdef0")]
    answer = aws("ModifyInstanceCreditSpecification", InstanceCreditSpecifications=given)
    assert answer["SuccessfulInstanceCreditSpecifications"] == [{"InstanceId": instance}]
    codes = [each["Error"]["Code"] for each in answer["UnsuccessfulInstanceCreditSpecifications"]]
    assert codes == ["InstanceCreditSpecification.NotSupported", "InvalidInstanceID.NotFound"]
    (specified,) = aws("DescribeInstanceCreditSpecifications")["InstanceCreditSpecifications"]
    assert specified == {"InstanceId": instance, "CpuCredits": "standard"}


def test_console_output(aws: Asking, instance: str) -> None:
    answer = aws("GetConsoleOutput", InstanceId=instance)
    assert b"cloud-init" in base64.b64decode(answer["Output"])


def test_an_address_of_its_own(aws: Asking, image: str) -> None:
    asked = {"Placement": {"AvailabilityZone": "us-east-1a"}, "PrivateIpAddress": "172.31.0.77"}
    (instance,) = run(aws, image, **asked)
    assert told(aws, instance)["PrivateIpAddress"] == "172.31.0.77"
    assert (
        aws.code("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, **asked)
        == "InvalidIPAddress.InUse"
    )


def test_its_own_interface_is_changed_as_itself(aws: Asking, instance: str) -> None:
    """Terraform puts an instance into other groups by its interface."""
    vpc = told(aws, instance)["VpcId"]
    group = aws("CreateSecurityGroup", GroupName="web", Description="of the web", VpcId=vpc)["GroupId"]
    interface = told(aws, instance)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    aws("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface, Groups=[group])
    aws("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    one = told(aws, instance)
    assert ([each["GroupId"] for each in one["SecurityGroups"]], one["SourceDestCheck"]) == ([group], False)
    asked = {"NetworkInterfaceId": interface, "Description": {"Value": "x"}}
    assert aws.code("ModifyNetworkInterfaceAttribute", **asked) == "UnsupportedOperation"
