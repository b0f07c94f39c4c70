from __future__ import annotations

import pytest

from backend.drivers.errors import NoCapacity, QuotaExceeded
from backend.drivers.simulated.faults import Where
from tests.factories import OTHER, World
from tests.translators.ec2.wire import Asking


def run(aws: Asking, image: str, count: int = 1, **params: object) -> list[str]:
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": count, "MaxCount": count, **params}
    return [instance["InstanceId"] for instance in aws("RunInstances", **asked)["Instances"]]


def states(aws: Asking, *ids: str) -> list[str]:
    answer = aws("DescribeInstances", InstanceIds=list(ids))
    return sorted(each["State"]["Name"] for group in answer["Reservations"] for each in group["Instances"])


def test_instances_are_made_as_described(aws: Asking, image: str, world: World) -> None:
    subnet = aws("DescribeSubnets", Filters=[{"Name": "availability-zone", "Values": ["us-east-1c"]}])["Subnets"][0]
    answer = aws(
        "RunInstances",
        ImageId=image,
        InstanceType="t3.small",
        MinCount=2,
        MaxCount=2,
        SubnetId=subnet["SubnetId"],
        UserData="aGVsbG8=",
        BlockDeviceMappings=[{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 33}}],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "x"}]},
            {"ResourceType": "volume", "Tags": [{"Key": "for", "Value": "x"}]},
            {"ResourceType": "network-interface", "Tags": [{"Key": "net", "Value": "x"}]},
        ],
    )
    assert len({answer["ReservationId"]}) == 1
    assert answer["OwnerId"] == aws.world.call("GetCallerIdentity", service="sts")["Account"]
    one = answer["Instances"][0]
    assert [each["AmiLaunchIndex"] for each in answer["Instances"]] == [0, 1]
    assert (one["InstanceType"], one["ImageId"], one["SubnetId"]) == ("t3.small", image, subnet["SubnetId"])
    assert one["Placement"]["AvailabilityZone"] == "us-east-1c"
    assert one["Tags"] == [{"Key": "Name", "Value": "x"}]
    assert {disk["DeviceName"] for disk in one["BlockDeviceMappings"]} == {one["RootDeviceName"], "/dev/sdb"}
    volumes = aws("DescribeVolumes", Filters=[{"Name": "tag:for", "Values": ["x"]}])["Volumes"]
    assert sorted(volume["Size"] for volume in volumes) == [8, 8, 33, 33]
    tagged = aws("DescribeNetworkInterfaces", Filters=[{"Name": "tag:net", "Values": ["x"]}])["NetworkInterfaces"]
    assert len(tagged) == 2


