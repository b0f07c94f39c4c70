"""Messages of alarms of others (Aodh, Prometheus Alertmanager, Masakari, Zaqar) <-> signals. No HTTP server, no clock.

An empty message is one of an alarm, too: whoever has the token may knock.

Source: aodh/notifier/rest.py; Prometheus documentation, "Alerting: configuration", webhook_config (version 4).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from backend import tracing
from backend.domain.ids import is_short_id, short_id
from backend.domain.receivers import (
    Outcome,
    Receiver,
    ReceiverGone,
    ReceiverUnknown,
    Signal,
    ValueMissing,
)
from backend.domain.scaling_findings import PolicyNotExecutable
from backend.domain.scope import Scope
from backend.domain.told_numbers import told_number
from backend.errors import StoreUnavailable

if TYPE_CHECKING:
    from backend import Backend

LOG = logging.getLogger(__name__)
SERVICE: Final = "receivers"
"""As audit trail and traces name it, beside services of AWS's."""
MOST_BYTES: Final = 65_536
"""Of a message."""
_MOST_INSTANCES: Final = 100
"""That one message has judged."""
_INSTANCE: Final = re.compile(r"i-([0-9a-f]{17})")
_REQUEST_ID: Final = "x-openstack-request-id"
"""Aodh gives each notification one, and keeps it where it sends again."""


@dataclass(frozen=True, slots=True)
class Message:
    """What came to a receiver's address.

    Attributes:
        headers: by lower-case name.
        instance: that the address names beside the token, where an alarm is of one; empty where it names none.
    """

    body: bytes
    headers: Mapping[str, str]
    instance: str = ""


class NotUnderstood(Exception):
    """It is no message of an alarm; the words say why."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message came to.

    Attributes:
        code: in a word; of a message that was heard, its outcome.
        project_id, region: of the receiver, as the cloud names them; empty where there is none.
        names: of the receiver, and of what it acts on, by AWS's members where AWS has such.
    """

    status: int
    document: Mapping[str, str]
    code: str
    project_id: str = ""
    region: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


Admit = Callable[[str], bool]
"""Whether another message may come to the receiver of this digest; where that is empty, to one that is not there."""


def receive(backend: Backend, token: str, message: Message, admit: Admit) -> Heard:
    """What comes of a message to the receiver of that token.

    Who sends is told of what may be otherwise soon with a 503: Alertmanager tries again upon 5xx alone.
    """
    try:
        scope, receiver = backend.receivers.of(token)
    except ReceiverUnknown:
        return _refused(_NOBODY if admit("") else _TOO_MANY)
    except StoreUnavailable:
        return _refused(_LATER)
    heard = _heard(backend, scope, receiver, message) if admit(receiver.digest) else _refused(_TOO_MANY)
    names = {"ReceiverId": receiver.id, "AutoScalingGroupName": receiver.cluster_name}
    if receiver.policy_name is not None:
        names["PolicyName"] = receiver.policy_name
    outcome: dict[str, tracing.Value] = {"coppice.outcome": heard.code} if heard.status < 400 else {}
    tracing.span().tell({"coppice.receiver": receiver.id, **outcome})
    return replace(heard, project_id=scope.project_id, region=scope.region, names=names)


def _heard(backend: Backend, scope: Scope, receiver: Receiver, message: Message) -> Heard:
    try:
        signal = signal_of(message, receiver.label)
        outcome = backend.receivers.hear(scope, receiver, signal)
    except NotUnderstood as why:
        return Heard(400, {"error": str(why)}, "NotUnderstood")
    except tuple(_REFUSALS) as found:
        return _refused(_REFUSALS[type(found)])
    words = "receiver=%s project=%s region=%s group=%r heard of an alarm: %s"
    LOG.info(words, receiver.id, scope.project_id, scope.region, receiver.cluster_name, outcome)
    document = {"outcome": str(outcome), "why": _WHY[outcome]}
    if receiver.policy_id is None and signal.left:
        document["left"] = f"{signal.left} more instances are not judged: a message judges {_MOST_INSTANCES}."
        words = "receiver=%s project=%s region=%s group=%r left %d instances of a message unjudged"
        LOG.warning(words, receiver.id, scope.project_id, scope.region, receiver.cluster_name, signal.left)
    return Heard(200, document, str(outcome))


_Refusal = tuple[int, str, str]
_NOBODY: Final[_Refusal] = 404, "ReceiverUnknown", "There is no receiver here."
_LATER: Final[_Refusal] = 503, "ServiceUnavailable", "Try again."
_TOO_MANY: Final[_Refusal] = 503, "Throttling", "Rate exceeded"
_REFUSALS: Final[Mapping[type[Exception], _Refusal]] = {
    ReceiverUnknown: _NOBODY,
    ReceiverGone: (410, "ReceiverGone", "The group or the policy of this receiver is gone."),
    PolicyNotExecutable: (
        410,
        "PolicyNotExecutable",
        "The policy of this receiver acts by what is measured alone now.",
    ),
    ValueMissing: (
        422,
        "ValueMissing",
        "The policy has steps, and the message tells no value (annotation 'value').",
    ),
    StoreUnavailable: _LATER,
}


def _refused(refusal: _Refusal) -> Heard:
    status, code, words = refusal
    return Heard(status, {"error": words}, code)


