"""The operator's commands on sizes of batches."""

from __future__ import annotations

import pytest

import wsgi
from backend.commands import CannotDo, batches
from backend.engine.settings import EngineSettings
from tests.factories import SCOPE, World


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def test_what_holds_is_told_beside_the_settings(world):
    told = batches.put(world.store, SCOPE.project_id, "", "launches", 7)
    assert told == f"launches of project {SCOPE.project_id} in all regions: 7, from the next pass over each group on."
    rows = batches.shown(world.store, EngineSettings(launches=11))
    settings = {"batch": "launches", "size": 11, "project": "all", "region": "all", "set_by": "settings"}
    own = {"batch": "launches", "size": 7, "project": SCOPE.project_id, "region": "all", "set_by": "operator"}
    assert [row for row in rows if row["batch"] == "launches"] == [settings, own]
    assert batches.drop(world.store, SCOPE.project_id, "", "launches").endswith(" is no longer set.")
    with pytest.raises(CannotDo, match="no launches was set for project"):
        batches.drop(world.store, SCOPE.project_id, "", "launches")


@pytest.mark.parametrize(
    ("name", "size", "why"),
    [
        ("servers", 1, "there is no batch servers; there are servers-per-call, launches"),
        ("launches", 0, "launches is a number from 1 to 1000"),
        ("servers-per-call", 101, "servers-per-call is a number from 1 to 100"),
    ],
)
def test_what_is_no_size_is_refused(world, name, size, why):
    with pytest.raises(CannotDo, match=why):
        batches.put(world.store, "", "", name, size)


def test_a_region_that_is_not_served_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    assert wsgi.main(["batches", "set", "launches", "3", "--region", "us-east-1"]) == 0
    for words in (["batches", "set", "launches", "3"], ["batches", "unset", "launches"], ["drain", "cpu-1"]):
        capsys.readouterr()
        assert wsgi.main([*words, "--region", "no where"]) == 1
        assert "no where is no region that is served here" in capsys.readouterr().err
