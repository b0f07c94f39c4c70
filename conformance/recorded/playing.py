"""Plays rows against a server by boto3, and takes away again what they made."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from conformance.clients import client
from conformance.product import Access, until
from conformance.recorded.rows import Ask, Row
from conformance.recorded.shapes import objects, unlike
from conformance.recorded.values import Known, at, differing

PATIENCE_SECONDS = 8.0
"""A group takes its time until it has what a row looks for."""


class UnansweredError(Exception):
    """An operation that Coppice does not answer yet."""


@dataclass
class Verdict:
    """What came of a row.

    Attributes:
        state: ``holds``, ``differs``, ``unanswered`` (an operation that is not there yet) or ``unplayed``.
        lines: how the answer differs, or why it was not played.
    """

    state: str
    lines: list[str] = field(default_factory=list)


@dataclass
class Player:
    """One server, and the account's words that rows refer to."""

    access: Access
    words: dict[str, str]
    clients: dict[str, Any] = field(default_factory=dict)

    def ask(self, ask: Ask) -> dict[str, Any]:
        """The answer of a call as boto3 reads it, an error as its Error member."""
        time.sleep(ask.after_s)
        if ask.service not in self.clients:
            self.clients[ask.service] = client(self.access, ask.service, strict=False)
        try:
            answer: dict[str, Any] = getattr(self.clients[ask.service], xform_name(ask.operation))(**ask.params)
        except ClientError as error:
            answer = error.response
            if "not supported by Coppice" in answer["Error"].get("Message", ""):
                raise UnansweredError(ask.operation) from error
        return answer

    def play(self, row: Row, *, patience: float = PATIENCE_SECONDS) -> Verdict:
        """Make what a row needs, ask, compare, and take away what was made."""
        if row.why_not:
            return Verdict("unplayed", [row.why_not])
        known = Known(dict(self.words))
        made: list[tuple[Ask, dict[str, Any]]] = []
        try:
            for given in row.given:
                asked = Ask(given.service, given.operation, known.filled(given.params), given.after_s)
                answer = self._given(asked, patience)
                if "Error" in answer:
                    return Verdict("differs", [f"{given.operation} before it: {answer['Error']}"])
                known.answers.append(answer)
                made.append((asked, answer))
            asked = Ask(row.ask.service, row.ask.operation, known.filled(row.ask.params), row.ask.after_s)
            lines = self._compared(row, known, asked, made, patience)
        except UnansweredError as found:
            return Verdict("unanswered", [str(found)])
        finally:
            for one, answer in reversed(made):
                self._undo(one, answer)
        return Verdict("differs" if lines else "holds", lines)

    def _given(self, asked: Ask, patience: float) -> dict[str, Any]:
        """The answer to a call before the one that is judged; the recorders waited until instances were up."""
        deadline = time.monotonic() + patience
        while True:
            answer = self.ask(asked)
            early = answer.get("Error", {}).get("Code") == "IncorrectInstanceState"
            if not early or time.monotonic() > deadline:
                return answer
            time.sleep(0.2)

    def _compared(
        self, row: Row, known: Known, asked: Ask, made: list[tuple[Ask, dict[str, Any]]], patience: float
    ) -> list[str]:
        # What reads may be asked again until a group has come to rest; what writes is asked once.
        again = asked.operation.startswith("Describe") and row.given
        deadline = time.monotonic() + (patience if again else 0)
        while True:
            # What a call before has ended may be seen for a moment still.
            known.seen.clear()
            answer = self.ask(asked)
            lines = list(judged(row, known, answer))
            if not lines or time.monotonic() > deadline:
                made.append((asked, answer))
                return lines
            time.sleep(0.2)

    def _undo(self, asked: Ask, answer: dict[str, Any]) -> None:
        if "Error" in answer:
            return
        name = asked.params.get("AutoScalingGroupName")
        undoing = {
            "CreateAutoScalingGroup": ("DeleteAutoScalingGroup", {"AutoScalingGroupName": name, "ForceDelete": True}),
            "CreateLaunchConfiguration": (
                "DeleteLaunchConfiguration",
                {"LaunchConfigurationName": asked.params.get("LaunchConfigurationName")},
            ),
            "CreateLaunchTemplate": (
                "DeleteLaunchTemplate",
                {"LaunchTemplateName": asked.params.get("LaunchTemplateName")},
            ),
            "RunInstances": (
                "TerminateInstances",
                {"InstanceIds": [one["InstanceId"] for one in answer.get("Instances", ())]},
            ),
            "CreateInstanceProfile": (
                "DeleteInstanceProfile",
                {"InstanceProfileName": asked.params.get("InstanceProfileName")},
            ),
            "CreatePolicy": ("DeletePolicy", {"PolicyArn": answer.get("Policy", {}).get("Arn")}),
            "CreateRole": ("DeleteRole", {"RoleName": asked.params.get("RoleName")}),
            "CreateServiceLinkedRole": (
                "DeleteServiceLinkedRole",
                {"RoleName": answer.get("Role", {}).get("RoleName")},
            ),
            "AttachRolePolicy": ("DetachRolePolicy", asked.params),
            "PutRolePermissionsBoundary": (
                "DeleteRolePermissionsBoundary",
                {"RoleName": asked.params.get("RoleName")},
            ),
            "CreateListener": ("DeleteListener", {"ListenerArn": _arn(answer, "Listener")}),
            "CreateTargetGroup": ("DeleteTargetGroup", {"TargetGroupArn": _arn(answer, "TargetGroup")}),
            "CreateLoadBalancer": ("DeleteLoadBalancer", {"LoadBalancerArn": _arn(answer, "LoadBalancer")}),
            "CreateQueue": ("DeleteQueue", {"QueueUrl": answer.get("QueueUrl")}),
            "CreateTopic": ("DeleteTopic", {"TopicArn": answer.get("TopicArn")}),
            "PutMetricAlarm": ("DeleteAlarms", {"AlarmNames": [asked.params.get("AlarmName")]}),
            "PutParameter": ("DeleteParameter", {"Name": asked.params.get("Name")}),
        }
        if asked.operation in undoing:
            operation, params = undoing[asked.operation]
            if asked.operation == "CreateLaunchConfiguration":
                with contextlib.suppress(AssertionError):
                    until("nothing uses it", lambda: "Error" not in self.ask(Ask(asked.service, operation, params)), 5)
            else:
                self.ask(Ask(asked.service, operation, params))

    def look(self, row: Row, params: dict[str, Any]) -> Verdict:
        """Hold a shape row against what an operation lists now."""
        try:
            answer = self.ask(Ask(row.ask.service, row.ask.operation, params))
        except UnansweredError as found:
            return Verdict("unanswered", [str(found)])
        if "Error" in answer:
            return Verdict("differs", [str(answer["Error"])])
        if not objects(answer, row.shape["path"]):
            return Verdict("unplayed", ["there is no such object here"])
        lines = list(unlike(row.shape, answer))
        return Verdict("differs" if lines else "holds", lines)


