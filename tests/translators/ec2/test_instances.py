from __future__ import annotations

import pytest

from backend import Backend
from backend.domain.names import Names
from backend.domain.scope import Scope
from tests.factories import OTHER, SCOPE, World, request
from tests.translators.ec2.wire import Asking, filtered
from translators.ec2.instance_words import Instance, Surroundings


@pytest.fixture
def fleet(aws: Asking, image: str, world: World) -> dict[str, str]:
    """Three instances in two zones: web (tagged), db, and one that is stopped."""
    made = {}
    for name, zone in (("web", "us-east-1a"), ("db", "us-east-1b"), ("idle", "us-east-1b")):
        answer = aws(
            "RunInstances",
            ImageId=image,
            InstanceType="t3.micro" if name == "web" else "t3.small",
            MinCount=1,
            MaxCount=1,
            Placement={"AvailabilityZone": zone},
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )
        made[answer["Instances"][0]["InstanceId"]] = name
        world.clock.move(60)
    aws("StopInstances", InstanceIds=[next(key for key, name in made.items() if name == "idle")])
    world.clock.move(60)
    return made


def found(fleet: dict[str, str], answer: dict) -> list[str]:
    return [fleet[each["InstanceId"]] for group in answer["Reservations"] for each in group["Instances"]]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("tag:Name", ["w*"], ["web"]),
        ("tag-key", ["Name"], ["web", "db", "idle"]),
        ("instance-state-name", ["running"], ["web", "db"]),
        ("instance-state-code", ["80"], ["idle"]),
        ("instance-type", ["t3.small"], ["db", "idle"]),
        ("availability-zone", ["us-east-1b"], ["db", "idle"]),
        ("launch-time", ["2026-11-22T13:01:*"], ["db"]),
        ("vpc-id", ["vpc-*"], ["web", "db", "idle"]),
        ("instance.group-name", ["default"], ["web", "db", "idle"]),
        ("private-ip-address", ["172.31.0.*"], ["web"]),
        ("architecture", ["arm64"], []),
        ("state-reason-code", ["Client.UserInitiatedShutdown"], ["idle"]),
        ("spot-instance-request-id", ["*"], []),
        ("root-device-type", ["ebs"], ["web", "db", "idle"]),
    ],
)
def test_filters(aws: Asking, fleet: dict[str, str], name: str, values: list[str], expected: list[str]) -> None:
    assert found(fleet, aws("DescribeInstances", Filters=filtered(name, *values))) == expected


def test_filters_by_what_an_answer_names(aws: Asking, fleet: dict[str, str]) -> None:
    answer = aws("DescribeInstances", Filters=filtered("tag:Name", "db"))
    reservation, instance = answer["Reservations"][0], answer["Reservations"][0]["Instances"][0]
    for name, value in (
        ("reservation-id", reservation["ReservationId"]),
        ("owner-id", reservation["OwnerId"]),
        ("instance-id", instance["InstanceId"]),
        ("image-id", instance["ImageId"]),
        ("subnet-id", instance["SubnetId"]),
        ("ip-address", instance["PublicIpAddress"]),
        ("network-interface.network-interface-id", instance["NetworkInterfaces"][0]["NetworkInterfaceId"]),
        ("block-device-mapping.volume-id", instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]),
        ("instance.group-id", instance["SecurityGroups"][0]["GroupId"]),
    ):
        assert "db" in found(fleet, aws("DescribeInstances", Filters=filtered(name, value))), name


def test_unknown_filters_and_ids(aws: Asking, fleet: dict[str, str]) -> None:
    refused = aws.refused("DescribeInstances", Filters=filtered("colour", "red"))
    assert (refused.code, refused.message) == ("InvalidParameterValue", "The filter 'colour' is invalid")
    malformed = aws.refused("DescribeInstances", InstanceIds=["i-123"])
    assert (malformed.code, malformed.message) == (
        "InvalidInstanceID.Malformed",
        'Invalid id: "i-123"',
    )
    refused = aws.refused("DescribeInstances", InstanceIds=["i-0123456789abcdef0"])
    assert refused.code == "InvalidInstanceID.NotFound"
    assert refused.message == "The instance ID 'i-0123456789abcdef0' does not exist"


