"""The little of IAM that tools ask to learn who and where they are; there are no users or roles to manage here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from translators import arns
from translators.errors import AWSError
from translators.registry import Call, Result, operation
from translators.sts.identity import unique_id, user_id

_ROLE: Final = "AWSServiceRoleForAutoScaling"
_ROLE_PATH: Final = "/aws-service-role/autoscaling.amazonaws.com/"
_TRUST: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"autoscaling.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)
# Users and the role come with the project, whose age nobody tells: as old as the protocol itself.
_SINCE: Final = datetime(2011, 1, 1, tzinfo=UTC)


@operation("iam", "GetUser")
def get_user(call: Call) -> Result:
    name = call.params.get("UserName")
    if name is None and call.caller.assumed_role:
        raise AWSError("ValidationError", "Must specify userName when calling with non-User credentials")  # unsourced
    if name is not None and (name != call.caller.user_name or call.caller.assumed_role):
        raise AWSError("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
    return {
        "User": {
            "Path": "/",
            "UserName": call.caller.user_name,
            "UserId": user_id(call.caller),
            "Arn": arns.user(call.account_id, call.caller.user_name),
            "CreateDate": _SINCE,
        }
    }


@operation("iam", "GetRole")
def get_role(call: Call) -> Result:
    name = call.params["RoleName"]
    if name != _ROLE:
        raise AWSError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    return {"Role": {**_role(call), "MaxSessionDuration": 3600}}


@operation("iam", "ListRoles")
def list_roles(call: Call) -> Result:
    """The one role there is: the one that Auto Scaling acts in."""
    if call.params.get("Marker"):
        raise AWSError("ValidationError", "Invalid Marker.")
    prefix = call.params.get("PathPrefix") or "/"
    return {"Roles": [_role(call)] if _ROLE_PATH.startswith(prefix) else [], "IsTruncated": False}


@operation("iam", "ListAccountAliases")
def list_account_aliases(call: Call) -> Result:
    if call.params.get("Marker"):
        raise AWSError("ValidationError", "Invalid Marker.")
    return {"AccountAliases": [], "IsTruncated": False}


def _role(call: Call) -> dict[str, Any]:
    arn = arns.service_linked_role(call.account_id)
    return {
        "Path": _ROLE_PATH,
        "RoleName": _ROLE,
        "RoleId": unique_id("AROA", call.account_id),
        "Arn": arn,
        "CreateDate": _SINCE,
        "AssumeRolePolicyDocument": quote(_TRUST, safe=""),
        "Description": "Default Service-Linked Role enables access to AWS Services and Resources used or managed by "
        "Auto Scaling",
        "MaxSessionDuration": 3600,
    }
