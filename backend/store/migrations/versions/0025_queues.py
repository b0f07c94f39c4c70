"""Queues and topics, and the messages of both."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    _queues()
    _queue_messages()
    _deduplications()
    _topics()
    _subscriptions()


def _queues() -> None:
    op.create_table(
        "queues",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("visibility_seconds", sa.Integer(), nullable=False),
        sa.Column("delay_seconds", sa.Integer(), nullable=False),
        sa.Column("retention_seconds", sa.Integer(), nullable=False),
        sa.Column("most_bytes", sa.Integer(), nullable=False),
        sa.Column("wait_seconds", sa.Integer(), nullable=False),
        sa.Column("content_deduplication", sa.Boolean(), nullable=False),
        sa.Column("group_deduplication", sa.Boolean(), nullable=False),
        sa.Column("group_limit", sa.Boolean(), nullable=False),
        sa.Column("dead_letters", sa.String(length=80), nullable=True),
        sa.Column("most_receives", sa.Integer(), nullable=True),
        sa.Column("redrive_allow", _DOCUMENT, nullable=True),
        sa.Column("policy", _DOCUMENT, nullable=True),
        sa.Column("kms_key", sa.String(length=2048), nullable=True),
        sa.Column("kms_reuse_seconds", sa.Integer(), nullable=True),
        sa.Column("managed_encryption", sa.Boolean(), nullable=False),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.Column("purged_at", sa.BigInteger(), nullable=True),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queues")),
        sa.UniqueConstraint("project_id", "region", "name", name=op.f("uq_queues_project_id_region_name")),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_queues_project_id_region_dead_letters"),
        "queues",
        ["project_id", "region", "dead_letters"],
        unique=False,
    )


def _queue_messages() -> None:
    op.create_table(
        "queue_messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("queue_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("visible_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", _DOCUMENT, nullable=False),
        sa.Column("attributes", _DOCUMENT, nullable=False),
        sa.Column("trace", _DOCUMENT, nullable=True),
        sa.Column("sender", sa.String(length=128), nullable=False),
        sa.Column("group_name", sa.String(length=128), nullable=True),
        sa.Column("deduplication", sa.String(length=128), nullable=True),
        sa.Column("receives", sa.Integer(), nullable=False),
        sa.Column("first_received_at", sa.BigInteger(), nullable=True),
        sa.Column("nonce", sa.String(length=36), nullable=True),
        sa.Column("source", sa.String(length=80), nullable=True),
        sa.Column("dead_queue_id", sa.String(length=36), nullable=True),
        sa.Column("dead_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_messages")),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_queue_messages_dead_queue_id_dead_at"), "queue_messages", ["dead_queue_id", "dead_at"], unique=False
    )
    op.create_index(op.f("ix_queue_messages_expires_at"), "queue_messages", ["expires_at"], unique=False)
    op.create_index(op.f("ix_queue_messages_project_id_size"), "queue_messages", ["project_id", "size"], unique=False)
    op.create_index(op.f("ix_queue_messages_queue_id_number"), "queue_messages", ["queue_id", "number"], unique=False)
    op.create_index(
        op.f("ix_queue_messages_queue_id_visible_at_number"),
        "queue_messages",
        ["queue_id", "visible_at", "number"],
        unique=False,
    )


def _deduplications() -> None:
    op.create_table(
        "deduplications",
        sa.Column("owner_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_deduplications")),
        **_TABLE,
    )
    op.create_index(op.f("ix_deduplications_expires_at"), "deduplications", ["expires_at"], unique=False)


def _topics() -> None:
    op.create_table(
        "topics",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("display_name", _DOCUMENT, nullable=False),
        sa.Column("policy", _DOCUMENT, nullable=True),
        sa.Column("delivery_policy", _DOCUMENT, nullable=True),
        sa.Column("content_deduplication", sa.Boolean(), nullable=False),
        sa.Column("further", _DOCUMENT, nullable=False),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint("project_id", "region", "name", name=op.f("uq_topics_project_id_region_name")),
        **_TABLE,
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("topic_id", sa.String(length=36), nullable=False),
        sa.Column("protocol", sa.String(length=64), nullable=False),
        sa.Column("endpoint", sa.String(length=2048), nullable=False),
        sa.Column("endpoint_key", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.String(length=2048), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("authenticated", sa.Boolean(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("raw", sa.Boolean(), nullable=False),
        sa.Column("filter", _DOCUMENT, nullable=True),
        sa.Column("filter_scope", sa.String(length=64), nullable=False),
        sa.Column("dead_letters", sa.String(length=80), nullable=True),
        sa.Column("delivery_policy", _DOCUMENT, nullable=True),
        sa.ForeignKeyConstraint(["topic_id"], ["topics.id"], name=op.f("fk_subscriptions_topic_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint(
            "topic_id", "protocol", "endpoint_key", name=op.f("uq_subscriptions_topic_id_protocol_endpoint_key")
        ),
        **_TABLE,
    )
    op.create_index(op.f("ix_subscriptions_project_id_region"), "subscriptions", ["project_id", "region"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_subscriptions_project_id_region"), table_name="subscriptions")
    op.drop_table("subscriptions")
    op.drop_table("topics")
    op.drop_index(op.f("ix_queues_project_id_region_dead_letters"), table_name="queues")
    op.drop_table("queues")
    op.drop_index(op.f("ix_queue_messages_queue_id_visible_at_number"), table_name="queue_messages")
    op.drop_index(op.f("ix_queue_messages_queue_id_number"), table_name="queue_messages")
    op.drop_index(op.f("ix_queue_messages_project_id_size"), table_name="queue_messages")
    op.drop_index(op.f("ix_queue_messages_expires_at"), table_name="queue_messages")
    op.drop_index(op.f("ix_queue_messages_dead_queue_id_dead_at"), table_name="queue_messages")
    op.drop_table("queue_messages")
    op.drop_index(op.f("ix_deduplications_expires_at"), table_name="deduplications")
    op.drop_table("deduplications")
