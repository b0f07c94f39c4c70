"""What SQLAlchemy's pool logs of a connection that was lost: a sentence. It tells each as an error with a traceback.

Whoever needed the connection is told by the store. A request that was answered before its connection was given back
has lost nothing.
"""

from __future__ import annotations

import logging
from typing import Final

from backend.store import failures

_POOL: Final = "sqlalchemy.pool.impl.QueuePool"
_LOST: Final = frozenset(
    {"OperationalError", "InterfaceError"}
)  # as all drivers of databases call it, or what it is a kind of


class _InWords(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(error, Exception) and any(kind.__name__ in _LOST for kind in type(error).__mro__):
            record.msg, record.args = "a connection to the database was lost: %s", (failures.words(error),)
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        return True


_IN_WORDS: Final = _InWords()


def in_words() -> None:
    """From now on, in this process; safe to repeat."""
    logging.getLogger(_POOL).addFilter(_IN_WORDS)
