"""What the database itself notes of waits: each passage of a node, with what had been asked and answered by then."""

from __future__ import annotations

from backend.domain.node import NodeState

_DUE = "min(a.heartbeat_until, a.until)"
_OF_NODE = "SELECT count(*) FROM lifecycle_actions a WHERE a.node_id = NEW.id"
_HELD = """EXISTS (
    SELECT 1 FROM lifecycle_hooks h JOIN clusters c ON c.id = h.cluster_id
    WHERE h.cluster_id = NEW.cluster_id AND h.transition = '{transition}' AND h.created_at <= {begun} {and_}
)"""
SCHEMA = (
    """CREATE TABLE seen_passages (
        seq INTEGER PRIMARY KEY, node_id TEXT, before TEXT, after TEXT, leaves_for TEXT,
        held INTEGER, asked INTEGER, open INTEGER, abandoned INTEGER
    )""",
    f"""CREATE TRIGGER seen_passage AFTER UPDATE OF state ON nodes
    WHEN OLD.state LIKE '%:Wait' AND OLD.state <> NEW.state BEGIN
        INSERT INTO seen_passages (node_id, before, after, leaves_for, held, asked, open, abandoned)
        SELECT NEW.id, OLD.state, NEW.state, NEW.leaves_for, 1, ({_OF_NODE}),
            ({_OF_NODE} AND a.result IS NULL AND {_DUE} > NEW.state_at),
            ({_OF_NODE} AND (a.result = 'ABANDON' OR (
                a.result IS NULL AND {_DUE} <= NEW.state_at AND a.default_result = 'ABANDON')));
    END""",
    f"""CREATE TRIGGER seen_arrival AFTER UPDATE OF state ON nodes
    WHEN OLD.state = 'Pending' AND NEW.state = 'InService' AND OLD.in_service_at IS NULL AND NOT NEW.attached
    BEGIN
        INSERT INTO seen_passages (node_id, before, after, held, asked, open, abandoned)
        SELECT NEW.id, OLD.state, NEW.state, {
        _HELD.format(
            transition="launching", begun="coalesce(OLD.drawn_at, NEW.created_at)", and_="AND c.status = 'active'"
        )
    }, 0, 0, 0;
    END""",
    f"""CREATE TRIGGER seen_warm_arrival AFTER UPDATE OF state ON nodes
    WHEN OLD.state = 'Warmed:Pending' AND NEW.state = 'Warmed:Pending:Proceed'
    BEGIN
        INSERT INTO seen_passages (node_id, before, after, held, asked, open, abandoned)
        SELECT NEW.id, OLD.state, NEW.state, CASE WHEN OLD.in_service_at IS NULL
            THEN {_HELD.format(transition="launching", begun="NEW.created_at", and_="AND c.status = 'active'")}
            ELSE {_HELD.format(transition="terminating", begun="OLD.state_at", and_="AND c.status = 'active'")}
        END, 0, 0, 0;
    END""",
    f"""CREATE TRIGGER seen_deletion AFTER UPDATE OF delete_requested_at ON nodes
    WHEN NEW.state IN ('Terminating', 'Warmed:Terminating') AND OLD.delete_requested_at IS NULL AND NEW.delete_requested_at IS NOT NULL
        AND NEW.leaves_for <> 'failed_launch' AND NEW.server_status NOT IN ('deleting', 'deleted')
        AND OLD.server_status NOT IN ('deleting', 'deleted')
    BEGIN
        INSERT INTO seen_passages (node_id, before, after, held, asked, open, abandoned)
        SELECT NEW.id, OLD.state, 'deletion', {
        _HELD.format(transition="terminating", begun="NEW.state_at", and_="")
    }, 0, 0, 0;
    END""",
    "CREATE TABLE seen_actions (seq INTEGER PRIMARY KEY, token TEXT, hook TEXT)",
    """CREATE TRIGGER seen_action AFTER INSERT ON lifecycle_actions BEGIN
        INSERT INTO seen_actions (token, hook) VALUES (NEW.id, NEW.hook);
    END""",
    "CREATE TABLE seen_messages (seq INTEGER PRIMARY KEY, id TEXT, data TEXT)",
    """CREATE TRIGGER seen_message AFTER INSERT ON messages WHEN NEW.kind = 'action' BEGIN
        INSERT INTO seen_messages (id, data) VALUES (NEW.id, NEW.data);
    END""",
)


_ENDS = frozenset({NodeState.TERMINATING, NodeState.WARMED_TERMINATING})


def fault_of(
    before: str, after: str, leaves_for: str | None, held: int, asked: int, still_open: int, abandoned: int
) -> str | None:
    """What is wrong with a passage."""
    if not before.endswith(":Wait"):
        return f"it passed to {after}, and hooks were not asked" if held else None
    given_up = after in _ENDS and leaves_for == "abandoned"
    if after in _ENDS and not given_up:
        return None  # something else ended it
    if not asked:
        return f"it passed from {before} to {after}, and nothing had been asked"
    if given_up or after.endswith(":Retained"):
        return None if abandoned else f"it came to {after}, and nobody abandoned it"
    if after == NodeState.PENDING_PROCEED and abandoned:
        return "it goes on although it was abandoned"
    if still_open and not abandoned:
        return f"it passed from {before} to {after}, and {still_open} of {asked} answers are missing"
    return None
