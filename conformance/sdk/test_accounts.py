"""boto3: keys that end, roles, accounts and images of a developer's own, and any region, on the embedded cloud."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import unique
from conformance.product import ROOT, Access, Product

PROD = "123456789012"


def command(product: Product, *words: str) -> Any:
    """What ``coppice`` answers, as programs read it."""
    asked = [sys.executable, "wsgi.py", *words, "--state", str(product.state), "-o", "json"]
    return json.loads(subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def by(access: Access, service: str, credentials: dict[str, str], **extra: Any) -> Any:
    """A client with temporary credentials."""
    return client(
        access,
        service,
        key=credentials["AccessKeyId"],
        secret=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        **extra,
    )


@pytest.fixture(scope="module")
def prod(product: Product) -> dict[str, str]:
    """A key of another account, made while the server runs."""
    keys = {"key": unique("AKIA").replace("-", "_"), "secret": unique("secret")}
    chosen = ["--user", "ci", "--access-key", keys["key"], "--secret-key", keys["secret"]]
    command(product, "account", "add", "prod", "--id", PROD, "--trusts", "default", *chosen)
    return keys


def test_an_account_that_is_made_while_the_server_runs(product: Product, prod: dict[str, str]) -> None:
    told = client(product.access, "sts", **prod).get_caller_identity()
    assert (told["Account"], told["Arn"]) == (PROD, f"arn:aws:iam::{PROD}:user/ci")
    group = unique("lt")
    own = client(product.access, "ec2", **prod)
    own.create_launch_template(LaunchTemplateName=group, LaunchTemplateData={"InstanceType": "t3.micro"})
    others = client(product.access, "ec2").describe_launch_templates()["LaunchTemplates"]
    assert group not in {each["LaunchTemplateName"] for each in others}
    brief = {"key": unique("AKIA").replace("-", "_"), "secret": unique("secret")}
    chosen = ["--access-key", brief["key"], "--secret-key", brief["secret"]]
    command(product, "account", "key", "add", "prod", *chosen)
    assert client(product.access, "sts", **brief).get_caller_identity()["Account"] == PROD
    command(product, "account", "key", "drop", brief["key"])
    with refused("InvalidClientTokenId", status=403):
        client(product.access, "sts", **brief).get_caller_identity()


def test_a_role_of_another_account_is_assumed(product: Product, prod: dict[str, str]) -> None:
    sts = client(product.access, "sts")
    answer = sts.assume_role(RoleArn=f"arn:aws:iam::{PROD}:role/deploy", RoleSessionName="me", DurationSeconds=900)
    acting = by(product.access, "sts", answer["Credentials"])
    told = acting.get_caller_identity()
    assert told["Arn"] == answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{PROD}:assumed-role/deploy/me"
    assert acting.get_access_key_info(AccessKeyId=answer["Credentials"]["AccessKeyId"])["Account"] == PROD
    own = sts.get_caller_identity()["Account"]
    with refused("AccessDenied", "is not authorized to perform: sts:AssumeRole on resource", status=403):
        client(product.access, "sts", **prod).assume_role(
            RoleArn=f"arn:aws:iam::{own}:role/deploy", RoleSessionName="me"
        )
    loose = client(product.access, "sts", strict=False)
    for seconds in (899, 43201):
        with refused("ValidationError", "durationSeconds"):
            loose.assume_role(RoleArn=f"arn:aws:iam::{PROD}:role/deploy", RoleSessionName="me", DurationSeconds=seconds)


def test_a_session_needs_its_token(product: Product) -> None:
    given = client(product.access, "sts").get_session_token()["Credentials"]
    assert by(product.access, "ec2", given).describe_vpcs()["Vpcs"]
    for token in ("another", None):
        with refused("InvalidClientTokenId", status=403):
            by(product.access, "autoscaling", {**given, "SessionToken": token}).describe_auto_scaling_groups()
        with refused("AuthFailure", status=401):
            by(product.access, "ec2", {**given, "SessionToken": token}).describe_vpcs()


def test_every_region_is_there(product: Product) -> None:
    ec2 = client(product.access, "ec2")
    known = {one["RegionName"]: one["OptInStatus"] for one in ec2.describe_regions()["Regions"]}
    assert (known["eu-west-1"], known["ap-east-1"]) == ("opt-in-not-required", "opted-in")
    networks = {
        region: client(product.access, "ec2", region=region).describe_vpcs()["Vpcs"][0]["VpcId"]
        for region in ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1")
    }
    assert len(set(networks.values())) == 4
    with refused("AuthFailure", status=401):
        client(product.access, "ec2", region="mars-east-1").describe_vpcs()


def test_images_of_one_s_own(product: Product) -> None:
    ec2, abroad = client(product.access, "ec2"), client(product.access, "ec2", region="eu-west-1")
    name = unique("image")
    image = ec2.register_image(Name=name, Architecture="x86_64", VirtualizationType="hvm")["ImageId"]
    copied = abroad.copy_image(Name=name, SourceImageId=image, SourceRegion="us-east-1")["ImageId"]
    assert abroad.describe_images(ImageIds=[copied])["Images"][0]["Name"] == name
    ec2.modify_image_attribute(ImageId=image, Description={"Value": "anew"})
    assert ec2.describe_images(ImageIds=[image])["Images"][0]["Description"] == "anew"
    assert ec2.deregister_image(ImageId=image)["Return"]
    with refused("InvalidAMIID.NotFound"):
        ec2.deregister_image(ImageId=image)
    hard_wired = "ami-0abcdef1234567890"
    command(product, "image", "add", hard_wired)
    command(product, "type", "add", "my.big", "--vcpus", "3", "--memory-mib", "3000")
    (ran,) = ec2.run_instances(ImageId=hard_wired, InstanceType="my.big", MinCount=1, MaxCount=1)["Instances"]
    assert ran["ImageId"] == hard_wired
    (told,) = ec2.describe_instance_types(InstanceTypes=["my.big"])["InstanceTypes"]
    assert (told["VCpuInfo"]["DefaultVCpus"], told["MemoryInfo"]["SizeInMiB"]) == (3, 3000)
    ec2.terminate_instances(InstanceIds=[ran["InstanceId"]])
