"""What becomes of a cluster: its rows as they were and as they are to be, and what the journal tells of it. Values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from backend.domain.activity import Activity, ActivityStatus, Reason
from backend.domain.backoff import Backoff
from backend.domain.cluster import Cluster
from backend.domain.direct_launches import DirectLaunch
from backend.domain.hooks import Hook, Transition
from backend.domain.lifecycle import Action
from backend.domain.messages import Message
from backend.domain.node import Node
from backend.domain.refreshes import Refresh
from backend.domain.traffic import Registration

Place = tuple[str, str]
"""(zone, profile key) of a backoff."""
MemberKey = tuple[str, str]
"""(node id, pool id) of a registration."""


@dataclass(frozen=True, slots=True)
class ClusterRows:
    """A cluster and all that is its own.

    Attributes:
        nodes: by id, oldest first.
        registrations: what is registered with its traffic sources.
        delays: how long members of its sources drain, by source; of others it is the engine's to say.
        hooks: its lifecycle hooks, by name.
        actions: what its nodes wait for, by token.
        direct: its direct launches at work by id, the oldest first.
        refresh: its instance refresh, where one is not over.
    """

    cluster: Cluster
    nodes: Mapping[str, Node] = field(default_factory=dict)
    registrations: Mapping[MemberKey, Registration] = field(default_factory=dict)
    backoffs: Mapping[Place, Backoff] = field(default_factory=dict)
    delays: Mapping[str, timedelta] = field(default_factory=dict)
    hooks: tuple[Hook, ...] = ()
    actions: Mapping[str, Action] = field(default_factory=dict)
    direct: Mapping[str, DirectLaunch] = field(default_factory=dict)
    refresh: Refresh | None = None


class Ending(NamedTuple):
    """How an entry ends."""

    status: ActivityStatus
    reason: Reason | None = None


@dataclass(slots=True)
class Entries:
    """What is written into a cluster's journal, and what is told of it to others.

    Attributes:
        opened: new entries by id, some of which end as they begin.
        ended: open entries by id that end.
        draining: open entries that wait for connections to end.
        waiting: open entries that wait for answers of hooks, and of which transition.
        proceeding: open entries that waited and go on.
        remarks: what keeps entries open, by id; None where nothing does any more.
        notes: told only where nothing was noted since the newest request.
        messages: told to others, once each.
    """

    opened: dict[str, Activity] = field(default_factory=dict)
    ended: dict[str, Ending] = field(default_factory=dict)
    draining: set[str] = field(default_factory=set)
    waiting: dict[str, Transition] = field(default_factory=dict)
    proceeding: set[str] = field(default_factory=set)
    remarks: dict[str, Reason | None] = field(default_factory=dict)
    notes: list[Activity] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written.

    Attributes:
        after: nodes that ``before`` lacks are new, those that it lacks are gone; all else is compared.
        goes: the cluster itself is gone.
        overdue: actions, by token, that are decided because nobody asked for more time.
    """

    before: ClusterRows
    after: ClusterRows
    entries: Entries
    at: datetime
    goes: bool = False
    overdue: Collection[str] = ()
