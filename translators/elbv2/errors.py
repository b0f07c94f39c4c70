"""The engine's findings in Elastic Load Balancing's codes and words."""

from __future__ import annotations

from typing import Final

from backend import errors
from backend.domain import balancer_findings, identities, launch_findings, security_group_findings
from translators.errors import AWSError, Table, register


def target_group_not_found() -> AWSError:
    return AWSError("TargetGroupNotFound", "One or more target groups not found")  # unsourced


def load_balancer_not_found() -> AWSError:
    return AWSError("LoadBalancerNotFound", "One or more load balancers not found")


def listener_not_found() -> AWSError:
    return AWSError("ListenerNotFound", "One or more listeners not found")  # unsourced


def rule_not_found() -> AWSError:
    return AWSError("RuleNotFound", "One or more rules not found")  # unsourced


def no_certificate(arn: str) -> AWSError:
    return AWSError("CertificateNotFound", f"Certificate '{arn}' not found")  # unsourced


def validation(message: str) -> AWSError:
    return AWSError("ValidationError", message)


def invalid_configuration(message: str) -> AWSError:
    return AWSError("InvalidConfigurationRequest", message)


def _unavailable(_: errors.Finding) -> AWSError:
    return AWSError("ServiceUnavailable", "The service is unavailable. Please try again later.", 503)  # unsourced


_TOO_MANY: Final = {
    "balancers": ("TooManyLoadBalancers", "You have reached the limit on the number of load balancers"),
    "target groups": ("TooManyTargetGroups", "You have reached the limit on the number of target groups"),
    "listeners": ("TooManyListeners", "You have reached the limit on the number of listeners per load balancer"),
    "rules": ("TooManyRules", "You have reached the limit on the number of rules per load balancer"),
    "targets": ("TooManyTargets", "You have reached the limit on the number of targets"),
    "groups of a balancer": (
        "TooManyUniqueTargetGroupsPerLoadBalancer",
        "You have reached the limit on the number of unique target groups per load balancer",
    ),
    "certificates": ("TooManyCertificates", "You have reached the limit on the number of certificates per listener"),
    "tags": ("TooManyTags", "You have reached the limit on the number of tags per resource"),
}


def _too_many(found: errors.LimitExceeded) -> AWSError:
    code, words = _TOO_MANY[found.what]
    return AWSError(code, f"{words}: {found.limit}")  # unsourced


def _invalid_targets(found: balancer_findings.TargetsInvalid) -> AWSError:
    names = ", ".join(f"'{each}'" for each in found.targets)
    if found.what == "running":
        words = f"The following targets are not in a running state and cannot be registered: {names}"
    else:
        words = f"The following targets are not valid instances: {names}"  # unsourced
    return AWSError("InvalidTarget", words)


# The words of these are unsourced but where a line says otherwise.
TABLE: Final[Table] = {
    balancer_findings.PoolNotFound: lambda _: target_group_not_found(),
    balancer_findings.NoBalancing: lambda _: target_group_not_found(),
    errors.CloudNotReached: _unavailable,
    errors.NotPermitted: lambda _: AWSError(  # unsourced
        "AccessDenied", "The service may not act in this account. Check the delegation of its cloud project.", 403
    ),
    errors.CloudRefused: lambda found: validation(f"The request was refused: {found.detail}"),  # unsourced
    errors.OutcomeUnclear: _unavailable,
    balancer_findings.PoolBusy: _unavailable,
    balancer_findings.BalancerNotFound: lambda _: load_balancer_not_found(),
    balancer_findings.BalancerExists: lambda found: AWSError(
        "DuplicateLoadBalancerName",
        f"A load balancer with the same name '{found.name}' exists, but with different settings",
    ),
    balancer_findings.TargetGroupExists: lambda found: AWSError(
        "DuplicateTargetGroupName",
        f"A target group with the same name '{found.name}' exists, but with different settings",
    ),
    balancer_findings.ListenerNotFound: lambda _: listener_not_found(),
    balancer_findings.RuleNotFound: lambda _: rule_not_found(),
    balancer_findings.ListenerExists: lambda found: AWSError(
        "DuplicateListener", f"A listener already exists on port {found.port} of this load balancer"
    ),
    balancer_findings.PriorityInUse: lambda found: AWSError(
        "PriorityInUse", f"Priority '{found.priority}' is currently in use"
    ),
    balancer_findings.TargetsInvalid: _invalid_targets,
    identities.CertificateMissing: lambda found: no_certificate(found.arn),
    errors.LimitExceeded: _too_many,
    balancer_findings.BalancingLacks: lambda found: invalid_configuration(found.detail),
    balancer_findings.RuleMisplaced: lambda found: invalid_configuration(
        f"In this cloud the rule of priority {found.later} would be followed before that of priority {found.earlier},"
        " whose conditions a request may meet too: there, fixed responses come before redirects, and these before what"
        " forwards"
    ),
    launch_findings.SubnetNotFound: lambda found: AWSError(
        "SubnetNotFound", f"The subnet ID 'subnet-{found.subnet}' does not exist"
    ),
    security_group_findings.SecurityGroupNotFound: lambda found: AWSError(
        "InvalidSecurityGroup", f"The security group ID 'sg-{found.group}' does not exist"
    ),
    errors.QuotaExceeded: lambda found: AWSError(
        "TooManyLoadBalancers", f"The cloud's quota of {found.resource} is used up: {found.limit}"
    ),
}

register("elbv2", TABLE)
