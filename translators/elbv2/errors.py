"""The engine's findings in Elastic Load Balancing's codes and words."""

from __future__ import annotations

from typing import Final

from backend import errors
from translators.errors import AWSError, Table, register


def target_group_not_found() -> AWSError:
    return AWSError("TargetGroupNotFound", "One or more target groups not found")  # unsourced


def load_balancer_not_found() -> AWSError:
    return AWSError("LoadBalancerNotFound", "One or more load balancers not found")


def listener_not_found() -> AWSError:
    return AWSError("ListenerNotFound", "One or more listeners not found")  # unsourced


def validation(message: str) -> AWSError:
    return AWSError("ValidationError", message)


def _unavailable(_: errors.Finding) -> AWSError:
    return AWSError("ServiceUnavailable", "The service is unavailable. Please try again later.", 503)  # unsourced


TABLE: Final[Table] = {
    errors.PoolNotFound: lambda _: target_group_not_found(),
    errors.NoBalancing: lambda _: target_group_not_found(),
    errors.CloudNotReached: _unavailable,
    errors.NotPermitted: lambda _: AWSError(  # unsourced
        "AccessDenied", "The service may not act in this account. Check the delegation of its cloud project.", 403
    ),
    errors.CloudRefused: lambda found: validation(f"The request was refused: {found.detail}"),  # unsourced
}

register("elbv2", TABLE)
