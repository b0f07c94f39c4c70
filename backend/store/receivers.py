"""Rows of receivers. Which project one is of, its token alone tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from backend.domain.receivers import Receiver
from backend.domain.scope import Scope
from backend.store.receiver_tables import receivers as table
from backend.store.records import Records

RECEIVERS: Final = Records(table, Receiver)


def scope_of(conn: Connection, digest: str) -> Scope | None:
    """The project and region of the receiver whose token has that digest; None where there is none."""
    row = conn.execute(select(table.c.project_id, table.c.region).where(table.c.digest == digest)).first()
    return None if row is None else Scope(row.project_id, row.region)


def everywhere(conn: Connection) -> Sequence[tuple[Scope, Receiver]]:
    """All receivers of all projects, for an operator."""
    asked = select(table.c.project_id, table.c.region).distinct().order_by(table.c.project_id, table.c.region)
    scopes = [Scope(*row) for row in conn.execute(asked)]
    return [(scope, each) for scope in scopes for each in RECEIVERS.all(conn, scope)]
