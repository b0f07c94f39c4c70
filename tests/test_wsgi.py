"""The composition root's own parts: which cloud is chosen, which keys seal, and the command line."""

from __future__ import annotations

import gc
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import wsgi
from backend import measures
from backend.clock import SystemClock
from backend.commands import CannotDo, opening, schema
from backend.commands.opening import archive_of
from backend.domain.ids import account_id
from backend.domain.messages import Gone, Telling
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.folder_archive import FolderArchive
from backend.drivers.messaging import Unusable
from backend.drivers.openstack.archive import SwiftArchive
from backend.engine.settings import EngineSettings
from backend.store.secrets import Seal, new_key
from backend.store.session import Store
from gateway import inherited, local
from gateway.auth import keys
from gateway.auth.identity import Identity
from gateway.auth.sessions import SessionCredentials
from gateway.inherited import Inheritance
from tests.factories import SCOPE, World, uuid_of


def test_the_cloud_is_chosen_by_configuration(tmp_path, monkeypatch):
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {here: {auth: {auth_url: 'http://x', username: u, password: p}, region_name: R1}}")
    configuration = tmp_path / "coppice.conf"
    configuration.write_text(
        f"[cloud]\ndriver = openstack\n[openstack]\ncloud = here\nclouds_file = {clouds}\n"
        "zones = us-east-1a:az1,us-east-1b:az2\narchitectures = arm64\n"
    )
    monkeypatch.setenv("COPPICE_CONFIG", str(configuration))
    chosen = wsgi.settings()
    assert chosen.driver == "openstack"
    assert chosen.openstack.zones == {"us-east-1a": "az1", "us-east-1b": "az2"}
    assert chosen.openstack.architectures == ("arm64",)
    assert isinstance(wsgi.cloud_of(chosen, wsgi.store_of(chosen)), Cloud)
    assert wsgi.keystone_identity(chosen).regions == {"us-east-1": "R1", "R1": "R1"}


def test_how_long_records_are_kept_and_where_they_go_is_configured(tmp_path, monkeypatch):
    assert archive_of(wsgi.settings()) is None
    assert wsgi.settings().engine.activity_retention == timedelta(days=42)
    for name, value in {"ACTIVITY_RETENTION_SECONDS": "864000", "GARBAGE_ROWS": "50", "ARCHIVE": f"{tmp_path}"}.items():
        monkeypatch.setenv(f"OS_RECORDS__{name}", value)
    chosen = wsgi.settings()
    assert (chosen.engine.activity_retention, chosen.engine.garbage_rows) == (timedelta(days=10), 50)
    assert chosen.engine.claim_retention == timedelta(days=42)
    assert isinstance(archive_of(chosen), FolderArchive)
    with pytest.raises(CannotDo, match="Swift"):
        archive_of(replace(chosen, archive="swift:old"))
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {coppice: {auth: {auth_url: 'http://x', username: u, password: p}, region_name: R1}}")
    there = replace(chosen.openstack, clouds_file=str(clouds))
    found = archive_of(replace(chosen, archive="swift:old", driver="openstack", openstack=there))
    assert isinstance(found, SwiftArchive)


def test_a_key_of_the_state_folder_is_made_once_for_its_owner_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert not wsgi.seal_of(wsgi.settings()).has_keys
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    made = (tmp_path / "secrets.key").read_text()
    assert (tmp_path / "secrets.key").stat().st_mode & 0o777 == 0o600
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    assert (tmp_path / "secrets.key").read_text() == made
    assert wsgi.seal_of(wsgi.settings()).open(Seal([made.strip()]).close("x")) == "x"


def test_keys_of_the_settings_go_before_those_of_the_state(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    assert wsgi.main(["key"]) == 0
    key = capsys.readouterr().out.strip()
    monkeypatch.setenv("OS_SECRETS__KEY", key)
    chosen = wsgi.settings()
    assert wsgi.seal_of(chosen).open(Seal([key]).close("x")) == "x"
    assert key not in repr(chosen)


@pytest.mark.parametrize(("option", "value"), [("KEY", "no-key"), ("KEY_FILE", "/nowhere/at/all")])
def test_what_is_no_key_is_told_in_plain_words(tmp_path, monkeypatch, option, value):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv(f"OS_SECRETS__{option}", value)
    with pytest.raises(CannotDo, match="key"):
        wsgi.seal_of(wsgi.settings())


def test_nothing_is_handed_over_without_a_key(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["grant", "--application-credential", "--cloud", "mine"]) == 1
    assert "no key is set in [secrets]" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["2001-01-01", "soon"])
