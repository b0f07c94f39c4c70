"""How tables are made: names of constraints, sizes of columns, text that compares alike on every database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, String, Table

from backend.store.types import Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(36)
NAME = String(255)
WORD = String(64)


def table(name: str, *parts: Any) -> Table:
    """A table whose text compares byte for byte on every database, trailing blanks included."""
    return Table(
        name,
        metadata,
        *parts,
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_nopad_bin",
        mysql_engine="InnoDB",
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_nopad_bin",
        mariadb_engine="InnoDB",
    )


def record(name: str, *parts: Any) -> Table:
    """A table of records: what ``backend.store.records`` asks of each, before the columns of its own."""
    return table(
        name,
        Column("id", ID, primary_key=True),
        Column("project_id", WORD, nullable=False),
        Column("region", WORD, nullable=False),
        *parts,
    )


def leased() -> tuple[Any, ...]:
    """What engines take a row up by; see store/leased.py."""
    return (
        Column("due_at", Instant),
        Column("owner", WORD),
        Column("lease_until", Instant),
        Column("epoch", Integer, nullable=False),
        Index(None, "due_at"),
    )
