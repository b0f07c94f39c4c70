"""The tables. Uniqueness and the indexes the engine lives by are said here, not in code."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, UniqueConstraint

from backend.store import (
    account_tables,
    alarm_tables,
    balancer_tables,
    direct_tables,
    engine_tables,
    event_tables,
    group_tables,
    identity_tables,
    lifecycle_tables,
    metric_tables,
    network_tables,
    notification_tables,
    outbox_tables,
    prefix_list_tables,
    queue_tables,
    receiver_tables,
    refresh_tables,
    rule_tables,
    scaling_tables,
    schedule_tables,
    server_tables,
)
from backend.store.guarded import Guarded
from backend.store.table import ID, NAME, WORD, leased, metadata, record, table
from backend.store.types import Document, Instant, Words, Written

__all__ = [
    "account_tables",
    "alarm_tables",
    "balancer_tables",
    "direct_tables",
    "engine_tables",
    "event_tables",
    "group_tables",
    "identity_tables",
    "lifecycle_tables",
    "metadata",
    "metric_tables",
    "network_tables",
    "notification_tables",
    "outbox_tables",
    "prefix_list_tables",
    "queue_tables",
    "receiver_tables",
    "refresh_tables",
    "rule_tables",
    "scaling_tables",
    "schedule_tables",
    "server_tables",
]

# Columns of the same names as the fields of domain.cluster.ClusterSpec (source is spread over source_*).
SPEC_COLUMNS = (
    Column("minimum", Integer, nullable=False),
    Column("maximum", Integer, nullable=False),
    Column("desired", Integer, nullable=False),
    Column("source_configuration", NAME),
    Column("source_template_id", ID),
    Column("source_template_name", NAME),
    Column("source_template_version", WORD),
    Column("zones", Words, nullable=False),
    Column("subnets", Words, nullable=False),
    Column("cooldown_seconds", Integer, nullable=False),
    Column("health_checks", Words, nullable=False),
    Column("health_grace_seconds", Integer, nullable=False),
    Column("termination_rules", Words, nullable=False),
    Column("protect_new", Boolean, nullable=False),
    Column("maximum_lifetime_seconds", Integer),
    Column("warmup_seconds", Integer),
    Column("maintenance_minimum_percent", Integer),
    Column("maintenance_maximum_percent", Integer),
    Column("capacity_rebalance", Boolean),
    Column("deletion_protection", WORD, nullable=False),
    Column("zone_distribution", WORD, nullable=False),
    Column("ignore_impaired_zones", Boolean),
    Column("capacity_type", WORD),
    Column("reservation_preference", WORD),
    Column("service_role", String(1600)),
    Column("context", Document),
    Column("server_group", NAME),
    Column("retain_abandoned", Boolean),
    Column("operator", String(128)),
    Column("mix", Written),
)

clusters = table(
    "clusters",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("name", NAME, nullable=False),
    Column("status", WORD, nullable=False),
    *SPEC_COLUMNS,
    Column("suspended", Document, nullable=False),  # process -> microseconds
    Column("metrics", Document, nullable=False),
    Column("causes", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("cooldown_until", Instant),
    Column("force_delete", Boolean, nullable=False),
    # Raised by every write of intent: what was planned on an older generation is void.
    Column("generation", Integer, nullable=False),
    # Raised by every claim: the fence of a pass.
    Column("epoch", Integer, nullable=False),
    Column("owner", WORD),
    Column("lease_until", Instant),
    Column("due_at", Instant),
    # Where its nodes take their traffic from, with the state of each; read with every cluster, so not a table.
    Column("sources", Document),
    # Those of the suspended processes that the engine suspended.
    Column("given_up", Words),
    # Since when a mass failure lasts that it has a part in.
    Column("held_since", Instant),
    # Whether it has lifecycle hooks: one that has none costs no look.
    Column("hooked", Boolean),
    # Whether it has direct launches at work.
    Column("launching", Boolean),
    # What it is to have in its warm pool; NULL: it has none, and nobody looks.
    Column("warm_pool", Document),
    # What the last change of the desired capacity wants to cool down for, where that is not the default.
    Column("own_cooldown_seconds", Integer),
    # Since when scaling policies have been adding nodes that may still warm up.
    Column("scaled_out_at", Instant),
    # The instance refresh under way: one that has none costs no look.
    Column("refresh_id", ID),
    # When the desired capacity last became another one.
    Column("desired_at", Instant),
    # What forecasts ask for now; NULL: there are none.
    Column("predicted", Integer),
    # What the engine was last called for, see backend.tracing; NULL: by itself.
    Column("asked_by", String(128)),
    UniqueConstraint("project_id", "region", "name"),
    Index(None, "due_at"),
    Index(None, "project_id", "region", "source_configuration"),
)

nodes = table(
    "nodes",
    Column("id", ID, primary_key=True),
    Column("cluster_id", ID, ForeignKey("clusters.id"), nullable=False),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("launch_id", ID, nullable=False),
    # One server is never in two clusters, one row never has two servers.
    Column("server_id", ID, unique=True),
    # The first 17 hex digits of server_id: what an instance id carries.
    Column("server_short_id", String(17)),
    Column("zone", WORD, nullable=False),
    Column("subnet_id", ID),
    Column("state", WORD, nullable=False),
    Column("state_at", Instant, nullable=False),
    Column("health", WORD, nullable=False),
    Column("health_cause", WORD),
    Column("health_due_at", Instant),
    Column("protected", Boolean, nullable=False),
    Column("profile_configuration", NAME),
    Column("profile_template_id", ID),
    Column("profile_template_name", NAME),
    Column("profile_template_version", Integer),
    Column("instance_type", WORD, nullable=False),
    Column("image_id", ID),
    Column("created_at", Instant, nullable=False),
    Column("server_status", WORD),
    Column("server_status_at", Instant),
    Column("in_service_at", Instant),
    Column("delete_requested_at", Instant),
    Column("replaces", ID),
    Column("attached", Boolean, nullable=False),
    Column("activity_id", ID),
    Column("address", WORD),
    Column("leaves_for", WORD),
    # When the cloud last did not know its server, without having told of its end.
    Column("missing_at", Instant),
    # When the request for its server was lost, and when it was found that nobody heard what came of it.
    Column("asked_at", Instant),
    Column("unheard_at", Instant),
    # What it counts, where its cluster has weights, and whether the cloud may take it back.
    Column("units", Integer),
    Column("preemptible", Boolean),
    # Of the warm pool: what it is to be there, when it left it for service, when its server's power was last changed.
    Column("warms_to", WORD),
    Column("drawn_at", Instant),
    Column("power_asked_at", Instant),
    # Of its root disk: the image where it is an override's or was replaced, what it is replaced by, what it had before.
    Column("own_image", NAME),
    Column("rebuilds_to", NAME),
    Column("rebuilt_from", ID),
    # The cloud's word that it will take the server back.
    Column("notice", WORD),
    # Whether a volume of its server was seen in error.
    Column("volume_failed", Boolean),
    # The host that it is to leave.
    Column("drained_from", NAME),
    # The instance refresh that it was made for.
    Column("refresh_id", ID),
    Index(None, "cluster_id", "created_at", "id"),
    Index(None, "launch_id"),
    Index(None, "project_id", "region", "server_short_id"),
    # Is anything of a project on the move, and how much of it is in service?
    Index("ix_nodes_state", "project_id", "region", "state"),
)

activities = table(
    "activities",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("cluster_id", ID, nullable=False),  # no foreign key: the journal outlives the cluster
    Column("cluster_name", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("status", WORD, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("causes", Document, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("node_id", ID),
    Column("server_id", ID),
    Column("reason", Document),
    Column("zone", WORD),
    Column("subnet_id", ID),
    Column("cluster_deleted", Boolean, nullable=False),
    # 0 while in progress, 1 once ended: lists show what is in progress first, then the newest.
    Column("ended", Integer, nullable=False),
    Index("ix_activities_cluster", "cluster_id", "ended", "started_at", "id"),
    Index("ix_activities_scope", "project_id", "region", "ended", "started_at", "id"),
    # By name, with those of clusters that had it before.
    Index("ix_activities_name", "project_id", "region", "cluster_name", "ended", "started_at", "id"),
    Index("ix_activities_ended_at", "ended_at"),
)

tags = table(
    "cluster_tags",
    Column("cluster_id", ID, ForeignKey("clusters.id"), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
    Column("propagate", Boolean, nullable=False),
)

launch_configurations = table(
    "launch_configurations",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("name", NAME, nullable=False),
    Column("spec", Guarded, nullable=False),
    Column("document", Guarded, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("project_id", "region", "name"),
)

templates = table(
    "templates",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("name", NAME, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("latest_version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", NAME, nullable=False),
    UniqueConstraint("project_id", "region", "name"),
)

template_versions = table(
    "template_versions",
    Column("template_id", ID, ForeignKey("templates.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("description", NAME),
    Column("spec", Guarded, nullable=False),
    Column("document", Guarded, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", NAME, nullable=False),
)

# A request that carried a client token, so that its repetition gets the same answer.
client_tokens = table(
    "client_tokens",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    Column("operation", WORD, primary_key=True),
    Column("token", String(128), primary_key=True),
    Column("fingerprint", WORD, nullable=False),
    Column("result", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),
)

# Tags of resources that are neither servers nor clusters, by their AWS-style id.
resource_tags = table(
    "resource_tags",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    Column("resource_id", NAME, primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", String(256), nullable=False),
)

# Launches that failed: how long to leave a zone and profile of a cluster alone.
backoffs = table(
    "backoffs",
    Column("cluster_id", ID, ForeignKey("clusters.id"), primary_key=True),
    Column("zone", WORD, primary_key=True),
    Column("profile_key", String(300), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", Instant, nullable=False),
    Column("retry_at", Instant, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("failing_seconds", Integer, nullable=False),
)

# One row a project and region that has nodes: when its servers are listed next, and from which change on.
watches = table(
    "watches",
    Column("project_id", WORD, primary_key=True),
    Column("region", WORD, primary_key=True),
    Column("due_at", Instant),
    Column("seen_until", Instant),
    Column("full_due_at", Instant),
    # How many nodes are in service, and how many of those are bad: a mass failure is told by these.
    Column("serving", Integer),
    Column("failing", Integer),
    # Since when the cloud lets nobody look; told in the journal once.
    Column("refused_since", Instant),
    # Since when no node and no server of ours is there.
    Column("empty_since", Instant),
    # Servers with a token that this installation did not make, and orphans that rest, as they were last told.
    Column("strangers", Integer),
    Column("held_orphans", Integer),
    # Of engines that held replacement for a time; nothing reads it any more, and the next line of the schema ends it.
    Column("held_until", Instant),
    # When the cloud last told of something that happened to a server: what was seen until then may lack it.
    Column("told_at", Instant),
    Column("owner", WORD),
    Column("lease_until", Instant),
    Column("epoch", Integer, nullable=False),
    Index(None, "due_at"),
    Index(None, "refused_since"),
)

# What is registered with pools of load balancers: written before the cloud is asked, deleted after the member is gone.
registrations = table(
    "registrations",
    Column("node_id", ID, primary_key=True),  # no foreign key: a member may outlive its node
    Column("pool_id", ID, primary_key=True),
    Column("cluster_id", ID, nullable=False),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("server_id", ID, nullable=False),
    Column("address", WORD, nullable=False),
    Column("port", Integer, nullable=False),
    Column("subnet_id", ID),
    Column("state", WORD, nullable=False),
    Column("state_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("health", WORD, nullable=False),
    Column("served", Boolean, nullable=False),
    Index(None, "cluster_id"),
    Index(None, "pool_id"),
)

# One row a pool that has, or lately had, members of ours: when they are listed next.
pools = table(
    "pools",
    Column("id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("due_at", Instant),
    Column("owner", WORD),
    Column("lease_until", Instant),
    Column("epoch", Integer, nullable=False),
    # Since when the cloud has no such pool.
    Column("missing_since", Instant),
    # Since when nothing of ours is in it or registered with it.
    Column("empty_since", Instant),
    Index(None, "due_at"),
    Index(None, "project_id", "region"),
)

# Of engines that knew servers alone; nothing reads it any more, and the next line of the schema ends it.
table(
    "orphans",
    Column("server_id", ID, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
)

# What carries this installation's mark and belongs to no node.
orphans = table(
    "unowned",
    Column("kind", WORD, primary_key=True),
    Column("id", ID, primary_key=True),
    Column("pool_id", ID, primary_key=True),  # of a member; empty for what is in no pool
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    # The claim that it was made for is in this database.
    Column("known", Boolean, nullable=False),
    # An operator's word that it may go.
    Column("released", Boolean, nullable=False),
    # When its end was asked for last.
    Column("asked_at", Instant),
    Index(None, "project_id", "region"),
)

# Every node that was ever claimed, for a while after it is gone: what was made for one of these was made here.
claimed_nodes = table(
    "claimed_nodes",
    Column("node_id", ID, primary_key=True),
    Column("launch_id", ID, nullable=False),
    Column("claimed_at", Instant, nullable=False),
    Index(None, "launch_id"),
    Index(None, "claimed_at"),
)

# Whose servers, ports and members are this database's: one row.
installations = table(
    "installations",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", ID, nullable=False),
    Column("secret", WORD),  # what tokens and signatures are made of where no key is set
)

# Application credentials that owners handed over, so that the engine may act in their projects.
delegations = table(
    "delegations",
    Column("credential_id", WORD, primary_key=True),
    Column("project_id", WORD, nullable=False),
    Column("user_id", WORD, nullable=False),
    Column("role", NAME, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("secret", String(1000), nullable=False),  # sealed (store.secrets)
    Index(None, "project_id"),
)

# One row a kind of records of which some are too old, while an engine is at them: of all projects, so of none.
scavenges = record("scavenges", *leased())

sessions = table(
    "sessions",
    Column("access_key", WORD, primary_key=True),
    Column("base_key", String(128), nullable=False),
    Column("project_id", WORD, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("role", WORD, nullable=False),
    Column("name", WORD, nullable=False),
    Column("base_project", WORD, nullable=False),
    Column("base_mark", WORD, nullable=False),
    Column("sealed", String(1000), nullable=False),  # secret and token (store.secrets)
    Index("ix_sessions_base_key_expires_at", "base_key", "expires_at"),
    Index("ix_sessions_expires_at", "expires_at"),
)
