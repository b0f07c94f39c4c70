"""What exchanges with the cloud carry, and what spans tell of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from backend.domain.scope import Scope
from backend.drivers import terms
from backend.drivers.errors import CloudUnavailable, NotHeld, OutcomeUnknown
from backend.drivers.openstack import exchange
from backend.drivers.openstack.access import Access, Entry
from backend.drivers.openstack.exchange import WORDS, template
from backend.drivers.openstack.rest import COMPUTE, NETWORK, Declined, Rest
from backend.tracing import During, Origin, Role
from tests.backend.drivers.openstack.fake import REGION, Reply, lost, nova_fault
from tests.spans import TracesKept

ID = "0b7f1a52-3d36-4c53-9d5e-0c1a7b3f5a11"
SERVER = "7f3b1c9e-2f0a-4f8a-9a55-3f4a1d1f0b11"
SERVERS = "/compute/v2.1/servers"


@pytest.fixture
def traces() -> TracesKept:
    return TracesKept()


@pytest.fixture
def rest(settings, services, clock, traces) -> Rest:
    return Rest(Access(settings, Entry.read(settings), clock, None, services, traces=traces), clock)


def test_the_cloud_is_told_for_whose_request_it_is_asked_by_its_own_form_of_id(rest, services, scope):
    services.on("GET", SERVERS, Reply(200, {"servers": []}))
    with During(Origin(ID)):
        rest.read(scope, COMPUTE, "/servers")
    assert services.asked[-1].headers["X-OpenStack-Request-ID"] == f"req-{ID}"


@pytest.mark.parametrize("origin", [None, Origin("r-1"), Origin(f"{ID}\nX: y")])
def test_what_is_no_such_id_is_not_told(rest, services, scope, origin):
    services.on("GET", SERVERS, Reply(200, {"servers": []}))
    with During(origin):
        rest.read(scope, COMPUTE, "/servers")
    assert "X-OpenStack-Request-ID" not in services.asked[-1].headers


def test_each_exchange_is_a_span_of_what_it_is_for(rest, services, scope, traces):
    services.on("GET", f"{SERVERS}/{SERVER}", Reply(200, {}, {"x-openstack-request-id": "req-nova-1"}))
    work = traces.begin("engine clusters", Role.WORKS, {})
    with During(Origin(ID, work)):
        rest.read(scope, COMPUTE, f"/servers/{SERVER}", {"name": "a secret"})
    _, login, look = traces.spans
    assert (login.name, login.under) == ("identity POST /auth/tokens", work)
    assert (look.name, look.under, look.role) == ("compute GET /servers/{id}", work, Role.ASKS)
    assert look.told == {
        "http.request.method": "GET",
        "url.template": "/servers/{id}",
        "server.address": "cloud.example",
        "openstack.service": "compute",
        "http.request.resend_count": 0,
        "coppice.project": "p-1",
        "coppice.region": REGION,
        "http.response.status_code": 200,
        "openstack.request_id": "req-nova-1",
    }
    assert (login.ended, look.ended, look.failed) == (True, True, "")
    told = str([(each.name, each.told) for each in traces.spans])
    assert "secret" not in told
    assert "token-1" not in told


@dataclass
class Held:
    over: bool = False
    lost: bool = False


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_who_holds_no_more_what_something_is_for_changes_nothing_and_takes_away_what_is_theirs(
    rest, services, scope, method
):
    services.on(method, SERVERS, Reply(202, {"server": {"id": SERVER}}))
    services.on("DELETE", f"{SERVERS}/{SERVER}", Reply(204))
    held = Held()
    make = partial(rest.write, scope, COMPUTE, method, "/servers", {"server": {}})
    terms.during(held, make)
    held.over = True
    asked = len(services.asked)
    with pytest.raises(NotHeld):
        terms.during(held, make)
    assert len(services.asked) == asked
    terms.during(held, partial(rest.write, scope, COMPUTE, "DELETE", f"/servers/{SERVER}"))
    make()


def test_what_was_sent_before_it_was_held_no_more_may_have_been_done(rest, services, scope):
    class Once:
        lost = False

        @property
        def over(self):
            return bool(services.of("PUT"))

    services.on("PUT", SERVERS, lost(), Reply(204))
    with pytest.raises(OutcomeUnknown):
        terms.during(Once(), partial(rest.write, scope, COMPUTE, "PUT", "/servers", {}, repeat=True))
    assert len(services.of("PUT")) == 1


def test_a_login_is_no_part_of_what_is_held(rest, services, scope):
    services.on("GET", SERVERS, Reply(200, {"servers": []}))
    assert terms.during(Held(over=True), partial(rest.read, scope, COMPUTE, "/servers")) == {"servers": []}


def test_what_is_sent_again_is_a_span_each_time(rest, services, scope, traces):
    services.on("GET", SERVERS, lost(), Reply(503), Reply(200, {}))
    rest.read(scope, COMPUTE, "/servers")
    tried = traces.named("compute GET /servers")
    assert [each.told["http.request.resend_count"] for each in tried] == [0, 1, 2]
    assert [each.failed for each in tried] == ["ConnectionError", "503", ""]
    assert all(each.ended for each in traces.spans)


def test_a_write_that_is_sent_again_is_too(rest, services, scope, traces):
    services.on("DELETE", f"{SERVERS}/{SERVER}", Reply(503), Reply(204))
    rest.write(scope, COMPUTE, "DELETE", f"/servers/{SERVER}", repeat=True)
    tried = traces.named("compute DELETE /servers/{id}")
    assert [(each.told["http.request.resend_count"], each.failed) for each in tried] == [(0, "503"), (1, "")]


def test_a_refusal_has_its_status_and_nova_s_id(rest, services, scope, traces):
    services.on("POST", SERVERS, nova_fault(400, "Invalid key_name provided."))
    with pytest.raises(Declined):
        rest.write(scope, COMPUTE, "POST", "/servers", {"server": {"user_data": "c2VjcmV0"}})
    span = traces.named("compute POST /servers")[0]
    assert (span.failed, span.told["openstack.request_id"]) == ("400", "req-nova-1")
    assert "key_name" not in str(span.told)


@pytest.mark.parametrize("its_own", ["x" * 65, "req 1", "req-1;drop"])
def test_an_id_that_is_none_is_not_told(rest, services, scope, traces, its_own):
    services.on("GET", SERVERS, Reply(200, {}, {"x-openstack-request-id": its_own}))
    rest.read(scope, COMPUTE, "/servers")
    assert "openstack.request_id" not in traces.named("compute GET /servers")[0].told


def test_who_is_not_let_in_is_a_login_that_failed_and_no_more(rest, services, traces):
    services.login = Reply(503)
    with pytest.raises(CloudUnavailable):
        rest.read(Scope("p-9", REGION), NETWORK, "/ports")
    assert {each.name for each in traces.spans} == {"identity POST /auth/tokens"}
    assert {each.failed for each in traces.spans} == {"503"}


def test_a_lost_write_ends_its_span(rest, services, scope, traces):
    services.on("POST", SERVERS, lost())
    with pytest.raises(OutcomeUnknown):
        rest.write(scope, COMPUTE, "POST", "/servers", {})
    assert traces.named("compute POST /servers")[0].failed == "ConnectionError"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/servers/detail", "/servers/detail"),
        (f"/servers/{SERVER}/action", "/servers/{id}/action"),
        ("/os-keypairs/my-key", "/os-keypairs/{id}"),
        ("/queues/orders/messages?limit=5", "/queues/{id}/messages"),
        ("/" + "/".join(["a b"] * 1000), "/{id}" * 8),
        ("/identity/v3/users/u-1/credentials", "/{id}/v3/users/{id}/credentials"),
        ("", "/"),
    ],
)
def test_paths_are_told_without_what_names_anything(path, told):
    assert template(path) == told


def test_the_words_of_paths_that_the_driver_asks_are_known():
    """As far as they stand in strings of its source."""
    sources = Path(exchange.__file__).parent.glob("*.py")
    paths = [each for file in sources for each in re.findall(r'(?<!\w)f?"(/[A-Za-z{][^"\s]*)"', file.read_text())]
    said = {word for path in paths for word in path.partition("?")[0].split("/") if word and "{" not in word}
    assert len(said) > 30
    assert said - {"dev", "vda", "vda1", "xvda", "xvda1", "sda", "sda1"} - WORDS == set()
