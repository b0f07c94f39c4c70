"""Identities (roles, policies, instance profiles, providers, certificates) and parameters."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TABLE: dict[str, Any] = {
    f"{dialect}_{key}": value
    for dialect in ("mysql", "mariadb")
    for key, value in (("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"), ("engine", "InnoDB"))
}
_DOCUMENT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    _roles()
    _policies()
    _others()
    _parameters()


def _roles() -> None:
    op.create_table(
        "iam_roles",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("folded", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("trust", _DOCUMENT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=True),
        sa.Column("session_seconds", sa.Integer(), nullable=False),
        sa.Column("boundary", sa.String(length=2048), nullable=True),
        sa.Column("service", sa.String(length=128), nullable=True),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_roles")),
        sa.UniqueConstraint("project_id", "region", "folded", name=op.f("uq_iam_roles_project_id_region_folded")),
        **_TABLE,
    )
    op.create_table(
        "iam_inline_policies",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("role_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("document", _DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["iam_roles.id"], name=op.f("fk_iam_inline_policies_role_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_inline_policies")),
        sa.UniqueConstraint("role_id", "name", name=op.f("uq_iam_inline_policies_role_id_name")),
        **_TABLE,
    )
    op.create_table(
        "iam_attachments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("role_id", sa.String(length=36), nullable=False),
        sa.Column("policy_id", sa.String(length=36), nullable=False),
        sa.Column("policy_arn", sa.String(length=2048), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["iam_roles.id"], name=op.f("fk_iam_attachments_role_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_attachments")),
        sa.UniqueConstraint("role_id", "policy_id", name=op.f("uq_iam_attachments_role_id_policy_id")),
        **_TABLE,
    )
    op.create_index(
        op.f("ix_iam_attachments_project_id_policy_id"), "iam_attachments", ["project_id", "policy_id"], unique=False
    )


def _policies() -> None:
    op.create_table(
        "iam_policies",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("folded", sa.String(length=128), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("default_version", sa.Integer(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=True),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_policies")),
        sa.UniqueConstraint("project_id", "region", "folded", name=op.f("uq_iam_policies_project_id_region_folded")),
        **_TABLE,
    )
    op.create_table(
        "iam_policy_versions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("policy_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", _DOCUMENT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["iam_policies.id"], name=op.f("fk_iam_policy_versions_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_policy_versions")),
        sa.UniqueConstraint("policy_id", "number", name=op.f("uq_iam_policy_versions_policy_id_number")),
        **_TABLE,
    )


def _others() -> None:
    op.create_table(
        "iam_instance_profiles",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("folded", sa.String(length=128), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("role_id", sa.String(length=36), nullable=True),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["iam_roles.id"], name=op.f("fk_iam_instance_profiles_role_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_instance_profiles")),
        sa.UniqueConstraint(
            "project_id", "region", "folded", name=op.f("uq_iam_instance_profiles_project_id_region_folded")
        ),
        **_TABLE,
    )
    op.create_index(op.f("ix_iam_instance_profiles_role_id"), "iam_instance_profiles", ["role_id"], unique=False)
    op.create_table(
        "iam_oidc_providers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=255), nullable=False),
        sa.Column("client_ids", _DOCUMENT, nullable=False),
        sa.Column("thumbprints", _DOCUMENT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_oidc_providers")),
        sa.UniqueConstraint("project_id", "region", "url", name=op.f("uq_iam_oidc_providers_project_id_region_url")),
        **_TABLE,
    )
    op.create_table(
        "iam_server_certificates",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("folded", sa.String(length=128), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("body", _DOCUMENT, nullable=False),
        sa.Column("chain", _DOCUMENT, nullable=True),
        sa.Column("uploaded_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", _DOCUMENT, nullable=False),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_iam_server_certificates")),
        sa.UniqueConstraint(
            "project_id", "region", "folded", name=op.f("uq_iam_server_certificates_project_id_region_folded")
        ),
        **_TABLE,
    )


def _parameters() -> None:
    op.create_table(
        "ssm_parameters",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("parameter", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=2048), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("latest", sa.Boolean(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("value", _DOCUMENT, nullable=False),
        sa.Column("data_type", sa.String(length=128), nullable=False),
        sa.Column("tier", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=2048), nullable=False),
        sa.Column("description", sa.String(length=1024), nullable=True),
        sa.Column("key_id", sa.String(length=255), nullable=True),
        sa.Column("allowed_pattern", sa.String(length=1024), nullable=True),
        sa.Column("labels", _DOCUMENT, nullable=False),
        sa.Column("tags", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ssm_parameters")),
        sa.UniqueConstraint(
            "project_id",
            "region",
            "parameter",
            "number",
            name=op.f("uq_ssm_parameters_project_id_region_parameter_number"),
        ),
        **_TABLE,
    )


def downgrade() -> None:
    for name in (
        "ssm_parameters",
        "iam_server_certificates",
        "iam_oidc_providers",
        "iam_instance_profiles",
        "iam_policy_versions",
        "iam_policies",
        "iam_attachments",
        "iam_inline_policies",
        "iam_roles",
    ):
        op.drop_table(name)
