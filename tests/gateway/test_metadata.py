"""The metadata service: what guests read, behind Neutron's agent and directly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from botocore.utils import InstanceMetadataRegionFetcher

from backend.domain.cluster import Tag
from backend.domain.ids import account_id
from backend.domain.node import NodeState
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.domain.warm_pools import PoolState, WarmPoolRequest
from backend.services.servers import Order
from gateway import metadata
from gateway.metadata import Metadata, MetadataSettings
from tests.factories import OTHER, SCOPE, World
from tests.translators.ec2.wire import Asking
from translators import arns
from translators.metadata import Guests
from translators.token_keys import TokenKeys

SECRET = "shared with the agents"
TOKEN = "X-aws-ec2-metadata-token"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"


class Answered:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, {name.lower(): value for name, value in headers}, body

    @property
    def text(self):
        return self.body.decode()


def ask(app, path, method="GET", headers=None, body=b""):
    told = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path.partition("?")[0],
        "QUERY_STRING": path.partition("?")[2],
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()},
    }
    chunks = app(environ, lambda status, answered: told.append((int(status.split()[0]), answered)))
    return Answered(*told[0], b"".join(chunks))


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.fixture
def server(world):
    pair = world.backend.catalog.key_pairs(SCOPE)
    spec = ServerSpec(
        image=world.image(),
        instance_type="t3.micro",
        zone="us-east-1a",
        key_name=pair[0].name if pair else None,
        user_data=base64.b64encode(b"#!/bin/sh\necho \xff\n").decode(),
        tags={"Name": "web"},
    )
    return world.backend.servers.run(SCOPE, Order(spec))[0]


def guests(world):
    return Guests(world.backend, "us-east-1", lambda project: Scope(project, "us-east-1"), account_id)


def by_agent(server_id, project=SCOPE.project_id, secret=SECRET):
    signature = hmac.new(secret.encode(), server_id.encode(), hashlib.sha256).hexdigest()
    return {
        "X-Forwarded-For": "10.0.0.9",
        "X-Instance-ID": server_id,
        "X-Tenant-ID": project,
        "X-Instance-ID-Signature": signature,
    }


class Booted:
    """The clock of a machine that has run for longer."""

    def __init__(self, clock):
        self.now = clock.now
        self.monotonic = lambda: clock.monotonic() + 1_000_000.0


class Nova(BaseHTTPRequestHandler):
    """Nova's own service: tells what it was asked."""

    seen: list[tuple[str, str, dict[str, str]]] = []

    def do_GET(self):
        self.seen.append((self.command, self.path, dict(self.headers)))
        body = b"from nova"
        self.send_response(418 if "teapot" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def nova() -> Iterator[str]:
    Nova.seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Nova)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def app(world, nova):
    return Metadata(
        guests(world), MetadataSettings(secret=SECRET, nova_url=nova), world.clock, TokenKeys(lambda: [b"key"])
    )


@pytest.fixture
def direct(world):
    return Metadata(guests(world), MetadataSettings(project=SCOPE.project_id), world.clock, TokenKeys(lambda: [b"key"]))


