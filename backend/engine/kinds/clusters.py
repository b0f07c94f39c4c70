"""Clusters: a pass over each that is due."""

from __future__ import annotations

from backend.engine.cluster_pass import cluster_pass
from backend.engine.kinds.kind import Kind
from backend.store import leases

KIND = Kind("clusters", leases.CLUSTERS, lambda settings: settings.clusters_at_once, cluster_pass)
