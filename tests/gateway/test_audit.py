"""The audit trail: who did what, and what came of it."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.audit import Audit, By, Told
from gateway.request_log import Record, names_in
from tests.gateway.world import CALLER, World, action
from translators.errors import AWSError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def record(operation="SetDesiredCapacity", status=200, code="", service="autoscaling", caller=CALLER):
    names = {"AutoScalingGroupName": "web"}
    return Record(
        "id-1", service, operation, "123456789012", "us-east-1", status, code, 0.1, caller, "192.0.2.7", names
    )


@pytest.fixture
def file(tmp_path):
    return tmp_path / "audit.log"


def told(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_change_is_told_with_who_and_what_came_of_it(file):
    Audit(file, now=lambda: NOW)(record(status=400, code="ValidationError"))
    assert told(file) == [
        {
            "time": "2026-01-02T03:04:05.000+00:00",
            "request_id": "id-1",
            "account": "123456789012",
            "project_id": CALLER.project_id,
            "user_id": CALLER.user_id,
            "user": CALLER.user_name,
            "assumed_role": "",
            "access_key": CALLER.access_key,
            "source": "192.0.2.7",
            "region": "us-east-1",
            "action": "autoscaling:SetDesiredCapacity",
            "about": {"AutoScalingGroupName": "web"},
            "outcome": "failure",
            "status": 400,
            "code": "ValidationError",
        }
    ]


def test_what_only_looks_is_told_where_it_is_wanted_or_denied(file):
    audit = Audit(file, now=lambda: NOW)
    audit(record("DescribeTags"))
    audit(record("DescribeTags", 403, "AccessDenied"))
    audit(record("DescribeTags", 403, "InvalidClientTokenId", caller=None))
    audit(record("", 400, "InvalidAction"))  # nobody asked for anything that there is
    audit(record("", 403, "SignatureDoesNotMatch", caller=None))  # that is found before what was asked for
    assert [event["code"] for event in told(file)] == ["AccessDenied", "InvalidClientTokenId", "SignatureDoesNotMatch"]
    Audit(file, reads=True, now=lambda: NOW)(record("DescribeTags"))
    assert told(file)[-1]["action"] == "autoscaling:DescribeTags"


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("CreateAutoScalingGroup", "create"),
        ("TerminateInstanceInAutoScalingGroup", "delete"),
        ("ResumeProcesses", "update"),
    ],
)
def test_in_cadfs_form(file, operation, action):
    Audit(file, "cadf", now=lambda: NOW)(record(operation, 400, "ValidationError"))
    (event,) = told(file)
    assert (event["action"], event["outcome"]) == (action, "failure")
    assert event["initiator"]["id"] == CALLER.user_id
    assert event["target"] == {
        "typeURI": "service/compute/autoscaling",
        "id": "web",
        "name": operation,
        "addresses": [{"url": "us-east-1", "name": "region"}],
    }
    assert event["reason"] == {"reasonType": "ValidationError", "reasonCode": "400"}


def test_a_file_that_was_moved_away_is_begun_anew(file, tmp_path):
    audit = Audit(file, now=lambda: NOW)
    audit(record())
    file.rename(tmp_path / "audit.log.1")
    audit(record())
    assert (len(told(file)), len(told(tmp_path / "audit.log.1"))) == (1, 1)
    assert file.stat().st_mode & 0o777 == 0o600


def test_one_that_cannot_be_written_refuses_nobody_and_is_told_once(tmp_path, caplog):
    audit = Audit(tmp_path / "none" / "audit.log", now=lambda: NOW)
    audit(record())
    audit(record())
    assert len(caplog.messages) == 1
    (tmp_path / "none").mkdir()
    audit(record())
    assert len(told(tmp_path / "none" / "audit.log")) == 1


def test_a_pipe_that_nobody_reads_holds_up_nobody(file, caplog):
    os.mkfifo(file)
    audit = Audit(file, now=lambda: NOW)
    audit(record())
    assert "cannot be written" in caplog.text
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    audit(record())
    assert json.loads(os.read(reader, 1 << 16))["request_id"] == "id-1"
    os.close(reader)


def test_a_pipe_whose_reader_stands_still_holds_up_nobody(file, caplog):
    os.mkfifo(file)
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    audit = Audit(file, now=lambda: NOW, patience=timedelta(0))
    while not caplog.messages:
        audit(record())
    assert "cannot be written" in caplog.text
    while len(os.read(reader, 1 << 20)) == 1 << 20:
        pass
    audit(record())
    (line,) = os.read(reader, 1 << 16).splitlines()[-1:]
    assert json.loads(line)["request_id"] == "id-1"
    os.close(reader)


def test_what_root_begins_belongs_to_whose_folder_it_is(file, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda opened, *to: given.append((os.fstat(opened).st_ino, *to)))
    Audit(file, now=lambda: NOW)(record())
    folder = file.parent.stat()
    assert given == [(file.stat().st_ino, folder.st_uid, folder.st_gid)]
    Audit(file, now=lambda: NOW)(record())
    assert len(given) == 1
    assert len(told(file)) == 2


def test_what_a_link_leads_to_is_given_to_nobody(file, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda *to: given.append(to))
    file.symlink_to(tmp_path / "elsewhere")
    Audit(file, now=lambda: NOW)(record())
    assert not given
    assert len(told(tmp_path / "elsewhere")) == 1


def test_of_what_was_sent_names_alone_are_kept():
    given = {
        "AutoScalingGroupName": "x" * 5000,
        "InstanceIds": ["i-1", "i-2"],
        "UserData": "secret",
        "SecretString": "secret",
        "Tags": [{"Key": "a"}],
        "MinSize": 1,
    }
    assert names_in(given) == {"AutoScalingGroupName": "x" * 1024, "InstanceIds": "i-1,i-2"}
    assert len(names_in({f"N{n}Name": "x" for n in range(50)})) == 10


def test_a_pipeline_tells_who_asked_for_what(file):
    audit = Audit(file, now=lambda: NOW)
    seen = []
    pipeline = replace(
        World().on("autoscaling", "DeleteAutoScalingGroup").pipeline(), observe=audit.beside(seen.append)
    )
    pipeline.answer(action("autoscaling", "DeleteAutoScalingGroup", {"AutoScalingGroupName": "web"}))
    pipeline.answer(action("autoscaling", "MakeCoffee"))
    (event,) = told(file)
    assert (event["user_id"], event["about"]) == (CALLER.user_id, {"AutoScalingGroupName": "web"})
    assert (event["outcome"], event["request_id"]) == ("success", seen[0].request_id)
    assert len(seen) == 2


def test_strangers_do_not_fill_the_disk(file):
    now = [NOW]
    audit = Audit(file, now=lambda: now[0])
    for _ in range(50):
        audit(record("", 403, "SignatureDoesNotMatch", caller=None))
    audit(record())
    assert len(told(file)) == 11
    now[0] += timedelta(seconds=1)
    audit(record("", 403, "SignatureDoesNotMatch", caller=None))
    assert len(told(file)) == 12


def test_a_line_that_was_cut_off_spoils_no_other(file, monkeypatch):
    audit = Audit(file, now=lambda: NOW)
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
        audit(record())
    audit(record())
    cut, whole = file.read_text().splitlines()
    assert (len(cut), json.loads(whole)["outcome"]) == (20, "success")


def test_what_was_denied_is_told_with_what_it_was_about(file):
    def nobody(*_):
        raise AWSError("AccessDenied", "no", 403)

    world = World(options={"authorize": nobody}).on("autoscaling", "DeleteAutoScalingGroup")
    pipeline = replace(world.pipeline(), observe=Audit(file, now=lambda: NOW))
    pipeline.answer(action("autoscaling", "DeleteAutoScalingGroup", {"AutoScalingGroupName": "web"}))
    (event,) = told(file)
    assert (event["code"], event["about"]) == ("AccessDenied", {"AutoScalingGroupName": "web"})


BY = By("ada", 1000, "ops1", "root")
DRAIN = Told("drain", {"host": "cpu-1", "region": "one"}, reads=False, status=1, code="Troubles")


def test_a_command_is_told_as_an_operation_is(file):
    audit = Audit(file, now=lambda: NOW)
    audit(record())
    audit.command(DRAIN, BY)
    of_request, of_command = told(file)
    assert list(of_command) == list(of_request)
    assert of_command | {"request_id": ""} == {
        "time": "2026-01-02T03:04:05.000+00:00",
        "request_id": "",
        "account": "",
        "project_id": "",
        "user_id": "1000",
        "user": "ada",
        "assumed_role": "root",
        "access_key": "",
        "source": "ops1",
        "region": "one",
        "action": "coppice:drain",
        "about": {"host": "cpu-1", "region": "one"},
        "outcome": "failure",
        "status": 1,
        "code": "Troubles",
    }


@pytest.mark.parametrize(
    ("command", "reads", "action"),
    [
        ("quota set", False, "update"),
        ("account key drop", False, "delete"),
        ("type add", False, "create"),
        ("quota show", True, "read"),
    ],
)
def test_a_command_in_cadf(file, command, reads, action):
    Audit(file, form="cadf", reads=True).command(replace(DRAIN, command=command, reads=reads), BY)
    (event,) = told(file)
    assert (event["action"], event["outcome"]) == (action, "failure")
    assert event["initiator"]["name"] == "ada"
    assert event["initiator"]["host"] == {"address": "ops1"}
    assert (event["target"]["name"], event["target"]["id"]) == (command, "cpu-1")
    assert event["reason"] == {"reasonType": "Troubles", "reasonCode": "1"}
    assert event["attachments"][0]["content"] == {"about": dict(DRAIN.about), "assumed_role": "root"}


def test_commands_that_only_look_are_told_where_that_is_wanted(file):
    Audit(file).command(replace(DRAIN, reads=True), BY)
    assert not file.exists()
