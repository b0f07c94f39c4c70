from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.openstack import lifecycle, processes, readiness
from conformance.openstack.processes import Leader
from conformance.openstack.readiness import NotReady
from conformance.openstack.services import Listening, Saying, Service, Stage
from conformance.openstack.settings import Settings
from conformance.product import free_port

NAME = "thing"
WAITS = "exec tail -f /dev/null"


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(tmp_path, 30000)
    settings.logs.mkdir()
    yield settings
    processes.kill(settings.run, NAME)


def service(script: str, **more: object) -> Service:
    return Service(NAME, Stage.APIS, ("sh", "-c", script), **{"ready": Saying("here I am"), "seconds": 20, **more})


def started(settings: Settings, one: Service) -> Leader:
    lifecycle.start(settings, [one])
    led = processes.leader(settings.run, NAME)
    assert led is not None
    return led


def until_it_ended(led: Leader) -> None:
    deadline = time.monotonic() + 20
    while processes.alive(led):
        assert time.monotonic() < deadline


def test_a_service_runs_until_it_is_killed(settings: Settings) -> None:
    one = service(f"echo here I am; {WAITS}")
    led = started(settings, one)
    readiness.wait(settings, [one])
    assert processes.alive(led)
    assert led.pid in processes.members(led)
    processes.kill(settings.run, NAME)
    assert not processes.alive(led)
    assert processes.members(led) == []
    assert processes.leader(settings.run, NAME) is None


def test_one_that_runs_is_not_started_again(settings: Settings) -> None:
    one = service(f"echo here I am; {WAITS}")
    assert started(settings, one) == started(settings, one)


def test_children_end_with_their_service_even_when_it_died_before_them(settings: Settings) -> None:
    led = started(settings, service("tail -f /dev/null & echo here I am"))
    until_it_ended(led)
    (orphan,) = processes.members(led)
    processes.kill(settings.run, NAME)
    left = processes.look(orphan)
    assert left is None or left.ended


LOSES_ITS_FIRST_THREAD = """
import ctypes, socket, threading
held = socket.create_server(("127.0.0.1", {port}))
threading.Thread(target=threading.Event().wait).start()
print("here I am", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


def test_a_process_has_ended_with_the_last_of_its_threads(settings: Settings, tmp_path: Path) -> None:
    # RabbitMQ's port takes connections for a second after its first thread was killed, on a machine that is busy.
    script, port = tmp_path / "script.py", free_port()
    script.write_text(LOSES_ITS_FIRST_THREAD.format(port=port))
    led = started(settings, service(f"exec {sys.executable} {script}"))
    deadline = time.monotonic() + 20
    while (found := processes.look(led.pid)) is not None and found.state != "Z":
        assert time.monotonic() < deadline
    assert processes.alive(led)
    assert processes.members(led) == [led.pid]
    processes.kill(settings.run, NAME)
    assert processes.listener(port) is None
    assert not processes.alive(led)


def test_a_pid_that_another_process_has_by_now_is_left_alone(settings: Settings) -> None:
    settings.run.mkdir()
    ours = processes.look(os.getpid())
    assert ours is not None
    led = Leader(ours.pid, ours.start - 1, time.time(), 0)
    assert not processes.alive(led)
    assert processes.members(led) == []


def test_stopping_asks_first(settings: Settings) -> None:
    one = service("trap 'echo asked; exit' TERM; tail -f /dev/null & echo here I am; wait")
    led = started(settings, one)
    readiness.wait(settings, [one])
    processes.stop(settings.run, NAME, 20)
    assert "asked" in readiness.said(settings, one, led)


def test_one_that_ends_is_told_with_its_last_words(settings: Settings) -> None:
    settings.logs.joinpath(f"{NAME}.log").write_text("of an earlier run\n")
    noise = "for i in $(seq 40); do echo line $i; done"
    one = service(f"echo ERROR the disk is full; {noise}; exit 3")
    started(settings, one)
    with pytest.raises(NotReady) as told:
        readiness.wait(settings, [one])
    words = str(told.value)
    assert words.startswith("thing ended")
    assert "ERROR the disk is full" in words
    assert "line 40" in words
    assert "line 20\n" not in words
    assert "earlier run" not in words


def test_one_that_does_not_become_ready_is_told_with_its_port(settings: Settings) -> None:
    one = service(WAITS, ready=Listening(), port="nova", seconds=0)
    started(settings, one)
    with pytest.raises(NotReady, match=r"thing was not ready after 0 s \(port 30001: nobody listens there\)"):
        readiness.wait(settings, [one])


def test_a_port_that_is_taken_is_told_before_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(tmp_path, taken.getsockname()[1] - 1)
        with pytest.raises(NotReady, match=rf"port {settings.port('nova')}: pid {os.getpid()} \("):
            lifecycle.start(settings, [service(WAITS, port="nova")])
    assert processes.leader(settings.run, NAME) is None


def test_nobody_listens_on_a_port_that_was_given_back() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert processes.listener(port) is None
