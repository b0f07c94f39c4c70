"""When processes are said to have grown."""

from __future__ import annotations

import pytest

from benchmarks.growth import LEAST_MINUTES, LIMITS, WARM_UP_MINUTES, Held, faults

HOURS = 2


def looks(
    mib=lambda minute: 130.0, files=lambda minute: 20, threads=lambda minute: 8, pid=lambda minute: 7, hours=HOURS
):
    return [
        (float(minute), {"engine-0": Held(pid(minute), mib(minute), files(minute), threads(minute))})
        for minute in range(1, int(hours * 60))
    ]


def grows(an_hour, after=0.0):
    return lambda minute: 130.0 + max(0.0, minute - after) * an_hour / 60


def test_what_stays_as_it_is_has_no_fault():
    assert faults(looks()) == []


def test_what_processes_fill_at_first_is_no_growth():
    assert faults(looks(mib=lambda minute: 130.0 + min(minute, WARM_UP_MINUTES))) == []


def test_memory_that_grows_by_more_than_the_limit_is_told():
    (told,) = faults(looks(mib=grows(LIMITS["MiB"] * 1.1, after=WARM_UP_MINUTES)))
    assert told.startswith("engine-0: 2.2 MiB more an hour after 31 min")
    assert faults(looks(mib=grows(LIMITS["MiB"] * 0.9))) == []


@pytest.mark.parametrize("what", ["files", "threads"])
def test_files_and_threads_that_are_left_behind_are_told(what):
    (told,) = faults(looks(**{what: lambda minute: 20 + minute // 12}))
    assert f"{LIMITS_BY[what]} more an hour" in told


LIMITS_BY = {"files": "open files", "threads": "threads"}


def test_what_comes_and_goes_is_no_growth():
    assert faults(looks(mib=lambda minute: 130.0 + minute % 9, files=lambda minute: 20 + minute % 5)) == []


def test_a_step_that_comes_once_is_no_growth():
    assert faults(looks(mib=lambda minute: 130.0 + 3 * (minute > 100), threads=lambda minute: 8 + (minute > 75))) == []


def test_a_peak_at_the_end_is_no_growth():
    assert faults(looks(mib=lambda minute: 130.0 + 40 * (minute > 115))) == []


def test_another_process_of_the_name_is_judged_by_itself():
    replaced = looks(mib=lambda minute: 130.0 if minute < 60 else 150.0, pid=lambda minute: 7 if minute < 60 else 8)
    assert faults(replaced) == []
    leaks = looks(mib=lambda minute: 130.0 + minute % 60, pid=lambda minute: 7 + minute // 60)
    assert [told.split(" MiB")[0] for told in faults(leaks)] == ["engine-0: 60.0", "engine-0: 60.0"]


def test_who_never_lives_long_enough_to_be_judged_is_told():
    assert faults(looks(pid=lambda minute: minute // 20)) == ["engine-0: it was another process too often to be judged"]


def test_who_is_gone_at_the_end_is_told():
    assert faults([*looks(), (HOURS * 60.0, {})]) == ["engine-0: it is gone"]


def test_a_short_run_judges_nothing():
    assert faults(looks(mib=grows(600), hours=(WARM_UP_MINUTES + LEAST_MINUTES) / 60)) == []
    assert faults([]) == []
