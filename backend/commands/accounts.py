"""Accounts of the embedded cloud by hand: made, listed, given keys, written down as profiles of AWS's tools."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from backend.commands import CannotDo, opening, profiles
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


def write_profiles(folder: Path, accounts: Accounts, *, into_users: bool = False) -> tuple[Path, Path]:
    """Write every account's profiles, into the user's own files too where that is asked for. Raises CannotDo."""
    known = profiles.exported(folder / opening.ENV_FILE)
    endpoint = known.get("AWS_ENDPOINT_URL", "http://127.0.0.1:8080")
    region = known.get("AWS_DEFAULT_REGION", opening.settings().region)
    try:
        made = [*_profiles(known, accounts)]
    except (CloudUnavailable, SecretUnreadable) as reason:
        raise CannotDo(f"keys of the accounts: {reason}") from reason
    if into_users:
        config, credentials = profiles.user_files()
        # The user's default profile is not ours to be.
        own = [replace(each, name="coppice") if each.name == DEFAULT else each for each in made]
        profiles.write_into(config, credentials, own, endpoint, region)
    written = profiles.write(folder, made, endpoint, region)
    return (config, credentials) if into_users else written


def _profiles(known: dict[str, str], accounts: Accounts) -> Iterator[Profile]:
    for account in accounts.all():
        pairs = [(key.access_key, accounts.secret(key)) for key in account.keys]
        if account.name == DEFAULT and "AWS_ACCESS_KEY_ID" in known:
            pairs.insert(0, (known["AWS_ACCESS_KEY_ID"], known["AWS_SECRET_ACCESS_KEY"]))
        for number, pair in enumerate(pairs, start=1):
            yield Profile(account.name if number == 1 else f"{account.name}@{number}", *pair)


def _add(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    key = accounts.new_key(asked.user, asked.access_key, asked.secret_key)
    account = accounts.add(asked.name, asked.id, key, asked.trusts)
    return f"Account {account.name} is {account.id}.\n{_written(folder, accounts, asked.write, account.name)}"


def _written(folder: Path, accounts: Accounts, into_users: bool, name: str) -> str:
    config, credentials = write_profiles(folder, accounts)
    if into_users:
        try:
            return "Written to {} and {}.".format(*write_profiles(folder, accounts, into_users=True))
        except CannotDo as reason:
            return f"Your own files stay as they are: {reason}."
    return (
        f"export AWS_CONFIG_FILE={config.resolve()} AWS_SHARED_CREDENTIALS_FILE={credentials.resolve()}\n"
        f"aws --profile {name} sts get-caller-identity"
    )


def _list(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    first = profiles.exported(folder / opening.ENV_FILE).get("AWS_ACCESS_KEY_ID")
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
    key = accounts.new_key(asked.user, asked.access_key, asked.secret_key)
    account = accounts.add_key(asked.account, key)
    number = len(account.keys) + (account.name == DEFAULT)
    profile = account.name if number == 1 else f"{account.name}@{number}"
    return f"Key {key.access_key} is the profile {profile}.\n{_written(folder, accounts, asked.write, profile)}"


def _drop_key(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    account = accounts.drop_key(asked.access_key)
    write_profiles(folder, accounts)
    return f"{account.name} has the key {asked.access_key} no more."


def _show(asked: argparse.Namespace) -> Told:
    folder, accounts = opened(asked)
    return _written(folder, accounts, asked.write, DEFAULT)


def _plain(do: Callable[[argparse.Namespace], Told]) -> Callable[[argparse.Namespace], Told]:
    """What the accounts refuse is told as what cannot be done."""

    def carry_out(asked: argparse.Namespace) -> Told:
        try:
            return do(asked)
        except (CannotKeep, CloudUnavailable, SecretUnreadable) as reason:
            raise CannotDo(str(reason)) from reason
        except OSError as reason:
            raise CannotDo(f"{reason.filename}: {reason.strerror}") from reason

    return carry_out


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
    Command("account list", "every account with its id and keys", _plain(_list), _arguments()),
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
