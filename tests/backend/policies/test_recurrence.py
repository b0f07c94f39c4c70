"""When cron's five fields are due, by the wall clocks of the world."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from backend.policies.recurrence import Unreadable, is_zone, last_run, next_run

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def runs(recurrence: str, zone: str | None, start: str, number: int) -> list[str]:
    """The next ones, as the wall clocks there show them."""
    found, now = [], at(start)
    for _ in range(number):
        now = next_run(recurrence, zone, now)
        found.append(now.astimezone(ZoneInfo(zone or "UTC")).strftime("%m-%d %H:%M %z"))
    return found


@pytest.mark.parametrize(
    ("recurrence", "start", "expected"),
    [
        ("30 0 1 1,6,12 *", "2026-11-29 10:00", ["12-01 00:30 +0000", "01-01 00:30 +0000"]),
        ("0 9 * * MON-FRI", "2026-11-27 09:00", ["11-30 09:00 +0000", "12-01 09:00 +0000"]),
        ("0 9 * * mon", "2026-11-27 09:00", ["11-30 09:00 +0000", "12-07 09:00 +0000"]),
        ("*/20 * * * *", "2026-11-27 09:59:59", ["11-27 10:00 +0000", "11-27 10:20 +0000"]),
        ("0 0 * * 7", "2026-11-27 00:00", ["11-29 00:00 +0000", "12-06 00:00 +0000"]),
        ("0 0 1 * SUN", "2026-11-27 00:00", ["11-29 00:00 +0000", "12-01 00:00 +0000"]),
        ("0 12 31 JAN-MAR *", "2026-11-27 00:00", ["01-31 12:00 +0000", "03-31 12:00 +0000"]),
    ],
)
def test_runs(recurrence, start, expected):
    assert runs(recurrence, None, start, 2) == expected


def test_the_skipped_hour_of_spring_is_made_up_for_at_its_end_once():
    assert runs("30 2 * * *", BERLIN, "2027-03-27 00:00", 3) == [
        "03-27 02:30 +0100",
        "03-28 03:00 +0200",
        "03-29 02:30 +0200",
    ]
    assert runs("*/20 2 * * *", BERLIN, "2027-03-27 12:00", 2) == ["03-28 03:00 +0200", "03-29 02:00 +0200"]
    assert runs("0 2,3 * * *", BERLIN, "2027-03-27 12:00", 2) == ["03-28 03:00 +0200", "03-29 02:00 +0200"]


def test_the_hour_that_comes_twice_in_autumn_counts_once():
    assert runs("30 2 * * *", BERLIN, "2026-10-24 12:00", 2) == ["10-25 02:30 +0200", "10-26 02:30 +0100"]
    # Asked during its second time round.
    assert runs("30 2 * * *", BERLIN, "2026-10-25 01:10", 1) == ["10-26 02:30 +0100"]


def test_every_hour_is_every_hour():
    assert runs("0 * * * *", BERLIN, "2026-10-24 23:30", 3) == [
        "10-25 02:00 +0200",
        "10-25 02:00 +0100",
        "10-25 03:00 +0100",
    ]
    assert runs("0 * * * *", BERLIN, "2027-03-28 00:30", 2) == ["03-28 03:00 +0200", "03-28 04:00 +0200"]


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Etc/GMT+9", None])
def test_wherever_it_is_nine_o_clock(zone):
    assert [run[6:11] for run in runs("0 9 * * *", zone, "2026-03-01 00:00", 40)] == ["09:00"] * 40


@pytest.mark.parametrize(
    ("recurrence", "zone", "until", "expected"),
    [
        ("0 9 * * *", None, "2026-11-27 09:00", "2026-11-27 09:00"),
        ("0 9 * * *", None, "2026-11-27 08:59:59", "2026-11-26 09:00"),
        ("30 2 * * *", BERLIN, "2027-03-28 00:59", "2027-03-27 01:30"),
        ("30 2 * * *", BERLIN, "2027-03-28 01:00", "2027-03-28 01:00"),
        ("30 2 * * *", BERLIN, "2026-10-25 01:45", "2026-10-25 00:30"),
        ("0 0 29 2 *", None, "2027-03-01 00:00", "2024-02-29 00:00"),
    ],
)
def test_the_last_one(recurrence, zone, until, expected):
    assert last_run(recurrence, zone, at(until)) == at(expected)


@pytest.mark.parametrize(
    "recurrence",
    [
        "", "x", "* * * *", "0 * * * * *", "@daily", "cron(0 9 * * ? *)", "0 9 ? * MON", "60 * * * *", "0 24 * * *",
        "0 0 0 * *", "0 0 32 * *", "0 0 * 13 *", "0 0 * * 8", "0 0 L * *", "0 0 15W * *", "0 0 * * 5L", "0 0 * * 5#2",
        "0 0 * * MON#1", "0-  9 * * *", "*/0 * * * *", "5-1 * * * *", "0 0 30 2 *", "0 0 * JANUARY *", "-1 * * * *",
        "0,, 9 * * *", "MON * * * *", "٣ * * * *",
    ],
)  # fmt: skip
def test_what_is_no_recurrence(recurrence):
    with pytest.raises(Unreadable):
        next_run(recurrence, None, at("2026-11-27 09:00"))


def test_zones():
    assert all(map(is_zone, ["Europe/Berlin", "Etc/GMT+9", "Pacific/Tahiti", "UTC"]))
    assert not any(map(is_zone, ["", "EST5EDT4", "Berlin", "localtime", "Factory", "../etc/passwd", "+01:00"]))
