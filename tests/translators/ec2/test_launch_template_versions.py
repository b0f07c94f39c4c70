from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.store.guarded import Guard, guard
from backend.store.secrets import Seal, new_key
from tests.factories import World
from tests.translators.ec2.wire import Asking, filtered


@pytest.fixture
def three(aws: Asking) -> Asking:
    """A template with three versions, and another with one."""
    aws("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData={"InstanceType": "t3.micro"})
    for instance_type in ("t3.small", "t3.large"):
        aws(
            "CreateLaunchTemplateVersion",
            LaunchTemplateName="web",
            LaunchTemplateData={"InstanceType": instance_type, "EbsOptimized": instance_type == "t3.large"},
            VersionDescription=instance_type,
        )
    aws("CreateLaunchTemplate", LaunchTemplateName="api", LaunchTemplateData={"ImageId": "ami-0123456789abcdef0"})
    return aws


def numbers(answer: dict) -> list[int]:
    return [version["VersionNumber"] for version in answer["LaunchTemplateVersions"]]


def test_the_newest_comes_first(three: Asking) -> None:
    assert numbers(three("DescribeLaunchTemplateVersions", LaunchTemplateName="web")) == [3, 2, 1]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"Versions": ["$Latest"]}, [3]),
        ({"Versions": ["$Default"]}, [1]),
        ({"Versions": ["2", "$Latest", "3"]}, [3, 2]),
        ({"MinVersion": "2"}, [3, 2]),
        ({"MaxVersion": "2"}, [2, 1]),
        ({"MaxVersion": "9" * 25}, [3, 2, 1]),
        ({"MinVersion": "9" * 5000}, []),
        ({"MinVersion": "2", "MaxVersion": "2"}, [2]),
        ({"MinVersion": "$Default", "MaxVersion": "$Latest"}, [3, 2, 1]),
        ({"Filters": filtered("is-default-version", "true")}, [1]),
        ({"Filters": filtered("instance-type", "t3.s*", "t3.large")}, [3, 2]),
        ({"Filters": filtered("ebs-optimized", "true")}, [3]),
    ],
)
def test_versions_are_chosen(three: Asking, params: dict, expected: list[int]) -> None:
    assert numbers(three("DescribeLaunchTemplateVersions", LaunchTemplateName="web", **params)) == expected


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Versions": ["7"]}, "InvalidLaunchTemplateId.VersionNotFound"),
        ({"Versions": ["latest"]}, "InvalidParameterValue"),
        ({"Versions": ["1"], "MinVersion": "1"}, "InvalidParameterCombination"),
        ({"MinVersion": "x"}, "InvalidParameterValue"),
        ({"MaxResults": 0}, "InvalidParameterValue"),
        ({"MaxResults": 201}, "InvalidParameterValue"),
        ({"NextToken": "x"}, "InvalidNextToken"),
        ({"Filters": filtered("version", "1")}, "InvalidParameterValue"),
    ],
)
def test_what_cannot_be_asked(three: Asking, params: dict, code: str) -> None:
    assert three.code("DescribeLaunchTemplateVersions", LaunchTemplateName="web", **params) == code


def test_pages_go_downwards(three: Asking) -> None:
    page = three("DescribeLaunchTemplateVersions", LaunchTemplateName="web", MaxResults=2)
    assert numbers(page) == [3, 2]
    rest = three("DescribeLaunchTemplateVersions", LaunchTemplateName="web", MaxResults=2, NextToken=page["NextToken"])
    assert numbers(rest) == [1]
    assert "NextToken" not in rest


