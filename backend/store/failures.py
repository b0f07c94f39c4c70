"""What an error of a database means: a conflict, a race that was lost, a database that is away, or a fault of ours."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Failure(Enum):
    """Why a transaction failed.

    Attributes:
        CONFLICT: the database ended it for another's sake; the same may succeed at once.
        RACE: another transaction wrote the same key first; who reads again sees it.
        AWAY: the database cannot be reached, is being shut down or started, takes no writes, or gives us no right.
        FAULT: the statement or its values are wrong.
    """

    CONFLICT = auto()
    RACE = auto()
    AWAY = auto()
    FAULT = auto()


# PostgreSQL: serialization failure, deadlock, lock not available.
_CONFLICT_STATES = frozenset({"40001", "40P01", "55P03"})
# PostgreSQL: insufficient resources (full disk, too many connections), operator's intervention (shutdown, crash,
# starting up), system error, connection exceptions by class; and writes to a server that became a standby.
_AWAY_CLASSES = frozenset({"53", "57", "58", "08"})
_READ_ONLY_STATE = "25006"
_QUERY_CANCELED = "57014"
# MariaDB: lock wait time-out, deadlock, record changed since it was read (Galera).
_CONFLICT_NUMBERS = frozenset({1205, 1213, 1020})
# MariaDB, of a savepoint to which one went back: it was gone, for a deadlock had ended the whole transaction.
_NO_SAVEPOINT_NUMBER, _NO_SAVEPOINT = 1305, "SAVEPOINT "
# MariaDB: too many connections, out of resources, shutdown in progress, connection killed, full disk, read-only server
# (1290, 1836), Galera node not ready, cannot connect (2002, 2003), gone away and lost (2006, 2013, 2055).
_AWAY_NUMBERS = frozenset({1021, 1040, 1041, 1047, 1053, 1290, 1836, 1927, 2002, 2003, 2006, 2013, 2055})
# SQLite's primary result codes: busy and locked; read-only, I/O error, damaged, full disk, cannot open, no database.
_CONFLICT_CODES = frozenset({5, 6})
_AWAY_CODES = frozenset({8, 10, 11, 13, 14, 26})
# A database that nobody has migrated: PostgreSQL, MariaDB; SQLite says it in words alone.
_NO_TABLE_STATE = "42P01"
_NO_TABLE_NUMBER = 1146
_NO_TABLE = "no such table"
# What its user has no right to do, as after a migration by another user who owns what was made: PostgreSQL, MariaDB.
_NO_RIGHT_STATE = "42501"
_NO_RIGHT_NUMBERS = frozenset({1044, 1142, 1143, 1227})


def of(error: Exception) -> Failure:
    """What SQLAlchemy's error means."""
    if isinstance(error, PoolTimeout):
        return Failure.AWAY
    if isinstance(error, IntegrityError):
        return Failure.RACE
    if not isinstance(error, DBAPIError):
        return Failure.FAULT
    told = _by_state(error.orig) or _by_code(error.orig) or _by_number(error.orig)
    if told is not None:
        return told
    lost = error.connection_invalidated or _never_connected(error)
    return Failure.AWAY if lost else Failure.FAULT


def words(error: Exception) -> str:
    """The database's own words, or its name for it, on one line, without the statement and its values."""
    original = getattr(error, "orig", None) or error
    number, *told = getattr(original, "args", None) or ("",)
    # PyMySQL tells its number first.
    text = told[0] if isinstance(number, int) and told and isinstance(told[0], str) else original
    return " ".join(str(text).split()) or type(original).__name__


def _by_state(original: Any) -> Failure | None:
    state = getattr(original, "sqlstate", None)
    if not isinstance(state, str):
        return None
    if state in _CONFLICT_STATES:
        return Failure.CONFLICT
    told = state in {_READ_ONLY_STATE, _NO_TABLE_STATE, _NO_RIGHT_STATE}
    return Failure.AWAY if told or (state[:2] in _AWAY_CLASSES and state != _QUERY_CANCELED) else None


def _by_code(original: Any) -> Failure | None:
    code = getattr(original, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    primary = code & 0xFF
    if primary in _CONFLICT_CODES:
        return Failure.CONFLICT
    if str(original).startswith(_NO_TABLE):
        return Failure.AWAY
    return Failure.AWAY if primary in _AWAY_CODES else None


def _by_number(original: Any) -> Failure | None:
    arguments: tuple[Any, ...] = getattr(original, "args", ())
    number = arguments[0] if arguments else None
    if not isinstance(number, int):
        return None
    if number in _CONFLICT_NUMBERS or (number == _NO_SAVEPOINT_NUMBER and _is_of_savepoint(arguments)):
        return Failure.CONFLICT
    away = number in _AWAY_NUMBERS or number in _NO_RIGHT_NUMBERS or number == _NO_TABLE_NUMBER
    return Failure.AWAY if away else None


def _is_of_savepoint(arguments: tuple[Any, ...]) -> bool:
    return any(isinstance(each, str) and each.startswith(_NO_SAVEPOINT) for each in arguments)


def _never_connected(error: DBAPIError) -> bool:
    """A statement stands in every error but those of connecting, where there is none yet."""
    return error.statement is None and isinstance(error, OperationalError | InterfaceError)
