"""What rows are played with, and the count of what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.clients import client
from conformance.fleet import Fleet
from conformance.product import Access
from conformance.recorded.landscape import Landscape
from conformance.recorded.playing import Player


@pytest.fixture(scope="session")
def player(server: Access, shared_fleet: Fleet, account: str) -> Player:
    return Player(server, {"account": account, "region": server.region, "ami": shared_fleet.image})


@pytest.fixture(scope="session")
def landscape(server: Access, shared_fleet: Fleet) -> Iterator[Landscape]:
    made = Landscape(shared_fleet, client(server, "elbv2"), f"{server.region}a")
    yield made
    made.end()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many rows hold, differ, or wait for an operation."""
    counts: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                told = dict(report.user_properties)
                counts[told.get("recorded", "")] += 1
                waiting[told.get("waits for", "")] += 1
    del counts[""], waiting[""]
    if counts:
        terminalreporter.write_line("recorded rows: " + ", ".join(f"{n} {state}" for state, n in counts.most_common()))
    if waiting:
        told_of = ", ".join(f"{name} {n}" for name, n in waiting.most_common())
        terminalreporter.write_line(f"operations not answered, by rows that wait for them: {told_of}")
