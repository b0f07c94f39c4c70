from __future__ import annotations

import pytest
from botocore.model import Shape

from backend.domain.options import ServerOptions
from backend.domain.profile import BlockDevice
from backend.domain.requirements import Bounds, Requirements
from gateway.models import operation_model
from translators.ec2 import launch_data
from translators.errors import AWSError


def spec(**data: object):
    return launch_data.spec_of(data, {"use1-az2": "us-east-1b"})


def test_what_a_server_has() -> None:
    made = spec(
        ImageId="ami-0123456789abcdef0",
        InstanceType="t3.micro",
        KeyName="k",
        SecurityGroupIds=["sg-0123456789abcdef0"],
        SecurityGroups=["default"],
        UserData="aGVsbG8=",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
        IamInstanceProfile={"Arn": "arn:x"},
        Placement={"AvailabilityZone": "us-east-1a", "Tenancy": "default"},
    )
    assert (made.image, made.instance_type, made.key_name) == ("0123456789abcdef0", "t3.micro", "k")
    assert made.security_group_ids == ("0123456789abcdef0",)
    assert made.security_group_names == ("default",)
    assert (made.user_data, made.tags, made.zone, made.iam_profile) == ("aGVsbG8=", {"a": "b"}, "us-east-1a", "arn:x")
    assert made.unsupported == ()


def test_the_first_interface_places_the_server() -> None:
    made = spec(
        NetworkInterfaces=[
            {
                "DeviceIndex": 0,
                "SubnetId": "subnet-0123456789abcdef0",
                "Groups": ["sg-0123456789abcdef1"],
                "AssociatePublicIpAddress": False,
            }
        ]
    )
    assert (made.subnet, made.security_group_ids) == ("0123456789abcdef0", ("0123456789abcdef1",))
    assert made.public_address is False
    assert made.unsupported == ()


def test_a_zone_by_its_id() -> None:
    assert spec(Placement={"AvailabilityZoneId": "use1-az2"}).zone == "us-east-1b"
    assert spec(Placement={"AvailabilityZoneId": "use1-az9"}).zone == "use1-az9"


@pytest.mark.parametrize(
    ("mapping", "disk"),
    [
        ({"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 9}}, BlockDevice("/dev/sda1", 9)),
        (
            {"DeviceName": "a", "Ebs": {"DeleteOnTermination": False, "VolumeType": "io1"}},
            BlockDevice("a", volume_type="io1", delete_on_termination=False),
        ),
        (
            {"DeviceName": "a", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}},
            BlockDevice("a", snapshot="0123456789abcdef0"),
        ),
        ({"DeviceName": "a", "VirtualName": "ephemeral0"}, BlockDevice("a", ephemeral="ephemeral0")),
        ({"DeviceName": "a", "NoDevice": ""}, BlockDevice("a", suppressed=True)),
    ],
)
def test_disks(mapping: dict, disk: BlockDevice) -> None:
    assert spec(BlockDeviceMappings=[mapping]).block_devices == (disk,)


@pytest.mark.parametrize(
    ("placement", "name", "short"),
    [
        ({"GroupName": "near"}, "near", None),
        ({"GroupId": "pg-0123456789abcdef0"}, None, "0123456789abcdef0"),
        ({"GroupId": "pg-nothing"}, None, "pg-nothing"),
        ({"GroupName": ""}, None, None),
    ],
)
def test_a_placement_group_by_name_or_id(placement: dict, name: str | None, short: str | None) -> None:
    described = spec(Placement=placement)
    assert (described.server_group, described.server_group_id, described.unsupported) == (name, short, ())


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"InstanceMarketOptions": {"MarketType": "capacity-block"}}, "InstanceMarketOptions"),
        (
            {"InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "persistent"}}},
            "InstanceMarketOptions.SpotOptions.SpotInstanceType",
        ),
        (
            {"CapacityReservationSpecification": {"CapacityReservationTarget": {"CapacityReservationId": "cr-1"}}},
            "CapacityReservationSpecification.CapacityReservationTarget",
        ),
        (
            {"CapacityReservationSpecification": {"CapacityReservationPreference": "capacity-reservations-only"}},
            "CapacityReservationSpecification.CapacityReservationPreference",
        ),
        ({"Placement": {"Tenancy": "dedicated"}}, "Placement.Tenancy"),
        ({"Placement": {"HostId": "h-1"}}, "Placement.HostId"),
        ({"Placement": {"GroupName": "g", "SpreadDomain": "d"}}, "Placement.SpreadDomain"),
        ({"HibernationOptions": {"Configured": True}}, "HibernationOptions"),
        ({"EnclaveOptions": {"Enabled": True}}, "EnclaveOptions"),
        ({"ElasticGpuSpecifications": [{"Type": "eg1"}]}, "ElasticGpuSpecifications"),
        ({"ElasticInferenceAccelerators": [{"Type": "eia"}]}, "ElasticInferenceAccelerators"),
        ({"LicenseSpecifications": [{"LicenseConfigurationArn": "a"}]}, "LicenseSpecifications"),
        ({"CpuOptions": {"AmdSevSnp": "enabled"}}, "CpuOptions.AmdSevSnp"),
        ({"KernelId": "aki-1"}, "KernelId"),
        ({"NetworkInterfaces": [{"InterfaceType": "efa"}]}, "NetworkInterfaces.InterfaceType"),
        ({"NetworkInterfaces": [{"DeviceIndex": 0}, {"DeviceIndex": 1}]}, "NetworkInterfaces (more than one)"),
    ],
)
def test_what_may_not_be_passed_over_is_named(data: dict, named: str) -> None:
    assert named in spec(**data).unsupported


