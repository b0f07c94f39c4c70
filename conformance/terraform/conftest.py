"""Terraform, and what stands in the cloud beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from conformance.product import ON_OPENSTACK, TENANT
from conformance.terraform.installed import installed
from conformance.terraform.stack import Tool


@pytest.fixture(scope="session")
def terraform() -> Iterator[Tool]:
    with installed() as tool:
        yield tool


@pytest.fixture
def cloud_standing() -> Iterator[Callable[[], Mapping[str, set[str]]]]:
    """What stands in the project by the real cloud's own listings, where its balancers' members are well meanwhile."""
    if not ON_OPENSTACK:
        yield dict
        return
    from conformance.openstack.cloud import connect
    from conformance.openstack_lane.heartbeats import heartbeats
    from conformance.openstack_lane.standing import standing_in

    owner = connect(TENANT)
    with heartbeats(owner.current_project_id):
        yield lambda: standing_in(owner)
