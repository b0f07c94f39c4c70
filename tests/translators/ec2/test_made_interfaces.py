"""Instances launched with interfaces that were made before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.factories import SCOPE, World, request
from tests.translators.ec2.wire import Asking, filtered
from translators.ec2.instance_words import Instance, Surroundings
from translators.ec2.instances import INSTANCES

Launch = Callable[..., dict[str, Any]]


@pytest.fixture
def subnet(aws: Asking) -> dict[str, Any]:
    found: dict[str, Any] = aws("DescribeSubnets", Filters=filtered("availability-zone", "us-east-1b"))["Subnets"][0]
    return found


@pytest.fixture
def group(aws: Asking) -> str:
    made: str = aws("CreateSecurityGroup", GroupName="web", Description="d")["GroupId"]
    return made


@pytest.fixture
def eni(aws: Asking, subnet: dict[str, Any], group: str) -> str:
    asked = {"SubnetId": subnet["SubnetId"], "Groups": [group], "Description": "mine"}
    made: str = aws("CreateNetworkInterface", **asked)["NetworkInterface"]["NetworkInterfaceId"]
    return made


@pytest.fixture
def asked(image: str, eni: str) -> dict[str, Any]:
    interface = {"DeviceIndex": 0, "NetworkInterfaceId": eni, "DeleteOnTermination": False}
    return {
        "ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "NetworkInterfaces": [interface]
    }  # fmt: skip


def interfaces(aws: Asking, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws("DescribeNetworkInterfaces", **params)["NetworkInterfaces"]
    return found


def instance_of(aws: Asking, identity: str) -> dict[str, Any]:
    (found,) = aws("DescribeInstances", InstanceIds=[identity])["Reservations"]
    (told,) = found["Instances"]
    return dict(told)


def test_an_instance_is_where_its_interface_is(
    aws: Asking, eni: str, group: str, subnet: dict[str, Any], asked: dict[str, Any]
) -> None:
    (before,) = interfaces(aws, NetworkInterfaceIds=[eni])
    (told,) = aws("RunInstances", **asked)["Instances"]
    assert told == {**instance_of(aws, told["InstanceId"]), **{name: told[name] for name in ("State",) if name in told}}
    assert (told["SubnetId"], told["VpcId"]) == (subnet["SubnetId"], subnet["VpcId"])
    assert told["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert told["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert "PublicIpAddress" not in told
    assert told["SecurityGroups"] == [{"GroupId": group, "GroupName": "web"}]
    (inner,) = told["NetworkInterfaces"]
    (outer,) = interfaces(aws, Filters=filtered("attachment.instance-id", told["InstanceId"]))
    assert (inner["NetworkInterfaceId"], outer["NetworkInterfaceId"]) == (eni, eni)
    for each in (inner, outer):
        assert (each["Status"], each["Description"], each["MacAddress"]) == ("in-use", "mine", before["MacAddress"])
        assert each["Groups"] == told["SecurityGroups"]
        held = each["Attachment"]
        assert (held["DeviceIndex"], held["DeleteOnTermination"], held["Status"]) == (0, False, "attached")
    assert inner["Attachment"]["AttachmentId"] == outer["Attachment"]["AttachmentId"]
    assert (outer["Attachment"]["InstanceId"], outer["PrivateIpAddress"]) == (
        told["InstanceId"], before["PrivateIpAddress"]
    )  # fmt: skip
    filters = filtered("network-interface.network-interface-id", eni)
    assert len(aws("DescribeInstances", Filters=filters)["Reservations"]) == 1


def test_what_a_cloud_does_not_tell_of_a_new_server_yet_is_known(aws: Asking, eni: str, asked: dict[str, Any]) -> None:
    """It is asked for the addresses of a server that was launched a moment ago, and tells none."""
    aws("RunInstances", **asked)
    aws.world.clock.move(30)
    (server,) = aws.world.simulated.cloud.compute.list(SCOPE)
    around = Surroundings(request(aws.world.backend, "ec2", "DescribeInstances", {}))
    young = replace(server, network_id=None, subnet_id=None, private_address=None, mac_address=None)
    told, before = INSTANCES.view(Instance(young, around)), INSTANCES.view(Instance(server, around))
    assert [each["NetworkInterfaceId"] for each in told["NetworkInterfaces"]] == [eni]
    for name in ("NetworkInterfaces", "SubnetId", "VpcId", "PrivateIpAddress", "PrivateDnsName", "SecurityGroups"):
        assert told[name] == before[name]


def test_it_is_no_others_and_stays_when_the_instance_goes(aws: Asking, eni: str, asked: dict[str, Any]) -> None:
    (told,) = aws("RunInstances", **asked)["Instances"]
    for params in ({}, {"DryRun": True}):
        refused = aws.refused("RunInstances", **asked, **params)
        assert (refused.code, refused.message) == ("InvalidNetworkInterface.InUse", f"Interface: [{eni}] in use.")
    (held,) = (each["Attachment"]["AttachmentId"] for each in interfaces(aws, NetworkInterfaceIds=[eni]))
    refused = aws.refused("DetachNetworkInterface", AttachmentId=held)
    assert (refused.code, refused.message) == (
        "OperationNotPermitted", "The network interface at device index 0 cannot be detached."
    )  # fmt: skip
    assert aws.refused("DeleteNetworkInterface", NetworkInterfaceId=eni).message.endswith("is currently in use.")
    aws("TerminateInstances", InstanceIds=[told["InstanceId"]])
    aws.world.clock.move(60)
    # Terraform waits for a detachment that is taken on, and not for one that there is not (any more).
    assert aws.code("DetachNetworkInterface", AttachmentId=held) == "InvalidAttachmentID.NotFound"
    (free,) = interfaces(aws, NetworkInterfaceIds=[eni])
    assert (free["Status"], "Attachment" in free) == ("available", False)
    assert aws.code("RunInstances", **asked, DryRun=True) == "DryRunOperation"
    (again,) = aws("RunInstances", **asked)["Instances"]
    assert (again["PrivateIpAddress"], again["InstanceId"] != told["InstanceId"]) == (free["PrivateIpAddress"], True)
    aws("TerminateInstances", InstanceIds=[again["InstanceId"]])
    aws.world.clock.move(60)
    aws("DeleteNetworkInterface", NetworkInterfaceId=eni)
    assert interfaces(aws) == []


def test_it_ends_with_the_instance_where_that_is_said_of_it(aws: Asking, eni: str, asked: dict[str, Any]) -> None:
    (told,) = aws("RunInstances", **asked)["Instances"]
    attachment = {"AttachmentId": told["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]}
    aws(
        "ModifyNetworkInterfaceAttribute", NetworkInterfaceId=eni, Attachment=attachment | {"DeleteOnTermination": True}
    )
    inner = instance_of(aws, told["InstanceId"])["NetworkInterfaces"][0]
    assert inner["Attachment"]["DeleteOnTermination"] is True
    aws("TerminateInstances", InstanceIds=[told["InstanceId"]])
    assert aws.code("DescribeNetworkInterfaces", NetworkInterfaceIds=[eni]) == "InvalidNetworkInterfaceID.NotFound"


def test_a_token_brings_the_same_instance(aws: Asking, asked: dict[str, Any]) -> None:
    first, second = (aws("RunInstances", **asked, ClientToken="t")["Instances"][0] for _ in range(2))
    assert (first["InstanceId"], first["ClientToken"]) == (second["InstanceId"], "t")
    assert aws.code("RunInstances", **asked, ClientToken="other") == "InvalidNetworkInterface.InUse"


def test_groups_and_checks_of_the_instance_are_the_interfaces(aws: Asking, eni: str, asked: dict[str, Any]) -> None:
    default = aws("DescribeSecurityGroups", GroupNames=["default"])["SecurityGroups"][0]["GroupId"]
    (told,) = aws("RunInstances", **asked)["Instances"]
    aws("ModifyInstanceAttribute", InstanceId=told["InstanceId"], Groups=[default])
    aws("ModifyInstanceAttribute", InstanceId=told["InstanceId"], SourceDestCheck={"Value": False})
    now, (outer,) = instance_of(aws, told["InstanceId"]), interfaces(aws, NetworkInterfaceIds=[eni])
    for each in (now, now["NetworkInterfaces"][0], outer):
        groups = each["SecurityGroups"] if "SecurityGroups" in each else each["Groups"]
        assert ([group["GroupId"] for group in groups], each["SourceDestCheck"]) == ([default], False)
    read = aws("DescribeInstanceAttribute", InstanceId=told["InstanceId"], Attribute="sourceDestCheck")
    assert read["SourceDestCheck"] == {"Value": False}
    aws("ResetInstanceAttribute", InstanceId=told["InstanceId"], Attribute="sourceDestCheck")
    assert instance_of(aws, told["InstanceId"])["SourceDestCheck"] is True


@pytest.mark.parametrize("by", ["instance", "interface"])
def test_an_address_of_the_interface_is_the_instances(aws: Asking, eni: str, asked: dict[str, Any], by: str) -> None:
    (told,) = aws("RunInstances", **asked)["Instances"]
    made = aws("AllocateAddress")
    place = {"InstanceId": told["InstanceId"]} if by == "instance" else {"NetworkInterfaceId": eni}
    aws("AssociateAddress", AllocationId=made["AllocationId"], **place)
    (address,) = aws("DescribeAddresses", AllocationIds=[made["AllocationId"]])["Addresses"]
    assert (address["InstanceId"], address["NetworkInterfaceId"]) == (told["InstanceId"], eni)
    assert address["PrivateIpAddress"] == told["PrivateIpAddress"]
    now = instance_of(aws, told["InstanceId"])
    assert now["PublicIpAddress"] == made["PublicIp"]
    assert now["NetworkInterfaces"][0]["Association"]["PublicIp"] == made["PublicIp"]
    aws("TerminateInstances", InstanceIds=[told["InstanceId"]])
    aws.world.clock.move(60)
    (address,) = aws("DescribeAddresses", AllocationIds=[made["AllocationId"]])["Addresses"]
    assert ("InstanceId" in address, address["NetworkInterfaceId"]) == (False, eni)


def test_an_address_of_an_interface_that_was_attached_leads_to_its_instance(aws: Asking, eni: str, image: str) -> None:
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    place = {"AvailabilityZone": "us-east-1b"}
    (told,) = aws("RunInstances", Placement=place, **run)["Instances"]
    made = aws("AllocateAddress")
    aws("AssociateAddress", AllocationId=made["AllocationId"], NetworkInterfaceId=eni)
    aws("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=told["InstanceId"], DeviceIndex=1)
    (address,) = aws("DescribeAddresses", AllocationIds=[made["AllocationId"]])["Addresses"]
    assert (address["InstanceId"], address["NetworkInterfaceId"]) == (told["InstanceId"], eni)


def test_an_instance_tells_of_the_interfaces_that_it_got_later(aws: Asking, eni: str, image: str, group: str) -> None:
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    (told,) = aws("RunInstances", Placement={"AvailabilityZone": "us-east-1b"}, **run)["Instances"]
    made = aws("AllocateAddress")
    aws("AssociateAddress", AllocationId=made["AllocationId"], NetworkInterfaceId=eni)
    aws("CreateTags", Resources=[eni], Tags=[{"Key": "second", "Value": "yes"}])
    aws("AttachNetworkInterface", NetworkInterfaceId=eni, InstanceId=told["InstanceId"], DeviceIndex=1)
    now = instance_of(aws, told["InstanceId"])
    first, second = now["NetworkInterfaces"]
    assert (first["Attachment"]["DeviceIndex"], first["PrivateIpAddress"]) == (0, now["PrivateIpAddress"])
    assert (now["SecurityGroups"], now.get("PublicIpAddress")) == (first["Groups"], told.get("PublicIpAddress"))
    (outer,) = interfaces(aws, NetworkInterfaceIds=[eni])
    association = {name: outer["Association"][name] for name in ("PublicIp", "PublicDnsName")}
    assert {name: second["Association"][name] for name in association} == association
    held = {name: value for name, value in outer["Attachment"].items() if not name.startswith("Instance")}
    alike = "Description Groups MacAddress NetworkInterfaceId PrivateDnsName PrivateIpAddress SubnetId VpcId Status"
    assert {name: second[name] for name in alike.split()} == {name: outer[name] for name in alike.split()}
    assert (second["Attachment"], second["Groups"]) == (held, [{"GroupId": group, "GroupName": "web"}])
    names = {"network-interface-id": eni, "attachment.device-index": "1", "group-id": group, "tag-key": "second"}
    for name, value in names.items():
        filters = filtered(f"network-interface.{name}", value)
        assert len(aws("DescribeInstances", Filters=filters)["Reservations"]) == 1, name
    aws("DetachNetworkInterface", AttachmentId=second["Attachment"]["AttachmentId"])
    assert instance_of(aws, told["InstanceId"])["NetworkInterfaces"] == [first]


def test_a_made_interface_has_the_name_of_its_address(aws: Asking, eni: str) -> None:
    (told,) = interfaces(aws, NetworkInterfaceIds=[eni])
    name = f"ip-{told['PrivateIpAddress'].replace('.', '-')}.ec2.internal"
    assert (told["PrivateDnsName"], told["PrivateIpAddresses"][0]["PrivateDnsName"]) == (name, name)


@pytest.mark.parametrize(
    ("index", "words"), [(0, None), (1, None), (-1, "Value (-1) for parameter deviceIndex is invalid.")]
)
def test_an_index_has_one_interface(
    aws: Asking, eni: str, subnet: dict[str, Any], image: str, index: int, words: str | None
) -> None:
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    (told,) = aws("RunInstances", Placement={"AvailabilityZone": "us-east-1b"}, **run)["Instances"]
    where = {"InstanceId": told["InstanceId"]}
    other = aws("CreateNetworkInterface", SubnetId=subnet["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"]
    aws("AttachNetworkInterface", NetworkInterfaceId=eni, DeviceIndex=1, **where)
    refused = aws.refused("AttachNetworkInterface", NetworkInterfaceId=other, DeviceIndex=index, **where)
    usual = f"Instance '{told['InstanceId']}' already has an interface attached at device index '{index}'."
    assert (refused.code, refused.message) == ("InvalidParameterValue", words or usual)
    assert interfaces(aws, NetworkInterfaceIds=[other])[0]["Status"] == "available"
    aws("AttachNetworkInterface", NetworkInterfaceId=other, DeviceIndex=2, **where)


def test_an_id_as_there_once_were(aws: Asking, asked: dict[str, Any]) -> None:
    refused = aws.refused(
        "RunInstances",
        **{**asked, "NetworkInterfaces": [{**asked["NetworkInterfaces"][0], "NetworkInterfaceId": "eni-01234567"}]},
    )
    assert (refused.code, refused.message) == (
        "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID 'eni-01234567' does not exist"
    )  # fmt: skip


TOGETHER = "A network interface may not specify both a network interface ID and "


@pytest.mark.parametrize(
    ("inside", "beside", "code", "words"),
    [
        ({"SubnetId": "subnet-0123456789abcdef0"}, {}, "InvalidParameterCombination", TOGETHER + "a subnet"),
        ({"PrivateIpAddress": "172.31.16.9"}, {}, "InvalidParameterCombination", TOGETHER + "a private IP address"),
        ({"Groups": ["sg-0123456789abcdef0"]}, {}, "InvalidParameterCombination", TOGETHER + "security groups"),
        (
            {"DeleteOnTermination": True}, {}, "InvalidParameterCombination",
            "A network interface may not specify a network interface ID and delete on termination as true",
        ),
        ({"AssociatePublicIpAddress": False}, {}, "InvalidParameterCombination", None),
        (
            {}, {"SubnetId": "subnet-0123456789abcdef0"}, "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet ID may not be specified on the same request",
        ),
        (
            {}, {"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidParameterCombination",
            "Network interfaces and an instance-level security groups may not be specified on the same request",
        ),
        (
            {}, {"PrivateIpAddress": "172.31.16.9"}, "InvalidParameterCombination",
            "Network interfaces and an instance-level private IP address may not be specified on the same request",
        ),
        ({}, {"MaxCount": 2}, "InvalidParameterCombination", None),
        (
            {}, {"TagSpecifications": [
                {"ResourceType": "network-interface", "Tags": [{"Key": "a", "Value": "b"}]}
            ]}, "InvalidParameterValue", None,
        ),
        ({"DeviceIndex": 1}, {}, "Unsupported", None),
        ({}, {"Placement": {"AvailabilityZone": "us-east-1a"}}, "InvalidParameterCombination", None),
        (
            {"NetworkInterfaceId": "eni-0123456789abcdef0"}, {}, "InvalidNetworkInterfaceID.NotFound",
            "The networkInterface ID 'eni-0123456789abcdef0' does not exist",
        ),
        ({"NetworkInterfaceId": "eni-x"}, {}, "InvalidNetworkInterfaceId.Malformed", None),
    ],
)  # fmt: skip
def test_what_does_not_go_with_it(
    aws: Asking,
    eni: str,
    asked: dict[str, Any],
    inside: dict[str, Any],
    beside: dict[str, Any],
    code: str,
    words: str | None,
) -> None:
    interface = {**asked["NetworkInterfaces"][0], **inside}
    refused = aws.refused("RunInstances", **{**asked, **beside, "NetworkInterfaces": [interface]})
    assert refused.code == code
    assert words in {None, refused.message}
    assert aws("DescribeInstances")["Reservations"] == []
    assert interfaces(aws, NetworkInterfaceIds=[eni])[0]["Status"] == "available"


def test_one_that_an_instance_has_from_birth_is_in_use(aws: Asking, asked: dict[str, Any]) -> None:
    plain = {name: value for name, value in asked.items() if name != "NetworkInterfaces"}
    (told,) = aws("RunInstances", **plain)["Instances"]
    interface = {"DeviceIndex": 0, "NetworkInterfaceId": told["NetworkInterfaces"][0]["NetworkInterfaceId"]}
    assert aws.code("RunInstances", **plain, NetworkInterfaces=[interface]) == "InvalidNetworkInterface.InUse"


def test_a_template_may_name_it_for_run_instances_and_for_no_group(
    aws: Asking, world: World, eni: str, asked: dict[str, Any]
) -> None:
    data = {name: value for name, value in asked.items() if not name.endswith("Count")}
    aws("CreateLaunchTemplate", LaunchTemplateName="one", LaunchTemplateData=data)
    template = {"LaunchTemplateName": "one", "Version": "1"}
    group = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1, "AvailabilityZones": ["us-east-1b"]}
    refused = Asking(world, "autoscaling").refused("CreateAutoScalingGroup", LaunchTemplate=template, **group)
    assert "NetworkInterfaces.NetworkInterfaceId" in refused.message
    (told,) = aws("RunInstances", LaunchTemplate=template, MinCount=1, MaxCount=1)["Instances"]
    assert told["NetworkInterfaces"][0]["NetworkInterfaceId"] == eni
