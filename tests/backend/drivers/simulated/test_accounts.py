from __future__ import annotations

import json
import threading

import pytest

from backend.domain.delegation import SecretUnreadable
from backend.domain.ids import account_id
from backend.drivers.errors import CloudUnavailable
from backend.drivers.simulated.accounts import MOST_KEYS, Accounts, CannotKeep, number_of
from backend.store.secrets import Seal, new_key

PROD, TEST = "123456789012", "000000000000"


@pytest.fixture
def accounts(tmp_path):
    return Accounts(tmp_path / "accounts.json", Seal([new_key()]))


def test_an_account_has_the_id_and_the_keys_that_were_chosen(accounts):
    accounts.add("prod", PROD, accounts.new_key())
    accounts.add_key("prod", accounts.new_key("ci", "test", "test1"))
    found = accounts.find("test")
    assert (found.project_id, found.user_name, found.secret) == (PROD, "ci", "test1")
    (drawn, _) = accounts.named(PROD).keys
    assert drawn.access_key.startswith("AKIA")
    assert len(accounts.find(drawn.access_key).secret) == 40
    assert accounts.find("AKIAUNKNOWN") is None
    assert number_of(PROD) == PROD
    assert number_of("embedded") == account_id("embedded") == accounts.default.id


def test_secrets_lie_sealed_in_a_file_for_its_owner_alone(accounts, tmp_path):
    accounts.add("prod", PROD, accounts.new_key("ci", "test", "a-very-secret-word"))
    file = tmp_path / "accounts.json"
    assert "a-very-secret-word" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    other = Accounts(file, Seal([new_key()]))
    with pytest.raises(CloudUnavailable, match="cannot be opened"):
        other.find("test")


def test_secrets_are_sealed_anew(tmp_path):
    old, new = new_key(), new_key()
    file = tmp_path / "others.json"
    Accounts(file, Seal([old])).add("prod", PROD, Accounts(file, Seal([old])).new_key("ci", "test", "test1"))
    assert Accounts(file, Seal([new, old])).reseal() == 1
    assert Accounts(file, Seal([new])).find("test").secret == "test1"


def test_where_one_secret_cannot_be_opened_none_is_sealed_anew_and_it_is_named(tmp_path):
    old, new = new_key(), new_key()
    file = tmp_path / "accounts.json"
    accounts = Accounts(file, Seal([old]))
    accounts.add("prod", PROD, accounts.new_key("ci", "test", "test1"))
    accounts.add_key("prod", Accounts(file, Seal([new_key()])).new_key("ci", "lost", "test1"))
    with pytest.raises(SecretUnreadable, match=r"opens the secrets of lost$"):
        Accounts(file, Seal([new, old])).reseal()
    assert Accounts(file, Seal([old])).find("test").secret == "test1"
    accounts.drop_key("lost")
    assert Accounts(file, Seal([new, old])).reseal() == 1


@pytest.mark.parametrize("sealed", [5, None, "ä", ""])
def test_what_was_never_sealed_is_a_secret_that_cannot_be_opened(tmp_path, sealed):
    keys = [{"access_key": "test", "sealed": sealed, "user": "ci"}]
    document = {"accounts": [{"name": "prod", "id": PROD, "trusts": [], "keys": keys}]}
    (tmp_path / "accounts.json").write_text(json.dumps(document))
    accounts = Accounts(tmp_path / "accounts.json", Seal([new_key()]))
    with pytest.raises(CloudUnavailable, match="cannot be opened"):
        accounts.find("test")


def test_a_turn_is_one_s_own_and_others_wait(accounts, tmp_path):
    other = Accounts(tmp_path / "accounts.json", accounts._seal)
    order = []

    def add():
        other.add("test", TEST, other.new_key())
        order.append("other")

    with accounts.turn():
        thread = threading.Thread(target=add)
        thread.start()
        accounts.add("prod", PROD, accounts.new_key())
        order.append("own")
    thread.join()
    assert order == ["own", "other"]
    assert [each.name for each in accounts.all()] == ["default", "prod", "test"]


def test_what_a_command_changes_another_process_sees_at_once(accounts, tmp_path):
    serving = Accounts(tmp_path / "accounts.json", accounts._seal)
    assert serving.find("test") is None
    accounts.add("prod", PROD, accounts.new_key("ci", "test", "test1"))
    assert serving.find("test").secret == "test1"
    accounts.drop_key("test")
    assert serving.find("test") is None


