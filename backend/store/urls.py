"""URLs of databases: which can be opened at all, and what stands in the way of one. Opens none; tells no secret."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_SUPPORTED: Final = frozenset(
    {"sqlite", "sqlite+pysqlite", "postgresql+psycopg", "mysql+pymysql", "mariadb+pymysql"},
)
"""What the store tells failures of; each has its driver among the requirements."""
_KNOWN: Final = "postgresql+psycopg://, mysql+pymysql://, mariadb+pymysql:// or sqlite:///"


class DatabaseMisnamed(Exception):
    """The URL names no database that can be opened; why, in a sentence."""


def parsed(text: str) -> URL:
    """The parts of a URL. Raises DatabaseMisnamed."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # which may hold the URL, and the password with it
        reason = "its port is no number" if isinstance(error, ValueError) else f"it does not begin with {_KNOWN}"
        raise DatabaseMisnamed(f"the URL of the database cannot be read: {reason}") from None
    if url.drivername not in _SUPPORTED:
        raise DatabaseMisnamed(f"no database is opened by {url.drivername}://, but by {_KNOWN}")
    if "@" in (url.host or ""):  # then a piece of the password would be told as the host that is not found
        raise DatabaseMisnamed("the URL of the database cannot be read: is an @ of the password not escaped?")
    return url


def in_memory(url: URL) -> bool:
    """Whether it is kept by one process, and ends with it."""
    return url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}


def obstacle(url: URL) -> str | None:
    """What keeps a database's file from being used, in words; None where that is nothing, or there is no file."""
    if url.get_backend_name() != "sqlite" or in_memory(url) or url.database is None:
        return None
    path = Path(url.database.removeprefix("file:").partition("?")[0])
    if path.is_dir():
        return f"{path} is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    place = path if path.exists() else path.parent
    return None if os.access(place, os.W_OK) else f"{place} may not be written"
