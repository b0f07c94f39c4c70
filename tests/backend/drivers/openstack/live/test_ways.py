"""Each way into a project alone, and what is told when it ends."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.clock import SystemClock
from backend.domain.node import ServerStatus
from backend.drivers.compute import ServerRequest
from backend.drivers.errors import Misconfigured, NotAuthorized
from backend.drivers.openstack import cloud as composition
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.application_credentials import HandOver
from backend.drivers.openstack.cloud import open_cloud, service_user_id
from backend.drivers.openstack.owner import Owner
from backend.drivers.openstack.trusts import Grant
from backend.store import migrate
from backend.store.delegations import StoredDelegations
from backend.store.secrets import Seal, new_key
from backend.store.session import Store

CLOCK = SystemClock()
WORDS = "The request you have made requires authentication"


@pytest.fixture
def kept(tmp_path):
    """Delegations in a database of the test's own."""
    url = f"sqlite:///{tmp_path}/store.db"
    migrate.upgrade(url)
    store = Store(url, CLOCK)
    yield StoredDelegations(store, Seal([new_key()]))
    store.close()


@pytest.fixture
def hand(settings, kept):
    """The owner of the project demo."""
    given = HandOver(Owner(replace(settings, cloud="demo")), kept, CLOCK)
    yield given
    given.take_back()


@pytest.fixture
def opened(settings, kept):
    """The driver with these ways, which remembers nothing of what it looked up."""
    return lambda *ways: open_cloud(replace(settings, access=ways, key_seconds=0.0), CLOCK, delegations=kept)


@pytest.fixture
def acts_as(settings, kept):
    """Id of the user in whose name the driver acts in a project, by these ways."""

    def user_id(project_id, *ways):
        listed = replace(settings, access=ways, key_seconds=0.0)
        own = Access(listed, Entry.read(listed), CLOCK)
        access = Access(listed, Entry.read(listed), CLOCK, composition._ways(listed, own, CLOCK, kept, None))
        return access.project(project_id).get_user_id(access.session)

    return user_id


def boots(cloud, scope, patience):
    image = next(image for image in cloud.images.list(scope) if image.name == "cirros")
    request = ServerRequest(f"way-{uuid.uuid4()}", image.id, "m1.nano", "az1", None)
    (server,) = cloud.compute.create(scope, request, 1)
    try:
        patience(lambda: cloud.compute.get(scope, server.id).status is ServerStatus.ACTIVE)
        assert server.id in [each.id for each in cloud.compute.list(scope)]
    finally:
        cloud.compute.delete(scope, server.id)


@pytest.mark.parametrize("way", ["role", "ec2"])
def test_a_role_or_an_owner_s_key_is_enough_to_boot(opened, demo_scope, patience, way):
    boots(opened(way), demo_scope, patience)


def test_an_application_credential_is_enough_to_boot(opened, hand, demo_scope, patience):
    with pytest.raises(NotAuthorized, match=r"^application credential: none given$"):
        opened("application_credential").compute.list(demo_scope)
    hand.give()
    boots(opened("application_credential"), demo_scope, patience)


def test_the_ways_are_tried_in_their_order(acts_as, settings, stranger, kept):
    service = service_user_id(settings, CLOCK)
    HandOver(Owner(stranger.settings), kept, CLOCK).give()
    project = stranger.project_id
    assert acts_as(project, "role", "ec2") == service
    assert acts_as(project, "ec2", "role") == stranger.user_id
    assert acts_as(project, "trust", "application_credential", "role") == stranger.user_id
    assert acts_as(project, "trust", "role") == service


def test_an_application_credential_that_its_owner_ends_gives_way_to_a_trust(acts_as, settings, stranger, kept, opened):
    hand = HandOver(Owner(stranger.settings), kept, CLOCK)
    credential = hand.give()
    Owner(stranger.settings).call("DELETE", f"/users/{stranger.user_id}/application_credentials/{credential}")
    with pytest.raises(NotAuthorized, match=r"^application credential: .+; trust: none given$") as told:
        opened("application_credential", "trust").compute.list(stranger.scope)
    assert told.value.request_id.startswith("req-")
    Grant(stranger.settings).give(service_user_id(settings, CLOCK))
    assert acts_as(stranger.project_id, "application_credential", "trust") == stranger.user_id
    assert hand.take_back() == [credential]


