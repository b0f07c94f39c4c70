"""The driver over services that a test scripts; the live suite is collected where COPPICE_OPENSTACK_STATE names a cloud."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend.domain.scope import Scope
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.rest import Rest
from backend.drivers.openstack.settings import OpenStackSettings
from tests.backend.drivers.openstack.fake import HOST, REGION, FakeServices
from tests.factories import HandClock

collect_ignore_glob = [] if os.environ.get("COPPICE_OPENSTACK_STATE") else ["live/*"]

CLOUDS = f"""
clouds:
  coppice:
    auth:
      auth_url: {HOST}/identity/v3
      username: coppice
      password: secret
      project_name: service
      user_domain_name: Default
      project_domain_name: Default
    region_name: {REGION}
"""


@pytest.fixture
def settings(tmp_path: Path) -> OpenStackSettings:
    file = tmp_path / "clouds.yaml"
    file.write_text(CLOUDS)
    return OpenStackSettings(clouds_file=str(file))


@pytest.fixture
def services() -> FakeServices:
    return FakeServices()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def scope() -> Scope:
    return Scope("p-1", REGION)


@pytest.fixture
def access(settings, services, clock) -> Access:
    return Access(settings, Entry.read(settings), clock, None, services)


@pytest.fixture
def rest(access, clock) -> Rest:
    return Rest(access, clock)
