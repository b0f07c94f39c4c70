from __future__ import annotations

import configparser
import json
import threading
from datetime import timedelta

import pytest

import wsgi
from backend.clock import SystemClock
from backend.commands import CannotDo, accounts, opening
from backend.drivers.simulated.accounts import Accounts
from backend.services.sessions import Owned, SessionRules, Sessions
from backend.store.secrets import Seal, new_key
from gateway import local
from gateway.auth import keys

HOUR = timedelta(hours=1)
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
        (["add", "210987654321", "--id", "123456789012"], "210987654321 is no name: 12 digits are an account's id"),
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


def accounts_with_a_lost_key(state):
    """An account with a key whose secret nobody can open any more, and one more."""
    lost = Accounts(state / opening.ACCOUNTS_FILE, Seal([new_key()]))
    lost.add("prod", "123456789012", lost.new_key(access_key="lost"))
    assert wsgi.main(["account", "key", "add", "prod", "--access-key", "good"]) == 0


def test_a_key_that_cannot_be_opened_is_named_and_hinders_nothing(state, capsys):
    accounts_with_a_lost_key(state)
    assert wsgi.main(["account", "add", "test", "--id", "000000000000"]) == 0
    told = capsys.readouterr().out
    assert "The secret of lost cannot be opened" in told
    assert "coppice account key drop lost" in told
    assert [*sections(state / "aws" / "credentials")] == ["default", "prod@2", "test"]
    assert "The secret of lost" in accounts.kept_profiles(state, opening.accounts_of(opening.settings()))[0]
    assert wsgi.main(["account", "key", "drop", "lost"]) == 0
    assert capsys.readouterr().out == "prod has the key lost no more.\n"
    assert [*sections(state / "aws" / "credentials")] == ["default", "prod", "test"]


def test_an_account_whose_profiles_cannot_be_written_is_told_as_made(state, capsys):
    (state / "aws").write_text("no folder")
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "Account prod is 123456789012. Profiles could not be written, coppice account profiles does it"
    )
    assert "Nothing was changed" not in said
    (state / "aws").unlink()
    assert wsgi.main(["account", "profiles"]) == 0
    assert [*sections(state / "aws" / "credentials")] == ["default", "prod"]


def test_profiles_that_cannot_be_written_at_a_start_are_told(state):
    (state / opening.ACCOUNTS_FILE).write_text("no json")
    with pytest.raises(CannotDo, match=r"profiles of the accounts: .*is no file of accounts"):
        accounts.kept_profiles(state, opening.accounts_of(opening.settings()))


def test_drafts_of_others_are_not_written_through(state, tmp_path):
    """Whoever leaves a file of an expected name gets nothing written into it."""
    (state / "aws").mkdir()
    aside = tmp_path / "aside"
    (state / "aws" / ".credentials.new").symlink_to(aside)
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012"]) == 0
    assert not aside.exists()
    assert sorted(each.name for each in (state / "aws").iterdir()) == [".credentials.new", "config", "credentials"]


def test_commands_at_once_leave_every_account_s_profile(state):
    def add(number):
        assert wsgi.main(["account", "add", f"a{number}", "--id", f"{number:012d}"]) == 0

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sections(state / "aws" / "credentials")) == 9


def test_the_first_key_is_neither_dropped_nor_made_again(state, capsys):
    first = keys.read(state / opening.ENV_FILE).access_key
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012"]) == 0
    capsys.readouterr()
    for words in (
        ["key", "drop", first],
        ["key", "add", "prod", "--access-key", first],
        ["add", "test", "--id", "000000000000", "--access-key", first],
    ):
        assert wsgi.main(["account", *words]) == 1
        assert f"Nothing was changed: {first} is the key of" in capsys.readouterr().err
    assert [*sections(state / "aws" / "credentials")] == ["default", "prod"]


@pytest.mark.parametrize("own", [b"# caf\xe9\n[work]\nregion = x\n", b"[work]\r\nregion = x\r\n"])
def test_the_user_s_files_stay_byte_for_byte(state, tmp_path, own):
    home = tmp_path / "home" / ".aws"
    home.mkdir(parents=True)
    (home / "config").write_bytes(own)
    for _ in range(2):
        assert wsgi.main(["account", "profiles", "--write"]) == 0
    written = (home / "config").read_bytes()
    assert written.startswith(own + b"\n# >>> coppice")
    (home / "config").write_bytes(written.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))  # as an editor may
    assert wsgi.main(["account", "profiles", "--write"]) == 0
    assert (home / "config").read_bytes().count(b"# >>> coppice") == 1


def test_user_files_that_cannot_be_written_are_told_and_stay(state, tmp_path, capsys):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".aws").write_text("no folder")
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012", "--write"]) == 0
    assert "Account prod is 123456789012.\nYour own files stay as they are: " in capsys.readouterr().out


def test_what_could_be_sealed_anew_is_told_beside_what_could_not(state, monkeypatch, capsys):
    monkeypatch.setenv("OS_DATABASE__URL", f"sqlite:///{state}/coppice.db")
    assert wsgi.main(["migrate"]) == 0
    accounts_with_a_lost_key(state)
    present = opening.settings()
    store, clock = opening.store_of(present), SystemClock()
    owned = lambda _: Owned("p", "s3cret")  # noqa: E731
    Sessions(store, clock, SessionRules(seal=opening.seal_of(present), lasting=owned)).open("AKIAX", "p", HOUR)
    lost = Sessions(store, clock, SessionRules(seal=Seal([new_key()]), lasting=owned))
    capsys.readouterr()
    lost.open("AKIAX", "p", -HOUR)  # what has ended is in nobody's way
    assert wsgi.main(["reseal"]) == 1
    said = capsys.readouterr().err
    assert (
        said
        == "Sealed with the first key: 1. Others are as they were: none of the keys in [secrets] opens the secrets of lost.\n"
    )
    assert wsgi.main(["account", "key", "drop", "lost"]) == 0
    capsys.readouterr()
    assert wsgi.main(["reseal"]) == 0
    assert capsys.readouterr().out == "Sealed with the first key: 2.\n"
    lost.open("AKIAX", "p", HOUR)
    assert wsgi.main(["reseal"]) == 1
    assert "Sealed with the first key: 2. Others are as they were" in capsys.readouterr().err
    store.close()


@pytest.mark.parametrize(
    ("config", "credentials", "told"),
    [
        ("state/aws/config", "state/aws/credentials", "names Coppice's own"),
        ("home/config", "state/aws/credentials", "names Coppice's own"),
        ("home/both", "home/both", "both is the file of config and of credentials in one"),
    ],
)
def test_files_that_are_no_user_s_pair_are_left_alone(state, tmp_path, monkeypatch, capsys, config, credentials, told):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "both").write_text("[work]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / credentials))
    assert wsgi.main(["account", "add", "prod", "--id", "123456789012", "--write"]) == 0
    assert told in capsys.readouterr().out
    assert [*sections(state / "aws" / "credentials")] == ["default", "prod"]
    assert (tmp_path / "home" / "both").read_text() == "[work]\n"
    assert not (tmp_path / "home" / "config").exists()
