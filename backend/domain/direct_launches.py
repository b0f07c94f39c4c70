"""Launches that somebody waits for: asked for by number and place, told of as soon as the cloud has answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from backend.domain.activity import Activity

MOST_NODES = 100
"""What one request may launch. Source: Auto Scaling API Reference, LaunchInstances."""


class Claim(NamedTuple):
    """A node of a direct launch.

    Attributes:
        entry_id: of the journal, which tells what became of the launch for as long as the journal is kept.
        node_id: empty for an entry that tells why nothing was launched.
        weight: how much of the capacity it makes up.
        preemptible: of the class that the cloud may take back.
    """

    entry_id: str
    node_id: str
    instance_type: str
    weight: int
    preemptible: bool = False


@dataclass(frozen=True, slots=True)
class DirectLaunch:
    """A direct launch. Its nodes are beside what is desired until all are made or not; then what is desired follows.

    Attributes:
        token, fingerprint: the caller's name for the request, and what tells it from others of that name.
        capacity: what was asked for, in the cluster's units.
        subnet_id: the cloud's id, None for any of the cluster's in the zone.
        retries: the cluster is to get by itself what could not be made.
        claims: its nodes, as lists of the members of Claim; none until an engine has taken it up.
        done_at: since when what came of it is known, None before.
    """

    id: str
    cluster_id: str
    cluster_name: str
    token: str
    fingerprint: str
    capacity: int
    zone: str
    subnet_id: str | None
    retries: bool
    asked_at: datetime
    claims: tuple[Sequence[str | int], ...] = ()
    done_at: datetime | None = None

    @property
    def claimed(self) -> list[Claim]:
        return [
            Claim(str(entry_id), str(node_id), str(instance_type), int(weight), any(spot))
            for entry_id, node_id, instance_type, weight, *spot in self.claims
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a direct launch: of each claim the entry of the journal, None for one that is kept no more."""

    launch: DirectLaunch
    entries: Sequence[tuple[Claim, Activity | None]] = ()
