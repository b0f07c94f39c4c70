"""Temporary credentials: of a user as they are, and of a role.

Source: AWS STS API Reference; the words of refusals as recorded, or as users quoted them.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from backend import errors
from backend.domain import session_findings
from backend.domain.scope import Scope
from backend.domain.session import Session
from backend.services.sessions import Role
from translators import arns
from translators.errors import AWSError
from translators.registry import Call, Result, operation
from translators.sts.errors import not_assumed
from translators.sts.identity import caller_arn, id_of_role

_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/((?:[!-~]+/)?)([A-Za-z0-9+=,.@_-]{1,64})")
_RIGHTS: Final = "a session has all rights of its caller"
_TAGS: Final = "a session has no tags"
_NOT_KEPT: Final = {
    "Policy": _RIGHTS,
    "PolicyArns": _RIGHTS,
    "Tags": _TAGS,
    "TransitiveTagKeys": _TAGS,
    "ProvidedContexts": "no context of another provider is checked",
}
_CHAINED_SECONDS: Final = 3600
_ASSUMED_SECONDS: Final = 3600
_SESSION_SECONDS: Final = 43200


@operation("sts", "GetSessionToken")
def get_session_token(call: Call) -> Result:
    if call.backend.sessions.find(call.caller.access_key) is not None:
        raise AWSError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)  # unsourced
    _check_device(call)
    lasting = timedelta(seconds=call.params.get("DurationSeconds", _SESSION_SECONDS))
    return {
        "Credentials": _credentials(call.backend.sessions.open(call.caller.access_key, call.caller.project_id, lasting))
    }


@operation("sts", "AssumeRole")
def assume_role(call: Call) -> Result:
    arn, name = call.params["RoleArn"], call.params["RoleSessionName"]
    account, path, role = _role(call, arn)
    _check_device(call)
    _check_plain(call)
    seconds = call.params.get("DurationSeconds", _ASSUMED_SECONDS)
    if call.caller.assumed_role and seconds > _CHAINED_SECONDS:
        raise AWSError(  # unsourced
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
    wanted = Role(account, role, name, path, _names(call))
    try:
        session = call.backend.sessions.assume(
            call.caller.access_key, call.caller.project_id, wanted, timedelta(seconds=seconds)
        )
    except session_findings.RolesNotAssumed:
        refused = not_assumed(caller_arn(call), arn)
        why = "This account has no such role: iam create-role makes one."
        raise AWSError(refused.code, f"{refused.message}. {why}", refused.status) from None
    except session_findings.RoleRefused:
        raise not_assumed(caller_arn(call), arn) from None
    except errors.LimitExceeded:
        raise AWSError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        ) from None
    source = call.params.get("SourceIdentity")
    return {
        "Credentials": _credentials(session),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{_id_of(call, session, account)}:{name}",
            "Arn": arns.assumed_role(account, f"{role}/{name}"),
        },
        **({"SourceIdentity": source} if source else {}),
    }


@operation("sts", "GetAccessKeyInfo")
def get_access_key_info(call: Call) -> Result:
    account = call.backend.sessions.account_of(call.params["AccessKeyId"])
    if account is None:
        raise AWSError("ValidationError", "The specified access key ID does not exist.")  # unsourced
    return {"Account": account}


def _names(call: Call) -> frozenset[str]:
    """What a trust policy may call the caller: the account, and who it is."""
    account = call.account_id
    names = {account, f"arn:aws:iam::{account}:root", caller_arn(call)}
    if call.caller.assumed_role:
        names.add(f"arn:aws:iam::{account}:role/{call.caller.assumed_role.partition('/')[0]}")
    return frozenset(names)


def _id_of(call: Call, session: Session, account: str) -> str:
    """The id of a role whose session was opened."""
    return id_of_role(call, Scope(session.project_id, call.scope.region), account, session.role)


def _role(call: Call, arn: str) -> tuple[str, str, str]:
    """Account, path and name of a role. Raises AWSError where it is no ARN, or one of nothing that can be assumed."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn" or not (parts[1] and parts[2] and parts[5]):
        raise AWSError("ValidationError", f"{arn} is invalid")
    found = _ROLE.fullmatch(arn)
    if found is None or found[2].startswith("aws-service-role/"):
        raise not_assumed(caller_arn(call), arn)
    return found[1], f"/{found[2]}", found[3]


def _check_plain(call: Call) -> None:
    """Refuse what would narrow or mark a session: no policy is evaluated that could tell it from another.

    An ExternalId is taken, as AWS takes one that no trust policy asks for.
    """
    for member, why in _NOT_KEPT.items():
        if call.params.get(member):
            raise AWSError("ValidationError", f"{member} is not supported by Coppice: {why}.")  # unsourced


def _check_device(call: Call) -> None:
    """There are no devices for a second factor, so no code of one is right."""
    if call.params.get("SerialNumber") or call.params.get("TokenCode"):
        words = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
        raise AWSError("AccessDenied", words, 403)  # unsourced


def _credentials(session: Session) -> dict[str, Any]:
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": session.expires_at,
    }
