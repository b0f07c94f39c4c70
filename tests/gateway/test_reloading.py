"""A gateway whose settings cannot be used any more goes on with those that it has."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from gateway.reloading import Begun, careful

PATIENCE = 60  # seconds, on a machine that has much else to do
APPLICATION = """
import os
from pathlib import Path

from gateway.local import CannotStart

words = (Path(__file__).parent / "words").read_text()
if not words:
    raise ValueError("there are no words")
if words == "refused":
    raise CannotStart("the words are refused")


def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{words} {os.getpid()}".encode()]
"""


class Served:
    """A gunicorn with the gateway's configuration and one worker, whose application needs the file ``words``."""

    def __init__(self, folder: Path, words: str) -> None:
        (folder / "told.py").write_text(APPLICATION)
        self.words, self.log = folder / "words", folder / "log"
        self.words.write_text(words)
        self._listener = socket.create_server(("127.0.0.1", 0))
        number = self._listener.fileno()
        asked = [sys.executable, "-m", "gunicorn", "--config", "python:gateway.gunicorn", "--bind", f"fd://{number}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*asked, "--workers", "1", "--pythonpath", str(folder), "told:application"],
                stdout=log,
                stderr=log,
                pass_fds=[number],
            )

    def told(self) -> list[str]:
        """The words that the application has, and the number of its process."""
        asking = http.client.HTTPConnection(*self._listener.getsockname(), timeout=PATIENCE)
        try:
            asking.request("GET", "/")
            return asking.getresponse().read().decode().split()
        except (OSError, http.client.HTTPException):
            return ["", ""]
        finally:
            asking.close()

    def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(PATIENCE * 10):
            if holds():
                return
            Event().wait(0.1)
        raise AssertionError(self.log.read_text())

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self._listener.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path, "one")
    yield served
    served.close()


def test_settings_that_cannot_be_used_end_no_gateway(served: Served) -> None:
    served.until(lambda: served.told()[0] == "one")
    worker = served.told()[1]

    served.words.write_text("")
    served.process.send_signal(signal.SIGHUP)
    served.until(lambda: "cannot be used: there are no words" in served.log.read_text())
    assert served.told() == ["one", worker]

    os.kill(int(worker), signal.SIGKILL)
    served.until(lambda: "a worker cannot begin" in served.log.read_text())
    served.words.write_text("two")
    served.until(lambda: served.told()[0] == "two")

    served.words.write_text("three")
    served.process.send_signal(signal.SIGHUP)
    served.until(lambda: served.told()[0] == "three")
    assert served.process.poll() is None


def test_who_starts_a_gateway_that_cannot_begin_reads_it_at_once(tmp_path: Path) -> None:
    served = Served(tmp_path, "")
    assert served.process.wait(PATIENCE) == 3
    assert "there are no words" in served.log.read_text()
    served.close()


def test_what_is_told_in_words_for_an_operator_is_told_without_a_trace(tmp_path: Path) -> None:
    served = Served(tmp_path, "refused")
    assert served.process.wait(PATIENCE) == 4
    told = served.log.read_text()
    assert "nothing can be served: the words are refused" in told
    assert "Traceback" not in told
    served.close()


def test_what_was_tried_leaves_nothing_here() -> None:
    done: list[str] = []
    ended: list[int] = []

    def load() -> None:
        done.append("tried")

    careful(load, lambda: done.append("reloaded"), ended.append)()
    assert done == ["reloaded"]
    assert len(ended) == 1


def test_what_ends_the_process_that_tries_reloads_nothing() -> None:
    done: list[str] = []

    def load() -> None:
        raise SystemExit(0)

    careful(load, lambda: done.append("reloaded"), lambda _: None)()
    assert done == []


def test_without_room_nobody_is_known_to_have_begun() -> None:
    begun = Begun()
    begun.note()
    assert not begun
    begun.make_room()
    assert not begun
    begun.note()
    assert begun
