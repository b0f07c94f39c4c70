"""Instance profiles of instances: given, taken away and listed. A server notes its profile itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.identities import InstanceProfile
from backend.domain.node import ServerStatus
from translators import arns
from translators.ec2 import actions
from translators.ec2.instance_words import Instance, instances
from translators.ec2.instances import one
from translators.errors import AWSError
from translators.nouns import Asked, Naming, Noun
from translators.registry import Call, Result, operation

_PREFIX: Final = "iip-assoc"


@dataclass(frozen=True, slots=True)
class Association:
    """An instance that has a profile."""

    instance: Instance
    profile: dict[str, str]

    @property
    def id(self) -> str:
        return arns.derived_id(_PREFIX, self.instance.server.id, self.profile["Id"])


def _associations(call: Call, _: Asked) -> Iterable[Association]:
    return [Association(each, each.profile) for each in instances(call) if each.profile is not None]


def _missing(ids: Any) -> AWSError:
    # Source: hashicorp/terraform-provider-aws internal/service/ec2/errors.go (the code), moto (the words).
    return AWSError("NoSuchAssociation", f"An invalid association-id of '{ids[0]}' was given")


ASSOCIATIONS: Final = Noun(
    answer="IamInstanceProfileAssociations",
    items=_associations,
    members={
        "AssociationId": lambda each: each.id,
        "InstanceId": lambda each: each.instance.id,
        "IamInstanceProfile": lambda each: each.profile,
        "State": "associated",
    },
    order=lambda each: each.id,
    filters={"instance-id": "InstanceId", "state": "State"},
    namings=(Naming("AssociationIds", lambda each: each.id, _missing),),
    pages=actions.pages("AssociationIds", actions.Bounds(5, 1000)),
)

actions.describes("DescribeIamInstanceProfileAssociations", ASSOCIATIONS)


@operation("ec2", "AssociateIamInstanceProfile")
def associate(call: Call) -> Result:
    instance = _usable(call, call.params["InstanceId"])
    if instance.profile is not None:
        raise AWSError("IncorrectState", f"There is an existing association for instance {instance.id}")
    return _given(call, instance, _profile(call))


@operation("ec2", "ReplaceIamInstanceProfileAssociation")
def replace(call: Call) -> Result:
    present = ASSOCIATIONS.of_ids(call, [call.params["AssociationId"]])[0]
    return _given(call, present.instance, _profile(call))


@operation("ec2", "DisassociateIamInstanceProfile")
def disassociate(call: Call) -> Result:
    present = ASSOCIATIONS.of_ids(call, [call.params["AssociationId"]])[0]
    call.backend.instance_profiles.give(call.scope, present.instance.server.id, None)
    return _told(present, "disassociating")


def _usable(call: Call, instance_id: str) -> Instance:
    instance = one(call, instance_id)
    if instance.server.status in {ServerStatus.DELETED, ServerStatus.DELETING}:
        raise AWSError(  # unsourced
            "IncorrectInstanceState",
            f"The instance '{instance.id}' is not in a state in which its instance profile can be changed.",
        )
    return instance


def _profile(call: Call) -> InstanceProfile:
    named = call.params["IamInstanceProfile"]
    reference = named.get("Arn") or named.get("Name")
    if not reference:
        # unsourced
        raise AWSError("MissingParameter", "The request must contain the parameter IamInstanceProfile.Name")
    return call.backend.instance_profiles.usable(call.scope, reference)


def _given(call: Call, instance: Instance, profile: InstanceProfile) -> Result:
    call.backend.instance_profiles.give(call.scope, instance.server.id, profile)
    arn = arns.iam(call.account_id, "instance-profile", profile.path, profile.name)
    return _told(Association(instance, {"Arn": arn, "Id": profile.id}), "associating")


def _told(association: Association, state: str) -> Result:
    return {"IamInstanceProfileAssociation": {**ASSOCIATIONS.view(association), "State": state}}
