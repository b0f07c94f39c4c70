from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.domain.delegation import Delegation, DelegationsUnanswered, SecretUnreadable
from backend.domain.events import Event, Subject
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, NotAuthorized
from backend.drivers.openstack.cloud import open_cloud
from tests.backend.drivers.openstack.fake import REGION, Reply, denied, granted, keystone_error
from tests.factories import NOW

SERVERS = "/compute/v2.1/servers/detail"


class Kept:
    """Delegations by project, and how often they were asked for."""

    def __init__(self, *given):
        self.given = list(given)
        self.asked = 0

    def of_project(self, project_id):
        self.asked += 1
        for each in self.given:
            if isinstance(each, Exception):
                raise each
        return [each for each in self.given if each.project_id == project_id]


def delegation(credential_id, **changes):
    return replace(
        Delegation(credential_id, "p-1", "u-owner", "member", NOW, None, f"secret of {credential_id}"), **changes
    )


@pytest.fixture
def opened(settings, services, clock):
    only = replace(settings, access=("application_credential",))
    services.on("GET", SERVERS, Reply(200, {"servers": []}))
    return lambda kept: open_cloud(only, clock, services, delegations=kept).compute


def look(compute, clock, project="p-1"):
    return compute.list_changed(Scope(project, REGION), clock.now())


def test_the_driver_acts_by_what_an_owner_handed_over(opened, services, clock):
    compute = opened(Kept(delegation("c-1")))
    assert look(compute, clock) == []
    (login,) = services.logins
    assert login["identity"]["methods"] == ["application_credential"]
    assert login["identity"]["application_credential"] == {"id": "c-1", "secret": "secret of c-1"}
    with pytest.raises(NotAuthorized, match=r"^application credential: none given$"):
        look(compute, clock, "p-2")


def test_one_that_was_taken_back_gives_way_to_the_next(opened, services, clock):
    gone = {"c-1"}

    def login(auth):
        known = auth["identity"]["application_credential"]["id"] not in gone
        return granted(auth) if known else denied("Could not find Application Credential: c-1.")

    services.login = login
    kept = Kept(delegation("c-1"), delegation("c-2"))
    compute = opened(kept)
    assert look(compute, clock) == []
    gone.add("c-2")
    kept.given = [delegation("c-3")]
    clock.move(60)
    # Its tokens end with it, which a service tells first.
    services.on("GET", SERVERS, keystone_error(401, "Unauthorized"), Reply(200, {"servers": []}))
    assert look(compute, clock) == []
    tried = [auth["identity"]["application_credential"]["id"] for auth in services.logins]
    assert list(dict.fromkeys(tried)) == ["c-1", "c-2", "c-3"]
    assert tried[-1] == "c-3"


def test_one_that_expired_is_told_with_its_time_and_not_tried(opened, services, clock):
    compute = opened(Kept(delegation("c-1", expires_at=NOW + timedelta(minutes=5))))
    clock.move(301)
    with pytest.raises(NotAuthorized, match=r"^application credential: expired at 2026-11-22T13:05:00Z$"):
        look(compute, clock)
    assert services.logins == []


@pytest.mark.parametrize(
    ("error", "found", "words"),
    [
        (SecretUnreadable("no key is set"), NotAuthorized, "application credential: cannot be read, no key is set"),
        (DelegationsUnanswered("down"), CloudUnavailable, "down"),
    ],
)
def test_what_cannot_be_read_is_told(opened, clock, error, found, words):
    with pytest.raises(found, match=words):
        look(opened(Kept(error)), clock)


def test_look_ups_stand_for_a_while(opened, services, clock):
    kept = Kept(delegation("c-1"))
    services.login = lambda _auth: denied()
    compute = opened(kept)
    for seconds in (10, 10, 60):
        with pytest.raises(NotAuthorized):
            look(compute, clock)
        clock.move(seconds)
    assert kept.asked == 1
    with pytest.raises(NotAuthorized):
        look(compute, clock)
    assert kept.asked == 2


def test_a_secret_is_never_shown():
    assert "secret of" not in repr(delegation("c-1"))


@pytest.mark.parametrize(
    ("event", "logins"),
    [
        (Event(Subject.CREDENTIAL, "c-1"), 2),
        (Event(Subject.PROJECT, "p-1"), 2),
        (Event(Subject.PROJECT, "p-2"), 1),
        (Event(Subject.TRUST, "c-1"), 1),
        (Event(Subject.EVERYBODY), 1),
    ],
)
def test_a_login_whose_right_ended_is_tried_anew(settings, services, clock, event, logins):
    only = replace(settings, access=("application_credential",))
    services.on("GET", SERVERS, Reply(200, {"servers": []}))
    told = []
    ended = lambda: [told.pop()] if told else []  # noqa: E731
    compute = open_cloud(only, clock, services, delegations=Kept(delegation("c-1")), ended=ended).compute
    for _ in range(2):
        look(compute, clock)
    assert len(services.logins) == 1
    told.append(event)
    look(compute, clock)
    assert len(services.logins) == logins
