from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.clock import SystemClock
from backend.domain.node import ServerStatus
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.drivers.simulated.state import State, add_to_counter, counter, set_counter

ROOT = Path(__file__).resolve().parents[4]
CREATE_MANY = """
import sys
from backend.clock import SystemClock
from backend.domain.scope import Scope
from backend.drivers.compute import ServerRequest
from backend.drivers.simulated import SimulatedCloud
path, image = sys.argv[1:]
simulated = SimulatedCloud.open(path, SystemClock())
request = ServerRequest("web", image, "t3.micro", "us-east-1a", None)
for _ in range(25):
    simulated.cloud.compute.create(Scope("project-1", "us-east-1"), request, 4)
simulated.close()
"""


def test_a_cloud_goes_on_where_it_was_closed(tmp_path, clock, scope, launch):
    path = str(tmp_path / "cloud.sqlite")
    first = SimulatedCloud.open(path, clock)
    servers = first.cloud.compute.create(scope, launch, 2)
    first.cloud.compute.tag(scope, servers[0].id, {"a": "b"}, ())
    first.projects.create_key_pair(scope, "key", "ed25519")
    first.projects.add_security_group(scope, "web")
    subnets = first.cloud.network.subnets(scope)
    first.close()
    clock.wait(60)
    again = SimulatedCloud.open(path, clock)
    read = again.cloud.compute.list(scope)
    assert [server.id for server in read] == [server.id for server in servers]
    assert {server.status for server in read} == {ServerStatus.ACTIVE}
    assert dict(read[0].tags) == {"a": "b"}
    assert [pair.name for pair in again.cloud.compute.key_pairs(scope)] == ["key"]
    assert [group.name for group in again.cloud.network.security_groups(scope)] == ["default", "web"]
    assert again.cloud.network.subnets(scope) == subnets
    (another,) = again.cloud.compute.create(scope, launch, 1)
    assert another.id not in {server.id for server in servers}
    again.close()


def test_processes_that_start_at_once_share_one_cloud(tmp_path, scope, launch):
    path = str(tmp_path / "cloud.sqlite")
    command = [sys.executable, "-c", CREATE_MANY, path, launch.image_id]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    simulated = SimulatedCloud.open(path, SystemClock())
    servers = simulated.cloud.compute.list(scope)
    simulated.close()
    assert len({server.id for server in servers}) == 300
    assert len({server.private_address for server in servers}) == 300
    assert len({server.public_address for server in servers}) == 300
    assert set(Counter(server.reservation_id for server in servers).values()) == {4}


@pytest.mark.parametrize("kept", ["memory", "file"])
def test_threads_share_one_cloud(tmp_path, clock, scope, launch, kept):
    simulated = SimulatedCloud.open(str(tmp_path / "cloud.sqlite") if kept == "file" else None, clock)

    def live(number: int) -> None:
        servers = simulated.cloud.compute.create(scope, launch, 3)
        simulated.cloud.compute.delete(scope, servers[0].id)
        assert simulated.cloud.compute.list(scope)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(live, range(40)))
    clock.wait(5)
    assert len({server.private_address for server in simulated.cloud.compute.list(scope)}) == 80
    assert simulated.cloud.network.subnets(scope)[0].free_addresses == 4091 - 80
    simulated.close()


def test_an_opened_cloud_hands_no_connection_to_a_forked_worker(tmp_path, clock, scope):
    simulated = SimulatedCloud.open(str(tmp_path / "cloud.sqlite"), clock)
    assert len(simulated._state._opened) == 0
    simulated.cloud.compute.list(scope)
    assert len(simulated._state._opened) == 1
    simulated.close()


def test_what_one_block_reads_is_of_one_instant(tmp_path):
    one, two = (State(str(tmp_path / "state.sqlite")) for _ in range(2))
    with one.reading() as connection:
        assert counter(connection, "a") == 0
        with two.writing() as other:
            add_to_counter(other, "a", 1)
        with one.reading() as same:
            assert counter(same, "a") == 0
    with one.reading() as connection:
        assert counter(connection, "a") == 1
    one.close()
    two.close()


def test_two_clouds_without_a_seed_never_give_the_same_id(clock, scope, launch):
    ids = set()
    for _ in range(2):
        simulated = SimulatedCloud.open(None, clock, SimulatedSettings())
        ids |= {server.id for server in simulated.cloud.compute.create(scope, launch, 2)}
        simulated.close()
    assert len(ids) == 4


def test_a_state_of_an_older_make_gets_the_columns_it_lacks(tmp_path):
    path = str(tmp_path / "state.sqlite")
    State(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE servers DROP COLUMN image_id")
    for _ in range(2):
        state = State(path)
        with state.reading() as connection:
            assert "image_id" in {row[1] for row in connection.execute("PRAGMA table_info(servers)")}
        state.close()


def fail_within(state: State) -> None:
    with state.writing() as connection:
        add_to_counter(connection, "a", 1)
        with state.writing() as same:
            add_to_counter(same, "a", 1)
        raise KeyError


def test_a_transaction_that_fails_leaves_nothing(tmp_path):
    for path in (None, str(tmp_path / "state.sqlite")):
        state = State(path)
        with pytest.raises(KeyError):
            fail_within(state)
        with state.writing() as connection:
            assert counter(connection, "a") == 0
            set_counter(connection, "a", 5)
            add_to_counter(connection, "a", -2)
            assert counter(connection, "a") == 3
        state.close()


def test_a_thread_s_connection_keeps_little_of_the_file(tmp_path):
    """An engine has one for each of its threads, and SQLite's own bound is 2 MiB of each."""
    state = State(str(tmp_path / "cloud.db"))
    with state.reading() as connection:
        (size,) = connection.execute("PRAGMA cache_size").fetchone()
    state.close()
    assert -256 <= size < 0, "KiB, as SQLite tells them"