def test_an_end_that_is_past_or_none_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        wsgi.main(["grant", "--cloud", "mine", "--expires", text])
    assert text in capsys.readouterr().err


def test_secrets_are_resealed_by_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    local.keep_key(tmp_path / wsgi.KEY_FILE, new_key)
    assert wsgi.main(["migrate"]) == 0
    assert capsys.readouterr().out.startswith("revision")
    assert wsgi.main(["reseal"]) == 0
    assert capsys.readouterr().out == "Sealed with the first key: 0.\n"


def test_a_lone_engine_serves_its_metrics_or_says_why_not():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotDo, match=f"no metrics can be served at 127.0.0.1:{port}"):
            measures.serve(port, "127.0.0.1")
    server = measures.serve(port, "127.0.0.1")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"python_info" in answer.read()
    finally:
        server.shutdown()
        server.server_close()


def test_an_engine_refuses_a_database_that_is_not_migrated(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["engine"]) == 1
    assert caplog.messages == ["The engine cannot start: the database is not migrated: coppice migrate"]


def test_a_schema_that_is_beyond_this_code_is_told_in_one_sentence(tmp_path, monkeypatch, capsys, caplog):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    store = wsgi.store_of(wsgi.settings())
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '1-0031'")
    for command, said in (("engine", "The engine cannot start"), ("migrate", "The database was not migrated")):
        assert wsgi.main([command]) == 1
        told = capsys.readouterr().err or caplog.messages[-1]
        assert told.startswith(f"{said}: the database was migrated by a newer Coppice: it stands at")
    store.close()


def test_each_setting_of_the_engine_is_read_by_its_name(monkeypatch):
    monkeypatch.setenv("OS_ENGINE__LEASE_SECONDS", "17")
    monkeypatch.setenv("OS_ENGINE__CLOUD_CALLS", "5")
    engine = wsgi.settings().engine
    assert (engine.lease.total_seconds(), engine.cloud_calls, engine.poll.total_seconds()) == (17, 5, 0.25)
    assert (engine.pool_idle, engine.pool_busy) == (engine.watch_idle, EngineSettings().pool_busy)