def test_a_template_and_the_request_over_it(aws: Asking, image: str) -> None:
    template = aws(
        "CreateLaunchTemplate",
        LaunchTemplateName="web",
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"},
    )["LaunchTemplate"]
    answer = aws(
        "RunInstances",
        LaunchTemplate={"LaunchTemplateId": template["LaunchTemplateId"], "Version": "$Latest"},
        InstanceType="t3.large",
        MinCount=1,
        MaxCount=1,
    )
    one = answer["Instances"][0]
    assert (one["ImageId"], one["InstanceType"]) == (image, "t3.large")
    assert {tag["Key"]: tag["Value"] for tag in one["Tags"]} == {
        "aws:ec2launchtemplate:id": template["LaunchTemplateId"],
        "aws:ec2launchtemplate:version": "1",
    }
    for named, code in (
        ({"LaunchTemplateName": "nil"}, "InvalidLaunchTemplateName.NotFoundException"),
        ({"LaunchTemplateName": "web", "Version": "8"}, "InvalidLaunchTemplateId.VersionNotFound"),
    ):
        assert aws.code("RunInstances", LaunchTemplate=named, MinCount=1, MaxCount=1) == code


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"MinCount": 0}, "InvalidParameterValue"),
        ({"MinCount": 3, "MaxCount": 2}, "InvalidParameterValue"),
        ({"MaxCount": 1001}, "InvalidParameterValue"),
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "ami-nonsense"}, "InvalidAMIID.Malformed"),
        ({"ImageId": ""}, "MissingParameter"),
        ({"InstanceType": "t9.nano"}, "InvalidParameterValue"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue"),
        ({"KeyName": "nil"}, "InvalidKeyPair.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"SecurityGroups": ["nil"]}, "InvalidGroup.NotFound"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"SubnetId": "subnet"}, "InvalidSubnetId.Malformed"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue"),
        ({"Placement": {"Tenancy": "dedicated"}}, "Unsupported"),
        ({"InstanceMarketOptions": {"MarketType": "capacity-block"}}, "Unsupported"),
        ({"PrivateIpAddress": "10.9.0.77"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "172.31.0.77", "MaxCount": 2}, "InvalidParameterCombination"),
        ({"IamInstanceProfile": {"Name": "web"}}, "InvalidParameterValue"),
        ({"Ipv6AddressCount": 1}, "Unsupported"),
        ({"InstanceInitiatedShutdownBehavior": "terminate"}, "Unsupported"),
        ({"HibernationOptions": {"Configured": True}}, "Unsupported"),
        ({"RamdiskId": "ari-1"}, "Unsupported"),
        ({"UserData": "%"}, "InvalidUserData.Malformed"),
        ({"ClientToken": "x" * 65}, "InvalidParameterValue"),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0}], "SubnetId": "subnet-0123456789abcdef0"},
            "InvalidParameterCombination",
        ),
        (
            {"NetworkInterfaces": [{"DeviceIndex": 0}], "SecurityGroups": ["default"]},
            "InvalidParameterCombination",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 9, "VolumeType": "st1"}}]},
            "InvalidParameterValue",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeType": "gp2", "Iops": 300}}]},
            "InvalidParameterCombination",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 1}}] * 2},
            "InvalidBlockDeviceMapping",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}]},
            "InvalidSnapshot.NotFound",
        ),
        ({"TagSpecifications": [{"ResourceType": "subnet", "Tags": []}]}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
        ({"DryRun": True, "KeyName": "nil"}, "InvalidKeyPair.NotFound"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_made(aws: Asking, image: str, params: dict, code: str) -> None:
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **params}
    assert aws.code("RunInstances", **asked) == code
    assert aws("DescribeInstances")["Reservations"] == []


def test_refusals_name_what_was_meant(aws: Asking, image: str) -> None:
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}

    def words(**params: object) -> str:
        return aws.refused("RunInstances", **{**asked, **params}).message

    assert words(ImageId="ami-0123456789abcdef0") == "The image id '[ami-0123456789abcdef0]' does not exist"
    assert words(KeyName="nil") == "The key pair 'nil' does not exist"
    assert (
        words(SecurityGroupIds=["sg-0123456789abcdef0"]) == "The security group 'sg-0123456789abcdef0' does not exist"
    )
    assert words(SecurityGroups=["nil"]) == "The security group 'nil' does not exist"
    assert words(SubnetId="subnet-0123456789abcdef0") == "The subnet ID 'subnet-0123456789abcdef0' does not exist"
    assert "Placement.Tenancy" in words(Placement={"Tenancy": "host"})
    assert "'t4g.micro'" in words(InstanceType="t4g.micro")


def test_a_full_zone_is_left_for_another(aws: Asking, image: str, world: World) -> None:
    world.simulated.faults.refuse(NoCapacity("no valid host"), Where(zone="us-east-1a"), times=None)
    ids = run(aws, image)
    told = aws("DescribeInstances", InstanceIds=ids)["Reservations"][0]["Instances"][0]
    assert told["Placement"]["AvailabilityZone"] == "us-east-1b"
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    refused = aws.refused("RunInstances", **asked, Placement={"AvailabilityZone": "us-east-1a"})
    assert (refused.code, refused.status) == ("InsufficientInstanceCapacity", 500)
    assert "t3.micro" in refused.message
    assert "us-east-1a" in refused.message


