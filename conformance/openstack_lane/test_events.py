"""What Nova tells on the cloud's bus is acted on at once: an engine that looks by itself every ten minutes replaces."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.clients import client
from conformance.fleet import Fleet, make_fleet
from conformance.openstack.cloud import state_folder
from conformance.openstack.configuration import transport
from conformance.openstack.settings import REGIONS, settle
from conformance.openstack_lane import listener
from conformance.openstack_lane.operator import Operator, short
from conformance.product import ROOT, Product, free_port, make_product, until

Counts = Callable[[], dict[str, float]]
SELDOM = {
    "OS_ENGINE__WATCH_IDLE_SECONDS": "600",
    "OS_ENGINE__WATCH_FULL_SECONDS": "3600",
}
"""Whatever is seen soon of a group at rest is not seen by a look that was due."""
USUAL = {
    "OS_ENGINE__WATCH_BUSY_SECONDS": "0.5",
    "OS_ENGINE__WATCH_IDLE_SECONDS": "5",
    "OS_ENGINE__WATCH_FULL_SECONDS": "900",
}
"""What engines do where nobody says otherwise."""
DELETIONS = 5
REST_SECONDS = 20.0


@pytest.fixture(scope="module", params=[SELDOM], ids=["seldom"])
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A Coppice that looks as often as the parameter says."""
    looks: Mapping[str, str] = request.param
    made = make_product(tmp_path_factory.mktemp("events") / "state", looks)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def fleet(product: Product) -> Iterator[Fleet]:
    asg, ec2 = (client(product.access, service, recorded=False) for service in ("autoscaling", "ec2"))
    made = make_fleet(asg, ec2)
    yield made
    made.sweep()


def _counts(port: int) -> dict[str, float]:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
        return {name: float(value) for name, value in re.findall(r"coppice_engine_(\w+)_total ([0-9.e+]+)", text)}
    return {}


@pytest.fixture
def listening(product: Product) -> Iterator[Counts]:
    """What the listener counts. It has a queue of its own, so that what others of this cloud hear is left to them."""
    settings, port = settle(state_folder(), None), free_port()
    (packages,) = (settings.venv / "lib").glob("python3*/site-packages")
    environment = {
        **os.environ,
        **product.settings,
        "OS_DEFAULT__STATE": str(product.state),
        "OS_EVENTS__URLS": transport(settings, REGIONS[0]),
        "OS_EVENTS__POOL": f"coppice-{os.getpid()}",
        "OS_EVENTS__METRICS_PORT": str(port),
    }
    log = Path(f"{product.state}-listener.log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", listener.__name__, str(packages)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        until("the bus is listened to", lambda: "the bus of the cloud is listened to" in log.read_text())
        yield lambda: _counts(port)
    finally:
        process.terminate()
        assert process.wait(30) == 0, log.read_text()[-2000:]


def test_a_server_that_was_deleted_is_replaced_by_what_nova_told(
    fleet: Fleet, operator: Operator, listening: Counts, product: Product
) -> None:
    heard = listening()
    replaced(fleet, operator, "with the listener, looks of its own every 600 s")
    told = listening()
    assert told["events_woke"] > heard.get("events_woke", 0)
    assert told["events_lost"] == 0
    checked = json.loads(_doctor(product))
    (bus,) = [row for row in checked if row["check"] == "events"]
    assert bus["state"] == "ok"


@pytest.mark.parametrize("product", [USUAL], ids=["usual"], indirect=True)
def test_without_a_listener_it_is_replaced_by_a_look(fleet: Fleet, operator: Operator) -> None:
    replaced(fleet, operator, "without a listener, looks of its own every 5 s")


def replaced(fleet: Fleet, operator: Operator, how: str) -> None:
    """Servers are deleted one after the other behind a group's back; each is replaced."""
    name = fleet.create(2)
    took = [_replaced(fleet, operator, name, REST_SECONDS + number) for number in range(DELETIONS)]
    told = ", ".join(f"{each:.1f}" for each in took)
    print(f"\n{how}: successors were made {told} s after the deletions were asked for")


def _replaced(fleet: Fleet, operator: Operator, name: str, rest_seconds: float) -> float:
    """Seconds from the request to the successor, whose time Nova tells in whole ones.

    Engines look more often for some seconds after a change, and at any phase of their looks the next may come.
    """
    rested = time.monotonic() + rest_seconds
    until("all is at rest", lambda: time.monotonic() > rested and len(fleet.ids(name)) == 2)
    before = {each.id for each in operator.servers(name)}
    gone = min(before)
    asked_at = datetime.now(UTC)
    operator.owner.compute.delete_server(gone)

    def is_replaced() -> bool:
        members = fleet.ids(name)
        return len(members) == 2 and short(gone) not in members

    until("it was replaced", is_replaced)
    (successor,) = [each for each in operator.servers(name) if each.id not in before]
    return (datetime.fromisoformat(successor.created_at) - asked_at).total_seconds()


def _doctor(product: Product) -> str:
    environment = {**os.environ, **product.settings, "OS_DEFAULT__STATE": str(product.state)}
    environment["OS_EVENTS__URLS"] = "rabbit://127.0.0.1/"
    done = subprocess.run(
        [sys.executable, "wsgi.py", "doctor", "-o", "json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout
