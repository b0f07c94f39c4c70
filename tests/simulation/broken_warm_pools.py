"""Deliberate faults of warm pools: of who is drawn, who goes back, how many there are, and how they rest."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from backend.domain.warm_pools import WarmPool
from backend.engine import drawing
from backend.engine.phases import capacity, warm_pool
from backend.engine.revision import Revision
from tests.simulation.putting import put, put_all


def draws_nobody() -> AbstractContextManager[None]:
    """What lacks is launched, whoever is ready."""
    return put(capacity, "draw", lambda *_args: 0)


def draws_all() -> AbstractContextManager[None]:
    """Who is ready is drawn, however little lacks."""
    kept = drawing.draw
    return put(capacity, "draw", lambda draft, _lacking, causes, gaps: kept(draft, 99, causes, gaps))


def lets_anybody_back() -> AbstractContextManager[None]:
    """What is too much goes back, whatever the pool says."""
    return put(capacity, "room", lambda draft: 99 if draft.cluster.warm_pool is not None else 0)


def stops_nobody() -> AbstractContextManager[None]:
    """Servers in the pool run on."""
    kept = warm_pool._rest

    def rest(draft: Any, node: Any) -> None:
        if node.warms_to is None or node.server_status == "active":
            draft.warm(node, node.warms_to or drawing.NodeState.WARMED_STOPPED)
        else:
            kept(draft, node)

    return put_all((warm_pool, "_rest", rest), (warm_pool, "ask", lambda *_args: None))


def sizes_by_the_maximum() -> AbstractContextManager[None]:
    """What the cluster itself has is prepared once more."""
    return put(WarmPool, "size", lambda self, maximum, _desired: 0 if self.deleting else max(self.minimum, maximum))


def holds_nobody_in_the_pool() -> AbstractContextManager[None]:
    """Hooks are not asked on the way into the pool and out of it."""
    kept = Revision.wait

    def wait(self: Revision, node: Any, transition: Any) -> bool:
        return False if str(node.state).startswith("Warmed:") else kept(self, node, transition)

    return put(Revision, "wait", wait)


def lets_the_pool_stay() -> AbstractContextManager[None]:
    """A pool that is deleted keeps its nodes."""
    return put(warm_pool, "_delete", lambda _draft, _pool: None)
