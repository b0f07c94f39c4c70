"""boto3: the part of EC2, STS and IAM that the users of Auto Scaling lean on."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.product import ON_OPENSTACK, Access, until


def test_regions_and_zones(ec2: Any) -> None:
    assert "us-east-1" in {one["RegionName"] for one in ec2.describe_regions()["Regions"]}
    assert ec2.describe_regions(RegionNames=["us-east-1"])["Regions"][0]["OptInStatus"] == "opt-in-not-required"
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [one["ZoneName"] for one in zones] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert {one["State"] for one in zones} == {"available"}
    assert {one["ZoneType"] for one in zones} == {"availability-zone"}
    picked = ec2.describe_availability_zones(Filters=[{"Name": "zone-name", "Values": ["us-east-1b"]}])
    assert len(picked["AvailabilityZones"]) == 1
    with refused("InvalidParameterValue"):
        ec2.describe_availability_zones(ZoneNames=["us-east-1z"])
    with refused("InvalidParameterValue"):
        ec2.describe_availability_zones(Filters=[{"Name": "flavour", "Values": ["x"]}])


def test_network(ec2: Any, fleet: Fleet) -> None:
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"]
    assert len(vpcs) == 1
    assert vpcs[0]["IsDefault"] is True
    vpc = vpcs[0]["VpcId"]
    subnets = ec2.describe_subnets(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default-for-az", "Values": ["true"]}]
    )
    assert {one["AvailabilityZone"] for one in subnets["Subnets"]} == set(fleet.subnets)
    assert {one["VpcId"] for one in subnets["Subnets"]} == {vpc}
    by_id = ec2.describe_subnets(SubnetIds=[fleet.subnets["us-east-1c"]])["Subnets"]
    assert by_id[0]["AvailabilityZone"] == "us-east-1c"
    assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"] in {
        True,
        False,
    }
    groups = ec2.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [vpc]}]
    )["SecurityGroups"]
    assert groups[0]["IpPermissionsEgress"]
    assert ec2.describe_security_groups(GroupIds=[groups[0]["GroupId"]])["SecurityGroups"] == groups
    with refused("InvalidVpcID.NotFound"):
        ec2.describe_vpcs(VpcIds=["vpc-00000000000000000"])
    with refused("InvalidSubnetID.NotFound"):
        ec2.describe_subnets(SubnetIds=["subnet-00000000000000000"])
    with refused("InvalidGroup.NotFound"):
        ec2.describe_security_groups(GroupIds=["sg-00000000000000000"])


@pytest.mark.parametrize(
    ("owner", "name", "architecture"),
    [
        ("amazon", "al2023-ami-2023.*-x86_64", "x86_64"),
        ("amazon", "al2023-ami-2023.*-arm64", "arm64"),
        ("amazon", "al2023-ami-minimal-*-x86_64", "x86_64"),
        ("amazon", "amzn2-ami-hvm-*-x86_64-gp2", "x86_64"),
        ("amazon", "amzn2-ami-hvm-*-arm64-gp2", "arm64"),
        ("amazon", "amzn-ami-hvm-*-x86_64-gp2", "x86_64"),
        ("137112412989", "amzn2-ami-hvm-2.0.*", "x86_64"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*", "x86_64"),
        ("099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*", "x86_64"),
        ("099720109477", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-arm64-server-*", "arm64"),
    ],
)
def test_usual_image_lookups(ec2: Any, owner: str, name: str, architecture: str) -> None:
    filters = [
        {"Name": "name", "Values": [name]},
        {"Name": "architecture", "Values": [architecture]},
        {"Name": "virtualization-type", "Values": ["hvm"]},
        {"Name": "root-device-type", "Values": ["ebs"]},
        {"Name": "state", "Values": ["available"]},
    ]
    images = ec2.describe_images(Owners=[owner], Filters=filters)["Images"]
    assert images
    for image in images:
        assert image["State"] == "available"
        assert image["Architecture"] == architecture
        assert re.fullmatch(r"ami-[0-9a-f]{17}", image["ImageId"])
        assert image["BlockDeviceMappings"][0]["DeviceName"] == image["RootDeviceName"]


def test_uefi_data_of_an_instance(fleet: Fleet) -> None:
    # Terraform's image look-up asks for it, with the image's id, and does not mind an error.
    identity = fleet.run()
    with refused("UnsupportedOperation"):
        fleet.ec2.get_instance_uefi_data(InstanceId=identity)
    with refused("InvalidInstanceID.NotFound"):
        fleet.ec2.get_instance_uefi_data(InstanceId="i-00000000000000000")
    kind = fleet.ec2.describe_instance_attribute(InstanceId=identity, Attribute="instanceType")
    assert kind["InstanceType"] == {"Value": "t3.micro"}
    fleet.ec2.terminate_instances(InstanceIds=[identity])


def test_image_refusals(ec2: Any) -> None:
    with refused("InvalidAMIID.NotFound"):
        ec2.describe_images(ImageIds=["ami-00000000000000000"])
    with refused("InvalidAMIID.Malformed"):
        ec2.describe_images(ImageIds=["image"])


def test_instance_types(ec2: Any) -> None:
    kinds = {
        one["InstanceType"]: one
        for one in ec2.describe_instance_types(InstanceTypes=["t3.micro", "m5.large", "t4g.small"])["InstanceTypes"]
    }
    assert kinds["t3.micro"]["VCpuInfo"]["DefaultVCpus"] == 2
    assert kinds["t3.micro"]["MemoryInfo"]["SizeInMiB"] == 1024
    assert kinds["m5.large"]["MemoryInfo"]["SizeInMiB"] == 8192
    assert kinds["t4g.small"]["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    offered = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["t3.micro"]}]
    )["InstanceTypeOfferings"]
    assert {one["Location"] for one in offered} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    current = ec2.describe_instance_types(Filters=[{"Name": "current-generation", "Values": ["true"]}], MaxResults=5)
    assert len(current["InstanceTypes"]) == 5
    with refused("InvalidInstanceType"):
        ec2.describe_instance_types(InstanceTypes=["z9.huge"])


def test_run_stop_start_reboot_terminate(fleet: Fleet) -> None:
    ec2 = fleet.ec2
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "lone"}]}]
    answer = ec2.run_instances(
        ImageId=fleet.image,
        InstanceType="t3.micro",
        MinCount=2,
        MaxCount=2,
        TagSpecifications=tags,
        SubnetId=fleet.subnets["us-east-1b"],
    )
    one, two = sorted(instance["InstanceId"] for instance in answer["Instances"])
    assert re.fullmatch(r"r-[0-9a-f]{17}", answer["ReservationId"])
    assert {instance["State"]["Name"] for instance in answer["Instances"]} <= {"pending", "running"}
    fleet.await_state(one, "running")
    fleet.await_state(two, "running")
    shown = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]
    assert shown["Tags"] == [{"Key": "Name", "Value": "lone"}]
    assert shown["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert shown["PrivateIpAddress"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[one, two], WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    statuses = ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"]
    assert statuses[0]["InstanceState"]["Name"] == "running"
    ec2.reboot_instances(InstanceIds=[two])
    moved = ec2.stop_instances(InstanceIds=[one])["StoppingInstances"][0]
    assert (moved["PreviousState"]["Name"], moved["CurrentState"]["Name"]) == ("running", "stopping")
    fleet.await_state(one, "stopped")
    assert ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"] == []
    assert len(ec2.describe_instance_status(InstanceIds=[one], IncludeAllInstances=True)["InstanceStatuses"]) == 1
    moved = ec2.start_instances(InstanceIds=[one])["StartingInstances"][0]
    assert (moved["PreviousState"]["Name"], moved["CurrentState"]["Name"]) == ("stopped", "pending")
    fleet.await_state(one, "running")
    moved = ec2.terminate_instances(InstanceIds=[one, two])["TerminatingInstances"]
    assert {change["CurrentState"]["Name"] for change in moved} <= {"shutting-down", "terminated"}
    fleet.await_state(one, "terminated")
    with refused("IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[one])


def test_run_from_a_template(fleet: Fleet) -> None:
    answer = fleet.ec2.run_instances(LaunchTemplate={"LaunchTemplateName": fleet.template}, MinCount=1, MaxCount=1)
    instance = answer["Instances"][0]
    assert (instance["ImageId"], instance["InstanceType"]) == (fleet.image, "t3.micro")
    fleet.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_run_client_token(fleet: Fleet) -> None:
    request = {
        "ImageId": fleet.image,
        "InstanceType": "t3.micro",
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": unique("run"),
    }
    first = fleet.ec2.run_instances(**request)
    again = fleet.ec2.run_instances(**request)
    assert [one["InstanceId"] for one in first["Instances"]] == [one["InstanceId"] for one in again["Instances"]]
    fleet.ec2.terminate_instances(InstanceIds=[first["Instances"][0]["InstanceId"]])


def test_run_refusals(fleet: Fleet, loose_ec2: Any) -> None:
    good = {"ImageId": fleet.image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    bad: list[tuple[dict[str, Any], str]] = [
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "image"}, "InvalidAMIID.Malformed"),
        ({"InstanceType": "z9.huge"}, "InvalidParameterValue"),
        ({"SubnetId": "subnet-00000000000000000"}, "InvalidSubnetID.NotFound"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"SecurityGroupIds": ["sg-00000000000000000"]}, "InvalidGroup.NotFound"),
        ({"MinCount": 2}, "InvalidParameterValue"),
        ({"MinCount": None}, "MissingParameter"),
        ({"ImageId": None}, "MissingParameter"),
        ({"LaunchTemplate": {"LaunchTemplateName": "nobody"}}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
    ]
    for change, code in bad:
        request = {key: value for key, value in (good | change).items() if value is not None}
        with refused(code):
            loose_ec2.run_instances(**request)


def test_instance_refusals(ec2: Any) -> None:
    for operation in (
        "describe_instances",
        "terminate_instances",
        "stop_instances",
        "start_instances",
        "reboot_instances",
    ):
        with refused("InvalidInstanceID.NotFound"):
            getattr(ec2, operation)(InstanceIds=["i-00000000000000000"])
        with refused("InvalidInstanceID.Malformed"):
            getattr(ec2, operation)(InstanceIds=["instance"])


def test_tags(fleet: Fleet) -> None:
    ec2, identity = fleet.ec2, fleet.run()
    ec2.create_tags(Resources=[identity], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    asked = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [identity]}])["Tags"]
    assert {(tag["Key"], tag["Value"], tag["ResourceType"]) for tag in asked} == {
        ("a", "1", "instance"),
        ("b", "", "instance"),
    }
    by_tag = ec2.describe_instances(
        Filters=[{"Name": "tag:a", "Values": ["1"]}, {"Name": "instance-id", "Values": [identity]}]
    )
    assert by_tag["Reservations"][0]["Instances"][0]["InstanceId"] == identity
    by_key = ec2.describe_instances(Filters=[{"Name": "tag-key", "Values": ["b"]}])["Reservations"]
    assert identity in {one["InstanceId"] for reservation in by_key for one in reservation["Instances"]}
    ec2.delete_tags(Resources=[identity], Tags=[{"Key": "a", "Value": "other"}])
    ec2.delete_tags(Resources=[identity], Tags=[{"Key": "b"}])
    left = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [identity]}])["Tags"]
    assert [(tag["Key"], tag["Value"]) for tag in left] == [("a", "1")]
    with refused("InvalidInstanceID.NotFound"):
        ec2.create_tags(Resources=["i-00000000000000000"], Tags=[{"Key": "a", "Value": "1"}])
    with refused("InvalidParameterValue"):
        ec2.create_tags(Resources=[identity], Tags=[{"Key": "aws:mine", "Value": "1"}])
    ec2.terminate_instances(InstanceIds=[identity])


def test_wildcard_filters(fleet: Fleet) -> None:
    identity = fleet.run()
    mark = unique("mark")
    fleet.ec2.create_tags(Resources=[identity], Tags=[{"Key": "Name", "Value": f"{mark}-x"}])
    for pattern in (f"{mark}-*", f"{mark}-?", f"*{mark}*"):
        found = fleet.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [pattern]}])["Reservations"]
        assert len(found) == 1, pattern
    fleet.ec2.terminate_instances(InstanceIds=[identity])


def test_key_pairs_and_attributes(ec2: Any) -> None:
    assert isinstance(ec2.describe_key_pairs()["KeyPairs"], list)
    with refused("InvalidKeyPair.NotFound"):
        ec2.describe_key_pairs(KeyNames=["nobody"])
    attributes = {one["AttributeName"]: one for one in ec2.describe_account_attributes()["AccountAttributes"]}
    assert attributes["supported-platforms"]["AttributeValues"][0]["AttributeValue"] == "VPC"
    only = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"]
    assert only[0]["AttributeValues"][0]["AttributeValue"].startswith("vpc-")


def test_dry_run(fleet: Fleet) -> None:
    with refused("DryRunOperation", status=412):
        fleet.ec2.run_instances(ImageId=fleet.image, InstanceType="t3.micro", MinCount=1, MaxCount=1, DryRun=True)


def test_the_caller(server: Access, account: str) -> None:
    answer = client(server, "sts").get_caller_identity()
    assert re.fullmatch(r"\d{12}", account)
    assert answer["Arn"].startswith(f"arn:aws:iam::{account}:")
    assert answer["UserId"]


def test_keys_that_end(server: Access, account: str) -> None:
    sts = client(server, "sts")
    assert sts.get_access_key_info(AccessKeyId=server.key)["Account"] == account
    given = sts.get_session_token(DurationSeconds=900)["Credentials"]
    own = {"key": given["AccessKeyId"], "secret": given["SecretAccessKey"]}
    acting = client(server, "sts", aws_session_token=given["SessionToken"], **own)
    assert acting.get_caller_identity()["Arn"] == sts.get_caller_identity()["Arn"]
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", status=403):
        acting.get_session_token()
    role = {"RoleArn": f"arn:aws:iam::{account}:role/deploy", "RoleSessionName": "me"}
    if ON_OPENSTACK:
        with refused("AccessDenied", "This account has no such role", status=403):
            sts.assume_role(**role)
    else:
        assert sts.assume_role(**role)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/deploy/me")


def test_iam_as_terraform_asks(server: Access, account: str) -> None:
    user = client(server, "iam").get_user()["User"]
    assert user["Arn"].startswith(f"arn:aws:iam::{account}:user/")
    iam = client(server, "iam")
    assert iam.list_account_aliases()["AccountAliases"] == []
    # Terraform and others look for the account id in any role's ARN.
    role = iam.list_roles(MaxItems=1)["Roles"][0]
    assert role["Arn"].startswith(f"arn:aws:iam::{account}:role/")
    assert iam.get_role(RoleName=role["RoleName"])["Role"]["Arn"] == role["Arn"]
    with refused("NoSuchEntity", status=404):
        iam.get_role(RoleName="nobody")


def test_unanswered_operations_say_so(server: Access, ec2: Any) -> None:
    with refused("InvalidAction"):
        client(server, "iam").list_users()
    with refused("InvalidAction", "it is not supported by Coppice"):
        ec2.describe_spot_fleet_requests()


def test_instances_of_a_terminated_group_are_told_a_while(fleet: Fleet) -> None:
    name = fleet.create(1)
    identity = fleet.ids(name)[0]
    fleet.delete(name)
    until("terminated", lambda: fleet.servers(name, "terminated"))
    assert fleet.servers(name, "terminated")[0]["InstanceId"] == identity
