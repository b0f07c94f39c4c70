"""The OpenStack driver holds what every driver must hold, on a real cloud."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from backend.clock import SystemClock
from backend.drivers.cloud import Cloud
from backend.drivers.installation import named
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.addresses_contract import AddressesContract
from tests.backend.drivers.contract import CloudContract
from tests.backend.drivers.openstack.live.demo import InDemo


# One has a subnet for each zone, so servers are made on ports; the other has one subnet, so they are made in batches.
@pytest.fixture(scope="module", params=["private", "backend"])
def opened(settings, request) -> Cloud:
    return open_cloud(
        replace(settings, default_network=request.param), SystemClock(), installation=named(str(uuid.uuid4()))
    )


class TestOpenStackCloud(InDemo, CloudContract):
    @pytest.fixture
    def cloud(self, opened) -> Cloud:
        return opened


@pytest.fixture(scope="module")
def addressed(settings) -> Cloud:
    return open_cloud(settings, SystemClock(), installation=named(str(uuid.uuid4())))


class TestOpenStackAddresses(InDemo, AddressesContract):
    @pytest.fixture
    def cloud(self, addressed) -> Cloud:
        return addressed
