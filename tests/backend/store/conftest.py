"""The store on every database that is supported: one suite, run on each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from backend.store import migrate, tables
from backend.store.session import Store
from tests.databases import start
from tests.factories import HandClock

KINDS = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.database),
    pytest.param("mariadb", marks=pytest.mark.database),
]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is meant for one database is not collected for another: nothing is skipped."""
    elsewhere = [item for item in items if not _is_meant(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


def _is_meant(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("on")
    return mark is None or item.callspec.params["database"] in mark.args


@pytest.fixture(scope="session", params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db"
        return
    try:
        with start.server(request.param) as url:
            yield url
    except start.Unavailable as why:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {request.param} here: {why}")


@pytest.fixture(scope="session")
def migrated(database: str) -> Iterator[str]:
    """The URL of a database that stands at the newest revision, emptied by who uses it."""
    migrate.upgrade(database)
    yield database
    migrate.downgrade(database, "base")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(migrated: str, clock: HandClock) -> Iterator[Store]:
    """An empty store; its leases are judged by the hand-moved clock."""
    store = Store(migrated, clock, database_clock=False, durable=False)
    yield store
    with store.engine.connect().execution_options(coppice_write=True) as connection, connection.begin():
        for table in reversed(tables.metadata.sorted_tables):
            connection.execute(table.delete())
    store.close()
