"""A trust as the only way into a project: given by its owner's own login, told by Keystone, taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.clock import SystemClock
from backend.domain.node import ServerStatus
from backend.drivers.compute import ServerRequest
from backend.drivers.errors import NotAuthorized
from backend.drivers.openstack.cloud import open_cloud, service_user_id
from backend.drivers.openstack.trusts import Grant


@pytest.fixture
def grant(settings):
    given = Grant(replace(settings, cloud="demo"))
    yield given
    given.take_back(service_user_id(settings, SystemClock()))


def opened(settings):
    return open_cloud(replace(settings, access=("trust",), key_seconds=0.0), SystemClock())


def test_the_driver_boots_in_the_owner_s_name_with_the_owner_s_key_pair(settings, grant, demo_scope, patience):
    trustee = service_user_id(settings, SystemClock())
    with pytest.raises(NotAuthorized, match="trust: none given"):
        opened(settings).compute.list(demo_scope)
    assert grant.give(trustee) == grant.give(trustee)
    assert grant.project_id == demo_scope.project_id
    cloud = opened(settings)
    assert "test-key" in [pair.name for pair in cloud.compute.key_pairs(demo_scope)]
    image = next(image for image in cloud.images.list(demo_scope) if image.name == "cirros")
    request = ServerRequest("trusted", image.id, "m1.nano", "az1", None, key_name="test-key")
    (server,) = cloud.compute.create(demo_scope, request, 1)
    patience(lambda: cloud.compute.get(demo_scope, server.id).status is ServerStatus.ACTIVE)
    assert cloud.compute.get(demo_scope, server.id).key_name == "test-key"
    cloud.compute.delete(demo_scope, server.id)
    assert len(grant.take_back(trustee)) == 1
    with pytest.raises(NotAuthorized):
        opened(settings).compute.list(demo_scope)
