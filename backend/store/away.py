"""How a database that cannot be asked shows itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from backend.errors import StoreUnavailable

AWAY: Final = (StoreUnavailable, OperationalError, InterfaceError, NoConnection)
"""What is raised then, before, in or after a COMMIT: whether it was done is not known.

A store says StoreUnavailable, and CommitUnknown where it may have been done; the others are a driver's own, of what
the store cannot place: it may be a fault of ours too.
"""

SAYS_NO: Final = (*AWAY, DBAPIError)
"""What is raised by a database that cannot be asked, or refuses, for whatever reason: wrong password, missing right."""
