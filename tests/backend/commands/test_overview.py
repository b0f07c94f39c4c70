"""What an operator is told of engines, groups and what is wrong, of real states; and the brake as a command."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from sqlalchemy import text

import wsgi
from backend.clock import SystemClock
from backend.commands import CannotDo, brakes, doctor, engine_list, groups, opening, orphans
from backend.commands.groups import Wanted
from backend.commands.line import Troubles, written
from backend.domain.brakes import Brake
from backend.domain.cluster import Process
from backend.domain.delegation import Delegation
from backend.domain.hooks import HookRequest, Transition
from backend.domain.profile import ServerSpec
from backend.drivers.brokers import Broker
from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.engine.settings import EngineSettings
from backend.errors import KeysUnreached
from backend.services.servers import Order
from backend.store import brakes as brake_rows
from backend.store import engines, events, leases, migrate
from backend.store.delegations import StoredDelegations
from backend.store.engines import EngineRecord
from backend.store.guarded import Guard
from backend.store.leased import Claimer, Room
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from tests.backend.configured import configured
from tests.backend.engine.world import EngineWorld
from tests.databases import start
from tests.factories import NOW, OTHER, SCOPE
from translators.autoscaling import explaining

HERE = migrate.head() or ""


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    yield made
    made.close()


def _explained(world, name="web", project=None):
    return groups.explain(world.store, world.clock, world.engine_settings, explaining.WORDS, (name, project))


def _seen(world, name, *, seconds_ago=0.0, version=HERE, draining=False):
    at = world.clock.now() - timedelta(seconds=seconds_ago)
    record = EngineRecord(name, "ctl1", 4711, version, NOW, at, timedelta(seconds=9), draining)
    world.store.transact(partial(engines.seen, me=record, now=at))


def _text(told):
    return "\n".join(written(told, "table"))


def test_engines_are_listed_with_their_shares_and_what_they_have(world):
    world.make(desired=1)
    for name in ("a", "b"):
        _seen(world, name)
    _seen(world, "c", seconds_ago=20)
    _seen(world, "d", draining=True)
    settings = world.engine_settings
    leases.CLUSTERS.claim(world.store, Claimer("b", settings.lease), world.clock.now(), Room(5, []))
    world.make("app", desired=1)
    leases.CLUSTERS.claim(world.store, Claimer("who", settings.lease), world.clock.now(), Room(5, []))
    told = engine_list.listed(world.store, settings)
    assert [(row["engine"], row["state"], row["share"], row["claims"]) for row in told] == [
        ("a", "works", "0000-8000", 0),
        ("b", "works", "8000-ffff", 1),
        ("c", "silent", None, 0),
        ("d", "draining", None, 0),
        ("who", "unknown", None, 1),
    ]
    assert "20.0 s ago" in _text(told)


def test_an_engine_whose_schema_has_gone_on_without_it_is_outdated(world):
    _seen(world, "old", version="0050")
    _seen(world, "new", version="1-0051", seconds_ago=1)
    with world.store.engine.begin() as conn:
        conn.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('1-0051')"))
    told = engine_list.listed(world.store, world.engine_settings)
    assert {row["engine"]: row["state"] for row in told} == {"old": "outdated", "new": "works"}


def test_groups_of_all_projects_come_in_pages_with_what_is_odd_about_them(world):
    for name, scope in (("web", SCOPE), ("app", OTHER), ("db", SCOPE)):
        world.make(name, desired=2, scope=scope)
    world.pass_time(5)
    world.backend.clusters.suspend(SCOPE, "db", [Process.LAUNCH])
    brake_rows.put(world.store, Brake(OTHER.project_id, "", world.clock.now(), "root@ops", ""))
    told = groups.listed(world.store, world.clock, Wanted(most=2))
    assert [(row["group"], row["desired"], row["in_service"]) for row in told] == [("app", 2, 2), ("db", 2, 2)]
    assert [row["notes"] for row in told] == [["brake"], ["suspended: Launch"]]
    after = "/".join(told[-1][each] for each in ("project", "region", "group"))
    assert [row["group"] for row in groups.listed(world.store, world.clock, Wanted(after=after))] == ["web"]
    only = Wanted(project=OTHER.project_id, region="us-east-1")
    assert [row["group"] for row in groups.listed(world.store, world.clock, only)] == ["app"]
    assert _text(told).splitlines()[0].split() == [
        *("PROJECT", "REGION", "GROUP", "DESIRED", "IN_SERVICE", "COMING", "GOING", "DUE", "NOTES")
    ]
    with pytest.raises(CannotDo, match="is no PROJECT/REGION/GROUP"):
        groups.listed(world.store, world.clock, Wanted(after="web"))


def test_a_group_that_is_whole_is_explained_as_such(world):
    world.make(desired=2)
    world.pass_time(5)
    told = _explained(world)
    assert (told["blocked_by"], told["next_pass"]) == ([], ["nothing"])
    assert told["capacity"] == "2 wanted (0 to 20), 2 there"
    assert told["nodes"] == {"InService": 2}
    assert told["latest"][0].startswith("2026-11-22T13:00:00+00:00 Successful: Launching a new EC2 instance: i-")
    assert json.loads("\n".join(written(told, "json")))["group"] == "web"


def test_what_keeps_a_group_from_what_is_desired_is_told(world):
    for zone in ("us-east-1a", "us-east-1b"):
        world.simulated.faults.capacity(zone, 0)
    world.make(desired=2)
    world.pass_time(20)
    text = _text(_explained(world))
    assert "launches failed in 2 places, left alone for now; the next is tried" in text
    assert "us-east-1a, " in text
    assert "capacity    " in text
    assert "2 wanted (0 to 20), 0 there" in text
    assert "Failed: Launching a new EC2 instance" in text
    world.backend.clusters.suspend(SCOPE, "web", [Process.LAUNCH, Process.TERMINATE])
    brake_rows.put(world.store, Brake("", "", NOW, "root@ops", "the switch is replaced"))
    text = _text(_explained(world))
    assert (
        "the brake of all projects in all regions is on since 2026-11-22T13:00:00+00:00, by root@ops: the switch is"
        " replaced (coppice resume-all)" in text
    )
    assert "Launch is suspended (ResumeProcesses)" in text
    assert "Terminate is suspended (ResumeProcesses)" in text


def test_what_the_next_pass_would_do_is_told_and_not_done(world):
    group = world.make(desired=1)
    world.pass_time(5)
    world.backend.clusters.resize(SCOPE, "web", 3)
    told = _explained(world)
    assert told["next_pass"] == ["CreateServers 2", "new->Pending 2"]
    assert told["due"] is not None
    assert world.states(group) == ["InService"]


def test_who_waits_for_a_hook_and_who_is_at_work_on_a_group_is_told(world):
    hook = HookRequest("wait", Transition.LAUNCHING, heartbeat_seconds=600)
    world.make(desired=1)
    world.backend.hooks.put(SCOPE, "web", hook)
    world.pass_time(5)
    leases.CLUSTERS.claim(
        world.store, Claimer("one", world.engine_settings.lease), world.clock.now() + timedelta(hours=2), Room(5, [])
    )
    told = _explained(world)
    assert told["waits_for_hooks"][0].startswith("wait: i-")
    assert "unanswered, ABANDON at 2026-11-22T13:10:" in told["waits_for_hooks"][0]
    assert told["engine"].startswith("one until 2026-11-22T13:01:")


def test_a_launch_source_that_is_gone_is_told_in_aws_words(world):
    world.make(desired=0)
    world.store.transact(lambda conn: conn.exec_driver_sql("DELETE FROM launch_configurations"))
    assert any("nothing can be launched: " in each for each in _explained(world)["blocked_by"])


def test_a_group_that_is_not_there_or_there_twice_is_not_explained(world):
    with pytest.raises(CannotDo, match="there is no group web"):
        _explained(world)
    made = [world.make(desired=0, scope=scope) for scope in (SCOPE, OTHER)]
    with pytest.raises(CannotDo, match="several have a group web"):
        _explained(world)
    assert _explained(world, project=OTHER.project_id)["id"] == made[1].id
    assert _explained(world, made[0].id)["project"] == SCOPE.project_id


def test_the_brake_is_put_on_and_taken_off_by_a_word(world):
    world.make(desired=1)
    said = brakes.suspend(world.store, Brake("", "", NOW, "root@ops", ""))
    assert said.startswith(
        "The brake of all projects in all regions is on since 2026-11-22T13:00:00+00:00, by root@ops: 1"
    )
    assert said.endswith("; coppice resume-all takes it off.")
    said = brakes.suspend(world.store, Brake("p", "us-east-1", NOW, "root@ops", ""))
    assert said.endswith("; coppice resume-all --project p --region us-east-1 takes it off.")
    assert "by root@ops: 0 groups, so see that it is the place that is meant. Nothing" in said
    brakes.suspend(world.store, Brake("p", "", NOW, "root@ops", ""))
    with pytest.raises(
        CannotDo, match="no such brake is on; the brake of all projects in all regions is on"
    ) as refused:
        brakes.resume(world.store, "q", "")
    assert "(coppice resume-all --project p --region us-east-1)" in str(refused.value)
    assert "by root@ops (coppice resume-all --project p)." in brakes.resume(world.store, "", "")
    brakes.resume(world.store, "p", "us-east-1")
    assert brakes.resume(world.store, "p", "") == "The brake is off: what it held goes on."


def _examined(world, **instead):
    ward = doctor.Ward(world.store, world.clock, world.engine_settings, lambda: world.simulated.cloud)
    return doctor.examined(replace(ward, **instead))


def _states(told):
    return {row["check"]: row["state"] for row in told}


@pytest.fixture
def migrated(world, monkeypatch):
    monkeypatch.setattr(migrate, "refusal", lambda _store: None)  # its tables are made at once
    return world


def test_a_sound_installation_has_nothing_to_do(migrated):
    migrated.make(desired=1)
    migrated.pass_time(5)
    _seen(migrated, "one")
    told = _examined(migrated)
    assert not isinstance(told, Troubles)
    assert {row["state"] for row in told} == {"ok"}
    assert {"database", "schema", "clocks", "engines", "work", "brake", "nova us-east-1", "octavia us-east-1"} <= {
        row["check"] for row in told
    }


def test_a_file_of_lines_that_cannot_be_written_is_a_fault(migrated, tmp_path, monkeypatch):
    def told(file):
        rows = _examined(migrated, files={"[audit] file": file})
        (found,) = [(row["state"], row["found"]) for row in rows if row["check"] == "[audit] file"]
        return found

    file = tmp_path / "audit.log"
    assert told(file) == ("ok", f"{file} can be written")
    assert not file.exists()
    assert told(tmp_path / "nowhere" / "audit.log") == ("FAULT", f"there is no folder {tmp_path / 'nowhere'}")
    assert told(tmp_path) == ("FAULT", f"{tmp_path} is a folder")
    file.write_text("")
    with monkeypatch.context() as full:
        full.setattr(os, "statvfs", lambda _: SimpleNamespace(f_blocks=10, f_bavail=0))
        assert told(file) == ("FAULT", f"there is no room in {tmp_path}")
    with monkeypatch.context() as denied:
        denied.setattr(os, "access", lambda *_: False)
        assert told(file)[1].startswith(f"{file} may not be written")
        file.unlink()
        assert told(file)[1].startswith(f"{tmp_path} may not be written")


def test_whether_anybody_listens_is_told_where_a_bus_is_named(migrated):
    def told(**instead):
        return [(row["state"], row["found"]) for row in _examined(migrated, **instead) if row["check"] == "events"]

    def listening(heard_at):
        now = migrated.clock.now()
        me = events.ListenerRecord("one", "ctl1", 1, now, now, heard_at)
        migrated.store.transact(partial(events.listens, me=me, now=now))

    assert told() == []
    assert told(listens=True) == [("warning", "nobody listens on the cloud's bus")]
    listening(None)
    assert told(listens=True) == [("warning", "1 listening, nothing was heard yet")]
    listening(migrated.clock.now())
    migrated.clock.move(7)
    assert told(listens=True) == [("ok", "1 listening, the last was heard 7 s ago")]
    heard_at = migrated.clock.now()
    migrated.clock.move(7200)
    listening(heard_at)
    assert told(listens=True) == [("warning", "1 listening, the last was heard 2:00:00 ago")]
    migrated.clock.move(30)
    assert told(listens=True) == [("warning", "nobody listens on the cloud's bus")]


@pytest.mark.parametrize(
    "kind",
    ["sqlite", *(pytest.param(each, marks=pytest.mark.database) for each in ("postgresql", "mariadb"))],
)
def test_a_database_that_takes_no_writes_is_a_fault_of_its_own(kind, tmp_path):
    file = tmp_path / "store.db"
    try:
        server = nullcontext() if kind == "sqlite" else start.database(kind)
        with server as made:
            url = f"sqlite:///{file}" if made is None else made.url
            migrate.upgrade(url)
            assert _database_of(url)[0] == "ok"
            if made is None:
                url = f"sqlite:///file:{file}?mode=ro&uri=true"
            else:
                made.refuse_writes(refused=True)
            state, found, todo = _database_of(url)
    except start.Unavailable as why:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {kind} here: {why}")
    assert state == "FAULT"
    assert "takes no writes: " in found
    assert "[database] url" in todo


def _told(ward, check):
    (found,) = (row for row in doctor.examined(ward) if row["check"] == check)
    return found["state"], found["found"], found["todo"]


def _database_of(url):
    store = Store(url, SystemClock())
    ward = doctor.Ward(store, SystemClock(), EngineSettings(), lambda: EngineWorld().simulated.cloud)
    try:
        return _told(ward, "database")
    finally:
        store.close()


def test_a_schema_of_a_newer_coppice_is_told_with_what_helps(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    migrate.upgrade(url)
    store = Store(url, SystemClock())
    ward = doctor.Ward(store, SystemClock(), EngineSettings(), lambda: EngineWorld().simulated.cloud)

    def told(revision):
        store.transact(
            lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
        )
        return _told(ward, "schema")

    assert told("0999") == ("ok", f"revision 0999, newer than this Coppice, which knows {HERE}", "")
    state, found, todo = told("1-1000")
    assert (state, todo) == ("FAULT", "run the newer Coppice here, too")
    assert "it stands at 1-1000" in found
    assert told("0002") == (
        "FAULT",
        f"the database is not migrated: it stands at 0002, this Coppice needs {HERE}: coppice migrate",
        "coppice migrate",
    )
    store.close()


def test_what_is_wrong_is_told_with_what_to_do(migrated):
    migrated.make(desired=1)
    _seen(migrated, "one", seconds_ago=60)
    migrated.clock.move(120)
    brake_rows.put(migrated.store, Brake("", "", NOW, "root@ops", ""))

    def refuses(moment, call):
        if moment == "before" and call.name == "flavors":
            raise NotAuthorized("the trust is gone")
        if moment == "before" and call.name == "networks":
            raise CloudUnavailable("connection refused")

    migrated.simulated.faults.hooks.append(refuses)
    told = _examined(migrated)
    assert isinstance(told, Troubles)
    states = _states(told)
    assert (states["nova us-east-1"], states["neutron us-east-1"]) == ("warning", "FAULT")
    assert (states["engines"], states["work"], states["brake"]) == ("FAULT", "warning", "warning")
    assert "coppice engine, on any host" in _text(told)
    assert "coppice resume-all" in _text(told)


def test_a_cloud_that_cannot_be_logged_in_to_and_a_schema_that_is_old_are_faults(world, monkeypatch):
    told = _examined(world)
    assert _states(told) == {"settings": "ok", "database": "ok", "schema": "FAULT"}
    monkeypatch.setattr(migrate, "refusal", lambda _store: None)

    def fails():
        raise CannotDo("Keystone does not know the service user")

    assert _states(_examined(world, log_in=fails))["keystone"] == "FAULT"
    assert _states(_examined(world, open_cloud=fails))["cloud"] == "FAULT"
    assert _states(_examined(world, log_in=lambda: "u1"))["keystone"] == "ok"


@pytest.mark.parametrize(("seconds", "state"), [(0, "ok"), (4, "ok"), (-4, "ok"), (30, "warning"), (-30, "warning")])
def test_the_clock_of_keystone_is_held_against_ours(migrated, seconds, state):
    there = migrated.clock.now() + timedelta(seconds=seconds)
    told = _examined(migrated, log_in=lambda: "u1", cloud_time=lambda: there)
    assert _states(told)["clock of keystone"] == state
    assert not seconds > 4 or "30 s between this machine and Keystone" in _text(told)


def test_a_keystone_that_tells_no_time_is_none_of_ours_to_judge(migrated):
    def fails():
        raise CannotDo("connection refused")

    assert _states(_examined(migrated, log_in=lambda: "u1", cloud_time=lambda: None))["clock of keystone"] == "ok"
    assert _states(_examined(migrated, log_in=lambda: "u1", cloud_time=fails))["clock of keystone"] == "warning"


def _row(told, check):
    (found,) = (row for row in told if row["check"] == check)
    return found["state"], found["found"]


def test_a_project_whose_quota_is_used_up_is_told(migrated):
    migrated.make(desired=2)
    migrated.pass_time(5)
    state, found = _row(_examined(migrated), "quotas us-east-1")
    assert state == "ok"
    assert found.startswith(f"project {SCOPE.project_id}: 2 of ")
    migrated.simulated.faults.quota(SCOPE.project_id, 2)
    told = _examined(migrated)
    assert _row(told, "quotas us-east-1") == ("warning", f"project {SCOPE.project_id}: 2 of 2 instances")
    assert "raise its quota of instances" in _text(told)
    assert not isinstance(told, Troubles) or _states(told)["engines"] == "FAULT"


@pytest.mark.parametrize("error", [CloudUnavailable("no limits today"), NotAuthorized("no")])
def test_quotas_that_are_not_told_are_no_fault_and_not_asked_for_where_nova_says_nothing(migrated, error):
    migrated.make(desired=1)

    def refuses(moment, call):
        if moment == "before" and call.name in silent:
            raise error

    migrated.simulated.faults.hooks.append(refuses)
    silent = {"quotas"}
    assert _row(_examined(migrated), "quotas us-east-1")[0] == "warning"
    silent = {"flavors"}
    assert "quotas us-east-1" not in _states(_examined(migrated))


def test_engines_that_the_coordinator_does_not_know_are_told(migrated):
    for name in ("a", "b"):
        _seen(migrated, name)
    _seen(migrated, "dead", seconds_ago=60)
    assert "coordinator" not in _states(_examined(migrated))
    known = ["a", "b", "of another installation"]
    assert _row(_examined(migrated, members=lambda: known), "coordinator") == ("ok", "knows 2 of 2 engines at work")
    told = _examined(migrated, members=lambda: ["b"])
    assert _row(told, "coordinator") == ("warning", "knows 1 of 2 engines at work")
    assert "see in the log of a why" in _text(told)

    def fails():
        raise CannotDo("ConnectionError: away")

    assert _row(_examined(migrated, members=fails), "coordinator") == ("warning", "ConnectionError: away")


def test_brokers_that_do_not_answer_are_told(migrated):
    found = [Broker("one:5672"), Broker("two:5672", "Connection refused")]
    told = _examined(migrated, buses={"bus RegionOne": lambda: found, "bus of oslo:": list})
    assert _row(told, "bus RegionOne") == ("warning", "1 of 2 brokers answer; two:5672: Connection refused")
    assert _row(told, "bus of oslo:")[0] == "ok"
    assert _row(_examined(migrated, buses={"bus": lambda: found[:1]}), "bus")[0] == "ok"


def test_which_brokers_are_asked_is_what_the_settings_name(tmp_path):
    assert opening.buses_of(configured(tmp_path, "")) == {}
    said = "[events]\nurls = RegionOne=rabbit://u:secret@host.invalid:1/\n[messages]\nnotifications_url = fake://\n"
    asked = opening.buses_of(configured(tmp_path, said))
    assert list(asked) == ["bus RegionOne", "bus of oslo:"]
    assert asked["bus of oslo:"]() == []


def test_a_coordinator_that_is_not_there_is_what_the_command_tells(state, monkeypatch, capsys):
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OS_ENGINE__COORDINATOR", f"redis://:hunter2@127.0.0.1:{unheard.getsockname()[1]}")
        wsgi.main(["doctor", "-o", "json"])
    told = capsys.readouterr().out
    assert _row(json.loads(told), "coordinator")[0] == "warning"
    assert "hunter2" not in told


def test_a_service_user_who_may_not_read_keys_is_a_fault(migrated):
    def fails():
        raise CannotDo("the service user may not read credentials")

    told = _examined(migrated, log_in=lambda: "u1", read_keys=fails)
    assert _row(told, "access keys") == ("FAULT", "the service user may not read credentials")
    assert isinstance(told, Troubles)
    assert _row(_examined(migrated, log_in=lambda: "u1", read_keys=lambda: None), "access keys")[0] == "ok"


def test_orphans_are_told_to_programs_as_values(world):
    group = world.make(desired=1)
    world.pass_time(5)
    order = Order(ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a"))
    (made,) = world.backend.servers.run(SCOPE, order)
    world.simulated.cloud.compute.adopt(SCOPE, made.id, world.nodes(group)[0].launch_id)
    world.pass_time(60, 2)
    (row,) = orphans.found(world.store, world.clock.now(), world.engine_settings.sweeping)
    assert (row["project"], row["kind"], row["unowned"], row["total"]) == (SCOPE.project_id, "server", 1, 2)
    assert row["oldest_seconds"] > 30


def _secrets(world, seal, closes=False):
    """What doctor says of secrets, of which one is kept, sealed with OLD, and one launch configuration in the clear."""
    world.store.seal, world.store.guard = seal, Guard(seal, closes)
    (found,) = [row for row in _examined(world) if row["check"] == "secrets"]
    return found["state"], found["found"], found["todo"]


def test_doctor_tells_what_secrets_lie_sealed_with(migrated):
    world, (old, new) = migrated, (new_key(), new_key())
    world.make(desired=0)
    handed = Delegation("c", "p", "u", "member", NOW, None, "s3cret")
    StoredDelegations(world.store, Seal([old])).put(handed)
    assert _secrets(world, Seal())[:2] == ("FAULT", "no key is set, and 1 lie sealed")
    assert _secrets(world, Seal([old])) == ("ok", "1 sealed with the first of 1 keys", "")
    words = "0 sealed with the first of 2 keys, 1 with older ones"
    assert _secrets(world, Seal([new, old])) == ("warning", words, "coppice reseal")
    assert _secrets(world, Seal([new]))[:2] == ("FAULT", "0 sealed with the first of 1 keys, 1 with none that is there")
    clear = "1 sealed with the first of 1 keys, 1 not sealed yet"
    assert _secrets(world, Seal([old]), closes=True) == ("warning", clear, "coppice reseal")

    def away():
        raise KeysUnreached("Barbican does not give the key k: ConnectTimeout")

    told = _secrets(world, Seal((), away, lazily=True))
    assert told[:2] == ("FAULT", "Barbican does not give the key k: ConnectTimeout")
    assert _secrets(world, Seal([old], away))[0] == "FAULT", "what runs goes on, and the operator hears of it"


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    return tmp_path


def test_doctor_looks_at_the_files_that_settings_name(state, monkeypatch, capsys):
    wsgi.main(["doctor"])
    assert "audit" not in capsys.readouterr().out
    monkeypatch.setenv("OS_AUDIT__FILE", str(state / "audit.log"))
    monkeypatch.setenv("OS_MESSAGES__LOG", str(state / "nowhere" / "messages"))
    wsgi.main(["doctor", "-o", "json"])
    told = {row["check"]: row["found"] for row in json.loads(capsys.readouterr().out)}
    assert told["[audit] file"] == f"{state}/audit.log can be written"
    assert told["[messages] log"] == f"there is no folder {state}/nowhere"


@pytest.mark.parametrize("form", ["table", "json"])
def test_each_is_a_command(state, form, capsys):
    assert wsgi.main(["suspend-all", "--reason", "a test", "-o", form]) == 0
    assert wsgi.main(["doctor", "-o", form]) == 1  # no engine
    told = capsys.readouterr().out
    assert "coppice engine, on any host" in told
    assert "the brake of all projects in all regions is on" in told
    assert wsgi.main(["engines", "-o", form]) == 0
    assert wsgi.main(["groups", "-o", form, "--limit", "5"]) == 0
    assert wsgi.main(["orphans", "-o", form]) == 0
    assert wsgi.main(["explain", "web", "-o", form]) == 1
    assert capsys.readouterr().err == "Nothing was changed: there is no group web\n"
    assert wsgi.main(["resume-all", "-o", form]) == 0
    assert "The brake is off" in capsys.readouterr().out
    assert opening.settings().state == str(state)


def test_a_brake_is_put_on_by_a_user_whom_the_system_does_not_know(state, monkeypatch, capsys):
    """Such as a container's that runs as any number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert wsgi.main(["suspend-all"]) == 0
    assert f"{2**31 - 7}@" in capsys.readouterr().out


