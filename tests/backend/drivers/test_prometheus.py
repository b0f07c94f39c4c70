"""Metrics of a Prometheus server: what is asked, what of the answers is believed, and what a bad server cannot do."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.clock import SystemClock
from backend.domain.web_addresses import web_address
from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.metric_sources import Asked, Measure
from backend.drivers.name_lookups import Lookups
from backend.drivers.prometheus import Prometheus, PrometheusSettings, _document, _read, basic
from backend.drivers.prometheus_queries import PRESETS, CpuUnit, Query
from tests.backend.drivers.prometheus_server import serving
from tests.backend.drivers.web_stand_in import document, standing_in
from tests.factories import NOW, SCOPE

MINUTE = timedelta(minutes=1)
ONE, TWO = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PERCENT = {Measure.CPU: Query('cpu{id=~"%servers%"}[%window%]', "id")}
END = int(NOW.timestamp())


def source(url, queries=PERCENT, seconds=5.0, **more):
    local = Lookups(lambda _host, _port: ["127.0.0.1"])
    return Prometheus(PrometheusSettings(web_address(url), queries, seconds=seconds, **more), SystemClock(), local)


def asked(measure=Measure.CPU, ids=(ONE, TWO), minutes=5, **more):
    return Asked({measure: frozenset(ids)}, NOW - minutes * MINUTE, NOW, **more)


def matrix(*series):
    result = [{"metric": labels, "values": values} for labels, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def told(server_answer, question=None, **more):
    with standing_in(server_answer) as server:
        found = source(f"http://prometheus.example:{server.port}/prom/", **more).ask(SCOPE, question or asked())
        return found.series, server.heard


def test_one_question_is_asked_for_many_servers_and_each_minute_is_what_stood_at_its_end():
    answer = document(matrix(({"id": ONE}, [[END - 60, "40.5"], [END, "41"]]), ({"id": TWO}, [[END, "7"]])))
    series, (request,) = told(lambda _: [answer], authorization=basic("me", "secret"))
    assert series == {
        (Measure.CPU, ONE): {NOW - 2 * MINUTE: 40.5, NOW - MINUTE: 41.0},
        (Measure.CPU, TWO): {NOW - MINUTE: 7.0},
    }
    head, _, body = request.decode().partition("\r\n\r\n")
    assert head.startswith("POST /prom/api/v1/query_range HTTP/1.1\r\n")
    assert "Authorization: Basic bWU6c2VjcmV0" in head
    form = {name: value[0] for name, value in parse_qs(body).items()}
    assert form == {
        "query": f'cpu{{id=~"{ONE}|{TWO}"}}[2m]',
        "start": str(END - 240),
        "end": str(END),
        "step": "60",
    }


def test_seconds_of_processors_are_divided_by_how_many_there_are_and_end_at_a_hundred():
    queries = {Measure.CPU: Query("cpu", "id", CpuUnit.CORES)}
    answer = document(matrix(({"id": ONE}, [[END, "1.5"]]), ({"id": TWO}, [[END, "2.2"]])))
    series, _ = told(lambda _: [answer], asked(processors={ONE: 2, TWO: 2}), queries=queries)
    assert series == {(Measure.CPU, ONE): {NOW - MINUTE: 75.0}, (Measure.CPU, TWO): {NOW - MINUTE: 100.0}}
    series, heard = told(lambda _: [answer], asked(processors={}), queries=queries)
    assert (series, heard) == ({}, [])  # of whom nobody knows how many they have nothing can be said


def test_many_servers_are_asked_for_in_parts():
    ids = [f"{number:08x}-1111-4111-8111-111111111111" for number in range(600)]
    _, heard = told(lambda _: [document(matrix())], asked(ids=ids))
    assert len(heard) == 3
    assert sum(request.count(b"-1111-4111-8111-") for request in heard) == 600


def test_what_could_be_more_than_an_id_is_no_part_of_a_question():
    series, heard = told(lambda _: [document(matrix())], asked(ids=['x"} or vector(1) #', ".*"]))
    assert (series, heard) == ({}, [])


@pytest.mark.parametrize(
    "value",
    ["NaN", "+Inf", "-Inf", "-1", "1e400", "", "many", None, 5, True, [], "9" * 5000],
)
def test_what_is_no_number_is_missing_and_never_nought(value):
    answer = document(matrix(({"id": ONE}, [[END - 60, "3"], [END, value]])))
    series, _ = told(lambda _: [answer], asked(minutes=5))
    assert series == {(Measure.CPU, ONE): {NOW - 2 * MINUTE: 3.0}}


@pytest.mark.parametrize(
    "series",
    [
        ({"id": "of-somebody-else"}, [[END, "5"]]),
        ({}, [[END, "5"]]),
        ({"id": [ONE]}, [[END, "5"]]),
        ({"id": ONE}, [[END + 60, "5"], [END - 600, "5"], [-1, "5"], [1e300, "5"], ["x", "5"], [END], "x"]),
        ({"id": ONE}, "values"),
        ([], []),
    ],
)
def test_what_was_not_asked_for_is_passed_over(series):
    assert told(lambda _: [document(matrix(series))])[0] == {}


BAD = {
    "garbage": [b"\x00\xff\x00garbage\r\n\r\n"],
    "nothing": [],
    "a page": [document("<html>welcome</html>")],
    "half a document": [document('{"status":"success","data":{"resultType":"mat')],
    "deep": [document("[" * 100_000)],
    "a list": [document([1])],
    "a vector": [document({"status": "success", "data": {"resultType": "vector", "result": []}})],
    "no data": [document({"status": "success", "data": None})],
    "an error": [document({"status": "error", "errorType": "timeout", "error": "query timed out"}, "503 No")],
    "a proxy": [document("<h1>bad gateway</h1>", "502 Bad Gateway")],
    "5 MB": [document(json.dumps(matrix(({"id": ONE, "x": "y" * 5_000_000}, []))))],
    "endless": [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 100],
    "a length of 5 GB": [b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n{}"],
    "elsewhere": [b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"],
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_tells_nothing_and_is_a_failure(name):
    with pytest.raises(CloudUnavailable):
        told(lambda _: BAD[name])


def test_a_redirect_is_not_followed():
    with standing_in(lambda _: [document(matrix())]) as other:
        elsewhere = f"HTTP/1.1 307 No\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n"
        with pytest.raises(CloudUnavailable):
            told(lambda _: [elsewhere.encode()])
        assert other.heard == []


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_one_that_does_not_let_us_in(status):
    with pytest.raises(NotAuthorized):
        told(lambda _: [document("no", status)])


def drips(server):
    """A byte now and then, for ever."""
    yield b"HTTP/1.1 200 OK\r\n\r\n"
    while not server.closed.wait(0.05):
        yield b" "


@pytest.mark.parametrize("answer", [drips, lambda server: [server.closed.wait(20) and b""]])
def test_one_that_takes_its_time_has_what_is_settled_and_no_more(answer):
    def lazily(_):
        return answer(server)

    with standing_in(lazily) as server, pytest.raises(CloudUnavailable, match="timed out"):
        source(f"http://127.0.0.1:{server.port}", seconds=0.3).ask(SCOPE, asked())


def test_one_that_is_not_there():
    with pytest.raises(CloudUnavailable):
        source("http://127.0.0.1:1").ask(SCOPE, asked())


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from([ONE, "matrix", "success", "NaN", "1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["status", "data", "resultType", "result", "metric", "values", "id"]), inner)
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_no_document_is_a_fault_of_ours(told):
    try:
        data = _document(200, json.dumps(told).encode(), web_address("http://p"))
    except CloudUnavailable:
        return
    _read(data, "id", frozenset({ONE}), asked())


def _counter(per_second):
    return [(NOW - timedelta(seconds=300 - 15 * at), per_second * 15 * at) for at in range(21)]


def test_presets_against_a_real_prometheus():
    """Each query of each preset over series as its exporter tells them: two servers with two processors each."""
    series = {}
    for number, (server, pace) in enumerate(((ONE, 1.0), (TWO, 0.5))):
        domain = f'domain="instance-0000000{number}",instance="host:9177"'
        info = f'libvirt_domain_openstack_info{{{domain},instance_id="{server}",project_id="p"}}'
        series[info] = [(at, 1) for at, _ in _counter(1)]
        series[f'ceilometer_cpu{{resource="{server}",project="p"}}'] = _counter(pace * 1e9)
        port = f'resource="instance-0000000{number}-{server}-tap0a1b2c3d-4e"'
        for words, bytes_ in (("incoming", 10), ("outgoing", 20)):
            series[f"ceilometer_network_{words}_bytes{{{port}}}"] = _counter(bytes_ * pace)
        for labels in (domain, f'domain="i{number}",uuid="{server}"'):
            series[f"libvirt_domain_info_cpu_time_seconds_total{{{labels}}}"] = _counter(pace)
            for nic in ("tap1", "tap2"):
                wire = f'{labels},target_device="{nic}"'
                series[f"libvirt_domain_interface_stats_receive_bytes_total{{{wire}}}"] = _counter(5 * pace)
                series[f"libvirt_domain_interface_stats_transmit_bytes_total{{{wire}}}"] = _counter(10 * pace)
    series['octavia_pool_http_requests_total{pool="the-pool",instance="a"}'] = _counter(2)
    series['octavia_pool_http_requests_total{pool="the-pool",instance="b"}'] = _counter(1)
    ids = frozenset({ONE, TWO})
    servers = dict.fromkeys((Measure.CPU, Measure.NETWORK_IN, Measure.NETWORK_OUT), ids)
    question = Asked({**servers, Measure.REQUESTS: frozenset({"the-pool"})}, NOW - 2 * MINUTE, NOW, {ONE: 2, TWO: 2})
    with serving(series) as url:
        for preset in ("ceilometer", "libvirt", "libvirt-uuid"):
            found = source(url, PRESETS[preset]).ask(SCOPE, question).series
            newest = {key: round(values[NOW - MINUTE], 6) for key, values in found.items()}
            assert newest == {
                (Measure.CPU, ONE): 50,
                (Measure.CPU, TWO): 25,
                (Measure.NETWORK_IN, ONE): 600,
                (Measure.NETWORK_IN, TWO): 300,
                (Measure.NETWORK_OUT, ONE): 1200,
                (Measure.NETWORK_OUT, TWO): 600,
                (Measure.REQUESTS, "the-pool"): 180,
            }, preset
            assert {len(values) for values in found.values()} == {2}
        with pytest.raises(CloudUnavailable, match="parse error"):
            source(url, {Measure.CPU: Query("sum(", "id")}).ask(SCOPE, asked())
