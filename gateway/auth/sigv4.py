"""AWS Signature Version 4: the canonical request, the string to sign, the signature, and their check. No HTTP, no I/O.

The steps are public, in the order of AWS's description. ``read`` takes what a request claims from its Authorization
header or, presigned, from its query string; ``verify`` holds the claim against the secret.

The body is always hashed here: for services other than S3 ``UNSIGNED-PAYLOAD`` is no way out, so such a request fails
as it does at AWS: its signature is not that of a request with the body's hash.

Source: AWS General Reference, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from gateway.auth.credentials import Credential, Credentials
from gateway.auth.refusals import Refusal
from gateway.request import Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = timedelta(minutes=15)
LONGEST_PRESIGNED: Final = 7 * 24 * 3600

_SCOPE_PARTS: Final = 5
_SPACES: Final = re.compile(r" {2,}")
_AMZ_DATE: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signing key is good for."""

    access_key: str
    date: str
    region: str
    service: str
    terminator: str

    @property
    def path(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{self.terminator}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's signature, as the request states it.

    Attributes:
        scope: key, day, region and service.
        signed_headers: lower-case names in the order given.
        signature: 64 hex digits, as claimed.
        timestamp: ``20150830T123600Z``.
        expires: seconds a presigned request is good for; None for a header.
        token: the session token, None where there is none.
    """

    scope: Scope
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    expires: int | None = None
    token: str | None = None


# --- what is claimed -------------------------------------------------------------------------------------------------


def service_of(request: Request) -> str | None:
    """The service that a request claims to be for, whether or not the rest of the claim can be read."""
    text = request.headers.get("authorization", "") or request.query
    found = re.search(r"(?:Credential=)([^,&\s]*)", text)
    parts = _bytes(found[1]).decode("latin-1").split("/") if found else []
    return parts[-2] if len(parts) >= _SCOPE_PARTS else None


def read(request: Request) -> Claim:
    """What a request claims.

    Raises:
        Refusal: MissingAuthenticationToken where there is no signature, IncompleteSignature where it cannot be read.
    """
    header = request.headers.get("authorization")
    if header:
        return _from_header(header, request.headers)
    if "X-Amz-Algorithm=" in request.query or "X-Amz-Credential=" in request.query:
        return _from_query(request.query)
    raise Refusal.missing_token()


def _from_header(header: str, headers: Mapping[str, str]) -> Claim:
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise Refusal.incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:40]}' (only {ALGORITHM} for now). ")
    given: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise Refusal.incomplete(
                f"'{part.strip()[:40]}' not a valid key=value pair (missing equal-sign) in Authorization header."
            )
        given[name] = value
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not given.get(name)
    ]
    timestamp = headers.get("x-amz-date") or headers.get("date") or ""
    if not timestamp:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise Refusal.incomplete(" ".join(missing))
    return Claim(
        _scope(given["Credential"]),
        tuple(given["SignedHeaders"].lower().split(";")),
        given["Signature"],
        _amz_date(timestamp),
        token=headers.get("x-amz-security-token"),
    )


def _from_query(query: str) -> Claim:
    given: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name.startswith("X-Amz-"):
            given[name] = _bytes(value).decode("utf-8", "replace")
    algorithm = given.get("X-Amz-Algorithm", "")
    if algorithm != ALGORITHM:
        raise Refusal.incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:40]}' (only {ALGORITHM} for now). ")
    missing = [
        f"AWS query-string parameters must include '{name}'."
        for name in ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
        if not given.get(name)
    ]
    if missing:
        raise Refusal.incomplete(" ".join(missing) + " Re-examine the query-string parameters.")
    return Claim(
        _scope(given["X-Amz-Credential"]),
        tuple(given["X-Amz-SignedHeaders"].lower().split(";")),
        given["X-Amz-Signature"],
        _amz_date(given["X-Amz-Date"]),
        _seconds(given.get("X-Amz-Expires")),
        given.get("X-Amz-Security-Token"),
    )


def _scope(credential: str) -> Scope:
    parts = credential.split("/")
    if len(parts) != _SCOPE_PARTS:
        raise Refusal.incomplete(
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{credential[:100]}'"
        )
    return Scope(*parts)


def _seconds(text: str | None) -> int:
    # AWS's services other than S3 take a presigned request without X-Amz-Expires as good for as long as any signature.
    if text is None:
        return int(SKEW.total_seconds())
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 0 <= int(text) <= LONGEST_PRESIGNED):
        raise Refusal.incomplete(f"X-Amz-Expires must be a number of seconds from 0 to {LONGEST_PRESIGNED}.")
    return int(text)


def _amz_date(text: str) -> str:
    if _AMZ_DATE.fullmatch(text):
        return text
    try:
        return datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").strftime("%Y%m%dT%H%M%SZ")  # noqa: DTZ007 - GMT
    except ValueError:
        raise Refusal.incomplete(
            f"Date must be in ISO-8601 'basic format'. Got '{text[:40]}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


# --- the steps -------------------------------------------------------------------------------------------------------


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
    return quote(_bytes(text), safe="-_.~")


def _bytes(text: str) -> bytes:
    return unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogateescape"))


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


@lru_cache(maxsize=1024)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key derived from a secret for one day, region and service; kept, as it is the same all day."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8", "surrogateescape"), "sha256")
    return key


def signature(secret: str, text: str, scope: Scope) -> str:
    """The signature of a string to sign, in hex."""
    key = signing_key(secret, scope.date, scope.region, scope.service)
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


# --- the check -------------------------------------------------------------------------------------------------------


def verify(request: Request, claim: Claim, credentials: Credentials, now: datetime) -> Credential:
    """The credential that signed a request.

    Args:
        request: the request as it came.
        claim: what ``read`` found in it.
        credentials: where secrets are found.
        now: aware UTC.

    Raises:
        Refusal: InvalidClientTokenId for an unknown key or session token; SignatureDoesNotMatch for a bad scope, body
            or signature and for a clock 15 minutes off; RequestExpired for a presigned request after its time.
    """
    _check_scope(claim)
    _check_time(claim, now)
    credential = credentials.find(claim.scope.access_key)
    if credential is None or not _same(claim.token or "", credential.session_token or ""):
        raise Refusal.unknown_key()
    presigned = claim.expires is not None
    canonical = canonical_request(request, claim.signed_headers, presigned=presigned)
    expected = signature(credential.secret, string_to_sign(canonical, claim.timestamp, claim.scope), claim.scope)
    if not _same(expected, claim.signature):
        raise Refusal.mismatch()
    stated = request.headers.get("x-amz-content-sha256")
    if stated is not None and not _same(stated, hashlib.sha256(request.body).hexdigest()):
        raise Refusal.mismatch()
    return credential


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
