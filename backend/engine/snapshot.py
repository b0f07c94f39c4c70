"""What a plan is made from: everything the rows say of one cluster at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from backend.domain import mixes
from backend.domain.activity import Reason
from backend.domain.batch_sizes import Batch
from backend.domain.changes import ClusterRows
from backend.domain.cluster import Cluster, Tag
from backend.domain.profile import ProfileRef, ServerSpec
from backend.domain.requirements import Requirements
from backend.domain.traffic import Registration
from backend.drivers.compute import Flavor, Quota
from backend.policies.brake import NOTHING, Tally

OF_SIZES: Final = {"cores": 0, "ram": 1}
"""Quotas that are of what a type has: where that stands in its size."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the next node is made from: the launch source with its version resolved, and as what of a mix.

    Attributes:
        mixed: it is one choice of several.
        units: what a node of it counts; None where nothing has weights.
        preemptible: of the class of servers that the cloud may take back.
        requirements: what its type is to have, where it is not chosen yet.
        cost, size, zones: of its type, where they were asked for.
        barred: sides, by whether they are preemptible, on which it is too dear.
        own_image: short id of the image where the mix names it, and not the template.
    """

    spec: ServerSpec
    ref: ProfileRef
    mixed: bool = False
    units: int | None = None
    preemptible: bool = False
    requirements: Requirements | None = None
    cost: float | None = None
    size: tuple[int, int, int] = (0, 0, 0)
    zones: tuple[str, ...] | None = None
    barred: tuple[bool, ...] = ()
    own_image: str | None = None

    @property
    def instance_type(self) -> str:
        return self.spec.instance_type or ""

    @property
    def weight(self) -> int:
        """How much of the desired capacity a node of it makes up."""
        return self.units or 1

    @property
    def key(self) -> str:
        """What backoffs of it are kept by."""
        if not self.mixed:
            return self.ref.key
        return mixes.key(self.ref.key, self.instance_type, preemptible=self.preemptible)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the cloud offers.

    Attributes:
        architectures: of the images that nodes may be made from, as their profiles name them.
    """

    flavors: Sequence[Flavor] = ()
    architectures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Headroom:
    """What the cloud lets the project have; nothing where it does not tell.

    Attributes:
        sizes: of the types that are launched, where quotas count these: cores, and memory in MiB.
    """

    quotas: Sequence[Quota] = ()
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def need(self, resource: str, instance_type: str) -> int:
        """How much of it a server of that type takes; 0 where that is not known."""
        if resource in OF_SIZES:
            return self.sizes.get(instance_type, (0, 0))[OF_SIZES[resource]]
        return 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One cluster as its rows tell it.

    Attributes:
        rows: the cluster and all that is its own.
        profile: what is launched, or why nothing can be.
        mixed: where the cluster has a mix: what may be launched, in its order; those with requirements are looked up.
        types: what the cloud offers, where it was asked; a mix may need it.
        subnets: zone -> cloud ids of the cluster's subnets there; empty when each zone's default is meant; None where
            the cloud was not asked where the subnets lie, or could not be.
        configurations: creation of the launch configurations that nodes were made from, by name.
        seen_until: up to when the servers' changes have been observed.
        launch_first: the project wants clusters without a maintenance policy to launch before they terminate.
        project, region: how many of their nodes are in service and bad; nothing where none of the cluster's is.
        named: servers, by short id, that somebody outside chose to go; None where nobody was asked.
        braked: an operator's brake is on: nothing is begun.
        asked_at: when this engine last asked them; None: it has not lately.
        faults: the cloud's own words about servers that went into error, by node id; None where it has none. Only of
            those that it was asked for.
        alarms: of those that a refresh looks at, whether they are in alarm; by name.
        sizes: an operator's sizes of batches for the project in this region.
        room: (how many nodes more, of how many) the project may have; None where that keeps nothing back.
        headroom: what the cloud lets it have; None where it was not asked.
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
    mixed: Sequence[Profile] = ()
    types: Offer | None = None
    alarms: Mapping[str, bool] = field(default_factory=dict)
    named: Collection[str] | None = None
    asked_at: datetime | None = None
    sizes: Mapping[Batch, int] = field(default_factory=dict)
    room: tuple[int, int] | None = None
    headroom: Headroom | None = None
    braked: bool = False

    @property
    def cluster(self) -> Cluster:
        return self.rows.cluster

    @property
    def registrations(self) -> Collection[Registration]:
        return self.rows.registrations.values()
