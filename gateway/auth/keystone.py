"""The keys of the cloud's identity service: secrets that it tells, signatures that it checks."""

from __future__ import annotations

import urllib.parse
from typing import Protocol

from gateway.auth.claims import Claim
from gateway.auth.credentials import Credential
from gateway.auth.refusals import Refusal
from gateway.request import Request
from translators.callers import BadSignature, Signed
from translators.registry import Caller


class Known(Protocol):
    """Whose a key is; ``translators.callers.Callers`` is one."""

    def find(self, access_key: str) -> tuple[str, Caller] | None: ...

    def check(self, signed: Signed) -> Caller | None: ...


class KeystoneCredentials:
    """Credentials for ``sigv4.verify``, and a Checker for ``RemoteVerification``."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def find(self, access_key: str) -> Credential | None:
        found = self._known.find(access_key)
        return None if found is None else Credential(*found)

    def check(self, request: Request, claim: Claim, body_hash: str) -> Caller | None:
        names = {*claim.signed_headers, "authorization", "x-amz-date", "host"}
        signed = Signed(
            access_key=claim.scope.access_key,
            signature=claim.signature,
            method=request.method,
            path=request.path,
            host=request.headers.get("host", ""),
            params=dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True)),
            headers={name: value for name, value in request.headers.items() if name in names},
            body_hash=body_hash,
        )
        try:
            return self._known.check(signed)
        except BadSignature as error:
            raise Refusal.mismatch() from error
