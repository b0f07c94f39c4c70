"""What an engine measures itself, each minute: group metrics that are switched on, and what servers have to do.

A minute is measured once, by whoever has the project's row; one that no engine saw is missing, as at any outage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from backend.domain.metrics import MINUTE, Datum, MetricLimits, floored, measured, metric
from backend.domain.scope import Scope
from backend.drivers.errors import CloudError
from backend.drivers.loads import Load, Loads
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call
from backend.policies.group_metrics import DIMENSION, NAMESPACE, group_metrics
from backend.store import measuring, metrics
from backend.store.measuring import Serving, SourceLease
from backend.store.session import Connection

_MINUTE: Final = timedelta(seconds=MINUTE)
_SERVERS: Final = "AWS/EC2"
# What is measured of clusters is bounded by their number.
_LIMITS: Final = MetricLimits(series=10_000_000)


def look(context: Context) -> timedelta:
    """Have those projects measured that have something to measure; it only reads where all are."""
    with context.store.read() as conn:
        found = measuring.unmeasured(conn, all_clusters=context.cloud.loads is not None)
    coming = floored(context.now(), MINUTE) + _MINUTE
    for scope in found:
        context.store.transact(partial(measuring.demand, scope=scope, at=coming))
    return _MINUTE


def measure(context: Context, lease: SourceLease) -> Job:
    """The job of a project: the minute that has just ended of its servers, and its groups as they are now."""
    now, loads = context.now(), context.cloud.loads
    at = floored(now, MINUTE)
    servers: Sequence[Datum] = ()
    if loads is not None:
        with context.store.read() as conn:
            serving = measuring.serving(conn, lease.scope)
        if serving:
            asked = partial(_asked, loads, lease.scope, serving, at - _MINUTE)
            (answer,) = yield [Call(lease.scope, asked)]
            servers = list(_of_servers(serving, answer, at - _MINUTE))
    yield Write(partial(_write, context, lease, servers, at))


def _asked(loads: Loads, scope: Scope, serving: Sequence[Serving], minute: datetime) -> Mapping[str, Load]:
    """What they had to do; nothing where the cloud cannot say: a missing minute is no idle one."""
    try:
        return loads.loads(scope, [each.server_id for each in serving], minute)
    except CloudError:
        return {}


def _of_servers(serving: Sequence[Serving], loads: Mapping[str, Load], minute: datetime) -> Iterator[Datum]:
    """Of each server, and of its group: there every server is a sample."""
    for each in serving:
        load = loads.get(each.server_id)
        if load is None:
            continue
        for dimension in (("InstanceId", f"i-{each.short_id}"), (DIMENSION, each.cluster)):
            of = metric(_SERVERS, "CPUUtilization", [dimension])
            yield measured(of, minute, [load.cpu_percent], unit="Percent")


def _write(context: Context, lease: SourceLease, servers: Sequence[Datum], at: datetime, conn: Connection) -> None:
    if not measuring.begin_minute(conn, lease, at):
        # Done already, when the answer to a commit was lost; or the lease is, and then this gives nothing back.
        measuring.LEASED.release(conn, lease, at + _MINUTE)
        return
    groups = [
        measured(metric(NAMESPACE, name, [(DIMENSION, cluster.name)]), at, [value])
        for cluster, states in measuring.counted(conn, lease.scope)
        for name, value in group_metrics(cluster, states).items()
        if name in cluster.metrics
    ]
    if groups or servers:
        metrics.add(conn, lease.scope, [*groups, *servers], context.now(), _LIMITS)
    wanted = groups or (context.cloud.loads is not None and measuring.has_clusters(conn, lease.scope))
    if wanted:
        measuring.LEASED.release(conn, lease, at + _MINUTE)
    else:
        measuring.LEASED.forget(conn, lease)
