"""A VPC with many subnets and groups as requests and the engine would have left it, written straight into a store."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection

from backend.domain.ids import short_id
from backend.domain.networks import Progress, Subnet, Vpc
from backend.domain.scope import Scope
from backend.domain.security_groups import GroupRule, GroupState, KeptGroup
from backend.store import networks, security_groups
from backend.store.security_groups import new_id
from backend.store.session import Store

GROUPS, RULES, SUBNETS = 500, 20, 200
_VPC = "10.0.0.0/16"
_STATE = GroupState.AVAILABLE


def block(number: int) -> str:
    """The subnet of that number, or any 254 addresses."""
    return f"10.0.{number}.0/24"


def write(store: Store, scope: Scope) -> None:
    """The VPC, its subnets and its groups, in a project that has none yet."""
    now, vpc = datetime.now(UTC), uuid4()
    made = Vpc(short_id(str(vpc)), str(vpc), _VPC, new_id(), Progress.AVAILABLE, now, new_id())
    subnets = [
        Subnet(short_id(cloud_id), cloud_id, str(uuid4()), made.id, block(number), "az1", Progress.AVAILABLE, now)
        for number in range(SUBNETS)
        for cloud_id in [str(uuid4())]
    ]
    groups = [
        KeptGroup(short_id(cloud_id), f"group-{number:03}", "bench", made.id, str(vpc), _STATE, now, new_id())
        for number in range(GROUPS)
        for cloud_id in [str(uuid4())]
    ]
    rules = [
        GroupRule(new_id(), group.id, False, "tcp", port, port, block(port))
        for group in groups
        for port in range(RULES)
    ]

    def work(conn: Connection) -> None:
        networks.VPCS.add(conn, scope, made, epoch=0, gateway=False)
        networks.SUBNETS.add(conn, scope, *subnets)
        security_groups.GROUPS.add(conn, scope, *groups, epoch=0, generation=0)
        security_groups.RULES.add(conn, scope, *rules)

    store.transact(work)
