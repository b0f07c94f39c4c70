"""One working folder of Terraform, and what its tests ask about what it made."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.product import PATIENCE, Access
from conformance.terraform.provider import Provider


@dataclass(frozen=True, slots=True)
class Tool:
    """Terraform, and the providers of it that run.

    Attributes:
        program: Terraform itself.
        mirror: folder of packages of providers.
    """

    program: str
    mirror: Path
    _running: dict[tuple[Path, Access], Provider] = field(default_factory=dict)

    def provider(self, program: Path, access: Access, environment: Mapping[str, str]) -> Provider:
        """The provider that runs with these keys; it is started where none does."""
        if (program, access) not in self._running:
            self._running[program, access] = Provider(program, environment)
        return self._running[program, access]

    @contextlib.contextmanager
    def running(self) -> Iterator[Tool]:
        try:
            yield self
        finally:
            for provider in self._running.values():
                provider.stop()


class Stack:
    """One working folder of Terraform. ``variables``: of its configuration, beside those that every one has."""

    def __init__(self, tool: Tool, source: Path, folder: Path, access: Access, mark: str, **variables: Any) -> None:
        folder.mkdir()
        shutil.copy(source / "main.tf", folder)
        rules = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{tool.mirror}"\n  }}\n}}\n'
        (folder / "terraform.rc").write_text(rules)
        (folder / "terraform.tfvars.json").write_text(json.dumps({"endpoint": access.url, "mark": mark, **variables}))
        self.terraform, self.folder = tool.program, folder
        self.environment = access.environment() | {
            "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "GOGC": "400",
        }
        # Terraform is to see what its user gave it, nothing more.
        del self.environment["AWS_ENDPOINT_URL"]
        self.run("init", "-backend=false")
        # The one that Terraform chose: its versions and its lock file are looked at by `init` alone from here on.
        (chosen,) = (folder / ".terraform" / "providers").glob("*/hashicorp/aws/*/*/terraform-provider-aws_v*")
        registry = chosen.relative_to(folder / ".terraform" / "providers").parts[0]
        provider = tool.provider(chosen.resolve(), access, self.environment)
        self.environment["TF_REATTACH_PROVIDERS"] = json.dumps({f"{registry}/hashicorp/aws": provider.reached})

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
            timeout=240 * PATIENCE,
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

    def imports(self, keys: Mapping[str, str], *variables: str) -> dict[str, list[str]]:
        """What Terraform would do with resources that it takes into an empty state by their import keys alone."""
        blocks = [f'import {{\n  to = {address}\n  id = "{key}"\n}}\n' for address, key in keys.items()]
        (self.folder / "imports.tf").write_text("".join(blocks))
        self.run("plan", "-out=plan", *variables, *(f"-target={address}" for address in keys))
        planned = json.loads(self.run("show", "-json", "plan"))["resource_changes"]
        return {each["address"]: each["change"]["actions"] for each in planned if each["change"].get("importing")}

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
