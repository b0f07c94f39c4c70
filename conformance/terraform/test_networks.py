"""Terraform with a network of one's own: apply, no change, change, import, destroy, nothing left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.fleet import unique
from conformance.product import Access
from conformance.terraform.stack import Stack

HERE = Path(__file__).parent
pytestmark = pytest.mark.tool


def test_a_network(terraform: str, mirror: Path, tmp_path: Path, server: Access, ec2: Any) -> None:
    mark = unique("tf")
    stack = Stack(terraform, mirror, HERE / "network", tmp_path / "one", server, mark)
    stack.apply()
    told = stack.outputs()
    assert len(told["default_subnets"]) >= 1
    stack.no_change()

    changed = ("-var=hostnames=true",)
    stack.apply(*changed)
    attribute = ec2.describe_vpc_attribute(VpcId=told["vpc"], Attribute="enableDnsHostnames")
    assert attribute["EnableDnsHostnames"] == {"Value": True}

    second = Stack(terraform, mirror, HERE / "network", tmp_path / "two", server, mark)
    blocks = [f'import {{\n  to = {address}\n  id = "{thing}"\n}}\n' for address, thing in told["ids"].items()]
    (second.folder / "imports.tf").write_text("".join(blocks))
    imported = second.run("apply", "-auto-approve", *changed, "-var=main=false")
    assert f"{len(blocks)} imported, 0 added, 0 changed, 0 destroyed" in imported

    stack.run("destroy", "-auto-approve")
    marked = [{"Name": "tag:mark", "Values": [mark]}]
    assert ec2.describe_vpcs(Filters=marked)["Vpcs"] == []
    assert ec2.describe_subnets(Filters=marked)["Subnets"] == []
    assert ec2.describe_tags(Filters=[{"Name": "value", "Values": [mark]}])["Tags"] == []
