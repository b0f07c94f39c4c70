"""Scale-in of a mix: the side that has more than its share, then what would be launched last."""

from __future__ import annotations

from random import Random

from backend.domain.mixes import Distribution, Mix, Override
from backend.domain.node import Health, Node, ServerStatus
from backend.drivers.compute import Server
from backend.policies.termination import MixView, TerminationView, choose
from backend.services import attachment
from tests.factories import NOW, cluster, node

GROUP = cluster()
RANKS = {("first", False): 0, ("second", False): 1, ("first", True): 0, ("second", True): 1}


def one(name: str, kind: str = "first", *, spot: bool = False, **values: object) -> Node:
    return node(GROUP, name, instance_type=kind, preemptible=spot, **values)


def chosen(
    nodes: list[Node], number: int, desired: int, percent: int = 50, rules: tuple[str, ...] = ("Default",)
) -> list[str]:
    view = TerminationView(
        rules, GROUP.spec.source, NOW, mix=MixView(desired, Distribution(on_demand_percent=percent), RANKS)
    )
    names = {each.id: each for each in nodes}
    return [
        names[each.id].instance_type + " spot" * each.preemptible for each in choose(nodes, number, view, Random(1))
    ]


def test_the_side_that_has_more_than_its_share_goes() -> None:
    nodes = [one("a"), one("b"), one("c", spot=True), one("d", spot=True)]
    assert chosen(nodes, 1, 3) == ["first spot"]  # two of three are On-Demand
    assert chosen(nodes, 2, 2) == ["first", "first spot"]
    assert chosen(nodes, 1, 3, percent=0) == ["first"]


def test_what_would_be_launched_last_goes_first() -> None:
    nodes = [one("a"), one("b", "second"), one("c", "gone")]
    assert chosen(nodes, 3, 0, percent=100, rules=("AllocationStrategy",)) == ["gone", "second", "first"]
    assert chosen(nodes, 2, 1, percent=100) == ["gone", "second"]


def test_what_is_of_no_use_goes_before_any_share() -> None:
    nodes = [one("a", health=Health.UNHEALTHY), one("b", spot=True)]
    assert chosen(nodes, 1, 1, percent=100) == ["first"]


def test_a_server_that_joins_counts_what_the_mix_says_of_its_type() -> None:
    weighed = cluster(mix=Mix((Override("t3.micro", 4),)))
    joining = [
        Server(kind, kind, ServerStatus.ACTIVE, NOW, NOW, zone="us-east-1a", flavor=kind, image_id=None)
        for kind in ("t3.micro", "t3.large")
    ]
    assert [attachment.node(weighed, each, NOW).weight for each in joining] == [4, 1]