def test_what_is_filtered_fills_its_pages_and_goes_on_behind_what_went_meanwhile(three: Asking) -> None:
    def asked(**params: object) -> dict:
        return three("DescribeLaunchTemplateVersions", LaunchTemplateName="web", MaxResults=1, **params)

    small = {"Filters": filtered("instance-type", "t3.small", "t3.micro")}
    page = asked(**small)
    assert numbers(page) == [2]
    assert numbers(asked(**small, NextToken=page["NextToken"])) == [1]
    page = asked(MinVersion="2")
    three("DeleteLaunchTemplateVersions", LaunchTemplateName="web", Versions=["2"])
    assert asked(MinVersion="2", NextToken=page["NextToken"]) == {"LaunchTemplateVersions": []}


def test_no_more_versions_are_opened_than_a_page_has(
    world: World, aws: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard(world.store.engine, Guard(Seal([new_key()]), closes=True))
    aws("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData={"InstanceType": "t3.micro"})
    for _ in range(9):
        aws("CreateLaunchTemplateVersion", LaunchTemplateName="web", LaunchTemplateData={"KeyName": "k"})
    opened, once = [], Seal.open

    def counted(seal: Seal, sealed: str) -> str:
        opened.append(sealed)
        return once(seal, sealed)

    monkeypatch.setattr(Seal, "open", counted)
    page = aws("DescribeLaunchTemplateVersions", LaunchTemplateName="web", MaxResults=2)
    assert (numbers(page), len(opened)) == ([10, 9], 3 * 2), "two columns of each, and one that says that more follow"


def test_without_a_template_the_latest_or_default_of_each(three: Asking) -> None:
    def asked(**params: object) -> list[tuple[str, int]]:
        answer = three("DescribeLaunchTemplateVersions", **params)
        return [(each["LaunchTemplateName"], each["VersionNumber"]) for each in answer["LaunchTemplateVersions"]]

    assert asked(Versions=["$Latest"]) == [("api", 1), ("web", 3)]
    assert asked(Versions=["$Default"]) == [("api", 1), ("web", 1)]
    assert asked(Versions=["$Latest", "$Default"]) == [("api", 1), ("web", 3), ("web", 1)]
    assert asked(Versions=["$Latest"], Filters=filtered("instance-type", "t3.*")) == [("web", 3)]
    page = three("DescribeLaunchTemplateVersions", Versions=["$Latest"], MaxResults=1)
    assert asked(Versions=["$Latest"], MaxResults=1, NextToken=page["NextToken"]) == [("web", 3)]
    assert three.code("DescribeLaunchTemplateVersions", Versions=["1"]) == "InvalidParameterValue"
    assert three.code("DescribeLaunchTemplateVersions") == "MissingParameter"


def test_a_source_is_overridden_member_by_member(aws: Asking) -> None:
    aws(
        "CreateLaunchTemplate",
        LaunchTemplateName="web",
        LaunchTemplateData={
            "InstanceType": "t3.micro",
            "KeyName": "k",
            "SecurityGroupIds": ["sg-0123456789abcdef0", "sg-0123456789abcdef1"],
        },
    )
    made = aws(
        "CreateLaunchTemplateVersion",
        LaunchTemplateName="web",
        SourceVersion="$Default",
        LaunchTemplateData={"InstanceType": "t3.small", "SecurityGroupIds": ["sg-0123456789abcdef2"]},
    )["LaunchTemplateVersion"]
    assert made["LaunchTemplateData"] == {
        "InstanceType": "t3.small",
        "KeyName": "k",
        "SecurityGroupIds": ["sg-0123456789abcdef2"],
    }
    plain = aws("CreateLaunchTemplateVersion", LaunchTemplateName="web", LaunchTemplateData={"KeyName": "z"})
    assert plain["LaunchTemplateVersion"]["LaunchTemplateData"] == {"KeyName": "z"}
    code = aws.code(
        "CreateLaunchTemplateVersion", LaunchTemplateName="web", SourceVersion="9", LaunchTemplateData={"KeyName": "z"}
    )
    assert code == "InvalidLaunchTemplateId.VersionNotFound"


def test_a_token_makes_one_version(three: Asking) -> None:
    params = {"LaunchTemplateName": "web", "LaunchTemplateData": {"KeyName": "k"}, "ClientToken": "again"}
    first = three("CreateLaunchTemplateVersion", **params)
    assert three("CreateLaunchTemplateVersion", **params) == first
    assert first["LaunchTemplateVersion"]["VersionNumber"] == 4
    params["LaunchTemplateData"] = {"KeyName": "other"}
    assert three.code("CreateLaunchTemplateVersion", **params) == "IdempotentParameterMismatch"
    assert three.code("CreateLaunchTemplateVersion", **{**params, "ClientToken": "x" * 129}) == "InvalidParameterValue"


EVERYTHING = {
    "EbsOptimized": False,
    "IamInstanceProfile": {"Name": "web"},
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "DeleteOnTermination": True}},
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
        {"DeviceName": "/dev/sdc", "NoDevice": ""},
    ],
    "NetworkInterfaces": [{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": ["sg-0123456789abcdef0"]}],
    "ImageId": "ami-0123456789abcdef0",
    "InstanceType": "t3.micro",
    "KeyName": "k",
    "Monitoring": {"Enabled": True},
    "Placement": {"AvailabilityZone": "us-east-1a", "Tenancy": "default"},
    "DisableApiTermination": True,
    "InstanceInitiatedShutdownBehavior": "terminate",
    "UserData": "aGVsbG8=",
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "x"}]},
        {"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "v"}]},
    ],
    "InstanceMarketOptions": {
        "MarketType": "spot",
        "SpotOptions": {"MaxPrice": "0.1", "ValidUntil": datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)},
    },
    "CreditSpecification": {"CpuCredits": "unlimited"},
    "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2},
    "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
    "LicenseSpecifications": [{"LicenseConfigurationArn": "arn:aws:license-manager:::x"}],
    "HibernationOptions": {"Configured": True},
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    "EnclaveOptions": {"Enabled": False},
    "PrivateDnsNameOptions": {"HostnameType": "ip-name"},
    "MaintenanceOptions": {"AutoRecovery": "default"},
    "DisableApiStop": False,
}


