"""What a pass tells of itself: counted, and one line in the log where it does anything."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, Protocol

from backend import tracing
from backend.domain.changes import Changes
from backend.domain.cluster import Cluster
from backend.engine.acts.act import Act, Result
from backend.engine.context import Context
from backend.engine.plan import Plan
from backend.tracing import NO_SPAN, Value

LOG = logging.getLogger(__name__)


def tell(context: Context, plan: Plan) -> None:
    """Count what is done, and log it."""
    done = happenings(plan.changes, plan.acts)
    tell_span(plan, done)
    context.count("passes")
    context.counters.update(done)
    for kind, number in done.items():
        context.measures.step(kind, number)
    if done:
        cluster = plan.changes.before.cluster
        told = " ".join(f"{name}={number}" for name, number in done.items())
        LOG.info("cluster=%r project=%s region=%s %s", cluster.name, cluster.project_id, cluster.region, told)


def tell_span(plan: Plan, done: Mapping[str, int]) -> None:
    """Have the span of the pass tell whose it is and what it did, in bounded words."""
    span = tracing.span()
    if span is NO_SPAN:
        return
    told: dict[str, Value] = {"coppice.group": plan.changes.before.cluster.name}
    of = plan.changes.entries
    activities = dict.fromkeys(chain(of.opened, of.ended, of.waiting, of.remarks, sorted(of.draining | of.proceeding)))
    if activities:
        told["coppice.activities"] = [*activities]
    if done:
        told["coppice.steps"] = [f"{name}={number}" for name, number in done.items()]
    span.tell(told)


def happenings(changes: Changes, acts: Sequence[Act]) -> Counter[str]:
    """What changes, by kind: how many nodes came from one state to another, what becomes of members, and the acts.

    A node that is new comes from ``new``, one that leaves the rows goes to ``gone``.
    """
    before, after = changes.before, changes.after
    found = Counter(_states("", before.nodes, after.nodes))
    found.update(_states("member:", before.registrations, after.registrations))
    for node_id, node in after.nodes.items():
        if node_id in before.nodes and before.nodes[node_id].health is not node.health:
            found[f"{before.nodes[node_id].health}->{node.health}"] += 1
    for name in ("causes", "suspended", "sources"):
        if getattr(before.cluster, name) != getattr(after.cluster, name):
            found[f"cluster:{name}"] += 1
    if before.cluster.held_since != after.cluster.held_since:
        found["cluster:held" if after.cluster.held_since is not None else "cluster:let go"] += 1
    if changes.goes:
        found["cluster:gone"] += 1
    found.update(type(act).__name__ for act in acts)
    return found


class _Stateful(Protocol):
    @property
    def state(self) -> StrEnum: ...


def _states(what: str, before: Mapping[Any, _Stateful], after: Mapping[Any, _Stateful]) -> Iterator[str]:
    """From which state each came to which."""
    for key in {**before, **after}:
        was = str(before[key].state) if key in before else "new"
        now = str(after[key].state) if key in after else "gone"
        if was != now:
            yield f"{what}{was}->{now}"


def tell_refusals(context: Context, cluster: Cluster, results: Sequence[Result]) -> None:
    """Log what the cloud said instead of doing what it was told, with its own request id where it gave one."""
    for result in results:
        if result.error is not None:
            request = getattr(result.error, "request_id", None) or "-"
            act, error = type(result.act).__name__, type(result.error).__name__
            context.measures.refusal(act, error)
            LOG.warning(
                "cluster=%r project=%s %s: %s (%s) cloud-request=%s",
                cluster.name,
                cluster.project_id,
                act,
                error,
                result.error,
                request,
            )
