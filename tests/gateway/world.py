"""A pipeline with fakes behind it, and requests signed by botocore."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from gateway.auth.credentials import Credential, StaticCredentials
from gateway.models import SERVICES, metadata, scopes
from gateway.pipeline import Pipeline
from gateway.request import Request
from translators.registry import Caller

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CALLER = Caller(KEY, "u-1", "demo", "p-1")
HOST = "cloud.example:8080"
VERSIONS = {service: metadata(service)["apiVersion"] for service in SERVICES}


def scope(service):
    """The service of a credential scope; what we do not know is signed for by its own name."""
    return next((scope for scope, names in scopes().items() if service in names), service)


class FixedClock:
    def __init__(self, now=datetime(2020, 2, 11, 18, 34, 10, tzinfo=UTC)):
        self._now = now
        self._ticks = 0.0

    def now(self):
        return self._now

    def monotonic(self):
        self._ticks += 0.001
        return self._ticks

    def move(self, delta: timedelta):
        self._now += delta


@dataclass
class World:
    """What stands behind a pipeline, and what came out of it."""

    handlers: dict = field(default_factory=dict)
    findings: dict = field(default_factory=dict)
    records: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    clock: FixedClock = field(default_factory=lambda: FixedClock(datetime.now(UTC)))
    session_token: str | None = None
    options: dict = field(default_factory=dict)

    def on(self, service, operation, answer=None):
        def handle(call):
            self.calls.append(call)
            if isinstance(answer, Exception):
                raise answer
            return answer or {}

        self.handlers[service, operation] = handle
        return self

    def pipeline(self):
        credential = Credential(SECRET, CALLER, self.session_token)
        return Pipeline(
            credentials=StaticCredentials({KEY: credential}),
            clock=self.clock,
            find_handler=lambda service, name: self.handlers.get((service, name)),
            translate=lambda found, _service: self.findings.get(type(found)),
            regions={"us-east-1": "RegionOne", "eu-west-1": "RegionTwo"}.get,
            scope_of=lambda caller, region: (caller.project_id, region),
            account_id_of=lambda project: "123456789012",
            backend="the backend",
            observe=self.records.append,
            **self.options,
        )


def signed(
    service,
    params=None,
    *,
    body=None,
    method="POST",
    region="us-east-1",
    key=KEY,
    secret=SECRET,
    token=None,
    query="",
    path="/",
    headers=None,
):
    """A request signed now by botocore in the header form."""
    if body is None:
        body = urlencode(params or {})
    given = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Host": HOST, **(headers or {})}
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    raw = AWSRequest(method=method, url=url, data=body, headers=given)
    SigV4Auth(BotoCredentials(key, secret, token), scope(service), region).add_auth(raw)
    data = body.encode() if isinstance(body, str) else body
    return Request(method, path, query, {name.lower(): value for name, value in raw.headers.items()}, data)


def action(service, name, params=None, **options):
    """A signed request for an operation; parameters by their wire names."""
    return signed(service, {"Action": name, "Version": VERSIONS[service], **(params or {})}, **options)


def json_action(service, name, body=b"{}", **options):
    """A signed request for an operation in JSON."""
    about = metadata(service) if service in SERVICES else {}
    headers = {
        "Content-Type": f"application/x-amz-json-{about.get('jsonVersion', '1.1')}",
        "X-Amz-Target": f"{about.get('targetPrefix', service)}.{name}",
    }
    return signed(service, body=body, **{**options, "headers": {**headers, **options.get("headers", {})}})


def cbor_action(service, name, body=b"\xa0", **options):
    """A signed request for an operation in CBOR."""
    headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor", **options.pop("headers", {})}
    about = metadata(service) if service in SERVICES else {}
    path = f"/service/{about.get('targetPrefix', service)}/operation/{name}"
    return signed(service, body=body, path=path, headers=headers, **options)


def presigned(service, name, params=None, *, expires=300, key=KEY, secret=SECRET, token=None, region="us-east-1"):
    """A request whose signature stands in its query string."""
    query = urlencode({"Action": name, "Version": VERSIONS[service], **(params or {})})
    raw = AWSRequest(method="GET", url=f"http://{HOST}/?{query}", headers={"Host": HOST})
    SigV4QueryAuth(BotoCredentials(key, secret, token), scope(service), region, expires).add_auth(raw)
    return Request("GET", "/", urlsplit(raw.url).query, {"host": HOST}, b"")
