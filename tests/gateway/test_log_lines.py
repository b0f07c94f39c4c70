from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
import warnings
from dataclasses import dataclass

import pytest

from gateway import log_lines

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[\d+\]"


@dataclass(frozen=True)
class Call:
    request_id: str


@pytest.fixture
def lines(monkeypatch):
    """What is written, line by line."""
    written = io.StringIO()
    root, showwarning = logging.getLogger(), warnings.showwarning
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in ("", *log_lines.OURS)}
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root.handlers = []
    log_lines.to_stderr()
    yield lambda: written.getvalue().splitlines()
    root.handlers = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=False)
    warnings.showwarning = showwarning


def test_every_line_has_its_time_process_level_and_origin(lines):
    logging.getLogger("backend.engine").info("said %s", "so")
    logging.getLogger("a.library").info("not told")
    logging.getLogger("a.library").warning("told")
    one, two = lines()
    assert re.fullmatch(f"{TIME} INFO backend.engine said so", one)
    assert re.fullmatch(f"{TIME} WARNING a.library told", two)


def test_it_is_set_up_once(lines):
    log_lines.to_stderr()
    logging.getLogger("backend").info("once")
    assert len(lines()) == 1


def test_what_python_prints_itself_is_a_line_too(lines):
    with warnings.catch_warnings():
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert re.fullmatch(f"{TIME} WARNING py.warnings .*DeprecationWarning: old", lines()[0])
    error = ValueError("broken")
    sys.excepthook(ValueError, error, None)
    assert any(re.fullmatch(f"{TIME} CRITICAL coppice the process ends for an error of ours", each) for each in lines())
    assert lines()[-1] == "    ValueError: broken"  # set in, as all that a line tells beyond itself


def test_a_thread_that_ends_for_an_error_is_told(lines):
    def fail():
        raise ValueError("broken")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    assert re.fullmatch(f"{TIME} CRITICAL coppice thread worker ends for an error of ours", lines()[0])


def test_what_is_told_while_a_request_is_answered_names_it(lines):
    log = logging.getLogger("backend.drivers")

    def handler(call):
        log.warning("the cloud refuses")
        return call.request_id

    known = {("ec2", "RunInstances"): handler}
    find = log_lines.about_requests(lambda *named: known.get(named))
    assert find("ec2", "RunInstances")(Call("r-1")) == "r-1"
    assert find("ec2", "Nothing") is None
    log.warning("between")
    one, two = lines()
    assert one.endswith(" WARNING backend.drivers request=r-1 the cloud refuses")
    assert two.endswith(" WARNING backend.drivers between")


@pytest.mark.parametrize("forged", ["\n", "\r", "\r\n", "\x1b[2K", "\x85", "\u2028", "\x00"])
def test_no_name_begins_a_line(forged):
    record = logging.LogRecord("backend", logging.INFO, "x.py", 1, "group %s", (f"web{forged}2026-01-01 forged",), None)
    first, *others = log_lines.Lines().format(record).splitlines()
    assert first.isprintable()
    assert all(line.startswith("    ") and line.isprintable() for line in others)
    assert len(others) == forged.count("\n")


def test_no_error_s_words_begin_a_line():
    try:
        raise ValueError("a\n2026-01-01T00:00:00.000Z [1] INFO forged\r2026")
    except ValueError as error:
        record = logging.LogRecord("backend", logging.ERROR, "x.py", 1, "failed", (), (type(error), error, None))
    _, *others = log_lines.Lines().format(record).splitlines()
    assert others
    assert all(line.startswith("    ") for line in others)


@pytest.fixture
def documents(lines, monkeypatch):
    """What is written as JSON, line by line."""
    monkeypatch.setenv("COPPICE_LOG_FORM", "text")
    log_lines.set_form("json")
    return lambda: [json.loads(line) for line in lines()]


def test_as_json_each_line_is_a_document(documents):
    find = log_lines.about_requests(lambda service, name: lambda call: logging.getLogger("backend").info('a "b"\nc'))
    find("autoscaling", "DescribeTags")(Call("r-1"))
    logging.getLogger("backend").warning("ü")
    one, two = documents()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one.pop("time"))
    assert one.pop("process") > 0
    assert one == {"level": "INFO", "origin": "backend", "message": 'a "b"\nc', "request": "r-1"}
    assert ("request" in two, two["message"]) == (False, "ü")


def test_as_json_an_error_has_its_trace_in_its_own_document(documents):
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("backend").exception("a fault")
    (told,) = documents()
    assert told["message"] == "a fault"
    assert told["exception"].endswith("ValueError: broken")


def test_what_is_written_for_a_piece_of_work_names_it_and_a_request_that_is_answered_comes_first(lines, monkeypatch):
    monkeypatch.setattr(log_lines, "_asked_for", log_lines._asked_for)
    log_lines.name_requests(lambda: "w-1")
    logging.getLogger("backend").warning("of work")
    find = log_lines.about_requests(
        lambda service, name: lambda call: logging.getLogger("backend").warning("of a request")
    )
    find("autoscaling", "x")(Call("r-1"))
    log_lines.name_requests(str)
    logging.getLogger("backend").warning("of nothing")
    assert [line.partition(" WARNING ")[2] for line in lines()] == [
        "backend request=w-1 of work",
        "backend request=r-1 of a request",
        "backend of nothing",
    ]
