"""The opaque tokens that name where the next page of a list starts.

A token is bound to the operation, the caller's project and region, and everything else that was asked: shown to another
request it is refused. It guards nothing by itself: what it points at is read within the caller's own scope.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import datetime
from typing import Any, Final

from translators.errors import AWSError
from translators.registry import Call

_UNBOUND: Final = frozenset({"NextToken", "Marker", "MaxRecords", "MaxResults", "MaxItems", "PageSize", "DryRun"})
_CHECK_BYTES: Final = 12


def fingerprint(call: Call) -> str:
    """What a token is bound to beside the operation: who asks, where, and for what; not for how many at a time."""
    asked = {name: value for name, value in call.params.items() if name not in _UNBOUND}
    parts = [call.scope.project_id, call.scope.region, asked]
    text = json.dumps(parts, sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def encode(operation: str, marker: Any, fingerprint: str) -> str:
    """The token of a page that starts after ``marker`` (any JSON value)."""
    body = json.dumps(marker, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(operation, body, fingerprint) + body).decode().rstrip("=")


def decode(token: str, operation: str, fingerprint: str, service: str = "autoscaling") -> Any:
    """The marker a token was made of.

    Raises:
        AWSError: the service's own refusal of a token that is not one of ours, or belongs to another request.
    """
    try:
        raw = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if check == _check(operation, body, fingerprint):
            return json.loads(body)
    except (binascii.Error, ValueError):
        pass
    raise refusal(token, service)


def refusal(token: str, service: str) -> AWSError:
    """What a service answers to a token that means nothing."""
    if service == "autoscaling":
        return AWSError("InvalidNextToken", f"The token '{token}' is invalid.")
    if service == "iam":
        return AWSError("ValidationError", "Invalid Marker.")
    if service == "elbv2":
        return AWSError("ValidationError", "The marker is not valid")  # unsourced
    return AWSError("InvalidNextToken", "The specified NextToken is not valid.")  # unsourced


def _check(operation: str, body: bytes, fingerprint: str) -> bytes:
    return hashlib.sha256(b"\0".join((b"coppice-page", operation.encode(), fingerprint.encode(), body))).digest()[
        :_CHECK_BYTES
    ]


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
