"""Settings of the backend, read by oslo.config: what each means, its unit and its default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from oslo_config import cfg

OPTIONS: dict[str, Sequence[Any]] = {
    "DEFAULT": (
        cfg.StrOpt("state", default=".coppice", help="Folder of the embedded state: databases, keys, logs."),
        cfg.StrOpt("region", default="us-east-1", help="AWS region name that clients sign for."),
    ),
    "database": (
        cfg.StrOpt(
            "url",
            default="",
            secret=True,
            help="SQLAlchemy URL: postgresql+psycopg://, mysql+pymysql://, sqlite:/// (empty: SQLite in the state).",
        ),
        cfg.BoolOpt("durable", default=True, help="SQLite: every commit is on disk before it is answered."),
        cfg.IntOpt("pool_size", default=10, min=1, help="Open connections a process keeps."),
    ),
    "engine": (
        cfg.FloatOpt("poll_seconds", default=0.25, min=0.01, help="Pause between looks at what is due."),
        cfg.FloatOpt("watch_busy_seconds", default=0.5, min=0.0, help="Pause between listings while servers change."),
        cfg.FloatOpt("watch_idle_seconds", default=5.0, min=0.0, help="Pause between listings while nothing changes."),
        cfg.FloatOpt("watch_full_seconds", default=900.0, min=1.0, help="Pause between two complete listings."),
        cfg.FloatOpt(
            "launch_grace_seconds",
            default=90.0,
            min=1.0,
            help="A launch that the cloud did not answer and of which no server is seen for so long is lost.",
        ),
        cfg.IntOpt("cloud_calls", default=8, min=1, help="Calls to the cloud under way at once."),
    ),
    "simulated": (
        cfg.FloatOpt("boot_seconds", default=2.0, min=0.0, help="How long a simulated server takes to boot."),
        cfg.FloatOpt("delete_seconds", default=1.0, min=0.0, help="How long a simulated server takes to go."),
    ),
}


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The settings as values; see OPTIONS for their meaning."""

    state: str
    region: str
    database_url: str
    durable: bool
    pool_size: int
    poll: timedelta
    watch_busy: timedelta
    watch_idle: timedelta
    watch_full: timedelta
    launch_grace: timedelta
    cloud_calls: int
    boot_seconds: float
    delete_seconds: float


def register(conf: cfg.ConfigOpts) -> None:
    """Make the options known; safe to repeat."""
    for group, options in OPTIONS.items():
        conf.register_opts(options, group=None if group == "DEFAULT" else group)


def settings_of(conf: cfg.ConfigOpts) -> BackendSettings:
    """The values of a parsed configuration."""
    return BackendSettings(
        state=conf.state,
        region=conf.region,
        database_url=conf.database.url or f"sqlite:///{conf.state}/coppice.db",
        durable=conf.database.durable,
        pool_size=conf.database.pool_size,
        poll=timedelta(seconds=conf.engine.poll_seconds),
        watch_busy=timedelta(seconds=conf.engine.watch_busy_seconds),
        watch_idle=timedelta(seconds=conf.engine.watch_idle_seconds),
        watch_full=timedelta(seconds=conf.engine.watch_full_seconds),
        launch_grace=timedelta(seconds=conf.engine.launch_grace_seconds),
        cloud_calls=conf.engine.cloud_calls,
        boot_seconds=conf.simulated.boot_seconds,
        delete_seconds=conf.simulated.delete_seconds,
    )
