"""Requests byte by byte: an own SigV4 (from its published description) and answers read with xmltodict."""

from __future__ import annotations

import hashlib
import hmac
import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import xmltodict

from conformance.product import Access

VERSIONS = {
    "autoscaling": "2011-01-01",
    "ec2": "2016-11-15",
    "elb": "2012-06-01",
    "elbv2": "2015-12-01",
    "sts": "2011-06-15",
    "iam": "2010-05-08",
}
SCOPES = {"elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing"}
"""What a service is called in signatures, where that is not its name."""
FORM = "application/x-www-form-urlencoded; charset=utf-8"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    return _hmac(_hmac(_hmac(_hmac(b"AWS4" + secret.encode(), day), region), service), "aws4_request")


@dataclass
class Signed:
    """One request and how it is signed; each field can be bent before ``send``."""

    access: Access
    service: str = "autoscaling"
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    method: str = "POST"
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    key: str | None = None
    secret: str | None = None
    region: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        if self.body is not None:
            return self.body
        if self.method != "POST":
            return b""
        return urlencode({"Version": VERSIONS[self.service], **self.params}).encode()

    def _scope(self, when: datetime) -> str:
        return (
            f"{when:%Y%m%d}/{self.region or self.access.region}/{SCOPES.get(self.service, self.service)}/aws4_request"
        )

    def _signature(self, when: datetime, query: Mapping[str, str], headers: Mapping[str, str], digest: str) -> str:
        names = sorted(headers)
        pairs = sorted((quote(key, safe="-_.~"), quote(value, safe="-_.~")) for key, value in query.items())
        canonical = "\n".join(
            [
                self.method,
                quote(self.path, safe="/-_.~"),
                "&".join(f"{key}={value}" for key, value in pairs),
                *(f"{name}:{' '.join(headers[name].split())}" for name in names),
                "",
                ";".join(names),
                digest,
            ]
        )
        scope = self._scope(when)
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", f"{when:%Y%m%dT%H%M%SZ}", scope, hashed])
        day, region, service, _ = scope.split("/")
        key = signing_key(self.secret or self.access.secret, day, region, service)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def signed_headers(self) -> dict[str, str]:
        """The headers of a request that carries its signature in Authorization."""
        when, body = self.at or datetime.now(UTC), self.payload()
        headers = {"host": f"{self.access.host}:{self.access.port}", "x-amz-date": f"{when:%Y%m%dT%H%M%SZ}"}
        if self.method == "POST":
            headers["content-type"] = FORM
        headers |= {name.lower(): value for name, value in self.headers.items()}
        digest = headers.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
        signature = self._signature(when, self.query, headers, digest)
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key or self.access.key}/{self._scope(when)}, "
            f"SignedHeaders={';'.join(sorted(set(headers)))}, Signature={signature}"
        )
        return headers

    def target(self) -> str:
        return self.path + (f"?{urlencode(self.query, quote_via=quote)}" if self.query else "")

    def send(self) -> Answer:
        return send(self.access, self.method, self.target(), self.signed_headers(), self.payload())

    def presigned(self, expires: int = 300, **bent: str) -> str:
        """The path and query of a presigned GET; ``bent`` replaces query fields after signing."""
        when = self.at or datetime.now(UTC)
        query = {
            "Version": VERSIONS[self.service],
            **self.params,
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.key or self.access.key}/{self._scope(when)}",
            "X-Amz-Date": f"{when:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": str(expires),
            "X-Amz-SignedHeaders": "host",
        }
        self.method = "GET"
        host = {"host": f"{self.access.host}:{self.access.port}"}
        query["X-Amz-Signature"] = self._signature(when, query, host, hashlib.sha256(b"").hexdigest())
        return f"/?{urlencode(query | bent, quote_via=quote)}"


def ago(**how: float) -> datetime:
    return datetime.now(UTC) - timedelta(**how)


@dataclass(frozen=True)
class Answer:
    """What came back, its document read as data."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return xmltodict.parse(self.body)

    @property
    def request_id(self) -> str:
        return self.headers.get("x-amzn-requestid", "")

    def error(self) -> tuple[str, str]:
        """Code and message of an error document of either form, whose shape is checked on the way."""
        assert self.headers.get("content-type", "").startswith("text/xml"), (self.headers, self.body)
        document = self.document
        if "Response" in document:
            error = document["Response"]["Errors"]["Error"]
            told = document["Response"]["RequestID"]
        else:
            error = document["ErrorResponse"]["Error"]
            told = document["ErrorResponse"]["RequestId"]
            assert error["Type"] in {"Sender", "Receiver"}
        assert told
        assert self.request_id in {"", told}
        assert "Traceback" not in (error["Message"] or "")
        return error["Code"], error["Message"] or ""


def send(
    access: Access, method: str, target: str, headers: Mapping[str, str], body: bytes = b"", timeout: float = 30
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(access.host, access.port, timeout=timeout)
    try:
        connection.putrequest(method, target, skip_host="host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if (body or method == "POST") and "content-length" not in headers and "transfer-encoding" not in headers:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders()
        if body:
            connection.send(body)
        answer = connection.getresponse()
        got = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, got, answer.read())
    finally:
        connection.close()