@pytest.mark.parametrize(
    "data",
    [
        {"InstanceMarketOptions": {"MarketType": "on-demand"}},
        {"CapacityReservationSpecification": {"CapacityReservationPreference": "none"}},
        {"HibernationOptions": {"Configured": False}},
        {"EnclaveOptions": {"Enabled": False}},
        {"DisableApiStop": False, "DisableApiTermination": False},
        {"CpuOptions": {"AmdSevSnp": "disabled", "CoreCount": 1}},
        {"NetworkInterfaces": [{"InterfaceType": "interface"}]},
    ],
)
def test_what_asks_for_nothing_special_is_fine(data: dict) -> None:
    assert spec(**data).unsupported == ()


READ = {
    "BlockDeviceMappings", "NetworkInterfaces", "ImageId", "InstanceType", "KeyName", "Placement", "UserData",
    "TagSpecifications", "SecurityGroupIds", "SecurityGroups", "InstanceMarketOptions", "HibernationOptions",
    "EnclaveOptions", "CapacityReservationSpecification",
    "IamInstanceProfile", "KernelId", "RamDiskId", "ElasticGpuSpecifications", "ElasticInferenceAccelerators", "LicenseSpecifications",
    "InstanceRequirements", "SecondaryInterfaces", "Operator", "DisableApiStop", "DisableApiTermination",
}  # fmt: skip


def test_a_type_by_what_it_has() -> None:
    wanted = {"VCpuCount": {"Min": 2, "Max": 4}, "MemoryMiB": {"Min": 1}, "AllowedInstanceTypes": ["m*"]}
    made = spec(InstanceRequirements=wanted, InstanceType="")
    assert made.requirements == Requirements(Bounds(2, 4), Bounds(1), allowed=("m*",))
    assert (made.instance_type, made.unsupported) == (None, ())
    with pytest.raises(AWSError, match="InstanceType cannot be used"):
        spec(InstanceRequirements=wanted, InstanceType="m5.large")
    with pytest.raises(AWSError, match="but not both"):
        spec(InstanceRequirements={**wanted, "ExcludedInstanceTypes": ["m5*"]})


def test_switches_go_with_the_server() -> None:
    data = {
        "DisableApiTermination": True,
        "DisableApiStop": True,
        "Monitoring": {"Enabled": True},
        "EbsOptimized": True,
        "CreditSpecification": {"CpuCredits": "standard"},
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 3},
        "MaintenanceOptions": {"AutoRecovery": "disabled"},
    }
    assert spec(**data).options == ServerOptions(
        protected=True,
        kept_running=True,
        monitored=True,
        ebs_optimized=True,
        credits="standard",
        tokens="required",
        hops=3,
        recovery="disabled",
    )


@pytest.mark.parametrize(
    "data",
    [
        {"PrivateIpAddress": "172.31.0.77"},
        {"NetworkInterfaces": [{"DeviceIndex": 0, "PrivateIpAddress": "172.31.0.77"}]},
        {"NetworkInterfaces": [{"PrivateIpAddresses": [{"PrivateIpAddress": "172.31.0.77"}]}]},
    ],
)
def test_an_address_of_its_own(data: dict) -> None:
    assert spec(**data).private_address == "172.31.0.77"


def test_every_member_of_the_model_is_in_one_of_the_three_sets() -> None:
    """A member that the next model brings must be decided on."""
    model = operation_model("ec2", "CreateLaunchTemplate")
    assert model is not None
    data: Shape = model.input_shape.members["LaunchTemplateData"]
    told = {name.partition(".")[0].partition("[")[0] for name in launch_data.SHOWN_WITHOUT_EFFECT}
    assert set(data.members) == READ | (told & set(data.members))
    assert {name for name in told if name[0].isupper()} <= set(data.members)
