"""Tables of identities: roles, instance profiles and policies, and of parameters."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, UniqueConstraint

from backend.store.table import ID, NAME, WORD, record
from backend.store.types import Document, Instant, Words

PATH = String(512)
ARN = String(2048)
WORDS = String(1024)

roles = record(
    "iam_roles",
    Column("name", WORD, nullable=False),
    # Names are told apart without their case.
    Column("folded", WORD, nullable=False),
    Column("path", PATH, nullable=False),
    Column("trust", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("description", WORDS),
    Column("session_seconds", Integer, nullable=False),
    Column("boundary", ARN),
    Column("service", String(128)),
    Column("tags", Document, nullable=False),
    UniqueConstraint("project_id", "region", "folded"),
)

inline_policies = record(
    "iam_inline_policies",
    Column("role_id", ID, ForeignKey("iam_roles.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("document", Document, nullable=False),
    UniqueConstraint("role_id", "name"),
)

attachments = record(
    "iam_attachments",
    Column("role_id", ID, ForeignKey("iam_roles.id"), nullable=False),
    Column("policy_id", ID, nullable=False),
    Column("policy_arn", ARN, nullable=False),
    UniqueConstraint("role_id", "policy_id"),
    Index(None, "project_id", "policy_id"),
)

policies = record(
    "iam_policies",
    Column("name", String(128), nullable=False),
    Column("folded", String(128), nullable=False),
    Column("path", PATH, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("description", WORDS),
    Column("tags", Document, nullable=False),
    UniqueConstraint("project_id", "region", "folded"),
)

policy_versions = record(
    "iam_policy_versions",
    Column("policy_id", ID, ForeignKey("iam_policies.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("document", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("policy_id", "number"),
)

instance_profiles = record(
    "iam_instance_profiles",
    Column("name", String(128), nullable=False),
    Column("folded", String(128), nullable=False),
    Column("path", PATH, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("role_id", ID, ForeignKey("iam_roles.id")),
    Column("tags", Document, nullable=False),
    UniqueConstraint("project_id", "region", "folded"),
    Index(None, "role_id"),
)

oidc_providers = record(
    "iam_oidc_providers",
    Column("url", NAME, nullable=False),
    Column("client_ids", Words, nullable=False),
    Column("thumbprints", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("tags", Document, nullable=False),
    UniqueConstraint("project_id", "region", "url"),
)

server_certificates = record(
    "iam_server_certificates",
    Column("name", String(128), nullable=False),
    Column("folded", String(128), nullable=False),
    Column("path", PATH, nullable=False),
    Column("body", Document, nullable=False),
    Column("chain", Document),
    Column("uploaded_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("sealed", Document, nullable=False),
    Column("tags", Document, nullable=False),
    UniqueConstraint("project_id", "region", "folded"),
)

# One row a version of a parameter. A name is too long for an index of MariaDB: ``parameter`` stands for it.
parameters = record(
    "ssm_parameters",
    Column("parameter", ID, nullable=False),
    Column("name", ARN, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("latest", Boolean, nullable=False),
    Column("type", WORD, nullable=False),
    Column("value", Document, nullable=False),
    Column("data_type", String(128), nullable=False),
    Column("tier", WORD, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ARN, nullable=False),
    Column("description", WORDS),
    Column("key_id", NAME),
    Column("allowed_pattern", WORDS),
    Column("labels", Words, nullable=False),
    Column("tags", Document, nullable=False),
    UniqueConstraint("project_id", "region", "parameter", "number"),
)
