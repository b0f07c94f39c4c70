"""Killed processes and a cloud that fails: nothing that was accepted is lost, nothing is doubled, nothing leaks."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.clients import client
from conformance.fleet import Fleet, make_fleet
from conformance.product import ROOT, Product, until
from conformance.writers import Writer, capacity, nothing_lost_doubled_or_leaked


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A Coppice of our own, to be killed."""
    # An operator's patience, shortened: for engines that died, launches without an answer, servers gone without a trace.
    impatient = {
        "OS_ENGINE__LEASE_SECONDS": "5",
        "OS_ENGINE__LAUNCH_GRACE_SECONDS": "4",
        "OS_ENGINE__WATCH_FULL_SECONDS": "3",
    }
    made = Product(tmp_path_factory.mktemp("faults") / "state", settings=impatient)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def doomed(product: Product) -> Iterator[Fleet]:
    """A fleet on the server that is killed; every group of it is gone after the test."""
    # Reads go on over a server that dies: its clients ask again.
    clients = [client(product.access, name, recorded=False, attempts=8) for name in ("autoscaling", "ec2")]
    made = make_fleet(*clients)
    yield made
    made.sweep()


@pytest.mark.parametrize("part", ["gateway", "worker", "engine", "coppice", "everything"])
def test_kill_9_under_load(product: Product, doomed: Fleet, part: str) -> None:
    writers = [Writer(product.access, doomed.template, seed) for seed in range(5)]
    for writer in writers:
        writer.start()
    until("the load is on", lambda: sum(writer.accepted for writer in writers) > 10)
    for pause in (0.0, 0.35):
        time.sleep(pause)
        if part == "worker":
            workers = [pid for pid in product.processes() if _parent(pid) == product.pid("gateway")]
            subprocess.run(["kill", "-9", str(workers[0])], check=True)
        elif part in {"gateway", "engine"}:
            until("it has a pid again", (product.state / f"{part}.pid").exists)
            _kill_quietly(product, part)
        elif part == "coppice":
            product.kill("coppice")
            assert product.process is not None
            product.process.wait(10)
            product.start()
        else:
            product.kill_all()
            product.start()
    before = sum(writer.accepted for writer in writers)
    until("the load goes on", lambda: sum(writer.accepted for writer in writers) > before + 10, 60)
    for writer in writers:
        writer.stop.set()
    for writer in writers:
        writer.join(30)
    doomed.made.extend(writer.group for writer in writers)
    for writer in writers:
        assert capacity(doomed, writer.group) in writer.allowed, (writer.group, writer.allowed)
        assert writer.broken == []
    nothing_lost_doubled_or_leaked(doomed, [writer.group for writer in writers])


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _kill_quietly(product: Product, part: str) -> None:
    try:
        product.kill(part)
    except ProcessLookupError:
        # Killed a moment ago and not yet started again: that is a crash too.
        return


HELD = 60
"""How many launches a hook holds while engines die."""


def test_kill_9_of_engines_during_hooked_launches(product: Product, doomed: Fleet) -> None:
    """None is stuck, and none comes into service that nobody answered for."""
    name = doomed.create(0, maximum=HELD)
    doomed.autoscaling.put_lifecycle_hook(
        AutoScalingGroupName=name, LifecycleHookName="warm", LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING"
    )
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=HELD)
    answered: set[str] = set()
    kills = [1, HELD // 4, HELD // 2, HELD]  # when so many have been answered

    def all_serve() -> bool:
        if kills and len(answered) >= kills[0]:
            if not (product.state / "engine.pid").exists():
                return False  # nobody is answered before an engine is there to die
            _kill_quietly(product, "engine")
            kills.pop(0)
        for instance in set(doomed.ids(name, "Pending:Wait")) - answered:
            if kills and len(answered) >= kills[0]:
                break
            doomed.autoscaling.complete_lifecycle_action(
                AutoScalingGroupName=name,
                LifecycleHookName="warm",
                LifecycleActionResult="CONTINUE",
                InstanceId=instance,
            )
            answered.add(instance)
        serving = set(doomed.ids(name))
        assert serving <= answered, "it came into service, and nobody answered"
        return not kills and len(serving) == HELD

    until("all are in service", all_serve, 120)
    assert not kills
    nothing_lost_doubled_or_leaked(doomed, [name])


@pytest.mark.parametrize("move", [(0, 9), (9, 0), (2, 8)], ids=["out", "in", "out-more"])
def test_kill_9_of_everything_in_the_middle_of(product: Product, doomed: Fleet, move: tuple[int, int]) -> None:
    name = doomed.create(move[0], maximum=10)
    kept = doomed.ids(name) if move[0] < move[1] else []
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=move[1])
    until(
        "it has begun", lambda: len(doomed.ids(name)) != move[0] or len(doomed.ids(name, None)) != move[0], pause=0.02
    )
    product.kill_all()
    product.start()
    nothing_lost_doubled_or_leaked(doomed, [name])
    assert doomed.group(name)["DesiredCapacity"] == move[1]
    assert set(kept) <= set(doomed.ids(name)), "members that were there before are kept"


