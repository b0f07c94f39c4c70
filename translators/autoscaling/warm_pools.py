"""Warm pools of groups: put, describe, delete.

Source: conformance/recorded, stackd's recordings of warm pools.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.domain.warm_pools import PoolState, WarmPoolRequest
from translators.autoscaling import group_words
from translators.autoscaling.errors import constraint, unknown_group
from translators.autoscaling.listing import limit_of, marker_of, result
from translators.registry import Call, Result, operation


@operation("autoscaling", "PutWarmPool")
def put(call: Call) -> Result:
    request = _request(call.params)
    with unknown_group(call.operation):
        call.backend.warm_pools.put(call.scope, call.params["AutoScalingGroupName"], request)
    return {}


@operation("autoscaling", "DescribeWarmPool")
def describe(call: Call) -> Result:
    limit = limit_of(call, 50, 50)
    after = marker_of(call)
    with unknown_group(call.operation):
        pool, page = call.backend.warm_pools.page(
            call.scope, call.params["AutoScalingGroupName"], limit=limit, after=after
        )
    zone_ids = call.backend.catalog.zone_ids(call.scope, {member.zone for member in page.items})
    told = result(call, page, "Instances", lambda member: group_words.warm_instance(member, zone_ids))
    return told if pool is None else {**told, "WarmPoolConfiguration": group_words.warm_pool(pool)}


@operation("autoscaling", "DeleteWarmPool")
def delete(call: Call) -> Result:
    force = bool(call.params.get("ForceDelete"))
    with unknown_group(call.operation):
        call.backend.warm_pools.delete(call.scope, call.params["AutoScalingGroupName"], force=force)
    return {}


def _request(params: Mapping[str, Any]) -> WarmPoolRequest:
    """What a request says of a pool.

    Raises:
        AWSError: a value that no pool may have.
    """
    least = {"MinSize": 0, "MaxGroupPreparedCapacity": -1}
    for member, bound in least.items():
        if (value := params.get(member)) is not None and value < bound:
            wire = member[0].lower() + member[1:]
            raise constraint(value, wire, f"Member must have value greater than or equal to {bound}")
    state = params.get("PoolState")
    return WarmPoolRequest(
        minimum=params.get("MinSize"),
        prepared=params.get("MaxGroupPreparedCapacity"),
        state=None if state is None else PoolState(state),
        reuse=(params.get("InstanceReusePolicy") or {}).get("ReuseOnScaleIn"),
    )
