from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wsgi
from backend.commands import CannotDo, line
from backend.commands.line import Command

ROOT = Path(wsgi.__file__).parent
ROWS = [{"name": "a", "zones": ["x", "y"], "number": 1}, {"name": "long name", "zones": [], "number": None}]


def test_a_listing_is_a_table_for_people_and_json_for_programs():
    assert list(line.written(ROWS, "table")) == [
        "NAME       ZONES  NUMBER",
        "a          x, y   1",
        "long name  -      -",
    ]
    assert json.loads("\n".join(line.written(ROWS, "json"))) == ROWS
    assert list(line.written([], "table")) == []
    assert list(line.written([], "json")) == ["[]"]


def test_a_sentence_is_told_in_both_forms():
    assert list(line.written("It is done.", "table")) == ["It is done."]
    assert json.loads("\n".join(line.written("It is done.", "json"))) == {"message": "It is done."}
    assert list(line.written(None, "json")) == []


def test_words_of_several_levels_find_their_command(capsys):
    def refuse(_):
        raise CannotDo("no such key")

    commands = [Command("account key add", "add a key", lambda _: "added"), Command("account key drop", "drop", refuse)]
    out = io.StringIO()
    assert line.run(commands, ["account", "key", "add"], (CannotDo,), logging.getLogger(), out) == 0
    assert line.run(commands, ["account", "key", "drop"], (CannotDo,), logging.getLogger(), out) == 1
    assert (out.getvalue(), capsys.readouterr().err) == ("added\n", "Nothing was changed: no such key\n")


@pytest.mark.parametrize("words", [[], ["cloud"], ["nonsense"], ["cloud", "nonsense"]])
def test_what_is_no_command_is_told(words, capsys):
    with pytest.raises(SystemExit) as ended:
        wsgi.main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: coppice")


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        wsgi.main(["--help"])
    told = capsys.readouterr().out
    for word in ("run", "engine", "grant", "orphans", "cloud", "A first session:", "COPPICE_CONFIG"):
        assert word in told


_MANY = "from backend.commands import line; import logging, sys; "
_MANY += "many = line.Command('many', 'tell much', lambda _: [{'number': each} for each in range(100_000)]); "
_MANY += "sys.exit(line.run([many], None, (), logging.getLogger()))"


def _ends(words, stdout):
    return subprocess.Popen(words, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.parametrize("asked", [["many"], ["many", "-o", "json"], ["--help"], ["many", "--help"]])
@pytest.mark.parametrize("lines", [0, 1])
def test_whoever_stops_reading_ends_a_command_without_a_word(asked, lines):
    """As ``head`` does, whether or not all of it was written by then."""
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding="utf-8") as read:
        if lines == 0:
            read.close()
        running = _ends([sys.executable, "-c", _MANY, *asked], writer)
        os.close(writer)
        for _ in range(lines):
            assert read.readline()
    told = running.communicate(timeout=60)[1]
    assert told == ""
    # What was written at once may be in the pipe as a whole.
    assert running.returncode in ({line.UNREAD} if lines == 0 or asked == ["many"] else {0, line.UNREAD})


_TELLS = """
import logging, os, sys
from backend.commands import CannotDo, line

def tell(_):
    sys.stdout.write("begun\\n")
    with open(sys.argv[1], "w") as made:
        made.write(f"{os.system('echo of a child >&1 2>&2')} {made.fileno() > 2}")
    return "told"

def refuse(_):
    raise CannotDo("no")

commands = [line.Command("tell", "a", tell), line.Command("refuse", "b", refuse)]
ended = [line.run(commands, [word], (CannotDo,), logging.getLogger()) for word in ("tell", "refuse")]
sys.exit(0 if ended == [0, 1] else 1)
"""


@pytest.mark.parametrize(
    ("closed", "out", "err"),
    [(">&-", "", "Nothing was changed: no\n"), ("2>&-", "begun\nof a child\ntold\n", ""), (">&- 2>&-", "", "")],
)
def test_whoever_closes_outputs_has_the_commands_work_all_the_same(closed, out, err, tmp_path):
    """What they start can write as well, and no file of theirs takes the place of an output."""
    words = ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, "-c", _TELLS, str(tmp_path / "made")]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, out, err)
    assert (tmp_path / "made").read_text() == "0 True"


def test_an_answer_that_cannot_be_written_is_told():
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        running = _ends([sys.executable, "-c", _MANY, "many"], full)
    assert running.communicate(timeout=60)[1] == "The answer could not be written: No space left on device\n"
    assert running.returncode == 1


def test_the_command_of_a_fresh_clone_finds_its_tree(tmp_path):
    venv = tmp_path / "tree" / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / ".python").touch()
    (venv / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "tree" / "wsgi.py").write_text("import sys; print(sys.argv[1:])")
    make = ["make", "-s", "-C", str(ROOT), f"VENV={venv}", f"{venv}/bin/coppice"]
    # Within make test this is a make of its own, not a part of the one that runs.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    subprocess.run(make, check=True, env=environment)
    (tmp_path / "elsewhere").symlink_to(venv / "bin" / "coppice")
    said = subprocess.run([tmp_path / "elsewhere", "a b", "c"], check=True, capture_output=True, text=True, cwd="/")
    assert said.stdout == "['a b', 'c']\n"


def _deeds(command, *words):
    told = []
    with contextlib.suppress(ZeroDivisionError):
        line.run(
            [command],
            [*command.name.split(), *words],
            (CannotDo,),
            logging.getLogger(),
            io.StringIO(),
            tell=told.append,
        )
    return told


def test_every_command_is_told_with_what_was_given_and_what_came_of_it():
    def arguments(parser):
        parser.add_argument("names", nargs="*")
        parser.add_argument("--number", type=int)
        parser.add_argument("--secret-key", default="")
        parser.add_argument("--all", action="store_true")

    def fail(reason):
        raise reason

    for do, code in (
        (lambda _: "done", ""),
        (lambda _: line.Troubles(), "Troubles"),
        (lambda _: fail(CannotDo("no")), "CannotDo"),
        (lambda _: fail(ZeroDivisionError()), "ZeroDivisionError"),
    ):
        made = Command("quota set", "set", do, arguments)
        (deed,) = _deeds(made, "a", "b", "--number", "0", "--secret-key", "hidden")
        assert deed == line.Deed("quota set", {"names": "a,b", "number": "0"}, looks=False, code=code)
        assert deed.status == bool(code)


def test_a_service_tells_a_log_and_no_trail():
    assert _deeds(Command("engine", "one", lambda _: None, serves=True)) == []


def test_what_is_told_of_arguments_is_bounded():
    made = Command("drain", "x", lambda _: None, lambda parser: parser.add_argument("hosts", nargs="*"))
    (deed,) = _deeds(made, *(f"{number:0100}" for number in range(200)))
    assert len(deed.about["hosts"]) == 1024