def test_every_member_comes_back_as_it_was_given(aws: Asking) -> None:
    aws("CreateLaunchTemplate", LaunchTemplateName="all", LaunchTemplateData=EVERYTHING)
    told = aws("DescribeLaunchTemplateVersions", LaunchTemplateName="all")["LaunchTemplateVersions"][0]
    assert told["LaunchTemplateData"] == EVERYTHING


def test_what_says_nothing_is_not_told_again(aws: Asking) -> None:
    """Terraform sends empty strings and must not see a difference in their absence."""
    aws(
        "CreateLaunchTemplate",
        LaunchTemplateName="bare",
        LaunchTemplateData={
            "InstanceType": "t3.micro",
            "UserData": "",
            "KeyName": "",
            "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"MaxPrice": ""}},
        },
    )
    told = aws("DescribeLaunchTemplateVersions", LaunchTemplateName="bare")["LaunchTemplateVersions"][0]
    data = told["LaunchTemplateData"]
    assert data == {
        "InstanceType": "t3.micro",
        "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"MaxPrice": ""}},
    }
    assert "VersionDescription" not in told


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"UserData": "QUFB" * 6000}, "InvalidUserData.Malformed"),
        ({"ImageId": "nonsense"}, "InvalidAMIID.Malformed"),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
        ({"TagSpecifications": [{"ResourceType": "vpc", "Tags": []}]}, "InvalidParameterValue"),
        (
            {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "aws:x", "Value": "y"}]}]},
            "InvalidParameterValue",
        ),
    ],
)
def test_words_that_cannot_mean_anything_are_refused(aws: Asking, data: dict, code: str) -> None:
    assert aws.code("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=data) == code


def test_an_instance_as_template_data(aws: Asking, image: str) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "x"}]}]
    run = aws(
        "RunInstances",
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=tags,
        UserData="aGVsbG8=",
    )
    data = aws("GetLaunchTemplateData", InstanceId=run["Instances"][0]["InstanceId"])["LaunchTemplateData"]
    assert (data["ImageId"], data["InstanceType"], data["UserData"]) == (image, "t3.micro", "aGVsbG8=")
    assert data["TagSpecifications"] == tags
    aws("CreateLaunchTemplate", LaunchTemplateName="copy", LaunchTemplateData=data)
    again = aws("RunInstances", LaunchTemplate={"LaunchTemplateName": "copy"}, MinCount=1, MaxCount=1)
    assert again["Instances"][0]["SubnetId"] == run["Instances"][0]["SubnetId"]
    assert aws.code("GetLaunchTemplateData", InstanceId="i-0123456789abcdef0") == "InvalidInstanceID.NotFound"


