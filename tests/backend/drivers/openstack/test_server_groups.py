from __future__ import annotations

import pytest

from backend.drivers import errors
from backend.drivers.compute import GroupPolicy, ServerGroup
from backend.drivers.openstack.server_groups import ServerGroups
from tests.backend.drivers.openstack.fake import Reply, lost, nova_fault

PATH = "/compute/v2.1/os-server-groups"
GROUP = "77777777-7777-4777-8777-777777777777"


def document(number: int = 0, **changes):
    made = {"id": f"{GROUP[:-4]}{number:04}", "name": "pg", "policy": "anti-affinity", "rules": {}, "members": []}
    return {**made, **changes}


@pytest.fixture
def groups(rest):
    return ServerGroups(rest)


def test_a_listing_goes_on_by_number_until_a_page_is_short(services, groups, scope):
    pages = [[document(number) for number in range(100)], [document(100, members=["s-1"])]]
    services.on("GET", PATH, *(Reply(200, {"server_groups": page}) for page in pages))
    found = groups.list(scope)
    assert (len(found), found[-1].members) == (101, ("s-1",))
    assert [each.query for each in services.asked] == [
        {"limit": ["100"], "offset": ["0"]},
        {"limit": ["100"], "offset": ["100"]},
    ]


def test_a_policy_that_is_not_known_is_left_out(services, groups, scope):
    services.on("GET", PATH, Reply(200, {"server_groups": [document(policy="legacy"), document(1)]}))
    assert [each.id[-1] for each in groups.list(scope)] == ["1"]


def test_a_group_is_asked_for_once(services, groups, scope):
    services.on("POST", PATH, Reply(200, {"server_group": document()}), Reply(200), lost())
    made = groups.create(scope, "pg", GroupPolicy.ANTI_AFFINITY)
    assert made == ServerGroup(document()["id"], "pg", GroupPolicy.ANTI_AFFINITY)
    for _ in range(2):
        with pytest.raises(errors.OutcomeUnknown):
            groups.create(scope, "pg", GroupPolicy.ANTI_AFFINITY)
    assert [each.body for each in services.of("POST")] == [
        {"server_group": {"name": "pg", "policy": "anti-affinity"}}
    ] * 3


@pytest.mark.parametrize(
    ("status", "message", "found"),
    [
        (403, "Quota exceeded, too many server groups.", errors.QuotaExceeded),
        (403, "Policy doesn't allow os_compute_api:os-server-groups:create to be performed.", errors.NotAuthorized),
        (400, "Invalid input", errors.Refused),
    ],
)
def test_a_group_that_cannot_be_is_refused(services, groups, scope, status, message, found):
    services.on("POST", PATH, nova_fault(status, message))
    with pytest.raises(errors.Refused) as refused:
        groups.create(scope, "pg", GroupPolicy.AFFINITY)
    assert type(refused.value) is found
    assert refused.value.request_id == "req-nova-1"


def test_a_deletion_is_sent_until_it_is_answered(services, groups, scope):
    missing = nova_fault(404, f"Instance group {GROUP} could not be found.", "itemNotFound")
    services.on("DELETE", f"{PATH}/{GROUP}", lost(), Reply(204), missing)
    groups.delete(scope, GROUP)
    assert len(services.of("DELETE")) == 2
    with pytest.raises(errors.ServerGroupNotFound):
        groups.delete(scope, GROUP)
