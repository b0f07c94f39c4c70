from __future__ import annotations

import pytest

from backend import tracing
from backend.tracing import NO_SPAN, UNTRACED, During, Origin, Role
from tests.spans import TracesKept

ID = "0b7f1a52-3d36-4c53-9d5e-0c1a7b3f5a11"


def test_what_something_is_done_for_is_known_as_long_as_it_is_done():
    assert (tracing.present(), tracing.request_id(), tracing.span()) == (None, "", NO_SPAN)
    origin = Origin(ID)
    with During(origin):
        assert (tracing.present(), tracing.request_id()) == (origin, ID)
        with During(None):
            assert tracing.present() is None
    assert tracing.during(origin, tracing.request_id) == ID
    with pytest.raises(ZeroDivisionError):
        tracing.during(origin, lambda: 1 / 0)
    assert tracing.present() is None


def test_rows_name_it_with_its_span_and_it_is_read_again():
    span = TracesKept().begin("request", Role.ANSWERS, {})
    assert Origin(ID, span).written() == f"{ID} {span.context}"
    assert tracing.read(Origin(ID, span).written()) == (ID, span.context)
    assert tracing.read(Origin(ID).written()) == (ID, "")


@pytest.mark.parametrize("written", [None, "", "r-1", f"{ID} ", f"{ID} 00-1-2-3", f"{ID}\n", "x" * 128])
def test_other_words_of_rows_name_nothing(written):
    assert tracing.read(written) == ("", "")


@pytest.mark.parametrize("request_id", ["r-1", "", ID.upper(), f"{ID}\r\nX-Auth-Token: x", f"{ID} "])
def test_openstack_is_told_uuids_alone(request_id):
    assert Origin(request_id).global_id() == ""
    assert Origin(ID).global_id() == f"req-{ID}"


def test_where_nobody_traces_there_is_one_span_that_does_nothing():
    span = UNTRACED.begin("request", Role.ANSWERS, {"a": 1}, links=("x",))
    span.rename("other")
    span.tell({"b": 2})
    span.end("Fault")
    UNTRACED.close(1.0)
    assert span is NO_SPAN
    assert span.context == ""
