"""STS's errors: the one table from the engine's findings to AWS's code, words and status."""

from __future__ import annotations

from typing import Any, Final

from backend import errors
from backend.domain import session_findings
from translators.errors import AWSError, Table, register


def not_assumed(user: str, role: str) -> AWSError:
    """The refusal of a role.

    Source: IAM User Guide, "Troubleshoot IAM roles".
    """
    return AWSError(
        "AccessDenied", f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {role}", 403
    )


def _unavailable(found: session_findings.SessionsUnavailable) -> AWSError:
    return AWSError("AccessDenied", f"Coppice gives no temporary credentials here: {found.detail}.", 403)  # unsourced


def _gone(_: Any) -> AWSError:
    return AWSError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def _not_reached(_: Any) -> AWSError:
    return AWSError("ServiceUnavailable", "The service is unavailable. Please try again later.", 503)  # unsourced


TABLE: Final[Table] = {
    errors.CloudNotReached: _not_reached,
    session_findings.SessionsUnavailable: _unavailable,
    session_findings.KeyGone: _gone,
}

register("sts", TABLE)
