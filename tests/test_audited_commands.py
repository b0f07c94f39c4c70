"""Every command is in the audit trail unless it is known here as one that only looks."""

from __future__ import annotations

import argparse
import io
import json
import logging
from dataclasses import replace

import pytest

import wsgi
from backend.commands import CannotDo, line, person, schema

LOOK = {
    *("account list", "batches show", "cloud faults", "cloud loads", "cloud members", "cloud pools", "cloud servers"),
    *("doctor", "engines", "explain", "forecasts", "groups", "image list", "messages list"),
    *("policy check", "policy sample", "quota show", "receivers list", "sources list", "type list"),
}
"""Whoever adds to these says that the command changes nothing, and shows no secret."""
BOTH = {"key", "orphans"}
"""They look, or change, by what is given with them."""
SERVICES = {"engine", "listen", "metadata", "serve"}
CHANGES = [one for one in wsgi.COMMANDS if one.name not in LOOK | BOTH | SERVICES]


def _deeds(command, do):
    told = []
    made = replace(command, do=do, arguments=line.no_arguments)
    line.run([made], command.name.split(), (CannotDo,), logging.getLogger(), io.StringIO(), tell=told.append)
    return [(deed.command, deed.looks, deed.code) for deed in told]


def _refuse(_asked):
    raise CannotDo("no")


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: command.name)
def test_what_changes_something_is_told_whether_or_not_it_was_done(command):
    assert _deeds(command, lambda _: None) == [(command.name, False, "")]
    assert _deeds(command, _refuse) == [(command.name, False, "CannotDo")]


def test_what_only_looks_is_known_here():
    assert {one.name for one in wsgi.COMMANDS if one.looks is True} == LOOK
    assert {one.name for one in wsgi.COMMANDS if callable(one.looks)} == BOTH
    assert {one.name for one in wsgi.COMMANDS if one.serves} == SERVICES


@pytest.mark.parametrize(
    ("words", "looks"),
    [
        ("key", True),
        ("key --store", False),
        ("orphans", True),
        ("orphans --release p", False),
        ("orphans --look p/r", False),
    ],
)
def test_what_does_either_is_told_by_what_was_given(words, looks):
    asked = line.parser(wsgi.COMMANDS).parse_args(words.split())
    assert asked.chosen.looks(asked) is looks


def _parsers(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _parsers(below)


def test_no_argument_that_is_told_is_a_secret():
    held = []
    for parser in _parsers(line.parser(wsgi.COMMANDS)):
        for action in parser._actions:
            if action.nargs == 0 or isinstance(action, argparse._SubParsersAction):
                continue
            words = f"{action.dest} {action.help}".lower()
            if any(word in words for word in ("secret", "password", "token")):
                held.append(action.dest)
    assert held
    assert all(line.about(argparse.Namespace(**{dest: "hidden"})) == {} for dest in held)


@pytest.fixture
def trail(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.delenv("COPPICE_CONFIG", raising=False)
    monkeypatch.setenv("OS_AUDIT__FILE", str(tmp_path / "audit.log"))
    schema.migrate(f"sqlite:///{tmp_path}/coppice.db")
    return tmp_path / "audit.log"


def test_an_operator_s_commands_are_in_the_trail_of_the_gateway(trail, monkeypatch, capsys):
    assert wsgi.main(["quota", "show"]) == 0
    assert (trail.exists(), capsys.readouterr().err) == (False, "")
    assert wsgi.main(["quota", "set", "instances", "7", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["message"].endswith("7.")
    assert wsgi.main(["quota", "set", "wishes", "7"]) == 1
    assert wsgi.main(["suspend-all", "--reason", "works"]) == 0
    told = [json.loads(each) for each in trail.read_text().splitlines()]
    me = person.present()
    assert {(each["user"], each["user_id"], each["source"]) for each in told} == {(me.name, str(me.number), me.host)}
    assert [(each["action"], each["outcome"], each["status"], each["code"]) for each in told] == [
        ("coppice:quota set", "success", 0, ""),
        ("coppice:quota set", "failure", 1, "CannotDo"),
        ("coppice:suspend-all", "success", 0, ""),
    ]
    assert [each["about"] for each in told] == [
        {"quota": "instances", "number": "7"},
        {"quota": "wishes", "number": "7"},
        {"reason": "works"},
    ]
    monkeypatch.setenv("OS_AUDIT__READS", "true")
    assert wsgi.main(["quota", "show"]) == 0
    assert json.loads(trail.read_text().splitlines()[-1])["action"] == "coppice:quota show"


def test_a_trail_that_cannot_be_written_holds_nobody_up_and_is_said(trail, monkeypatch, caplog):
    monkeypatch.setenv("OS_AUDIT__FILE", str(trail.parent / "nowhere" / "audit.log"))
    assert wsgi.main(["resume-all"]) == 1
    assert "cannot be written" in caplog.text


def test_where_settings_cannot_be_read_the_trail_is_missed(trail, monkeypatch, caplog):
    monkeypatch.setenv("OS_AUDIT__FORM", "prose")
    assert wsgi.main(["resume-all"]) == 1
    assert "where the audit trail is cannot be read" in caplog.text
