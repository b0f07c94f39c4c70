"""Keys of secrets in a real Barbican: they change, and Barbican hangs, under clients at work: ``make secrets``."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.clients import client
from conformance.fleet import Fleet, make_fleet, unique
from conformance.openstack import processes
from conformance.openstack.cloud import connect, state_folder
from conformance.openstack.settings import settle
from conformance.openstack_lane.operator import GROUP
from conformance.product import ROOT, Access, Product, make_product, until

_DATA = "#!/bin/sh\necho the-users-own\n"


class Installation:
    """A Coppice whose settings are in a file that its operator changes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "coppice.conf"
        self.product: Product = make_product(folder / "state", {"COPPICE_CONFIG": str(self.file)})
        self.refer()

    def refer(self, *references: str) -> None:
        """Which keys there are; the file is replaced as a whole."""
        words = ["[secrets]", "manager = barbican", f"references = {','.join(references)}"]
        new = self.file.with_suffix(".new")
        new.write_text("\n".join([*words, "look_seconds = 1", "manager_seconds = 5", "launch_data = sealed", ""]))
        new.replace(self.file)

    def command(self, *words: str) -> tuple[int, str]:
        """The status of a command of the operator's, and what it said."""
        done = subprocess.run(
            [sys.executable, "wsgi.py", *words],
            cwd=ROOT,
            env={**os.environ, **self.product.settings, "OS_DEFAULT__STATE": str(self.product.state)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def new_key(self) -> str:
        """Its reference in Barbican."""
        status, said = self.command("key", "--store")
        assert status == 0, said
        return said.strip()

    def taken(self) -> int:
        """How often processes have said that they have other keys."""
        logs = [self.product.log, *self.product.state.rglob("*.log")]
        return sum(log.read_text(errors="replace").count("keys of secrets were read") for log in logs)

    def change(self, *references: str) -> None:
        """Refer to these keys, and wait until each process has them: engine and workers of the gateway."""
        before = self.taken()
        self.refer(*references)
        until("all have the keys", lambda: self.taken() >= before + self.several)

    @property
    def several(self) -> int:
        """How many processes hold keys: an engine, and the gateway's workers but not who starts these."""
        return len(self.product.processes()) - 2

    def secrets(self) -> str:
        """What doctor says of them."""
        _, said = self.command("doctor")
        return next(line for line in said.splitlines() if line.startswith("secrets "))


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("secrets"))
    made.refer(made.new_key())
    made.product.start()
    until("all have the first key", lambda: made.taken() >= made.several)
    yield made
    made.product.stop()


@pytest.fixture(scope="module")
def own_fleet(installation: Installation) -> Iterator[Fleet]:
    access = installation.product.access
    made = make_fleet(client(access, "autoscaling"), client(access, "ec2"))
    yield made
    made.sweep()


class Customer:
    """Keeps and reads secrets until it is told to stop; what was refused, or read otherwise than it was kept."""

    def __init__(self, access: Access, name: str) -> None:
        self._access, self._name = access, name
        self.wrong: list[str] = []
        self.rounds = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        ssm, sts = (client(self._access, name, recorded=False) for name in ("ssm", "sts"))
        while not self._over.is_set():
            self.rounds += 1
            value = f"{self._name} {self.rounds}"
            try:
                ssm.put_parameter(Name=f"/{self._name}", Value=value, Type="SecureString", Overwrite=True)
                read = ssm.get_parameter(Name=f"/{self._name}", WithDecryption=True)["Parameter"]["Value"]
                told = sts.get_session_token()["Credentials"]
                brief = Access(self._access.url, told["AccessKeyId"], told["SecretAccessKey"], self._access.region)
                whoever = client(brief, "sts", recorded=False, aws_session_token=told["SessionToken"])
                whoever.get_caller_identity()
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody is to be refused anything
                self.wrong.append(f"round {self.rounds}: {error}")
            else:
                if read != value:
                    self.wrong.append(f"round {self.rounds}: {read} instead of {value}")


@contextlib.contextmanager
def customers(access: Access) -> Iterator[list[Customer]]:
    """Three of them at work, each for some rounds at least; none of them met anything wrong."""
    several = [Customer(access, unique("customer")) for _ in range(3)]
    try:
        yield several
        until("each was at work", lambda: all(each.rounds > 3 or each.wrong for each in several))
    finally:
        for each in several:
            each.end()
    assert [each.wrong for each in several] == [[], [], []]


@contextlib.contextmanager
def hanging() -> Iterator[None]:
    """Barbican takes connections, and answers nothing."""
    settings = settle(state_folder(), None)
    led = processes.leader(settings.run, "barbican-api")
    assert led is not None
    pids = processes.members(led)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_keys_change_under_customers_and_the_old_one_is_destroyed(installation: Installation, own_fleet: Fleet) -> None:
    group = _with_user_data(own_fleet, 1)
    (old,) = _references(installation)
    new = installation.new_key()
    with customers(installation.product.access):
        installation.change(new, old)
        status, said = installation.command("reseal")
        assert status == 0, said
        installation.change(new)
        _barbican("DELETE", old)
        own_fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=2)
        own_fleet.settle(group, 2)
    assert "sealed with the first of 2 keys" in installation.secrets(), "of the manager's and that of the state folder"
    assert " ok " in installation.secrets()
    assert _user_data(group) == {_DATA}


