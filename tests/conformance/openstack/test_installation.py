from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conformance.openstack import installation
from conformance.openstack.installation import NotInstalled
from conformance.openstack.settings import Settings


def test_debian_is_kept_from_starting_what_it_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(installation, "_POLICY", policy)
    with installation._nothing_started():
        assert policy.read_text().endswith("exit 101\n")
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()


def test_a_policy_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("mine")
    monkeypatch.setattr(installation, "_POLICY", policy)
    with installation._nothing_started():
        assert policy.read_text() == "mine"
    assert policy.read_text() == "mine"


def test_what_is_there_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "PACKAGES", {"dash": "sh"})
    assert not installation.install_debian(Settings(tmp_path))
    assert not (tmp_path / "logs").exists()


def test_without_root_the_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "PACKAGES", {"dash": "sh", "nowhere-server": str(tmp_path / "no-such-program")})
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(NotInstalled, match="missing: nowhere-server"):
        installation.install_debian(Settings(tmp_path))


def test_a_command_that_fails_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "pip.log"
    with pytest.raises(NotInstalled, match=r"(?s)`sh -c .*the end of .*pip.log:\nno such package"):
        installation.run(("sh", "-c", "echo no such package; exit 1"), log)


def test_another_list_of_packages_is_noticed(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    assert not installation.outdated(settings)
    settings.venv.mkdir()
    (settings.venv / "installed").write_text("of another list")
    assert installation.outdated(settings)
    (settings.venv / "installed").write_text(installation._digest())
    assert not installation.outdated(settings)
    assert not installation.install_python(settings)


def _python(path: Path, status: int) -> str:
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


def test_the_distribution_s_python_is_taken_where_it_can_do_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    able = _python(tmp_path / "able", 0)
    monkeypatch.setattr(installation, "_DISTRIBUTED", able)
    assert installation.interpreter() == able
    for other in (_python(tmp_path / "without-venv", 1), str(tmp_path / "not-there")):
        monkeypatch.setattr(installation, "_DISTRIBUTED", other)
        assert installation.interpreter() == sys.executable
