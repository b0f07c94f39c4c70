"""Messages that were given up: listed, sent again, dropped."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from backend.clock import Clock, SystemClock
from backend.commands import CannotDo, opening
from backend.commands.line import Command, Rows, Told
from backend.domain.web_addresses import shown
from backend.drivers.webhooks import secret_of, told_secret
from backend.store import outbox
from backend.store.outbox import Dead
from backend.store.session import Connection, Store

_MOST: Final = 1000
"""Messages that one command takes up."""


def listed(store: Store, project: str | None) -> Rows:
    """A row for each, oldest first."""
    with store.read() as conn:
        found = outbox.dead(conn, _MOST, project)
    return [
        {
            "id": each.message.id,
            "project": each.message.project_id,
            "region": each.message.region,
            "group": each.message.cluster_name,
            "kind": str(each.message.kind),
            "target": shown(each.message.target) or "(event bus)",
            "given_up": each.dead_at.isoformat(timespec="seconds"),
            "attempts": each.attempts,
            "fault": each.fault,
        }
        for each in found
    ]


def resend(store: Store, clock: Clock, project: str | None, ids: Sequence[str]) -> str:
    """Have messages told again. Raises CannotDo where one is not there."""

    def work(conn: Connection) -> int:
        letters = _chosen(conn, project, ids)
        outbox.resend(conn, letters, clock.now())
        return len(letters)

    return f"Sent again: {store.transact(work)}."


def drop(store: Store, project: str | None, ids: Sequence[str]) -> str:
    """Forget messages. Raises CannotDo where one is not there."""

    def work(conn: Connection) -> int:
        letters = _chosen(conn, project, ids)
        outbox.drop(conn, letters)
        return len(letters)

    return f"Dropped: {store.transact(work)}."


def _chosen(conn: Connection, project: str | None, ids: Sequence[str]) -> Sequence[Dead]:
    found = outbox.dead(conn, _MOST, project, ids)
    missing = set(ids) - {each.message.id for each in found}
    if missing:
        raise CannotDo(f"no message that was given up has the id {', '.join(sorted(missing))}")
    return found


def _secret(asked: argparse.Namespace) -> Told:
    present = opening.settings()
    project = opening.project_of(present, asked.project)
    key, *_older = opening.webhook_keys_of(_store())()
    return told_secret(secret_of(key, project))


def _secret_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", help="id of the project; of the embedded cloud an account, by name or number")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--project",
        help="its id; of the embedded cloud an account, too (default: all)",
    )


def _arguments(parser: argparse.ArgumentParser) -> None:
    _list_arguments(parser)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--all", action="store_true", help=f"all that were given up, {_MOST} at a time")
    chosen.add_argument("ids", nargs="*", default=[], metavar="ID", help="ids of messages")


def _store() -> Store:
    return opening.ready_store(opening.settings())


def _of_project(asked: argparse.Namespace) -> tuple[Store, str | None]:
    """The database, and the project that is meant; None: all. Raises CannotDo."""
    return _store(), opening.project_wanted(opening.settings(), asked.project)


def _resend(asked: argparse.Namespace) -> Told:
    store, project = _of_project(asked)
    return resend(store, SystemClock(), project, asked.ids)


def _list(asked: argparse.Namespace) -> Told:
    return listed(*_of_project(asked)) or ("Nothing was given up." if asked.output == "table" else [])


COMMANDS: Final = (
    Command("messages list", "list messages that their targets did not take", _list, _list_arguments, looks=True),
    Command(  # not one that only looks: who took a secret is in the audit trail
        "messages secret",
        "print what a project's web servers check signatures with",
        _secret,
        _secret_arguments,
    ),
    Command(
        "messages resend",
        "have messages that were given up told again",
        _resend,
        _arguments,
    ),
    Command(
        "messages drop",
        "forget messages that were given up",
        lambda asked: drop(*_of_project(asked), asked.ids),
        _arguments,
    ),
)
