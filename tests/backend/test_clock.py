"""The machine's clock."""

from __future__ import annotations

import time

import pytest

from backend.clock import SystemClock


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="elsewhere the monotonic clock goes on in sleep")
def test_what_lasts_lasts_while_the_machine_sleeps_too(monkeypatch):
    """An engine on a host that was suspended would think itself heard of, and its leases held."""
    told = {time.CLOCK_BOOTTIME: 100.0}
    monkeypatch.setattr(time, "clock_gettime", told.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: 7.0)
    clock = SystemClock()
    began = clock.monotonic()
    told[time.CLOCK_BOOTTIME] += 3600
    assert clock.monotonic() - began == 3600
