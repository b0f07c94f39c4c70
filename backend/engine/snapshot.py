"""What a plan is made from: everything the rows say of one cluster at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from backend.domain.activity import Reason
from backend.domain.backoff import Backoff
from backend.domain.cluster import Cluster, Tag
from backend.domain.node import Node
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
        nodes: every node of it, oldest first.
        profile: what is launched, or why nothing can be.
        subnets: zone -> cloud ids of the cluster's subnets there; empty when each zone's default is meant; None where
            the cloud was not asked where the subnets lie, or could not be.
        configurations: creation of the launch configurations that nodes were made from, by name.
        seen_until: up to when the servers' changes have been observed.
        project, region: how many of their nodes are in service and bad; nothing where none of the cluster's is.
        registrations: what is registered with the cluster's traffic sources.
    """

    cluster: Cluster
    nodes: tuple[Node, ...]
    profile: Profile | Reason
    tags: tuple[Tag, ...] = ()
    backoffs: tuple[Backoff, ...] = ()
    subnets: Mapping[str, tuple[str, ...]] | None = field(default_factory=dict)
    configurations: Mapping[str, datetime] = field(default_factory=dict)
    seen_until: datetime | None = None
    project: Tally = NOTHING
    region: Tally = NOTHING
    registrations: tuple[Registration, ...] = ()
