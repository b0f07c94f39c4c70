"""Tables of queues and topics: what lies in queues, who hears a topic, and what either has had lately."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String
from sqlalchemy import UniqueConstraint as Unique

from backend.store.table import ID, WORD, record, table
from backend.store.types import Document, Instant

_QUEUE_NAME = String(80)
_TOKEN = String(128)
_ARN = String(2048)

queues = record(
    "queues",
    Column("name", _QUEUE_NAME, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("visibility_seconds", Integer, nullable=False),
    Column("delay_seconds", Integer, nullable=False),
    Column("retention_seconds", Integer, nullable=False),
    Column("most_bytes", Integer, nullable=False),
    Column("wait_seconds", Integer, nullable=False),
    Column("content_deduplication", Boolean, nullable=False),
    Column("group_deduplication", Boolean, nullable=False),
    Column("group_limit", Boolean, nullable=False),
    Column("dead_letters", _QUEUE_NAME),
    Column("most_receives", Integer),
    Column("redrive_allow", Document),
    Column("policy", Document),
    Column("kms_key", _ARN),
    Column("kms_reuse_seconds", Integer),
    Column("managed_encryption", Boolean, nullable=False),
    Column("tags", Document, nullable=False),
    Column("purged_at", Instant),
    Column("last_number", BigInteger, nullable=False),
    Unique("project_id", "region", "name"),
    Index(None, "project_id", "region", "dead_letters"),
)

# No foreign key: messages of a queue that is gone are taken away after it, a bounded part at a time.
messages = record(
    "queue_messages",
    Column("queue_id", ID, nullable=False),
    # The order in which they were sent; of a FIFO queue's each is greater than all before it.
    Column("number", BigInteger, nullable=False),
    Column("visible_at", Instant, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", Document, nullable=False),
    Column("attributes", Document, nullable=False),
    Column("trace", Document),
    Column("sender", _TOKEN, nullable=False),
    Column("group_name", _TOKEN),
    Column("deduplication", _TOKEN),
    Column("receives", Integer, nullable=False),
    Column("first_received_at", Instant),
    # Of the last receipt.
    Column("nonce", ID),
    Column("source", _QUEUE_NAME),
    # Received for the last time: when it is a dead letter, unless it is deleted before, and in which queue.
    Column("dead_queue_id", ID),
    Column("dead_at", Instant),
    Index(None, "queue_id", "visible_at", "number"),
    Index(None, "queue_id", "number"),
    Index(None, "dead_queue_id", "dead_at"),
    Index(None, "expires_at"),
    # What a project has in all is counted in this index alone.
    Index(None, "project_id", "size"),
)

deduplications = table(
    "deduplications",
    # The queue or the topic.
    Column("owner_id", ID, nullable=False),
    # Stands for the id and, where ids are a group's own, the group.
    Column("key", WORD, nullable=False),
    Column("message_id", ID, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
    PrimaryKeyConstraint("owner_id", "key"),
    Index(None, "expires_at"),
)

topics = record(
    "topics",
    Column("name", String(256), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("display_name", Document, nullable=False),
    Column("policy", Document),
    Column("delivery_policy", Document),
    Column("content_deduplication", Boolean, nullable=False),
    # What else was set, by its name: kept and shown.
    Column("further", Document, nullable=False),
    Column("tags", Document, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    Unique("project_id", "region", "name"),
)


def _subscription() -> tuple[Column[Any], ...]:
    """What is kept of one."""
    return (
        Column("topic_id", ID, ForeignKey("topics.id"), nullable=False),
        Column("protocol", WORD, nullable=False),
        Column("endpoint", _ARN, nullable=False),
        # Stands for the endpoint, which is too long for an index of MariaDB.
        Column("endpoint_key", ID, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("principal", _ARN, nullable=False),
        Column("confirmed_at", Instant),
        Column("authenticated", Boolean, nullable=False),
        Column("token", WORD, nullable=False),
        Column("raw", Boolean, nullable=False),
        Column("filter", Document),
        Column("filter_scope", WORD, nullable=False),
        Column("dead_letters", _QUEUE_NAME),
        Column("delivery_policy", Document),
    )


subscriptions = record(
    "subscriptions",
    *_subscription(),
    Unique("topic_id", "protocol", "endpoint_key"),
    Index(None, "project_id", "region"),
)

# Those that were ended by a link, until nobody may take that back any more.
ended_subscriptions = record(
    "ended_subscriptions",
    *_subscription(),
    Column("expires_at", Instant, nullable=False),
    Index(None, "project_id", "region"),
    Index(None, "topic_id"),
    Index(None, "expires_at"),
)
