"""Notifications over a real RabbitMQ: what oslo.messaging gives those who listen, and a broker that dies meanwhile."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.backend.drivers.openstack.live import notifying
from tests.backend.drivers.openstack.live.broker import Broker


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    with made.running():
        yield made


@contextmanager
def _end(state: Path, way: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """One end of the broker, in a process with the library."""
    process = subprocess.Popen(
        [str(state / "venv" / "bin" / "python"), notifying.__file__, way, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def say(state, broker) -> Iterator[Callable[[str], str]]:
    with _end(state, "say", broker.url) as end:

        def told(name):
            end.stdin.write(f"{name}\n")
            end.stdin.flush()
            return end.stdout.readline().strip()

        yield told


def test_who_listens_hears_all_that_was_taken_under_its_id_and_what_a_dead_broker_was_told_is_not(state, broker, say):
    assert say("1") == "taken"  # before anybody listens: it waits for them
    broker.kill()
    assert say("2") == "Unreached: the broker took no notification: MessageDeliveryFailure"
    broker.start()
    assert [say(name) for name in ("2", "3")] == ["taken", "taken"]
    with _end(state, "hear", broker.url) as end:
        assert end.stdout.readline().strip() == "listening"
        heard = {}
        while not {"2", "3"} <= heard.keys():
            publisher, kind, payload, name = json.loads(end.stdout.readline())
            heard[name] = (publisher, kind, payload)
    assert heard["3"] == (
        "coppice.RegionOne",
        "coppice.ec2_instance_launch_successful",
        {"project_id": "project", "region": "RegionOne", "body": "told", "event": notifying.EVENT},
    )
