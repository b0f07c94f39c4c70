from __future__ import annotations

from datetime import timedelta

import pytest

from backend.domain.delegation import SecretUnreadable
from backend.drivers.errors import Misconfigured
from backend.drivers.openstack.application_credentials import HandOver
from backend.drivers.openstack.owner import Owner
from tests.backend.drivers.openstack.fake import Reply, granted, keystone_error, proxy_page
from tests.factories import NOW

PATH = "/identity/v3/users/u-owner/application_credentials"


class Keeper:
    """Keeps in memory, or cannot."""

    def __init__(self, *, able=True):
        self.able = able
        self.kept = {}

    def ids(self, project_id, user_id):
        return [
            each.credential_id
            for each in self.kept.values()
            if (each.project_id, each.user_id) == (project_id, user_id)
        ]

    def put(self, delegation):
        if not self.able:
            raise SecretUnreadable("no key is set in [secrets]")
        self.kept[delegation.credential_id] = delegation

    def drop(self, credential_ids):
        for each in credential_ids:
            del self.kept[each]


@pytest.fixture
def keystone(services):
    """Keystone of one owner: it makes c-1, c-2..."""
    services.login = lambda auth: granted(auth, project="p-1", user="u-owner")
    made = iter(range(1, 9))

    def make(_asked):
        number = next(made)
        return Reply(201, {"application_credential": {"id": f"c-{number}", "secret": f"s-{number}"}})

    services.on("POST", PATH, make)
    services.on("DELETE", f"{PATH}/c-\\d", Reply(204))
    return services


@pytest.fixture
def keeper():
    return Keeper()


@pytest.fixture
def hand(settings, keystone, keeper, clock):
    return HandOver(Owner(settings, keystone), keeper, clock)


def test_an_owner_hands_one_over_with_the_one_role(hand, keystone, keeper):
    until = NOW + timedelta(days=30)
    assert hand.give("member", until) == "c-1"
    wanted = keystone.of("POST")[0].body["application_credential"]
    assert wanted.pop("name").startswith("coppice-")
    assert "Coppice" in wanted.pop("description")
    assert wanted == {"roles": [{"name": "member"}], "unrestricted": False, "expires_at": "2026-12-22T13:00:00.000000Z"}
    (kept,) = keeper.kept.values()
    assert (kept.project_id, kept.user_id, kept.role, kept.secret) == ("p-1", "u-owner", "member", "s-1")
    assert (kept.created_at, kept.expires_at) == (NOW, until)


def test_a_new_one_takes_the_place_of_the_old(hand, keystone, keeper):
    hand.give()
    hand.give()
    assert list(keeper.kept) == ["c-2"]
    assert [asked.path for asked in keystone.of("DELETE")] == [f"{PATH}/c-1"]


def test_what_cannot_be_kept_is_not_left_behind(settings, keystone, clock):
    with pytest.raises(SecretUnreadable):
        HandOver(Owner(settings, keystone), Keeper(able=False), clock).give()
    assert [asked.path for asked in keystone.of("DELETE")] == [f"{PATH}/c-1"]


def test_an_owner_takes_back_here_and_at_keystone(hand, keystone, keeper):
    hand.give()
    assert hand.take_back() == ["c-1"]
    assert keeper.kept == {}
    assert hand.take_back() == []
    assert len(keystone.of("DELETE")) == 1


def test_what_the_owner_ended_at_keystone_is_forgotten_too(hand, keystone, keeper):
    hand.give()
    keystone.on("DELETE", f"{PATH}/c-1", keystone_error(404, "Could not find it"))
    assert hand.take_back() == ["c-1"]
    assert keeper.kept == {}


def test_what_keystone_does_not_end_stays_known(hand, keystone, keeper):
    hand.give()
    keystone.on("DELETE", f"{PATH}/c-1", keystone_error(403, "not by a delegated token"))
    with pytest.raises(Misconfigured, match="delegated token"):
        hand.take_back()
    assert list(keeper.kept) == ["c-1"]


def test_a_proxy_s_404_ends_no_delegation(hand, keystone, keeper):
    hand.give()
    keystone.on("DELETE", f"{PATH}/c-1", proxy_page(404))
    with pytest.raises(Misconfigured):
        hand.take_back()
    assert list(keeper.kept) == ["c-1"]
