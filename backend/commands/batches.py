"""How much of a group engines ask of the cloud at once: shown, set, taken back."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Final

from backend.commands import CannotDo, opening
from backend.commands.line import Command, Rows, Told
from backend.domain.batch_sizes import MOST, Batch, Sized
from backend.engine.settings import SIZES, EngineSettings
from backend.store import batch_sizes
from backend.store.batch_sizes import EVERY
from backend.store.session import Store

_ALL: Final = "all"


def shown(store: Store, settings: EngineSettings) -> Rows:
    """A row for each number: those of the settings, which hold where no other does, and an operator's."""
    with store.read() as conn:
        found = batch_sizes.everywhere(conn)
    rows = [
        {"batch": str(batch), "size": getattr(settings, name), "project": _ALL, "region": _ALL, "set_by": "settings"}
        for batch, name in SIZES.items()
    ]
    return rows + [
        {
            "batch": str(each.batch),
            "size": each.size,
            "project": each.project_id or _ALL,
            "region": each.region or _ALL,
            "set_by": "operator",
        }
        for each in found
    ]


def put(store: Store, project: str, region: str, name: str, size: int) -> str:
    """Set a number. Raises CannotDo for a name that no batch has, or a number that it cannot be."""
    batch = _batch(name)
    if not 1 <= size <= MOST[batch]:
        raise CannotDo(f"{batch} is a number from 1 to {MOST[batch]}")
    store.transact(partial(batch_sizes.put, sized=Sized(project, region, batch, size)))
    return f"{batch} of {_whose(project, region)}: {size}, from the next pass over each group on."


def drop(store: Store, project: str, region: str, name: str) -> str:
    """Take a number back. Raises CannotDo where there is none."""
    batch = _batch(name)
    if not store.transact(partial(batch_sizes.drop, project_id=project, region=region, batch=batch)):
        raise CannotDo(f"no {batch} was set for {_whose(project, region)}: coppice batches show tells them")
    return f"{batch} of {_whose(project, region)} is no longer set."


def _batch(name: str) -> Batch:
    if name not in list(Batch):
        raise CannotDo(f"there is no batch {name}; there are {', '.join(Batch)}")
    return Batch(name)


def _whose(project: str, region: str) -> str:
    projects = f"project {project}" if project else "all projects"
    return f"{projects} in {region}" if region else f"{projects} in all regions"


def _place_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", help="its id; of the embedded cloud an account by name or number (default: all)")
    parser.add_argument("--region", help="the cloud's region (default: all)")


def _unset_arguments(parser: argparse.ArgumentParser) -> None:
    _place_arguments(parser)
    parser.add_argument("batch", metavar="BATCH", help=", ".join(Batch))


def _set_arguments(parser: argparse.ArgumentParser) -> None:
    _unset_arguments(parser)
    parser.add_argument("number", type=int, help="at most so many at once")


def _place(asked: argparse.Namespace) -> tuple[Store, str, str]:
    """The database, the project and the region that are meant. Raises CannotDo."""
    present = opening.settings()
    project = EVERY if asked.project is None else opening.project_of(present, asked.project)
    region = EVERY if asked.region is None else opening.cloud_region(present, asked.region)
    return opening.ready_store(present), project, region


def _show(_asked: argparse.Namespace) -> Told:
    present = opening.settings()
    return shown(opening.ready_store(present), present.engine)


COMMANDS: Final = (
    Command("batches show", "how much of a group is asked of the cloud at once", _show, looks=True),
    Command(
        "batches set",
        "say how much that is, of a region, a project or all",
        lambda asked: put(*_place(asked), asked.batch, asked.number),
        _set_arguments,
    ),
    Command(
        "batches unset",
        "have what is wider hold again",
        lambda asked: drop(*_place(asked), asked.batch),
        _unset_arguments,
    ),
)
