"""Accounts of the embedded cloud by hand: made, listed, given keys, written down as profiles of AWS's tools."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from backend.commands import CannotDo, PartlyDone, opening, profiles
from backend.commands.line import Command, Told
from backend.commands.operator import state_argument, state_of
from backend.commands.profiles import Profile
from backend.domain.delegation import SecretUnreadable
from backend.drivers.errors import CloudUnavailable
from backend.drivers.simulated.accounts import DEFAULT, USER, Account, Accounts, CannotKeep

_PROFILE_HELP: Final = """\
Profiles are written to STATE/aws/config and STATE/aws/credentials. To use them:
  export AWS_CONFIG_FILE=.coppice/aws/config AWS_SHARED_CREDENTIALS_FILE=.coppice/aws/credentials
  aws --profile NAME sts get-caller-identity
The first key of an account is the profile NAME, the next are NAME@2, NAME@3... A running server knows them at once.
"""


def opened(asked: argparse.Namespace) -> tuple[Path, Accounts]:
    """The state folder and its accounts. Raises CannotDo."""
    present = opening.settings()
    if present.driver != "simulated":
        raise CannotDo("accounts are the cloud's projects, and keys are made by their users: openstack ec2 credentials")
    folder = state_of(asked)
    return folder, opening.accounts_of(replace(present, state=str(folder)))


@dataclass(frozen=True, slots=True)
class Written:
    """Files of profiles as they were written.

    Attributes:
        unreadable: keys that none of the profiles has: their secrets cannot be opened.
    """

    config: Path
    credentials: Path
    unreadable: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What to say of it, in sentences."""
        return [
            f"The secret of {key} cannot be opened, so that it is no profile and no request is answered with it: "
            f"coppice account key drop {key}"
            for key in self.unreadable
        ]


def write_profiles(folder: Path, accounts: Accounts, *, into_users: bool = False) -> Written:
    """Write every account's profiles, into the user's own files too where that is asked for.

    Raises:
        CannotDo: the user has a profile of one of these names.
        CloudUnavailable, OSError: a file cannot be read or written.
    """
    known = profiles.exported(folder / opening.ENV_FILE)
    endpoint = known.get("AWS_ENDPOINT_URL", "http://127.0.0.1:8080")
    region = known.get("AWS_DEFAULT_REGION", opening.settings().region)
    with accounts.turn():
        made = [*_profiles(known, accounts)]
        lost = tuple(key.access_key for each in accounts.all() for key in each.keys if not accounts.opens(key))
        written = Written(*profiles.write(folder, made, endpoint, region), lost)
        if into_users:
            config, credentials = profiles.user_files()
            if {config.resolve(), credentials.resolve()} & {written.config.resolve(), written.credentials.resolve()}:
                raise CannotDo("AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE names Coppice's own")
            # The user's default profile is not ours to be.
            own = [replace(each, name="coppice") if each.name == DEFAULT else each for each in made]
            profiles.write_into(config, credentials, own, endpoint, region)
            return Written(config, credentials, lost)
    return written


def kept_profiles(folder: Path, accounts: Accounts) -> list[str]:
    """Every account's profiles, written as a server starts; what to say of them. Raises CannotDo."""
    try:
        return write_profiles(folder, accounts).warnings
    except (CloudUnavailable, OSError) as reason:
        raise CannotDo(f"profiles of the accounts: {_reason(reason)}") from reason


def _profiles(known: dict[str, str], accounts: Accounts) -> Iterator[Profile]:
    for account in accounts.all():
        has_first = account.name == DEFAULT and "AWS_ACCESS_KEY_ID" in known
        if has_first:
            yield Profile(account.name, known["AWS_ACCESS_KEY_ID"], known["AWS_SECRET_ACCESS_KEY"])
        for number, key in enumerate(account.keys, start=1 + has_first):
            if accounts.opens(key):
                name = account.name if number == 1 else f"{account.name}@{number}"
                yield Profile(name, key.access_key, accounts.secret(key))


