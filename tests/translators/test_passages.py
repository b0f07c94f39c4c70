from __future__ import annotations

import pytest

from backend import tracing
from backend.tracing import NO_SPAN
from gateway.request_log import Record
from tests.spans import TracesKept
from translators.passages import Passages

ID = "0b7f1a52-3d36-4c53-9d5e-0c1a7b3f5a11"
THEIRS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def record(status=200, code="", operation="SetDesiredCapacity", **names):
    return Record(ID, "autoscaling", operation, "123456789012", "us-east-1", status, code, 0.1, names=names)


def test_a_request_is_a_span_that_tells_what_came_of_it():
    traces = TracesKept()
    with Passages(traces)(ID, "") as passage:
        origin = tracing.present()
        passage.tell(record(AutoScalingGroupName="web", LaunchTemplateName="secret"))
    (span,) = traces.spans
    assert origin is not None
    assert (origin.request_id, origin.span) == (ID, span)
    assert tracing.present() is None
    assert (span.name, span.ended, span.failed) == ("autoscaling.SetDesiredCapacity", True, "")
    assert span.told == {
        "coppice.request_id": ID,
        "rpc.system": "aws-api",
        "rpc.service": "autoscaling",
        "rpc.method": "SetDesiredCapacity",
        "coppice.account": "123456789012",
        "coppice.region": "us-east-1",
        "coppice.group": "web",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize(("named", "told"), [("web", "web"), ("web,batch", None)])
def test_of_a_listing_the_group_is_told_where_it_is_one(named, told):
    traces = TracesKept()
    with Passages(traces)(ID, "") as passage:
        passage.tell(record(AutoScalingGroupNames=named))
    assert traces.spans[0].told.get("coppice.group") == told


@pytest.mark.parametrize(
    ("status", "code", "failed"), [(400, "ValidationError", ""), (500, "InternalFailure", "InternalFailure")]
)
def test_a_refusal_has_its_code_and_only_what_is_our_fault_has_failed(status, code, failed):
    traces = TracesKept()
    with Passages(traces)(ID, "") as passage:
        passage.tell(record(status, code))
    assert (traces.spans[0].told["error.type"], traces.spans[0].failed) == (code, failed)


def test_what_names_no_operation_is_called_a_request():
    traces = TracesKept()
    with Passages(traces)(ID, "") as passage:
        passage.tell(record(403, "InvalidClientTokenId", operation=""))
    assert traces.spans[0].name == "request"
    assert "rpc.method" not in traces.spans[0].told


def test_a_request_that_waits_to_be_asked_again_is_no_span():
    traces = TracesKept()
    with Passages(traces)(ID, ""):
        pass
    assert not traces.spans[0].ended


@pytest.mark.parametrize(
    ("client_context", "links", "follows"), [("ignore", (), ""), ("link", (THEIRS,), ""), ("follow", (), THEIRS)]
)
def test_a_client_s_trace_is_what_the_operator_makes_of_it(client_context, links, follows):
    traces = TracesKept()
    with Passages(traces, client_context)(ID, THEIRS) as passage:
        passage.tell(record())
    assert (traces.spans[0].links, traces.spans[0].follows) == (links, follows)


def test_without_traces_what_is_done_for_a_request_has_its_name_all_the_same():
    with Passages()(ID, THEIRS) as passage:
        assert (tracing.request_id(), tracing.span()) == (ID, NO_SPAN)
        passage.tell(record())
