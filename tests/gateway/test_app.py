"""The application through WSGI: nothing but AWS documents comes out, whatever goes in."""

from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.app import create_app
from gateway.limits import Limits
from gateway.request import Request, Response
from tests.gateway.world import HOST, World, action, presigned, signed


def client(world, ready=None):
    return create_app(world.pipeline(), lambda: ready, lambda: "coppice_up 1\n").test_client()


def send(app, request):
    url = "/" + (f"?{request.query}" if request.query else "")
    return app.open(
        url, method=request.method, data=request.body, headers=dict(request.headers), base_url=f"http://{HOST}"
    )


def document(answer):
    assert answer.content_type.startswith("text/xml")
    root = ET.fromstring(answer.data)
    return {element.tag.rpartition("}")[2]: element.text for element in root.iter()}


def test_a_signed_call_is_answered():
    world = World().on("autoscaling", "DescribeTags", {"Tags": []})
    answer = send(
        client(world),
        action(
            "autoscaling", "DescribeTags", {"Filters.member.1.Name": "key", "Filters.member.1.Values.member.1": "ü &"}
        ),
    )
    assert answer.status_code == 200
    assert document(answer)["RequestId"] == answer.headers["x-amzn-requestid"]
    assert world.calls[0].params == {"Filters": [{"Name": "key", "Values": ["ü &"]}]}


def test_a_presigned_call_is_answered():
    world = World().on("ec2", "DescribeRegions")
    assert send(client(world), presigned("ec2", "DescribeRegions", {"RegionName.1": "a b+c/ü"})).status_code == 200
    assert world.calls[0].params == {"RegionNames": ["a b+c/ü"]}


def test_health_readiness_and_metrics_need_no_signature():
    app = client(World())
    assert (app.get("/healthz").status_code, app.get("/healthz").text) == (200, "ok\n")
    assert (app.get("/readyz").status_code, app.get("/readyz").text) == (200, "ok\n")
    waiting = client(World(), ready="the store does not answer").get("/readyz")
    assert (waiting.status_code, waiting.text) == (503, "the store does not answer\n")
    assert app.get("/metrics").text == "coppice_up 1\n"


@pytest.mark.parametrize("path", ["/", "/nowhere", "//", "/a//b/", "/static/x", "/%ff", "/healthz//", "/%0a"])
def test_every_other_path_is_an_aws_request(path):
    answer = client(World()).get(path)
    assert (answer.status_code, document(answer)["Code"]) == (403, "MissingAuthenticationToken")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused_with_a_document(method):
    answer = client(World()).open("/", method=method)
    assert answer.status_code in (400, 405)
    assert document(answer)["Code"] == "UnsupportedHttpVerb"


def test_posting_to_the_operators_pages_is_refused_with_a_document():
    answer = client(World()).post("/healthz", data=b"x")
    assert document(answer)["Code"] in ("UnsupportedHttpVerb", "MissingAuthenticationToken")


def test_a_body_that_is_too_long_is_read_and_refused():
    world = World(options={"limits": Limits(body_bytes=1000, longest_body_bytes=1000, discard_bytes=10_000)})
    app = client(world)
    answer = send(app, signed("autoscaling", body="a" * 1001))
    assert (answer.status_code, document(answer)["Code"]) == (413, "RequestEntityTooLarge")
    stream = BytesIO(b"a" * 50_000)
    app.post("/", input_stream=stream, headers={"Content-Length": "50000"})
    assert stream.tell() == 10_000


