"""Instance refreshes: start, cancel, roll back, describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from backend.domain.cluster import SourceRequest
from backend.domain.mixes import MixRequest
from backend.domain.refreshes import RefreshRequest, RefreshStrategy
from translators.autoscaling import groups, refresh_words
from translators.autoscaling.errors import unknown_group, validation
from translators.autoscaling.listing import among, limit_of, marker_of, result
from translators.registry import Call, Result, operation

_MOST_IDS: Final = 50


@operation("autoscaling", "StartInstanceRefresh")
def start(call: Call) -> Result:
    params = call.params
    name, desired = params["AutoScalingGroupName"], params.get("DesiredConfiguration") or {}
    given = refresh_words.preferences_of(params.get("Preferences") or {})
    strategy = RefreshStrategy(params.get("Strategy") or RefreshStrategy.ROLLING)
    if given["auto_rollback"] and not desired:
        # With the apostrophe as it was recorded.
        raise validation(
            "The request isn\u2019t valid. The AutoRollback parameter cannot be set to true when the"
            " DesiredConfiguration parameter is empty. Set AutoRollback to false or specify a desired configuration and"
            " try again."
        )
    if strategy is RefreshStrategy.REPLACE_ROOT_VOLUME and not desired:
        raise validation(
            "The request isn't valid. The DesiredConfiguration parameter must be specified when using"
            " ReplaceRootVolume. Add the DesiredConfiguration parameter and try again."
        )
    source, mix = _desired(call, desired)
    request = RefreshRequest(strategy=strategy, desired=source, mix=mix, **given)
    return {"InstanceRefreshId": call.backend.refreshes.start(call.scope, name, request)}


def _desired(call: Call, desired: Mapping[str, Any]) -> tuple[SourceRequest | None, MixRequest | None]:
    template, policy = desired.get("LaunchTemplate"), desired.get("MixedInstancesPolicy")
    if template and policy:
        # unsourced
        raise validation("The DesiredConfiguration must specify either a LaunchTemplate or a MixedInstancesPolicy.")
    if policy:
        source, mix = groups.mix_of(policy)
    else:
        source, mix = (groups.template_of(template) if template else None), None
    if source is not None:
        here = call.backend.clusters.get(call.scope, call.params["AutoScalingGroupName"]).spec
        groups.check_template(call, source, by_subnet=bool(here.subnets))
    return source, mix


@operation("autoscaling", "CancelInstanceRefresh")
def cancel(call: Call) -> Result:
    wait = call.params.get("WaitForTransitioningInstances") is not False
    return {
        "InstanceRefreshId": call.backend.refreshes.cancel(call.scope, call.params["AutoScalingGroupName"], wait=wait)
    }


@operation("autoscaling", "RollbackInstanceRefresh")
def roll_back(call: Call) -> Result:
    return {"InstanceRefreshId": call.backend.refreshes.roll_back(call.scope, call.params["AutoScalingGroupName"])}


@operation("autoscaling", "DescribeInstanceRefreshes")
def describe(call: Call) -> Result:
    with unknown_group(call.operation):
        page = call.backend.refreshes.page(
            call.scope,
            call.params["AutoScalingGroupName"],
            ids=among(call, "InstanceRefreshIds", _MOST_IDS),
            limit=limit_of(call, 50, 100),
            after=marker_of(call),
        )
    now = call.backend.refreshes.now()
    return result(call, page, "InstanceRefreshes", lambda item: refresh_words.refresh(item, now))
