"""Terraform with the AWS provider: lifecycle hooks of a group and beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.fleet import unique
from conformance.product import Access
from conformance.terraform.stack import Stack, Tool, group

HERE = Path(__file__).parent
pytestmark = pytest.mark.tool


def _hooks(asg: Any, name: str) -> dict[str, int]:
    """Heartbeats by the name of the hook."""
    found = asg.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
    return {one["LifecycleHookName"]: one["HeartbeatTimeout"] for one in found}


def test_hooks_at_creation_and_beside_it(terraform: Tool, tmp_path: Path, server: Access, asg: Any) -> None:
    mark = unique("tf")
    stack = Stack(terraform, HERE / "hooks", tmp_path / "one", server, mark)
    stack.apply()
    name = stack.outputs()["group"]
    assert _hooks(asg, name) == {"warm": 30, "drain": 60}
    stack.no_change()
    stack.apply("-var=heartbeat=90")
    assert _hooks(asg, name) == {"warm": 30, "drain": 90}
    second = Stack(terraform, HERE / "hooks", tmp_path / "two", server, mark)
    second.run("import", "-var=heartbeat=90", "aws_autoscaling_lifecycle_hook.drain", f"{name}/drain")
    address = "aws_autoscaling_lifecycle_hook.drain"
    assert second.resource(address) == stack.resource(address)
    stack.run("destroy", "-auto-approve")
    assert group(asg, name) is None
