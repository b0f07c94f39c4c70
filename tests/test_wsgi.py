"""The composition root's own parts: which cloud is chosen, which keys seal, and the command line."""

from __future__ import annotations

import socket
import urllib.request

import pytest

import wsgi
from backend import measures
from backend.commands import CannotDo
from backend.drivers.cloud import Cloud
from backend.engine.settings import EngineSettings
from backend.store.secrets import Seal, new_key
from gateway import local


def test_the_cloud_is_chosen_by_configuration(tmp_path, monkeypatch):
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {here: {auth: {auth_url: 'http://x', username: u, password: p}, region_name: R1}}")
    configuration = tmp_path / "coppice.conf"
    configuration.write_text(
        f"[cloud]\ndriver = openstack\n[openstack]\ncloud = here\nclouds_file = {clouds}\n"
        "zones = us-east-1a:az1,us-east-1b:az2\narchitectures = arm64\n"
    )
    monkeypatch.setenv("COPPICE_CONFIG", str(configuration))
    chosen = wsgi.settings()
    assert chosen.driver == "openstack"
    assert chosen.openstack.zones == {"us-east-1a": "az1", "us-east-1b": "az2"}
    assert chosen.openstack.architectures == ("arm64",)
    assert isinstance(wsgi.cloud_of(chosen, wsgi.store_of(chosen)), Cloud)
    assert wsgi.keystone_identity(chosen).regions == {"us-east-1": "R1", "R1": "R1"}


def test_a_key_of_the_state_folder_is_made_once_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert not wsgi.seal_of(wsgi.settings()).has_keys
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    made = (tmp_path / "secrets.key").read_text()
    assert (tmp_path / "secrets.key").stat().st_mode & 0o777 == 0o600
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    assert (tmp_path / "secrets.key").read_text() == made
    assert wsgi.seal_of(wsgi.settings()).open(Seal([made.strip()]).close("x")) == "x"


def test_keys_of_the_settings_go_before_those_of_the_state(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    assert wsgi.main(["key"]) == 0
    key = capsys.readouterr().out.strip()
    monkeypatch.setenv("OS_SECRETS__KEY", key)
    chosen = wsgi.settings()
    assert wsgi.seal_of(chosen).open(Seal([key]).close("x")) == "x"
    assert key not in repr(chosen)


@pytest.mark.parametrize(("option", "value"), [("KEY", "no-key"), ("KEY_FILE", "/nowhere/at/all")])
def test_what_is_no_key_is_told_in_plain_words(tmp_path, monkeypatch, option, value):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv(f"OS_SECRETS__{option}", value)
    with pytest.raises(CannotDo, match="key"):
        wsgi.seal_of(wsgi.settings())


def test_nothing_is_handed_over_without_a_key(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["grant", "--application-credential", "--cloud", "mine"]) == 1
    assert "no key is set in [secrets]" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["2001-01-01", "soon"])
def test_an_end_that_is_past_or_none_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        wsgi.main(["grant", "--cloud", "mine", "--expires", text])
    assert text in capsys.readouterr().err


def test_secrets_are_resealed_by_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    assert wsgi.main(["migrate"]) == 0
    assert wsgi.main(["reseal"]) == 0
    assert capsys.readouterr().out == "Sealed with the first key: 0.\n"


def test_a_lone_engine_serves_its_metrics_or_says_why_not():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotDo, match=f"no metrics can be served at 127.0.0.1:{port}"):
            measures.serve(port, "127.0.0.1")
    server = measures.serve(port, "127.0.0.1")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"python_info" in answer.read()
    finally:
        server.shutdown()
        server.server_close()


def test_an_engine_refuses_a_database_that_is_not_migrated(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["engine"]) == 1
    told = "The engine cannot start: the database is not migrated: python wsgi.py migrate\n"
    assert capsys.readouterr().err == told


def test_a_schema_that_is_beyond_this_code_is_told_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    store = wsgi.store_of(wsgi.settings())
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '1-0031'")
    for command, said in (("engine", "The engine cannot start"), ("migrate", "Nothing was changed")):
        assert wsgi.main([command]) == 1
        assert capsys.readouterr().err.startswith(f"{said}: the database was migrated by a newer Coppice: it stands at")
    store.close()


def test_each_setting_of_the_engine_is_read_by_its_name(monkeypatch):
    monkeypatch.setenv("OS_ENGINE__LEASE_SECONDS", "17")
    monkeypatch.setenv("OS_ENGINE__CLOUD_CALLS", "5")
    engine = wsgi.settings().engine
    assert (engine.lease.total_seconds(), engine.cloud_calls, engine.poll.total_seconds()) == (17, 5, 0.25)
    assert (engine.pool_idle, engine.pool_busy) == (engine.watch_idle, EngineSettings().pool_busy)


def test_what_belongs_to_no_group_is_listed_and_let_go_by_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    for given, told in (
        ([], "Nothing belongs to no group."),
        (["--release", "a-project"], "Nothing of a-project is held."),
        (["--look", "a-project/us-east-1"], "The engine looks at a-project in us-east-1"),
    ):
        assert wsgi.main(["orphans", *given]) == 0
        assert told in capsys.readouterr().out
    assert wsgi.main(["orphans", "--look", "a-project"]) == 1
    assert "Nothing was changed: a-project is no PROJECT/REGION" in capsys.readouterr().err
    assert wsgi.main(["orphans", "--look", "a-project/xx"]) == 1
    assert "xx is none of the cloud's regions here: us-east-1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "arguments", "told"),
    [
        ("OS_DEFAULT__STATE", "", ["run", "--port", "70000"], "70000 is no port"),
        ("OS_ENGINE__POLL_SECONDS", "abc", ["engine"], "abc"),
        ("COPPICE_CONFIG", "/nowhere/coppice.conf", ["engine"], "/nowhere/coppice.conf"),
        ("OS_DEFAULT__STATE", "", ["orphans"], "no such table"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, name, value, arguments, told):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv(name, value or str(tmp_path))
    assert wsgi.main(arguments) == 1
    assert told in capsys.readouterr().err
