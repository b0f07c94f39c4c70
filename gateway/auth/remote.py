"""Signatures that the identity service checks itself, for installations that may read no secrets."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Protocol

from gateway.auth import sigv4
from gateway.auth.claims import Claim
from gateway.auth.credentials import Credential, Credentials
from gateway.auth.refusals import Refusal
from gateway.request import Request
from translators.registry import Caller


class Checker(Protocol):
    def check(self, request: Request, claim: Claim, body_hash: str) -> Caller | None:
        """Who signed; None where there is no such key.

        Raises:
            AWSError: SignatureDoesNotMatch; ServiceUnavailable (503) where the identity service could not be asked.
        """


class RemoteVerification:
    """Stands in for ``sigv4.verify``: scope, time and what must be signed are judged here, key and signature there.

    Presigned requests are refused: the identity service knows signatures in the header only.
    """

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    def __call__(self, request: Request, claim: Claim, credentials: Credentials, now: datetime) -> Credential:
        """The caller, with a secret that is nobody's. Raises Refusal as ``sigv4.verify`` does."""
        del credentials
        sigv4.check(request, claim, now)
        body_hash = hashlib.sha256(request.body).hexdigest()
        stated = request.headers.get("x-amz-content-sha256", body_hash)
        if claim.expires is not None or claim.token is not None or stated != body_hash:
            raise Refusal.mismatch() if claim.token is None else Refusal.unknown_key()
        caller = self._checker.check(request, claim, body_hash)
        if caller is None:
            raise Refusal.unknown_key()
        return Credential("", caller)
