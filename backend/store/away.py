"""How a database that cannot be asked shows itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

AWAY: Final = (OperationalError, InterfaceError, NoConnection)
"""What a transaction raises then, before, in or after its COMMIT: whether it was done is not known."""
