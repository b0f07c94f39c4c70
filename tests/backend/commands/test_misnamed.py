"""A slip in the name of a setting is told, in a file and in the environment, and settings that are read are not."""

from __future__ import annotations

import pytest

import wsgi
from backend.commands import misnamed

KNOWN = {"DEFAULT": ["state"], "engine": ["launches", "lease_seconds"], "database": ["url"]}


def _names(tmp_path, text, **environment):
    file = tmp_path / "coppice.conf"
    file.write_text(text)
    return misnamed.names(KNOWN, str(file), environment)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[DEFAULT]\nstate = x\n[engine]\nlaunches = 3\n[vault]\nvault_url = x\n", []),
        ("[engine]\nlaunchez = 3\nlease = 9\n", ["[engine] launchez", "[engine] lease"]),
        ("[databse]\nurl = x\n", ["[databse] url"]),
        ("[DEFAULT]\ntransport_url = rabbit://\n[engine]\n", ["[DEFAULT] transport_url"]),
        ("[Engine]\nlaunches = 3\nLaunches = 3\n[VAULT]\nurl = x\n", ["[Engine] Launches"]),
        ("[default]\nstate = x\n", ["[default] state"]),
        ("no setting at all", []),
    ],
)
def test_what_a_file_says_in_vain_is_told(tmp_path, text, told):
    assert _names(tmp_path, text) == told


def test_what_the_environment_says_in_vain_is_told(tmp_path):
    told = _names(tmp_path, "", OS_ENGINE__LAUNCHES="3", OS_CLOUD="x", OS_VAULT__VAULT_URL="x", OS_ENGINE__LAUNCHEZ="3")
    assert told == ["OS_ENGINE__LAUNCHEZ of the environment"]
    assert _names(tmp_path, "", OS_DATABSE__URL="x") == ["OS_DATABSE__URL of the environment"]
    assert misnamed.names(KNOWN, None, {}) == []


def test_doctor_and_logs_tell_of_it(tmp_path, monkeypatch, capsys, caplog):
    file = tmp_path / "coppice.conf"
    file.write_text(
        f"[DEFAULT]\nstate = {tmp_path}\n[gateway]\nthreads = 4\nthrottle_rat = 9\n[oslo_policy]\npolicy_fil = x\n"
    )
    monkeypatch.setenv("COPPICE_CONFIG", str(file))
    assert wsgi.main(["migrate"]) == 0
    assert wsgi.main(["doctor"]) == 1  # no engine
    told = capsys.readouterr().out
    assert "nobody reads [gateway] throttle_rat, [oslo_policy] policy_fil" in told
    assert "threads" not in told
    wsgi._log_from("info")
    assert "nobody reads [gateway] throttle_rat, [oslo_policy] policy_fil" in caplog.text
    file.write_text(f"[DEFAULT]\nstate = {tmp_path}\n[audit]\nfile = x\n[oslo_policy]\npolicy_file = x\n")
    wsgi.main(["doctor"])
    assert "each is known by its name" in capsys.readouterr().out
