from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from keystoneauth1 import identity

from backend.drivers.errors import CloudUnavailable, Misconfigured, NotAuthorized
from backend.drivers.openstack.access import Access, Entry, keystone_time
from tests.backend.drivers.openstack.fake import HOST, Reply, denied, granted, lost, proxy_page, refused, timed_out
from tests.factories import HandClock


class Trust:
    """The trust that one owner gave."""

    def __init__(self, trust_id: str) -> None:
        self._trust_id = trust_id

    def logins(self, project_id):
        if project_id == "p-1":
            user = {"auth_url": f"{HOST}/identity/v3", "username": "coppice", "password": "secret"}
            yield identity.V3Password(**user, user_domain_name="Default", trust_id=self._trust_id)


def no_role(auth):
    """Keystone of a service user without a role in any project."""
    if "project" in auth.get("scope", {}):
        return denied("User u-service has no access to project p-1")
    return granted(auth)


def opened(settings, services, trust=None):
    return Access(settings, Entry.read(settings), HandClock(), {"trust": Trust(trust)} if trust else None, services)


def test_a_role_in_the_project_is_the_first_way(settings, services):
    opened(settings, services, "trust-1").project("p-1")
    (login,) = services.logins
    assert login["identity"]["password"]["user"]["name"] == "coppice"
    assert login["scope"] == {"project": {"id": "p-1"}}


def test_a_trust_is_used_where_there_is_no_role(settings, services):
    services.login = no_role
    access = opened(settings, services, "trust-1")
    plugin = access.project("p-1")
    assert services.logins[-1]["scope"] == {"OS-TRUST:trust": {"id": "trust-1"}}
    assert access.project("p-1") is plugin
    assert len(services.logins) == 2


def test_nobody_s_leave_is_told_with_keystone_s_words_and_its_request(settings, services):
    services.login = no_role
    with pytest.raises(NotAuthorized, match="has no access to project") as told:
        opened(settings, services).project("p-1")
    assert told.value.request_id == "req-keystone-1"
    only = replace(settings, access=("trust",))
    with pytest.raises(NotAuthorized, match=r"^trust: none given$"):
        opened(only, services).project("p-1")


def test_keystone_out_of_reach_is_no_verdict(settings, services):
    services.login = lambda _auth: (_ for _ in ()).throw(refused())
    with pytest.raises(CloudUnavailable):
        opened(settings, services).project("p-1")


def test_a_trust_that_is_taken_back_is_told_and_a_new_one_is_found(settings, services, clock):
    configured = replace(settings, access=("trust",))
    access = Access(configured, Entry.read(configured), clock, {"trust": Trust("trust-1")}, services)
    access.project("p-1").invalidate()
    services.login = lambda _auth: denied("Trust trust-1 could not be found")
    with pytest.raises(NotAuthorized, match=r"^trust: Trust trust-1 could not be found$"):
        access.project("p-1")
    services.login = granted
    clock.move(5)
    access.project("p-1")


def test_a_project_without_a_way_is_not_tried_with_every_call(settings, services, clock, caplog):
    services.login = no_role
    access = Access(settings, Entry.read(settings), clock, None, services)
    for _ in range(10):
        with pytest.raises(NotAuthorized, match="has no access") as told:
            access.project("p-1")
        assert told.value.request_id == "req-keystone-1"
    assert len(services.logins) == 1
    (line,) = [record.getMessage() for record in caplog.records if "lets nobody in" in record.getMessage()]
    assert line.startswith("project=p-1 ")
    assert line.endswith("cloud-request=req-keystone-1")
    clock.move(5)
    with pytest.raises(NotAuthorized):
        access.project("p-1")
    assert len(services.logins) == 2


@pytest.mark.parametrize("login", [granted, no_role])
def test_projects_in_which_nothing_is_done_any_more_are_forgotten(settings, services, clock, login):
    services.login = login
    access = Access(settings, Entry.read(settings), clock, None, services)
    sizes = []
    for number in range(100):
        with suppress(NotAuthorized):
            access.project(f"p-{number}")
        clock.move(600)
        sizes.append(len(access._logins) + len(access._shut))
    assert max(sizes) <= 13


