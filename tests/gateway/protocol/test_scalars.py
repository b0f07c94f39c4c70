"""Text of the wire that reads otherwise where the server stands elsewhere."""

import time
from datetime import UTC, datetime

import pytest

from gateway.protocol import scalars


@pytest.fixture
def in_new_york(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
@pytest.mark.parametrize("zone", [" GMT", " +0000", " -0000", ""])
def test_a_date_that_says_no_zone_of_its_own_is_utc(zone):
    read = scalars.http_date(f"Sun, 02 Jan 2000 20:34:56{zone}")
    assert (read, read.tzinfo) == (datetime(2000, 1, 2, 20, 34, 56, tzinfo=UTC), UTC)
