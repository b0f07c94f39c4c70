"""Each recorded answer of the real service holds, or stands in differences.toml with a source that justifies it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest

from conformance.recorded.landscape import Landscape
from conformance.recorded.playing import Player, Verdict
from conformance.recorded.rows import FILES, Row, differences, laid_out, rows

ROWS = list(rows())
DIFFERENCES = differences()
BRIEF_SECONDS = 2.0
"""How long a row that is listed as different may take to hold after all."""


@pytest.mark.parametrize("row", [row for row in ROWS if row.kind != "shape"], ids=lambda row: row.id)
def test_answers(player: Player, row: Row, record_property: Callable[[str, object], None]) -> None:
    verdict = player.play(row, **({"patience": BRIEF_SECONDS} if row.id in DIFFERENCES else {}))
    _told(row, verdict, record_property)


@pytest.mark.parametrize("row", [row for row in ROWS if row.kind == "shape"], ids=lambda row: row.id)
def test_shapes(player: Player, landscape: Landscape, row: Row, record_property: Callable[[str, object], None]) -> None:
    _told(row, player.look(row, landscape.params(row.ask.service, row.ask.operation)), record_property)


def _told(row: Row, verdict: Verdict, record_property: Callable[[str, object], None]) -> None:
    record_property("recorded", verdict.state)
    if verdict.state == "unanswered":
        record_property("waits for", f"{row.ask.service}:{verdict.lines[0]}")
    if verdict.state == "differs":
        if row.id not in DIFFERENCES:
            pytest.fail(f"{row.source}\n" + "\n".join(verdict.lines), pytrace=False)
    elif row.id in DIFFERENCES:
        pytest.fail(f"listed as different, and {verdict.state}", pytrace=False)


def test_the_list_is_of_rows_and_says_why() -> None:
    assert not DIFFERENCES.keys() - {row.id for row in ROWS}
    assert all(one.keys() == {"reason", "source"} and all(one.values()) for one in DIFFERENCES.values())


def test_ids_are_unique() -> None:
    assert [name for name, count in Counter(row.id for row in ROWS).items() if count > 1] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_files_are_laid_out(file: object) -> None:
    text = file.read_text()  # type: ignore[attr-defined]
    assert text == laid_out(json.loads(text)) + "\n", "python -m conformance.recorded.rows lays them out"