def test_one_that_expired_is_told_by_keystone_and_with_its_time(settings, stranger, kept, opened, patience):
    until = CLOCK.now() + timedelta(seconds=30)
    HandOver(Owner(stranger.settings), kept, CLOCK).give("member", until)
    assert opened("application_credential").compute.list(stranger.scope) == []
    patience(lambda: CLOCK.now() > until + timedelta(seconds=1))
    with pytest.raises(NotAuthorized, match=f"expired at {until:%Y-%m-%dT%H:%M:%SZ}"):
        opened("application_credential").compute.list(stranger.scope)
    unaware = Unaware(kept)
    driver = open_cloud(replace(settings, access=("application_credential",)), CLOCK, delegations=unaware)
    with pytest.raises(NotAuthorized, match=r"^application credential: "):
        driver.compute.list(stranger.scope)


class Unaware:
    """Delegations whose end nobody noted: Keystone's own verdict is what counts."""

    def __init__(self, kept):
        self._kept = kept

    def of_project(self, project_id):
        return [replace(each, expires_at=None) for each in self._kept.of_project(project_id)]


def test_a_trust_ends_when_it_was_said_to(settings, stranger, opened, patience):
    until = CLOCK.now() + timedelta(seconds=10)
    Grant(stranger.settings).give(service_user_id(settings, CLOCK), "member", until)
    assert opened("trust").compute.list(stranger.scope) == []
    patience(lambda: CLOCK.now() > until + timedelta(seconds=1))
    with pytest.raises(NotAuthorized, match=r"^trust: "):
        opened("trust").compute.list(stranger.scope)


def test_a_trust_of_another_role_or_end_takes_the_place_of_the_first(settings, stranger):
    grant, trustee = Grant(stranger.settings), service_user_id(settings, CLOCK)
    first = grant.give(trustee)
    assert grant.give(trustee) == first
    later = CLOCK.now() + timedelta(days=1)
    second = grant.give(trustee, "member", later)
    assert second != first
    assert grant.give(trustee, "member", later) == second
    with pytest.raises(Misconfigured, match="name another"):
        grant.give(trustee, "reader", later)
    assert grant.give(trustee, "reader", later + timedelta(days=1)) != second
    assert len(grant.take_back(trustee)) == 1
    assert grant.give(trustee) != first
    assert grant.give(trustee, "reader") != first
    assert len(grant.take_back(trustee)) == 1


def test_the_next_live_key_is_taken_and_none_made_by_a_delegation(keystone, stranger, acts_as, opened):
    assert acts_as(stranger.project_id, "ec2") == stranger.user_id
    path = f"/users/{stranger.user_id}/credentials/OS-EC2"
    second = keystone("POST", path, {"tenant_id": stranger.project_id})["credential"]["access"]
    keystone("DELETE", f"{path}/{stranger.access}")
    assert acts_as(stranger.project_id, "ec2") == stranger.user_id
    keystone("DELETE", f"{path}/{second}")
    with pytest.raises(NotAuthorized, match=r"^ec2: none given$"):
        opened("ec2").compute.list(stranger.scope)


def test_a_user_or_a_project_that_is_disabled_is_no_way_in(keystone, stranger, opened):
    every = ("role", "trust", "application_credential", "ec2")
    keystone("PATCH", f"/users/{stranger.user_id}", {"user": {"enabled": False}})
    with pytest.raises(NotAuthorized, match=rf"^ec2: {WORDS}$"):
        opened("ec2").compute.list(stranger.scope)
    assert opened(*every).compute.list(stranger.scope) == []
    keystone("PATCH", f"/projects/{stranger.project_id}", {"project": {"enabled": False}})
    with pytest.raises(NotAuthorized, match=rf"^role: {WORDS}; trust: none given; application credential: none given"):
        opened(*every).compute.list(stranger.scope)
    keystone("PATCH", f"/projects/{stranger.project_id}", {"project": {"enabled": True}})
    assert opened(*every).compute.list(stranger.scope) == []


def test_a_login_that_ends_under_the_driver_gives_way_at_once(keystone, stranger, kept, opened):
    HandOver(Owner(stranger.settings), kept, CLOCK).give()
    cloud = opened("ec2", "application_credential", "role")
    assert cloud.compute.list(stranger.scope) == []
    keystone("PATCH", f"/users/{stranger.user_id}", {"user": {"enabled": False}})
    assert cloud.compute.list(stranger.scope) == []
