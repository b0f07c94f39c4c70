"""The operator's commands as words and arguments; what each of them decides stands in a module of its own."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from backend.clock import SystemClock
from backend.commands import CannotDo, grants, opening, orphans, schema, seals
from backend.commands.line import Command, Told
from backend.config import BackendSettings
from backend.drivers.simulated import SimulatedCloud, hand
from backend.store import sealed, sessions
from backend.store.secrets import new_key


def _grant_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cloud", required=True, help="entry of clouds.yaml with your own login and project")
    parser.add_argument("--clouds-file", default="", help="path of that file (default: where OpenStack's clients look)")
    parser.add_argument("--trustee", help="id of Coppice's service user (default: that of the configuration)")
    parser.add_argument("--role", default="member", help="the role it may act with (default: member)")
    parser.add_argument("--expires", type=_instant, help="when it ends: 2027-01-31, 2027-01-31T12:00 (UTC)")
    parser.add_argument(
        "--application-credential",
        action="store_true",
        help="by an application credential, sealed in Coppice's database (default: by a trust, which nobody keeps)",
    )
    parser.add_argument("--revoke", action="store_true", help="take back what was granted")


def _instant(text: str) -> datetime:
    """A time to come; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date: 2027-01-31, 2027-01-31T12:00") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= SystemClock().now():
        raise argparse.ArgumentTypeError(f"{text} is past")
    return at


def _grant(asked: argparse.Namespace) -> Told:
    present = opening.settings()
    wish = grants.Wish(
        cloud=asked.cloud,
        clouds_file=asked.clouds_file,
        trustee=asked.trustee,
        role=asked.role,
        expires_at=asked.expires,
        sealed=asked.application_credential,
        revoke=asked.revoke,
    )
    kept = lambda: opening.store_of(present)  # noqa: E731
    return grants.grant(present.openstack, wish, kept, SystemClock())


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", action="store_true", help="put it into the key manager of [secrets], and print its reference there"
    )


def _key(asked: argparse.Namespace) -> Told:
    return opening.manager_of(opening.settings()).put(new_key()) if asked.store else new_key()


def _reseal(_asked: argparse.Namespace) -> Told:
    present = opening.settings()
    store = opening.store_of(present)
    schema.check(store)
    # Of no use, whatever they are sealed with.
    store.transact(partial(sessions.drop, ended_before=SystemClock().now()))
    places: list[Callable[[], int]] = [
        partial(sealed.reseal, store, place, store.guard) for place in sealed.PLACES.values()
    ]
    if present.driver == "simulated":
        places.append(opening.accounts_of(present).reseal)
    return seals.reseal(*places)


def _orphans_arguments(parser: argparse.ArgumentParser) -> None:
    found = parser.add_mutually_exclusive_group()
    found.add_argument("--release", metavar="PROJECT[/REGION]", help="end what the project has of it now")
    found.add_argument("--look", metavar="PROJECT/REGION", help="look at a project that has no group")


def _orphans(asked: argparse.Namespace) -> Told:
    present, clock = opening.settings(), SystemClock()
    store = opening.ready_store(present)
    if asked.release:
        return orphans.release(store, clock, _place(present, asked.release))
    if asked.look:
        regions = opening.regions_of(present)
        served = regions if present.driver != "openstack" else regions.values()
        return orphans.look(store, clock, _place(present, asked.look), served, regions.values())
    if asked.output == "json":
        return orphans.found(store, clock.now(), present.engine.sweeping)
    return "\n".join(orphans.listed(store, clock, present.engine.sweeping))


def _place(present: BackendSettings, word: str) -> str:
    """``PROJECT/REGION`` with the id of the project that is meant, which may have gone."""
    project, *rest = word.split("/", 1)
    return "/".join([opening.project_kept(present, project), *rest])


def state_argument(parser: argparse.ArgumentParser) -> None:
    """Where the embedded state is, for commands that work on it."""
    parser.add_argument("--state", type=Path, help="its folder (default: that of the settings, .coppice)")


def state_of(asked: argparse.Namespace) -> Path:
    """The folder of the embedded state, which is there. Raises CannotDo."""
    folder: Path = asked.state or Path(opening.settings().state)
    if not folder.is_dir():
        raise CannotDo(f"there is no state in {folder}: coppice run makes one, --state names another")
    return folder


def opened_cloud(asked: argparse.Namespace) -> SimulatedCloud:
    """The embedded cloud of that state. Raises CannotDo."""
    file = state_of(asked) / opening.CLOUD_FILE
    if not file.is_file():
        raise CannotDo(f"there is no simulated cloud in {file.parent}: coppice run makes one, --state names another")
    return SimulatedCloud.open(str(file), SystemClock())


def _hand(name: str, asked: argparse.Namespace) -> Told:
    asked.command = name
    simulated = opened_cloud(asked)
    try:
        return hand.carry_out(simulated, asked)
    except hand.REFUSALS as reason:
        raise CannotDo(str(reason)) from reason
    finally:
        simulated.close()


def _hand_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    hand.ORDERS[name].arguments(parser)
    state_argument(parser)


COMMANDS: Final = (
    Command(
        "migrate",
        "bring the database to the present schema",
        lambda _: schema.migrate(opening.settings().database_url),
        cannot="The database was not migrated",
    ),
    Command("grant", "let Coppice act in your OpenStack project", _grant, _grant_arguments),
    Command(
        "orphans",
        "list what belongs to no group, or let it go",
        _orphans,
        _orphans_arguments,
        looks=lambda asked: not (asked.release or asked.look),
    ),
    Command("key", "print a new key for [secrets]", _key, _key_arguments, looks=lambda asked: not asked.store),
    Command(
        "reseal",
        "seal every secret with the first key of [secrets]",
        _reseal,
        cannot="Nothing was sealed anew",
    ),
    *(
        Command(f"cloud {name}", order.help, partial(_hand, name), partial(_hand_arguments, name), looks=order.looks)
        for name, order in hand.ORDERS.items()
    ),
)
