"""Sources of metrics: which are asked, and which of them do not answer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from backend.commands import opening
from backend.commands.line import Command, Rows, Told
from backend.store import measuring
from backend.store.session import Store


def listed(store: Store, names: Sequence[str]) -> Rows:
    """A row for each source, and one for each project that one of them tells nothing of.

    Args:
        names: of those that are asked, in their order.
    """
    with store.read() as conn:
        resting = measuring.resting(conn)
    rows = []
    for name in dict.fromkeys([*names, *(name for _, name, _ in resting)]):
        failed = [(scope, rest) for scope, source, rest in resting if source == name]
        nothing = {"project": "-", "region": "-", "failures": 0, "asked_again": "-", "why": "-"}
        rows += [
            {
                "source": name,
                "project": scope.project_id,
                "region": scope.region,
                "failures": rest.failures,
                "asked_again": rest.until.isoformat(timespec="seconds"),
                "why": rest.why,
            }
            for scope, rest in failed
        ] or [{"source": name, **nothing}]
    return rows


def _list(asked: argparse.Namespace) -> Told:
    chosen = opening.settings()
    store = opening.ready_store(chosen)
    names = [source.name for source in opening.cloud_of(chosen, store).sources]
    return listed(store, names) or ("No source is asked." if asked.output == "table" else [])


COMMANDS: Final = (Command("sources list", "list who measures servers, and who does not answer", _list, looks=True),)
