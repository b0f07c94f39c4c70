"""Permissions on a queue: statements of its policy, which is kept and shown and asked by nobody.

Source: conformance/recorded; Amazon SQS API Reference, AddPermission.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from backend.domain.queues import Queue
from translators import arns
from translators.errors import AWSError
from translators.registry import Call, Result, operation
from translators.sqs.errors import invalid_value
from translators.sqs.queues import found
from translators.statements import allowing, statements

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


# Source: Amazon SQS Developer Guide, "Special Information for SQS Policies"; API Reference, AddPermission.
_MOST_BYTES: Final = 8192
_MOST_STATEMENTS: Final = 20
_MOST_ACTIONS: Final = 7


def _over(count: int, what: str, most: int) -> AWSError:
    return AWSError("OverLimit", f"{count} {what} were found, maximum allowed is {most}.", 403)  # unsourced


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
    if len(actions) > _MOST_ACTIONS:
        raise _over(len(actions), "Actions", _MOST_ACTIONS)
    statement = allowing(label, accounts, [f"SQS:{action}" for action in actions], arn)

    def made(present: Queue) -> dict[str, Any]:
        policy = present.policy or {"Version": "2008-10-17", "Id": f"{arn}/{_DEFAULT_ID}"}
        before = statements(policy)
        if any(each.get("Sid") == label for each in before):
            raise invalid_value(label, "Label", "Already exists.")
        changed = {**policy, "Statement": [*before, statement]}
        if len(before) >= _MOST_STATEMENTS:
            raise _over(len(before) + 1, "Statements", _MOST_STATEMENTS)
        if (size := len(json.dumps(changed))) > _MOST_BYTES:
            raise _over(size, "bytes of policy", _MOST_BYTES)
        return changed

    call.backend.queues.set_policy(call.scope, queue.name, made)
    return {}


@operation("sqs", "RemovePermission")
def remove(call: Call) -> Result:
    queue = found(call)
    label = call.params["Label"]

    def made(present: Queue) -> dict[str, Any] | None:
        policy = present.policy or {}
        before = statements(policy)
        left = [each for each in before if each.get("Sid") != label]
        if len(left) == len(before):
            raise invalid_value(label, "Label", "can't find label.")
        # A policy that says nothing is none.
        return {**policy, "Statement": left} if left else None

    call.backend.queues.set_policy(call.scope, queue.name, made)
    return {}
