"""What services of identities share: ids, quotas and how a name that is taken or missing is told."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from functools import partial
from typing import Final, TypeVar

from backend import errors
from backend.domain.identities import (
    IdentityExists,
    IdentityMissing,
    InstanceProfile,
    ManagedPolicy,
    Role,
    ServerCertificate,
)
from backend.domain.scope import Scope
from backend.store import counting
from backend.store import identities as rows
from backend.store.records import Records
from backend.store.session import Connection

T = TypeVar("T", Role, ManagedPolicy, InstanceProfile, ServerCertificate)

# Source: IAM User Guide, "IAM and AWS STS quotas".
ROLES: Final = 1000
PROFILES: Final = 1000
POLICIES: Final = 1500
VERSIONS: Final = 5
ATTACHED: Final = 10
INLINE_CHARACTERS: Final = 10_240
TRUST_CHARACTERS: Final = 2048
POLICY_CHARACTERS: Final = 6144
PROVIDERS: Final = 100
CLIENT_IDS: Final = 100
CERTIFICATES: Final = 20
TAGS: Final = 50

_LETTERS: Final = 17
_KINDS: Final[Mapping[object, str]] = {
    rows.ROLES: "role",
    rows.PROFILES: "profile",
    rows.POLICIES: "policy",
    rows.CERTIFICATES: "certificate",
}


def new_id(prefix: str) -> str:
    """An id as IAM gives them (``AROA`` and 17 letters and digits)."""
    return prefix + base64.b32encode(uuid.uuid4().bytes + uuid.uuid4().bytes).decode()[:_LETTERS]


def digits() -> str:
    """An id of what IAM shows none of."""
    return uuid.uuid4().hex


def found(records: Records[T], conn: Connection, scope: Scope, name: str, *, hold: bool = False) -> T:
    """The one of that name; held, it stays as it is until the transaction ends. Raises IdentityMissing."""
    one = rows.named(records, conn, scope, name, hold=hold)
    if one is None:
        raise IdentityMissing(kind_of(records), name)
    return one


def check_new(records: Records[T], conn: Connection, scope: Scope, name: str, most: int) -> None:
    """Refuse a name that is taken, and one more than there may be. Raises IdentityExists, LimitExceeded."""
    check_name(records, conn, scope, name)
    counting.check(conn, scope, kind_of(records), most, partial(records.count, conn, scope))


def check_name(records: Records[T], conn: Connection, scope: Scope, name: str) -> None:
    """Refuse a name that is taken. Raises IdentityExists."""
    if rows.taken(records, conn, scope, name):
        raise IdentityExists(kind_of(records), name)


def kind_of(records: Records[T]) -> str:
    """What findings call the things of a table."""
    return _KINDS[records]


def retagged(tags: Mapping[str, str], put: Mapping[str, str], remove: frozenset[str] = frozenset()) -> dict[str, str]:
    """Tags after a change. Raises LimitExceeded."""
    made = {key: value for key, value in {**tags, **put}.items() if key not in remove}
    if len(made) > TAGS:
        raise errors.LimitExceeded("tags", TAGS)
    return made


def size_of(document: str) -> int:
    """How many characters of a policy count: blanks do not."""
    return sum(not character.isspace() for character in document)
