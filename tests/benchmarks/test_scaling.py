"""Medians, ratios and aims of the runs on one cloud."""

from __future__ import annotations

from benchmarks.scaling import BARE, BULK, HEAT, OURS, SENLIN, Result, aims_met, constant, last_line, ratios, table


def runs(ours=50.0, bare=50.0, bulk=50.0, **others):
    return [
        Result(OURS, ours, 20, 80.0),
        Result(BARE, bare, 70, 90.0),
        Result(BULK, bulk, 30, 85.0),
        *(Result({"senlin": SENLIN, "heat": HEAT}[name], seconds, 400, 150.0) for name, seconds in others.items()),
    ]


def test_the_last_line_holds_two_ratios_with_two_decimals():
    assert last_line(runs(ours=40, bare=50, bulk=60)) == "ratio to bare script: 0.80, to one bulk POST: 0.67"


def test_the_median_of_the_rounds_counts():
    several = [*runs(ours=40), *runs(ours=90), *runs(ours=45)]
    assert ratios(several)[BARE] == 0.9


def test_every_aim_has_its_bound():
    assert aims_met(runs(ours=50, bare=50, bulk=50))
    assert not aims_met(runs(ours=50.6, bare=50, bulk=60))
    assert not aims_met(runs(ours=50, bare=60, bulk=47))
    assert aims_met(runs(ours=55, bare=60, bulk=60, senlin=100, heat=74))
    assert not aims_met(runs(ours=56, bare=60, bulk=60, senlin=100))
    assert not aims_met(runs(ours=57, bare=60, bulk=60, heat=75))


def test_what_is_judged_is_what_is_shown():
    assert aims_met(runs(ours=50.2, bare=50))  # 1.00


def test_the_table_has_a_row_for_each_contestant():
    shown = str(table(runs(ours=60, senlin=100), 50)).splitlines()
    assert len(shown) == 2 + 4
    ours = shown[2]
    assert OURS in ours
    assert "60.0" in ours
    assert "0.40" in ours
    assert "1.60" in ours
    senlin = next(line for line in shown if SENLIN in line)
    assert "8.00" in senlin
    assert "0.60" in senlin
    assert "MISSED" in senlin


def test_rates_are_constant_but_for_a_request_at_the_edge():
    assert constant([12.0, 12.0], 60)
    assert constant([12.0, 11.0], 60)
    assert constant([12.0, 14.0], 30)
    assert not constant([12.0, 14.0], 60)
