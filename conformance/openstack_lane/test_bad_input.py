"""What cannot be is refused in AWS's words, or told in a Failed activity that names it; the log has the cloud's request id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import Fleet, unique
from conformance.openstack_lane.operator import Operator
from conformance.product import Access, until

ClientOf = Callable[[str, str], Any]


@pytest.mark.parametrize("service", ["autoscaling", "ec2"])
def test_keys_that_are_wrong(server: Access, service: str) -> None:
    asked = {"autoscaling": "describe_auto_scaling_groups", "ec2": "describe_vpcs"}[service]
    nobody = client(server, service, key="0123456789abcdef0123456789abcdef", recorded=False)
    with refused(*{"autoscaling": ("InvalidClientTokenId", None, 403), "ec2": ("AuthFailure", None, 401)}[service]):
        getattr(nobody, asked)()
    forger = client(server, service, secret="0123456789abcdef0123456789abcdef", recorded=False)
    with refused("SignatureDoesNotMatch", status=403):
        getattr(forger, asked)()


def test_a_revoked_key_is_refused_before_long(server: Access, operator: Operator) -> None:
    path = f"/users/{operator.owner.current_user_id}/credentials/OS-EC2"
    made = operator.owner.identity.post(path, json={"tenant_id": operator.project}).json()["credential"]
    asg = client(server, "autoscaling", key=made["access"], secret=made["secret"], recorded=False)
    assert "AutoScalingGroups" in asg.describe_auto_scaling_groups()
    operator.owner.identity.delete(f"{path}/{made['access']}")

    def is_refused() -> bool:
        try:
            asg.describe_auto_scaling_groups()
        except asg.exceptions.ClientError as error:
            return bool(error.response["Error"]["Code"] == "InvalidClientTokenId")
        return False

    until("the key is no good", is_refused)


def test_a_reader_looks_and_changes_nothing(as_user: ClientOf) -> None:
    asg, ec2 = as_user("reader", "autoscaling"), as_user("reader", "ec2")
    assert "AutoScalingGroups" in asg.describe_auto_scaling_groups()
    with refused("AccessDenied", "is not authorized to perform: autoscaling:CreateAutoScalingGroup", status=403):
        asg.create_auto_scaling_group(AutoScalingGroupName=unique(), MinSize=0, MaxSize=0)
    with refused("UnauthorizedOperation", "ec2:CreateLaunchTemplate", status=403):
        ec2.create_launch_template(LaunchTemplateName=unique("lt"), LaunchTemplateData={"InstanceType": "t3.micro"})


def test_nobody_sees_what_others_have(fleet: Fleet, as_user: ClientOf) -> None:
    name = fleet.create(0)
    other = as_user("other", "autoscaling")
    assert name not in {
        one["AutoScalingGroupName"] for one in other.describe_auto_scaling_groups()["AutoScalingGroups"]
    }
    with refused("ValidationError", "not found"):
        other.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)


def test_a_project_without_a_network(fleet: Fleet, as_user: ClientOf) -> None:
    asg, ec2 = as_user("bare", "autoscaling"), as_user("bare", "ec2")
    assert ec2.describe_vpcs()["Vpcs"] == []
    with refused("VPCIdNotSpecified", "No default VPC for this user"):
        ec2.run_instances(ImageId=fleet.image, InstanceType="t3.micro", MinCount=1, MaxCount=1)
    own = Fleet(asg, ec2, fleet.image, {}, "")
    try:
        name = unique()
        own.made.append(name)
        asg.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=1,
            DesiredCapacity=1,
            LaunchConfigurationName=own.configuration(),
            AvailabilityZones=["us-east-1a"],
        )
        until("a failure is told", lambda: own.failures(name))
        assert "No default subnet for availability zone: 'us-east-1a'" in own.failures(name)[0]
    finally:
        own.sweep()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ImageId": "ami-00000000000000000"}, "The image id '[ami-00000000000000000]' does not exist"),
        ({"InstanceType": "z9.huge"}, "z9.huge"),
        ({"KeyName": "nobody"}, "The key pair 'nobody' does not exist"),
        ({"SecurityGroupIds": ["sg-00000000000000000"]}, "sg-00000000000000000"),
        ({"InstanceType": "test.vast"}, "We currently do not have sufficient test.vast capacity"),
    ],
    ids=["image", "type", "key", "group", "room"],
)
def test_a_launch_that_cannot_be_names_its_cause(fleet: Fleet, change: dict[str, Any], words: str) -> None:
    template = fleet.new_template(**change)
    told = outcome(fleet, LaunchTemplate={"LaunchTemplateName": template}, DesiredCapacity=1)
    assert words in told, told


def test_an_image_that_was_deactivated(fleet: Fleet, operator: Operator) -> None:
    image = operator.owner.image.create_image(
        unique("image"), data=b"\0" * 65536, disk_format="raw", container_format="bare", wait=True
    )
    try:
        short = f"ami-{image.id.replace('-', '')[:17]}"
        template = fleet.new_template(ImageId=short)
        operator.admin.image.deactivate_image(image.id)
        told = outcome(fleet, LaunchTemplate={"LaunchTemplateName": template}, DesiredCapacity=1)
        assert short in told, told
    finally:
        operator.admin.image.delete_image(image.id)


def test_a_subnet_without_free_addresses(fleet: Fleet) -> None:
    vpcs = fleet.ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["narrow"]}])["Vpcs"]
    filters = [
        {"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]},
        {"Name": "availability-zone", "Values": ["us-east-1a"]},
    ]
    (subnet,) = fleet.ec2.describe_subnets(Filters=filters)["Subnets"]
    free = subnet["AvailableIpAddressCount"]
    assert 0 < free < 6
    name = fleet.create(0, VPCZoneIdentifier=subnet["SubnetId"])
    fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=6)
    until("the subnet is full", lambda: len(fleet.ids(name)) == free and fleet.failures(name))
    assert all(subnet["SubnetId"] in text for text in fleet.failures(name)), fleet.story(name)


def outcome(fleet: Fleet, **members: Any) -> str:
    """What a new group is refused with, or the first failure of it."""
    name = unique()
    fleet.made.append(name)
    try:
        fleet.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=1,
            VPCZoneIdentifier=fleet.subnets["us-east-1a"],
            **members,
        )
    except fleet.autoscaling.exceptions.ClientError as error:
        return "{Code}: {Message}".format_map(error.response["Error"])
    until("a failure is told", lambda: fleet.failures(name))
    return fleet.failures(name)[0]
