"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Said here and not imported: a revision stays what it was when the tables go on.
_INSTANT = sa.BigInteger()
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}


def upgrade() -> None:
    op.create_table(
        "activities",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("cluster_name", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("causes", _DOCUMENT, nullable=False),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.Column("node_id", sa.String(length=36), nullable=True),
        sa.Column("server_id", sa.String(length=36), nullable=True),
        sa.Column("reason", _DOCUMENT, nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("subnet_id", sa.String(length=36), nullable=True),
        sa.Column("cluster_deleted", sa.Boolean(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
        **_TABLE,
    )
    op.create_index("ix_activities_cluster", "activities", ["cluster_id", "ended", "started_at", "id"], unique=False)
    op.create_index("ix_activities_ended_at", "activities", ["ended_at"], unique=False)
    op.create_index(
        "ix_activities_scope", "activities", ["project_id", "region", "ended", "started_at", "id"], unique=False
    )
    op.create_table(
        "client_tokens",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("operation", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=128), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("result", _DOCUMENT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "region", "operation", "token", name=op.f("pk_client_tokens")),
        **_TABLE,
    )
    op.create_table(
        "clusters",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=64), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("maximum", sa.Integer(), nullable=False),
        sa.Column("desired", sa.Integer(), nullable=False),
        sa.Column("source_configuration", sa.String(length=255), nullable=True),
        sa.Column("source_template_id", sa.String(length=36), nullable=True),
        sa.Column("source_template_name", sa.String(length=255), nullable=True),
        sa.Column("source_template_version", sa.String(length=64), nullable=True),
        sa.Column("zones", _DOCUMENT, nullable=False),
        sa.Column("subnets", _DOCUMENT, nullable=False),
        sa.Column("cooldown_seconds", sa.Integer(), nullable=False),
        sa.Column("health_checks", _DOCUMENT, nullable=False),
        sa.Column("health_grace_seconds", sa.Integer(), nullable=False),
        sa.Column("termination_rules", _DOCUMENT, nullable=False),
        sa.Column("protect_new", sa.Boolean(), nullable=False),
        sa.Column("maximum_lifetime_seconds", sa.Integer(), nullable=True),
        sa.Column("warmup_seconds", sa.Integer(), nullable=True),
        sa.Column("maintenance_minimum_percent", sa.Integer(), nullable=True),
        sa.Column("maintenance_maximum_percent", sa.Integer(), nullable=True),
        sa.Column("capacity_rebalance", sa.Boolean(), nullable=True),
        sa.Column("deletion_protection", sa.String(length=64), nullable=False),
        sa.Column("zone_distribution", sa.String(length=64), nullable=False),
        sa.Column("ignore_impaired_zones", sa.Boolean(), nullable=True),
        sa.Column("capacity_type", sa.String(length=64), nullable=True),
        sa.Column("reservation_preference", sa.String(length=64), nullable=True),
        sa.Column("service_role", sa.String(length=1600), nullable=True),
        sa.Column("context", _DOCUMENT, nullable=True),
        sa.Column("suspended", _DOCUMENT, nullable=False),
        sa.Column("metrics", _DOCUMENT, nullable=False),
        sa.Column("causes", _DOCUMENT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("cooldown_until", _INSTANT, nullable=True),
        sa.Column("force_delete", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", _INSTANT, nullable=True),
        sa.Column("due_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusters")),
        sa.UniqueConstraint("project_id", "region", "name", name=op.f("uq_clusters_project_id_region_name")),
        **_TABLE,
    )
    op.create_index(op.f("ix_clusters_due_at"), "clusters", ["due_at"], unique=False)
    op.create_index(
        op.f("ix_clusters_project_id_region_source_configuration"),
        "clusters",
        ["project_id", "region", "source_configuration"],
        unique=False,
    )
    op.create_table(
        "launch_configurations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("spec", _DOCUMENT, nullable=False),
        sa.Column("document", _DOCUMENT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_launch_configurations")),
        sa.UniqueConstraint(
            "project_id", "region", "name", name=op.f("uq_launch_configurations_project_id_region_name")
        ),
        **_TABLE,
    )
    op.create_table(
        "orphans",
        sa.Column("server_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("first_seen_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("server_id", name=op.f("pk_orphans")),
        **_TABLE,
    )
    op.create_table(
        "resource_tags",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("resource_id", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "region", "resource_id", "key", name=op.f("pk_resource_tags")),
        **_TABLE,
    )
    op.create_table(
        "templates",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("default_version", sa.Integer(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("project_id", "region", "name", name=op.f("uq_templates_project_id_region_name")),
        **_TABLE,
    )
    op.create_table(
        "watches",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=True),
        sa.Column("seen_until", _INSTANT, nullable=True),
        sa.Column("full_due_at", _INSTANT, nullable=True),
        sa.Column("held_until", _INSTANT, nullable=True),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", _INSTANT, nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "region", name=op.f("pk_watches")),
        **_TABLE,
    )
    op.create_index(op.f("ix_watches_due_at"), "watches", ["due_at"], unique=False)
    op.create_table(
        "backoffs",
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("profile_key", sa.String(length=300), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("first_failed_at", _INSTANT, nullable=False),
        sa.Column("retry_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_backoffs_cluster_id")),
        sa.PrimaryKeyConstraint("cluster_id", "zone", "profile_key", name=op.f("pk_backoffs")),
        **_TABLE,
    )
    op.create_table(
        "cluster_tags",
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.Column("propagate", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_cluster_tags_cluster_id")),
        sa.PrimaryKeyConstraint("cluster_id", "key", name=op.f("pk_cluster_tags")),
        **_TABLE,
    )
    op.create_table(
        "nodes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("cluster_id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("launch_id", sa.String(length=36), nullable=False),
        sa.Column("server_id", sa.String(length=36), nullable=True),
        sa.Column("server_short_id", sa.String(length=17), nullable=True),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("subnet_id", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("state_at", _INSTANT, nullable=False),
        sa.Column("health", sa.String(length=64), nullable=False),
        sa.Column("health_cause", sa.String(length=64), nullable=True),
        sa.Column("health_due_at", _INSTANT, nullable=True),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("profile_configuration", sa.String(length=255), nullable=True),
        sa.Column("profile_template_id", sa.String(length=36), nullable=True),
        sa.Column("profile_template_name", sa.String(length=255), nullable=True),
        sa.Column("profile_template_version", sa.Integer(), nullable=True),
        sa.Column("instance_type", sa.String(length=64), nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("server_status", sa.String(length=64), nullable=True),
        sa.Column("server_status_at", _INSTANT, nullable=True),
        sa.Column("in_service_at", _INSTANT, nullable=True),
        sa.Column("delete_requested_at", _INSTANT, nullable=True),
        sa.Column("replaces", sa.String(length=36), nullable=True),
        sa.Column("attached", sa.Boolean(), nullable=False),
        sa.Column("activity_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_nodes_cluster_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
        sa.UniqueConstraint("server_id", name=op.f("uq_nodes_server_id")),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_nodes_cluster_id_created_at_id"), "nodes", ["cluster_id", "created_at", "id"], unique=False
    )
    op.create_index(op.f("ix_nodes_launch_id"), "nodes", ["launch_id"], unique=False)
    op.create_index(
        op.f("ix_nodes_project_id_region_server_short_id"),
        "nodes",
        ["project_id", "region", "server_short_id"],
        unique=False,
    )
    op.create_index("ix_nodes_state", "nodes", ["project_id", "region", "state"], unique=False)
    op.create_table(
        "template_versions",
        sa.Column("template_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("spec", _DOCUMENT, nullable=False),
        sa.Column("document", _DOCUMENT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["template_id"], ["templates.id"], name=op.f("fk_template_versions_template_id")),
        sa.PrimaryKeyConstraint("template_id", "version", name=op.f("pk_template_versions")),
        **_TABLE,
    )


def downgrade() -> None:
    op.drop_table("template_versions")
    op.drop_table("nodes")
    op.drop_table("cluster_tags")
    op.drop_table("backoffs")
    op.drop_table("watches")
    op.drop_table("templates")
    op.drop_table("resource_tags")
    op.drop_table("orphans")
    op.drop_table("launch_configurations")
    op.drop_table("clusters")
    op.drop_table("client_tokens")
    op.drop_table("activities")
