"""Commands by which an operator looks at a whole installation, and stops it, as words and arguments."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from backend.clock import SystemClock
from backend.commands import brakes, doctor, engine_list, groups, opening, person
from backend.commands.groups import Wanted
from backend.commands.line import Command, Told
from backend.config import BackendSettings
from backend.domain.brakes import Brake
from backend.engine.explaining import Words
from backend.store.session import Store


def _opened() -> tuple[BackendSettings, Store]:
    """The settings, and a database that can be worked with. Raises CannotDo."""
    present = opening.settings()
    return present, opening.ready_store(present)


def _engines(_asked: argparse.Namespace) -> Told:
    present, store = _opened()
    return engine_list.listed(store, present.engine)


def _groups_arguments(parser: argparse.ArgumentParser) -> None:
    _place_arguments(parser, "only of this")
    parser.add_argument("--limit", type=_number, default=100, help="so many at most (default: 100)")
    parser.add_argument("--after", metavar="PROJECT/REGION/GROUP", default="", help="those that follow this one")


def _place_arguments(parser: argparse.ArgumentParser, help_text: str) -> None:
    parser.add_argument("--project", help=f"{help_text} project: its id; of the embedded cloud an account, too")
    parser.add_argument("--region", help=f"{help_text} region, by the cloud's name")


def _number(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to 10000")
    return number


def _groups(asked: argparse.Namespace) -> Told:
    present, store = _opened()
    project, region = _place(present, asked)
    return groups.listed(store, SystemClock(), Wanted(project, region, asked.after, asked.limit))


def _place(present: BackendSettings, asked: argparse.Namespace) -> tuple[str | None, str | None]:
    """The project and the region that are meant; None: all. Raises CannotDo where there is none of that name."""
    project = opening.project_wanted(present, asked.project)
    return project, opening.cloud_region(present, asked.region) if asked.region else None


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("group", help="its name, or its id")
    told = "whose it is, where several have one of that name: its id; of the embedded cloud an account, too"
    parser.add_argument("--project", help=told)


def _explain(words: Words, asked: argparse.Namespace) -> Told:
    present, store = _opened()
    project = opening.project_wanted(present, asked.project)
    return groups.explain(store, SystemClock(), present.engine, words, (asked.group, project))


def _suspend_arguments(parser: argparse.ArgumentParser) -> None:
    _place_arguments(parser, "only in this")
    told = "why, for who asks coppice explain or coppice doctor, and for the owners of groups"
    parser.add_argument("--reason", default="", help=told)


def _suspend(asked: argparse.Namespace) -> Told:
    present, store = _opened()
    project, region = _place(present, asked)
    with store.read() as conn:
        now = store.lease_now(conn)  # as everybody reads it, whatever this machine's clock says
    brake = Brake(project or "", region or "", now, str(person.present())[:255], asked.reason[:255])
    return brakes.suspend(store, brake)


def _resume(asked: argparse.Namespace) -> Told:
    present, store = _opened()
    project = opening.project_kept(present, asked.project) if asked.project else ""
    return brakes.resume(store, project, asked.region or "")


def _doctor(
    misnamed: Callable[[], Sequence[str]], trail: Callable[[], Path | None], _asked: argparse.Namespace
) -> Told:
    present, clock = opening.settings(), SystemClock()
    store = opening.store_of(present)
    open_cloud = partial(opening.cloud_of, present, store)
    named = {"[audit] file": trail(), "[messages] log": Path(present.messages_log) if present.messages_log else None}
    ward = doctor.Ward(
        store,
        clock,
        present.engine,
        open_cloud,
        listens=bool(present.events.urls),
        members=partial(opening.members_of, present) if present.coordinator else None,
        buses=opening.buses_of(present),
        misnamed=misnamed(),
        files={setting: file for setting, file in named.items() if file is not None},
    )
    if present.driver == "openstack":
        log_in, time = partial(opening.service_user_of, present), partial(opening.cloud_time_of, present)
        ward = replace(ward, log_in=log_in, cloud_time=time, read_keys=partial(opening.read_keys, present))
    return doctor.examined(ward)


def commands(
    words: Words, misnamed: Callable[[], Sequence[str]], trail: Callable[[], Path | None]
) -> Sequence[Command]:
    """The commands.

    Args:
        words: AWS's, in which a group's owner reads what happened.
        misnamed: settings that nobody reads.
        trail: the file of the audit trail; None: there is none.
    """
    return (
        Command("engines", "list the engines, who has how much, and who is silent", _engines, looks=True),
        Command("groups", "list the groups of all projects", _groups, _groups_arguments, looks=True),
        Command(
            "explain",
            "tell why a group is as it is, and what comes next",
            partial(_explain, words),
            _explain_arguments,
            looks=True,
        ),
        Command("suspend-all", "put the brake on: nothing is launched and nothing ended", _suspend, _suspend_arguments),
        Command(
            "resume-all",
            "take the brake off",
            _resume,
            partial(_place_arguments, help_text="as it was put on for this"),
        ),
        Command(
            "doctor",
            "look what is wrong with the installation, and tell what to do (status 1: a fault)",
            partial(_doctor, misnamed, trail),
            looks=True,
        ),
    )
