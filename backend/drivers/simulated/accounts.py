"""The accounts of the simulated cloud and their access keys: one file that commands write and gateways read.

Secrets lie in it sealed. A change is seen at the next request, by every process: the file is replaced as a whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from backend.domain import access_keys
from backend.domain.delegation import SecretUnreadable
from backend.domain.ids import account_id
from backend.drivers.credentials import AccessKey, Signed
from backend.drivers.errors import CloudUnavailable

DEFAULT: Final = "default"
RESERVED: Final = frozenset({DEFAULT, "coppice"})
"""Names of the account that is always there, in its own file of profiles and in the user's; in any case of letters."""
EMBEDDED: Final = "embedded"
"""The project of the account that is always there; its first key lies in the state folder's ``coppice.env``."""
USER: Final = "admin"
MOST_ACCOUNTS: Final = 1000
MOST_KEYS: Final = 20

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_USER: Final = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
_ACCESS_KEY: Final = re.compile(r"[A-Za-z0-9_]{4,128}")
_SECRET: Final = re.compile(r"[!-~]{4,128}")


class CannotKeep(Exception):
    """Why an account or a key is not made, in a sentence."""


class Sealing(Protocol):
    """Closes what is written and opens what is read."""

    def close(self, secret: str) -> str: ...

    def open(self, sealed: str) -> str: ...

    def renew(self, sealed: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Key:
    """An access key; ``sealed`` is its secret."""

    access_key: str
    sealed: str = field(repr=False)
    user: str = USER


@dataclass(frozen=True, slots=True)
class Account:
    """An account.

    Attributes:
        name: what commands and profiles call it.
        id: its 12 digits.
        trusts: ids of the accounts that may assume roles in it, beside itself.
    """

    name: str
    id: str
    trusts: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()

    @property
    def project(self) -> str:
        """The project that it is in the cloud."""
        return EMBEDDED if self.name == DEFAULT else self.id


def number_of(project: str) -> str:
    """The 12 digits of a project: an account's project is named by them."""
    return project if access_keys.is_account_id(project) else account_id(project)


@dataclass(frozen=True, slots=True)
class _Read:
    """The file as it was read, and what tells whether it is still the same."""

    mark: tuple[int, int, int]
    by_name: Mapping[str, Account]
    by_key: Mapping[str, tuple[Account, Key]]


class Accounts:
    """The accounts of one state folder; an AccessKeys port, too.

    Args:
        path: of the file; it need not be there.
        seal: opens and closes secrets.
    """

    def __init__(self, path: Path, seal: Sealing) -> None:
        self._path = path
        self._seal = seal
        self._kept: _Read | None = None
        self._secrets: dict[str, str] = {}
        self._lock = threading.Lock()
        self._changing = threading.RLock()
        self._depth = 0

    def all(self) -> Sequence[Account]:
        """Every account by name, the one that is always there first."""
        known = self._read().by_name
        return [self.default, *(known[name] for name in sorted(known) if name != DEFAULT)]

    @property
    def default(self) -> Account:
        return self._read().by_name.get(DEFAULT) or Account(DEFAULT, account_id(EMBEDDED))

    def named(self, word: str) -> Account:
        """The account of a name or an id. Raises CannotKeep."""
        for account in self.all():
            if word in (account.name, account.id):
                return account
        raise CannotKeep(f"there is no account {word}: coppice account list shows them")

    def find(self, access_key: str) -> AccessKey | None:
        """The key with its secret; the first key of the account that is always there is not among them."""
        found = self._read().by_key.get(access_key)
        if found is None:
            return None
        account, key = found
        return AccessKey(
            access_key=access_key,
            user_id=account.project if key.user == USER else f"{account.project}/{key.user}",
            user_name=key.user,
            project_id=account.project,
            project_name=account.name,
            roles=frozenset({"member"}),
            secret=self._opened(key),
        )

    def check(self, signed: Signed) -> AccessKey | None:
        """Nobody: signatures are checked with the secrets, which are told."""
        del signed
        return None

    def _opened(self, key: Key) -> str:
        try:
            return self.secret(key)
        except SecretUnreadable as reason:
            raise CloudUnavailable(f"the secret of {key.access_key} cannot be opened: {reason}") from reason

    def secret(self, key: Key) -> str:
        """Its secret, opened. Raises SecretUnreadable."""
        kept = self._secrets.get(key.sealed)
        if kept is None:
            kept = self._secrets[key.sealed] = self._seal.open(key.sealed)
        return kept

    def opens(self, key: Key) -> bool:
        """Whether its secret can be opened."""
        try:
            self.secret(key)
        except SecretUnreadable:
            return False
        return True

    def project_of(self, number: str) -> str | None:
        """The project of the account with these 12 digits; None where there is none."""
        return next((account.project for account in self.all() if account.id == number), None)

    def may_assume(self, project: str, by: str) -> bool:
        """Whether a project's roles may be assumed by callers of another."""
        owner = next((account for account in self.all() if account.project == project), None)
        return owner is not None and (project == by or number_of(by) in owner.trusts)

    def add(self, name: str, number: str, key: Key, trusts: Sequence[str] = ()) -> Account:
        """Make an account with its first key. Raises CannotKeep."""
        if not _NAME.fullmatch(name):
            raise CannotKeep(f"{name} is no name: letters, digits, '_', '.' and '-', at most 64")
        if access_keys.is_account_id(name):
            raise CannotKeep(f"{name} is no name: 12 digits are an account's id")
        if not access_keys.is_account_id(number):
            raise CannotKeep(f"{number} is no account id: 12 digits")
        trusted = tuple(self.named(word).id for word in trusts)

        def change(known: dict[str, Account]) -> Account:
            if name.casefold() in RESERVED or name in known:
                raise CannotKeep(f"there is an account {name} already")
            if number in {self.default.id, *(account.id for account in known.values())}:
                raise CannotKeep(f"{number} is another account's id")
            if len(known) >= MOST_ACCOUNTS:
                raise CannotKeep(f"there are {len(known)} accounts already")
            _check_new(known, key)
            return Account(name, number, trusted, (key,))

        return self._change(change)

    def trust(self, word: str, trusted: Sequence[str]) -> Account:
        """Let callers of other accounts assume roles in one, and of no others. Raises CannotKeep."""
        account, ids = self.named(word), tuple(self.named(each).id for each in trusted)
        return self._change(lambda known: replace(known.get(account.name, account), trusts=ids))

    def new_key(self, user: str = USER, access_key: str = "", secret: str = "") -> Key:
        """A key that no account has yet; an id or a secret that is empty is drawn. Raises CannotKeep."""
        access_key = access_key or access_keys.new_id(access_keys.LASTING)
        secret = secret or access_keys.new_secret()
        if not _USER.fullmatch(user):
            raise CannotKeep(f"{user} is no name of a user: letters, digits and +=,.@_-, at most 64")
        if not _ACCESS_KEY.fullmatch(access_key) or access_key.startswith(access_keys.TEMPORARY):
            raise CannotKeep(f"{access_key} is no access key id: 4 to 128 letters, digits and '_', not ASIA...")
        if not _SECRET.fullmatch(secret):
            raise CannotKeep("that is no secret: 4 to 128 printable characters without blanks")
        return Key(access_key, self._seal.close(secret), user)

    def add_key(self, word: str, made: Key) -> Account:
        """Give an account one more key. Raises CannotKeep."""
        account = self.named(word)

        def change(known: dict[str, Account]) -> Account:
            _check_new(known, made)
            present = known.get(account.name, account)
            if len(present.keys) >= MOST_KEYS:
                raise CannotKeep(f"{account.name} has {MOST_KEYS} keys already")
            return replace(present, keys=(*present.keys, made))

        return self._change(change)

    def drop_key(self, access_key: str) -> Account:
        """Take a key away; who has it is refused from the next request on. Raises CannotKeep."""
        found = self._read().by_key.get(access_key)
        if found is None:
            raise CannotKeep(f"there is no key {access_key}: coppice account list shows them")
        name = found[0].name

        def change(known: dict[str, Account]) -> Account:
            account = known[name]
            return replace(account, keys=tuple(key for key in account.keys if key.access_key != access_key))

        return self._change(change)

    def reseal(self) -> int:
        """Seal every secret with the first key; how many. Raises SecretUnreadable, and has sealed none then."""
        with self.turn():
            lost = [key.access_key for account in self.all() for key in account.keys if not self.opens(key)]
            if lost:
                raise SecretUnreadable(f"none of the keys in [secrets] opens the secrets of {', '.join(lost)}")
            known = {
                name: replace(
                    account, keys=tuple(replace(key, sealed=self._seal.renew(key.sealed)) for key in account.keys)
                )
                for name, account in self._read().by_name.items()
            }
            if known:
                self._write(known)
        return sum(len(account.keys) for account in known.values())

    def _change(self, change: Callable[[dict[str, Account]], Account]) -> Account:
        with self.turn():
            known = dict(self._read().by_name)
            account = change(known)
            known[account.name] = account
            self._write(known)
        return account

    def _write(self, known: Mapping[str, Account]) -> None:
        document = json.dumps({"accounts": [asdict(each) for each in known.values()]}, indent=2)
        draft = self._path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One command at a time changes the file, and what is written from it. May be entered again within itself."""
        with self._changing:
            if self._depth:
                yield
                return
            with os.fdopen(os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._depth = 1
                try:
                    yield
                finally:
                    self._depth = 0

    def _read(self) -> _Read:
        """Raises CloudUnavailable where the file cannot be read."""
        try:
            found = self._path.stat()
            mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            kept = self._kept
            if kept is None or kept.mark != mark:
                with self._lock:
                    kept = self._kept = _parsed(mark, self._path.read_text())
                    self._secrets = {}
        except FileNotFoundError:
            return _Read((0, 0, 0), {}, {})
        except OSError as error:
            raise CloudUnavailable(f"{self._path} cannot be read ({error.strerror})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise CloudUnavailable(f"{self._path} is no file of accounts") from error
        return kept


def _check_new(known: Mapping[str, Account], made: Key) -> None:
    if any(key.access_key == made.access_key for each in known.values() for key in each.keys):
        raise CannotKeep(f"there is a key {made.access_key} already")


def _parsed(mark: tuple[int, int, int], text: str) -> _Read:
    accounts = [
        Account(each["name"], each["id"], tuple(each["trusts"]), tuple(Key(**key) for key in each["keys"]))
        for each in json.loads(text)["accounts"]
    ]
    by_key = {key.access_key: (account, key) for account in accounts for key in account.keys}
    return _Read(mark, {account.name: account for account in accounts}, by_key)
