from __future__ import annotations

import json

import pytest

import wsgi
from backend.clock import SystemClock
from backend.commands import opening
from backend.domain.scope import Scope
from backend.drivers.simulated import SimulatedCloud


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    return tmp_path


def test_the_cloud_of_the_settings_is_looked_into_and_disturbed(state, capsys):
    simulated = SimulatedCloud.open(str(state / opening.CLOUD_FILE), SystemClock())
    assert wsgi.main(["cloud", "capacity", "us-east-1c", "0"]) == 0
    assert capsys.readouterr().out == "fault 1 is set\n"
    assert "capacity" in str(simulated.faults.active()[0])
    pool = simulated.pools.create(Scope("p", "us-east-1"), "web", protocol="HTTP", port=80)
    simulated.close()
    assert wsgi.main(["cloud", "pools", "-o", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed == [{"pool": pool.id, "project": "p", "name": "web", "listens": "HTTP:80", "members": 0}]
    assert wsgi.main(["cloud", "lift", "--state", str(state)]) == 0
    assert capsys.readouterr().out == "1 lifted\n"


def test_what_cannot_be_done_to_a_cloud_is_told_in_a_sentence(state, capsys):
    assert wsgi.main(["cloud", "servers"]) == 1
    assert "there is no simulated cloud in" in capsys.readouterr().err
    assert wsgi.main(["cloud", "servers", "--state", str(state / "nowhere")]) == 1
    assert "there is no state in" in capsys.readouterr().err
    SimulatedCloud.open(str(state / opening.CLOUD_FILE), SystemClock()).close()
    assert wsgi.main(["cloud", "vanish", "i-00000000000000000"]) == 1
    assert "could not be found" in capsys.readouterr().err
