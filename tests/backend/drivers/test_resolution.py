from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from backend.domain.profile import BlockDevice, ServerSpec
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.compute import GroupPolicy
from backend.drivers.images import Image
from backend.drivers.network import SecurityGroup
from backend.drivers.resolution import check_disks, resolve
from tests.factories import NOW, SCOPE, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.fixture
def catalog(world: World) -> Catalog:
    return Catalog(world.simulated.cloud, world.clock)


@pytest.fixture
def spec(world: World) -> ServerSpec:
    return ServerSpec(image=world.image(), instance_type="t3.micro")


def test_references_become_the_clouds_own_ids(catalog: Catalog, world: World, spec: ServerSpec) -> None:
    group = world.simulated.projects.add_security_group(SCOPE, "web")
    world.simulated.projects.create_key_pair(SCOPE, "k")
    disk = BlockDevice("/dev/sdb", 3)
    full = replace(
        spec,
        key_name="k",
        security_group_ids=(group.short_id,),
        security_group_names=("web", "default"),
        user_data="aA==",
        block_devices=(disk,),
        public_address=True,
        tags={"a": "1", "b": "1"},
    )
    made = resolve(catalog, SCOPE, full, zone="us-east-1b", subnet_id=None, name="n", launch_id="l", tags={"b": "2"})
    subnet = next(each for each in catalog.subnets(SCOPE) if each.zone == "us-east-1b")
    assert (made.zone, made.subnet_id, made.launch_id, made.name) == ("us-east-1b", subnet.id, "l", "n")
    assert made.tags == {"a": "1", "b": "2"}
    assert made.security_group_ids[0] == group.id
    assert len(made.security_group_ids) == 2
    assert (made.key_name, made.user_data, made.block_devices, made.public_address) == ("k", "aA==", (disk,), True)


def test_without_groups_the_default_one(catalog: Catalog, spec: ServerSpec) -> None:
    made = resolve(catalog, SCOPE, spec, zone=None, subnet_id=None, name="n")
    default = next(group for group in catalog.security_groups(SCOPE) if group.name == "default")
    assert made.security_group_ids == (default.id,)


def test_what_another_process_made_is_found_at_once(catalog: Catalog, world: World, spec: ServerSpec) -> None:
    catalog.subnets(SCOPE), catalog.security_groups(SCOPE)
    vpc = world.backend.networks.create_vpc(SCOPE, "10.0.0.0/16")
    subnet = world.backend.networks.create_subnet(SCOPE, vpc.id, "10.0.1.0/24", None)
    made = resolve(catalog, SCOPE, spec, zone=None, subnet_id=subnet.cloud_id, name="n")
    default = next(each for each in world.backend.security_groups.list(SCOPE) if each.vpc == vpc.id)
    assert (made.subnet_id, made.security_group_ids) == (subnet.cloud_id, (default.cloud_id,))
    groups = world.backend.security_groups
    by_id, by_name = (groups.create(SCOPE, name, "d", vpc.id) for name in ("id", "name"))
    here = replace(spec, subnet=subnet.id)
    found = resolve(catalog, SCOPE, replace(here, security_group_ids=(by_id.id,)), zone=None, subnet_id=None, name="n")
    assert found.security_group_ids == (by_id.cloud_id,)
    catalog.security_groups(SCOPE)
    last = groups.create(SCOPE, "last", "d", vpc.id)
    named = replace(here, security_group_names=("name", "last"))
    found = resolve(catalog, SCOPE, named, zone=None, subnet_id=None, name="n")
    assert found.security_group_ids == (by_name.cloud_id, last.cloud_id)


def test_a_group_that_holds_everywhere_may_be_used_in_any_network(catalog: Catalog, spec: ServerSpec) -> None:
    class Anywhere(Catalog):
        """Groups that are told in one network and hold in all."""

        everywhere = True

        def security_groups(self, scope: Scope) -> list[SecurityGroup]:
            held = [replace(each, network_id="another") for each in catalog.security_groups(scope)]
            return [replace(each, everywhere=self.everywhere) for each in held]

    groups = Anywhere(catalog._cloud, catalog._clock)
    named = replace(spec, security_group_names=("default",), security_group_ids=())
    made = resolve(groups, SCOPE, named, zone=None, subnet_id=None, name="n")
    assert len(made.security_group_ids) == 1
    groups.everywhere = False
    with pytest.raises(errors.SecurityGroupNotFound):
        resolve(groups, SCOPE, named, zone=None, subnet_id=None, name="n")