def test_the_account_that_is_always_there_takes_keys_too(accounts):
    accounts.add_key("default", accounts.new_key("ci", "test", "test1"))
    assert accounts.find("test").project_id == "embedded"
    assert [account.name for account in accounts.all()] == ["default"]


@pytest.mark.parametrize(
    ("name", "number", "told"),
    [
        ("prod", TEST, "there is an account prod already"),
        ("default", TEST, "there is an account default already"),
        ("coppice", TEST, "there is an account coppice already"),
        ("DEFAULT", TEST, "there is an account DEFAULT already"),
        ("210987654321", TEST, "12 digits are an account's id"),
        (PROD, TEST, "12 digits are an account's id"),
        ("prod@2", TEST, "no name"),
        ("other", PROD, "another account's id"),
        ("other", account_id("embedded"), "another account's id"),
        ("other", "12", "no account id"),
        ("other", "\uff11" * 12, "no account id"),
        ("../other", TEST, "no name"),
        ("o]\n[x", TEST, "no name"),
    ],
)
def test_an_account_that_cannot_be_is_refused(accounts, name, number, told):
    accounts.add("prod", PROD, accounts.new_key())
    with pytest.raises(CannotKeep, match=told):
        accounts.add(name, number, accounts.new_key())
    assert [account.name for account in accounts.all()] == ["default", "prod"]


@pytest.mark.parametrize(
    ("user", "key", "secret"),
    [
        ("a b", "", ""),
        ("", "ASIA0123456789", ""),
        ("", "abc", ""),
        ("", "a\nb c", ""),
        ("", "", "abc"),
        ("", "", "a\nbcd"),
    ],
)
def test_a_key_that_cannot_be_is_refused(accounts, user, key, secret):
    with pytest.raises(CannotKeep):
        accounts.new_key(user or "admin", key, secret)


def test_a_key_is_of_one_account_and_an_account_has_so_many(accounts):
    accounts.add("prod", PROD, accounts.new_key(access_key="test"))
    with pytest.raises(CannotKeep, match="there is a key test already"):
        accounts.add("other", TEST, accounts.new_key(access_key="test"))
    for _ in range(MOST_KEYS - 1):
        accounts.add_key("prod", accounts.new_key())
    with pytest.raises(CannotKeep, match=f"has {MOST_KEYS} keys already"):
        accounts.add_key("prod", accounts.new_key())


def test_roles_are_assumed_from_within_or_by_who_is_trusted(accounts):
    accounts.add("prod", PROD, accounts.new_key())
    accounts.add("test", TEST, accounts.new_key(), ["prod"])
    assert accounts.may_assume(PROD, PROD)
    assert accounts.may_assume(TEST, PROD)
    assert not accounts.may_assume(PROD, TEST)
    assert not accounts.may_assume("999999999999", PROD)
    accounts.trust("prod", ["default"])
    assert accounts.may_assume(PROD, "embedded")
    accounts.trust("prod", [])
    assert not accounts.may_assume(PROD, "embedded")
    assert accounts.project_of(accounts.default.id) == "embedded"


def test_commands_at_once_lose_nothing(accounts, tmp_path):
    accounts.add("prod", PROD, accounts.new_key())

    def add():
        own = Accounts(tmp_path / "accounts.json", accounts._seal)
        for _ in range(4):
            own.add_key("prod", own.new_key())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accounts.named("prod").keys) == 17


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"accounts": [{"name": "x"}]}', '{"accounts": [1]}'])
def test_a_file_that_is_none_is_told_and_no_key_is_good_meanwhile(accounts, tmp_path, text):
    (tmp_path / "accounts.json").write_text(text)
    for ask in (lambda: accounts.find("test"), lambda: accounts.may_assume(PROD, PROD), accounts.all):
        with pytest.raises(CloudUnavailable, match="is no file of accounts"):
            ask()


def test_a_file_that_cannot_be_read_is_told(accounts, tmp_path):
    (tmp_path / "accounts.json").mkdir()
    with pytest.raises(CloudUnavailable, match="cannot be read"):
        accounts.find("test")
