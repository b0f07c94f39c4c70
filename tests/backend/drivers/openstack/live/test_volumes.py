"""The OpenStack driver's volumes hold what every driver's must hold, on a real Cinder: ``make volumes``."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from backend.clock import SystemClock
from backend.drivers.cloud import Cloud
from backend.drivers.installation import named
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.live.demo import InDemo
from tests.backend.drivers.volumes_contract import VolumesContract


@pytest.fixture(scope="module")
def opened(settings) -> Cloud:
    chosen = replace(settings, default_network="backend")
    return open_cloud(chosen, SystemClock(), installation=named(str(uuid.uuid4())))


class TestOpenStackVolumes(InDemo, VolumesContract):
    @pytest.fixture
    def cloud(self, opened) -> Cloud:
        return opened
