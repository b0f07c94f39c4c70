from __future__ import annotations

import io

import pytest

from backend.domain.node import ServerStatus
from backend.drivers.balancing import Target
from backend.drivers.errors import CloudUnavailable, NoCapacity
from backend.drivers.simulated import Effect, SimulatedCloud, SimulatedSettings
from backend.drivers.simulated.__main__ import main


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "cloud.sqlite")


@pytest.fixture
def simulated(path, clock):
    simulated = SimulatedCloud.open(path, clock)
    yield simulated
    simulated.close()


@pytest.fixture
def run(path, clock):
    def run(*arguments: str) -> str:
        out = io.StringIO()
        assert main([path, *arguments], out, clock) == 0
        return out.getvalue()

    return run


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("stop", ServerStatus.STOPPED),
        ("error", ServerStatus.ERROR),
        ("pause", ServerStatus.PAUSED),
        ("lose-sight", ServerStatus.UNKNOWN),
        ("recover", ServerStatus.ACTIVE),
        ("start", ServerStatus.ACTIVE),
        ("terminate", None),
        ("vanish", None),
    ],
)
def test_servers_are_acted_on_by_their_aws_id(simulated, run, scope, launch, clock, command, status):
    one, two = simulated.cloud.compute.create(scope, launch, 2)
    clock.wait(5)
    run(command, f"i-{one.short_id}", two.id)
    clock.wait(5)
    standing = [server.status for server in simulated.cloud.compute.list(scope)]
    assert standing == ([status] * 2 if status else [])


def test_servers_are_listed(simulated, run, scope, launch):
    (server,) = simulated.cloud.compute.create(scope, launch, 1)
    assert run("servers") == f"i-{server.short_id}  project-1  us-east-1a  t3.micro  building\n"


def test_a_zone_is_filled_and_opened_again(simulated, run, scope, launch):
    assert run("capacity", "us-east-1a", "0") == "fault 1 is set\n"
    assert "capacity" in run("faults")
    with pytest.raises(NoCapacity):
        simulated.cloud.compute.create(scope, launch, 1)
    assert run("lift", "1") == "1 lifted\n"
    simulated.cloud.compute.create(scope, launch, 1)


def test_an_outage_ends_by_itself(simulated, run, scope, clock):
    run("unavailable", "30")
    with pytest.raises(CloudUnavailable):
        simulated.cloud.compute.list(scope)
    clock.wait(30)
    simulated.cloud.compute.list(scope)


@pytest.mark.parametrize(
    ("arguments", "effect", "details", "remaining"),
    [
        (["refuse", "ImageNotFound", "--times", "3"], Effect.REFUSE, "error", 3),
        (["refuse", "QuotaExceeded"], Effect.REFUSE, "resource", None),
        (["lose-answer"], Effect.LOSE_ANSWER, None, 1),
        (["lose-request", "--times", "2"], Effect.LOSE_REQUEST, None, 2),
        (["boot-error", "no host"], Effect.BOOT_ERROR, "text", 1),
        (["boot-hang"], Effect.BOOT_HANG, None, 1),
        (["boot-slow", "9"], Effect.BOOT_SLOW, "seconds", None),
        (["delay", "0.5"], Effect.DELAY, "seconds", None),
        (["stale", "4"], Effect.STALE, "seconds", None),
        (["close-zone", "us-east-1b"], Effect.CLOSE_ZONE, None, None),
        (["quota", "project-1", "7"], Effect.QUOTA, "instances", None),
        (["pool-busy", "--times", "4"], Effect.POOL_BUSY, None, 4),
        (["capacity", "us-east-1b", "7", "--type", "t3.micro"], Effect.CAPACITY, "servers", None),
    ],
)
def test_every_fault_can_be_set_and_lifted(simulated, run, arguments, effect, details, remaining):
    run(*arguments, "--for", "60")
    (fault,) = simulated.faults.active()
    assert (fault.effect, fault.remaining) == (effect, remaining)
    assert fault.until is not None
    assert details is None or details in fault.details
    assert run("lift") == "1 lifted\n"
    assert simulated.faults.active() == []


