"""What the database itself notes of schedules that move on, of sizes that change, of what policies decide, and of messages that go."""

from __future__ import annotations

SCHEMA = (
    """CREATE TABLE seen_runs (
        seq INTEGER PRIMARY KEY, id TEXT, cluster_id TEXT, was_at INTEGER,
        minimum INTEGER, maximum INTEGER, desired INTEGER
    )""",
    """CREATE TRIGGER seen_run AFTER UPDATE OF next_at ON schedules WHEN OLD.next_at IS NOT NEW.next_at BEGIN
        INSERT INTO seen_runs (id, cluster_id, was_at, minimum, maximum, desired)
        VALUES (OLD.id, OLD.cluster_id, OLD.next_at, OLD.minimum, OLD.maximum, OLD.desired);
    END""",
    """CREATE TRIGGER seen_last_run AFTER DELETE ON schedules WHEN OLD.next_at IS NOT NULL BEGIN
        INSERT INTO seen_runs (id, cluster_id, was_at, minimum, maximum, desired)
        VALUES (OLD.id, OLD.cluster_id, OLD.next_at, OLD.minimum, OLD.maximum, OLD.desired);
    END""",
    "CREATE TABLE seen_sizes (seq INTEGER PRIMARY KEY, id TEXT)",
    """CREATE TRIGGER seen_size AFTER UPDATE OF minimum, maximum, desired ON clusters
    WHEN OLD.minimum <> NEW.minimum OR OLD.maximum <> NEW.maximum OR OLD.desired <> NEW.desired BEGIN
        INSERT INTO seen_sizes (id) VALUES (NEW.id);
    END""",
    """CREATE TABLE seen_decisions (
        seq INTEGER PRIMARY KEY, name TEXT, cluster_id TEXT, warmup_seconds INTEGER, at INTEGER, stayed TEXT,
        minimum INTEGER, maximum INTEGER, desired INTEGER
    )""",
    """CREATE TRIGGER seen_decision AFTER UPDATE OF decided_at ON scaling_policies
    WHEN NEW.decided_at IS NOT NULL BEGIN
        INSERT INTO seen_decisions (name, cluster_id, warmup_seconds, at, stayed, minimum, maximum, desired)
        SELECT NEW.name, NEW.cluster_id, coalesce(NEW.warmup_seconds, 0), NEW.decided_at, NEW.stayed,
            minimum, maximum, desired
        FROM clusters WHERE id = NEW.cluster_id;
    END""",
    # A forecast that is asked for anew is acted by anew.
    """CREATE TRIGGER seen_asking AFTER UPDATE OF make_at ON forecasts WHEN NEW.acted_for IS NULL BEGIN
        INSERT INTO seen_decisions (name, cluster_id, warmup_seconds, at, minimum, maximum, desired)
        VALUES ('asked anew', NEW.cluster_id, 0, 0, 0, 0, 0);
    END""",
    """CREATE TRIGGER seen_new_asking AFTER INSERT ON forecasts BEGIN
        INSERT INTO seen_decisions (name, cluster_id, warmup_seconds, at, minimum, maximum, desired)
        VALUES ('asked anew', NEW.cluster_id, 0, 0, 0, 0, 0);
    END""",
    "CREATE TABLE seen_ends (seq INTEGER PRIMARY KEY, id TEXT, target TEXT)",
    """CREATE TRIGGER seen_telling AFTER DELETE ON messages WHEN OLD.dead_at IS NULL BEGIN
        INSERT INTO seen_ends (id, target) VALUES (OLD.id, OLD.target);
    END""",
)
