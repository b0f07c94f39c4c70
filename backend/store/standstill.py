"""How long a transaction waits for rows that another one holds, and how long one that says nothing may hold them.

Left to itself PostgreSQL waits for ever, and keeps the rows of a process that stands still, or of a host that is gone,
for hours. Whoever needs such a row (of a project's limit, all who make one more) would wait as long, each in a thread
that serves nobody else meanwhile.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine, event

WAITS_SECONDS: Final = 5
"""Then the transaction begins anew, as after any conflict, for as long as the store has patience."""
HURRIED_SECONDS: Final = 1
"""Of an engine, whose one thread does all else meanwhile to no group, and is taken for dead by others."""
_HOLDS_SECONDS: Final = 60
"""Between two statements of one transaction nothing is waited for, and little computed."""

# What an operator has set for this user or this database stays. Said to the session, not as it is opened: poolers in
# between (pgbouncer) take no such words then.
_POSTGRESQL: Final = (
    "WITH wanted (name, value) AS (VALUES ('lock_timeout', '{waits}s'),"
    " ('idle_in_transaction_session_timeout', '{holds}s'))"
    " SELECT set_config(name, value, false) FROM wanted WHERE current_setting(name) = '0'"
)
_MYSQL: Final = "SET SESSION innodb_lock_wait_timeout = LEAST(@@innodb_lock_wait_timeout, {waits})"
_MARIADB: Final = (
    f"{_MYSQL}, idle_write_transaction_timeout = IF(@@idle_write_transaction_timeout = 0, {{holds}},"
    " @@idle_write_transaction_timeout)"
)


def end(engine: Engine, waits_seconds: int = WAITS_SECONDS) -> None:
    """Have connections of this engine say so when they are opened."""
    told = _of_psycopg if engine.dialect.name == "postgresql" else _of_pymysql
    event.listen(engine, "connect", lambda connection, _record: told(connection, waits_seconds))


def _of_psycopg(connection: Any, waits_seconds: int) -> None:
    before, connection.autocommit = connection.autocommit, True  # or it would be undone with the first transaction
    connection.execute(_POSTGRESQL.format(waits=waits_seconds, holds=_HOLDS_SECONDS))
    connection.autocommit = before


def _of_pymysql(connection: Any, waits_seconds: int) -> None:
    words = _MARIADB if "MariaDB" in connection.get_server_info() else _MYSQL
    with connection.cursor() as cursor:
        cursor.execute(words.format(waits=waits_seconds, holds=_HOLDS_SECONDS))