def test_a_manager_that_hangs_stops_nobody_who_has_its_keys(installation: Installation, own_fleet: Fleet) -> None:
    group = _with_user_data(own_fleet, 0)
    with hanging():
        with customers(installation.product.access):
            own_fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
            own_fleet.settle(group, 1)
        assert "FAULT" in installation.secrets()
        # An engine that begins now has no keys: it launches nothing of what lies sealed, and says so.
        installation.product.kill("engine")
        own_fleet.autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=2)
        until("it is told", lambda: "what lies sealed cannot be opened" in _logs(installation))
        assert len(own_fleet.ids(group)) == 1
    own_fleet.settle(group, 2)
    assert _user_data(group) == {_DATA}


def test_nothing_of_a_key_is_in_a_log(installation: Installation) -> None:
    told = _logs(installation)
    for each in _references(installation):
        raw = _barbican("GET", f"{each}/payload")
        assert len(raw) == 32
        for form in (base64.urlsafe_b64encode(raw).decode(), base64.b64encode(raw).decode(), raw.hex(), repr(raw)):
            assert form not in told


def _barbican(method: str, path: str) -> bytes:
    """What Barbican answers to the service user."""
    with connect("coppice", state_folder()) as service:
        answer = service.session.request(
            f"/v1/secrets/{path}",
            method,
            endpoint_filter={"service_type": "key-manager"},
            headers={"Accept": "application/octet-stream" if path.endswith("/payload") else "application/json"},
        )
    content: bytes = answer.content
    return content


def _references(installation: Installation) -> list[str]:
    (line,) = [each for each in installation.file.read_text().splitlines() if each.startswith("references")]
    return line.partition("=")[2].strip().split(",")


def _logs(installation: Installation) -> str:
    logs = [installation.product.log, *installation.product.state.rglob("*.log")]
    return "".join(log.read_text(errors="replace") for log in logs)


def _with_user_data(fleet: Fleet, desired: int) -> str:
    """A group of a launch configuration with user data; its name."""
    return fleet.create(desired, LaunchConfigurationName=fleet.configuration(UserData=_DATA))


def _user_data(group: str) -> set[str]:
    """User data of a group's servers, as Nova tells them to administrators."""
    with connect("admin", state_folder()) as admin:
        servers = [each for each in admin.compute.servers(all_projects=True) if each.metadata.get(GROUP) == group]
    return {base64.b64decode(each.user_data).decode() for each in servers}
