"""Keys as processes hold them: from settings, a file and a manager, in their order, also when these change."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from oslo_config import cfg

import wsgi
from backend.commands import CannotDo, opening, seals
from backend.drivers.key_manager import KeptKeys
from backend.errors import KeysUnreached
from backend.secret_options import SecretSettings
from backend.store.secrets import Seal, new_key
from tests.backend.configured import configured
from tests.backend.drivers.key_managers import FakeManager
from tests.factories import HandClock

FILE, ONE, TWO = new_key(), new_key(), new_key()


class Installation:
    """Settings and a key file that an operator changes, and a manager."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "secrets.key"
        self.path.write_text(f"{FILE}\n")
        self.manager = FakeManager({"one": ONE.encode(), "two": TWO.encode()})
        self.chosen = SecretSettings(manager="barbican", references=("one",))

    def opened(self) -> Seal:
        kept = KeptKeys(lambda: self.manager, "Barbican")
        return seals.opened(self.chosen, self.path, lambda _, named: kept.of(named), lambda: (self.chosen, self.path))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.mark.parametrize(
    ("references", "keys"),
    [
        (("one",), [ONE, FILE]),
        (("two", "one"), [TWO, ONE, FILE]),
        (("local", "one"), [FILE, ONE]),
        (("one", "local", "two"), [ONE, FILE, TWO]),
    ],
)
def test_the_first_reference_seals_and_what_is_here_opens(installation, references, keys):
    installation.chosen = replace(installation.chosen, references=references)
    assert installation.opened().keys == tuple(keys)


def test_nothing_is_asked_before_a_key_is_needed(installation):
    installation.manager.away = True
    seal = installation.opened()
    assert installation.manager.asked == []
    assert seals.not_ready(seal) == "the keys of [secrets] are not here yet: they were not asked for yet"
    with pytest.raises(KeysUnreached):
        seal.look()
    assert "the manager is away" in (seals.not_ready(seal) or "")


def test_keys_that_a_process_before_had_are_good_while_the_manager_is_away(installation):
    left = []
    seals.Keeper(installation.opened(), 60, 5, left.append).look()
    assert left == [(ONE, FILE)]
    installation.manager.away = True
    kept = KeptKeys(lambda: installation.manager, "Barbican")
    present = lambda: (installation.chosen, installation.path)  # noqa: E731
    seal = seals.opened(installation.chosen, installation.path, lambda _, named: kept.of(named), present, left[0])
    assert seals.not_ready(seal) is None
    seals.Keeper(seal, 60, 5, left.append).look()
    assert len(left) == 1
    assert seal.open(Seal([ONE]).close("x")) == "x"
    installation.manager.away = False
    installation.chosen = replace(installation.chosen, references=("two",))
    assert seal.look()
    assert seal.keys == (TWO, FILE)


def test_other_references_are_taken_while_it_runs_and_known_ones_not_asked_for_again(installation):
    seal = installation.opened()
    seal.look()
    installation.chosen = replace(installation.chosen, references=("two", "one"))
    assert seal.look()
    assert seal.keys == (TWO, ONE, FILE)
    assert not seal.look()
    assert installation.manager.asked == ["one", "two"]
    assert seals.not_ready(seal) is None


def test_a_key_file_is_read_again(installation):
    installation.chosen = SecretSettings()
    seal = installation.opened()
    installation.path.write_text(f"{ONE}\n{FILE}\n")
    assert seal.look()
    installation.path.unlink()
    with pytest.raises(KeysUnreached, match="none is set any more"):
        seal.look()
    assert seal.keys == (ONE, FILE)


def test_a_manager_is_taken_while_it_runs_where_a_file_was_before(installation):
    managed, installation.chosen = installation.chosen, SecretSettings()
    seal = installation.opened()
    assert seal.keys == (FILE,)
    installation.chosen = managed
    assert seal.look()
    assert seal.keys == (ONE, FILE)


def test_what_no_process_would_begin_with_is_not_taken_by_one_that_runs(installation):
    seal = installation.opened()
    seal.look()
    installation.chosen = replace(installation.chosen, references=())
    with pytest.raises(KeysUnreached, match="references names no key there"):
        seal.look()
    assert seal.keys == (ONE, FILE)


def test_other_keys_altogether_are_told_and_those_before_open_still(installation, caplog):
    installation.chosen = SecretSettings()
    seal = installation.opened()
    sealed = seal.close("x")
    installation.path.write_text(f"{ONE}\n")
    seals.Keeper(seal, 60, 5).look()
    assert "none of the keys of secrets is one of those before" in caplog.text
    assert (seal.open(sealed), Seal([ONE]).open(seal.close("y"))) == ("x", "y")


def test_settings_that_cannot_be_read_again_change_nothing(installation):
    def unreadable():
        raise cfg.ConfigFileParseError("coppice.conf", "what is this")

    seal = seals.opened(SecretSettings(), installation.path, lambda _kind, _named: (), unreadable)
    with pytest.raises(KeysUnreached, match="the settings cannot be read"):
        seal.look()
    assert seal.keys == (FILE,)