def test_as_many_as_there_is_room_for(aws: Asking, image: str, world: World) -> None:
    world.simulated.faults.quota("5f0c3b6d8e6f4e7a9b1c2d3e4f506172", 3)
    asked = {"ImageId": image, "InstanceType": "t3.micro"}
    assert len(aws("RunInstances", **asked, MinCount=1, MaxCount=8)["Instances"]) == 2
    refused = aws.refused("RunInstances", **asked, MinCount=2, MaxCount=2)
    assert refused.code == "InstanceLimitExceeded"


def test_a_quota_of_cores_is_told_as_such(aws: Asking, image: str, world: World) -> None:
    world.simulated.faults.refuse(QuotaExceeded("cores", 8, 4), times=None)
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    assert aws.code("RunInstances", **asked) == "VcpuLimitExceeded"


def test_a_token_makes_instances_once(aws: Asking, image: str) -> None:
    first = run(aws, image, 2, ClientToken="again")
    assert run(aws, image, 2, ClientToken="again") == first
    asked = {"ImageId": image, "InstanceType": "t3.small", "MinCount": 2, "MaxCount": 2, "ClientToken": "again"}
    assert aws.code("RunInstances", **asked) == "IdempotentParameterMismatch"
    other = Asking(aws.world, scope=OTHER)
    foreign_image = other("DescribeImages")["Images"][0]["ImageId"]
    assert foreign_image
    assert len(states(aws, *first)) == 2


def test_after_a_refusal_the_token_is_free_again(aws: Asking, image: str, world: World) -> None:
    world.simulated.faults.refuse(QuotaExceeded("instances", 1, 0), times=1)
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "ClientToken": "again"}
    assert aws.code("RunInstances", **asked) == "InstanceLimitExceeded"
    assert len(aws("RunInstances", **asked)["Instances"]) == 1


def test_a_lost_answer_doubles_nothing(aws: Asking, image: str, world: World) -> None:
    world.simulated.faults.lose_answer(Where(calls=("create",)))
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 2, "MaxCount": 2, "ClientToken": "again"}
    assert aws.refused("RunInstances", **asked).status == 500
    assert len(aws("RunInstances", **asked)["Instances"]) == 2
    assert sum(len(group["Instances"]) for group in aws("DescribeInstances")["Reservations"]) == 2


def test_a_lost_request_is_made_again_when_it_is_sure(aws: Asking, image: str, world: World) -> None:
    world.simulated.faults.lose_request(Where(calls=("create",)))
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "ClientToken": "again"}
    assert aws.refused("RunInstances", **asked).status == 500
    assert aws.code("RunInstances", **asked) == "Unavailable"
    world.clock.move(60)
    assert len(aws("RunInstances", **asked)["Instances"]) == 1


def test_what_a_token_made_is_gone(aws: Asking, image: str, world: World) -> None:
    ids = run(aws, image, ClientToken="again")
    aws("TerminateInstances", InstanceIds=ids)
    world.clock.move(7200)
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, "ClientToken": "again"}
    assert aws.code("RunInstances", **asked) == "IdempotentInstanceTerminated"


def test_stop_and_start(aws: Asking, image: str, world: World) -> None:
    ids = run(aws, image)
    stopped = aws("StopInstances", InstanceIds=ids)["StoppingInstances"][0]
    assert (stopped["PreviousState"]["Name"], stopped["CurrentState"]["Name"]) == ("running", "stopping")
    assert aws.code("StartInstances", InstanceIds=ids) == "IncorrectInstanceState"
    world.clock.move(30)
    assert states(aws, *ids) == ["stopped"]
    again = aws("StopInstances", InstanceIds=ids)["StoppingInstances"][0]
    assert (again["PreviousState"]["Name"], again["CurrentState"]["Name"]) == ("stopped", "stopped")
    assert aws.code("RebootInstances", InstanceIds=ids) == "IncorrectInstanceState"
    started = aws("StartInstances", InstanceIds=ids)["StartingInstances"][0]
    assert (started["PreviousState"]["Name"], started["CurrentState"]["Name"]) == ("stopped", "pending")
    world.clock.move(30)
    assert states(aws, *ids) == ["running"]
    assert aws("RebootInstances", InstanceIds=ids) == {}


