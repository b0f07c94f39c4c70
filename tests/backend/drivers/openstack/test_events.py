"""What notifications tell: those of the services as they were recorded from them, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.events import Event, Subject
from backend.drivers.openstack import events
from backend.drivers.openstack.events import event_of
from tests.factories import uuid_of

SERVER = uuid_of("server")
PROJECT = "5f0c3b6d8e6f4e7a9b1c2d3e4f506172"


def versioned(**data):
    return {"nova_object.name": "InstanceActionPayload", "nova_object.data": {"uuid": SERVER, **data}}


def update(old, new):
    states = {"nova_object.data": {"old_state": old, "state": new, "old_task_state": None, "new_task_state": "x"}}
    return versioned(state_update=states)


ABOUT_SERVER = Event(Subject.SERVER, SERVER)


@pytest.mark.parametrize(
    ("kind", "payload", "event"),
    [
        ("instance.update", update("active", "stopped"), ABOUT_SERVER),
        ("instance.update", update("active", "active"), None),  # a step on the way: seven of each launch
        ("instance.delete.end", versioned(state="deleted"), ABOUT_SERVER),
        ("instance.delete.start", versioned(), None),
        ("instance.create.error", versioned(), ABOUT_SERVER),
        ("instance.volume_attach.end", versioned(), None),
        ("compute_task.build_instances.error", {"nova_object.data": {"instance_uuid": SERVER}}, ABOUT_SERVER),
        ("compute.instance.delete.end", {"instance_id": SERVER, "state": "deleted"}, ABOUT_SERVER),
        ("compute.instance.update", {"instance_id": SERVER, "old_state": "active", "state": "error"}, ABOUT_SERVER),
        ("compute.instance.update", {"instance_id": SERVER, "old_state": "active", "state": "active"}, None),
        ("port.delete.end", {"port": {"id": uuid_of("port"), "device_id": SERVER}}, Event(Subject.PORT, SERVER)),
        ("port.delete.end", {"port_id": uuid_of("port")}, None),
        ("port.delete.end", {"port": {"device_id": f"dhcp{SERVER}"}}, None),
        (
            "octavia.loadbalancer.delete.end",
            {"loadbalancer_id": uuid_of("lb"), "project_id": PROJECT},
            Event(Subject.BALANCER, PROJECT),
        ),
        ("octavia.loadbalancer.create.end", {"project_id": PROJECT}, None),
        ("identity.user.deleted", {"resource_info": PROJECT}, Event(Subject.USER, PROJECT)),
        ("identity.user.created", {"resource_info": PROJECT}, None),
        ("identity.project.disabled", {"resource_info": PROJECT}, Event(Subject.PROJECT, PROJECT)),
        ("identity.credential.deleted", {"resource_info": "a" * 64}, Event(Subject.CREDENTIAL, "a" * 64)),
        ("identity.OS-TRUST:trust.deleted", {"resource_info": PROJECT}, Event(Subject.TRUST, PROJECT)),
        ("identity.role_assignment.deleted", {"user": PROJECT, "project": "p"}, Event(Subject.USER, PROJECT)),
        ("identity.role_assignment.deleted", {"group": PROJECT}, Event(Subject.EVERYBODY)),
        ("identity.domain.deleted", {"resource_info": "default"}, Event(Subject.EVERYBODY)),
        ("identity.authenticate", {"resource_info": PROJECT}, None),
        ("image.delete", {"id": SERVER}, None),
    ],
)
def test_what_a_notification_is_about(kind, payload, event):
    assert event_of(kind, payload) == event


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
KINDS = [
    *("instance.update", "instance.delete.end", "compute.instance.update", "compute_task.build_instances.error"),
    *("port.delete.end", "octavia.loadbalancer.delete.end", "identity.user.deleted"),
    *("identity.role_assignment.deleted", "compute.instance.delete.end", "identity.OS-TRUST:trust.deleted"),
]
WORDS = [
    *("nova_object.data", "uuid", "state_update", "old_state", "state", "instance_uuid", "instance_id"),
    *("port", "device_id", "project_id", "resource_info", "user"),
]
NESTED = st.recursive(
    JSON | st.sampled_from([SERVER, PROJECT, SERVER * 1000, f"{SERVER}\n", "'; --", "\ud800"]),
    lambda inner: st.dictionaries(st.sampled_from(WORDS), inner),
    max_leaves=12,
)


@given(kind=st.sampled_from(KINDS) | JSON, payload=NESTED)
def test_whatever_comes_is_an_event_of_bounded_plain_words_or_none(kind, payload):
    found = event_of(kind, payload)
    assert found is None or (len(found.id) <= 64 and (found.id == "" or events._ID.fullmatch(found.id)))


def test_an_id_ends_where_its_word_does():
    """A line feed at the end would pass a pattern that only looks at the begin."""
    assert event_of("instance.delete.end", {"nova_object.data": {"uuid": f"{SERVER}\n"}}) is None
    assert event_of("identity.user.deleted", {"resource_info": "a" * 65}) is None
