"""Parameters as boto3 sees them, and what launches make of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.domain.scope import Scope
from backend.services.parameters import Parameters
from backend.store import parameters
from backend.store.secrets import Seal, new_key
from tests.factories import OTHER, SCOPE, World, request
from tests.translators.ec2.wire import Asking
from translators.ssm.words import named

AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


@pytest.fixture
def world():
    world = World()
    usual = world.backend.parameters
    sealed = Parameters(world.store, usual._catalog, world.clock, Seal([new_key()]))
    world.backend = replace(world.backend, parameters=sealed)
    yield world
    world.close()


@pytest.fixture
def ssm(world):
    return Asking(world, "ssm")


def put(ssm, name, value, **more):
    return ssm("PutParameter", Name=name, Value=value, **{"Type": "String", **more})


def value(ssm, name, **more):
    return ssm("GetParameter", Name=name, **more)["Parameter"]["Value"]


def test_versions_and_labels(ssm):
    assert put(ssm, "/app/size", "1") == {"Version": 1, "Tier": "Standard"}
    assert ssm.code("PutParameter", Name="/app/size", Value="2", Type="String") == "ParameterAlreadyExists"
    assert ssm("PutParameter", Name="/app/size", Value="2", Overwrite=True)["Version"] == 2
    assert value(ssm, "/app/size") == "2"
    assert value(ssm, "/app/size:1") == "1"
    told = ssm("LabelParameterVersion", Name="/app/size", ParameterVersion=1, Labels=["live", "aws-no", "1st"])
    assert told == {"InvalidLabels": ["aws-no", "1st"], "ParameterVersion": 1}
    assert value(ssm, "/app/size:live") == "1"
    ssm("LabelParameterVersion", Name="/app/size", Labels=["live"])
    got = ssm("GetParameter", Name="/app/size:live")["Parameter"]
    assert (got["Value"], got["Selector"], got["Version"]) == ("2", ":live", 2)
    assert [each["Labels"] for each in ssm("GetParameterHistory", Name="/app/size")["Parameters"]] == [[], ["live"]]
    assert ssm.code("GetParameter", Name="/app/size:7") == "ParameterVersionNotFound"
    gone = ssm("UnlabelParameterVersion", Name="/app/size", ParameterVersion=2, Labels=["live", "x"])
    assert gone == {"RemovedLabels": ["live"], "InvalidLabels": ["x"]}
    ssm("DeleteParameter", Name="/app/size")
    assert ssm.refused("GetParameter", Name="/app/size").code == "ParameterNotFound"
    assert ssm.code("DeleteParameter", Name="/app/size") == "ParameterNotFound"


def test_the_oldest_of_a_hundred_versions_goes(ssm):
    put(ssm, "p", "0")
    for number in range(1, 101):
        ssm("PutParameter", Name="p", Value=str(number), Overwrite=True)
    assert ssm.code("GetParameter", Name="p:1") == "ParameterVersionNotFound"
    ssm("LabelParameterVersion", Name="p", ParameterVersion=2, Labels=["keep"])
    refused = ssm.refused("PutParameter", Name="p", Value="x", Overwrite=True)
    assert refused.code == "ParameterMaxVersionLimitExceeded"
    assert value(ssm, "p") == "100"


def test_secure_values_lie_sealed(world, ssm):
    put(ssm, "db", "hunter2", Type="SecureString")
    assert value(ssm, "db", WithDecryption=True) == "hunter2"
    assert "hunter2" not in value(ssm, "db")
    assert world.backend.parameters.find(SCOPE, "db").value != "hunter2"
    assert ssm("DescribeParameters")["Parameters"][0]["KeyId"] == "alias/aws/ssm"
    key = "arn:aws:kms:us-east-1:1:key/1"
    assert ssm.code("PutParameter", Name="k", Value="v", Type="SecureString", KeyId=key) == "InvalidKeyId"


def test_without_a_key_nothing_secure_is_kept():
    world = World()
    ssm = Asking(world, "ssm")
    assert ssm.code("PutParameter", Name="k", Value="v", Type="SecureString") == "InvalidKeyId"
    put(ssm, "plain", "v")
    world.close()


def test_paths_filters_and_pages(ssm):
    for name in ("/a/x", "/a/y", "/a/b/z", "/ab", "plain"):
        put(ssm, name, name)
    below = ssm("GetParametersByPath", Path="/a")["Parameters"]
    assert [each["Name"] for each in below] == ["/a/x", "/a/y"]
    first = ssm("GetParametersByPath", Path="/a/", Recursive=True, MaxResults=2)
    assert [each["Name"] for each in first["Parameters"]] == ["/a/b/z", "/a/x"]
    rest = ssm("GetParametersByPath", Path="/a/", Recursive=True, MaxResults=2, NextToken=first["NextToken"])
    assert [each["Name"] for each in rest["Parameters"]] == ["/a/y"]
    assert "NextToken" not in rest

    def described(**asked):
        return [each["Name"] for each in ssm("DescribeParameters", ParameterFilters=[asked])["Parameters"]]

    assert described(Key="Name", Option="BeginsWith", Values=["/a"]) == ["/a/b/z", "/a/x", "/a/y", "/ab"]
    assert described(Key="Name", Values=["plain"]) == ["plain"]
    assert described(Key="Path", Option="OneLevel", Values=["/a"]) == ["/a/x", "/a/y"]
    ssm("AddTagsToResource", ResourceType="Parameter", ResourceId="plain", Tags=[{"Key": "k", "Value": "v"}])
    assert described(Key="tag:k", Values=["v"]) == ["plain"]
    ssm("PutParameter", Name="plain", Value="new", Overwrite=True)
    tags = {"ResourceType": "Parameter", "ResourceId": "plain"}
    assert ssm("ListTagsForResource", **tags)["TagList"] == [{"Key": "k", "Value": "v"}]
    ssm("RemoveTagsFromResource", **tags, TagKeys=["k"])
    assert ssm("ListTagsForResource", **tags)["TagList"] == []
    several = ssm("GetParameters", Names=["/a/x", "nobody"])
    assert ([each["Name"] for each in several["Parameters"]], several["InvalidParameters"]) == (["/a/x"], ["nobody"])
    gone = ssm("DeleteParameters", Names=["/a/x", "nobody"])
    assert gone == {"DeletedParameters": ["/a/x"], "InvalidParameters": ["nobody"]}
    assert Asking(ssm.world, "ssm", OTHER)("DescribeParameters")["Parameters"] == []


def test_a_page_reads_no_more_than_it_needs(ssm, monkeypatch):
    """However many parameters there are; what a filter leaves out is read past, some at a time."""
    monkeypatch.setattr("backend.services.parameters._AT_ONCE", 3)
    read: list[int] = []
    usual = parameters.heads

    def counted(*arguments, **asked):
        found = usual(*arguments, **asked)
        read.append(len(found))
        return found

    monkeypatch.setattr(parameters, "heads", counted)
    for number in range(10):
        put(ssm, f"/a/{number}", "v")
    put(ssm, "/a_b", "v")
    first = ssm("DescribeParameters", MaxResults=2)
    assert ([each["Name"] for each in first["Parameters"]], read) == (["/a/0", "/a/1"], [3])
    second = ssm("DescribeParameters", MaxResults=2, NextToken=first["NextToken"])
    assert [each["Name"] for each in second["Parameters"]] == ["/a/2", "/a/3"]
    read.clear()
    name = {"Key": "Name", "Option": "Contains", "Values": ["7"]}
    found = ssm("DescribeParameters", ParameterFilters=[name], MaxResults=1)
    assert ([each["Name"] for each in found["Parameters"]], sum(read)) == (["/a/7"], 11)
    assert "NextToken" not in found
    read.clear()
    assert ssm("GetParametersByPath", Path="/a_", Recursive=True)["Parameters"] == []
    assert read == [0]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Name": "aws/x"}, "AccessDeniedException"),
        ({"Name": "/aws/service/x"}, "AccessDeniedException"),
        ({"Name": "ssm-x"}, "ValidationException"),
        ({"Name": "a/b"}, "ValidationException"),
        ({"Name": "/a//b"}, "ValidationException"),
        ({"Name": "a b"}, "ValidationException"),
        ({"Name": "/a" * 17}, "HierarchyLevelLimitExceededException"),
        ({"Name": "a" * 1012}, "ValidationException"),
        ({"Value": "x" * 4097}, "ValidationException"),
        ({"Value": "x" * 8193, "Tier": "Advanced"}, "ValidationException"),
        ({"Value": "x", "AllowedPattern": "[0-9]+"}, "ParameterPatternMismatchException"),
        ({"Value": "x", "AllowedPattern": "["}, "InvalidAllowedPatternException"),
        ({"Value": "x" * 4000, "AllowedPattern": "(x+)+y"}, "ValidationException"),
        ({"Value": "x" * 4000, "AllowedPattern": "x*x*x*x*y"}, "ValidationException"),
        ({"Policies": "[]"}, "InvalidPolicyTypeException"),
        ({"DataType": "aws:ec2:image"}, "ValidationException"),
        ({"Overwrite": True, "Tags": [{"Key": "k", "Value": "v"}]}, "ValidationException"),
    ],
)
def test_what_is_no_parameter_is_refused(ssm, params, code):
    assert ssm.code("PutParameter", **{"Name": "p", "Value": "v", "Type": "String", **params}) == code
    assert ssm("DescribeParameters")["Parameters"] == []


def test_a_secure_parameter_stays_one(ssm):
    put(ssm, "p", "v")
    assert ssm.code("PutParameter", Name="p", Value="v", Type="SecureString", Overwrite=True) == "HierarchyTypeMismatch"


def test_public_parameters_name_the_newest_image(ssm):
    got = ssm("GetParameter", Name=AL2023)["Parameter"]
    assert (got["Type"], got["DataType"], got["ARN"]) == (
        "String",
        "text",
        f"arn:aws:ssm:us-east-1::parameter{AL2023}",
    )
    ec2 = Asking(ssm.world, "ec2")
    image = ec2("DescribeImages", ImageIds=[got["Value"]])["Images"][0]
    assert image["Name"] == "al2023-ami-2023.12.20260930.0-kernel-6.1-x86_64"
    assert ssm("GetParameter", Name=got["ARN"])["Parameter"] == got
    assert ssm.code("GetParameter", Name="/aws/service/nothing") == "ParameterNotFound"
    page = ssm("GetParametersByPath", Path="/aws/service/ami-amazon-linux-latest")
    assert len(page["Parameters"]) == 10
    assert page["NextToken"]


def test_an_arn_tells_the_clouds_own_name_of_a_region(ssm):
    scope = Scope(SCOPE.project_id, "RegionOne")
    call = request(ssm.world.backend, "ssm", "GetParameter", {}, scope)
    assert named(call, f"arn:aws:ssm:RegionOne:{call.account_id}:parameter/a/b") == (["/a/b"], None)
    assert named(call, f"arn:aws:ssm:RegionTwo:{call.account_id}:parameter/a/b") == ([], None)


def test_every_usual_name_means_an_image_of_its_kind(ssm):
    scope, parameters = SCOPE, ssm.world.backend.parameters
    for name in parameters._catalog.aliases:
        found = parameters.public(scope, name)
        assert found is not None, name
        arm = "arm64" in name
        assert (found.image.architecture == "arm64") == arm, (name, found.image.name)


@pytest.mark.parametrize("alias", [AL2023, "/own/image", "/own/image:1", "/own/image:live"])
def test_instances_are_launched_by_a_parameter(ssm, alias):
    ec2 = Asking(ssm.world, "ec2")
    image = value(ssm, AL2023)
    put(ssm, "/own/image", image, DataType="aws:ec2:image")
    ssm("LabelParameterVersion", Name="/own/image", Labels=["live"])
    asked = {"ImageId": f"resolve:ssm:{alias}", "MinCount": 1, "MaxCount": 1}
    assert ec2("RunInstances", InstanceType="t3.micro", **asked)["Instances"][0]["ImageId"] == image
    assert ec2("RunInstances", **asked)["Instances"][0]["ImageId"] == image


@pytest.mark.parametrize("alias", ["/aws/service/x", "/own/gone", "/own/text", "/own/text:9"])
def test_a_parameter_of_no_image_launches_nothing(ssm, alias):
    put(ssm, "/own/text", "ami-nonsense")
    ec2, image = Asking(ssm.world, "ec2"), f"resolve:ssm:{alias}"
    asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    refused = ec2.refused("RunInstances", **asked)
    assert (refused.code, image in refused.message) == ("InvalidAMIID.NotFound", True)
    ec2("CreateLaunchTemplate", LaunchTemplateName="tmpl", LaunchTemplateData={"ImageId": image})
    group = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1, "AvailabilityZones": ["us-east-1a"]}
    source = {"LaunchTemplateName": "tmpl"}
    assert Asking(ssm.world, "autoscaling").code("CreateAutoScalingGroup", LaunchTemplate=source, **group)
