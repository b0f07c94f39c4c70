"""Requests signed with an EC2 credential, for Keystone to check: AWS Signature Version 4. Pure.

Source: Keystone API, "OS-EC2"; AWS General Reference, "Signature Version 4 signing process".
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_HOST: Final = "coppice"
_REGION: Final = "coppice"
_SERVICE: Final = "identity"
_EMPTY: Final = hashlib.sha256(b"").hexdigest()


def signed(access: str, secret: str, now: datetime) -> dict[str, Any]:
    """What ``POST /v3/ec2tokens`` takes: an empty request that is never sent anywhere, and its signature.

    Args:
        now: Keystone refuses it when it is a quarter of an hour old.
    """
    at = now.astimezone(UTC)
    stamp, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    names = "host;x-amz-date"
    canonical = "\n".join(("GET", "/", "", f"host:{_HOST}", f"x-amz-date:{stamp}", "", names, _EMPTY))
    scope = f"{day}/{_REGION}/{_SERVICE}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashed}".encode(), hashlib.sha256).hexdigest()
    return {
        "access": access,
        "signature": signature,
        "host": _HOST,
        "verb": "GET",
        "path": "/",
        "params": {},
        # Keystone looks for the names as they are written here.
        "headers": {
            "Host": _HOST,
            "X-Amz-Date": stamp,
            "Authorization": f"{_ALGORITHM} Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}",
        },
        "body_hash": _EMPTY,
    }
