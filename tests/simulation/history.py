"""What the database itself notes: every write to a node's row, which two looks would miss in between, and what changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from backend.domain.node import COOLING, TRANSITIONS, NodeState, ServerStatus, leading_to
from tests.simulation import hook_writes, told_writes

if TYPE_CHECKING:
    from tests.simulation.failing_store import FailingStore

_TABLE = """
CREATE TABLE seen_writes (
    seq INTEGER PRIMARY KEY, what TEXT, node_id TEXT, before TEXT, after TEXT, server_id TEXT, server_status TEXT
)
"""
_TRIGGERS = (
    """
    CREATE TRIGGER seen_move AFTER UPDATE OF state ON nodes WHEN OLD.state <> NEW.state BEGIN
        INSERT INTO seen_writes (what, node_id, before, after, server_id, server_status)
        VALUES ('move', NEW.id, OLD.state, NEW.state, NEW.server_id, NEW.server_status);
    END
    """,
    """
    CREATE TRIGGER seen_end AFTER DELETE ON nodes BEGIN
        INSERT INTO seen_writes (what, node_id, before, after, server_id, server_status)
        VALUES ('end', OLD.id, OLD.state, NULL, OLD.server_id, OLD.server_status);
    END
    """,
    """
    CREATE TRIGGER seen_rewind AFTER UPDATE OF server_status_at ON nodes
    WHEN NEW.server_id = OLD.server_id AND NEW.server_status_at < OLD.server_status_at BEGIN
        INSERT INTO seen_writes (what, node_id, before, after, server_id, server_status)
        VALUES ('rewind', NEW.id, OLD.server_status, NEW.server_status, NEW.server_id, NEW.server_status);
    END
    """,
)
_READMITTED = """
    CREATE TRIGGER seen_readmission AFTER UPDATE OF refused_since ON watches
    WHEN OLD.refused_since IS NOT NULL AND NEW.refused_since IS NULL BEGIN
        INSERT INTO seen_writes (what, node_id, before, after, server_id, server_status)
        VALUES ('readmit', NEW.project_id, NULL, NULL, NULL, NULL);
    END
"""
TABLES = ("clusters", "nodes", "activities")
_CHANGES = "CREATE TABLE seen_changes (seq INTEGER PRIMARY KEY, what TEXT, id TEXT)"
_CHANGED = tuple(
    f"""
    CREATE TRIGGER seen_{event.lower()}_{table} AFTER {event} ON {table} BEGIN
        INSERT INTO seen_changes (what, id) VALUES ('{table}', {row}.id);
    END
    """
    for table in TABLES
    for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
)
SCHEMA = (_TABLE, *_TRIGGERS, _READMITTED, _CHANGES, *_CHANGED, *hook_writes.SCHEMA, *told_writes.SCHEMA)
# What a pass moves on and forgets at once is one write: so it may also be in a state that leads to the end.
_ENDED = frozenset({NodeState.TERMINATING, NodeState.TERMINATING_WAIT, NodeState.TERMINATING_PROCEED})
_ENDED |= frozenset({NodeState.DETACHING})
_ENDED |= frozenset(leading_to(NodeState.TERMINATING))
_ENDED |= COOLING | frozenset(leading_to(NodeState.WARMED_TERMINATING))


class Write(NamedTuple):
    """One write to one node's row.

    Attributes:
        what: ``move`` from one state to another, ``end`` of the row, ``rewind`` of its server's status to an older one;
            ``readmit``: the project that ``node_id`` names lets the engine in again.
        before, after: states, for a rewind statuses.
    """

    seq: int
    what: str
    node_id: str
    before: str
    after: str | None
    server_id: str | None
    server_status: str | None


class History:
    """Reads what was written since it was read last."""

    def __init__(self, store: FailingStore) -> None:
        self._raw = store.database.raw
        self._read = 0
        self._read_changes = 0

    def fresh(self) -> Sequence[Write]:
        rows = self._raw.execute("SELECT * FROM seen_writes WHERE seq > ? ORDER BY seq", (self._read,)).fetchall()
        if rows:
            self._read = rows[-1][0]
        return [Write(*row) for row in rows]

    def changed(self) -> dict[str, dict[str, None]]:
        """Ids of rows that were written, in the order in which they were, by table."""
        question = "SELECT seq, what, id FROM seen_changes WHERE seq > ? ORDER BY seq"
        found: dict[str, dict[str, None]] = {}
        for seq, what, row_id in self._raw.execute(question, (self._read_changes,)).fetchall():
            found.setdefault(what, {})[row_id] = None
            self._read_changes = seq
        return found


def fault_of(write: Write) -> str | None:
    """What is wrong with a write by itself."""
    if write.what == "rewind":
        return f"server {write.server_id} was {write.before}, and by an older look {write.after}"
    before = NodeState(write.before)
    if write.what == "move":
        return None if NodeState(write.after or "") in TRANSITIONS[before] else f"{before} became {write.after}"
    if write.server_id is None or before is NodeState.DETACHING:
        return None
    if before in _ENDED and write.server_status == ServerStatus.DELETED:
        return None
    return f"the row of a {before} node went, its server {write.server_id} is {write.server_status}"
