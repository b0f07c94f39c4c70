"""Values of recorded rows on their way out."""

from __future__ import annotations

from datetime import timedelta

from conformance.recorded.values import Known


def test_all_of_a_row_speaks_of_one_now() -> None:
    known = Known({})
    puts = [known.filled({"Timestamp": {"$now": 1}})["Timestamp"] for _ in range(10)]
    ask = known.filled({"StartTime": {"$now": -60}, "EndTime": {"$now": 60}})
    assert len(set(puts)) == 1
    assert (ask["StartTime"], ask["EndTime"]) == (puts[0] - timedelta(seconds=61), puts[0] + timedelta(seconds=59))
