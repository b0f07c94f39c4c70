"""Terraform with the AWS provider against the server: apply, no change, change, import, destroy, nothing left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conformance.fleet import unique
from conformance.product import PATIENCE, Access

HERE = Path(__file__).parent
MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/usr/share/terraform/providers",
)
"""Where people keep providers for machines without a registry; TF_PLUGIN_MIRROR names another place."""

pytestmark = pytest.mark.tool


def missing(what: str) -> None:
    """No Terraform, no test: a reason to skip at home, a failure where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def terraform() -> str:
    found = os.environ.get("TERRAFORM") or shutil.which("terraform") or shutil.which("tofu")
    if not found:
        missing("terraform is not installed (TERRAFORM can name it)")
    return str(found)


@pytest.fixture(scope="module")
def mirror() -> Path:
    places = [os.environ["TF_PLUGIN_MIRROR"]] if os.environ.get("TF_PLUGIN_MIRROR") else list(MIRRORS)
    for place in map(Path, map(os.path.expanduser, places)):
        if list(place.glob("registry.*/hashicorp/aws/*")):
            return place
    for package in _found(places[0] if len(places) == 1 else "/"):
        return package.parents[5]  # MIRROR/REGISTRY/hashicorp/aws/VERSION/PLATFORM/terraform-provider-aws_...
    missing("no mirror with the AWS provider (TF_PLUGIN_MIRROR can name it)")
    raise AssertionError


def _found(root: str) -> list[Path]:
    """The AWS provider, wherever on the machine's own disk it lies."""
    command = ["find", root, "-xdev", "-path", "*/hashicorp/aws/*/terraform-provider-aws_v*", "-type", "f"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [Path(line) for line in told.splitlines() if "/.terraform/" not in line]


class Stack:
    """One working folder of Terraform."""

    def __init__(self, terraform: str, mirror: Path, source: Path, folder: Path, access: Access, mark: str) -> None:
        folder.mkdir()
        shutil.copy(source / "main.tf", folder)
        rules = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'
        (folder / "terraform.rc").write_text(rules)
        (folder / "terraform.tfvars.json").write_text(json.dumps({"endpoint": access.url, "mark": mark}))
        self.terraform, self.folder = terraform, folder
        self.environment = access.environment() | {
            "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        # Terraform is to see what its user gave it, nothing more.
        del self.environment["AWS_ENDPOINT_URL"]
        self.run("init", "-backend=false")

    def run(self, *arguments: str, expect: int = 0) -> str:
        command = [self.terraform, arguments[0], "-no-color", "-input=false", *arguments[1:]]
        if arguments[0] in {"output", "show"}:
            command.remove("-input=false")
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180 * PATIENCE,
            check=False,
        )
        assert done.returncode == expect, (
            f"terraform {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout

    def apply(self, *variables: str) -> None:
        self.run("apply", "-auto-approve", *variables)

    def no_change(self, *variables: str) -> None:
        """A plan that changes nothing (2 would mean changes, 1 an error)."""
        self.run("plan", "-detailed-exitcode", *variables)

    def outputs(self) -> dict[str, Any]:
        return {name: one["value"] for name, one in json.loads(self.run("output", "-json")).items()}

    def resource(self, address: str) -> dict[str, Any]:
        shown = json.loads(self.run("show", "-json"))["values"]["root_module"]["resources"]
        found: dict[str, Any] = next(one["values"] for one in shown if one["address"] == address)
        return found


def group(asg: Any, name: str) -> dict[str, Any] | None:
    found = asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found[0] if found else None


def alive(ec2: Any, name: str) -> list[dict[str, Any]]:
    filters = [
        {"Name": "tag:aws:autoscaling:groupName", "Values": [name]},
        {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
    ]
    answer = ec2.describe_instances(Filters=filters)
    return [one for reservation in answer["Reservations"] for one in reservation["Instances"]]


def test_a_stack_with_a_launch_template(
    terraform: str, mirror: Path, tmp_path: Path, server: Access, asg: Any, ec2: Any, account: str
) -> None:
    mark = unique("tf")
    stack = Stack(terraform, mirror, HERE / "template", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    assert told["account"] == account
    assert told["zones"] == ["us-east-1a", "us-east-1b", "us-east-1c"]
    made = group(asg, told["group"])
    assert made is not None
    assert len(made["Instances"]) == 2
    assert {one["LifecycleState"] for one in made["Instances"]} == {"InService"}
    for instance in alive(ec2, told["group"]):
        worn = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
        assert worn["Name"] == f"web of {mark}"
        assert worn["from"] == "template"
        assert "quiet" not in worn
    stack.no_change()

    changed = ("-var=desired=4", "-var=instance_type=t3.small")
    stack.apply(*changed)
    made = group(asg, told["group"])
    assert made is not None
    assert sorted(one["InstanceType"] for one in made["Instances"]) == ["t3.micro", "t3.micro", "t3.small", "t3.small"]
    assert made["LaunchTemplate"]["Version"] == "2"

    second = Stack(terraform, mirror, HERE / "template", tmp_path / "two", server, mark)
    second.run("import", *changed, "aws_autoscaling_group.web", told["group"])
    imported = second.resource("aws_autoscaling_group.web")
    original = stack.resource("aws_autoscaling_group.web")
    # These three live in the state alone: the service knows nothing of them.
    own = {"force_delete", "force_delete_warm_pool", "wait_for_capacity_timeout", "ignore_failed_scaling_activities"}
    different = {key for key in original if key not in own and original[key] != imported.get(key)}
    assert different == set(), {key: (original[key], imported.get(key)) for key in different}

    stack.no_change(*changed)
    stack.run("destroy", "-auto-approve")
    assert group(asg, told["group"]) is None
    assert alive(ec2, told["group"]) == []
    names = {one["LaunchTemplateName"] for one in ec2.describe_launch_templates()["LaunchTemplates"]}
    assert not [name for name in names if name.startswith(mark)]


def test_a_stack_with_a_launch_configuration(
    terraform: str, mirror: Path, tmp_path: Path, server: Access, asg: Any, ec2: Any
) -> None:
    mark = unique("tf")
    stack = Stack(terraform, mirror, HERE / "configuration", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    made = group(asg, told["group"])
    assert made is not None
    assert [one["ProtectedFromScaleIn"] for one in made["Instances"]] == [True, True]
    assert {one["InstanceType"] for one in made["Instances"]} == {"m5.large"}
    assert made["PlacementGroup"] == told["placement_group"]
    assert {one["Placement"]["GroupName"] for one in alive(ec2, told["group"])} == {told["placement_group"]}
    stack.no_change()
    # The members are protected: Terraform lowers the sizes first and lifts the protection afterwards.
    stack.run("destroy", "-auto-approve")
    assert group(asg, told["group"]) is None
    assert alive(ec2, told["group"]) == []
    left = asg.describe_launch_configurations(LaunchConfigurationNames=[told["configuration"]])["LaunchConfigurations"]
    assert left == []
    groups = ec2.describe_placement_groups()["PlacementGroups"]
    assert told["placement_group"] not in {one["GroupName"] for one in groups}
