"""What engines claim: clusters, watches of projects, balancers, pools, streams of messages; how: see ``leased``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from backend.store.balancer_tables import load_balancers
from backend.store.leased import Lease, Leased
from backend.store.outbox_tables import streams
from backend.store.tables import clusters, pools, watches


@dataclass(slots=True, kw_only=True, eq=False)
class ClusterLease(Lease):
    """A claimed cluster.

    Attributes:
        asked_by: what it was called for, as ``tracing.read`` reads it; None: it was due by itself.
    """

    asked_by: str | None = None

    @property
    def cluster_id(self) -> str:
        return self.key[0]


@dataclass(slots=True, kw_only=True, eq=False)
class WatchLease(Lease):
    """A claimed watch, and what its row said.

    Attributes:
        seen_until: changes up to then have been seen; None before the first listing.
        full_due_at: when a complete listing is due; None at once.
        refused_since: when the cloud began to refuse looks; None while it does not.
        empty_since: since when complete listings show nothing of ours, and there is no node; None while there is.
        told_at: when the cloud last told of something that happened there; None: it never did.
    """

    seen_until: datetime | None
    full_due_at: datetime | None
    refused_since: datetime | None
    empty_since: datetime | None
    told_at: datetime | None


@dataclass(slots=True, kw_only=True, eq=False)
class PoolLease(Lease):
    """A claimed pool.

    Attributes:
        missing_since: since when there is no such pool; None while there is.
        empty_since: since when nothing of ours is in it, or registered with it; None while there is.
    """

    missing_since: datetime | None
    empty_since: datetime | None

    @property
    def pool_id(self) -> str:
        return self.key[0]


@dataclass(slots=True, kw_only=True, eq=False)
class BalancerLease(Lease):
    """A claimed load balancer."""

    @property
    def balancer_id(self) -> str:
        return self.key[0]


@dataclass(slots=True, kw_only=True, eq=False)
class StreamLease(Lease):
    """A claimed stream of the outbox."""

    @property
    def stream_id(self) -> str:
        return self.key[0]


CLUSTERS = Leased(clusters, ClusterLease, key=("id",), fenced="generation", heeded="asked_by")
WATCHES = Leased(watches, WatchLease, key=("project_id", "region"))
POOLS = Leased(pools, PoolLease, key=("id",))
BALANCER_LEASES = Leased(load_balancers, BalancerLease, key=("id",))
STREAMS = Leased(streams, StreamLease, key=("id",))


def fence(conn: Connection, lease: ClusterLease) -> int | None:
    """The cluster's generation, its row locked; None when the lease is lost or the cluster gone: write nothing."""
    return CLUSTERS.fence(conn, lease)


def release(conn: Connection, lease: ClusterLease, due_at: datetime | None) -> None:
    """Give the cluster back; it is due then, or when someone asked for it during the pass."""
    CLUSTERS.release(conn, lease, due_at)


def fence_watch(conn: Connection, lease: WatchLease) -> bool:
    """Whether the watch is still held, its row locked."""
    return WATCHES.fence(conn, lease) is not None


def refused_watch(conn: Connection, lease: WatchLease, since: datetime | None) -> None:
    """Remember since when looks are refused; None: they are no more."""
    WATCHES.write(conn, lease, refused_since=since)


def release_watch(
    conn: Connection,
    lease: WatchLease,
    due_at: datetime,
    seen_until: datetime | None,
    full_due_at: datetime | None,
    *,
    empty_since: datetime | None = None,
) -> None:
    """Give the watch back with what is known now; it is due then, or when someone asked for it meanwhile."""
    WATCHES.release(conn, lease, due_at, seen_until=seen_until, full_due_at=full_due_at, empty_since=empty_since)


def put_off_watch(conn: Connection, lease: WatchLease, due_at: datetime) -> None:
    """Give the watch back as it was: nothing was seen. It is due then, or when someone asked for it meanwhile."""
    seen_until, full_due_at = lease.seen_until, lease.full_due_at
    release_watch(conn, lease, due_at, seen_until, full_due_at, empty_since=lease.empty_since)


def fence_pool(conn: Connection, lease: PoolLease) -> bool:
    """Whether the pool is still held, its row locked."""
    return POOLS.fence(conn, lease) is not None


def release_pool(
    conn: Connection,
    lease: PoolLease,
    due_at: datetime,
    *,
    missing_since: datetime | None,
    empty_since: datetime | None = None,
) -> None:
    """Give the pool back with what is known now; it is due then, or when someone asked for it meanwhile."""
    POOLS.release(conn, lease, due_at, missing_since=missing_since, empty_since=empty_since)


def forget_pool(conn: Connection, lease: PoolLease) -> None:
    """Nothing of ours is in the pool; whoever registers with it next has it looked at again."""
    POOLS.forget(conn, lease)
