"""What a plan consists of: each step is one move of one node or launch, as data. Only apply acts on them."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.activity import Cause, Reason
from backend.domain.backoff import Backoff
from backend.domain.node import Node
from backend.domain.traffic import Registration, TrafficSource
from backend.policies.brake import Extent, Tally


@dataclass(frozen=True, slots=True)
class EnterService:
    """A pending node's server runs."""

    node: Node


@dataclass(frozen=True, slots=True)
class FailLaunch:
    """A pending node never came into service. Its server, if there is one, goes."""

    node: Node
    reason: Reason


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding about the health of a node in service; no cause means it is healthy again."""

    node: Node
    cause: str | None


@dataclass(frozen=True, slots=True)
class Launch:
    """New nodes of one profile in one zone.

    Attributes:
        replaces: for each node the id of the one it replaces, or None.
    """

    zone: str
    subnet_id: str | None
    causes: tuple[Cause, ...]
    replaces: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Unheard:
    """Nobody lives who would hear what came of a node's launch."""

    node: Node


@dataclass(frozen=True, slots=True)
class Relaunch:
    """A node's server is asked for again, as the launch that it was claimed for."""

    node: Node


@dataclass(frozen=True, slots=True)
class RefuseLaunch:
    """Nothing can be launched: only the journal says so."""

    reason: Reason
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Terminate:
    """A node was chosen to go."""

    node: Node
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """The server of a terminating node is to be deleted."""

    node: Node


@dataclass(frozen=True, slots=True)
class Forget:
    """The server of a terminating node is gone, or never was."""

    node: Node


@dataclass(frozen=True, slots=True)
class LetGo:
    """A detaching node's server is no longer ours."""

    node: Node


@dataclass(frozen=True, slots=True)
class TakeIn:
    """An attached server becomes ours."""

    node: Node


@dataclass(frozen=True, slots=True)
class Look:
    """What has become of a node's server is not known: ask."""

    node: Node


@dataclass(frozen=True, slots=True)
class Park:
    """A node moves to standby."""

    node: Node


@dataclass(frozen=True, slots=True)
class Register:
    """A node in service becomes a member of a pool."""

    node: Node
    source: TrafficSource


@dataclass(frozen=True, slots=True)
class Skip:
    """A node in service is kept out of a pool for as long as it serves."""

    node: Node
    source: TrafficSource


@dataclass(frozen=True, slots=True)
class Drain:
    """A member is to get no new connections. ``node``: whose it is, None where that is gone."""

    registration: Registration
    node: Node | None


@dataclass(frozen=True, slots=True)
class Deregister:
    """A member is to be taken out of its pool."""

    registration: Registration


@dataclass(frozen=True, slots=True)
class Unskip:
    """A node that was kept out of a pool serves no more, or the pool is no more its cluster's."""

    registration: Registration


@dataclass(frozen=True, slots=True)
class SettleSources:
    """The cluster's sources in the states that they have come to; those that are missing are removed."""

    sources: tuple[TrafficSource, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something decided without a node, told once for each request."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class SuspendLaunch:
    """Launches failed for too long: stop trying, and tell so. ``causes``: of what was to be launched."""

    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class BeginHold:
    """A mass failure began: replacement of live servers is put off, and told so. ``group``: of the cluster's nodes."""

    extent: Extent
    group: Tally


@dataclass(frozen=True, slots=True)
class EndHold:
    """A mass failure is over."""


@dataclass(frozen=True, slots=True)
class Forgive:
    """All that is desired is there: of the launches that failed before only these are still left alone."""

    backoffs: tuple[Backoff, ...]


@dataclass(frozen=True, slots=True)
class ForgetCauses:
    """The desired capacity is reached: requests no longer explain what happens next."""


@dataclass(frozen=True, slots=True)
class RemoveCluster:
    """A cluster in deletion has no node left."""


Step = (
    EnterService
    | FailLaunch
    | Mark
    | Launch
    | Unheard
    | Relaunch
    | RefuseLaunch
    | Terminate
    | Delete
    | Forget
    | LetGo
    | TakeIn
    | Look
    | Park
    | Register
    | Skip
    | Drain
    | Deregister
    | Unskip
    | SettleSources
    | Note
    | SuspendLaunch
    | BeginHold
    | EndHold
    | Forgive
    | ForgetCauses
    | RemoveCluster
)
