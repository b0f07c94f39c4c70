"""What load balancing offers by itself: security policies, and how much of each thing an account may have."""

from __future__ import annotations

from typing import Any, Final

from backend.domain.balancers import BalancerKind
from backend.services import limits
from translators.elbv2 import listing
from translators.errors import AWSError
from translators.registry import Call, Result, operation

DEFAULT_POLICY: Final = "ELBSecurityPolicy-2016-08"
_TLS13: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_TLS12: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
_OLDER: Final = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256", "AES128-SHA")
# Source: Application Load Balancer User Guide, "Security policies"; protocols in full, ciphers as far as clients ask.
POLICIES: Final = {
    DEFAULT_POLICY: (("TLSv1", "TLSv1.1", "TLSv1.2"), (*_TLS12, *_OLDER)),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": (("TLSv1.2", "TLSv1.3"), (*_TLS13, *_TLS12)),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": (("TLSv1.2", "TLSv1.3"), (*_TLS13, *_TLS12)),
    "ELBSecurityPolicy-TLS13-1-3-2021-06": (("TLSv1.3",), _TLS13),
    "ELBSecurityPolicy-TLS13-1-0-2021-06": (
        ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
        (*_TLS13, *_TLS12, *_OLDER),
    ),
    "ELBSecurityPolicy-TLS-1-2-2017-01": (("TLSv1.2",), _TLS12),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": (("TLSv1.2",), (*_TLS12, *_OLDER)),
    "ELBSecurityPolicy-TLS-1-1-2017-01": (("TLSv1.1", "TLSv1.2"), (*_TLS12, *_OLDER)),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": (("TLSv1.2",), _TLS12),
}
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
