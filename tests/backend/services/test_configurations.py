import pytest

from backend.domain.image_findings import ImageNotFound
from backend.domain.key_pair_findings import KeyPairNotFound
from backend.domain.launch_findings import (
    IamProfileNotFound,
    ProfileExists,
    ProfileInUse,
    ProfileNotFound,
    TypeNotFound,
    TypeNotSupported,
)
from backend.domain.profile import ServerSpec
from backend.domain.quotas import Quota
from backend.domain.security_group_findings import SecurityGroupNotFound
from backend.domain.server_findings import ServerUnknown
from backend.errors import CloudNotReached, LimitExceeded
from backend.store import quotas
from tests.factories import OTHER, SCOPE


@pytest.fixture
def api(world):
    return world.backend.configurations


@pytest.fixture
def spec(world):
    return lambda **values: ServerSpec(**{"image": world.image(), "instance_type": "t3.micro", **values})


def test_create_and_page(api, spec):
    for name in ("b", "a", "c"):
        api.create(SCOPE, name, spec(), {"EbsOptimized": True})
    first = api.page(SCOPE, limit=2)
    assert [item.name for item in first.items] == ["a", "b"]
    assert [item.name for item in api.page(SCOPE, limit=2, after=first.marker).items] == ["c"]
    assert [item.name for item in api.page(SCOPE, names=["c", "x"], limit=9).items] == ["c"]
    assert api.page(OTHER, limit=9).items == []
    assert first.items[0].document == {"EbsOptimized": True}


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"image": "0" * 17}, ImageNotFound),
        ({"image": "nonsense"}, ImageNotFound),
        ({"instance_type": "x9.huge"}, TypeNotFound),
        ({"instance_type": "t4g.micro"}, TypeNotSupported),
        ({"key_name": "x"}, KeyPairNotFound),
        ({"security_group_ids": ("0" * 17,)}, SecurityGroupNotFound),
        ({"security_group_names": ("x",)}, SecurityGroupNotFound),
        ({"iam_profile": "p"}, IamProfileNotFound),
    ],
)
def test_what_the_cloud_lacks(api, spec, values, finding):
    with pytest.raises(finding):
        api.create(SCOPE, "lc", spec(**values), {})
    assert api.page(SCOPE, limit=1).items == []


def test_what_the_cloud_has(world, api, spec):
    world.simulated.projects.create_key_pair(SCOPE, "key")
    group = world.simulated.cloud.network.security_groups(SCOPE)[0]
    api.create(SCOPE, "a", spec(key_name="key", security_group_ids=(group.short_id,)), {})
    api.create(SCOPE, "b", spec(security_group_names=("default",)), {})


def test_a_cloud_out_of_reach(world, api):
    world.simulated.faults.unavailable()
    with pytest.raises(CloudNotReached):
        api.create(SCOPE, "lc", ServerSpec(image="0" * 17, instance_type="t3.micro"), {})


def test_names_and_quota(world, api, spec):
    world.store.transact(lambda conn: quotas.put(conn, SCOPE.project_id, Quota.CONFIGURATIONS, 2))
    api.create(SCOPE, "a", spec(), {})
    with pytest.raises(ProfileExists):
        api.create(SCOPE, "a", spec(), {})
    api.create(SCOPE, "b", spec(), {})
    with pytest.raises(LimitExceeded):
        api.create(SCOPE, "c", spec(), {})


def test_delete(world, api):
    world.group()
    with pytest.raises(ProfileInUse) as found:
        api.delete(SCOPE, "lc")
    assert found.value.cluster == "web"
    with pytest.raises(ProfileNotFound):
        api.delete(OTHER, "lc")
    world.backend.clusters.delete(SCOPE, "web")
    api.delete(SCOPE, "lc")
    with pytest.raises(ProfileNotFound):
        api.delete(SCOPE, "lc")


def test_a_cluster_that_is_going_needs_it_no_more(world, api):
    world.put(world.group(), "a")
    world.backend.clusters.delete(SCOPE, "web", force=True)
    api.delete(SCOPE, "lc")


def test_from_a_server(world, api):
    server = world.server()
    described = api.describe_server(SCOPE, server.short_id)
    assert (described.image, described.instance_type) == (world.image(), "t3.micro")
    assert len(described.security_group_ids) == 1
    with pytest.raises(ServerUnknown):
        api.describe_server(SCOPE, "0" * 17)
    with pytest.raises(ServerUnknown):
        api.describe_server(OTHER, server.short_id)