def test_a_body_of_unknown_length():
    world = World().on("sts", "GetCallerIdentity")
    request = action("sts", "GetCallerIdentity")
    environ = {"wsgi.input": BytesIO(request.body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = client(world).open(
        "/", method="POST", headers=dict(request.headers), base_url=f"http://{HOST}", environ_overrides=environ
    )
    assert answer.status_code == 200


def test_the_path_is_the_one_that_was_sent():
    world = World().on("sts", "GetCallerIdentity")
    app = create_app(world.pipeline(), lambda: None, str).test_client()
    request = action("sts", "GetCallerIdentity")
    for raw in ("/", f"http://{HOST}/", "/?", "//", "/./"):
        answer = app.open(
            "/",
            method="POST",
            data=request.body,
            headers=dict(request.headers),
            base_url=f"http://{HOST}",
            environ_overrides={"RAW_URI": raw},
        )
        assert answer.status_code == 200, raw


class Broken:
    """A body whose client goes away."""

    def read(self, _size):
        raise ConnectionResetError


def test_a_client_that_goes_away():
    answer = client(World()).post("/", environ_overrides={"wsgi.input": Broken(), "CONTENT_LENGTH": "5"})
    assert answer.status_code == 400
    document(answer)


def test_faults_outside_the_pipeline_are_documents(caplog):
    def broken():
        raise ZeroDivisionError

    answer = create_app(World().pipeline(), broken, str).test_client().get("/readyz")
    assert (answer.status_code, document(answer)["Code"]) == (500, "InternalFailure")
    assert "ZeroDivisionError" in caplog.text


# --- hostile input ---------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    [
        "AutoScalingGroupName",
        "Tags",
        "Tags.member.1.Key",
        "Filters.member.1",
        "MinSize",
        "LaunchTemplate.Version",
        "",
        ".",
        "..",
        "Tags.member",
        "Filter.1.Value.1",
        "InstanceId.1",
        "Action",
        "Version",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["\x00", "\ufffe", "<&>]]>", "%", "+", "999999999999", "true", ""])
)
FORMS = st.lists(st.tuples(st.one_of(NAMES, TEXTS), TEXTS), max_size=8)
OPERATIONS = st.sampled_from(
    [
        ("autoscaling", "CreateAutoScalingGroup"),
        ("autoscaling", "DescribeTags"),
        ("ec2", "RunInstances"),
        ("ec2", "DescribeInstances"),
        ("sns", "Publish"),
        ("elb", "CreateLoadBalancer"),
    ]
)


def echoing():
    world = World()
    for service, name, answer in (
        ("autoscaling", "CreateAutoScalingGroup", None),
        ("autoscaling", "DescribeTags", None),
        ("ec2", "RunInstances", None),
        ("ec2", "DescribeInstances", None),
        ("sns", "Publish", None),
        ("elb", "CreateLoadBalancer", None),
    ):
        world.on(service, name, answer)
    return world.pipeline()


PIPELINE = echoing()


def sound(response):
    """The answer is an XML document and no fault of ours."""
    root = ET.fromstring(response.body)
    assert "html" not in root.tag.lower()
    assert response.status < 500, response.body


