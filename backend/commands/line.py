"""The command line ``coppice``: commands as records, the parser made from them, and what they tell written out."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from backend.commands import PartlyDone

Rows = Sequence[Mapping[str, Any]]
Document = Mapping[str, Any]
Told = str | Rows | Document | None
"""A sentence, a listing (one mapping a row, columns in their order), or a document: what is to be told of one thing."""


class Troubles(list[Mapping[str, Any]]):
    """A listing of what was looked at, where something is wrong: the command's status is 1."""


Arguments = Callable[[argparse.ArgumentParser], None]

FORMS: Final = ("table", "json")
_GROUPS: Final = {
    "account": "accounts of the embedded cloud, and their keys",
    "account key": "keys of an account",
    "batches": "how much of a group is asked of the cloud at once",
    "cloud": "look into the embedded cloud, and make things go wrong in it",
    "image": "images of the embedded cloud",
    "messages": "messages that their targets did not take",
    "policy": "who may call what on an OpenStack cloud",
    "quota": "how much each project may have",
    "receivers": "addresses at which alarms of Aodh and of Prometheus have groups act",
    "sources": "who measures servers",
    "type": "instance types of the embedded cloud",
}
_OURS: Final = {"chosen", "output", "command"}
_SECRET: Final = re.compile("secret|password|token")
_MOST_LISTED: Final = 50
_LONGEST: Final = 1024
UNREAD: Final = 128 + signal.SIGPIPE
"""The exit status where whoever read the answer has gone, as a shell tells it of any command: ``... | head``."""
_EPILOG: Final = """\
A first session:
  coppice run                                        everything on this machine, with a cloud that is simulated
  . .coppice/coppice.env && aws ec2 describe-regions the aws CLI, pointed at it
  coppice account add prod --id 123456789012         one more AWS account
  coppice cloud servers -o json                      what runs in the cloud, for a script
  coppice cloud capacity us-east-1c 0                a zone runs full

Settings come from the file that COPPICE_CONFIG names and from the environment (OS_GROUP__OPTION).
coppice COMMAND --help tells more of each.
"""


def no_arguments(_parser: argparse.ArgumentParser) -> None:
    """For commands that take none."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: its words, ``account add``.
        help: what it does, in a line.
        do: carries it out; what it returns is written.
        arguments: makes its arguments known.
        cannot: what is said before the reason where it is refused.
        serves: it is a service, whose words are a log.
        looks: it changes nothing, or not with such arguments: where it is not said, a command is in the audit trail.
        more: further help, shown under its arguments as it stands.
    """

    name: str
    help: str
    do: Callable[[argparse.Namespace], Told]
    arguments: Arguments = no_arguments
    cannot: str = "Nothing was changed"
    serves: bool = False
    looks: bool | Callable[[argparse.Namespace], bool] = False
    more: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """A command that was carried out, or was to be.

    Attributes:
        about: its arguments but for secrets, by name.
        looks: it changes nothing.
        code: what came between, by its name; empty where all was done.
    """

    command: str
    about: Mapping[str, str]
    looks: bool
    code: str

    @property
    def status(self) -> int:
        """The exit status."""
        return 1 if self.code else 0


def parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """Reads a command, as ``chosen``, and what belongs to it."""
    top = argparse.ArgumentParser(
        prog="coppice",
        description="AWS Auto Scaling for OpenStack clouds, and on a simulated one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    groups: dict[str, Any] = {"": top.add_subparsers(metavar="COMMAND", required=True)}
    for command in commands:
        *above, last = command.name.split()
        made = _group(groups, above).add_parser(
            last,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=command.more,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        made.set_defaults(chosen=command, output="table")
        command.arguments(made)
        if not command.serves:
            made.add_argument(
                "-o", dest="output", choices=FORMS, default="table", help="how the answer is written (default: table)"
            )
    return top


def _group(groups: dict[str, Any], words: Sequence[str]) -> Any:
    """The subcommands below those words, made with those above them when first asked for."""
    name = " ".join(words)
    if name not in groups:
        text = _GROUPS[name]
        above = _group(groups, words[:-1])
        made = above.add_parser(words[-1], help=text, description=f"{text[0].upper()}{text[1:]}.")
        groups[name] = made.add_subparsers(metavar="COMMAND", required=True)
    return groups[name]


def run(
    commands: Sequence[Command],
    given: Sequence[str] | None,
    refusals: tuple[type[Exception], ...],
    log: logging.Logger,
    out: TextIO | None = None,
    *,
    tell: Callable[[Deed], None] = lambda _: None,
) -> int:
    """Carry out what the words ask for.

    Args:
        given: the words; None: those of this process.
        refusals: what commands raise where they cannot.
        tell: is told of each command that is no service, whatever becomes of it, before its answer is written.

    Returns:
        The exit status: 0, or 1 with the reason told, or with what is wrong.

    Raises:
        SystemExit: help was asked for, the words are no command, or the answer could not be written.
    """
    _answerable()
    stream = out or sys.stdout
    with _written_to(stream):  # help
        asked = parser(commands).parse_args(given)
    command: Command = asked.chosen
    try:
        told = command.do(asked)
    except BaseException as reason:
        _tell(tell, asked, type(reason).__name__)
        if not isinstance(reason, refusals):
            raise
        if command.serves:
            log.critical("%s: %s", command.cannot, reason)
        else:
            said = str(reason) if isinstance(reason, PartlyDone) else f"{command.cannot}: {reason}"
            sys.stderr.write(f"{said}\n")
        return 1
    _tell(tell, asked, type(told).__name__ if isinstance(told, Troubles) else "")
    with _written_to(stream):
        stream.writelines(f"{line}\n" for line in written(told, asked.output))
    return 1 if isinstance(told, Troubles) else 0


def _tell(tell: Callable[[Deed], None], asked: argparse.Namespace, code: str) -> None:
    command: Command = asked.chosen
    if not command.serves:
        looks = command.looks if isinstance(command.looks, bool) else command.looks(asked)
        tell(Deed(command.name, about(asked), looks, code))


def about(asked: argparse.Namespace) -> dict[str, str]:
    """The arguments that were given, shortened, by name; nothing of one whose name is a secret's."""
    given = {name: value for name, value in vars(asked).items() if name not in _OURS and not _SECRET.search(name)}
    return {name: _short(value) for name, value in given.items() if value or (value == 0 and value is not False)}


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value[:_MOST_LISTED]))[:_LONGEST]
    return str(value)[:_LONGEST]


def _answerable() -> None:
    """A process that was begun with closed outputs has some that nobody reads, and so has what it starts or becomes."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # an output in its place, unless something else is there by now
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.set_inheritable(nowhere, True)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))


@contextlib.contextmanager
def _written_to(stream: TextIO) -> Iterator[None]:
    """All that is written there in between has been written at the end.

    Raises:
        SystemExit: it could not be; nobody is told where nobody reads any more.
    """
    try:
        try:
            yield
        finally:
            stream.flush()
    except OSError as error:
        unread = isinstance(error, BrokenPipeError)
        if not unread:
            sys.stderr.write(f"The answer could not be written: {error.strerror}\n")
        # What is left of it would be tried again, and told, at the process's end.
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        raise SystemExit(UNREAD if unread else 1) from None


def written(told: Told, form: str) -> Iterator[str]:
    """The lines of an answer as a table for people, or as JSON for programs."""
    if told is None:
        return
    if form == "json":
        whole = {"message": told} if isinstance(told, str) else told if isinstance(told, Mapping) else list(told)
        yield json.dumps(whole, indent=2, default=str)
    elif isinstance(told, str):
        yield told
    elif isinstance(told, Mapping):
        yield from _sections(told)
    elif told:
        cells = [[*told[0]], *([_cell(value) for value in row.values()] for row in told)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for number, row in enumerate(cells):
            shown = [cell.upper() if number == 0 else cell for cell in row]
            yield "  ".join(cell.ljust(width) for cell, width in zip(shown, widths, strict=True)).rstrip()


def _sections(told: Document) -> Iterator[str]:
    """A line for each thing that is told, those of a list or of a mapping below each other; nothing of what is not."""
    width = max(map(len, told), default=0)
    for name, value in told.items():
        for number, line in enumerate(_lines_of(value)):
            label = name.replace("_", " ") if number == 0 else ""
            yield f"{label.ljust(width)}  {line}"


def _lines_of(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{key}: {each}" for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return list(map(str, value))
    return [] if value is None else [str(value)]


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)
