"""Which operations a server answers, found by asking it each one of the models; ``python -m conformance.support`` prints the table.

Nothing is read from the product: an operation that is answered with anything but InvalidAction is answered.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from conformance.clients import client
from conformance.product import Access, access_from

SERVICES = ("autoscaling", "ec2", "iam", "sts")

LATER = {
    "later: load balancers and other traffic sources": (
        "AttachLoadBalancerTargetGroups",
        "AttachLoadBalancers",
        "AttachTrafficSources",
        "DetachLoadBalancerTargetGroups",
        "DetachLoadBalancers",
        "DetachTrafficSources",
    ),
    "later: scheduled actions": (
        "BatchDeleteScheduledAction",
        "BatchPutScheduledUpdateGroupAction",
        "DeleteScheduledAction",
        "PutScheduledUpdateGroupAction",
    ),
    "later: instance refresh": ("CancelInstanceRefresh", "RollbackInstanceRefresh", "StartInstanceRefresh"),
    "later: lifecycle hooks": (
        "CompleteLifecycleAction",
        "DeleteLifecycleHook",
        "PutLifecycleHook",
        "RecordLifecycleActionHeartbeat",
    ),
    "later: notifications": ("DeleteNotificationConfiguration", "PutNotificationConfiguration"),
    "later: scaling policies": ("DeletePolicy", "ExecutePolicy", "PutScalingPolicy"),
    "later: predictive scaling": ("GetPredictiveScalingForecast",),
    "later: warm pools": ("PutWarmPool",),
    "later: synchronous launches": ("LaunchInstances",),
    "later: account settings": ("DescribeAccountSettings", "PutAccountSetting"),
}

DECLINED = {operation: reason for reason, operations in LATER.items() for operation in operations}
"""Operations of autoscaling that are not answered, and why."""

ELSEWHERE = {
    "ec2": "not applicable: no client of Auto Scaling asks for it on the embedded cloud",
    "iam": "not applicable: identities are the cloud's",
    "sts": "not applicable: identities are the cloud's",
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
    for service in SERVICES:
        asked = client(access, service, strict=False, recorded=False)
        model = asked.meta.service_model
        for operation in model.operation_names:
            known = _answers(asked, model, operation)
            (answered if known else missing).setdefault(service, set()).add(operation)
    return Support(answered, missing)


def _answers(asked: Any, model: Any, operation: str) -> bool:
    shape = model.operation_model(operation).input_shape
    params = {"DryRun": True} if shape is not None and "DryRun" in shape.members else {}
    method = next(name for name, wire in asked.meta.method_to_api_mapping.items() if wire == operation)
    try:
        getattr(asked, method)(**params)
    except ClientError as error:
        return bool(error.response["Error"]["Code"] != "InvalidAction")
    return True


def table(support: Support) -> str:
    """The support table in Markdown."""
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
            lines += ["| not answered (`InvalidAction`) | reason |", "|---|---|"]
        for reason, names in sorted(reasons.items()):
            told = ", ".join(f"`{name}`" for name in names) if service == "autoscaling" else f"the other {len(names)}"
            lines.append(f"| {told} | {reason} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(table(probe(access_from(os.environ))), end="")
