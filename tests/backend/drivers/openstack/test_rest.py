from __future__ import annotations

import pytest

from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable, NotAuthorized, OutcomeUnknown
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.rest import COMPUTE, IDENTITY, IMAGE, NETWORK, VOLUME, Declined, Rest
from tests.backend.drivers.openstack.fake import (
    Reply,
    denied,
    keystone_error,
    lost,
    neutron_error,
    nova_fault,
    pages,
    proxy_page,
    refused,
    timed_out,
)

SERVERS = "/compute/v2.1/servers"


def test_a_document_is_read_with_the_project_s_token_and_nova_s_version(rest, services, scope):
    services.on("GET", SERVERS, Reply(200, {"servers": []}))
    assert rest.read(scope, COMPUTE, "/servers", {"status": "ACTIVE"}) == {"servers": []}
    (asked,) = services.asked
    assert asked.query == {"status": ["ACTIVE"]}
    assert asked.headers["X-Auth-Token"] == "token-1"
    assert asked.headers["OpenStack-API-Version"] == "compute 2.72"
    assert services.logins[0]["scope"] == {"project": {"id": "p-1"}}


@pytest.mark.parametrize(
    ("service", "path"), [(NETWORK, "/network/v2.0/x"), (IMAGE, "/image/v2/x"), (COMPUTE, "/compute/v2.1/x")]
)
def test_an_endpoint_without_a_version_gets_the_service_s(rest, services, scope, service, path):
    services.on("GET", path, Reply(200, {}))
    assert rest.read(scope, service, "/x") == {}


def test_one_token_serves_many_requests_and_each_project_has_its_own(rest, services, scope):
    services.on("GET", SERVERS, Reply(200, {}))
    for asked in (scope, scope, Scope("p-2", scope.region), scope):
        rest.read(asked, COMPUTE, "/servers")
    assert [login["scope"]["project"]["id"] for login in services.logins] == ["p-1", "p-2"]


@pytest.mark.parametrize("failure", [lost(), refused(), timed_out(), Reply(503), Reply(500, {"a": "b"})])
def test_a_read_is_asked_again_until_it_is_answered(rest, services, scope, clock, failure):
    services.on("GET", SERVERS, failure, failure, Reply(200, {"servers": [1]}))
    started = clock.now()
    assert rest.read(scope, COMPUTE, "/servers") == {"servers": [1]}
    assert 0 < (clock.now() - started).total_seconds() < 2


@pytest.mark.parametrize("failure", [lost(), refused(), timed_out(), Reply(502)])
def test_a_read_without_answer_says_nothing_about_any_server(rest, services, scope, failure):
    services.on("GET", SERVERS, failure)
    with pytest.raises(CloudUnavailable):
        rest.read(scope, COMPUTE, "/servers")
    assert len(services.asked) == 3


@pytest.mark.parametrize(
    ("failure", "found"),
    [
        (refused(), CloudUnavailable),
        (lost(), OutcomeUnknown),
        (timed_out(), OutcomeUnknown),
        (nova_fault(500, "Unexpected API Error.", "computeFault"), OutcomeUnknown),
        (Reply(502), OutcomeUnknown),
        (Reply(504), OutcomeUnknown),
        (Reply(429, {"overLimit": {"message": "slow down"}}), CloudUnavailable),
        (nova_fault(406, "Version 2.72 is not supported by the API."), CloudUnavailable),
    ],
)
def test_a_write_that_may_have_happened_is_never_sent_twice(rest, services, scope, failure, found):
    services.on("POST", SERVERS, failure, Reply(202, {}))
    with pytest.raises(found):
        rest.write(scope, COMPUTE, "POST", "/servers", {"server": {}})
    assert len(services.asked) == 1


def test_a_write_that_was_sent_once_and_not_the_last_time_may_have_happened(rest, services, scope):
    services.on("DELETE", f"{SERVERS}/1", lost(), refused())
    with pytest.raises(OutcomeUnknown):
        rest.write(scope, COMPUTE, "DELETE", "/servers/1", repeat=True)