def test_what_belongs_to_no_group_is_listed_and_let_go_by_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    for given, told in (
        ([], "Nothing belongs to no group."),
        (["--release", "a-project"], "Nothing of a-project is held."),
        (["--look", "a-project/us-east-1"], "The engine looks at a-project in us-east-1"),
    ):
        assert wsgi.main(["orphans", *given]) == 0
        assert told in capsys.readouterr().out
    assert wsgi.main(["orphans", "--look", "a-project"]) == 1
    assert "Nothing was changed: a-project is no PROJECT/REGION" in capsys.readouterr().err
    assert wsgi.main(["orphans", "--look", "a-project/xx"]) == 1
    assert "xx is none of the cloud's regions here: af-south-1, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "arguments", "told"),
    [
        ("OS_DEFAULT__STATE", "", ["run", "--port", "70000"], "70000 is no port"),
        ("OS_ENGINE__POLL_SECONDS", "abc", ["engine"], "abc"),
        ("COPPICE_CONFIG", "/nowhere/coppice.conf", ["engine"], "/nowhere/coppice.conf"),
        ("OS_DEFAULT__STATE", "", ["orphans"], "the database is not migrated: coppice migrate"),
        ("OS_DEFAULT__STATE", "", ["reseal"], "the database is not migrated: coppice migrate"),
        ("OS_GATEWAY__WORKERS", "abc", ["serve"], "abc"),
        ("OS_DEFAULT__STATE", "", ["serve"], "coppice run makes them there at its first start"),
        ("OS_DEFAULT__STATE", "", ["policy", "check", "autoscaling:Bogus"], "there is no action autoscaling:Bogus"),
        ("OS_DEFAULT__STATE", "", ["policy", "check", "SetDesiredCapacity"], "coppice policy sample prints all"),
        ("OS_GATEWAY__WORKERS", "abc", ["run", "--port", "0", "--state", "here"], "abc"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, caplog, name, value, arguments, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv(name, value or str(tmp_path))
    assert wsgi.main(arguments) == 1
    assert told in capsys.readouterr().err + caplog.text


@pytest.mark.parametrize("command", ["engine", "listen", "drain", "suspend-all", "sources", "orphans", "receivers"])
def test_a_cloud_that_clouds_yaml_does_not_know_is_told_in_a_sentence(tmp_path, monkeypatch, capsys, caplog, command):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    assert wsgi.main(["migrate"]) == 0
    monkeypatch.setenv("OS_CLOUD__DRIVER", "openstack")
    monkeypatch.setenv("OS_OPENSTACK__CLOUDS_FILE", str(tmp_path / "clouds.yaml"))
    (tmp_path / "clouds.yaml").write_text("clouds: {}\n")
    more = {
        "drain": ["host", "--region", "R"],
        "suspend-all": ["--region", "R"],
        "sources": ["list"],
        "orphans": ["--look", "p/R"],
        "receivers": ["add", "p", "web", "--drain"],
    }
    assert wsgi.main([command, *more.get(command, [])]) == 1
    assert "clouds.yaml has no usable entry coppice" in capsys.readouterr().err + caplog.text


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # PyMySQL leaves a socket that found nobody
@pytest.mark.parametrize("command", ["migrate", "orphans", "reseal", "run"])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "does not begin with postgresql+psycopg://"),
        ("postgres://u:hunter2@h/db", "no database is opened by postgres://"),
        ("postgresql://u:hunter2@h/db", "no database is opened by postgresql://"),
        ("postgresql+psycopp://u:hunter2@h/db", "no database is opened by postgresql+psycopp://"),
        ("mysql://u:hunter2@h/db", "no database is opened by mysql://"),
        ("oracle://u:hunter2@h/db", "no database is opened by oracle://"),
        ("postgresql+psycopg://u:hunter2@h:port/db", "its port is no number"),
        ("postgresql+psycopg://u:x@hunter2@h/db", "is an @ of the password not escaped"),
        ("postgresql+psycopg://u:hunter2@127.0.0.1:1/db", "Connection refused"),
        ("postgresql+psycopg://u:hunter2@127.0.0.1:1/db?nonsense=1", 'invalid connection option "nonsense"'),
        ("postgresql+psycopg://u:hunter2@no.such.host.invalid/db", "no.such.host.invalid"),
        ("mysql+pymysql://u:hunter2@127.0.0.1:1/db", "Can't connect to MySQL server on '127.0.0.1'"),
        ("mariadb+pymysql://u:hunter2@no.such.host.invalid/db", "no.such.host.invalid"),
        ("sqlite://", "a database in memory is seen by no other process"),
        ("sqlite:///:memory:", "a database in memory is seen by no other process"),
        ("sqlite:///HERE/folder", "/folder is a folder)"),
        ("sqlite:///HERE/nowhere/store.db", "there is no folder "),
        ("sqlite:///HERE/text", "file is not a database"),
        ("sqlite:///file:HERE/empty?mode=ro&uri=true", "attempt to write a readonly database"),
    ],
)
def test_a_database_that_is_none_is_told_in_one_sentence(tmp_path, monkeypatch, capsys, command, url, told):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database, whatever it is called" * 100)
    (tmp_path / "empty").touch()
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.setenv("OS_DATABASE__URL", url.replace("HERE", str(tmp_path)))
    more = ["--port", "0", "--state", str(tmp_path / "state")] if command == "run" else []
    assert wsgi.main([command, *more]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert "hunter2" not in said
    gc.collect()


def test_any_free_port_is_told_where_others_look(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(local, "keep_running", lambda *given: started.append(given))
    assert wsgi.main(["run", "--port", "0", "--state", str(tmp_path)]) == 0
    (_, endpoint, (_, gateway), words, _) = started[0]
    port = int(endpoint.removeprefix("http://127.0.0.1:"))
    assert port > 0
    assert f"127.0.0.1:{port}" in gateway.arguments
    assert f"export AWS_ENDPOINT_URL={endpoint}\n" in (tmp_path / "coppice.env").read_text()
    assert endpoint in words[0]


def test_a_service_that_cannot_start_writes_a_line_with_its_time(tmp_path):
    here = Path(wsgi.__file__)
    environment = {**os.environ, "OS_DEFAULT__STATE": str(tmp_path)}
    asked = [sys.executable, str(here), "engine"]
    told = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False, cwd=here.parent)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[\d+\] CRITICAL wsgi The engine cannot start: .*\n", told.stderr
    )
    assert (told.returncode, told.stdout) == (1, "")


