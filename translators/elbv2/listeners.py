"""Listeners and rules as they are described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.balancers import BalancerListener, BalancerRule, LoadBalancer
from translators import arns
from translators.elbv2 import action_words, errors, ids, listing
from translators.elbv2.load_balancers import PROTOCOLS, balancer_arns, made
from translators.nouns import Asked, Members, Noun
from translators.registry import Call


@dataclass(frozen=True, slots=True)
class Told:
    """A listener as it is told, wherever it was made."""

    arn: str
    balancer_arn: str
    port: int
    protocol: str
    actions: Sequence[Mapping[str, Any]]
    certificates: Sequence[str] = ()
    ssl_policy: str | None = None
    rule_arn: str = ""


@dataclass(frozen=True, slots=True)
class ToldRule:
    """A rule as it is told; ``priority`` is ``default`` for what a listener does where no other is met."""

    arn: str
    listener_arn: str
    priority: str
    conditions: Sequence[Mapping[str, Any]]
    actions: Sequence[Mapping[str, Any]]


def group_arns(call: Call) -> dict[str, str]:
    """ARNs of the target groups that are made here, by id."""
    return {each.id: ids.group_arn(call, each) for each in call.backend.target_groups.all(call.scope)}


def told(call: Call, balancer: LoadBalancer, listener: BalancerListener, groups: Mapping[str, str]) -> Told:
    """A listener that is made here."""
    return Told(
        ids.listener_arn(call, balancer, listener),
        ids.balancer_arn(call, balancer),
        listener.port,
        listener.protocol,
        action_words.show_actions(listener.actions, groups),
        listener.certificates,
        listener.ssl_policy,
    )


def told_rule(call: Call, balancer: LoadBalancer, rule: BalancerRule, groups: Mapping[str, str]) -> ToldRule:
    """A rule."""
    arn = ids.rule_arn(call, balancer, rule)
    listener_arn = arns.listener(ids.balancer_arn(call, balancer), rule.listener_id)
    conditions = action_words.show_conditions(rule.conditions)
    return ToldRule(arn, listener_arn, str(rule.priority), conditions, action_words.show_actions(rule.actions, groups))


def _made(call: Call) -> list[Told]:
    balancers, groups = {each.id: each for each in made(call)}, group_arns(call)
    return [
        told(call, balancers[each.balancer_id], each, groups)
        for each in call.backend.listeners.all(call.scope)
        if each.balancer_id in balancers
    ]


def _adopted(call: Call, arn_of: Mapping[str, str]) -> Iterable[Told]:
    targets = {
        pool.id: arns.target_group(call.region, call.account_id, pool.id, pool.name)
        for pool in call.backend.traffic.pools(call.scope)
    }
    for each in call.backend.traffic.listeners(call.scope):
        if each.balancer_id in arn_of:
            target = targets.get(each.pool_id or "")
            actions = [{"Type": "forward", "TargetGroupArn": target, "Order": 1}] if target else []
            balancer = arn_of[each.balancer_id]
            protocol = PROTOCOLS.get(each.protocol, "TCP")
            yield Told(arns.listener(balancer, each.id), balancer, each.port, protocol, actions)


def _listeners(call: Call, asked: Asked) -> Iterable[Told]:
    found = _made(call)
    balancer = call.params.get("LoadBalancerArn")
    if balancer is not None and any(balancer == ids.balancer_arn(call, each) for each in made(call)):
        return found
    if balancer is None and listing.all_named(asked, {"ListenerArns": {each.arn for each in found}}):
        return found
    arn_of = balancer_arns(call)
    if balancer is not None and balancer not in arn_of.values():
        raise errors.load_balancer_not_found()
    return [*found, *_adopted(call, arn_of)]


def _check_listeners(call: Call) -> None:
    if call.params.get("LoadBalancerArn") is None and not call.params.get("ListenerArns"):
        raise errors.validation("You must specify either listener ARNs or a load balancer ARN")


_LISTENER: Final[Members[Told]] = {
    "ListenerArn": lambda each: each.arn,
    "LoadBalancerArn": lambda each: each.balancer_arn,
    "Port": lambda each: each.port,
    "Protocol": lambda each: each.protocol,
    "DefaultActions": lambda each: each.actions,
    "Certificates": lambda each: [{"CertificateArn": each.certificates[0]}] if each.certificates else None,
    "SslPolicy": lambda each: each.ssl_policy,
    "MutualAuthentication": lambda each: {"Mode": "off"} if each.protocol == "HTTPS" and each.ssl_policy else None,
}
LISTENERS: Final = Noun(
    answer="Listeners",
    items=_listeners,
    members=_LISTENER,
    namings=(listing.by_names("ListenerArns", lambda each: each.arn, errors.listener_not_found),),
    check=_check_listeners,
    keeps=lambda call, each: call.params.get("LoadBalancerArn") in {None, each.balancer_arn},
    pages=listing.pages,
)


def _rules(call: Call, asked: Asked) -> Iterable[ToldRule]:
    """By listener and priority; the default rule of each listener is the last."""
    listener = call.params.get("ListenerArn")
    if listener and not LISTENERS.chosen(call, {"ListenerArns": [listener]}):
        raise errors.listener_not_found()
    balancers, groups = {each.id: each for each in made(call)}, group_arns(call)
    own = [
        told_rule(call, balancers[each.balancer_id], each, groups)
        for each in call.backend.listeners.rules(call.scope)
        if each.balancer_id in balancers
    ]
    if listing.all_named(asked, {"RuleArns": {each.arn for each in own}}):
        return own
    fronts = LISTENERS.chosen(call, {"ListenerArns": [listener]}) if listener else _made(call)
    last = [ToldRule(default_rule(each.arn), each.arn, "default", [], each.actions) for each in fronts]
    return [*own, *last]


def default_rule(listener_arn: str) -> str:
    """The ARN of a listener's default rule, which has the listener's digits."""
    return arns.listener_rule(listener_arn, listener_arn.rpartition("/")[2])


def _check_rules(call: Call) -> None:
    if bool(call.params.get("ListenerArn")) == bool(call.params.get("RuleArns")):
        raise errors.validation("You must specify either listener rule ARNs or a listener ARN")  # unsourced


_RULE: Final[Members[ToldRule]] = {
    "RuleArn": lambda each: each.arn,
    "Priority": lambda each: each.priority,
    "Conditions": lambda each: each.conditions,
    "Actions": lambda each: each.actions,
    "IsDefault": lambda each: each.priority == "default",
    "Transforms": (),
}
RULES: Final = Noun(
    answer="Rules",
    items=_rules,
    members=_RULE,
    namings=(listing.by_names("RuleArns", lambda each: each.arn, errors.rule_not_found),),
    check=_check_rules,
    keeps=lambda call, each: not call.params.get("ListenerArn") or call.params["ListenerArn"] == each.listener_arn,
    pages=listing.pages,
)

listing.describes("DescribeListeners", LISTENERS)
listing.describes("DescribeRules", RULES)
