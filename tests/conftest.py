"""What holds for every test: none is held to wall time, however slow the machine is."""

from __future__ import annotations

import gc

from hypothesis import settings

settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """Modules and tests are no garbage, nor is much of what tests make: a twentieth less to compute."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
