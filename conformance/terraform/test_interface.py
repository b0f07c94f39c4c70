"""Terraform's own example of an instance on an interface that was made before it: made, made anew, and taken away.

A route leads to the interface all the while.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.fleet import unique
from conformance.leaks import standing
from conformance.product import Access
from conformance.terraform.stack import Stack, Tool

HERE = Path(__file__).parent
pytestmark = pytest.mark.tool


def test_an_instance_with_an_interface_that_was_made_before(
    terraform: Tool, tmp_path: Path, server: Access, ec2: Any
) -> None:
    before = standing(server)
    stack = Stack(terraform, HERE / "interface", tmp_path / "one", server, unique("eni"))
    stack.apply()
    told = stack.outputs()
    _is_on(ec2, told)
    stack.no_change()
    stack.apply("-replace=aws_instance.mine")
    again = stack.outputs()
    assert (again["interface"], again["instance"] != told["instance"]) == (told["interface"], True)
    _is_on(ec2, again)
    stack.no_change()
    stack.run("destroy", "-auto-approve")
    assert standing(server) == before


def _is_on(ec2: Any, told: dict[str, Any]) -> None:
    (found,) = ec2.describe_instances(InstanceIds=[told["instance"]])["Reservations"][0]["Instances"]
    assert (found["PrivateIpAddress"], found["PublicIpAddress"]) == ("10.63.10.100", told["public"])
    assert [each["NetworkInterfaceId"] for each in found["NetworkInterfaces"]] == [told["interface"]]
    (table,) = ec2.describe_route_tables(RouteTableIds=[told["table"]])["RouteTables"]
    (behind,) = (each for each in table["Routes"] if each["DestinationCidrBlock"] == "192.168.0.0/16")
    leads = (behind["NetworkInterfaceId"], behind["InstanceId"], behind["State"])
    assert leads == (told["interface"], told["instance"], "active")