def test_the_image_behind_a_parameter_is_told_where_that_is_asked_for(aws: Asking) -> None:
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    data = {"ImageId": f"resolve:ssm:{name}", "InstanceType": "t3.micro"}
    aws("CreateLaunchTemplate", LaunchTemplateName="alias", LaunchTemplateData=data)
    asked = {"LaunchTemplateName": "alias", "ResolveAlias": True}
    image = Asking(aws.world, "ssm")("GetParameter", Name=name)["Parameter"]["Value"]
    told = aws("DescribeLaunchTemplateVersions", **asked)["LaunchTemplateVersions"]
    assert told[0]["LaunchTemplateData"]["ImageId"] == image
    plainly = aws("DescribeLaunchTemplateVersions", LaunchTemplateName="alias")["LaunchTemplateVersions"]
    assert plainly[0]["LaunchTemplateData"]["ImageId"] == data["ImageId"]
    unknown = {"ImageId": "resolve:ssm:/aws/service/x", "InstanceType": "t3.micro"}
    assert aws.code("CreateLaunchTemplateVersion", **asked, LaunchTemplateData=unknown) == "InvalidAMIID.NotFound"
    told = aws("DescribeLaunchTemplateVersions", LaunchTemplateName="alias")["LaunchTemplateVersions"]
    assert [version["VersionNumber"] for version in told] == [1], "nothing was made"
    plain = {"LaunchTemplateData": {"InstanceType": "t3.micro", "ImageId": "ami-0123456789abcdef0"}}
    made = aws("CreateLaunchTemplateVersion", LaunchTemplateName="alias", ResolveAlias=True, **plain)
    assert made["LaunchTemplateVersion"]["VersionNumber"] == 2


def test_data_of_an_instance_tells_its_switches_and_no_disk_as_left_out(aws: Asking, image: str) -> None:
    root = aws("DescribeImages", ImageIds=[image])["Images"][0]["RootDeviceName"]
    asked = {"DeviceName": root, "Ebs": {"VolumeSize": 9, "VolumeType": "gp3", "Iops": 3500}}
    made = aws(
        "RunInstances", ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, DisableApiStop=True,
        Monitoring={"Enabled": True}, CreditSpecification={"CpuCredits": "standard"}, BlockDeviceMappings=[asked],
    )["Instances"][0]  # fmt: skip
    data = aws("GetLaunchTemplateData", InstanceId=made["InstanceId"])["LaunchTemplateData"]
    assert (data["DisableApiStop"], data["DisableApiTermination"], data["Monitoring"]["Enabled"]) == (True, False, True)
    assert data["CreditSpecification"] == {"CpuCredits": "standard"}
    assert data["BlockDeviceMappings"][0]["Ebs"]["Iops"] == 3500
    volume = made["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    aws("ModifyVolume", VolumeId=volume, Size=12)
    data = aws("GetLaunchTemplateData", InstanceId=made["InstanceId"])["LaunchTemplateData"]
    assert "BlockDeviceMappings" not in data or all("NoDevice" not in each for each in data["BlockDeviceMappings"])
