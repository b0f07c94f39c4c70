"""Scaling policies: write, execute, delete, describe."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from backend.domain.scaling import Breach, PolicyKind
from backend.services.scaling_policies import PolicyName, PolicyQuery, Said
from translators import arns
from translators.autoscaling.errors import constraint, validation
from translators.autoscaling.listing import among, group_of, limit_of, marker_of, result, with_managed
from translators.autoscaling.policy_words import finite, told, wanted
from translators.autoscaling.prediction_words import forecast_told
from translators.cloudwatch.alarm_words import for_history
from translators.registry import Call, Result, operation

_MOST_NAMES: Final = 50


@operation("autoscaling", "PutScalingPolicy")
def put(call: Call) -> Result:
    cluster, (region, account) = call.params["AutoScalingGroupName"], (call.region, call.account_id)
    said = Said(
        lambda policy: arns.scaling_policy(region, account, policy.id, policy.cluster_name, policy.name),
        partial(for_history, region=region, account=account),
    )
    made = call.backend.scaling_policies.put(call.scope, cluster, wanted(call.params), said)
    answer = told(made, (region, account), made.alarms)  # alarms of others are not told here
    return {"PolicyARN": answer["PolicyARN"], "Alarms": answer["Alarms"]}


@operation("autoscaling", "ExecutePolicy")
def execute(call: Call) -> Result:
    value, threshold = (_number(call, name) for name in ("MetricValue", "BreachThreshold"))
    if (value is None) != (threshold is None):
        raise validation("MetricValue and BreachThreshold must be specified together.")  # unsourced
    breach = None if value is None or threshold is None else Breach((value,), threshold)
    honor = bool(call.params.get("HonorCooldown"))
    call.backend.scaling_policies.execute(call.scope, _named(call), breach=breach, honor_cooldown=honor)
    return {}


@operation("autoscaling", "DeletePolicy")
def delete(call: Call) -> Result:
    call.backend.scaling_policies.remove(call.scope, _named(call))
    return {}


@operation("autoscaling", "DescribePolicies")
def describe(call: Call) -> Result:
    params = call.params
    if params.get("AutoScalingGroupName") is not None:
        group_of(call)
    given = among(call, "PolicyNames", _MOST_NAMES)
    kinds = tuple(params.get("PolicyTypes") or ())
    unknown = [kind for kind in kinds if kind not in set(PolicyKind)]
    if unknown:
        allowed = f"Member must satisfy enum value set: [{', '.join(sorted(PolicyKind))}]"
        raise constraint(list(kinds), "policyTypes", allowed)  # unsourced
    ids = [found for each in given if (found := _id_of(call, each)) is not None]
    names = [each for each in given if not each.startswith("arn:")]
    limit, marker = limit_of(call, 50, 100), marker_of(call)
    if given and not (ids or names):  # ARNs of elsewhere
        return {"ScalingPolicies": []}
    query = PolicyQuery(params.get("AutoScalingGroupName"), names, ids, kinds, managed=with_managed(call))
    # No name of a group has a colon.
    cluster, _, name = (marker or "").partition(":")
    page = call.backend.scaling_policies.page(call.scope, query, limit=limit, after=(cluster, name) if marker else None)
    alarms = call.backend.scaling_policies.alarms_of(call.scope, page.items)
    place = call.region, call.account_id
    return result(call, page, "ScalingPolicies", lambda policy: told(policy, place, alarms.get(policy.id, ())))


@operation("autoscaling", "GetPredictiveScalingForecast")
def forecast(call: Call) -> Result:
    start, end = call.params["StartTime"], call.params["EndTime"]
    return forecast_told(*call.backend.scaling_policies.forecast(call.scope, _named(call), start, end))


def _named(call: Call) -> PolicyName:
    """The policy that a request names: by its ARN, or by its name together with its group's."""
    name, cluster = call.params["PolicyName"], call.params.get("AutoScalingGroupName")
    policy_id = _id_of(call, name)
    if cluster is None and not name.startswith("arn:"):
        raise validation("AutoScalingGroupName must be specified where PolicyName is not an ARN.")  # unsourced
    return PolicyName(name, cluster, policy_id)


def _id_of(call: Call, name: str) -> str | None:
    return arns.scaling_policy_id(call.region, call.account_id, name)


def _number(call: Call, member: str) -> float | None:
    value: Any = call.params.get(member)
    return None if value is None else finite(value, member)