def test_a_write_that_is_safe_to_repeat_is_sent_again(rest, services, scope):
    services.on("DELETE", f"{SERVERS}/1", lost(), Reply(503), Reply(204))
    assert rest.write(scope, COMPUTE, "DELETE", "/servers/1", repeat=True).status == 204
    assert len(services.asked) == 3


def test_what_is_declined_keeps_the_cloud_s_words_and_its_request_id(rest, services, scope):
    services.on("POST", SERVERS, nova_fault(400, "Invalid key_name provided."))
    with pytest.raises(Declined) as told:
        rest.write(scope, COMPUTE, "POST", "/servers", {})
    assert (told.value.status, told.value.message) == (400, "Invalid key_name provided.")
    assert (told.value.kind, told.value.request_id) == ("badRequest", "req-nova-1")


STRANGERS = [
    proxy_page(404),
    Reply(404),
    Reply(404, "default backend - 404", {"Content-Type": "text/plain"}),
    Reply(404, {"message": "no Route matched with those values"}),
    Reply(404, {"message": "The resource could not be found.", "code": "404 Not Found", "title": "Not Found"}),
    nova_fault(404, "gone", "badRequest"),
    Reply(404, {"itemNotFound": {"code": 400, "message": "gone"}}),
    Reply(404, {"itemNotFound": "gone"}),
    Reply(404, "[" * 5000),
    keystone_error(404, "Could not find it."),
    neutron_error(404, "HTTPNotFound", "The resource could not be found."),
    *(proxy_page(status) for status in (400, 401, 403, 405, 407, 409, 410, 413, 415, 421, 431)),
    proxy_page(302),
    proxy_page(200, "We are back soon."),
    Reply(200, "[]"),
]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_what_another_than_the_service_answers_is_no_answer(rest, services, scope, stranger):
    services.on("GET", f"{SERVERS}/1", stranger)
    with pytest.raises(CloudUnavailable):
        rest.read(scope, COMPUTE, "/servers/1")
    assert len(services.of("GET")) == (6 if stranger.status == 401 else 3), "sent once more with a token that is new"
    services.on("POST", SERVERS, stranger)
    with pytest.raises(OutcomeUnknown):  # a firewall may have heard the service's yes, and put its own page over it
        rest.write(scope, COMPUTE, "POST", "/servers", {})
    services.on("DELETE", f"{SERVERS}/1", stranger, Reply(204))
    assert rest.write(scope, COMPUTE, "DELETE", "/servers/1", repeat=True).status == 204


@pytest.mark.parametrize("answer", [Reply(200), Reply(200, "null"), Reply(200, {}), Reply(200, {"servers": None})])
def test_an_answer_without_a_listing_is_no_empty_listing(rest, services, scope, answer):
    services.on("GET", SERVERS, answer)
    with pytest.raises(CloudUnavailable):
        list(rest.listing(scope, COMPUTE, "/servers", "servers"))


def test_pages_in_a_circle_come_to_an_end(rest, services, scope):
    services.on("GET", SERVERS, Reply(200, {"servers": [{"id": "1"}], "servers_links": [{"rel": "next"}]}))
    with pytest.raises(CloudUnavailable, match="circle"):
        list(rest.listing(scope, COMPUTE, "/servers", "servers"))


def test_an_expired_token_is_renewed_on_the_way(rest, services, scope):
    services.on("GET", SERVERS, denied(), Reply(200, {"servers": []}))
    rest.read(scope, COMPUTE, "/servers")
    assert len(services.logins) == 2