def test_a_project_in_which_something_is_done_is_logged_into_once(access, services, clock):
    for _ in range(50):
        access.project("p-1")
        access.own("project")
        clock.move(600)
    clock.move(100_000)
    access.own("project")
    assert len(services.logins) == 2


def test_the_ways_are_tried_as_they_are_listed_and_each_says_what_it_met(settings, services, clock):
    ways = {"trust": Trust("t"), "ec2": Trust("by-key"), "application_credential": Ended()}
    listed = replace(settings, access=("ec2", "application_credential", "trust", "role"))
    services.login = lambda auth: denied() if auth["scope"] != {"OS-TRUST:trust": {"id": "t"}} else granted(auth)
    Access(listed, Entry.read(listed), clock, ways, services).project("p-1")
    assert [login["scope"]["OS-TRUST:trust"]["id"] for login in services.logins] == ["by-key", "t"]
    services.login = lambda _auth: denied()
    with pytest.raises(NotAuthorized) as told:
        Access(listed, Entry.read(listed), clock, ways, services).project("p-1")
    words = "The request you have made requires authentication"
    assert told.value.detail == (
        f"ec2: {words}; application credential: expired at 2026-11-01T00:00:00Z; trust: {words}; role: {words}"
    )


class Ended:
    def logins(self, _project_id):
        raise NotAuthorized("expired at 2026-11-01T00:00:00Z")


def test_the_service_user_logs_in_on_its_own_project_and_on_the_system(settings, services):
    access = opened(settings, services)
    access.own("project")
    access.own("system")
    assert services.logins[1]["scope"] == {"system": {"all": True}}
    assert services.logins[0]["scope"] == {"project": {"name": "service", "domain": {"name": "Default"}}}


def test_the_password_is_never_shown(settings):
    assert "secret" not in repr(Entry.read(settings))


@pytest.mark.parametrize(
    "auth", ["{auth_url: 'http://x', username: u}", "{auth_url: 'http://x', application_credential_id: a}"]
)
def test_an_entry_without_a_password_is_no_service_user(tmp_path, settings, auth):
    file = tmp_path / "other.yaml"
    file.write_text(f"clouds: {{coppice: {{auth: {auth}}}}}")
    with pytest.raises(Misconfigured):
        Entry.read(replace(settings, clouds_file=str(file)))
    with pytest.raises(Misconfigured, match="no usable entry elsewhere"):
        Entry.read(replace(settings, cloud="elsewhere"))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_login_that_something_before_keystone_refuses_shuts_no_project(access, services, status):
    services.login = lambda auth: proxy_page(status)
    with pytest.raises(CloudUnavailable):
        access.project("p-1")
    services.login = granted
    assert access.project("p-1") is not None, "it is asked at once, as nobody was turned away"


@pytest.mark.parametrize("failure", [lost(), refused(), Reply(503), proxy_page(502)])
def test_a_login_outlasts_a_restart_of_keystone(access, services, failure, clock):
    failures = [failure]

    def restarted(auth):
        if failures:
            failed = failures.pop()
            if isinstance(failed, Exception):
                raise failed
            return failed
        return granted(auth)

    services.login = restarted
    assert access.project("p-1") is not None
    assert (len(services.logins), clock.monotonic()) == (2, 0.5)


def test_a_login_that_hangs_is_not_sent_again(access, services):
    def hangs(_auth):
        raise timed_out()

    services.login = hangs
    with pytest.raises(CloudUnavailable):
        access.project("p-1")
    assert len(services.logins) == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Date": "Sun, 22 Nov 2026 13:00:07 GMT"}, datetime(2026, 11, 22, 13, 0, 7, tzinfo=UTC)),
        ({"Date": "now"}, None),
        ({}, None),
    ],
)
def test_keystones_clock_is_the_date_of_its_answers(settings, services, headers, expected):
    services.on("GET", "/identity/v3", Reply(200, {"version": {}}, headers))
    assert keystone_time(settings, services) == expected


def test_a_keystone_that_is_away_has_no_clock(settings, services):
    services.on("GET", "/identity/v3", refused())
    with pytest.raises(CloudUnavailable):
        keystone_time(settings, services)