@given(operation=OPERATIONS, form=FORMS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_parameters_that_are_signed(operation, form):
    service, name = operation
    sound(
        PIPELINE.answer(action(service, name, {key: value for key, value in form if key not in ("Action", "Version")}))
    )


@given(body=st.binary(max_size=200), service=st.sampled_from(["autoscaling", "ec2", "elb"]))
@settings(max_examples=150, deadline=None)
def test_bytes_that_are_signed(body, service):
    sound(PIPELINE.answer(signed(service, body=body)))
    prefix = b"Action=DescribeTags&Version=2011-01-01&"
    sound(PIPELINE.answer(signed(service, body=prefix + body)))


ARBITRARY = st.text(st.characters(codec="utf-8"), max_size=60)
HEADER = st.one_of(
    ARBITRARY,
    st.builds("AWS4-HMAC-SHA256 {}".format, ARBITRARY),
    st.builds("AWS4-HMAC-SHA256 Credential={}, SignedHeaders={}, Signature={}".format, ARBITRARY, ARBITRARY, ARBITRARY),
    st.builds(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20200101/{}/{}/aws4_request, SignedHeaders=host;{}, Signature={}".format,
        ARBITRARY,
        st.sampled_from(["ec2", "autoscaling", "x"]),
        ARBITRARY,
        ARBITRARY,
    ),
)
STAMPS = st.one_of(st.just("20200101T000000Z"), ARBITRARY)


@given(header=HEADER, stamp=STAMPS, query=ARBITRARY, path=ARBITRARY, body=st.binary(max_size=50))
@settings(max_examples=200, deadline=None)
def test_arbitrary_requests(header, stamp, query, path, body):
    headers = {"host": "x", "authorization": header, "x-amz-date": stamp}
    sound(PIPELINE.answer(Request("POST", f"/{path}", query, headers, body)))
    sound(
        PIPELINE.answer(
            Request(
                "GET",
                f"/{path}",
                f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={query}&X-Amz-Date={stamp}&X-Amz-SignedHeaders=host&X-Amz-Signature=0",
                {"host": "x"},
            )
        )
    )


APP = create_app(PIPELINE, lambda: None, str).test_client()


@given(path=st.text(st.sampled_from("/.ab%;&?=:"), max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_path_is_redirected_or_answered_with_html(path):
    answer = APP.open("/", method="POST", environ_overrides={"PATH_INFO": f"/{path}"})
    assert document(answer)["Code"] == "MissingAuthenticationToken"


@given(raw=st.binary(max_size=60), place=st.sampled_from(["query", "path", "header"]))
@settings(max_examples=150, deadline=None)
def test_bytes_that_are_no_text(raw, place):
    text = raw.decode("utf-8", "surrogateescape")
    request = action("autoscaling", "DescribeTags")
    hostile = {
        "query": replace(request, query=text),
        "path": replace(request, path="/" + text),
        "header": replace(
            request, headers={**request.headers, "x-amz-date": text, "x-amz-security-token": text, "host": text}
        ),
    }
    sound(PIPELINE.answer(hostile[place]))
    if place == "header":
        sound(PIPELINE.answer(replace(request, headers={**request.headers, "authorization": text})))


@pytest.mark.parametrize(
    ("address", "forwarded", "peer"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),  # anybody may say so
        ("127.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("", None, ""),
    ],
)
def test_who_asks(address, forwarded, peer):
    seen = []

    class Answering:
        limits = World().pipeline().limits

        def answer(self, request):
            seen.append(request.peer)
            return Response(200, b"")

    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    app = create_app(Answering(), lambda: None, str).test_client()
    app.get("/", headers=headers, environ_overrides={"REMOTE_ADDR": address})
    assert seen == [peer]


@pytest.mark.parametrize(
    ("bind", "environ", "told"),
    [
        ("", {"REMOTE_ADDR": "127.0.0.1"}, True),
        ("", {"REMOTE_ADDR": "::1"}, True),
        ("", {"REMOTE_ADDR": "192.0.2.1"}, False),
        ("", {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}, False),
        ("", {"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=192.0.2.1"}, False),
        ("127.0.0.1:9100", {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "9100", "REMOTE_ADDR": "127.0.0.1"}, True),
        ("[::1]:9100", {"SERVER_NAME": "::1", "SERVER_PORT": "9100", "REMOTE_ADDR": "::1"}, True),
        ("127.0.0.1:9100", {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8080", "REMOTE_ADDR": "127.0.0.1"}, False),
        ("0.0.0.0:9100", {"SERVER_NAME": "0.0.0.0", "SERVER_PORT": "9100", "REMOTE_ADDR": "192.0.2.1"}, True),
    ],
)
def test_what_names_projects_is_the_operator_s(bind, environ, told):
    app = create_app(World().pipeline(), lambda: "why not", lambda: "coppice_up 1", operator_bind=bind).test_client()
    metrics = app.get("/metrics", environ_overrides=environ)
    assert (metrics.status_code, metrics.text == "coppice_up 1") == ((200, True) if told else (403, False))
    ready = app.get("/readyz", environ_overrides=environ)
    assert (ready.status_code, ready.text) == (503, "why not\n" if told else "not ready\n")
    assert app.get("/healthz", environ_overrides=environ).status_code == 200
