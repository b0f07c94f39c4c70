"""Terraform with the AWS provider: the warm pool of a group, put, changed, drawn from and taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.fleet import unique
from conformance.product import Access, until
from conformance.terraform.stack import Stack, Tool, group

HERE = Path(__file__).parent
pytestmark = pytest.mark.tool


def _pool(**values: Any) -> str:
    return f"-var=pool={json.dumps(values)}"


def _states(asg: Any, name: str) -> list[str]:
    answer = asg.describe_warm_pool(AutoScalingGroupName=name)
    return sorted(one["LifecycleState"] for one in answer["Instances"])


def test_a_warm_pool(terraform: Tool, tmp_path: Path, server: Access, asg: Any) -> None:
    stack = Stack(terraform, HERE / "warm_pool", tmp_path / "one", server, unique("tf"))
    first = _pool(state="Stopped", minimum=1, prepared=1, reuse=True)
    stack.apply(first)
    name = stack.outputs()["group"]
    until("a node is prepared", lambda: _states(asg, name) == ["Warmed:Stopped"])
    stack.no_change(first)
    stack.apply(first, "-var=desired=1")
    until("the pool is filled again", lambda: _states(asg, name) == ["Warmed:Stopped"])
    told = group(asg, name)
    assert told is not None
    assert [one["LifecycleState"] for one in told["Instances"]] == ["InService"]
    # What a configuration leaves out stays as it was, as with AWS itself: so the reuse is said.
    changed = _pool(state="Running", minimum=1, prepared=2, reuse=False)
    stack.apply(changed, "-var=desired=1")
    stack.no_change(changed, "-var=desired=1")
    told = group(asg, name)
    assert told is not None
    assert told["WarmPoolConfiguration"]["PoolState"] == "Running"
    stack.apply("-var=desired=1")
    assert "WarmPoolConfiguration" not in (group(asg, name) or {})
    stack.run("destroy", "-auto-approve", "-var=desired=0")
    assert group(asg, name) is None
