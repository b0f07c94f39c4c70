"""Deliberate faults of what makes and ends networks, security groups and balancers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from backend.domain.networks import Progress
from backend.engine import balancers, networks, security_groups
from backend.engine.networks import _Settling
from backend.store import balancers as balancer_rows
from backend.store import networks as network_rows
from tests.simulation.putting import put

Broken = AbstractContextManager[Any]


def keeps_the_mark() -> Broken:
    """What found its row is still known as something that found none."""
    return put(network_rows, "made", lambda conn, scope, token: network_rows.MAKINGS.count(conn, scope, id=token) > 0)


def forgets_a_deletion() -> Broken:
    """A VPC's row goes, and nobody tells the cloud."""

    def end(work: _Settling, _plan: Any) -> Any:
        yield networks.Write(work._forget)

    return put(_Settling, "end", end)


def ends_no_subnet() -> Broken:
    """A subnet's row goes, and nobody tells the cloud."""
    kept = _Settling.subnet

    def subnet(work: _Settling, plan: Any, one: Any) -> Any:
        if one.state is Progress.DELETING:
            yield networks.Write(lambda conn: work._drop_subnet(one.id, conn))
        else:
            yield from kept(work, plan, one)

    return put(_Settling, "subnet", subnet)


def leads_nobody_out() -> Broken:
    """That a gateway came or went is written down, and nobody tells the cloud."""

    def gateway(work: _Settling, plan: Any) -> Any:
        yield networks.Write(lambda conn: work._set_vpc({"gateway": plan.outside}, conn))

    return put(_Settling, "gateway", gateway)


def tells_no_names() -> Broken:
    """Nobody is called when a VPC gets other options."""

    def set_options(conn: Any, scope: Any, vpc: Any, options_id: str, _at: Any) -> None:
        network_rows.VPCS.change(conn, scope, vpc.id, dhcp_options_id=options_id)

    return put(network_rows, "set_options", set_options)


def ends_no_group() -> Broken:
    """A group's row goes, and nobody tells the cloud."""
    return put(security_groups, "_end", lambda *_arguments: None)


def deletes_no_balancer() -> Broken:
    """A balancer's row goes, and nobody tells the cloud."""

    def end(tending: Any, _tree: Any) -> Any:
        yield balancers.Write(tending.lost)
        return False

    return put(balancers, "_end", end)


def houses_nobody() -> Broken:
    """Which pool a target group has is not written down."""
    return put(balancer_rows, "housed", lambda *_arguments: None)


def puts_parts_before_their_pools() -> Broken:
    """What is new in a tree comes before what it refers to."""
    kept = balancers.Wish.parts
    return put(balancers.Wish, "parts", lambda wish: tuple(reversed(kept(wish))))
