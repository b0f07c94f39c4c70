"""Messages of alarms of others, as they are sent: what they say, and what no message can do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.receivers import WantedReceiver
from backend.domain.scaling import Adjustment, PolicyKind, Step, WantedPolicy
from backend.services.scaling_policies import PolicyName, Said
from backend.store import nodes
from tests.factories import SCOPE, World
from translators.receivers import Heard, Message, NotUnderstood, receive, signal_of

SERVER = "5f0c3b6d-8e6f-4e7a-9b1c-2d3e4f506172"
SHORT = "5f0c3b6d8e6f4e7a9"
AODH = {  # as a webhook of Aodh got it
    "alarm_name": "busy",
    "alarm_id": "0d0c9c35-4c2c-4b8e-8f1b-0f5d5a6d5a11",
    "severity": "low",
    "previous": "ok",
    "current": "alarm",
    "reason": "Transition to alarm due to 1 samples outside threshold, most recent: 90.0",
    "reason_data": {"type": "threshold", "disposition": "outside", "count": 1, "most_recent": 90.0},
}


def alert(status="firing", fingerprint="f1", **labels):
    return {
        "status": status,
        "labels": {"alertname": "Busy", "severity": "page", **labels},
        "annotations": {"summary": "busy", "value": "91.5"},
        "startsAt": "2026-11-29T10:00:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": fingerprint,
    }


def alertmanager(*alerts, status="firing"):
    return {
        "receiver": "coppice",
        "status": status,
        "alerts": list(alerts),
        "groupLabels": {"alertname": "Busy"},
        "commonLabels": {"alertname": "Busy"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": '{}:{alertname="Busy"}',
        "truncatedAlerts": 0,
    }


def heard(told, label="instance_id", instance="", **headers):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return signal_of(Message(body, headers, instance), label)


def test_an_alarm_of_aodh():
    signal = heard(AODH, instance=SERVER)
    assert (signal.firing, signal.value, signal.servers) == (True, 90.0, (SHORT,))


@pytest.mark.parametrize("state", ["ok", "insufficient data"])
def test_the_end_of_one(state):
    signal = heard({**AODH, "current": state}, instance=SERVER)
    assert (signal.firing, signal.servers, signal.over) == (False, (), (SHORT,))


def test_alerts_of_prometheus():
    told = alertmanager(alert(instance_id=SERVER), alert("resolved", "f2", instance_id="i-00000000000000000"))
    signal = heard(told)
    assert (signal.firing, signal.value, signal.servers) == (True, 91.5, (SHORT,))
    assert heard(alertmanager(alert(vm=f"i-{SHORT}")), label="vm").servers == (SHORT,)
    assert not heard(alertmanager(alert("resolved"), status="resolved")).firing


MASAKARI = {  # as its instance monitor sends it
    "notification": {
        "type": "VM",
        "hostname": "compute-1",
        "generated_time": "2026-11-29T10:00:00.000000",
        "payload": {"event": "LIFECYCLE", "instance_uuid": SERVER, "vir_domain_event": "STOPPED_FAILED"},
    }
}


def test_an_instance_that_masakari_saw_fail():
    signal = heard(MASAKARI)
    assert (signal.firing, signal.value, signal.servers) == (True, None, (SHORT,))
    later = {"notification": {**MASAKARI["notification"], "generated_time": "2026-11-29T10:05:00.000000"}}
    assert heard(MASAKARI).digest == signal.digest != heard(later).digest


@pytest.mark.parametrize("wrapped", [AODH, json.dumps(AODH)], ids=["a document", "a text"])
def test_what_comes_by_a_queue_of_zaqar_is_taken_out_of_its_envelope(wrapped):
    told = {"body": wrapped, "queue_name": "alarms", "ttl": 3600, "Message_Type": "Notification"}
    signal = heard(told, instance=SERVER)
    assert (signal.firing, signal.value, signal.servers) == (True, 90.0, (SHORT,))


def test_an_empty_message_is_a_knock():
    assert heard(b" \n").firing
    assert heard(b"").value is None


def test_what_is_sent_twice_is_the_same_and_all_else_is_not():
    told = alertmanager(alert(), alert(fingerprint="f2"))
    turned = alertmanager(alert(fingerprint="f2"), alert())
    assert heard(told).digest == heard({**turned, "externalURL": "http://the-other-of-the-pair"}).digest
    others = [
        alertmanager(alert()),
        alertmanager(alert(), alert("resolved", "f2")),
        {**told, "groupKey": "other"},
    ]
    request = "x-openstack-request-id"
    digests = {heard(each).digest for each in (told, *others)}
    digests |= {heard(AODH, **{request: "req-1"}).digest, heard(AODH, **{request: "req-2"}).digest}
    digests |= {heard(AODH, instance=SERVER, **{request: "req-1"}).digest}
    assert len(digests) == 7
    assert heard(AODH, **{request: "req-1"}).digest in digests


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b"[]",
        b'"firing"',
        b"{}",
        b'{"alerts": {}, "status": "firing"}',
        b'{"alerts": [], "status": ["firing"]}',
        b'{"alerts": [], "status": "on fire"}',
        b'{"alarm_id": 1, "current": "alarm"}',
        b'{"Type": "Notification", "Message": "alarm"}',
        b'{"queue_name": "alarms", "body": "on fire"}',
        b'{"queue_name": "alarms", "body": {"queue_name": "alarms", "body": "on fire"}}',
        b'{"queue_name": "alarms", "Message_Type": "UnsubscribeConfirmation"}',
        b'{"notification": {"type": "COMPUTE_HOST", "hostname": "compute-1", "payload": {"event": "STOPPED"}}}',
        b'{"notification": {"type": "VM", "payload": {"instance_uuid": 7}}}',
        b'{"notification": {"type": "VM"}}',
    ],
)
def test_what_is_no_message_of_an_alarm(body):
    with pytest.raises(NotUnderstood):
        heard(body)


def test_instances_that_are_none_are_passed_over_and_there_is_an_end_to_them():
    names = ["", "i-1", "x" * 5000, "i-" + "g" * 17, "../../etc"]
    assert heard(alertmanager(*(alert(instance_id=name) for name in names))).servers == ()
    many = [alert(instance_id=f"i-{number:017x}") for number in range(1000)]
    signal = heard(alertmanager(*many))
    assert (len(signal.servers), signal.left) == (100, 900)


def test_those_that_fire_are_chosen_before_the_rest_is_left_out():
    ended = [alert("resolved", f"e{number}", instance_id=f"i-{number:017x}") for number in range(150)]
    signal = heard(alertmanager(*ended, alert(instance_id=SERVER), alert(instance_id=SERVER)))
    assert (signal.firing, signal.value, signal.servers, signal.left) == (True, 91.5, (SHORT,), 0)


def test_with_whom_it_is_over_and_with_whom_it_lasts():
    well = alert("resolved", "f1", instance_id=SERVER)
    signal = heard(alertmanager(well, status="resolved"))
    assert (signal.firing, signal.servers, signal.over) == (False, (), (SHORT,))
    other = "i-00000000000000001"
    signal = heard(alertmanager(well, alert(fingerprint="f2", instance_id=other)))
    assert (signal.firing, signal.servers, signal.over) == (True, (other[2:],), (SHORT,))
    both = heard(alertmanager(well, alert(fingerprint="f2", instance_id=SERVER)))
    assert (both.firing, both.servers, both.over) == (True, (SHORT,), ()), "another alert of it fires"
    named = heard(alertmanager(alert("resolved"), status="resolved"), instance=SERVER)
    assert (named.servers, named.over) == ((), (SHORT,))
    assert heard(alertmanager(status="resolved"), instance=SERVER).over == (), "it tells of no alert"


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def post(world, token, told, digests=None, *, admits=True):
    def admit(digest):
        if digests is not None:
            digests.append(digest)
        return admits

    return receive(world.backend, token, Message(json.dumps(told).encode(), {}), admit)


def test_what_comes_of_a_message_and_whose_it_is(world):
    (node,) = world.put(world.group("web"), "a")
    receiver, token = world.backend.receivers.add(SCOPE, WantedReceiver("web"))
    digests = []
    told = post(world, token, alertmanager(alert(instance_id=node.server_id)), digests)
    names = {"ReceiverId": receiver.id, "AutoScalingGroupName": "web"}
    assert told == Heard(200, told.document, "marked", SCOPE.project_id, SCOPE.region, names)
    assert set(told.document) == {"outcome", "why"}
    assert digests == [receiver.digest]
    again = post(world, token, alertmanager(alert()), admits=False)
    assert again == Heard(503, {"error": "Rate exceeded"}, "Throttling", SCOPE.project_id, SCOPE.region, names)


def test_what_is_drained_stays_when_alertmanager_says_that_it_is_over(world):
    mine = world.put(world.group("web"), "a", "b")
    _, token = world.backend.receivers.add(SCOPE, WantedReceiver("web", drains=True))
    first, second = (each.server_id for each in mine)

    def leaving():
        with world.store.read() as conn:
            return [nodes.get(conn, each.id).drained_from is not None for each in mine]

    said = [post(world, token, alertmanager(alert(instance_id=first), alert(fingerprint="f2", instance_id=second)))]
    assert leaving() == [True, True]
    mixed = alertmanager(alert("resolved", instance_id=first), alert(fingerprint="f2", instance_id=second))
    said.append(post(world, token, mixed))
    assert leaving() == [False, True]
    ended = (alert("resolved", instance_id=first), alert("resolved", "f2", instance_id=second))
    said.append(post(world, token, alertmanager(*ended, status="resolved")))
    assert leaving() == [False, False]
    world.clock.move(61)
    said.append(post(world, token, alertmanager(*ended, status="resolved")))
    assert [each.code for each in said] == ["drained", "drained", "drained", "over"]


def test_a_token_that_is_nobodys_is_told_so_where_there_is_room(world):
    digests = []
    assert post(world, "nobodys", AODH, digests).status == 404
    assert post(world, "nobodys", AODH, digests, admits=False).status == 503
    assert digests == ["", ""]


def test_those_whom_a_message_has_not_judged_are_told(world):
    world.group("web")
    token = world.backend.receivers.add(SCOPE, WantedReceiver("web"))[1]
    many = [alert(instance_id=f"i-{number:017x}") for number in range(101)]
    assert post(world, token, alertmanager(*many)).document["left"].startswith("1 more")


def test_each_refusal_has_its_status(world):
    world.group("web")
    steps = WantedPolicy("steps", PolicyKind.STEP, Adjustment.CHANGE, steps=(Step(0.0, None, 1),))
    said = Said(lambda policy: f"arn:{policy.id}", lambda alarm: {"name": alarm.name})
    world.backend.scaling_policies.put(SCOPE, "web", steps, said)
    _, token = world.backend.receivers.add(SCOPE, WantedReceiver("web", "steps", 50.0))
    assert post(world, token, {**AODH, "reason_data": {}}).status == 422
    assert post(world, token, []).status == 400
    world.backend.scaling_policies.remove(SCOPE, PolicyName("steps", "web"))
    gone = post(world, token, AODH)
    assert (gone.status, gone.code, gone.names["PolicyName"]) == (410, "ReceiverGone", "steps")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["firing", "alarm"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [*AODH, "alerts", "status", "labels", "annotations", "value", "instance_id", "fingerprint", "groupKey"]
            ),
            inner,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(JSON)
def test_no_message_is_a_fault_of_ours(told):
    try:
        heard(told)
    except NotUnderstood:
        return
