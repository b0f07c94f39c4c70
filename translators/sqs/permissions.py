"""Permissions on a queue: statements of its policy, which is kept and shown and asked by nobody.

Source: conformance/recorded; Amazon SQS API Reference, AddPermission.
"""

from __future__ import annotations

import re
from typing import Any, Final

from translators import arns
from translators.registry import Call, Result, operation
from translators.sqs.errors import invalid_value
from translators.sqs.queues import found

_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_ACTIONS: Final = frozenset(
    {
        "*",
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "ChangeMessageVisibility",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ListDeadLetterSourceQueues",
        "PurgeQueue",
    }
)
_DEFAULT_ID: Final = "__default_policy_ID"


def _one_or_all(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


@operation("sqs", "AddPermission")
def add(call: Call) -> Result:
    queue = found(call)
    label = call.params["Label"]
    if not _LABEL.fullmatch(label):
        raise invalid_value(
            label, "Label", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )  # unsourced
    accounts, actions = call.params["AWSAccountIds"], call.params["Actions"]
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise invalid_value(f"[{account}]", "PrincipalId", "Unable to verify.")
    for action in actions:
        if action not in _ACTIONS:
            raise invalid_value(f"SQS:{action}", "ActionName", "Only the queue owner is allowed to invoke this action.")
    arn = arns.queue(call.region, call.account_id, queue.name)
    policy = dict(queue.policy or {"Version": "2008-10-17", "Id": f"{arn}/{_DEFAULT_ID}", "Statement": []})
    statements = _statements(policy)
    if any(each.get("Sid") == label for each in statements):
        raise invalid_value(label, "Label", "Already exists.")
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": _one_or_all([f"arn:aws:iam::{account}:root" for account in accounts])},
        "Action": _one_or_all([f"SQS:{action}" for action in actions]),
        "Resource": arn,
    }
    call.backend.queues.set_policy(call.scope, queue.name, {**policy, "Statement": [*statements, statement]})
    return {}


@operation("sqs", "RemovePermission")
def remove(call: Call) -> Result:
    queue = found(call)
    label = call.params["Label"]
    policy = dict(queue.policy or {})
    statements = _statements(policy)
    left = [each for each in statements if each.get("Sid") != label]
    if len(left) == len(statements):
        raise invalid_value(label, "Label", "can't find label.")
    # A policy that says nothing is none.
    call.backend.queues.set_policy(call.scope, queue.name, {**policy, "Statement": left} if left else None)
    return {}


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    given = policy.get("Statement", [])
    return [each for each in (given if isinstance(given, list) else [given]) if isinstance(each, dict)]
