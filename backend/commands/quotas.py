"""How much each project may have: shown, set, taken back."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Final

from backend.commands import CannotDo, opening
from backend.commands.line import Command, Rows, Told
from backend.domain.quotas import MOST, Quota
from backend.domain.scope import Scope
from backend.store import clusters, configurations, quotas
from backend.store.session import Store

_UNLIMITED: Final = "unlimited"


def shown(store: Store, project: str, region: str | None) -> Rows:
    """A row for each quota; with a region what the project has there, of what is counted by project.

    Args:
        project: its id; empty for what holds for all others.
    """
    with store.read() as conn:
        used: dict[Quota, int] = {}
        if region is not None:
            scope = Scope(project, region)
            used = {
                Quota.CLUSTERS: clusters.count(conn, scope),
                Quota.CONFIGURATIONS: configurations.count(conn, scope),
                Quota.INSTANCES: quotas.present(conn, scope),
            }
        return [
            {
                "quota": str(each.quota),
                "limit": _UNLIMITED if each.limit is None else each.limit,
                "set_for": each.decided,
                **({} if region is None else {"used": used.get(each.quota, "")}),
            }
            for each in quotas.allowances(conn, project)
        ]


def put(store: Store, project: str, name: str, most: int | None) -> str:
    """Set a number, or take it back. Raises CannotDo for a name that no quota has."""
    if name not in list(Quota):
        raise CannotDo(f"there is no quota {name}; there are {', '.join(Quota)}")
    quota = Quota(name)
    store.transact(partial(quotas.put, project_id=project, quota=quota, most=most))
    whose = f"project {project}" if project else "projects without one of their own"
    if most is not None:
        return f"{quota} of {whose}: {most}."
    with store.read() as conn:
        (stands,) = (each for each in quotas.allowances(conn, project) if each.quota is quota)
    return f"{quota} of {whose}: {_UNLIMITED if stands.limit is None else stands.limit} ({stands.decided})."


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MOST:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to {MOST}")
    return int(text)


def _project_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--project",
        help="its id; of the embedded cloud an account by name or number (default: all without one of their own)",
    )


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    _project_argument(parser)
    parser.add_argument("--region", help="the cloud's region whose use is told")


def _set_arguments(parser: argparse.ArgumentParser) -> None:
    _unset_arguments(parser)
    parser.add_argument("number", type=_number, help="how much of it, in each region")


def _unset_arguments(parser: argparse.ArgumentParser) -> None:
    _project_argument(parser)
    parser.add_argument("quota", metavar="QUOTA", help=", ".join(Quota))


def _store() -> Store:
    return opening.ready_store(opening.settings())


def _project(named: str | None) -> str:
    return quotas.DEFAULT if named is None else opening.project_of(opening.settings(), named)


def _show(asked: argparse.Namespace) -> Told:
    if asked.region is not None and asked.project is None:
        raise CannotDo("--region tells what a project uses there: name one with --project")
    return shown(_store(), _project(asked.project), asked.region)


COMMANDS: Final = (
    Command("quota show", "how much a project may have", _show, _show_arguments, looks=True),
    Command(
        "quota set",
        "say how much a project may have",
        lambda asked: put(_store(), _project(asked.project), asked.quota, asked.number),
        _set_arguments,
    ),
    Command(
        "quota unset",
        "have what holds for all hold for a project again",
        lambda asked: put(_store(), _project(asked.project), asked.quota, None),
        _unset_arguments,
    ),
)