def test_a_project_is_named_as_its_account_is_and_one_that_is_not_there_is_refused(state, capsys):
    assert wsgi.main(["suspend-all", "--project", "default", "--region", "us-east-1"]) == 0
    assert "The brake of project embedded in region us-east-1 is on" in capsys.readouterr().out
    assert wsgi.main(["doctor"]) == 1
    assert "coppice resume-all --project embedded --region us-east-1" in capsys.readouterr().out
    assert wsgi.main(["resume-all", "--project", "default", "--region", "us-east-1"]) == 0
    for command in (["suspend-all"], ["groups"], ["explain", "web"], ["messages", "list"], ["forecasts"]):
        assert wsgi.main([*command, "--project", "defualt"]) == 1
        assert "there is no account defualt" in capsys.readouterr().err, command
    for command in ("suspend-all", "groups"):
        assert wsgi.main([command, "--region", "us-esat-1"]) == 1
        assert "us-esat-1 is no region that is served here" in capsys.readouterr().err
    assert wsgi.main(["orphans", "--look", "default/us-east-1"]) == 0
    assert "The engine looks at embedded in us-east-1" in capsys.readouterr().out
    assert wsgi.main(["orphans", "--release", "default"]) == 0
    assert "Nothing of embedded is held" in capsys.readouterr().out


def test_a_brake_is_taken_off_by_the_words_that_it_was_put_on_with_whatever_is_there_now(state, capsys):
    store = opening.store_of(opening.settings())
    brake_rows.put(store, Brake("gone", "nowhere", NOW, "root@ops", ""))
    assert wsgi.main(["resume-all", "--project", "gone", "--region", "nowhere"]) == 0
    assert "The brake is off" in capsys.readouterr().out
