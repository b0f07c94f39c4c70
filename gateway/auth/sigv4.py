"""AWS Signature Version 4: the canonical request, the string to sign, the signature, and their check. No HTTP, no I/O.

The steps are public, in the order of AWS's description; ``claims.read`` comes before them, ``verify`` makes use of all.

The body is always hashed here: for services other than S3 ``UNSIGNED-PAYLOAD`` is no way out, so such a request fails
as it does at AWS: its signature is not that of a request with the body's hash.

Source: AWS General Reference, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from gateway.auth.claims import ALGORITHM, SKEW, Claim, Scope, unquoted
from gateway.auth.credentials import Credential, Credentials
from gateway.auth.refusals import Refusal
from gateway.request import Request

# They say what is asked for, as path, query and body do: unsigned, one signature would be good for other operations.
_MUST_BE_SIGNED: Final = ("x-amz-target", "smithy-protocol")
_SPACES: Final = re.compile(r" {2,}")


def canonical_query(query: str, *, presigned: bool = False) -> str:
    """The query string, each name and value encoded in one way, sorted; a presigned one without its signature."""
    if not query:
        return ""
    pairs = []
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if presigned and name == "X-Amz-Signature":
            continue
        pairs.append((_encoded(name), _encoded(value)))
    pairs.sort()
    return "&".join(f"{name}={value}" for name, value in pairs)


def _encoded(text: str) -> str:
    return quote(unquoted(text), safe="-_.~")


def canonical_path(path: str) -> str:
    """The raw path without empty and dot segments, encoded once more, as for every service but S3."""
    if path in ("/", ""):
        return "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + tail, safe="/~", errors="surrogateescape")


def canonical_request(request: Request, signed_headers: tuple[str, ...], *, presigned: bool = False) -> str:
    """The request in the one form that is signed.

    Args:
        request: raw path, raw query, headers by lower-case name, body.
        signed_headers: the names that are signed, lower case, in the order of the claim.
        presigned: whether the signature stands in the query string, where it is left out.

    Returns:
        Method, path, query, headers, names and the hash of the body, a line each.
    """
    headers = request.headers
    lines = [
        request.method,
        canonical_path(request.path),
        canonical_query(request.query, presigned=presigned),
    ]
    lines += [f"{name}:{_trimmed(headers.get(name, ''))}" for name in signed_headers]
    lines += ["", ";".join(signed_headers), hashlib.sha256(request.body).hexdigest()]
    return "\n".join(lines)


def _trimmed(value: str) -> str:
    value = value.strip()
    return _SPACES.sub(" ", value) if "  " in value else value


def string_to_sign(canonical: str, timestamp: str, scope: Scope) -> str:
    """The algorithm, the instant, the scope and the hash of the canonical request."""
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{timestamp}\n{scope.path}\n{digest}"


_KEPT: Final = 1024
_KEPT_LENGTH: Final = 64
_keys: dict[tuple[str, str, str, str], bytes] = {}
_keeping = threading.Lock()


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key derived from a secret for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8", "surrogateescape"), "sha256")
    return key


def signature(secret: str, text: str, scope: Scope) -> str:
    """The signature of a string to sign, in hex."""
    named = (secret, scope.date, scope.region, scope.service)
    key = _keys.get(named) or signing_key(*named)
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def verify(request: Request, claim: Claim, credentials: Credentials, now: datetime) -> Credential:
    """The credential that signed a request.

    Args:
        request: the request as it came.
        claim: what ``read`` found in it.
        credentials: where secrets are found.
        now: aware UTC.

    Raises:
        Refusal: InvalidClientTokenId for an unknown key or session token; SignatureDoesNotMatch for a bad scope, body
            or signature, for a header that names operation or form and is not signed, and for a clock 15 minutes off;
            RequestExpired for a presigned request after its time; ExpiredToken for a temporary key after its end.
    """
    check(request, claim, now)
    credential = credentials.find(claim.scope.access_key)
    if credential is None or not _same(claim.token or "", credential.session_token or ""):
        raise Refusal.unknown_key()
    presigned = claim.expires is not None
    canonical = canonical_request(request, claim.signed_headers, presigned=presigned)
    expected = signature(credential.secret, string_to_sign(canonical, claim.timestamp, claim.scope), claim.scope)
    if not _same(expected, claim.signature):
        raise Refusal.mismatch()
    if credential.expires_at is not None and now >= credential.expires_at:
        raise Refusal.expired_token()
    _keep_key(credential.secret, claim.scope)
    stated = request.headers.get("x-amz-content-sha256")
    if stated is not None and not _same(stated, hashlib.sha256(request.body).hexdigest()):
        raise Refusal.mismatch()
    return credential


def _keep_key(secret: str, scope: Scope) -> None:
    """The same key serves all day. Only a good signature comes here: who has no secret neither fills nor empties it."""
    named = (secret, scope.date, scope.region, scope.service)
    if named in _keys or len(scope.region) > _KEPT_LENGTH:
        return
    key = signing_key(*named)
    with _keeping:
        while len(_keys) >= _KEPT:
            del _keys[next(iter(_keys))]
        _keys[named] = key


def check(request: Request, claim: Claim, now: datetime) -> None:
    """What can be judged of a claim without the secret: its scope, its time, and whether it covers what it must.

    Raises:
        Refusal: as ``verify`` does.
    """
    _check_scope(claim)
    if any(name in request.headers and name not in claim.signed_headers for name in _MUST_BE_SIGNED):
        raise Refusal.mismatch()
    _check_time(claim, now)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def _check_scope(claim: Claim) -> None:
    scope = claim.scope
    if "host" not in claim.signed_headers:
        raise Refusal.unsound("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if scope.terminator != "aws4_request":
        raise Refusal.unsound(
            f"Credential should be scoped with a valid terminator: 'aws4_request', not '{scope.terminator[:40]}'. "
        )
    day = claim.timestamp[:8]
    if scope.date != day:
        raise Refusal.unsound(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date[:40]}' != '{day}', from '{claim.timestamp}'."
        )


def _check_time(claim: Claim, now: datetime) -> None:
    try:
        text = claim.timestamp
        signed = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal.incomplete(f"Date must be in ISO-8601 'basic format'. Got '{claim.timestamp}'.") from None
    if signed - now > SKEW:
        raise Refusal.early(
            f"Signature not yet current: {claim.timestamp} is still later than {_basic(now + SKEW)} "
            f"({_basic(now)} + 15 min.)"
        )
    if claim.expires is not None:
        if (now - signed).total_seconds() > claim.expires:
            raise Refusal.expired()
    elif now - signed > SKEW:
        raise Refusal.late(
            f"Signature expired: {claim.timestamp} is now earlier than {_basic(now - SKEW)} ({_basic(now)} - 15 min.)"
        )


def _basic(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
