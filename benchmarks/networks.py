"""Reading networks: security groups and subnets against moto_server, the same made on both by the same boto3 calls."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import api
import filling
import peers
from serving import ROOT
from signing import EC2
from table import Table

GROUPS, RULES, SUBNETS = 500, 20, 200
CASES = (
    api.Case(f"DescribeSecurityGroups, {GROUPS} x {RULES}", "DescribeSecurityGroups", [{}], ratio=10, service=EC2),
    api.Case(f"DescribeSubnets, {SUBNETS}", "DescribeSubnets", [{}], ratio=10, service=EC2),
)


def report(folder: Path, seconds: float, rounds: int) -> int:
    """Print what is measured; how many aims were missed."""
    made = folder / "networks"
    made.mkdir()
    table = measure(made, seconds, rounds)
    print(f"Networks, {api.CONNECTIONS} connections\n\n{table}\n", flush=True)
    # In a process of its own: beside openstack.py, the SDK of that name is not to be had.
    asked = subprocess.run([sys.executable, "-m", "benchmarks.reads", str(made)], cwd=ROOT, check=False)
    return table.missed + (asked.returncode != 0)


def measure(folder: Path, seconds: float, rounds: int) -> Table:
    """Start both, fill them alike, load them in turn; the median of the rounds counts."""
    table = api.new_table()
    with ExitStack() as stack:
        compared = [stack.enter_context(peers.coppice(folder)), stack.enter_context(peers.moto(folder))]
        for peer in compared:
            _fill(filling.client(peer.target, "ec2"))
        for case in CASES:
            api.measure_case(table, case, compared, None, seconds, rounds)
    return table


def _fill(ec2: Any) -> None:
    """A VPC with that many subnets, and groups with that many rules, one of which is the one they are born with."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    for number in range(SUBNETS):
        ec2.create_subnet(VpcId=vpc, CidrBlock=_block(number), AvailabilityZone=zones[number % len(zones)])
    for number in range(GROUPS):
        group = ec2.create_security_group(GroupName=f"group-{number:03}", Description="bench", VpcId=vpc)["GroupId"]
        rules = [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": _block(port)}]}
            for port in range(1, RULES)
        ]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)


def _block(number: int) -> str:
    return f"10.0.{number}.0/24"