def judged(row: Row, known: Known, answer: dict[str, Any]) -> Iterator[str]:
    """How an answer differs from a row's."""
    wanted = known.filled(row.answer)
    told = answer.get("Error")
    if wanted.keys() & {"code", "message", "message_has"}:
        if told is None:
            yield f"answered, recorded {wanted.get('code', 'an error')}: {wanted.get('message', '')}"
            return
        yield from _error(known, wanted, answer, told)
        return
    if told is not None:
        yield f"{told['Code']}: {told.get('Message', '')}; recorded an answer"
        return
    members = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    partial = bool(wanted.get("partial")) or row.wide
    yield from differing(known, wanted.get("members", {}), members, partial=partial, ordered=row.ordered)
    for path, count in wanted.get("lengths", {}).items():
        if len(at(members, path)) != count:
            yield f"{path} has {len(at(members, path))}, recorded {count}"
    for path in row.absent:
        with contextlib.suppress(LookupError, TypeError):
            yield f"{path}: {at(members, path)!r}, recorded without"


def _error(known: Known, wanted: dict[str, Any], answer: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    if told["Code"] != wanted.get("code", told["Code"]):
        yield f"code {told['Code']} ({told.get('Message', '')}), recorded {wanted['code']}"
    if "message" in wanted and not known.text(wanted["message"], told.get("Message", "")):
        yield f"message {told.get('Message', '')!r}, recorded {wanted['message']!r}"
    if wanted.get("message_has", "") not in told.get("Message", ""):
        yield f"message {told.get('Message', '')!r}, recorded with {wanted['message_has']!r}"
    if "type" in wanted and "Type" in told and told["Type"] != wanted["type"]:
        yield f"type {told['Type']}, recorded {wanted['type']}"
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    if "status" in wanted and status != wanted["status"]:
        yield f"status {status}, recorded {wanted['status']}"


def _arn(answer: dict[str, Any], noun: str) -> str | None:
    """The ARN of the one thing of load balancing that an answer tells of."""
    found = answer.get(f"{noun}s") or [{}]
    return found[0].get(f"{noun}Arn")
