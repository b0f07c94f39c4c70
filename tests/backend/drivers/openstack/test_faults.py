from __future__ import annotations

import pytest
import requests

from backend.drivers.openstack.faults import (
    BALANCING,
    COMPUTE,
    IDENTITY,
    IMAGE,
    MESSAGING,
    NETWORK,
    VOLUME,
    Fault,
    fault_of,
)
from tests.backend.drivers.openstack.fake import (
    Reply,
    glance_error,
    keystone_error,
    neutron_error,
    nova_fault,
    octavia_fault,
    proxy_page,
    zaqar_error,
)

SERVICES = (COMPUTE, NETWORK, IMAGE, IDENTITY, BALANCING, VOLUME, MESSAGING)
PECAN = Reply(404, {"code": 404, "title": "Not Found", "description": "Pool p-1 not found."})
OWN = [
    (COMPUTE, nova_fault(404, "Instance s-1 could not be found."), Fault("itemNotFound", "Instance s-1 could not be found.")),
    (COMPUTE, nova_fault(403, "Policy doesn't allow it."), Fault("forbidden", "Policy doesn't allow it.")),
    (COMPUTE, nova_fault(413, "Quota exceeded"), Fault("overLimit", "Quota exceeded")),
    (COMPUTE, nova_fault(418, "other"), Fault("computeFault", "other")),
    (VOLUME, nova_fault(404, "Volume v-1 could not be found."), Fault("itemNotFound", "Volume v-1 could not be found.")),
    (NETWORK, neutron_error(404, "PortNotFound", "Port p-1 could not be found."), Fault("PortNotFound", "Port p-1 could not be found.")),
    (IMAGE, glance_error(404, "No image found with ID i-1"), Fault("", "No image found with ID i-1")),
    (IDENTITY, keystone_error(404, "Could not find user: u-1."), Fault("", "Could not find user: u-1.")),
    (BALANCING, octavia_fault(404, "Pool p-1 not found."), Fault("", "Pool p-1 not found.")),
    (MESSAGING, zaqar_error(403, "You are not let in."), Fault("", "You are not let in.")),
    (BALANCING, PECAN, Fault("", "Pool p-1 not found.")),
]  # fmt: skip


def response(reply: Reply) -> requests.Response:
    made = requests.Response()
    made.status_code = reply.status
    made.headers.update(reply.headers)
    made._content = reply.bytes()
    return made


@pytest.mark.parametrize(("service", "reply", "fault"), OWN)
def test_a_service_s_own_document_is_known_and_no_other_service_s(service, reply, fault):
    assert fault_of(service, response(reply)) == fault
    for other in SERVICES:
        if other != service and {service, other} != {COMPUTE, VOLUME}:  # Cinder's code is Nova's, at a time
            assert fault_of(other, response(reply)) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 429, 500, 503])
@pytest.mark.parametrize("service", SERVICES)
def test_a_page_an_empty_body_and_a_gateway_s_json_are_nobody_s(service, status):
    for reply in (proxy_page(status), Reply(status), Reply(status, {"message": "Forbidden"}), Reply(status, "null")):
        assert fault_of(service, response(reply)) is None


@pytest.mark.parametrize("service", SERVICES)
def test_the_piece_of_keystone_before_every_service_refuses_tokens_in_keystone_s_words(service):
    fault = Fault("", "The request you have made requires authentication.")
    assert fault_of(service, response(keystone_error(401, fault.message))) == fault
    old = Reply(401, "Authentication required", {"WWW-Authenticate": 'Keystone uri="http://cloud/identity"'})
    assert fault_of(service, response(old)) == Fault("", "Authentication required")
    assert fault_of(service, response(Reply(401, "no", {"WWW-Authenticate": "Basic realm=proxy"}))) is None


@pytest.mark.parametrize("message", [None, 5, ["x"], {"a": "b"}])
def test_words_that_are_none_make_no_fault(message):
    assert fault_of(COMPUTE, response(Reply(404, {"itemNotFound": {"code": 404, "message": message}}))) is None
