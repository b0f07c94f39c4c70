"""Queues: made, found, set, tagged, listed and deleted.

Source: Amazon SQS API Reference; conformance/recorded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from backend.domain.queues import Queue
from translators import paging
from translators.errors import AWSError
from translators.registry import Call, Result, operation
from translators.sqs import settings
from translators.sqs.errors import invalid, invalid_value, missing, no_queue

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_PATH_PARTS: Final = 2
_MOST_LISTED: Final = 1000
_MOST_TAG_KEY: Final = 128
_MOST_TAG_VALUE: Final = 256


def url_of(call: Call, name: str) -> str:
    """A queue's address: where this caller has reached us."""
    return f"{call.endpoint}/{call.account_id}/{name}"


def name_of(call: Call) -> str:
    """The name of the queue that a request is for: by its URL, of which only the path is looked at.

    Raises:
        AWSError: it names none of this account.
    """
    url = call.params.get("QueueUrl")
    if not url:
        raise missing("QueueUrl")
    try:
        parts = urlsplit(url).path.strip("/").split("/")
    except ValueError:  # such as a bracket that nothing closes
        parts = []
    if len(parts) == 1 and "/" not in url:
        return parts[0]  # AWS takes a name for a URL, too
    if len(parts) != _PATH_PARTS:
        raise AWSError("InvalidAddress", f"The address {url} is not valid for this endpoint.", 404)
    account, name = parts
    if account != call.account_id:
        raise no_queue()
    return name


def found(call: Call) -> Queue:
    """The queue that a request is for. Raises AWSError, QueueMissing."""
    return call.backend.queues.find(call.scope, name_of(call))


@operation("sqs", "CreateQueue")
def create(call: Call) -> Result:
    name = call.params["QueueName"]
    given = dict(call.params.get("Attributes") or {})
    fifo = given.get("FifoQueue", "").lower() == "true"
    if fifo and not _FIFO_NAME.fullmatch(name):
        raise invalid(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with"
            " .fifo suffix and be 1 to 80 in length."
        )
    if not fifo and not _NAME.fullmatch(name):
        raise invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
    wanted = settings.read(call, given, fifo=fifo, new=True)
    tags = _checked_tags(call.params.get("tags") or {})
    made = call.backend.queues.create(call.scope, name, wanted, tags)
    return {"QueueUrl": url_of(call, made.name)}


@operation("sqs", "GetQueueUrl")
def get_url(call: Call) -> Result:
    if call.params.get("QueueOwnerAWSAccountId", call.account_id) != call.account_id:
        raise no_queue()
    return {"QueueUrl": url_of(call, call.backend.queues.find(call.scope, call.params["QueueName"]).name)}


@operation("sqs", "ListQueues")
def list_queues(call: Call) -> Result:
    prefix = call.params.get("QueueNamePrefix", "")
    names = [each.name for each in call.backend.queues.list(call.scope) if each.name.startswith(prefix)]
    return _page(call, "QueueUrls", names)


@operation("sqs", "ListDeadLetterSourceQueues")
def sources(call: Call) -> Result:
    names = [each.name for each in call.backend.queues.sources(call.scope, name_of(call))]
    return {"queueUrls": [], **_page(call, "queueUrls", names)}


def _page(call: Call, member: str, names: Sequence[str]) -> dict[str, Any]:
    asked = call.params.get("MaxResults")
    if asked is not None and not 1 <= asked <= _MOST_LISTED:
        raise invalid_value(asked, "MaxResults", "MaxResults must be an integer between 1 and 1000.")  # unsourced
    if token := call.params.get("NextToken"):
        after = paging.decode(token, call.operation, paging.binding(call), "sqs")
        names = [name for name in names if name > after]
    size = asked or _MOST_LISTED
    page = {member: [url_of(call, name) for name in names[:size]]} if names else {}
    if asked and len(names) > size:
        return {**page, "NextToken": paging.encode(call.operation, names[size - 1], paging.binding(call))}
    return page


@operation("sqs", "DeleteQueue")
def delete(call: Call) -> Result:
    call.backend.queues.delete(call.scope, name_of(call))
    return {}


@operation("sqs", "PurgeQueue")
def purge(call: Call) -> Result:
    call.backend.queues.purge(call.scope, name_of(call))
    return {}


@operation("sqs", "GetQueueAttributes")
def get_attributes(call: Call) -> Result:
    queue = found(call)
    names = list(call.params.get("AttributeNames") or [])
    told = settings.told(call, queue, names, lambda: call.backend.queues.counts(call.scope, queue))
    return {"Attributes": told} if told else {}


@operation("sqs", "SetQueueAttributes")
def set_attributes(call: Call) -> Result:
    queue = found(call)
    wanted = settings.read(call, call.params["Attributes"], fifo=queue.fifo, new=False)
    call.backend.queues.change(call.scope, queue.name, wanted)
    return {}


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    for key, value in tags.items():
        if not 1 <= len(key) <= _MOST_TAG_KEY or key.lower().startswith("aws:"):
            raise invalid_value(
                key, "TagKey", "Tag keys have 1 to 128 characters and do not begin with aws:."
            )  # unsourced
        if len(value) > _MOST_TAG_VALUE:
            raise invalid_value(value, "TagValue", "Tag values have at most 256 characters.")  # unsourced
    return tags


@operation("sqs", "TagQueue")
def tag(call: Call) -> Result:
    call.backend.queues.retag(call.scope, name_of(call), _checked_tags(call.params["Tags"]))
    return {}


@operation("sqs", "UntagQueue")
def untag(call: Call) -> Result:
    call.backend.queues.retag(call.scope, name_of(call), {}, call.params["TagKeys"])
    return {}


@operation("sqs", "ListQueueTags")
def list_tags(call: Call) -> Result:
    tags = dict(found(call).tags)
    return {"Tags": tags} if tags else {}
