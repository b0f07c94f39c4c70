from __future__ import annotations

import configparser
import json

import pytest

import wsgi
from backend.commands import opening
from backend.store.secrets import new_key
from gateway import local
from gateway.auth import keys

ENDPOINT = "http://127.0.0.1:18080"


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state folder as a first start leaves it, and a home of the user's."""
    folder = tmp_path / "state"
    folder.mkdir()
    local.keep_key(folder / opening.KEY_FILE, new_key)
    keys.keep(folder / opening.ENV_FILE, ENDPOINT, "eu-west-1")
    monkeypatch.setenv("OS_DEFAULT__STATE", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def sections(file):
    parsed = configparser.ConfigParser(default_section="no section of this name")
    parsed.read(file)
    return {name: dict(parsed[name]) for name in parsed.sections()}


def test_an_account_is_made_listed_and_a_profile(state, capsys):
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012", "--trusts", "default"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Account prod is 123456789012.\nexport AWS_CONFIG_FILE=")
    assert wsgi.main(["account", "key", "add", "123456789012", "--access-key", "test", "--secret-key", "test1"]) == 0
    assert "Key test is the profile prod@2." in capsys.readouterr().out
    assert wsgi.main(["account", "list", "-o", "json"]) == 0
    default, prod = json.loads(capsys.readouterr().out)
    assert (prod["account"], prod["id"], prod["trusts"]) == ("prod", "123456789012", [default["id"]])
    assert default["keys"] == [keys.read(state / opening.ENV_FILE).access_key]
    credentials = sections(state / "aws" / "credentials")
    assert [*credentials] == ["default", "prod", "prod@2"]
    assert credentials["prod@2"] == {"aws_access_key_id": "test", "aws_secret_access_key": "test1"}
    assert sections(state / "aws" / "config")["profile prod"] == {"region": "eu-west-1", "endpoint_url": ENDPOINT}
    assert (state / "aws" / "credentials").stat().st_mode & 0o777 == 0o600
    assert wsgi.main(["account", "key", "drop", "test"]) == 0
    assert "prod@2" not in sections(state / "aws" / "credentials")


def test_the_user_s_own_files_are_left_alone_unless_it_is_asked_for(state, tmp_path, capsys):
    home = tmp_path / "home" / ".aws"
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012"]) == 0
    assert not home.exists()
    home.mkdir(parents=True)
    own = "[default]\naws_access_key_id = mine"
    (home / "credentials").write_text(own)
    for _ in range(2):  # written twice it stands there once
        assert wsgi.main(["account", "profiles", "--write"]) == 0
    assert [*sections(home / "credentials")] == ["default", "coppice", "prod"]
    assert (home / "credentials").read_text().startswith(own + "\n")
    assert [*sections(home / "config")] == ["profile coppice", "profile prod"]
    capsys.readouterr()
    (home / "credentials").write_text("[prod]\naws_access_key_id = mine\n")
    assert wsgi.main(["account", "add", "test", "--id", "000000000000", "--write"]) == 0
    assert "has a profile prod of your own" in capsys.readouterr().out
    assert (home / "credentials").read_text() == "[prod]\naws_access_key_id = mine\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add", "prod", "--id", "1"], "1 is no account id"),
        (["add", "prod", "--id", "123456789012", "--secret-key", "x"], "that is no secret"),
        (["add", "prod", "--id", "123456789012", "--trusts", "nobody"], "there is no account nobody"),
        (["trust", "nobody"], "there is no account nobody"),
        (["key", "add", "nobody"], "there is no account nobody"),
        (["key", "drop", "nothing"], "there is no key nothing"),
    ],
)
def test_what_cannot_be_changes_nothing(state, words, told, capsys):
    assert wsgi.main(["account", *words]) == 1
    assert f"Nothing was changed: {told}" in capsys.readouterr().err
    assert not (state / "accounts.json").exists()


def test_accounts_of_a_cloud_are_the_cloud_s(state, monkeypatch, capsys):
    monkeypatch.setenv("OS_CLOUD__DRIVER", "openstack")
    assert wsgi.main(["account", "list"]) == 1
    assert "openstack ec2 credentials" in capsys.readouterr().err


def test_the_key_of_the_state_must_be_there(state, capsys):
    (state / opening.KEY_FILE).unlink()
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012"]) == 1
    assert "no key is set in [secrets]" in capsys.readouterr().err
