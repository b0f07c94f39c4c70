"""The engine's findings in the codes and words of classic load balancing."""

from __future__ import annotations

from typing import Final

from backend import errors
from backend.domain import balancer_findings, identities, launch_findings, security_group_findings
from translators.errors import AWSError, Table, register


def not_found(name: str) -> AWSError:
    # Source: the text as Terraform's and Ansible's authors met it.
    return AWSError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{name}'")


def validation(message: str) -> AWSError:
    return AWSError("ValidationError", message)


def invalid_configuration(message: str) -> AWSError:
    return AWSError("InvalidConfigurationRequest", message, 409)


def no_certificate(arn: str) -> AWSError:
    return AWSError("CertificateNotFound", f"Server Certificate not found for the key: {arn}")  # unsourced


def invalid_instance(name: str) -> AWSError:
    return AWSError("InvalidInstance", f"Could not find EC2 instance {name}.")  # unsourced


def _unavailable(_: errors.Finding) -> AWSError:
    return AWSError("ServiceUnavailable", "The service is unavailable. Please try again later.", 503)  # unsourced


def _too_many(found: errors.LimitExceeded) -> AWSError:
    code = {"balancers": "TooManyLoadBalancers", "tags": "TooManyTags"}.get(found.what, "InvalidConfigurationRequest")
    words = f"You have reached the limit on the number of {found.what}: {found.limit}"  # unsourced
    return AWSError(code, words, 409 if code == "InvalidConfigurationRequest" else 400)


# The words of these are unsourced but where a line says otherwise.
TABLE: Final[Table] = {
    balancer_findings.BalancerNotFound: lambda found: not_found(found.balancer),
    balancer_findings.BalancerExists: lambda found: AWSError(
        "DuplicateLoadBalancerName",
        f"Load Balancer named {found.name} already exists and it is configured with different parameters.",
    ),
    balancer_findings.ListenerExists: lambda found: AWSError(
        "DuplicateListener",
        f"A listener already exists for port {found.port}, but with a different InstancePort, Protocol, or "
        "SSLCertificateId",
    ),
    balancer_findings.ListenerNotFound: lambda found: AWSError(
        "ListenerNotFound", f"The specified listener does not exist on port {found.listener}"
    ),
    balancer_findings.PolicyUnknown: lambda found: AWSError(
        "PolicyNotFound", f"There is no policy with name {found.policy}"
    ),
    balancer_findings.PolicyExists: lambda found: AWSError(
        "DuplicatePolicyName", f"Policy named {found.policy} already exists with different parameters"
    ),
    balancer_findings.PolicyInUse: lambda found: invalid_configuration(
        f"The policy {found.policy} is used by a listener"
    ),
    identities.CertificateMissing: lambda found: no_certificate(found.arn),
    balancer_findings.TargetsInvalid: lambda found: invalid_instance(found.targets[0]),
    errors.LimitExceeded: _too_many,
    balancer_findings.BalancingLacks: lambda found: invalid_configuration(found.detail),
    launch_findings.SubnetNotFound: lambda found: AWSError(
        "SubnetNotFound", f"The subnet ID 'subnet-{found.subnet}' does not exist"
    ),
    security_group_findings.SecurityGroupNotFound: lambda found: AWSError(
        "InvalidSecurityGroup", f"The security group ID 'sg-{found.group}' does not exist"
    ),
    errors.QuotaExceeded: lambda found: AWSError(
        "TooManyLoadBalancers", f"The cloud's quota of {found.resource} is used up: {found.limit}"
    ),
    balancer_findings.NoBalancing: lambda _: invalid_configuration("The cloud has no load balancing service"),
    errors.CloudNotReached: _unavailable,
    errors.OutcomeUnclear: _unavailable,
    errors.NotPermitted: lambda _: AWSError(
        "AccessDenied", "The service may not act in this account. Check the delegation of its cloud project.", 403
    ),
    errors.CloudRefused: lambda found: validation(f"The request was refused: {found.detail}"),
}

register("elb", TABLE)