class TestBehindTheAgent:
    @pytest.fixture
    def get(self, app, server):
        def get(path, **more):
            return ask(app, path, headers=by_agent(server.id), **more)

        return get

    def test_a_guest_reads_who_it_is(self, get, server):
        identity = get("/latest/meta-data/instance-id")
        assert (identity.status, identity.text) == (200, arns.instance_id(server.id))
        assert identity.headers["content-type"] == "text/plain"
        for path, wanted in (
            ("/2009-04-04/meta-data/placement/availability-zone", "us-east-1a"),
            ("/latest/meta-data/placement/region", "us-east-1"),
            ("/latest/meta-data/local-ipv4", server.private_address),
            ("/latest/meta-data/instance-type", "t3.micro"),
            ("/latest/meta-data/services/partition", "aws"),
            ("/latest/meta-data/events/maintenance/scheduled", "[]"),
            (f"/latest/meta-data/network/interfaces/macs/{server.mac_address}/device-number", "0"),
        ):
            assert get(path).text == wanted, path
        document = json.loads(get("/latest/dynamic/instance-identity/document").text)
        assert document["instanceId"] == arns.instance_id(server.id)
        assert (document["accountId"], document["region"]) == (account_id(SCOPE.project_id), "us-east-1")

    def test_a_guest_reads_of_the_interfaces_that_it_got_later(self, get, server, world):
        subnet = next(each for each in world.simulated.cloud.network.subnets(SCOPE) if each.zone == server.zone)
        made = world.backend.interfaces.create(SCOPE, subnet.short_id, None, None, "")
        world.backend.interfaces.attach(SCOPE, made.id, server.id, 1)
        macs = "/latest/meta-data/network/interfaces/macs"
        assert get(macs).text.split("\n") == sorted([f"{server.mac_address}/", f"{made.mac}/"])
        assert get("/latest/meta-data/mac").text == server.mac_address
        for name, wanted in (
            ("device-number", "1"),
            ("interface-id", f"eni-{made.id}"),
            ("local-ipv4s", made.address),
            ("subnet-id", arns.subnet_id(subnet.id)),
            ("subnet-ipv4-cidr-block", subnet.cidr),
            ("vpc-id", f"vpc-{made.vpc}"),
            ("security-groups", "default"),
        ):
            assert get(f"{macs}/{made.mac}/{name}").text == wanted, name

    def test_user_data_are_bytes(self, get):
        answer = get("/latest/user-data")
        assert (answer.body, answer.headers["content-type"]) == (b"#!/bin/sh\necho \xff\n", "application/octet-stream")

    def test_folders_are_listed(self, get):
        assert get("/").text.split("\n")[-1] == "latest"
        assert get("/latest").text == get("/latest/").text == "dynamic/\nmeta-data/\nuser-data"
        names = get("/latest/meta-data/").text.split("\n")
        assert {"instance-id", "placement/", "network/"} <= set(names)
        assert names == sorted(names)

    @pytest.mark.parametrize(
        "path",
        [
            "/latest/meta-data/iam/info",
            "/latest/meta-data/iam/security-credentials/",
            "/latest/meta-data/spot/instance-action",
            "/latest/meta-data/autoscaling/target-lifecycle-state",
            "/latest/meta-data/tags/instance/",
            "/latest/dynamic/instance-identity/pkcs7",
            "/latest/meta-data/instance-id/x",
            "/1999-01-01/meta-data/instance-id",
            "/latest/../latest/meta-data",
        ],
    )
    def test_what_is_not_there_is_404(self, get, path):
        assert get(path).status == 404

    def test_a_token_is_given_whatever_is_asked_and_never_wanted(self, app, server, get):
        asked = ask(app, "/latest/api/token", "PUT", by_agent(server.id))
        assert (asked.status, asked.headers["x-aws-ec2-metadata-token-ttl-seconds"]) == (200, "21600")
        assert len(asked.text) > 20
        headers = {**by_agent(server.id), TOKEN: "whatever"}
        assert ask(app, "/latest/meta-data/instance-id", headers=headers).status == 200

    def test_who_does_not_sign_is_told_nothing(self, app, server, nova):
        path = "/latest/meta-data/instance-id"
        assert ask(app, path).status == 400
        assert ask(app, path, headers=by_agent(server.id, secret="guessed")).status == 403
        unsigned = {name: value for name, value in by_agent(server.id).items() if "Signature" not in name}
        assert ask(app, path, headers=unsigned).status == 403
        assert Nova.seen == []

    def test_what_is_novas_goes_to_nova_as_it_came(self, app, server):
        headers = by_agent(server.id)
        answer = ask(app, "/openstack/latest/meta_data.json?x=1", headers={**headers, "X-Other": "y"})
        assert (answer.text, answer.headers["content-type"]) == ("from nova", "application/json")
        method, path, seen = Nova.seen[-1]
        assert (method, path) == ("GET", "/openstack/latest/meta_data.json?x=1")
        assert {name: seen[name.lower()] for name in headers} == headers
        assert "x-other" not in {name.lower() for name in seen}

    def test_a_server_that_is_not_known_is_nova_s(self, app, server):
        for headers in (by_agent("00000000-0000-4000-8000-000000000000"), by_agent(server.id, OTHER.project_id)):
            assert ask(app, "/latest/meta-data/instance-id", headers=headers).text == "from nova"

    def test_statuses_that_break_the_agent_do_not_come_through(self, app, server):
        assert ask(app, "/openstack/teapot", headers=by_agent(server.id)).status == 500

    def test_user_data_that_the_cloud_did_not_tell_are_asked_of_nova(self, app, world, server):
        """Nova tells them to administrators and to the server itself."""
        (plain,) = world.backend.servers.run(SCOPE, Order(ServerSpec(image=world.image(), instance_type="t3.micro")))
        assert ask(app, "/2021-03-23/user-data", headers=by_agent(plain.id)).text == "from nova"
        method, path, headers = Nova.seen.pop()
        assert (method, path, plain.id in headers.values()) == ("GET", "/latest/user-data", True)
        assert ask(app, "/latest/user-data/more", headers=by_agent(plain.id)).status == 404
        assert ask(app, "/latest/user-data", headers=by_agent(server.id)).body == b"#!/bin/sh\necho \xff\n"
        assert Nova.seen == []

    def test_a_nova_that_is_away_is_told_as_what_passes(self, world, server):
        settings = MetadataSettings(secret=SECRET, nova_url="http://127.0.0.1:1", nova_seconds=1)
        app = Metadata(guests(world), settings, world.clock, TokenKeys(lambda: [b"key"]))
        assert ask(app, "/openstack/latest", headers=by_agent(server.id)).status == 503

    def test_a_cloud_that_is_away_is_told_as_what_passes(self, world, app, server):
        world.simulated.faults.unavailable()
        assert ask(app, "/latest/meta-data/instance-id", headers=by_agent(server.id)).status == 503

    def test_paths_are_bounded(self, get):
        assert get("/latest/" + "x" * 2000).status == 400

    def test_a_member_of_a_group_reads_where_it_goes(self, world, app):
        group = world.group(tags=[Tag("a", "b", propagate=True)])
        server = world.server()
        (node,) = world.put(group, "n", server_id=server.id)
        world.backend.warm_pools.put(SCOPE, "web", WarmPoolRequest(state=PoolState.HIBERNATED))
        path, headers = "/latest/meta-data/autoscaling/target-lifecycle-state", by_agent(server.id)
        for state, target in (
            (NodeState.PENDING, "InService"),
            (NodeState.IN_SERVICE, "InService"),
            (NodeState.STANDBY, "Standby"),
            (NodeState.DETACHING, "Detached"),
            (NodeState.TERMINATING_WAIT, "Terminated"),
            (NodeState.WARMED_PENDING_WAIT, "Warmed:Hibernated"),
            (NodeState.WARMED_STOPPED, "Warmed:Stopped"),
            (NodeState.WARMED_TERMINATING_WAIT, "Warmed:Terminated"),
        ):
            world.change(node.id, state=state)
            world.clock.move(6)
            assert ask(app, path, headers=headers).text == target


