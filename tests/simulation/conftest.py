"""What the interpreter keeps of imports is not looked through for garbage at every turn: runs are long, and leave little."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.simulation.soak import settle_down


@pytest.fixture(scope="session", autouse=True)
def _few_collections() -> Iterator[None]:
    thresholds = gc.get_threshold()
    settle_down()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