def test_a_second_start_keeps_everything(product: Product, doomed: Fleet) -> None:
    name = doomed.create(2, Tags=[{"Key": "k", "Value": "v"}])
    before, access = doomed.group(name), product.access
    assert product.stop() == 0
    assert product.start() == access, "the same keys"
    doomed.settle(name, 2)
    assert doomed.group(name) == before


# --- the cloud fails ------------------------------------------------------------------------------------------------


def operator(product: Product, *command: str) -> str:
    """The simulated cloud's own operator command."""
    asked = [sys.executable, "-m", "backend.drivers.simulated", str(product.state / "cloud.db"), *command]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def cloud(product: Product) -> Iterator[Product]:
    yield product
    operator(product, "lift")


def test_a_zone_without_room_is_made_up_for_by_the_others(cloud: Product, doomed: Fleet) -> None:
    operator(cloud, "close-zone", "us-east-1b")
    name = doomed.create(0)
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=4)
    doomed.settle(name, 4, seconds=60)
    assert doomed.zones(name) == {"us-east-1a": 2, "us-east-1c": 2}
    texts = doomed.failures(name)
    assert texts
    assert all(
        "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested" in text
        for text in texts
    )


def test_no_room_anywhere_then_room(cloud: Product, doomed: Fleet) -> None:
    for zone in doomed.subnets:
        operator(cloud, "close-zone", zone)
    name = doomed.create(0)
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    until("failed activities", lambda: doomed.failures(name))
    assert doomed.servers(name) == []
    operator(cloud, "lift")
    doomed.settle(name, 2, seconds=90)
    nothing_lost_doubled_or_leaked(doomed, [name])


def test_quota(cloud: Product, doomed: Fleet) -> None:
    operator(cloud, "quota", "embedded", "1")
    name = doomed.create(0)
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    until("failed activities", lambda: doomed.failures(name))
    assert any("than your current instance limit" in text for text in doomed.failures(name)), doomed.failures(name)
    operator(cloud, "lift")
    doomed.settle(name, 3, seconds=90)


def test_answers_that_never_came(cloud: Product, doomed: Fleet) -> None:
    operator(cloud, "lose-answer", "--times", "3", "--call", "create")
    operator(cloud, "lose-request", "--times", "2", "--call", "create")
    name = doomed.create(0)
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=6)
    doomed.settle(name, 6, seconds=90)
    operator(cloud, "lose-answer", "--times", "2", "--call", "delete")
    operator(cloud, "lose-request", "--times", "2", "--call", "delete")
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=2)
    doomed.settle(name, 2, seconds=90)
    nothing_lost_doubled_or_leaked(doomed, [name])


def test_servers_that_fail_to_boot_are_replaced(cloud: Product, doomed: Fleet) -> None:
    operator(cloud, "boot-error", "No valid host was found.", "--times", "2")
    name = doomed.create(0)
    doomed.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=3)
    doomed.settle(name, 3, seconds=90)
    assert doomed.failures(name)
    nothing_lost_doubled_or_leaked(doomed, [name])


@pytest.mark.parametrize("fate", ["error", "vanish", "stop", "terminate"])
def test_servers_that_meet_their_fate_are_replaced(cloud: Product, doomed: Fleet, fate: str) -> None:
    name = doomed.create(2)
    one = doomed.ids(name)[0]
    operator(cloud, fate, one)
    until("it has left", lambda: one not in doomed.ids(name, None), 60)
    doomed.settle(name, 2, seconds=60)
    nothing_lost_doubled_or_leaked(doomed, [name])


def test_a_cloud_that_does_not_answer_kills_nobody(cloud: Product, doomed: Fleet) -> None:
    name = doomed.create(3)
    before = doomed.ids(name)
    operator(cloud, "unavailable", "6")
    time.sleep(7)
    assert doomed.settle(name, 3) == before
    assert len(doomed.activities(name)) == 3, doomed.story(name)