class TestWhatIsNova:
    @pytest.mark.parametrize(
        ("asked", "seen"),
        [
            ("/openstack/latest/\xc3\xa9 x", "/openstack/latest/%C3%A9%20x"),
            ("/openstack/50%/x?q=\xc3\xa9", "/openstack/50%25/x?q=%C3%A9"),
        ],
    )
    def test_it_is_asked_in_ascii(self, app, server, asked, seen):
        assert ask(app, asked, headers=by_agent(server.id)).text == "from nova"
        assert Nova.seen[-1][1] == seen

    def test_an_answer_too_long_is_none(self, app, server, monkeypatch):
        monkeypatch.setattr(metadata, "_LONGEST_ANSWER", len(b"from nova"))
        assert ask(app, "/openstack", headers=by_agent(server.id)).text == "from nova"
        monkeypatch.setattr(metadata, "_LONGEST_ANSWER", len(b"from nova") - 1)
        assert ask(app, "/openstack", headers=by_agent(server.id)).status == 502

    @pytest.mark.parametrize(("url", "port"), [("https://nova", 443), ("http://nova", 8775), ("https://nova:1", 1)])
    def test_its_port(self, world, server, monkeypatch, url, port):
        asked = []

        class Connection:
            def __init__(self, _host, port, **_):
                asked.append(port)

            def request(self, *_):
                raise OSError

            def close(self):
                pass

        for name in ("HTTPConnection", "HTTPSConnection"):
            monkeypatch.setattr(metadata.http.client, name, Connection)
        app = Metadata(
            guests(world), MetadataSettings(secret=SECRET, nova_url=url), world.clock, TokenKeys(lambda: [b"key"])
        )
        assert ask(app, "/openstack", headers=by_agent(server.id)).status == 503
        assert asked == [port]


def test_tags_are_told_by_all_keys_that_can_be_names_of_files(world, app):
    tags = {"2024": "x", "aws:autoscaling:groupName": "web", "a/b": "1", "a b": "2", ".": "3", "..": "4", "_index": "5"}
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a", tags=tags)
    (server,) = world.backend.servers.run(SCOPE, Order(spec))
    _options(world, server, InstanceMetadataTags="enabled")
    headers, folder = by_agent(server.id), "/latest/meta-data/tags/instance/"
    assert ask(app, folder, headers=headers).text.split() == ["2024", "aws:autoscaling:groupName"]
    assert ask(app, folder + "2024", headers=headers).text == "x"
    assert ask(app, folder + "aws:autoscaling:groupName", headers=headers).text == "web"


def test_tags_are_told_and_tokens_wanted_where_the_instance_says_so(world, app, direct, server):
    base = f"/{arns.instance_id(server.id)}/latest/meta-data"
    headers = by_agent(server.id)
    assert ask(app, "/latest/meta-data/tags/instance/", headers=headers).status == 404
    _options(world, server, HttpTokens="required", InstanceMetadataTags="enabled")
    Asking(world, "ec2")("CreateTags", Resources=[arns.instance_id(server.id)], Tags=[{"Key": "a/b", "Value": "c"}])
    world.clock.move(6)
    assert ask(app, "/latest/meta-data/tags/instance/", headers=headers).text == "Name"
    assert ask(app, "/latest/meta-data/tags/instance/Name", headers=headers).text == "web"
    assert ask(direct, f"{base}/").status == 401, "it wants tokens"


def test_an_instance_that_is_not_to_be_told_is_not(world, app, direct, server):
    _options(world, server, HttpEndpoint="disabled")
    assert ask(app, "/latest/meta-data/", headers=by_agent(server.id)).status == 403
    assert ask(app, "/openstack/latest", headers=by_agent(server.id)).text == "from nova"
    assert ask(direct, f"/{arns.instance_id(server.id)}/latest/meta-data/").status == 403


def _options(world, server, **options):
    Asking(world, "ec2")("ModifyInstanceMetadataOptions", InstanceId=arns.instance_id(server.id), **options)


class TestDirectly:
    def test_sessions_are_those_of_aws(self, world, direct, server):
        base = f"/{arns.instance_id(server.id)}/latest"
        _options(world, server, HttpTokens="optional")
        assert ask(direct, f"{base}/meta-data/instance-id").text == arns.instance_id(server.id)
        for seconds in (None, "0", "21601", "x", "9" * 50):
            headers = {} if seconds is None else {TTL: seconds}
            assert ask(direct, f"{base}/api/token", "PUT", headers).status == 400
        assert ask(direct, f"{base}/api/token").status == 405
        given = ask(direct, f"{base}/api/token", "PUT", {TTL: "60"})
        assert given.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "60"
        with_token = {TOKEN: given.text}
        assert ask(direct, f"{base}/meta-data/instance-id", headers=with_token).status == 200
        assert ask(direct, f"{base}/meta-data/instance-id", headers={TOKEN: "x" + given.text}).status == 401
        other = world.server()
        assert ask(direct, f"/{arns.instance_id(other.id)}/latest/meta-data/", headers=with_token).status == 401
        world.clock.move(61)
        assert ask(direct, f"{base}/meta-data/instance-id", headers=with_token).status == 401
        assert ask(direct, f"{base}/api/token", "PUT", {TTL: "60", "X-Forwarded-For": "1.2.3.4"}).status == 403

    def test_a_session_is_one_on_each_machine(self, world, direct, server):
        base = f"/{arns.instance_id(server.id)}/latest"
        token = {TOKEN: ask(direct, f"{base}/api/token", "PUT", {TTL: "60"}).text}
        keys = Metadata(
            guests(world), MetadataSettings(project=SCOPE.project_id), world.clock, TokenKeys(lambda: [b"new", b"key"])
        )
        assert ask(keys, f"{base}/meta-data/instance-id", headers=token).status == 200, "the older key is still there"
        other = Metadata(
            guests(world), MetadataSettings(project=SCOPE.project_id), Booted(world.clock), TokenKeys(lambda: [b"key"])
        )
        assert ask(other, f"{base}/meta-data/instance-id", headers=token).status == 200
        late = TokenKeys(lambda: [b"older"], lambda who: [b"key"] if who == arns.instance_id(server.id) else [])
        behind = Metadata(guests(world), MetadataSettings(project=SCOPE.project_id), world.clock, late)
        assert ask(behind, f"{base}/meta-data/instance-id", headers=token).status == 200

    def test_what_is_no_instance_is_404(self, direct):
        for path in ("/", "/latest/meta-data/", "/i-0123456789abcdef0/latest/meta-data/", "/openstack/latest"):
            assert ask(direct, path).status == 404

    def test_botocore_finds_its_region(self, direct, server):
        class Quiet(WSGIRequestHandler):
            def log_message(self, *_):
                pass

        with make_server("127.0.0.1", 0, direct, handler_class=Quiet) as serving:
            threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
            endpoint = f"http://127.0.0.1:{serving.server_port}/{arns.instance_id(server.id)}/"
            found = InstanceMetadataRegionFetcher(config={"ec2_metadata_service_endpoint": endpoint}).retrieve_region()
            serving.shutdown()
        assert found == "us-east-1"


def test_where_nobody_may_ask_nobody_is_told(world, server):
    app = Metadata(guests(world), MetadataSettings(), world.clock, TokenKeys(lambda: [b"key"]))
    assert ask(app, "/latest/meta-data/instance-id", headers=by_agent(server.id, secret="")).status == 404
