from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.drivers.errors import CloudUnavailable, Misconfigured, NotAuthorized
from backend.drivers.openstack.cloud import open_cloud, service_user_id
from backend.drivers.openstack.rest import Rest
from backend.drivers.openstack.trusts import Grant, Trusts
from tests.backend.drivers.openstack.fake import Reply, denied, granted, keystone_error, refused

TRUSTS = "/identity/v3/OS-TRUST/trusts"


def trust(trust_id, **changes):
    given = {"trustee_user_id": "u-service", "trustor_user_id": "u-owner", "project_id": "p-1", "expires_at": None}
    return {"id": trust_id, **given, **changes}


def told(*trusts):
    return Reply(200, {"trusts": list(trusts)})


@pytest.fixture
def trusts(access, clock):
    return Trusts(Rest(access, clock, "project"), access, clock, timedelta(minutes=1))


def test_a_project_s_trusts_are_those_that_hold(trusts, services, clock):
    services.on(
        "GET",
        TRUSTS,
        told(
            trust("b"),
            trust("a", expires_at="2026-11-22T13:30:00.000000Z"),
            trust("old", expires_at="2026-11-22T12:59:59.000000Z"),
            trust("other", project_id="p-2"),
        ),
    )
    assert trusts.find("p-1") == ["a", "b"]
    assert trusts.find("p-3") == []
    (asked,) = services.of("GET", "OS-TRUST")
    assert asked.query == {"trustee_user_id": ["u-service"]}
    clock.move(1800)
    assert trusts.find("p-1") == ["b"]
    assert len(services.of("GET", "OS-TRUST")) == 2


def test_keystone_out_of_reach_tells_of_no_trust(trusts, services):
    services.on("GET", TRUSTS, refused())
    with pytest.raises(CloudUnavailable):
        trusts.find("p-1")


def login(auth):
    """Keystone of a service user that has no role in the project, and two trusts, of which one has ended."""
    scope = auth["scope"]
    if scope.get("project", {}).get("id") == "p-1" or scope.get("OS-TRUST:trust", {}).get("id") == "a":
        return denied("no access")
    return granted(auth)


def test_the_driver_acts_by_a_trust_where_it_has_no_role(settings, clock, services, scope):
    services.login = login
    services.on("GET", TRUSTS, told(trust("a"), trust("b")))
    services.on("GET", "/compute/v2.1/servers/detail", Reply(200, {"servers": []}))
    cloud = open_cloud(settings, clock, services)
    assert cloud.compute.list_changed(scope, clock.now()) == []
    assert services.logins[-1]["scope"] == {"OS-TRUST:trust": {"id": "b"}}
    services.on("GET", TRUSTS, told())
    with pytest.raises(NotAuthorized, match="no access"):
        open_cloud(settings, clock, services).compute.list_changed(scope, clock.now())


def test_the_service_user_is_told_by_its_id(settings, services, clock):
    assert service_user_id(settings, clock, services) == "u-service"


@pytest.fixture
def owner(services):
    services.login = lambda auth: granted(auth, project="p-1", user="u-owner")
    return services


def test_an_owner_gives_a_trust_once(settings, owner):
    owner.on("GET", TRUSTS, told(trust("elsewhere", project_id="p-2")), told(trust("t-1")))
    owner.on("GET", f"{TRUSTS}/t-1", Reply(200, {"trust": trust("t-1", roles=[{"name": "member"}])}))
    owner.on("POST", TRUSTS, Reply(201, {"trust": trust("t-1")}))
    grant = Grant(settings, owner)
    assert grant.give("u-service", "member") == "t-1"
    assert grant.give("u-service", "member") == "t-1"
    (asked,) = owner.of("POST")
    assert asked.body["trust"] == {
        "trustor_user_id": "u-owner",
        "trustee_user_id": "u-service",
        "project_id": "p-1",
        "impersonation": True,
        "roles": [{"name": "member"}],
    }


def test_a_trust_of_another_role_or_end_takes_the_place_of_the_first(settings, owner):
    owner.on("GET", TRUSTS, told(trust("t-1")))
    owner.on("GET", f"{TRUSTS}/t-1", Reply(200, {"trust": trust("t-1", roles=[{"name": "member"}])}))
    owner.on("POST", TRUSTS, Reply(201, {"trust": trust("t-2")}))
    owner.on("DELETE", f"{TRUSTS}/t-1", Reply(204))
    grant = Grant(settings, owner)
    assert grant.give("u-service", "reader") == "t-2"
    assert [asked.method for asked in owner.asked] == ["GET", "GET", "POST", "DELETE"]
    owner.asked.clear()
    assert grant.give("u-service", "member", datetime(2027, 1, 1, tzinfo=UTC)) == "t-2"
    assert owner.of("POST")[0].body["trust"]["expires_at"] == "2027-01-01T00:00:00.000000Z"
    assert [asked.method for asked in owner.asked] == ["GET", "POST", "DELETE"]


def test_a_trust_that_expired_is_told_with_its_time(trusts, services):
    services.on("GET", TRUSTS, told(trust("old", expires_at="2026-11-22T12:59:59.000000Z")))
    with pytest.raises(NotAuthorized, match="expired at 2026-11-22T12:59:59"):
        trusts.find("p-1")
    assert trusts.find("p-2") == []


def test_an_owner_takes_back_what_the_user_was_given(settings, owner):
    owner.on("GET", TRUSTS, told(trust("t-1"), trust("t-2", trustee_user_id="u-else")))
    owner.on("DELETE", f"{TRUSTS}/t-1", Reply(204))
    assert Grant(settings, owner).take_back("u-service") == ["t-1"]
    assert len(owner.of("DELETE")) == 1


def test_what_keystone_refuses_is_told_to_the_owner(settings, owner):
    owner.on("GET", TRUSTS, told())
    owner.on("POST", TRUSTS, keystone_error(403, "not by a delegated token"))
    with pytest.raises(Misconfigured, match="delegated token"):
        Grant(settings, owner).give("u-service")
    owner.login = lambda _auth: denied()
    with pytest.raises(Misconfigured, match="refuses the entry coppice"):
        Grant(settings, owner)
    owner.login = granted
    with pytest.raises(Misconfigured, match="names no project"):
        Grant(replace(settings), owner)


def test_of_any_number_of_trusts_some_are_tried(trusts, services):
    services.on("GET", TRUSTS, told(*(trust(f"{number:04}") for number in range(500))))
    assert len(list(trusts.logins("p-1"))) == 100
