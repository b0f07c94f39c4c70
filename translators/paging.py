"""The opaque tokens that name where the next page of a list starts.

A token is bound to the operation, the caller's project and region, and everything else that was asked: shown to another
request it is refused. It is authenticated with the installation's key, so that nobody else makes one; what it points at
is of the type that is expected, whoever made it, and is read within the caller's own scope.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from translators.errors import AWSError
from translators.registry import Call

_UNBOUND: Final = frozenset({"NextToken", "Marker", "MaxRecords", "MaxResults", "MaxItems", "PageSize", "DryRun"})
_CHECK_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Binding:
    """What tokens of a request are made with.

    Attributes:
        checks: the first makes tokens; the others know those of before there was another key.
        again: those of keys that another process may have already.
    """

    checks: Sequence[str] = field(repr=False)
    again: Callable[[], Sequence[str]] = field(repr=False)


def fingerprint(call: Call) -> str:
    """What a token is bound to beside the operation: who asks, where, and for what; not for how many at a time."""
    asked = {name: value for name, value in call.params.items() if name not in _UNBOUND}
    parts = [call.scope.project_id, call.scope.region, asked]
    text = json.dumps(parts, sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def binding(call: Call) -> Binding:
    """What a token of this request is made with: its fingerprint, and a key that its caller does not have."""
    asked = fingerprint(call).encode()

    def checks(keys: Sequence[bytes]) -> Sequence[str]:
        return [hmac.new(key, asked, hashlib.sha256).hexdigest() for key in keys]

    return Binding(checks(call.page_keys.now()), lambda: checks(call.page_keys.again(call.scope.project_id)))


def encode(operation: str, marker: Any, binding: Binding) -> str:
    """The token of a page that starts after ``marker`` (any JSON value)."""
    body = json.dumps(marker, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(operation, body, binding.checks[0]) + body).decode().rstrip("=")


def decode(token: str, operation: str, binding: Binding, service: str = "autoscaling", *, like: Any = "") -> Any:
    """The marker a token was made of.

    Args:
        binding: that of the request that shows the token.
        like: a marker of the right type; a list stands for lists of as many values of its values' types.

    Raises:
        AWSError: the service's own refusal of a token that is not one of ours, or belongs to another request.
        KeysUnreached: whether it is one is not known now.
    """
    try:
        raw = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        check, body = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if len(check) < _CHECK_BYTES:
            raise refusal(token, service, operation)

        def made(checks: Sequence[str]) -> bool:
            return any(hmac.compare_digest(check, _check(operation, body, each)) for each in checks)

        if made(binding.checks) or made(binding.again()):
            marker = json.loads(body)
            if _alike(marker, like):
                return marker
    except (binascii.Error, ValueError, RecursionError):
        pass
    raise refusal(token, service, operation)


_BY_VALUE: Final = frozenset({"ListMetrics", "ListDashboards"})
"""Operations of CloudWatch that know no InvalidNextToken. Source: the model."""


def refusal(token: str, service: str, operation: str = "") -> AWSError:
    """What a service answers to a token that means nothing."""
    if service == "autoscaling":
        return AWSError("InvalidNextToken", f"The token '{token}' is invalid.")
    if service == "iam":
        return AWSError("ValidationError", "Invalid Marker.")
    if service in {"elb", "elbv2"}:
        return AWSError("ValidationError", "The marker is not valid")  # unsourced
    if service == "cloudwatch":  # Source of the words: moto; of the codes the model
        code = "InvalidParameterValue" if operation in _BY_VALUE else "InvalidNextToken"
        return AWSError(code, "Request parameter NextToken is invalid")
    if service == "events":
        return AWSError("ValidationException", "Parameter NextToken is not valid.")  # unsourced
    return AWSError("InvalidNextToken", "The specified NextToken is not valid.")  # unsourced


def _alike(marker: Any, like: Any) -> bool:
    if type(marker) is not type(like):
        return False
    if isinstance(marker, list):
        return len(marker) == len(like) and all(map(_alike, marker, like))
    if isinstance(marker, str):
        return "\0" not in marker and not any("\ud800" <= character <= "\udfff" for character in marker)
    return isinstance(marker, int)


def _check(operation: str, body: bytes, binding: str) -> bytes:
    return hashlib.sha256(b"\0".join((b"coppice-page", operation.encode(), binding.encode(), body))).digest()[
        :_CHECK_BYTES
    ]


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