_WHY: Final[Mapping[Outcome, str]] = {
    Outcome.SCALED: "The policy changed the desired capacity.",
    Outcome.STAYED: "The policy asks for the capacity that is desired already.",
    Outcome.COOLING: "A scaling activity or a cooldown is under way.",
    Outcome.DISABLED: "The policy is disabled.",
    Outcome.SUSPENDED: "The process AlarmNotification of the group is suspended.",
    Outcome.NO_STEP: "The policy has no step for the value.",
    Outcome.MARKED: "Instances are unhealthy now and will be replaced.",
    Outcome.DRAINED: "Instances will be replaced, the new ones first; where it is over, those that were not stay.",
    Outcome.UNKNOWN: "None of the instances is in the group.",
    Outcome.OVER: "Nothing is to be done: the message tells of no alarm.",
    Outcome.AGAIN: "This message has been heard already.",
}


def signal_of(message: Message, label: str) -> Signal:
    """What a message says.

    Args:
        label: of alerts, that names an instance.

    Raises:
        NotUnderstood
    """
    if not message.body.strip():
        return Signal(True, _digest(message, b""), servers=tuple(_servers([message.instance])))
    try:
        told = json.loads(message.body)
    except (ValueError, RecursionError):
        raise NotUnderstood("The message is no JSON.") from None
    return _of(message, _unwrapped(told), label)


def _unwrapped(told: Any) -> Any:
    """What a message of a queue of Zaqar's holds, where it is one: subscribers get it in an envelope."""
    if not isinstance(told, dict) or not isinstance(told.get("queue_name"), str) or "body" not in told:
        return told
    body = told["body"]
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NotUnderstood("The message in the queue is no JSON.") from None


def _of(message: Message, told: Any, label: str) -> Signal:
    if isinstance(told, dict) and isinstance(told.get("alerts"), list) and told.get("status") in ("firing", "resolved"):
        return _of_alertmanager(message, told, label)
    if isinstance(told, dict) and isinstance(told.get("alarm_id"), str) and isinstance(told.get("current"), str):
        return _of_aodh(message, told)
    if isinstance(told, dict) and isinstance(told.get("notification"), dict):
        return _of_masakari(message, told["notification"])
    raise NotUnderstood("The message is none of Aodh's, of Prometheus Alertmanager's and of Masakari's monitors.")


def _of_masakari(message: Message, told: Mapping[str, Any]) -> Signal:
    """Of one instance (type VM); of a host or process nothing is told that a group could go by.

    Source: Masakari API, "Create Notification".
    """
    payload = told.get("payload")
    if told.get("type") != "VM" or not isinstance(payload, dict) or not isinstance(payload.get("instance_uuid"), str):
        raise NotUnderstood("The notification is of no instance.")
    about = json.dumps([told.get("generated_time"), payload], sort_keys=True, default=str)
    servers = tuple(_servers([message.instance, payload["instance_uuid"]]))
    return Signal(True, _digest(message, about.encode("utf-8", "surrogatepass")), servers=servers)


def _of_aodh(message: Message, told: Mapping[str, Any]) -> Signal:
    data = told.get("reason_data")
    value = data.get("most_recent") if isinstance(data, dict) else None
    firing, servers = told["current"] == "alarm", tuple(_servers([message.instance]))
    return Signal(
        firing,
        _digest(message, message.body),
        told_number(value),
        servers if firing else (),
        over=() if firing else servers,
    )


def _of_alertmanager(message: Message, told: Mapping[str, Any], label: str) -> Signal:
    """Alerts that ended are in a message beside those that fire. What is the same alert has the same fingerprint.

    With an instance it is over where none that fires names it.
    """
    alerts = [each for each in told["alerts"] if isinstance(each, dict)]
    firing = [each for each in alerts if each.get("status") == "firing"]
    known = [str([each.get(name) for name in ("status", "fingerprint", "startsAt", "endsAt")]) for each in alerts]
    group = json.dumps([told.get("groupKey"), told["status"], sorted(known)], default=str)
    values = [told_number(value) for each in firing for value in _named(each, "value")]
    wrong = _instances(message, firing, label)
    there = frozenset(wrong)
    well = _instances(message, [each for each in alerts if each.get("status") == "resolved"], label)
    return Signal(
        bool(firing),
        _digest(message, group.encode("utf-8", "surrogatepass")),
        max((value for value in values if value is not None), default=None),
        wrong[:_MOST_INSTANCES],
        len(wrong[_MOST_INSTANCES:]),
        tuple(each for each in well if each not in there),
    )


def _instances(message: Message, alerts: Sequence[Mapping[str, Any]], label: str) -> tuple[str, ...]:
    """Short ids of those that alerts name, and of the one that the address names, each once; none of no alert."""
    named = [str(value) for each in alerts for value in _named(each, label)]
    return tuple(dict.fromkeys(_servers([message.instance, *named]))) if alerts else ()


def _named(alert: Mapping[str, Any], name: str) -> Iterator[Any]:
    """What an alert's annotations, or its labels, say under a name."""
    for part in ("annotations", "labels"):
        words = alert.get(part)
        if isinstance(words, dict) and isinstance(words.get(name), str):
            yield words[name]
            return


def _servers(names: list[str]) -> Iterator[str]:
    """Short ids of instances, by AWS's ids or the cloud's; what is neither is passed over."""
    for name in names:
        found = _INSTANCE.fullmatch(name)
        if found is not None:
            yield found[1]
            continue
        try:
            server = short_id(str(UUID(name)))
        except ValueError:
            continue
        if is_short_id(server):
            yield server


def _digest(message: Message, about: bytes) -> str:
    """The same for what is sent twice: what has an id of its own is known by that, too."""
    named = f"{message.headers.get(_REQUEST_ID, '')[:100]}\n{message.instance}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(named + about).hexdigest()
