"""What load balancing offers by itself: security policies, and how much of each thing an account may have."""

from __future__ import annotations

from typing import Any, Final

from backend.domain.balancers import BalancerKind
from backend.domain.security_policies import POLICIES
from backend.services import limits
from translators.elbv2 import listing
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_LIMITS: Final = {
    "application-load-balancers": limits.BALANCERS[BalancerKind.APPLICATION],
    "network-load-balancers": limits.BALANCERS[BalancerKind.NETWORK],
    "target-groups": limits.TARGET_GROUPS,
    "listeners-per-application-load-balancer": limits.LISTENERS_OF_BALANCER,
    "listeners-per-network-load-balancer": limits.LISTENERS_OF_BALANCER,
    "rules-per-application-load-balancer": limits.RULES_OF_BALANCER,
    "targets-per-application-load-balancer": limits.TARGETS_OF_GROUP,
    "target-groups-per-application-load-balancer": limits.GROUPS_OF_BALANCER,
    "certificates-per-application-load-balancer": limits.CERTIFICATES_OF_LISTENER,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 5,
}


@operation("elbv2", "DescribeSSLPolicies")
def describe_ssl_policies(call: Call) -> Result:
    names = call.params.get("Names") or list(POLICIES)
    for name in names:
        if name not in POLICIES:
            raise AWSError("SSLPolicyNotFound", f"SSL policy '{name}' not found")  # unsourced
    page, token = listing.pages(call, list(dict.fromkeys(names)), lambda name: name)
    return {"SslPolicies": [_shown(name) for name in page], **token}


@operation("elbv2", "DescribeAccountLimits")
def describe_account_limits(call: Call) -> Result:
    page, token = listing.pages(call, sorted(_LIMITS.items()), lambda each: each[0])
    return {"Limits": [{"Name": name, "Max": str(most)} for name, most in page], **token}


def _shown(name: str) -> dict[str, Any]:
    protocols, ciphers = POLICIES[name]
    return {
        "Name": name,
        "SslProtocols": list(protocols),
        "Ciphers": [{"Name": cipher, "Priority": place} for place, cipher in enumerate(ciphers, start=1)],
        "SupportedLoadBalancerTypes": ["application", "network"],
    }
