"""The engines of an installation as an operator sees them: who works, who has how much, and who is silent."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from backend.commands.line import Rows
from backend.engine.kinds import KINDS
from backend.engine.membership import share_of
from backend.engine.settings import EngineSettings
from backend.store import engines, migrate
from backend.store.engines import EngineRecord
from backend.store.session import Store

_MOST = 1000


def listed(store: Store, settings: EngineSettings) -> Rows:
    """A row for each, the oldest first."""
    with store.read() as conn:
        now = store.lease_now(conn)
        found = engines.all_of_them(conn, _MOST)
        owned: Counter[str] = Counter()
        for kind in KINDS:
            owned.update(kind.leased.owned(conn))
    present = migrate.stands_at(store)
    living = sorted(each.name for each in found if state_of(each, now) == "works")
    rows = [
        {
            "engine": each.name,
            "host": each.host,
            "pid": each.pid,
            "version": each.version,
            "started": each.started_at.isoformat(timespec="seconds"),
            "seen": f"{max((now - each.seen_at).total_seconds(), 0.0):.1f} s ago",
            "state": state_of(each, now, present),
            "share": _share(each.name, living, settings),
            "claims": owned.pop(each.name, 0),
        }
        for each in found
    ]
    gone = {
        "host": None,
        "pid": None,
        "version": None,
        "started": None,
        "seen": None,
        "state": "unknown",
        "share": None,
    }
    return rows + [{"engine": name, **gone, "claims": number} for name, number in sorted(owned.items())]


def state_of(engine: EngineRecord, now: datetime, present: str | None = None) -> str:
    """``works``, ``draining`` (it was told to end), ``silent`` (others are about to take its work over) or
    ``outdated`` (it cannot work with the schema, and ends within a minute).

    Args:
        present: where the schema stands.
    """
    if engine.is_silent(now):
        return "silent"
    if migrate.place(present)[0] > migrate.place(engine.version or None)[0]:
        return "outdated"
    return "draining" if engine.draining else "works"


def _share(name: str, living: list[str], settings: EngineSettings) -> str | None:
    """The ids of projects that come first to it."""
    if name not in living:
        return None
    share = share_of(name, living, settings.share_patience)
    return "all" if share is None else f"{share.low or '0000'}-{min(share.high, 'ffff')}"
