"""What a plan is made from: everything the rows say of one cluster at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from backend.domain.activity import Reason
from backend.domain.changes import ClusterRows
from backend.domain.cluster import Cluster, Tag
from backend.domain.profile import ProfileRef, ServerSpec
from backend.domain.traffic import Registration
from backend.policies.brake import NOTHING, Tally


@dataclass(frozen=True, slots=True)
class Profile:
    """What the next node is made from: the launch source with its version resolved."""

    spec: ServerSpec
    ref: ProfileRef


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One cluster as its rows tell it.

    Attributes:
        rows: the cluster and all that is its own.
        profile: what is launched, or why nothing can be.
        subnets: zone -> cloud ids of the cluster's subnets there; empty when each zone's default is meant; None where
            the cloud was not asked where the subnets lie, or could not be.
        configurations: creation of the launch configurations that nodes were made from, by name.
        seen_until: up to when the servers' changes have been observed.
        launch_first: the project wants clusters without a maintenance policy to launch before they terminate.
        project, region: how many of their nodes are in service and bad; nothing where none of the cluster's is.
        faults: the cloud's own words about servers that went into error, by node id; None where it has none. Only of
            those that it was asked for.
    """

    rows: ClusterRows
    profile: Profile | Reason
    tags: tuple[Tag, ...] = ()
    subnets: Mapping[str, tuple[str, ...]] | None = field(default_factory=dict)
    configurations: Mapping[str, datetime] = field(default_factory=dict)
    seen_until: datetime | None = None
    launch_first: bool = False
    project: Tally = NOTHING
    region: Tally = NOTHING
    faults: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        return self.rows.cluster

    @property
    def registrations(self) -> Collection[Registration]:
        return self.rows.registrations.values()