def test_pages(aws: Asking, image: str) -> None:
    aws("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=12, MaxCount=12)
    seen: list[str] = []
    token: dict = {}
    lengths = []
    while True:
        page = aws("DescribeInstances", MaxResults=5, **token)
        ids = [each["InstanceId"] for group in page["Reservations"] for each in group["Instances"]]
        lengths.append(len(ids))
        seen += ids
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert lengths == [5, 5, 2]
    assert len(set(seen)) == 12
    for out in (4, 1001):
        assert aws.code("DescribeInstances", MaxResults=out) == "InvalidParameterValue"
    assert aws.code("DescribeInstances", MaxResults=5, InstanceIds=seen[:1]) == "InvalidParameterCombination"
    assert aws.code("DescribeInstances", NextToken="bad") == "InvalidNextToken"
    other = aws("DescribeInstances", MaxResults=5)["NextToken"]
    assert aws.code("DescribeInstanceStatus", NextToken=other) == "InvalidNextToken"


def test_instances_of_one_request_stay_together(aws: Asking, image: str) -> None:
    for _ in range(2):
        aws("RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=3, MaxCount=3)
    groups = aws("DescribeInstances")["Reservations"]
    assert [len(group["Instances"]) for group in groups] == [3, 3]
    assert all([each["AmiLaunchIndex"] for each in group["Instances"]] == [0, 1, 2] for group in groups)


def test_a_terminated_instance_has_let_go_of_everything(aws: Asking, fleet: dict[str, str], world: World) -> None:
    gone = next(iter(fleet))
    aws("TerminateInstances", InstanceIds=[gone])
    world.clock.move(30)
    told = aws("DescribeInstances", InstanceIds=[gone])["Reservations"][0]["Instances"][0]
    assert told["State"] == {"Code": 48, "Name": "terminated"}
    assert told["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    for member in ("SubnetId", "VpcId", "PrivateIpAddress", "PublicIpAddress"):
        assert member not in told
    for member in ("NetworkInterfaces", "SecurityGroups", "BlockDeviceMappings"):
        assert told[member] == []
    assert told["Tags"] == [{"Key": "Name", "Value": "web"}]
    volumes = [volume["Attachments"][0]["InstanceId"] for volume in aws("DescribeVolumes")["Volumes"]]
    assert gone not in volumes
    assert len(volumes) == 2


def test_a_broken_server_tells_its_reason(aws: Asking, fleet: dict[str, str], world: World) -> None:
    broken = next(iter(fleet))
    world.simulated.operator.break_server(broken, "No valid host")
    told = aws("DescribeInstances", InstanceIds=[broken])["Reservations"][0]["Instances"][0]
    assert told["State"]["Name"] == "stopped"
    assert told["StateReason"] == {"Code": "Server.InternalError", "Message": "Server.InternalError: No valid host"}
    status = aws("DescribeInstanceStatus", InstanceIds=[broken], IncludeAllInstances=True)["InstanceStatuses"][0]
    assert status["InstanceStatus"]["Status"] == "impaired"


def test_another_projects_instances_do_not_exist(aws: Asking, fleet: dict[str, str], world: World) -> None:
    other = Asking(world, scope=OTHER)
    assert other("DescribeInstances")["Reservations"] == []
    assert other("DescribeTags")["Tags"] == []
    assert other.code("DescribeInstances", InstanceIds=list(fleet)) == "InvalidInstanceID.NotFound"


def test_status_is_of_running_instances_unless_all_are_asked_for(aws: Asking, fleet: dict[str, str]) -> None:
    def names(**params: object) -> list[str]:
        return [fleet[each["InstanceId"]] for each in aws("DescribeInstanceStatus", **params)["InstanceStatuses"]]

    assert names() == ["web", "db"]
    assert names(IncludeAllInstances=True) == ["web", "db", "idle"]
    assert names(InstanceIds=list(fleet)) == ["web", "db"]
    assert names(Filters=filtered("instance-status.reachability", "passed")) == ["web", "db"]
    assert names(IncludeAllInstances=True, Filters=filtered("instance-state-name", "stopped")) == ["idle"]
    assert names(Filters=filtered("event.code", "*")) == []
    told = aws("DescribeInstanceStatus")["InstanceStatuses"][0]
    assert told["SystemStatus"] == {"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]}


def test_a_server_out_of_sight_is_not_judged(aws: Asking, fleet: dict[str, str], world: World) -> None:
    world.simulated.operator.lose_sight(next(iter(fleet)))
    told = aws("DescribeInstanceStatus", InstanceIds=[next(iter(fleet))])["InstanceStatuses"][0]
    assert told["InstanceStatus"]["Status"] == "insufficient-data"


@pytest.mark.parametrize(
    ("attribute", "member", "value"),
    [
        ("instanceType", "InstanceType", {"Value": "t3.micro"}),
        ("disableApiTermination", "DisableApiTermination", {"Value": False}),
        ("disableApiStop", "DisableApiStop", {"Value": False}),
        ("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior", {"Value": "stop"}),
        ("ebsOptimized", "EbsOptimized", {"Value": False}),
        ("enaSupport", "EnaSupport", {"Value": True}),
        ("sourceDestCheck", "SourceDestCheck", {"Value": True}),
        ("userData", "UserData", {}),
        ("kernel", "KernelId", {}),
        ("ramdisk", "RamdiskId", {}),
        ("productCodes", "ProductCodes", []),
        ("enclaveOptions", "EnclaveOptions", {"Enabled": False}),
    ],
)
def test_attributes(aws: Asking, fleet: dict[str, str], attribute: str, member: str, value: object) -> None:
    instance = next(iter(fleet))
    answer = aws("DescribeInstanceAttribute", InstanceId=instance, Attribute=attribute)
    assert answer["InstanceId"] == instance
    assert answer[member] == value


def test_attributes_that_are_lists(aws: Asking, fleet: dict[str, str]) -> None:
    instance = next(iter(fleet))
    groups = aws("DescribeInstanceAttribute", InstanceId=instance, Attribute="groupSet")["Groups"]
    assert groups[0]["GroupName"] == "default"
    disks = aws("DescribeInstanceAttribute", InstanceId=instance, Attribute="blockDeviceMapping")
    root = aws("DescribeInstanceAttribute", InstanceId=instance, Attribute="rootDeviceName")
    assert disks["BlockDeviceMappings"][0]["DeviceName"] == root["RootDeviceName"]["Value"]
    assert aws("DescribeInstanceAttribute", InstanceId=instance, Attribute="sriovNetSupport")["InstanceId"] == instance


def test_credits_are_of_burstable_types(aws: Asking, fleet: dict[str, str], image: str) -> None:
    told = aws("DescribeInstanceCreditSpecifications")["InstanceCreditSpecifications"]
    assert {each["CpuCredits"] for each in told} == {"unlimited"}
    fixed = aws("RunInstances", ImageId=image, InstanceType="m5.large", MinCount=1, MaxCount=1)["Instances"][0]
    assert len(aws("DescribeInstanceCreditSpecifications")["InstanceCreditSpecifications"]) == 3
    code = aws.code("DescribeInstanceCreditSpecifications", InstanceIds=[fixed["InstanceId"]])
    assert code == "InvalidParameterValue"


def test_there_is_no_uefi_data(aws: Asking, fleet: dict[str, str], image: str) -> None:
    assert aws.code("GetInstanceUefiData", InstanceId=next(iter(fleet))) == "UnsupportedOperation"
    # Terraform asks with an image's id and passes over the error.
    assert aws.code("GetInstanceUefiData", InstanceId=image) == "InvalidInstanceID.Malformed"


def test_volumes_and_interfaces_are_those_of_the_instance(aws: Asking, fleet: dict[str, str]) -> None:
    instance = aws("DescribeInstances", Filters=filtered("tag:Name", "web"))["Reservations"][0]["Instances"][0]
    volume_id = instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    volume = aws("DescribeVolumes", VolumeIds=[volume_id])["Volumes"][0]
    assert volume["Attachments"][0]["InstanceId"] == instance["InstanceId"]
    assert volume["AvailabilityZone"] == "us-east-1a"
    by_instance = aws("DescribeVolumes", Filters=filtered("attachment.instance-id", instance["InstanceId"]))["Volumes"]
    assert by_instance == [volume]
    interface_id = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    interface = aws("DescribeNetworkInterfaces", NetworkInterfaceIds=[interface_id])["NetworkInterfaces"][0]
    assert interface["PrivateIpAddress"] == instance["PrivateIpAddress"]
    assert interface["Attachment"]["InstanceId"] == instance["InstanceId"]
    by_subnet = aws("DescribeNetworkInterfaces", Filters=filtered("subnet-id", instance["SubnetId"]))
    assert by_subnet["NetworkInterfaces"] == [interface]
    assert aws.code("DescribeVolumes", VolumeIds=["vol-0123456789abcdef0"]) == "InvalidVolume.NotFound"
    missing = aws.code("DescribeNetworkInterfaces", NetworkInterfaceIds=["eni-0123456789abcdef0"])
    assert missing == "InvalidNetworkInterfaceID.NotFound"


def test_an_address_has_a_private_name(aws: Asking, world: World, image: str) -> None:
    """Source: Amazon VPC User Guide, "DNS hostnames"."""
    run = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    aws("RunInstances", **run)
    (reservation,) = aws("DescribeInstances")["Reservations"]
    (instance,) = reservation["Instances"]
    name = f"ip-{instance['PrivateIpAddress'].replace('.', '-')}.ec2.internal"
    (interface,) = aws("DescribeNetworkInterfaces")["NetworkInterfaces"]
    told = {instance["PrivateDnsName"], instance["NetworkInterfaces"][0]["PrivateDnsName"]}
    assert told | {interface["PrivateDnsName"], interface["PrivateIpAddresses"][0]["PrivateDnsName"]} == {name}
    for operation in ("DescribeInstances", "DescribeNetworkInterfaces"):
        answer = aws(operation, Filters=filtered("private-dns-name", name))
        assert answer.get("Reservations") or answer.get("NetworkInterfaces")
    scope = Scope(SCOPE.project_id, "eu-west-1")
    elsewhere = Surroundings(request(world.backend, "ec2", "DescribeInstances", {}, scope))
    server = world.backend.servers.list(SCOPE)[0]
    assert Instance(server, elsewhere).private_name.endswith(".eu-west-1.compute.internal")


def test_filters_by_tags_of_interfaces(aws: Asking, fleet: dict[str, str]) -> None:
    (instance,) = aws("DescribeInstances", Filters=filtered("tag:Name", "db"))["Reservations"][0]["Instances"]
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    aws("CreateTags", Resources=[interface], Tags=[{"Key": "lane", "Value": "fast"}])
    for name, value in (("network-interface.tag-key", "lane"), ("network-interface.tag-value", "fast")):
        assert found(fleet, aws("DescribeInstances", Filters=filtered(name, value))) == ["db"], name
        assert found(fleet, aws("DescribeInstances", Filters=filtered(name, "Name"))) == [], name


def test_names_stand_under_the_domains_that_are_set(aws: Asking, image: str, world: World) -> None:
    names = Names(private="in.example", public="{region}.ex.example")
    world.backend = Backend.build(world.store, world.simulated.cloud, world.clock, names=names)
    asked = {"DeviceIndex": 0, "AssociatePublicIpAddress": True}
    one = aws(
        "RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, NetworkInterfaces=[asked]
    )["Instances"][0]  # fmt: skip
    name = f"ec2-{one['PublicIpAddress'].replace('.', '-')}.us-east-1.ex.example"
    assert (one["PublicDnsName"], one["NetworkInterfaces"][0]["Association"]["PublicDnsName"]) == (name, name)
    assert one["PrivateDnsName"].endswith(".in.example")
    assert aws("DescribeInstances", Filters=filtered("dns-name", name))["Reservations"]
    assert aws("DescribeNetworkInterfaces", Filters=filtered("association.public-dns-name", name))["NetworkInterfaces"]