def test_what_is_wrong_with_keys_is_told_once_and_when_it_is_over(installation, caplog):
    installation.manager.away = True
    seal = installation.opened()
    keeper = seals.Keeper(seal, 60, 5)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            keeper.look()
        assert [each.message for each in caplog.records] == [
            "keys of secrets cannot be read, what they seal waits for them: the manager is away"
        ]
        caplog.clear()
        installation.manager.away = False
        for _ in range(3):
            keeper.look()
        assert [each.message for each in caplog.records] == ["keys of secrets were read: 2"]
        caplog.clear()
        installation.chosen = replace(installation.chosen, references=("three", "one"))
        keeper.look()
        assert "those that are held stay in use: the manager has not the key three" in caplog.text
    assert not any(key in caplog.text for key in (FILE, ONE, TWO))


def test_a_manager_without_a_reference_is_refused_in_words(installation):
    installation.chosen = replace(installation.chosen, references=("local",))
    with pytest.raises(CannotDo, match=r"manager is barbican, and references names no key there: coppice key --store"):
        installation.opened()


def test_launch_data_are_not_to_be_sealed_without_a_key(installation):
    installation.path.unlink()
    installation.chosen = SecretSettings(seals_launch_data=True)
    with pytest.raises(CannotDo, match="launch_data is sealed, and no key is set"):
        installation.opened()


def test_references_are_of_a_manager(tmp_path):
    with pytest.raises(cfg.ConfigSourceValueError, match="references names keys of a manager, and manager is local"):
        configured(tmp_path, "[secrets]\nreferences = one\n")
    found = configured(tmp_path, "[secrets]\nmanager = vault\nreferences = one, local, one\nlaunch_data = sealed\n")
    assert found.secrets.references == ("one", "local")
    assert found.secrets.seals_launch_data


def test_what_was_derived_from_a_key_is_good_as_long_as_it_is_there():
    before = derived(FILE).now()
    assert derived(ONE, FILE).now() == [*derived(ONE).now(), *before]
    assert len({*before, *derived(ONE, FILE).now()}) == 2


def derived(*keys):
    return opening.DerivedKeys(Seal(keys), lambda: "drawn")


def test_without_a_key_nothing_that_can_be_guessed_is_signed_with(tmp_path, monkeypatch):
    """An installation's URL is in every manual, and changes with its password."""
    monkeypatch.setenv("OS_DEFAULT__STATE", ".coppice")
    monkeypatch.delenv("OS_DATABASE__URL", raising=False)
    found = []
    for folder in ("one", "other"):
        (tmp_path / folder / ".coppice").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / folder)
        store = opening.store_of(opening.settings())
        assert wsgi.main(["migrate"]) == 0
        found.append((opening.page_keys_of(store).now(), opening.webhook_keys_of(store)()))
        assert opening.webhook_keys_of(opening.store_of(opening.settings()))() == found[-1][1]
        store.close()
    (pages, hooks), (others, other_hooks) = found
    assert len({*pages, *hooks, *others, *other_hooks}) == 4


def test_tokens_of_a_process_that_has_a_newer_key_cause_one_look_and_then_none_for_a_while(installation):
    installation.chosen = SecretSettings()
    clock = HandClock()
    looks = []

    def again():
        looks.append(1)
        return installation.path.read_text().split()

    keys = opening.DerivedKeys(Seal([FILE], again, clock=clock), lambda: "drawn")
    for who in ("p", "p", "q"):
        assert keys.again(who) == keys.now()
    assert len(looks) == 2, "one for each"
    installation.path.write_text(f"{ONE}\n{FILE}\n")
    assert keys.again("p") == derived(FILE).now()
    clock.move(5)
    assert keys.again("p") == keys.now() == derived(ONE, FILE).now()


@pytest.mark.parametrize("in_vain", [False, True])
def test_a_key_that_another_thread_has_found_meanwhile_is_among_those_of_a_look(installation, in_vain):
    """Many show tokens of a newer key at once, and each has tried the older ones before."""
    installation.chosen = SecretSettings()
    seal = installation.opened()
    keys = opening.DerivedKeys(seal, lambda: "drawn")
    if in_vain:
        keys.again("p")
    installation.path.write_text(f"{ONE}\n{FILE}\n")
    seal.look()
    assert keys.again("p") == derived(ONE, FILE).now()


def test_whether_a_token_is_good_is_not_known_while_keys_are_away(installation):
    seal = installation.opened()
    seal.look()
    installation.chosen = replace(installation.chosen, references=("two",))
    installation.manager.away = True
    keys = opening.DerivedKeys(seal, lambda: "drawn")
    with pytest.raises(KeysUnreached):
        keys.again("p")
    assert len(keys.now()) == 2


def test_commands_that_need_no_key_ask_for_none_and_doctor_says_what_is_wrong(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv("OS_SECRETS__KEY_FILE", "/nowhere/at/all")
    assert wsgi.main(["migrate"]) == wsgi.main(["quota", "show"]) == 0
    assert wsgi.main(["doctor"]) == 1
    (told,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("secrets ")]
    assert "FAULT" in told
    assert "the key file /nowhere/at/all cannot be read (No such file or directory)" in told
    assert wsgi.main(["messages", "secret", "default"]) == 1
    assert "the key file /nowhere/at/all cannot be read" in capsys.readouterr().err


def test_a_key_is_put_into_no_manager_where_there_is_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["key", "--store"]) == 1
    assert "[secrets] manager names none" in capsys.readouterr().err
