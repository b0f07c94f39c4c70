"""Findings about instance refreshes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.errors import Finding


class RefreshFlaw(StrEnum):
    """Why a refresh is refused."""

    NOT_REVERSIBLE = "not_reversible"  #      it is to roll back by itself, and what would be rolled back to changes
    SKIPS_CONFIGURATION = "skips_configuration"  # matching nodes of a launch configuration are skipped by nobody
    # where root disks are to be replaced
    NEEDS_MIX = "needs_mix"  #                the cluster has no mix, or none is brought
    NEEDS_IMAGES = "needs_images"  #          an override of what is brought names no image
    MOVING_VERSION = "moving_version"  #      what is brought is another one each time
    FOREIGN_TYPES = "foreign_types"  #        nodes are of types that it does not hold
    WARM_POOL = "warm_pool"  #                the cluster has one


@dataclass(eq=False)
class RefreshUnderWay(Finding):
    """The cluster has one that is not over."""

    cluster: str


@dataclass(eq=False)
class NoRefresh(Finding):
    """The cluster has none that could be cancelled or (``rollback``) rolled back."""

    cluster: str
    rollback: bool = False


@dataclass(eq=False)
class RefreshIrreversible(Finding):
    """It brings nothing of its own, or what was there before it is not one certain thing."""

    cluster: str


@dataclass(eq=False)
class RefreshHolds(Finding):
    """The cluster's refresh decides what nodes are made from."""

    cluster: str


@dataclass(eq=False)
class RefreshForbidsPool(Finding):
    """The cluster's refresh goes with no warm pool, or brings a mix that does not."""

    cluster: str


@dataclass(eq=False)
class RefreshRefused(Finding):
    flaw: RefreshFlaw


@dataclass(eq=False)
class AlarmNotFound(Finding):
    """There is no alarm of that name."""

    alarm: str


@dataclass(eq=False)
class AlarmRings(Finding):
    """The alarm is in alarm before anything was begun."""

    alarm: str
