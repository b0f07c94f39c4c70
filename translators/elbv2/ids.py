"""ARNs of load balancing both ways, for things that are made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from backend.domain.balancers import BalancerKind, BalancerListener, BalancerRule, LoadBalancer, TargetGroup
from translators import arns
from translators.elbv2 import errors
from translators.errors import AWSError
from translators.registry import Call

WORDS: Final = {BalancerKind.APPLICATION: "app", BalancerKind.NETWORK: "net"}


def balancer_arn(call: Call, balancer: LoadBalancer) -> str:
    return arns.load_balancer(call.region, call.account_id, WORDS[balancer.kind], balancer.id, balancer.name)


def group_arn(call: Call, group: TargetGroup) -> str:
    return arns.target_group(call.region, call.account_id, group.id, group.name)


def listener_arn(call: Call, balancer: LoadBalancer, listener: BalancerListener) -> str:
    return arns.listener(balancer_arn(call, balancer), listener.id)


def rule_arn(call: Call, balancer: LoadBalancer, rule: BalancerRule) -> str:
    return arns.listener_rule(arns.listener(balancer_arn(call, balancer), rule.listener_id), rule.id)


def digits(call: Call, kind: str, arn: str) -> str:
    """The digits of an ARN of a kind (``loadbalancer``, ``targetgroup``, ``listener``, ``listener-rule``).

    Raises:
        AWSError: it is of another kind, account or region, or no ARN at all.
    """
    found = arns.balancing_of(kind, call.region, call.account_id, arn)
    if found is None:
        raise _REFUSALS[kind](arn)
    return found


def balancer_of(call: Call, arn: str) -> LoadBalancer:
    """A balancer that is made here, by its ARN. Raises AWSError."""
    found = call.backend.balancers.get(call.scope, digits(call, "loadbalancer", arn))
    if found.kind is BalancerKind.CLASSIC or balancer_arn(call, found) != arn:
        raise errors.load_balancer_not_found()
    return found


def group_of(call: Call, arn: str) -> TargetGroup:
    """A target group that is made here, by its ARN. Raises AWSError."""
    found = call.backend.target_groups.get(call.scope, digits(call, "targetgroup", arn))
    if group_arn(call, found) != arn:
        raise errors.target_group_not_found()
    return found


def _malformed(arn: str) -> AWSError:
    return errors.validation(f"'{arn}' is not a valid load balancer ARN")  # unsourced


_REFUSALS: Final[Mapping[str, Callable[[str], AWSError]]] = {
    "loadbalancer": _malformed,
    "targetgroup": lambda arn: errors.validation(f"'{arn}' is not a valid target group ARN"),  # unsourced
    "listener": lambda arn: errors.validation(f"'{arn}' is not a valid listener ARN"),  # unsourced
    "listener-rule": lambda arn: errors.validation(f"'{arn}' is not a valid rule ARN"),  # unsourced
}