def test_what_stays_forbidden_is_not_authorized(rest, services, scope):
    services.on("GET", SERVERS, nova_fault(403, "Policy doesn't allow this.", "forbidden"))
    with pytest.raises(NotAuthorized) as told:
        rest.read(scope, COMPUTE, "/servers")
    assert told.value.request_id == "req-nova-1"
    services.on("GET", SERVERS, denied())
    with pytest.raises(NotAuthorized):
        rest.read(scope, COMPUTE, "/servers")


def test_a_service_or_a_region_that_is_not_in_the_catalog_cannot_be_asked(rest, services, scope):
    with pytest.raises(CloudUnavailable, match="no block-storage service in RegionOne"):
        rest.read(scope, VOLUME, "/volumes")
    with pytest.raises(CloudUnavailable, match="no compute service in RegionTwo"):
        rest.read(Scope("p-1", "RegionTwo"), COMPUTE, "/servers")
    assert rest.offers(scope, COMPUTE)
    assert not rest.offers(scope, VOLUME)


def test_the_service_user_asks_keystone_on_the_system(rest, services):
    services.on("GET", "/identity/v3/users/u-1", Reply(200, {"user": {}}))
    assert rest.read(None, IDENTITY, "/users/u-1") == {"user": {}}
    assert services.logins[0]["scope"] == {"system": {"all": True}}


def test_a_listing_goes_on_behind_the_last_item(rest, services, scope):
    found = pages("servers", [{"id": "1"}, {"id": "2"}], [{"id": "3"}])
    services.on("GET", f"{SERVERS}/detail", *found)
    items = rest.listing(scope, COMPUTE, "/servers/detail", "servers", {"reservation_id": "r-1"})
    assert [item["id"] for item in items] == ["1", "2", "3"]
    assert [asked.query.get("marker") for asked in services.asked] == [None, ["2"]]
    assert all(asked.query["reservation_id"] == ["r-1"] for asked in services.asked)


def test_glance_s_pages_are_followed_too(rest, services, scope):
    services.on(
        "GET",
        "/image/v2/images",
        Reply(200, {"images": [{"id": "1"}], "next": "/v2/images?marker=1"}),
        Reply(200, {"images": [{"id": "2"}]}),
    )
    assert [item["id"] for item in rest.listing(scope, IMAGE, "/images", "images")] == ["1", "2"]


def test_every_request_is_recorded_logins_too_answered_or_not(settings, services, clock, scope):
    told = []
    recorded = Access(settings, Entry.read(settings), clock, None, services, record=lambda *seen: told.append(seen[:3]))
    services.on("GET", SERVERS, Reply(200, {}), lost(), nova_fault(404, "gone"))
    rest = Rest(recorded, clock)
    rest.read(scope, COMPUTE, "/servers")
    with pytest.raises(Declined):
        rest.read(scope, COMPUTE, "/servers")
    assert told == [
        ("identity", "POST", "201"),
        ("compute", "GET", "200"),
        ("compute", "GET", "none"),
        ("compute", "GET", "404"),
    ]
    told.clear()
    services.login = lambda _auth: (_ for _ in ()).throw(refused())
    with pytest.raises(CloudUnavailable):
        rest.read(Scope("p-2", scope.region), COMPUTE, "/servers")
    assert set(told) == {("identity", "POST", "none")}


def test_what_could_not_be_asked_is_logged_with_the_cloud_s_request(rest, services, scope, caplog):
    services.on("GET", SERVERS, nova_fault(503, "Service Unavailable"), nova_fault(503, "no"), lost())
    with pytest.raises(CloudUnavailable):
        rest.read(scope, COMPUTE, "/servers")
    services.on("GET", SERVERS, nova_fault(503, "Service Unavailable"))
    with pytest.raises(CloudUnavailable, match="req-nova-1"):
        rest.read(scope, COMPUTE, "/servers")
    told = [record.getMessage() for record in caplog.records if "gave up" in record.getMessage()]
    assert all(line.startswith("project=p-1 gave up: GET compute /servers") for line in told)
    assert ["req-nova-1" in line for line in told] == [False, True]