def test_one_that_cannot_keeps_all_from_moving(aws: Asking, image: str, world: World) -> None:
    ids = run(aws, image, 2)
    aws("TerminateInstances", InstanceIds=ids[:1])
    refused = aws.refused("StopInstances", InstanceIds=ids)
    assert refused.code == "IncorrectInstanceState"
    assert refused.message == f"The instance '{ids[0]}' is not in a state from which it can be stopped."
    world.clock.move(30)
    assert states(aws, *ids) == ["running", "terminated"]


def test_terminate(aws: Asking, image: str, world: World) -> None:
    ids = run(aws, image, 2)
    moved = aws("TerminateInstances", InstanceIds=ids)["TerminatingInstances"]
    assert {each["CurrentState"]["Name"] for each in moved} == {"shutting-down"}
    world.clock.move(30)
    again = aws("TerminateInstances", InstanceIds=ids)["TerminatingInstances"]
    assert {(each["PreviousState"]["Name"], each["CurrentState"]["Name"]) for each in again} == {
        ("terminated", "terminated")
    }
    assert states(aws, *ids) == ["terminated", "terminated"]
    world.clock.move(3600)
    assert aws.code("TerminateInstances", InstanceIds=ids) == "InvalidInstanceID.NotFound"


@pytest.mark.parametrize("operation", ["StartInstances", "StopInstances", "RebootInstances", "TerminateInstances"])
def test_ids_are_looked_at_first(aws: Asking, image: str, operation: str) -> None:
    ids = run(aws, image)
    assert aws.code(operation, InstanceIds=[*ids, "i-0123456789abcdef0"]) == "InvalidInstanceID.NotFound"
    assert aws.code(operation, InstanceIds=[*ids, "i-nonsense"]) == "InvalidInstanceID.Malformed"
    assert aws.code(operation, InstanceIds=ids, DryRun=True) == "DryRunOperation"
    assert states(aws, *ids) == ["running"]
    other = Asking(aws.world, scope=OTHER)
    assert other.code(operation, InstanceIds=ids) == "InvalidInstanceID.NotFound"
    several = aws.refused(operation, InstanceIds=["i-0123456789abcdef0", "i-0123456789abcdef1"])
    assert several.message == "The instance IDs 'i-0123456789abcdef0, i-0123456789abcdef1' do not exist"


def test_nothing_hibernates(aws: Asking, image: str) -> None:
    code = aws.code("StopInstances", InstanceIds=run(aws, image), Hibernate=True)
    assert code == "UnsupportedHibernationConfiguration"


def test_a_cloud_that_does_not_answer_is_unavailable(aws: Asking, image: str, world: World) -> None:
    ids = run(aws, image)
    world.simulated.faults.unavailable()
    refused = aws.refused("TerminateInstances", InstanceIds=ids)
    assert (refused.code, refused.status) == ("Unavailable", 503)


def test_a_disk_that_is_asked_to_be_encrypted_is_not_made_plain(aws: Asking, image: str) -> None:
    """It would be told as it is, and Terraform would replace the instance at each apply. A template's stays a note."""
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "Encrypted": True}}
    refused = aws.refused("RunInstances", BlockDeviceMappings=[disk], **asked)
    assert (refused.code, "BlockDeviceMappings.Ebs.Encrypted" in refused.message) == ("Unsupported", True)
    plain = {**disk, "Ebs": {"VolumeSize": 1, "Encrypted": False}}
    aws("RunInstances", BlockDeviceMappings=[plain], **asked)
    data = {"ImageId": image, "InstanceType": "t3.micro", "BlockDeviceMappings": [disk]}
    aws("CreateLaunchTemplate", LaunchTemplateName="noted", LaunchTemplateData=data)
    aws("RunInstances", MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "noted"})