def test_where_signatures_are_checked_elsewhere_no_key_is_read():
    class Away:
        def find(self, access_key):
            raise AssertionError(f"{access_key} was asked for")

    chosen = replace(opening.settings(), driver="openstack", verify="ec2tokens")
    store = Store("sqlite://", SystemClock())
    own = wsgi.sessions_for(chosen, store, Identity(Away(), {}, account_id))
    assert own.account_of("AKIAEXAMPLE") is None
    assert own.account_of("ASIAABCDEFGHIJKLMNOP") is None
    store.close()


def test_a_session_ends_with_its_key_though_the_id_is_given_to_another_account(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    local.keep_key(tmp_path / opening.KEY_FILE, new_key)
    keys.keep(tmp_path / opening.ENV_FILE, "http://127.0.0.1:8080", "us-east-1")
    chosen = opening.settings()
    schema.migrate(chosen.database_url)
    known, store = opening.accounts_of(chosen), opening.store_of(chosen)
    known.add("one", "111111111111", known.new_key(access_key="shared", secret="s3cret"))
    known.add("two", "222222222222", known.new_key())
    identity = wsgi.embedded_identity(chosen, store)
    sessions = wsgi.sessions_for(chosen, store, identity)
    credentials = SessionCredentials(identity.credentials, sessions)
    made = sessions.open("shared", "111111111111", timedelta(hours=1)).access_key
    assert credentials.find(made).caller.project_id == "111111111111"
    known.drop_key("shared")
    assert credentials.find(made) is None
    known.add_key("two", known.new_key(access_key="shared", secret="s3cret"))
    assert credentials.find("shared").caller.project_id == "222222222222"
    assert credentials.find(made) is None
    known.drop_key("shared")
    known.add_key("one", known.new_key(access_key="shared", secret="another"))
    assert credentials.find(made) is None
    store.close()


def test_receivers_answer_in_the_gateway_without_a_signature(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.delenv("COPPICE_CONFIG", raising=False)
    local.keep_key(tmp_path / opening.KEY_FILE, new_key)
    keys.keep(tmp_path / opening.ENV_FILE, "http://127.0.0.1:8080", "us-east-1")
    schema.migrate(wsgi.settings().database_url)
    monkeypatch.setenv("OS_AUDIT__FILE", str(tmp_path / "audit.log"))
    answer = wsgi.create_gateway().test_client().post("/receivers/nobodys-token", data=b"")
    assert (answer.status_code, answer.json) == (404, {"error": "There is no receiver here."})
    assert json.loads((tmp_path / "audit.log").read_text())["action"] == "receivers:HearAlarm"


def test_a_worker_that_begins_later_has_the_database_of_those_before_it(tmp_path, monkeypatch, caplog):
    room = Inheritance()
    room.make_room()
    monkeypatch.setattr(inherited, "DATABASE", room)
    monkeypatch.delenv("COPPICE_CONFIG", raising=False)
    first, second = (f"sqlite:///{tmp_path}/{name}.db" for name in ("first", "second"))
    monkeypatch.setenv("OS_DATABASE__URL", first)
    assert wsgi._worker_settings().database_url == first
    assert "another database" not in caplog.text
    monkeypatch.setenv("OS_DATABASE__URL", second)
    monkeypatch.setenv("OS_DATABASE__POOL_SIZE", "3")
    again = wsgi._worker_settings()
    assert (again.database_url, again.pool_size) == (first, 3)
    assert "[database] url names another database than before, which is taken at the next start alone" in caplog.text
    room.make_room()  # another master's
    assert wsgi._worker_settings().database_url == second


def test_the_metadata_service_is_made_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    monkeypatch.delenv("COPPICE_CONFIG", raising=False)
    schema.migrate(wsgi.settings().database_url)
    assert callable(wsgi.metadata)
    monkeypatch.setenv("OS_CLOUD__DRIVER", "openstack")
    with pytest.raises(CannotDo, match="metadata_proxy_shared_secret"):
        wsgi.create_metadata()


def test_what_the_operator_names_hears_of_every_group(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    told = []
    for named in ("", "log:"):
        monkeypatch.setenv("OS_MESSAGES__EVERYWHERE", named)
        chosen = wsgi.settings()
        store = wsgi.store_of(chosen)
        cloud = wsgi.cloud_of(chosen, store)
        outlets = wsgi.outlets_of(chosen, Catalog(cloud, SystemClock()), cloud, store)
        told.append((outlets.everywhere, outlets.decide.keywords))
        store.close()
    assert told == [(False, {"everywhere": False}), (True, {"everywhere": True})]


def test_an_embedded_cloud_whose_file_is_none_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    (tmp_path / "cloud.db").write_text("no database at all, and long enough to be taken for something else")
    chosen = wsgi.settings()
    store = wsgi.store_of(chosen)
    with pytest.raises(CannotDo, match=r"the embedded cloud's file .*cloud\.db cannot be used: file is not a database"):
        wsgi.cloud_of(chosen, store)
    store.close()


def test_queues_of_the_cloud_s_own_are_told_where_it_has_any(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    world, told = World(), []

    class Queues:
        def send(self, scope, target, telling):
            told.append((scope, target, telling.body))

    bare = world.simulated.cloud
    for cloud, taken in ((bare, False), (replace(bare, queues=Queues()), True)):
        outlets = wsgi.outlets_of(wsgi.settings(), Catalog(cloud, world.clock), cloud, world.store)
        assert outlets.takes("zaqar:moves") is taken
    outlets.sinks["zaqar"](SCOPE, "zaqar:moves", Telling(uuid_of("message"), "told"))
    assert told == [(SCOPE, "zaqar:moves", "told")]
    world.close()


def unusable(_url: str, _topic: str) -> None:
    raise Unusable("a transport that is none that it knows")


def test_notifications_are_the_operator_s_and_need_their_library(tmp_path, monkeypatch):
    monkeypatch.setenv("OS_DEFAULT__STATE", str(tmp_path))
    world = World()
    cloud = world.simulated.cloud
    assert "oslo" not in wsgi.outlets_of(wsgi.settings(), Catalog(cloud, world.clock), cloud, world.store).sinks
    monkeypatch.setenv("OS_MESSAGES__NOTIFICATIONS_URL", "rabbit://u:secret@broker/")
    assert "u:secret" not in repr(wsgi.settings())
    monkeypatch.setitem(sys.modules, "oslo_messaging", None)
    with pytest.raises(CannotDo, match="not installed"):
        wsgi.outlets_of(wsgi.settings(), Catalog(cloud, world.clock), cloud, world.store)
    monkeypatch.setattr(wsgi, "opened", unusable)
    with pytest.raises(CannotDo, match="none that it knows"):
        wsgi.outlets_of(wsgi.settings(), Catalog(cloud, world.clock), cloud, world.store)
    monkeypatch.setattr(wsgi, "opened", lambda url, topic: None)
    outlets = wsgi.outlets_of(wsgi.settings(), Catalog(cloud, world.clock), cloud, world.store)
    assert "oslo" in outlets.sinks
    assert not outlets.takes("oslo:"), "no caller names it"
    world.close()


def test_a_queue_is_found_by_every_name_of_its_region_and_by_no_other(tmp_path, monkeypatch):
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {here: {auth: {auth_url: 'http://x', username: u, password: p}, region_name: R1}}")
    for name, value in {
        "DEFAULT__STATE": f"{tmp_path}",
        "CLOUD__DRIVER": "openstack",
        "OPENSTACK__CLOUD": "here",
        "OPENSTACK__CLOUDS_FILE": f"{clouds}",
    }.items():
        monkeypatch.setenv(f"OS_{name}", value)
    world = World()
    scope, account = Scope(SCOPE.project_id, "R1"), account_id(SCOPE.project_id)
    outlets = wsgi.outlets_of(
        wsgi.settings(), Catalog(world.simulated.cloud, world.clock), world.simulated.cloud, world.store
    )
    world.backend.queues.create(scope, "q", {}, {})
    world.backend.topics.create(scope, "q", {}, {})

    def taken(kind: str, region: str, owner: str) -> bool:
        told = Telling(uuid_of("message"), "told")
        arn = f"arn:aws:{kind}:{region}:{owner}:q"
        try:
            world.store.transact(lambda conn: outlets.shelves[kind](conn, scope, arn, told, world.clock.now()))
        except Gone:
            return False
        return True

    for kind in ("sqs", "sns"):
        names = ("us-east-1", "R1", "us-east-2", "")
        assert [name for name in names if taken(kind, name, account)] == ["us-east-1", "R1"]
        assert not taken(kind, "R1", "1" * 12)
    world.close()
