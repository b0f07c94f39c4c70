"""Warm pools: how many nodes of a cluster are prepared ahead of need, and in which state. Values; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from backend.domain.activity import Cause, CauseKind
from backend.domain.node import NodeState

CAUSES_KEPT: Final = 5
"""How many requests that changed the pool's size are remembered until it is reached."""


class PoolState(StrEnum):
    """What becomes of servers in the pool; AWS's own words."""

    STOPPED = "Stopped"
    HIBERNATED = "Hibernated"
    RUNNING = "Running"


SETTLED: Final[Mapping[PoolState, NodeState]] = {
    PoolState.STOPPED: NodeState.WARMED_STOPPED,
    PoolState.RUNNING: NodeState.WARMED_RUNNING,
    PoolState.HIBERNATED: NodeState.WARMED_HIBERNATED,
}
"""The state that nodes come to in a pool."""


@dataclass(frozen=True, slots=True)
class WarmPool:
    """The warm pool of a cluster.

    Attributes:
        minimum: it holds at least so many.
        prepared: how many the cluster and its pool hold together; None: as many as the cluster may have.
        state: what its nodes are made to be from now on; those that are settled stay as they are.
        reuse: nodes that are too many go back into it; None as False, and not told.
        deleting: it goes as soon as its nodes have gone.
        causes: the requests that changed its size since that was last reached, oldest first.
    """

    minimum: int = 0
    prepared: int | None = None
    state: PoolState = PoolState.STOPPED
    reuse: bool | None = None
    deleting: bool = False
    causes: tuple[Cause, ...] = ()

    def size(self, maximum: int, desired: int) -> int:
        """How many nodes it is to hold, beside a cluster of that maximum and desired capacity."""
        whole = maximum if self.prepared is None else self.prepared
        return 0 if self.deleting else max(self.minimum, whole - desired, 0)

    def remembering(self, cause: Cause) -> WarmPool:
        """With a request to tell of when the size is reached, this one the last."""
        return replace(self, causes=(*self.causes, cause)[-CAUSES_KEPT:])

    def deleted(self) -> WarmPool:
        """As it is while its nodes go."""
        return replace(self, minimum=0, prepared=0, deleting=True)


@dataclass(frozen=True, slots=True)
class WarmPoolRequest:
    """A warm pool as asked for; what is None is left as it is, or as pools usually are.

    Attributes:
        prepared: -1 takes away what was set.
    """

    minimum: int | None = None
    prepared: int | None = None
    state: PoolState | None = None
    reuse: bool | None = None

    def applied(self, standing: WarmPool | None) -> WarmPool:
        """The pool as it is from then on."""
        told: dict[str, Any] = {"minimum": self.minimum, "state": self.state, "reuse": self.reuse}
        values = {name: value for name, value in told.items() if value is not None}
        if self.prepared is not None:
            values["prepared"] = None if self.prepared < 0 else self.prepared
        return replace(standing or WarmPool(), **values)


def put_cause(standing: WarmPool | None, wanted: WarmPool, sizes: tuple[int, int], now: datetime) -> Cause | None:
    """What activities tell of a request that made or changed a pool; None where its size stays.

    Args:
        sizes: before and after.

    Source: conformance/recorded stackd.autoscaling.warm_pool_sizing_native.
    """
    before, after = sizes
    if before == after:
        return None
    data: dict[str, str | int] = {"before": before, "after": after}
    if standing is None:
        prepared = {} if wanted.prepared is None else {"prepared": wanted.prepared}
        return Cause(CauseKind.USER_PUT_WARM_POOL, now, {"minimum": wanted.minimum, **prepared, **data})
    for name in ("minimum", "prepared"):
        old, new = getattr(standing, name), getattr(wanted, name)
        if old != new:
            data |= {f"old_{name}": _word(old), f"new_{name}": _word(new)}
    return Cause(CauseKind.USER_UPDATED_WARM_POOL, now, data)


def _word(value: int | None) -> str | int:
    return "null" if value is None else value


class Bounds(Protocol):
    """What a cluster's spec says that a pool's size depends on."""

    @property
    def maximum(self) -> int: ...
    @property
    def desired(self) -> int: ...


def beside(pool: WarmPool, spec: Bounds, wanted: tuple[int, int], now: datetime) -> WarmPool:
    """The pool of a cluster that is updated: it remembers a new maximum which gives it another size.

    Args:
        spec: as it was.
        wanted: maximum and desired capacity from now on.
    """
    before, after = pool.size(spec.maximum, spec.desired), pool.size(*wanted)
    if before == after or spec.maximum == wanted[0]:
        return pool
    data: dict[str, str | int] = {"old": spec.maximum, "new": wanted[0], "before": before, "after": after}
    return pool.remembering(Cause(CauseKind.USER_UPDATED_MAXIMUM, now, data))