def _add(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    _check_not_first(folder, asked.access_key)
    key = accounts.new_key(asked.user, asked.access_key, asked.secret_key)
    with accounts.turn():
        account = accounts.add(asked.name, asked.id, key, asked.trusts)
        done = f"Account {account.name} is {account.id}."
        return _and_profiles(done, lambda: _written(folder, accounts, asked.write, account.name))


def _and_profiles(done: str, write: Callable[[], str]) -> str:
    """What was done, and what is to say of the profiles. Raises PartlyDone where they could not be written."""
    try:
        return f"{done}\n{write()}"
    except (CannotDo, CloudUnavailable, OSError) as reason:
        why = f"Profiles could not be written, coppice account profiles does it: {_reason(reason)}"
        raise PartlyDone(f"{done} {why}") from reason


def _written(folder: Path, accounts: Accounts, into_users: bool, name: str) -> str:
    own = write_profiles(folder, accounts)
    lines = own.warnings
    if into_users:
        try:
            theirs = write_profiles(folder, accounts, into_users=True)
            lines.append(f"Written to {theirs.config} and {theirs.credentials}.")
        except (CannotDo, OSError) as reason:
            lines.append(f"Your own files stay as they are: {_reason(reason)}.")
        return "\n".join(lines)
    files = f"AWS_CONFIG_FILE={own.config.resolve()} AWS_SHARED_CREDENTIALS_FILE={own.credentials.resolve()}"
    return "\n".join([*lines, f"export {files}", f"aws --profile {name} sts get-caller-identity"])


def _first_key(folder: Path) -> str | None:
    """The key that the account which is always there was made with; no command makes or drops it."""
    return profiles.exported(folder / opening.ENV_FILE).get("AWS_ACCESS_KEY_ID")


def _check_not_first(folder: Path, access_key: str) -> None:
    if access_key and access_key == _first_key(folder):
        raise CannotDo(f"{access_key} is the key of {folder / opening.ENV_FILE}, which {DEFAULT} always has")


def _list(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    first = _first_key(folder)
    return [_row(account, first if account.name == DEFAULT else None) for account in accounts.all()]


def _row(account: Account, first: str | None) -> dict[str, object]:
    keys = [key.access_key for key in account.keys]
    return {
        "account": account.name,
        "id": account.id,
        "keys": [first, *keys] if first else keys,
        "trusts": list(account.trusts),
    }


def _trust(asked: argparse.Namespace) -> Told:
    _, accounts = opened(asked)
    account = accounts.trust(asked.account, asked.by)
    return f"Roles of {account.name} may be assumed by itself{''.join(f', {each}' for each in account.trusts)}."


def _add_key(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    _check_not_first(folder, asked.access_key)
    key = accounts.new_key(asked.user, asked.access_key, asked.secret_key)
    with accounts.turn():
        account = accounts.add_key(asked.account, key)
        number = len(account.keys) + (account.name == DEFAULT and _first_key(folder) is not None)
        profile = account.name if number == 1 else f"{account.name}@{number}"
        done = f"Key {key.access_key} is the profile {profile}."
        return _and_profiles(done, lambda: _written(folder, accounts, asked.write, profile))


def _drop_key(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    _check_not_first(folder, asked.access_key)
    with accounts.turn():
        account = accounts.drop_key(asked.access_key)
        done = f"{account.name} has the key {asked.access_key} no more."
        return _and_profiles(done, lambda: "\n".join(write_profiles(folder, accounts).warnings)).rstrip("\n")


def _show(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    return _written(folder, accounts, asked.write, DEFAULT)


def _plain(do: Callable[[argparse.Namespace], Told]) -> Callable[[argparse.Namespace], Told]:
    """What the accounts refuse is told as what cannot be done."""

    def carry_out(asked: argparse.Namespace) -> Told:
        try:
            return do(asked)
        except (CannotKeep, CloudUnavailable, SecretUnreadable, OSError) as reason:
            raise CannotDo(_reason(reason)) from reason

    return carry_out


def _reason(found: Exception) -> str:
    return f"{found.filename}: {found.strerror}" if isinstance(found, OSError) else str(found)


def _arguments(*names: str) -> Callable[[argparse.ArgumentParser], None]:
    """The arguments of a command, by the words of this table, and where the state is."""

    def add(parser: argparse.ArgumentParser) -> None:
        for name in names:
            _ARGUMENTS[name](parser)
        state_argument(parser)

    return add


def _key_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", default=USER, help=f"name of the user that callers see (default: {USER})")
    parser.add_argument("--access-key", default="", help="the key's id (default: drawn)")
    parser.add_argument("--secret-key", default="", help="its secret (default: drawn)")


_ARGUMENTS: Final[dict[str, Callable[[argparse.ArgumentParser], object]]] = {
    "name": lambda parser: parser.add_argument("name", metavar="NAME"),
    "id": lambda parser: parser.add_argument("--id", required=True, help="its 12 digits"),
    "trusts": lambda parser: parser.add_argument(
        "--trusts", metavar="ACCOUNT", action="append", default=[], help="callers of it may assume roles in this one"
    ),
    "account": lambda parser: parser.add_argument("account", metavar="ACCOUNT", help="its name or id"),
    "by": lambda parser: parser.add_argument("by", metavar="OTHER", nargs="*", help="accounts; none: nobody else"),
    "key": _key_arguments,
    "access key": lambda parser: parser.add_argument("access_key", metavar="ACCESS-KEY"),
    "write": lambda parser: parser.add_argument(
        "--write", action="store_true", help="write the profiles into your own files of AWS's tools, too"
    ),
}

COMMANDS: Final = (
    Command(
        "account add",
        "make an account with a key",
        _plain(_add),
        _arguments("name", "id", "trusts", "key", "write"),
        more=_PROFILE_HELP,
    ),
    Command("account list", "every account with its id and keys", _plain(_list), _arguments(), looks=True),
    Command(
        "account trust",
        "say which other accounts' callers may assume roles in an account",
        _plain(_trust),
        _arguments("account", "by"),
    ),
    Command("account profiles", "write the profiles anew", _plain(_show), _arguments("write"), more=_PROFILE_HELP),
    Command("account key add", "give an account one more key", _plain(_add_key), _arguments("account", "key", "write")),
    Command("account key drop", "take a key away", _plain(_drop_key), _arguments("access key")),
)
