"""From what is kept of a balancer to what the cloud is to make of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from backend.domain.balancers import (
    BalancerKind,
    BalancerListener,
    BalancerRule,
    LoadBalancer,
    TargetGroup,
)
from backend.drivers.balancer_making import BalancerPlan, BlendPlan, ListenerPlan, Part, PoolPlan, RulePlan, blend_key
from backend.drivers.balancing import Monitor

IDLE: Final = "idle_timeout.timeout_seconds"
_LONGEST_NAME: Final = 255
_NEVER: Final = json.dumps([{"field": "path-pattern", "values": [path]} for path in ("/a", "/b")])
"""Conditions that no request meets: its path is one and another."""
_MONITORS: Final = {"HTTP": "HTTP", "HTTPS": "HTTPS", "TLS": "TLS-HELLO"}


@dataclass(frozen=True, slots=True)
class Wish:
    """All that is kept of one balancer.

    Attributes:
        groups: by id, those that its listeners and rules forward to.
        rules: of all its listeners.
        certificates: ids of those that are kept here, by ARN.
        blending: forwards by weights take blends.
    """

    balancer: LoadBalancer
    groups: Mapping[str, TargetGroup]
    listeners: tuple[BalancerListener, ...]
    rules: tuple[BalancerRule, ...]
    certificates: Mapping[str, str] = field(default_factory=dict)
    blending: bool = False

    def parts(self) -> tuple[Part, ...]:
        """Pools first, then what refers to them."""
        pools = {each: pool_plan(self.groups[each]) for each in sorted(self.groups)}
        blends: list[BlendPlan] = []
        listeners: list[ListenerPlan] = []
        rules: list[RulePlan] = []
        for listener in self.listeners:
            front, own = listener_plan(self.balancer, listener, self.certificates), rule_plans(self.rules, listener)
            owners: tuple[ListenerPlan | RulePlan, ...] = (front, *own) if self.blending else ()
            blended = [each for each in (blend_plan(owner, pools) for owner in owners) if each is not None]
            listeners.append(front)
            blends += blended
            rules += [*own, *_keepers(front, blended, len(own))]
        return (*pools.values(), *blends, *listeners, *rules)


def balancer_plan(balancer: LoadBalancer) -> BalancerPlan:
    layer7 = balancer.kind is not BalancerKind.NETWORK
    groups, address = balancer.security_groups, balancer.wished_address
    return BalancerPlan(balancer.id, balancer.name, layer7, balancer.subnets[0], groups, address)


def pool_plan(group: TargetGroup) -> PoolPlan:
    check, set_ = group.health_check, group.attributes
    stuck = set_.get("stickiness.enabled") == "true"
    kind = set_.get("stickiness.type", "lb_cookie" if group.protocol in {"HTTP", "HTTPS"} else "source_ip")
    return PoolPlan(
        key=group.id,
        name=group.name,
        protocol=group.protocol,
        port=group.port,
        monitor=_monitor(check) if check.get("enabled", True) else None,
        monitor_port=group.monitor_port,
        algorithm=set_.get("load_balancing.algorithm.type", "round_robin"),
        stickiness=kind if stuck else None,
        cookie=set_.get("stickiness.app_cookie.cookie_name") or None if stuck and kind == "app_cookie" else None,
        proxied=set_.get("proxy_protocol_v2.enabled") == "true",
    )


def listener_plan(
    balancer: LoadBalancer, listener: BalancerListener, certificates: Mapping[str, str] | None = None
) -> ListenerPlan:
    """A listener's plan, with ids for those of its certificates that are told by ARN."""
    idle = balancer.attributes.get(IDLE, "60") if balancer.kind is not BalancerKind.NETWORK else None
    return ListenerPlan(
        key=_key(listener),
        name=f"{balancer.name}-{listener.port}",
        protocol=listener.protocol,
        port=listener.port,
        action=_action(listener.actions),
        certificates=tuple((certificates or {}).get(arn, arn) for arn in listener.certificates),
        ssl_policy=listener.ssl_policy,
        idle_seconds=None if idle is None else int(idle),
    )


def rule_plan(rule: BalancerRule, position: int, listener: BalancerListener) -> RulePlan:
    conditions = json.dumps(rule.conditions, sort_keys=True)
    return RulePlan(f"{rule.id}.{listener.port}", _key(listener), position, conditions, _action(rule.actions))


def blend_plan(owner: ListenerPlan | RulePlan, pools: Mapping[str, PoolPlan]) -> BlendPlan | None:
    """What a forward by weights takes; None where there are not several groups that have any.

    Args:
        pools: plans by their keys; of all groups that the owner forwards to.
    """
    action = json.loads(owner.action)
    shares = [(pools[group], weight) for group, weight in action.get("groups", ()) if weight]
    if len(shares) < 2:
        return None
    sticky = bool(action.get("stickiness", {}).get("Enabled"))
    return BlendPlan(blend_key(owner), "-".join(pool.name for pool, _ in shares)[:_LONGEST_NAME], tuple(shares), sticky)


def _keepers(front: ListenerPlan, blends: Iterable[BlendPlan], after: int) -> Iterable[RulePlan]:
    """Rules that no request meets, for pools whose members have their share in blends.

    A cloud asks for the health of members only in pools that something forwards to, and the health of these members is
    told by their own pool.
    """
    kept = dict.fromkeys(pool.key for blend in blends for pool, _ in blend.shares)
    for position, pool in enumerate(kept, start=after + 1):
        action = json.dumps({"type": "forward", "groups": [[pool, 1]]}, sort_keys=True)
        yield RulePlan(f"{front.key}.keep.{pool}", front.key, position, _NEVER, action)


def _key(listener: BalancerListener) -> str:
    """Another protocol or port is another listener of the cloud, with rules of its own."""
    return f"{listener.id}.{listener.protocol}.{listener.port}"


def listens(listener_key: str) -> tuple[str, int]:
    """The protocol and the port of the listener that a key stands for."""
    _, protocol, port = listener_key.rsplit(".", 2)
    return protocol, int(port)


def rule_plans(rules: Iterable[BalancerRule], listener: BalancerListener) -> list[RulePlan]:
    """Those of one listener, in their order."""
    return [rule_plan(rule, at, listener) for at, rule in enumerate(_by_priority(rules, listener.id), start=1)]


def _by_priority(rules: Iterable[BalancerRule], listener_id: str) -> list[BalancerRule]:
    return sorted((each for each in rules if each.listener_id == listener_id), key=lambda each: each.priority)


def _action(actions: Iterable[Mapping[str, Any]]) -> str:
    """What is done with a request: the last action; those before it only ask who it is."""
    last = list(actions)[-1]
    return json.dumps({name: value for name, value in last.items() if name != "order"}, sort_keys=True)


def _monitor(check: Mapping[str, Any]) -> Monitor:
    kind = _MONITORS.get(check["protocol"], "TCP")
    http = kind in {"HTTP", "HTTPS"}
    return Monitor(
        kind,
        check["interval"],
        check["timeout"],
        check["healthy"],
        check["unhealthy"],
        check.get("path") if http else None,
        check.get("codes") if http else None,
    )
