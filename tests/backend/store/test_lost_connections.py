"""A connection that is lost while it is given back is told in a sentence."""

import logging

import psycopg
import pymysql
import pytest

from backend.clock import SystemClock
from backend.store.session import Store


def _told(error: Exception) -> None:
    """As the pool does, where the database ended before a connection was reset."""
    store = Store("mysql+pymysql://u:p@192.0.2.1/coppice", SystemClock())
    try:
        raise error
    except type(error):
        store.engine.pool.logger.exception("Exception during reset or similar")


def test_a_lost_connection_is_no_error_with_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    _told(pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query"))
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert record.getMessage() == (
        "a connection to the database was lost: Lost connection to MySQL server during query"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (psycopg.errors.AdminShutdown("terminating connection"), "terminating connection"),
        (psycopg.errors.AdminShutdown(), "AdminShutdown"),
        (psycopg.OperationalError(" "), "OperationalError"),
    ],
)
def test_the_kinds_of_a_driver_are_lost_connections_as_well(error, words, caplog: pytest.LogCaptureFixture) -> None:
    _told(error)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert record.getMessage() == f"a connection to the database was lost: {words}"


def test_what_is_a_fault_is_told_whole(caplog: pytest.LogCaptureFixture) -> None:
    _told(KeyError("ours"))
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
