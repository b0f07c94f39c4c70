"""Who the caller is."""

from __future__ import annotations

import base64
import hashlib

from backend.domain.identities import IdentityMissing
from backend.domain.scope import Scope
from translators import arns
from translators.registry import Call, Caller, Result, operation

_ID_LENGTH = 17


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> Result:
    return {
        "UserId": _user_id(call),
        "Account": call.account_id,
        "Arn": caller_arn(call),
    }


def caller_arn(call: Call) -> str:
    """The ARN of who calls: a user, or a session of a role."""
    if call.caller.assumed_role:
        return arns.assumed_role(call.account_id, call.caller.assumed_role)
    return arns.user(call.account_id, call.caller.user_name)


def id_of_role(call: Call, scope: Scope, account: str, role: str) -> str:
    """The unique id of a role; of one that has no record, made of where it is and its name."""
    try:
        return call.backend.roles.find(scope, role).id
    except IdentityMissing:
        return unique_id("AROA", f"{account}/{role}")


def _user_id(call: Call) -> str:
    if not call.caller.assumed_role:
        return user_id(call.caller)
    role, _, session = call.caller.assumed_role.partition("/")
    return f"{id_of_role(call, call.scope, call.account_id, role)}:{session}"


def user_id(caller: Caller) -> str:
    """The user's unique id in AWS's form (``AIDA`` and 17 of A-Z, 2-7): stable, from the cloud's own id."""
    return unique_id("AIDA", caller.user_id)


def unique_id(prefix: str, of: str) -> str:
    """An id in IAM's form, derived from what it belongs to."""
    digest = hashlib.sha256(f"coppice-user:{of}".encode()).digest()
    return prefix + base64.b32encode(digest).decode()[:_ID_LENGTH]