def test_a_fault_is_narrowed(simulated, run):
    run("refuse", "NoCapacity", "--zone", "us-east-1a", "--type", "t3.micro", "--project", "p", "--call", "create")
    (fault,) = simulated.faults.active()
    where = fault.where
    assert (where.zone, where.flavor, where.project, where.calls) == ("us-east-1a", "t3.micro", "p", ("create",))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["capacity", "us-east-1z", "3"],
            "there is no zone us-east-1z: the cloud has us-east-1a, us-east-1b, us-east-1c",
        ),
        (["capacity", "nova", "3"], "there is no zone nova"),
        (["capacity", "us-east-1a", "-1"], "-1 servers are not possible: from 0"),
        (["capacity", "us-east-1a", "3", "--type", "t3.huge"], "there is no instance type t3.huge"),
        (["close-zone", "us-east-1"], "there is no zone us-east-1"),
        (["quota", "embedded", "-7"], "-7 instances are not possible"),
        (["refuse", "NoCapacity", "--zone", "us-west-1a"], "there is no zone us-west-1a"),
        (["refuse", "NoCapacity", "--times", "0"], "0 times is not possible: from 1"),
        (["refuse", "NoCapacity", "--type", "t3.micro", "--call", "delete"], "delete name neither zone nor type"),
        (["pool-busy", "--zone", "us-east-1a"], "name neither zone nor type: only create does"),
        (["stale", "3", "--zone", "us-east-1a"], "name neither zone nor type"),
        (["unavailable", "-3"], "a fault cannot hold for -3 seconds"),
        (["unavailable", "nan"], "a fault cannot hold for nan seconds"),
        (["unavailable", "inf"], "a fault cannot hold for inf seconds"),
        (["boot-hang", "--for", "0"], "a fault cannot hold for 0 seconds"),
        (["delay", "-1"], "-1 seconds are not possible"),
        (["stale", "inf"], "inf seconds are not possible"),
        (["boot-slow", "nan"], "nan seconds are not possible"),
        (["pool", "embedded", "web", "--region", "us-west-1"], "there is no region us-west-1: the cloud has us-east-1"),
        (["pool", "embedded", "web", "--port", "0"], "0 is no port"),
    ],
)
def test_what_would_never_happen_is_refused_in_a_sentence(path, clock, simulated, arguments, why):
    out = io.StringIO()
    assert main([path, *arguments], out, clock) == 1
    assert why in out.getvalue()
    assert out.getvalue().count("\n") == 1
    assert simulated.faults.active() == []


def test_the_regions_of_a_cloud_are_those_it_was_opened_with(tmp_path, clock):
    path = str(tmp_path / "cloud.sqlite")
    SimulatedCloud.open(path, clock, SimulatedSettings(regions=("eu-west-1",))).close()
    out = io.StringIO()
    assert main([path, "close-zone", "eu-west-1b"], out, clock) == 0
    assert main([path, "close-zone", "us-east-1b"], out, clock) == 1
    assert main([path, "pool", "embedded", "web"], out, clock) == 0
    again = SimulatedCloud.open(path, clock)
    assert again.settings == SimulatedSettings(regions=("eu-west-1",))
    assert [pool.region for pool in again.pools.all()] == ["eu-west-1"]
    again.close()


def test_pools_are_made_judged_and_dropped(simulated, run, scope):
    pool = run("pool", "project-1", "web", "--port", "8080").strip()
    assert run("pools") == f"{pool}  project-1  web  HTTP:8080  0\n"
    simulated.cloud.balancing.add_members(scope, pool, [Target("node-1", "172.31.0.9", 8080)])
    assert run("members", "web") == "172.31.0.9:8080  1  initial  node-1\n"
    run("member-down", "web", "172.31.0.9")
    assert "unhealthy" in run("members", pool)
    run("member-up", "web", "172.31.0.9")
    assert "initial" in run("members", pool)
    run("drop-pool", "web")
    assert run("pools") == ""


def test_a_pool_may_have_neither_monitor_nor_traffic(simulated, run, scope):
    run("pool", "project-1", "db", "--protocol", "TCP", "--no-monitor", "--no-balancer")
    (pool,) = simulated.cloud.balancing.pools(scope)
    assert (pool.protocol, pool.monitor, pool.balancer_ids) == ("TCP", None, ())


def test_what_is_not_there_is_said(path, clock, simulated):
    out = io.StringIO()
    assert main([path, "stop", "i-0123456789abcdef0"], out, clock) == 1
    assert "could not be found" in out.getvalue()
    assert main([path, "members", "nowhere"], out, clock) == 1
    assert "No pool" in out.getvalue()
    assert main([path + ".other", "servers"], out, clock) == 1
    assert "no simulated cloud" in out.getvalue()
