"""The API's speed against its peers, all on this machine and in this run; prints a table with ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import filling
import load
import peers
from peers import Peer
from signing import AUTOSCALING, Service, signed
from table import Table

SEVERAL = [f"group-{number:03}" for number in range(1, 101)]
ONE = SEVERAL[:1]
WRITTEN = [f"written-{number}" for number in range(4)]
INSTANCES = 10
CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request.

    Attributes:
        action: the operation.
        parameters: of each request; they are sent in turn.
        ratio: how many times moto's requests a second are aimed at; None where there is no aim.
        share: the share of the bare view's requests a second that is aimed at.
    """

    name: str
    action: str
    parameters: Sequence[Mapping[str, str]]
    ratio: float | None = None
    share: float | None = None
    service: Service = AUTOSCALING


DESCRIBE_ONE = Case(
    "Describe 1 group x 10",
    "DescribeAutoScalingGroups",
    [{"AutoScalingGroupNames.member.1": ONE[0]}],
    ratio=5,
    share=0.30,
)
DESCRIBE_SEVERAL = Case("Describe 100 groups x 10", "DescribeAutoScalingGroups", [{"MaxRecords": "100"}], ratio=15)
SET_SAME = Case(
    "SetDesiredCapacity, unchanged",
    "SetDesiredCapacity",
    [{"AutoScalingGroupName": name, "DesiredCapacity": "1"} for name in WRITTEN],
    ratio=2,
)
SET_OTHER = Case(
    "SetDesiredCapacity, 1 <-> 2",
    "SetDesiredCapacity",
    [{"AutoScalingGroupName": name, "DesiredCapacity": size} for size in ("2", "1") for name in WRITTEN],
    ratio=2,
)


def measure(folder: Path, seconds: float, rounds: int) -> Table:
    """Start the three, fill them alike, load them in turn; the median of the rounds counts."""
    table = new_table()
    with ExitStack() as stack:
        bare = stack.enter_context(peers.bare(folder))
        compared = [stack.enter_context(peers.coppice(folder)), stack.enter_context(peers.moto(folder))]
        zones = {peer.name: filling.prepare(peer.target) for peer in compared}
        for peer in compared:
            filling.create_groups(peer.target, zones[peer.name], ONE, INSTANCES)
        measure_case(table, DESCRIBE_ONE, compared, bare, seconds, rounds)
        for peer in compared:
            filling.create_groups(peer.target, zones[peer.name], SEVERAL[1:], INSTANCES)
        measure_case(table, DESCRIBE_SEVERAL, compared, None, seconds, rounds)
        for peer in compared:
            filling.create_groups(peer.target, zones[peer.name], WRITTEN, 1)
        measure_case(table, SET_SAME, compared, None, seconds, rounds)
        measure_case(table, SET_OTHER, compared, None, seconds, rounds)
    return table


def new_table() -> Table:
    """Nothing measured yet."""
    return Table("request", "server", "requests/s", "p50 ms", "p95 ms", "bytes", "ratio", "aim", "")


def measure_case(
    table: Table, case: Case, compared: Sequence[Peer], bare: Peer | None, seconds: float, rounds: int
) -> None:
    """Load all with requests of one kind, in turn, and add a line for each of them."""
    measured: dict[str, list[load.Load]] = {}
    everyone = [*compared, *([bare] if bare else [])]
    requests = {
        peer.name: [signed(peer.target, case.action, parameters, case.service) for parameters in case.parameters]
        for peer in everyone
    }
    for peer in everyone:
        load.run(peer.target.address, requests[peer.name], 1.0, CONNECTIONS)
    for _ in range(rounds):
        for peer in everyone:
            found = load.run(peer.target.address, requests[peer.name], seconds, CONNECTIONS)
            measured.setdefault(peer.name, []).append(found)
    rate = {name: median(found.rate for found in loads) for name, loads in measured.items()}
    ours, theirs = (peer.name for peer in compared)
    for name, loads in measured.items():
        typical = sorted(loads, key=lambda found: found.rate)[len(loads) // 2]
        ratio = aim = ""
        met: bool | None = None
        if name == theirs and case.ratio:
            ratio, aim, met = (
                f"{rate[ours] / rate[name]:.1f}x",
                f">= {case.ratio:g}x",
                rate[ours] >= case.ratio * rate[name],
            )
        elif bare and name == bare.name and case.share:
            share = rate[ours] / rate[name]
            ratio, aim, met = f"{share:.0%}", f">= {case.share:.0%}", share >= case.share
        p50, p95 = (f"{typical.percentile(percent) * 1000:.1f}" for percent in (50, 95))
        table.add(case.name, name, f"{rate[name]:,.1f}", p50, p95, f"{typical.size:,}", ratio, aim, met=met)
