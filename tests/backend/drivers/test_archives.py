"""Archives: what records become, and a folder of them."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from backend.drivers.archives import NotArchived, sheaf_of
from backend.drivers.folder_archive import FolderArchive
from tests.factories import NOW

RECORDS = [{"id": "a", "at": NOW, "name": "für\u2028", "reason": None}, {"id": "b", "at": NOW + timedelta(seconds=1)}]


def test_a_sheaf_is_a_json_object_a_line():
    sheaf = sheaf_of("activities", NOW, RECORDS)
    lines = sheaf.content.decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [
        {"id": "a", "at": "2026-11-22T13:00:00Z", "name": "für\u2028", "reason": None},
        {"id": "b", "at": "2026-11-22T13:00:01Z"},
    ]


def test_its_name_tells_kind_day_and_content():
    sheaf = sheaf_of("activities", datetime(2026, 10, 18, 1, 2, 3, 4, tzinfo=UTC), RECORDS)
    assert sheaf.name.startswith("activities/2026-10-18/20261018T010203000004Z-")
    assert sheaf.name == sheaf_of("activities", datetime(2026, 10, 18, 1, 2, 3, 4, tzinfo=UTC), RECORDS).name
    assert sheaf.name != sheaf_of("activities", datetime(2026, 10, 18, 1, 2, 3, 4, tzinfo=UTC), RECORDS[:1]).name


def test_a_folder_keeps_a_file_a_sheaf_for_its_owner(tmp_path):
    folder = tmp_path / "not" / "there"
    sheaf = sheaf_of("activities", NOW, RECORDS)
    for _ in range(2):  # again after a crash
        FolderArchive(folder).keep(sheaf)
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()] == [sheaf.name]
    path = folder / sheaf.name
    assert path.read_bytes() == sheaf.content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path):
    sheaf = sheaf_of("activities", NOW, RECORDS)
    (tmp_path / "activities").write_text("a file where a folder is to be")
    with pytest.raises(NotArchived):
        FolderArchive(tmp_path).keep(sheaf)
    (tmp_path / "activities").unlink()
    (tmp_path / sheaf.name).mkdir(parents=True)
    (tmp_path / sheaf.name / "full").touch()
    with pytest.raises(NotArchived):
        FolderArchive(tmp_path).keep(sheaf)
    assert not list(tmp_path.rglob("*.part"))
