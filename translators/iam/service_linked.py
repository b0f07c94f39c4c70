"""Roles that a service is linked to: which there are, what they are called, and the one that is always there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from backend.domain.identities import IdentityExists, IdentityMissing, Role
from backend.services.managed_policies import PolicyRef
from backend.services.roles import NewRole
from translators.iam.errors import invalid, missing, no_role
from translators.iam.words import role_made
from translators.registry import Call, Result, operation
from translators.sts.identity import unique_id


@dataclass(frozen=True, slots=True)
class Linked:
    """What IAM knows of a service: its role's name and policy, and whether a suffix may tell several apart."""

    role: str
    policy: str
    suffix: bool = False
    description: str | None = None


# Source: conformance/recorded test_service_role_lifecycle; IAM User Guide, "AWS services that work with IAM".
SERVICES: Final[Mapping[str, Linked]] = {
    "autoscaling.amazonaws.com": Linked("AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy", suffix=True),
    "ec2fleet.amazonaws.com": Linked("AWSServiceRoleForEC2Fleet", "AWSEC2FleetServiceRolePolicy"),
    "ecs.amazonaws.com": Linked("AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"),
    "eks.amazonaws.com": Linked("AWSServiceRoleForAmazonEKS", "AmazonEKSServiceRolePolicy"),
    "eks-nodegroup.amazonaws.com": Linked("AWSServiceRoleForAmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup"),
    "elasticloadbalancing.amazonaws.com": Linked(
        "AWSServiceRoleForElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy"
    ),
    "rds.amazonaws.com": Linked(
        "AWSServiceRoleForRDS",
        "AmazonRDSServiceRolePolicy",
        description="Allows Amazon RDS to manage AWS resources on your behalf",
    ),
    "spot.amazonaws.com": Linked("AWSServiceRoleForEC2Spot", "AWSEC2SpotServiceRolePolicy"),
    "spotfleet.amazonaws.com": Linked("AWSServiceRoleForEC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy"),
    "ssm.amazonaws.com": Linked(
        "AWSServiceRoleForAmazonSSM",
        "AmazonSSMServiceRolePolicy",
        description="Provides access to AWS Resources managed or used by Amazon SSM.",
    ),
}
_OURS: Final = "autoscaling.amazonaws.com"
_OUR_WORDS: Final = (
    "Default Service-Linked Role enables access to AWS Services and Resources used or managed by Auto Scaling"
)
_TASK: Final = re.compile(r"task/aws-service-role/[a-z0-9.-]+/[\w+=,.@-]{1,64}/[0-9a-f-]{36}", re.ASCII)
# The role comes with the project, whose age nobody tells: as old as the protocol itself.
_SINCE: Final = datetime(2011, 1, 1, tzinfo=UTC)


def path_of(service: str) -> str:
    return f"/aws-service-role/{service}/"


def trust_of(service: str) -> str:
    return (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"'
        + service
        + '"},"Action":"sts:AssumeRole"}]}'
    )


def always(call: Call) -> Role:
    """The role that every group acts in, which nobody has to make."""
    name = SERVICES[_OURS].role
    return Role(
        id=unique_id("AROA", call.account_id),
        name=name,
        path=path_of(_OURS),
        trust=trust_of(_OURS),
        created_at=_SINCE,
        description=_OUR_WORDS,
        service=_OURS,
    )


def policy_of(service: str) -> PolicyRef:
    """The policy of AWS's that a linked role has."""
    name = SERVICES[service].policy
    return PolicyRef(f"arn:aws:iam::aws:policy/aws-service-role/{name}", name, "/aws-service-role/", managed=True)


def is_always(name: str) -> bool:
    return name == SERVICES[_OURS].role


@operation("iam", "CreateServiceLinkedRole")
def create_service_linked_role(call: Call) -> Result:
    service, suffix = call.params["AWSServiceName"], call.params.get("CustomSuffix")
    linked = SERVICES.get(service)
    if linked is None:
        # unsourced
        raise invalid(f"Service {service} is not a service that has a service-linked role in Coppice.")
    if suffix and not linked.suffix:
        raise invalid(f"Custom suffix is not allowed for {service}")
    name = f"{linked.role}_{suffix}" if suffix else linked.role
    wanted = NewRole(
        name=name,
        path=path_of(service),
        trust=trust_of(service),
        description=call.params.get("Description", linked.description),
        service=service,
        attached=[policy_of(service)],
    )
    try:
        made = call.backend.roles.create(call.scope, wanted)
    except IdentityExists:
        # Source: hashicorp/terraform #21361 (the words).
        raise invalid(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        ) from None
    return {"Role": role_made(call, made)}


@operation("iam", "DeleteServiceLinkedRole")
def delete_service_linked_role(call: Call) -> Result:
    name = call.params["RoleName"]
    try:
        gone = call.backend.roles.delete_linked(call.scope, name)
    except IdentityMissing:
        raise no_role(name) from None
    return {"DeletionTaskId": f"task/aws-service-role/{gone.service}/{gone.name}/{uuid4()}"}


@operation("iam", "GetServiceLinkedRoleDeletionStatus")
def get_deletion_status(call: Call) -> Result:
    """It is gone when the request to delete it is answered."""
    task = call.params["DeletionTaskId"]
    if not _TASK.fullmatch(task):
        raise missing(f"The deletion task id {task} cannot be found.")  # unsourced
    return {"Status": "SUCCEEDED"}
