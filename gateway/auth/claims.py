"""What a request says of its own signature, in its Authorization header or, presigned, in its query string.

Nothing here is believed: ``sigv4.verify`` holds the claim against the secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import unquote_to_bytes

from gateway.auth.refusals import Refusal
from gateway.request import Request

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = timedelta(minutes=15)
LONGEST_PRESIGNED: Final = 7 * 24 * 3600

_SCOPE_PARTS: Final = 5
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


def service_of(request: Request) -> str | None:
    """The service that a request claims to be for, whether or not the rest of the claim can be read."""
    text = request.headers.get("authorization", "") or request.query
    found = re.search(r"(?:Credential=)([^,&\s]*)", text)
    parts = unquoted(found[1]).decode("latin-1").split("/") if found else []
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
            given[name] = unquoted(value).decode("utf-8", "replace")
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


def unquoted(text: str) -> bytes:
    """The bytes that a part of a query string stands for."""
    return unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogateescape"))
