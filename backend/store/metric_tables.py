"""Tables of metrics: series, their latest points one a row, what is older packed, and what is drawn of them.

A series is one metric in one unit. Its points stand in rows of their own (``metric_points``) until their hour is over,
then in one row an hour (``metric_minutes``) and in rows a day of five minutes and of hours each.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

from backend.store.table import NAME, WORD, leased, record, table
from backend.store.types import Document, Instant

_SERIES = String(22)
_DOUBLE: Final[Double[float]] = Double()
_BLOB = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")

metric_series = table(
    "metric_series",
    # Derived from all that names it, project and region among that.
    Column("id", _SERIES, primary_key=True),
    # The same for all units of a metric.
    Column("metric_id", _SERIES, nullable=False),
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    Column("namespace", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("dimensions", Document, nullable=False),
    Column("unit", WORD, nullable=False),
    Column("fine", Boolean, nullable=False),
    # Of its newest point, give or take some minutes.
    Column("last_at", Instant, nullable=False),
    # When it has points to pack; None while it has none in rows of their own.
    Column("pack_at", Instant),
    Index(None, "metric_id"),
    Index("ix_metric_series_name", "project_id", "region", "namespace", "name", "metric_id"),
    Index(None, "project_id", "region", "pack_at"),
    Index(None, "last_at"),
)

metric_points = table(
    "metric_points",
    Column("series_id", _SERIES, nullable=False),
    Column("at", Instant, nullable=False),
    Column("samples", _DOUBLE, nullable=False),
    Column("total", _DOUBLE, nullable=False),
    Column("least", _DOUBLE, nullable=False),
    Column("most", _DOUBLE, nullable=False),
    Column("spread", Document),
    PrimaryKeyConstraint("series_id", "at"),
)


def _packed(name: str) -> Table:
    return table(
        name,
        Column("series_id", _SERIES, nullable=False),
        Column("at", Instant, nullable=False),
        Column("points", _BLOB, nullable=False),
        PrimaryKeyConstraint("series_id", "at"),
        Index(None, "at"),
    )


metric_minutes = _packed("metric_minutes")
metric_fives = _packed("metric_fives")
metric_hours = _packed("metric_hours")

metric_packings = table(
    "metric_packings",
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    *leased(),
    PrimaryKeyConstraint("project_id", "region"),
)

metric_sources = table(
    "metric_sources",
    Column("project_id", WORD, nullable=False),
    Column("region", WORD, nullable=False),
    # The last minute that was measured.
    Column("measured_at", Instant),
    # By the name of a source: counters as it read them last; and since when, and until when, it rests after a fault.
    Column("readings", Document),
    Column("rests", Document),
    *leased(),
    PrimaryKeyConstraint("project_id", "region"),
)

dashboards = record(
    "dashboards",
    Column("name", NAME, nullable=False),
    Column("body", Document, nullable=False),
    Column("size", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("tags", Document, nullable=False),
    UniqueConstraint("project_id", "region", "name"),
)
