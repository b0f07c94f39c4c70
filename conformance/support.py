"""Which operations a server answers, found by asking it each one of the models; ``python -m conformance.support`` prints the table.

Nothing is read from the product: an operation that is answered with anything but InvalidAction or UnknownOperationException is answered.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.session import Session

from conformance.clients import client
from conformance.product import Access, access_from
from conformance.wire import VERSIONS, Signed

SERVICES = ("autoscaling", "cloudwatch", "ec2", "elb", "elbv2", "events", "iam", "sns", "sqs", "ssm", "sts")
UNANSWERED = {"InvalidAction", "UnknownOperationException"}

LATER: dict[str, tuple[str, ...]] = {}

DECLINED = {operation: reason for reason, operations in LATER.items() for operation in operations}
"""Operations of autoscaling that are not answered, and why."""

ELSEWHERE = {
    "cloudwatch": "anomalies, insights, streams, mute rules and PromQL alarms",
    "ec2": "the companions grow with what Auto Scaling's clients ask for",
    "elb": "policies of other kinds than stickiness are not there",
    "elbv2": "what stands around balancers (trust stores, capacity reservations, resource policies) is not there",
    "events": "rules of the default bus, of events, are there; other buses, schedules, archives and destinations are not",
    "iam": "users, groups and their keys are the cloud's; the rest is kept by nobody yet",
    "sns": "topics of text messages, of mobile devices and of data protection are not there",
    "sqs": "moving messages back from queues of dead letters is left to their receivers",
    "ssm": "parameters alone are kept here",
    "sts": "identities are the cloud's",
}


@dataclass(frozen=True, slots=True)
class Support:
    """What a server answers: operations by service, and those of the models that it does not."""

    answered: dict[str, set[str]]
    missing: dict[str, set[str]]


def probe(access: Access) -> Support:
    """Ask for every operation of SERVICES once, with no parameters (dry where EC2 offers that)."""
    answered: dict[str, set[str]] = {}
    missing: dict[str, set[str]] = {}
    loader = Session()
    for service in SERVICES:
        for operation in loader.get_service_model(service).operation_names:
            known = _answers(access, service, operation)
            (answered if known else missing).setdefault(service, set()).add(operation)
    return Support(answered, missing)


def _answers(access: Access, service: str, operation: str) -> bool:
    if service not in VERSIONS:
        return _answers_json(access, service, operation)
    dry = {"DryRun": "true"} if service == "ec2" else {}
    answer = Signed(access, service, {"Action": operation, **dry}).send()
    return answer.status == 200 or answer.error()[0] not in UNANSWERED


def _answers_json(access: Access, service: str, operation: str) -> bool:
    """The same of a service that has no form of names and values."""
    try:
        getattr(_asker(access, service), xform_name(operation))()
    except ClientError as error:
        return error.response["Error"]["Code"] not in UNANSWERED
    return True


@functools.cache
def _asker(access: Access, service: str) -> Any:
    """One client for all operations: each that is made reads the whole model."""
    return client(access, service, strict=False, recorded=False)


def summary(support: Support) -> str:
    """How much of each service is answered, and what is not, in Markdown."""
    lines = ["| service | operations | what is not there |", "|---|---|---|"]
    for service in SERVICES:
        answered, missing = support.answered.get(service, set()), support.missing.get(service, set())
        told = ", ".join(f"`{name}`" for name in sorted(missing)) if service == "autoscaling" else ELSEWHERE[service]
        number = f"{len(answered)} of {len(answered) + len(missing)}"
        lines.append(f"| {service} | {number} | {told if missing else ''} |")
    return "\n".join(lines)


def table(support: Support) -> str:
    """Every operation by name in Markdown."""
    lines: list[str] = []
    for service in SERVICES:
        answered, missing = support.answered.get(service, set()), support.missing.get(service, set())
        lines += [f"### {service}: {len(answered)} of {len(answered) + len(missing)} operations", ""]
        lines += [", ".join(f"`{name}`" for name in sorted(answered)) + ".", ""]
        reasons: dict[str, list[str]] = {}
        for name in sorted(missing):
            reasons.setdefault(DECLINED.get(name, "") if service == "autoscaling" else ELSEWHERE[service], []).append(
                name
            )
        if reasons:
            lines += ["| not answered | reason |", "|---|---|"]
        for reason, names in sorted(reasons.items()):
            told = ", ".join(f"`{name}`" for name in names) if service == "autoscaling" else f"the other {len(names)}"
            lines.append(f"| {told} | {reason} |")
        lines += [""] if reasons else []
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(table(probe(access_from(os.environ))), end="")
