"""Messages reach queues of a real Zaqar, and whoever reads there finds what other targets hear: ``make queues``."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from backend.clock import SystemClock
from backend.domain.messages import Refused, Telling
from backend.drivers.cloud import Cloud
from backend.drivers.installation import named
from backend.drivers.openstack.cloud import open_cloud
from backend.drivers.sinks import Sink
from conformance.openstack.cloud import connect

TELLING = Telling(str(uuid.uuid4()), '{"a":"f\u00fcr"}', "Subject", attributes={"kind": "move"})
TOLD = {"id": TELLING.id, "body": TELLING.body, "subject": "Subject", "attributes": {"kind": "move"}}


@pytest.fixture(scope="module")
def sink(settings) -> Sink:
    cloud: Cloud = open_cloud(settings, SystemClock(), installation=named(str(uuid.uuid4())))
    assert cloud.queues is not None
    return cloud.queues


@pytest.fixture
def heard(state) -> Callable[[str, str], list[object]]:
    """What a user finds in a queue of their project, by the user's name."""

    def read(user, queue):
        with connect(user, state) as connection:
            answer = connection.session.get(
                f"/v2/queues/{queue}/messages",
                endpoint_filter={"service_type": "messaging"},
                headers={"Client-ID": str(uuid.uuid4())},
            )
            return [each["body"] for each in answer.json()["messages"]]

    return read


def test_a_member_of_the_project_reads_what_it_was_told(sink, heard, demo_scope):
    queue = f"moves-{uuid.uuid4().hex[:8]}"
    sink.send(demo_scope, f"zaqar:{queue}", TELLING)
    sink.send(demo_scope, f"zaqar:{queue}", TELLING)  # an answer that was lost: under the same id
    assert heard("demo", queue) == [TOLD, TOLD]


def test_a_queue_of_that_name_in_another_project_is_another(sink, heard, demo_scope, other_project_scope):
    queue = f"moves-{uuid.uuid4().hex[:8]}"
    sink.send(demo_scope, f"zaqar:{queue}", TELLING)
    assert heard("other", queue) == []
    sink.send(other_project_scope, f"zaqar:{queue}", Telling("2", "theirs"))
    assert (heard("other", queue), heard("demo", queue)) == ([{"id": "2", "body": "theirs"}], [TOLD])


def test_more_than_zaqar_takes_is_never_taken(sink, demo_scope):
    with pytest.raises(Refused, match="Zaqar answered 400"):
        sink.send(demo_scope, "zaqar:moves", Telling("3", "x" * 300_000))
