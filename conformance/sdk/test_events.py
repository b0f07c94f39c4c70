"""boto3: rules of the event bus, their targets, and events that reach a web server, signed."""

from __future__ import annotations

import base64
import hmac
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from conformance.clients import client, refused
from conformance.fleet import unique
from conformance.product import ROOT, Access, Product, until

pytestmark = pytest.mark.embedded("no cloud has a part in rules of events")

PATTERN = json.dumps({"source": ["conformance"], "detail": {"size": [{"numeric": [">", 3]}]}})
TARGET = "https://hooks.example/path"


@pytest.fixture(scope="module")
def events(server: Access) -> Any:
    return client(server, "events")


@pytest.fixture
def rule(events: Any) -> Iterator[str]:
    name = unique("rule")
    events.put_rule(Name=name, EventPattern=PATTERN)
    yield name
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    if targets:
        events.remove_targets(Rule=name, Ids=[each["Id"] for each in targets])
    events.delete_rule(Name=name)


class _Hearer(ThreadingHTTPServer):
    """A web server that keeps what it is told; the first request of each id it does not take."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.heard: list[tuple[dict[str, str], str]] = []
        self.refused: set[str] = set()


class _Request(BaseHTTPRequestHandler):
    server: _Hearer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        told = self.headers["webhook-id"]
        if told not in self.server.refused:
            self.server.refused.add(told)
            self.send_error(503)
            return
        self.server.heard.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing of it in the output of the tests."""


@pytest.fixture
def hearer() -> Iterator[_Hearer]:
    made = _Hearer()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_an_event_reaches_a_web_server_signed_although_it_fails_at_first(
    events: Any, rule: str, hearer: _Hearer, product: Product
) -> None:
    url = f"http://localhost:{hearer.server_address[1]}/told"
    events.put_targets(Rule=rule, Targets=[{"Id": "web", "Arn": url, "InputPath": "$.detail"}])
    entries = [
        {"Source": "conformance", "DetailType": "probe", "Detail": json.dumps({"size": size, "name": f"n{size}"})}
        for size in (1, 5, 7)
    ]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    until("the web server was told", lambda: len(hearer.heard) >= 2)
    assert [json.loads(body)["name"] for _, body in hearer.heard] == ["n5", "n7"]
    asked = [sys.executable, "wsgi.py", "messages", "secret", "default"]
    environment = {"OS_DEFAULT__STATE": str(product.state), "PATH": "/usr/bin:/bin"}
    told = subprocess.run(asked, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    secret = base64.b64decode(told.strip().removeprefix("whsec_"))
    for headers, body in hearer.heard:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
        digest = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"


def test_a_rule_is_described_listed_switched_and_tagged(events: Any, rule: str) -> None:
    told = events.describe_rule(Name=rule)
    assert (told["EventPattern"], told["State"], told["EventBusName"]) == (PATTERN, "ENABLED", "default")
    events.disable_rule(Name=rule)
    assert events.describe_rule(Name=rule)["State"] == "DISABLED"
    events.enable_rule(Name=rule)
    listed = events.list_rules(NamePrefix=rule)["Rules"]
    assert [(each["Name"], each["State"]) for each in listed] == [(rule, "ENABLED")]
    events.tag_resource(ResourceARN=told["Arn"], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    events.untag_resource(ResourceARN=told["Arn"], TagKeys=["a"])
    assert events.list_tags_for_resource(ResourceARN=told["Arn"])["Tags"] == [{"Key": "b", "Value": "2"}]


def test_targets(events: Any, rule: str) -> None:
    transformer = {"InputPathsMap": {"size": "$.detail.size"}, "InputTemplate": '{"size": <size>}'}
    targets = [{"Id": "a", "Arn": TARGET, "InputTransformer": transformer}, {"Id": "b", "Arn": TARGET, "Input": "{}"}]
    assert events.put_targets(Rule=rule, Targets=targets)["FailedEntryCount"] == 0
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == targets
    assert rule in events.list_rule_names_by_target(TargetArn=TARGET)["RuleNames"]
    with refused("ValidationException", "Rule can't be deleted since it has targets."):
        events.delete_rule(Name=rule)
    events.remove_targets(Rule=rule, Ids=["a", "b"])
    assert events.list_targets_by_rule(Rule=rule)["Targets"] == []
    six = [{"Id": str(number), "Arn": TARGET} for number in range(6)]
    with refused("LimitExceededException", "The requested resource exceeds the maximum number allowed."):
        events.put_targets(Rule=rule, Targets=six)


def test_patterns_are_tried_and_bad_ones_refused(events: Any) -> None:
    event = {"id": "1", "source": "conformance", "account": "1", "time": "t", "region": "r", "detail-type": "x"}
    text = json.dumps({**event, "detail": {"size": 4}})
    assert events.test_event_pattern(EventPattern=PATTERN, Event=text)["Result"] is True
    with refused("InvalidEventPatternException", "Unrecognized match type unknown"):
        events.put_rule(Name=unique("rule"), EventPattern='{"source":[{"unknown":"x"}]}')


def test_what_is_not_there(events: Any) -> None:
    with refused("ResourceNotFoundException", "does not exist on EventBus default."):
        events.describe_rule(Name="x")
    with refused("ResourceNotFoundException", "Event bus gone does not exist."):
        events.describe_rule(Name="x", EventBusName="gone")