def test_a_subnet_that_is_given_wins_over_the_specs_own(catalog: Catalog, spec: ServerSpec) -> None:
    first, second, third = catalog.subnets(SCOPE)
    fixed = replace(spec, subnet=second.short_id, zone=third.zone)
    assert resolve(catalog, SCOPE, fixed, zone=None, subnet_id=first.id, name="n").subnet_id == first.id
    assert resolve(catalog, SCOPE, fixed, zone=None, subnet_id=None, name="n").subnet_id == second.id
    by_zone = replace(spec, zone=third.zone)
    assert resolve(catalog, SCOPE, by_zone, zone=None, subnet_id=None, name="n").subnet_id == third.id


@pytest.mark.parametrize(
    ("change", "error", "detail"),
    [
        ({"image": None}, errors.ProfileIncomplete, "image"),
        ({"instance_type": None}, errors.ProfileIncomplete, "instance_type"),
        ({"image": "0" * 17}, errors.ImageNotFound, "0" * 17),
        ({"instance_type": "t9.nano"}, errors.FlavorNotFound, "t9.nano"),
        ({"instance_type": "t4g.micro"}, errors.FlavorNotSupported, "x86_64"),
        ({"key_name": "nil"}, errors.KeyPairNotFound, "nil"),
        ({"security_group_ids": ("0" * 17,)}, errors.SecurityGroupNotFound, "0" * 17),
        ({"security_group_names": ("nil",)}, errors.SecurityGroupNotFound, "nil"),
        ({"subnet": "0" * 17}, errors.SubnetNotFound, "0" * 17),
        ({"zone": "us-east-1q"}, errors.NetworkMissing, "us-east-1q"),
        ({"server_group": "nil"}, errors.ServerGroupNotFound, "nil"),
        ({"server_group_id": "0" * 17}, errors.ServerGroupNotFound, "0" * 17),
        ({"iam_profile": "web"}, errors.Unsupported, "IamInstanceProfile"),
        ({"unsupported": ("KernelId", "Operator")}, errors.Unsupported, "KernelId"),
    ],
)
def test_what_matches_nothing_is_named(
    catalog: Catalog, spec: ServerSpec, change: dict, error: type[errors.Refused], detail: str
) -> None:
    with pytest.raises(error) as refused:
        resolve(catalog, SCOPE, replace(spec, **change), zone=None, subnet_id=None, name="n")
    assert refused.value.detail == detail


def test_a_server_group_that_is_given_wins_over_the_specs_own(catalog: Catalog, world: World, spec: ServerSpec) -> None:
    compute = world.simulated.cloud.compute
    near, far, again = (
        compute.create_server_group(SCOPE, name, policy)
        for name, policy in (
            ("near", GroupPolicy.AFFINITY),
            ("far", GroupPolicy.ANTI_AFFINITY),
            ("near", GroupPolicy.SOFT_AFFINITY),
        )
    )
    assert near.id != again.id

    def found(given: str | None = None, **change: str) -> str | None:
        own = replace(spec, **change)
        made = resolve(catalog, SCOPE, own, zone=None, subnet_id=None, name="n", server_group=given)
        return made.server_group.id if made.server_group else None

    assert found() is None
    assert found(server_group="near") == near.id
    assert found(server_group_id=far.short_id) == far.id
    assert found("near", server_group="far") == near.id
    assert found("near", server_group_id=far.short_id) == near.id
    with pytest.raises(errors.ServerGroupNotFound) as refused:
        found("nil", server_group="far")
    assert refused.value.detail == "nil"


def test_a_subnet_id_of_nothing(catalog: Catalog, spec: ServerSpec) -> None:
    with pytest.raises(errors.SubnetNotFound):
        resolve(catalog, SCOPE, spec, zone=None, subnet_id="00000000-0000-0000-0000-000000000000", name="n")


@pytest.mark.parametrize(
    ("disk", "least"),
    [
        (BlockDevice("/dev/xvda", size_gib=-5), 8),
        (BlockDevice("/dev/xvda", size_gib=7), 8),
        (BlockDevice("/dev/xvdb", size_gib=0), 1),
        (BlockDevice("/dev/xvda", size_gib=8), None),
        (BlockDevice("/dev/xvdb", size_gib=1), None),
        (BlockDevice("/dev/xvdb", size_gib=0, suppressed=True), None),
        (BlockDevice("/dev/xvda"), None),
    ],
)
def test_a_disk_holds_what_it_is_made_from(disk: BlockDevice, least: int | None) -> None:
    image = Image("i", "n", "", "o", None, "x86_64", NOW, size_gib=8, root_device="/dev/xvda")
    spec = ServerSpec(block_devices=(disk,))
    if least is None:
        check_disks(spec, image)
        return
    with pytest.raises(errors.VolumeTooSmall) as found:
        check_disks(spec, image)
    assert (found.value.size, found.value.least) == (disk.size_gib, least)
