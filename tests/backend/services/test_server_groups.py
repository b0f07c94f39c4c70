import pytest

from backend import errors
from backend.domain import server_findings
from backend.domain.profile import ServerSpec
from backend.drivers.compute import GroupPolicy
from backend.drivers.simulated.faults import Where
from backend.services.server_groups import ServerGroups
from backend.services.servers import Order
from tests.factories import OTHER, SCOPE

APART = GroupPolicy.ANTI_AFFINITY


@pytest.fixture
def api(world) -> ServerGroups:
    return world.backend.server_groups


@pytest.fixture
def cloud(world):
    return world.simulated.cloud.compute


def test_a_name_is_given_once_in_a_project(api):
    made = api.create(SCOPE, "pg", APART)
    with pytest.raises(server_findings.ServerGroupExists):
        api.create(SCOPE, "pg", GroupPolicy.AFFINITY)
    assert api.list(SCOPE) == [made]
    assert api.create(OTHER, "pg", APART).id != made.id
    api.delete(SCOPE, "pg")
    assert (api.list(SCOPE), len(api.list(OTHER))) == ([], 1)


def test_of_several_of_one_name_the_first_is_meant(api, cloud):
    made = api.create(SCOPE, "pg", APART)
    later = cloud.create_server_group(SCOPE, "pg", GroupPolicy.AFFINITY)
    assert api.list(SCOPE) == [made]
    assert api.delete(SCOPE, "pg").id == made.id
    assert api.list(SCOPE) == [later]


def test_who_is_second_to_make_a_name_takes_it_back(world, api, cloud):
    """Somebody makes the same name between the look and the creation."""
    hooks = world.simulated.faults.hooks

    def overtake(moment, call):
        if moment == "before" and call.name == "create_server_group":
            hooks.clear()
            cloud.create_server_group(SCOPE, "pg", APART)

    hooks.append(overtake)
    with pytest.raises(server_findings.ServerGroupExists):
        api.create(SCOPE, "pg", APART)
    assert len(cloud.server_groups(SCOPE)) == 1


@pytest.mark.parametrize("fault", ["lose_answer", "lose_request"])
def test_a_lost_answer_is_looked_for_by_name(world, api, fault):
    getattr(world.simulated.faults, fault)(Where(calls=("create_server_group",)))
    if fault == "lose_answer":
        assert api.create(SCOPE, "pg", APART) == api.list(SCOPE)[0]
    else:
        with pytest.raises(errors.OutcomeUnclear):
            api.create(SCOPE, "pg", APART)
        assert api.create(SCOPE, "pg", APART) == api.list(SCOPE)[0]


def test_a_group_with_servers_stays(world, api):
    api.create(SCOPE, "pg", APART)
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", server_group="pg")
    (server,) = world.backend.servers.run(SCOPE, Order(spec))
    with pytest.raises(server_findings.ServerGroupInUse):
        api.delete(SCOPE, "pg")
    world.backend.servers.terminate(SCOPE, [server])
    world.clock.move(60)
    api.delete(SCOPE, "pg")
    with pytest.raises(server_findings.ServerGroupNotFound):
        api.delete(SCOPE, "pg")


def test_a_deletion_that_somebody_else_did_meanwhile_is_done(world, api, cloud):
    api.create(SCOPE, "pg", APART)
    hooks = world.simulated.faults.hooks

    def overtake(moment, call):
        if moment == "before" and call.name == "delete_server_group":
            hooks.clear()
            cloud.delete_server_group(SCOPE, cloud.server_groups(SCOPE)[0].id)

    hooks.append(overtake)
    api.delete(SCOPE, "pg")
    assert api.list(SCOPE) == []
