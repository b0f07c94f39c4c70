from __future__ import annotations

from dataclasses import replace

import pytest

from backend.drivers import errors
from backend.drivers.compute import ServerRequest
from backend.drivers.openstack.refusals import of_any, of_create, of_server
from backend.drivers.openstack.rest import Declined

REQUEST = ServerRequest(
    name="web",
    image_id="44444444-4444-4444-8444-444444444444",
    flavor="t3.micro",
    zone="az1",
    subnet_id="22222222-2222-4222-8222-222222222222",
    security_group_ids=("33333333-3333-4333-8333-333333333333", "66666666-6666-4666-8666-666666666666"),
    key_name="mine",
)


KINDS = {404: "itemNotFound", 409: "conflictingRequest"}


def declined(status, message, kind=""):
    return Declined(status, message, "req-1", kind)


@pytest.mark.parametrize(
    ("status", "message", "found"),
    [
        (409, "Port p-7 is still in use.", errors.InterfaceInUse),
        (400, "Port p-7 not usable for instance x.", errors.InterfaceInUse),
        (400, "Port id p-7 could not be found.", errors.InterfaceNotFound),
    ],
)
def test_a_port_that_a_server_cannot_be_on_is_the_interface_that_was_asked_for(status, message, found):
    error = of_create(declined(status, message), replace(REQUEST, interface_id="p-7"), 1)
    assert type(error) is found
    assert (error.detail, error.request_id) == ("p-7", "req-1")


@pytest.mark.parametrize(
    ("status", "message", "found", "detail"),
    [
        (400, "Can not find requested image", errors.ImageNotFound, "44444444444444448"),
        (400, f"Image {REQUEST.image_id} could not be found.", errors.ImageNotFound, "44444444444444448"),
        (400, f"Image {REQUEST.image_id} is not active.", errors.ImageNotFound, "44444444444444448"),
        (400, "Image x is unacceptable: deactivated", errors.ImageNotFound, "44444444444444448"),
        (400, "Flavor f-1 could not be found.", errors.FlavorNotFound, "t3.micro"),
        (400, "Flavor's memory is too small for requested image.", errors.FlavorNotSupported, None),
        (400, "Flavor's disk is smaller than the minimum size specified in image metadata.", errors.FlavorNotSupported, None),
        (400, "Invalid key_name provided.", errors.KeyPairNotFound, "mine"),
        (
            400,
            "Security group 66666666-6666-4666-8666-666666666666 not found for project p-1.",
            errors.SecurityGroupNotFound,
            "66666666666646668",
        ),
        (404, "Security group 33333333-3333-4333-8333-333333333333 does not exist", errors.SecurityGroupNotFound, "33333333333343338"),
        (400, "Network x could not be found.", errors.SubnetNotFound, REQUEST.subnet_id),
        (400, "Network x requires a subnet in order to boot instances on.", errors.SubnetNotFound, REQUEST.subnet_id),
        (400, "The requested availability zone is not available", errors.NoCapacity, None),
        (500, "No valid host was found.", errors.NoCapacity, None),
        (400, "No more IP addresses available on network x.", errors.NoAddresses, "22222222222242228"),
        (403, "Policy doesn't allow os_compute_api:servers:create to be performed.", errors.NotAuthorized, None),
        (409, "Port p is still in use.", errors.Refused, None),
        (400, "User data too long. User data must be no larger than 64KB once base64 encoded.", errors.Refused, None),
    ],
)  # fmt: skip
def test_nova_s_words_are_told_as_findings_with_its_request(status, message, found, detail):
    error = of_create(declined(status, message), REQUEST, 2)
    assert type(error) is found
    assert (error.detail, error.request_id) == (message if detail is None else detail, "req-1")


@pytest.mark.parametrize(
    ("status", "message", "resource", "requested", "limit"),
    [
        (403, "Quota exceeded for instances: Requested 2, but already used 9 of 10 instances", "instances", 2, 10),
        (
            403,
            "Quota exceeded for cores, ram: Requested 8, 4096, but already used 18, 51000 of 20, 51200 cores, ram",
            "cores",
            8,
            20,
        ),
        (403, "Maximum number of ports exceeded", "ports", 2, -1),
        (409, "Quota exceeded for resources: ['port'].", "ports", 2, -1),
        (403, "Quota exceeded, too many servers in group", "server_group_members", 2, -1),
        (413, "Quota exceeded, too many servers.", "instances", 2, -1),
        (403, "Resource servers is over limit of 10: usage is at 10.", "instances", 2, -1),
    ],
)
def test_quotas_are_told_with_what_was_asked_and_what_there_is(status, message, resource, requested, limit):
    error = of_create(declined(status, message), REQUEST, 2)
    assert isinstance(error, errors.QuotaExceeded)
    assert (error.resource, error.requested, error.limit) == (resource, requested, limit)
    assert (error.detail, error.request_id) == (message, "req-1")


def test_a_full_subnet_is_known_by_neutron_s_type_of_error():
    error = of_create(declined(409, "any words", "IpAddressGenerationFailure"), REQUEST, 2)
    assert isinstance(error, errors.NoAddresses)


@pytest.mark.parametrize(
    ("status", "found"),
    [(404, errors.ServerNotFound), (409, errors.ServerStateConflict), (400, errors.Refused)],
)
def test_an_act_on_a_server(status, found):
    assert type(of_server(declined(status, "Instance s-1 words", KINDS.get(status, "")), "s-1")) is found


@pytest.mark.parametrize(
    ("words", "found", "rebooting"),
    [
        ("Cannot 'stop' instance s-1 while it is in task_state rebooting", errors.ServerBusy, True),
        ("Cannot 'stop' instance s-1 while it is in task_state reboot_started_hard", errors.ServerBusy, True),
        ("Cannot 'stop' instance s-1 while it is in task_state image_snapshot", errors.ServerBusy, False),
        ("Cannot 'stop' instance s-1 while it is in task_state powering-off", errors.ServerBusy, False),
        ("Cannot 'stop' instance s-1 while it is in vm_state stopped", errors.ServerStateConflict, None),
        ("Instance s-1 is locked", errors.ServerStateConflict, None),
    ],
)
def test_a_task_that_is_under_way_is_told_from_a_state(words, found, rebooting):
    error = of_server(declined(409, words), "s-1")
    assert (type(error), getattr(error, "rebooting", None), error.detail) == (found, rebooting, words)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Instance s-2 could not be found.", "itemNotFound"),
        ("The resource could not be found.", "itemNotFound"),
        ("Instance s-1 could not be found.", "computeFault"),
        ("Instance s-1 could not be found.", ""),
    ],
)
def test_a_server_is_gone_only_by_nova_s_word_of_that_very_server(message, kind):
    assert type(of_server(declined(404, message, kind), "s-1")) is errors.CloudUnavailable


def test_policy_alone_is_a_lack_of_leave():
    assert type(of_any(declined(403, "Policy doesn't allow x to be performed."))) is errors.NotAuthorized
    assert type(of_any(declined(403, "Something else."))) is errors.Refused
