"""How every line of a log looks, whoever writes it: time, process, level, origin, and the request it is about."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from types import TracebackType
from typing import Any, Final, TextIO

FORMAT: Final = "%(asctime)s [%(process)d] %(levelname)s %(name)s %(request)s%(message)s"
OURS: Final = ("coppice", "gateway", "translators", "backend", "wsgi")
_LOG = logging.getLogger("coppice")
_CONTROLS: Final = (*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_ESCAPED: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}
_INSET: Final = "    "
_request: ContextVar[str] = ContextVar("request", default="")
_asked_for: Callable[[], str] = str

FORMS: Final = ("text", "json")
_FORM: Final = "COPPICE_LOG_FORM"
"""In the environment, so that processes that are started from here write alike from their first line on."""

Handler = Callable[[Any], Any]
Find = Callable[[str, str], Handler | None]


class Lines(logging.Formatter):
    """Times are UTC, to the millisecond: ``2026-11-22T13:00:00.125Z``. In the form ``json`` a line is a document."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        del datefmt
        return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(record.msecs):03}Z"

    def format(self, record: logging.LogRecord) -> str:
        request_id = _request.get() or _asked_for()
        if os.environ.get(_FORM) == "json":
            return self._document(record, request_id)
        record.request = f"request={request_id} " if request_id else ""
        return super().format(record)

    def _document(self, record: logging.LogRecord, request_id: str) -> str:
        told: dict[str, Any] = {
            "time": self.formatTime(record),
            "process": record.process,
            "level": record.levelname,
            "origin": record.name,
            "message": record.getMessage(),
        }
        if request_id:
            told["request"] = request_id
        if record.exc_info:
            told["exception"] = super().formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """What follows a line feed is set in: a name that holds one begins no line that looks like another."""
        return _set_in(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        """As a message: each line is set in."""
        return _INSET + _set_in(super().formatException(ei))


def _set_in(text: str) -> str:
    return text.rstrip("\n").translate(_ESCAPED).replace("\n", f"\n{_INSET}")


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes where the process's errors go."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(Lines())


def to_stderr() -> None:
    """Log where the process's errors go: what is ours from INFO on, what libraries tell from WARNING on.

    What Python itself would print there, warnings and errors that nobody caught, comes as lines, too.
    """
    root = logging.getLogger()
    if not any(isinstance(each, _Stderr) for each in root.handlers):
        root.addHandler(_Stderr())
    root.setLevel(logging.WARNING)
    set_level("info")
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def set_level(name: str) -> None:
    """Log what is ours from that level on (debug, info, warning, error)."""
    for origin in OURS:
        logging.getLogger(origin).setLevel(name.upper())


def set_form(name: str) -> None:
    """Write lines in that form (FORMS) from now on, here and in processes that are started from here."""
    os.environ[_FORM] = name


def name_requests(asked_for: Callable[[], str]) -> None:
    """Name in lines what they are written for, where no request is being answered here.

    Args:
        asked_for: the id of the request, or of the work, that this thread does something for; empty for none.
    """
    global _asked_for  # noqa: PLW0603 - lines are written by whoever writes one
    _asked_for = asked_for


def about_requests(find: Find) -> Find:
    """The functions that answer requests, by service and operation; each names its request in the lines it writes."""

    def found(service: str, operation: str) -> Handler | None:
        handler = find(service, operation)
        return None if handler is None else _about(handler)

    return found


def _about(handler: Handler) -> Handler:
    @wraps(handler)
    def answer(call: Any) -> Any:
        token = _request.set(call.request_id)
        try:
            return handler(call)
        finally:
            _request.reset(token)

    return answer


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
    else:
        _LOG.critical("the process ends for an error of ours", exc_info=(kind, error, where))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not isinstance(told.exc_value, SystemExit):
        name = told.thread.name if told.thread else "?"
        _LOG.critical("thread %s ends for an error of ours", name, exc_info=told.exc_value)
