"""The test cloud (conformance/openstack) through the driver, in the service user's name."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from keystoneauth1 import identity
from keystoneauth1.session import Session

from backend.clock import SystemClock
from backend.domain.scope import Scope
from backend.drivers.openstack.access import Entry
from backend.drivers.openstack.settings import OpenStackSettings

REGION = "RegionOne"
collect_ignore = [
    file
    for file, variable in (
        ("test_volumes.py", "COPPICE_VOLUMES"),
        ("test_queues.py", "COPPICE_QUEUES"),
        ("test_forwarding.py", "COPPICE_BALANCERS"),
        ("test_secrets.py", "COPPICE_SECRETS"),
        ("test_listener_certificates.py", "COPPICE_CERTIFICATES"),
    )
    if variable not in os.environ  # `make volumes` has a Cinder, `make queues` a Zaqar, and so on
]


@pytest.fixture(scope="session")
def state() -> Path:
    return Path(os.environ["COPPICE_OPENSTACK_STATE"])


@pytest.fixture(scope="session")
def settings(state) -> OpenStackSettings:
    return OpenStackSettings(clouds_file=str(state / "clouds.yaml"), cloud="coppice")


def exports(path: Path) -> dict[str, str]:
    """The variables of a file that a shell can source."""
    lines = [line.removeprefix("export ") for line in path.read_text().splitlines() if line.startswith("export ")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture(scope="session")
def keys(state):
    """The variables of a user's ec2 file."""
    return lambda user: exports(state / f"ec2-{user}.env")


@pytest.fixture(scope="session")
def demo_scope(keys) -> Scope:
    return Scope(keys("demo")["OS_PROJECT_ID"], REGION)


@pytest.fixture(scope="session")
def other_project_scope(keys) -> Scope:
    return Scope(keys("other")["OS_PROJECT_ID"], REGION)


@pytest.fixture(scope="session")
def patience():
    """Waits for a condition, for two minutes of real time at most: the cloud shares the machine."""
    clock = SystemClock()

    def until(condition):
        deadline = clock.monotonic() + 120
        while not condition():
            if clock.monotonic() > deadline:
                pytest.fail("it did not come to pass within two minutes")
            clock.wait(0.3)

    return until


@pytest.fixture(scope="session")
def keystone(settings) -> Callable[..., Any]:
    """Keystone as its admin uses it."""
    entry = Entry.read(replace(settings, cloud="admin"))
    session = Session(identity.V3Password(**entry.user, **entry.project))
    base = entry.user["auth_url"]

    def call(method, path, body=None):
        answer = session.request(base + path, method, json=body) if body else session.request(base + path, method)
        return answer.json() if answer.content else None

    return call


@dataclass(frozen=True)
class Stranger:
    """A member of a project of their own, with an EC2 credential; settings log in as them."""

    user_id: str
    project_id: str
    role_id: str
    access: str
    secret: str
    settings: OpenStackSettings

    @property
    def scope(self) -> Scope:
        return Scope(self.project_id, REGION)


@pytest.fixture
def stranger(keystone, settings, tmp_path) -> Iterator[Stranger]:
    """Made for one test, for it to disable."""
    name = f"stranger-{uuid.uuid4()}"
    project = keystone("POST", "/projects", {"project": {"name": name, "domain_id": "default"}})["project"]["id"]
    wanted = {"name": name, "domain_id": "default", "password": name}
    user = keystone("POST", "/users", {"user": wanted})["user"]["id"]
    (role,) = keystone("GET", "/roles?name=member")["roles"]
    keystone("PUT", f"/projects/{project}/users/{user}/roles/{role['id']}")
    made = keystone("POST", f"/users/{user}/credentials/OS-EC2", {"tenant_id": project})["credential"]
    login = {
        "auth_url": Entry.read(settings).user["auth_url"],
        "user_id": user,
        "password": name,
        "project_id": project,
    }
    file = tmp_path / "stranger.yaml"
    file.write_text(yaml.safe_dump({"clouds": {"stranger": {"auth": login, "region_name": REGION}}}))
    owner = replace(settings, cloud="stranger", clouds_file=str(file))
    yield Stranger(user, project, role["id"], made["access"], made["secret"], owner)
    keystone("DELETE", f"/users/{user}")
    keystone("DELETE", f"/projects/{project}")
