"""A database that is restored from an older dump: nothing is ended that it does not know, and all else goes on from there.

The dump is made by the database's own tool while an engine is at work, as an operator makes it at night.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.commands import orphans as command
from backend.domain.ids import short_id
from backend.policies.sweep import SweepRule
from tests.backend.engine.world import EngineWorld
from tests.databases import start
from tests.factories import SCOPE

Restore = Callable[[], str]
"""Makes a database of the dump; its URL."""
LONG = 400.0


def _sqlite(folder: Path) -> tuple[str, Callable[[], Restore]]:
    def dump() -> Restore:
        with sqlite3.connect(folder / "coppice.db") as now:
            now.execute("VACUUM INTO ?", (str(folder / "dump.db"),))
        now.close()

        def restore() -> str:
            shutil.copy(folder / "dump.db", folder / "restored.db")
            return f"sqlite:///{folder}/restored.db"

        return restore

    return f"sqlite:///{folder}/coppice.db", dump


def _postgresql(url: str, folder: Path) -> Callable[[], Restore]:
    (host,) = parse_qs(urlsplit(url).query)["host"]
    there = ["--host", host, "--username", "coppice"]
    programs = start.installed("postgresql", "pg_dump", lambda: sorted(Path("/usr/lib/postgresql").glob("*/bin")))

    def dump() -> Restore:
        file = str(folder / "dump")
        subprocess.run([programs / "pg_dump", *there, "--format=custom", f"--file={file}", "coppice"], check=True)

        def restore() -> str:
            subprocess.run([programs / "createdb", *there, "restored"], check=True)
            subprocess.run([programs / "pg_restore", *there, "--dbname=restored", file], check=True)
            return url.replace("/coppice?", "/restored?")

        return restore

    return dump


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Callable[[], Restore]]]:
    """(URL, how a dump of it is made)"""
    if request.param == "sqlite":
        yield _sqlite(tmp_path)
        return
    try:
        with start.server("postgresql") as url:
            yield url, _postgresql(url, tmp_path)
    except start.Unavailable as why:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL here: {why}")


def test_what_came_after_the_dump_rests_and_what_went_is_made_up_for(database):
    url, dump = database
    world = EngineWorld(url=url)
    web, gone = world.make("web", desired=3), world.make("gone", desired=2)
    world.pass_time(8)
    known = {node.server_id for node in world.nodes(web)}
    restore = dump()

    lost = world.nodes(web)[0]
    world.backend.nodes.terminate(SCOPE, short_id(lost.server_id), decrement=False)
    world.backend.clusters.resize(SCOPE, "web", 5)
    world.backend.clusters.delete(SCOPE, "gone", force=True)
    world.make("later", desired=2)
    world.pass_time(20)
    before = set(world.servers())
    assert len(before) == 7  # five of web and two of later
    world.store.close()

    restored = EngineWorld(url=restore(), clock=world.clock, over=world.simulated)
    restored.pass_time(LONG, 2)
    assert before <= set(restored.servers()), "what the restored database does not know was ended"
    members = {node.server_id for node in restored.nodes(web)}
    assert members & known == known - {lost.server_id}
    assert restored.states(web) == ["InService"] * 3
    assert restored.states(gone) == ["InService"] * 2
    told = command.listed(restored.store, restored.clock, SweepRule())
    assert "5 held, 5 of launches that this database does not know" in told[0], told

    assert "Released: 5." in command.release(restored.store, restored.clock, SCOPE.project_id)
    restored.pass_time(60, 2)
    kept = {node.server_id for cluster in (web, gone) for node in restored.nodes(cluster)}
    assert set(restored.servers()) == kept
    restored.store.close()
    world.simulated.close()
