"""What every cloud driver must hold, told through the ports alone.

A driver's test module subclasses CloudContract and gives the fixtures that raise NotImplementedError here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from uuid import uuid4

import pytest

from backend.domain.node import ServerStatus
from backend.domain.options import ServerOptions
from backend.domain.scope import Scope
from backend.drivers.cloud import Cloud
from backend.drivers.compute import GroupPolicy, Server, ServerGroup
from backend.drivers.errors import (
    AddressGroupInUse,
    AddressGroupNotFound,
    Busy,
    FlavorNotFound,
    FlavorNotSupported,
    GroupInUse,
    ImageNotFound,
    KeyPairNotFound,
    Refused,
    SecurityGroupNotFound,
    ServerBusy,
    ServerGroupNotFound,
    ServerNotFound,
    ServerStateConflict,
    SubnetNotFound,
    Unsupported,
)
from backend.drivers.group_making import NewGroup
from backend.drivers.network import Rule
from backend.drivers.network_making import NewSubnet
from tests.backend.drivers.on_a_cloud import LAUNCH, NOWHERE, OTHER_LAUNCH, OnACloud


class CloudContract(OnACloud):
    def test_zones_flavors_and_images_are_named_once(self, cloud, scope):
        zones = [zone.name for zone in cloud.compute.zones(scope)]
        flavors = cloud.compute.flavors(scope)
        images = cloud.images.list(scope)
        assert zones
        assert zones == sorted(set(zones))
        assert len({flavor.name for flavor in flavors}) == len(flavors) > 0
        assert len({image.short_id for image in images}) == len(images) > 0
        for flavor in flavors:
            assert flavor.vcpus >= 1
            assert flavor.memory_mib >= 1
            assert flavor.architectures
            assert set(flavor.zones) <= set(zones)

    def test_quotas_tell_what_of_them_is_used(self, cloud, scope, make):
        before = {each.resource: each for each in cloud.compute.quotas(scope)}
        assert before.keys() <= {"instances", "cores", "ram", "ports"}
        make(2, active=False)
        after = {each.resource: each for each in cloud.compute.quotas(scope)}
        # A project may be bounded in one thing and not in another: of what has no bound nothing is told.
        for resource in before.keys() & {"instances", "ports"}:
            assert after[resource].used >= before[resource].used + 2
        assert {name: each.limit for name, each in after.items()} == {n: each.limit for n, each in before.items()}

    def test_there_is_one_default_network_with_a_default_subnet_in_its_zones(self, cloud, scope):
        (default,) = [network for network in cloud.network.networks(scope) if network.default]
        subnets = [subnet for subnet in cloud.network.subnets(scope) if subnet.zone_default]
        zones = {zone.name for zone in cloud.compute.zones(scope)}
        assert subnets
        assert {subnet.network_id for subnet in subnets} == {default.id}
        assert len({subnet.zone for subnet in subnets}) == len(subnets)
        assert {subnet.zone for subnet in subnets} <= zones
        assert all(subnet.free_addresses > 0 for subnet in subnets)
        names = [group.name for group in cloud.network.security_groups(scope) if group.network_id == default.id]
        assert names.count("default") == 1

    def test_a_batch_shares_its_launch_and_nothing_else(self, cloud, scope, request_, make):
        servers = make(3, active=False, tags={"Name": "a b", "k:v/=+-@": "ü"}, user_data="aGk=")
        assert len({server.id for server in servers}) == 3
        assert sorted(server.index for server in servers) == [0, 1, 2]
        assert len({server.reservation_id for server in servers}) == 1
        for server in servers:
            assert server.status in (ServerStatus.BUILDING, ServerStatus.ACTIVE)
            assert server.launch_id == LAUNCH
            assert cloud.made(server) or not cloud.installation()
            assert (server.zone, server.flavor, server.image_id) == (request_.zone, request_.flavor, request_.image_id)
            assert dict(server.tags) == {"Name": "a b", "k:v/=+-@": "ü"}
            assert server.user_data == "aGk="
        listed = {server.id: server for server in cloud.compute.list(scope)}
        assert {server.launch_id for server in servers} == {listed[server.id].launch_id for server in servers}

    def test_servers_become_active_with_an_address_of_their_own(self, cloud, scope, make):
        servers = make(2)
        (subnet,) = {server.subnet_id for server in servers}
        assert subnet in {s.id for s in cloud.network.subnets(scope) if s.zone == servers[0].zone}
        assert len({server.private_address for server in servers} - {None}) == 2
        assert len({server.mac_address for server in servers} - {None}) == 2
        assert all(server.updated_at >= server.created_at for server in servers)
        assert all(server.security_group_ids for server in servers)
        assert all(server.fault is None for server in servers)

    def test_changes_are_told_from_their_instant_on(self, cloud, scope, make, until):
        (server,) = make()
        for built in (False, True):
            told = {s.id: s for s in cloud.compute.list_changed(scope, server.updated_at, built=built)}
            assert told[server.id].status is ServerStatus.ACTIVE
        later = server.updated_at + timedelta(seconds=1)
        assert server.id not in {s.id for s in cloud.compute.list_changed(scope, later)}
        cloud.compute.delete(scope, server.id)
        until(lambda: self.gone(cloud, scope, server.id))
        told = {s.id: s for s in cloud.compute.list_changed(scope, server.updated_at)}
        assert told[server.id].status is ServerStatus.DELETED
        assert told[server.id].updated_at >= server.updated_at
        assert server.id not in {s.id for s in cloud.compute.list(scope)}

    def test_a_deletion_may_be_asked_for_again_until_the_server_is_gone(self, cloud, scope, make, until):
        (server,) = make()
        cloud.compute.delete(scope, server.id)
        try:
            cloud.compute.delete(scope, server.id)
        except ServerNotFound:
            assert self.gone(cloud, scope, server.id)
        until(lambda: self.gone(cloud, scope, server.id))

        def refused() -> bool:
            try:
                cloud.compute.delete(scope, server.id)
            except ServerNotFound:
                return True
            return False

        until(refused)  # a Nova that is busy still takes one that comes in the same moment

    def test_a_server_that_is_still_building_can_be_deleted(self, cloud, scope, make, until):
        (server,) = make(active=False)
        cloud.compute.delete(scope, server.id)
        until(lambda: self.gone(cloud, scope, server.id))

    @pytest.mark.parametrize(
        "call", ["get", "delete", "start", "stop", "reboot", "suspend", "resume", "rebuild", "tag", "adopt"]
    )
    def test_a_server_that_never_was_is_not_found(self, cloud, scope, call):
        arguments = {"tag": ({"a": "b"}, ()), "adopt": (LAUNCH,)}.get(call, ())
        with pytest.raises(ServerNotFound):
            getattr(cloud.compute, call)(scope, NOWHERE, *arguments)

    def test_stop_start_and_reboot_move_a_server_that_is_ready_for_it(self, cloud, scope, make, until):
        (server,) = make()

        def is_now(status: ServerStatus) -> Callable[[], bool]:
            return lambda: cloud.compute.get(scope, server.id).status is status

        with pytest.raises(ServerStateConflict):
            cloud.compute.start(scope, server.id)
        cloud.compute.stop(scope, server.id)
        until(is_now(ServerStatus.STOPPED))
        with pytest.raises(ServerStateConflict):
            cloud.compute.stop(scope, server.id)
        cloud.compute.start(scope, server.id)
        until(is_now(ServerStatus.ACTIVE))
        cloud.compute.reboot(scope, server.id)
        until(is_now(ServerStatus.ACTIVE))
        assert cloud.compute.get(scope, server.id).updated_at >= server.updated_at

    def test_one_thing_at_a_time_is_done_to_a_server(self, cloud, scope, make, until):
        (server,) = make()
        rebooting: list[bool] = []

        def stopped() -> bool:
            try:
                cloud.compute.stop(scope, server.id)
            except ServerBusy as busy:
                rebooting.append(busy.rebooting)
                return False
            return True

        cloud.compute.reboot(scope, server.id)
        cloud.compute.tag(scope, server.id, {"busy": "yes"}, ())
        until(stopped)  # a cloud that needs no time for it is at rest by now
        assert all(rebooting)
        until(lambda: cloud.compute.get(scope, server.id).status is ServerStatus.STOPPED)

    def test_a_server_that_is_rebooted_can_be_deleted(self, cloud, scope, make, until):
        (server,) = make()
        cloud.compute.reboot(scope, server.id)
        cloud.compute.delete(scope, server.id)
        until(lambda: self.gone(cloud, scope, server.id))

    def test_suspend_and_resume_move_a_server_that_is_ready_for_it(self, cloud, scope, make, until):
        (server,) = make()
        with pytest.raises(ServerStateConflict):
            cloud.compute.resume(scope, server.id)
        cloud.compute.suspend(scope, server.id)
        until(lambda: cloud.compute.get(scope, server.id).status is ServerStatus.PAUSED)
        for call in (cloud.compute.suspend, cloud.compute.rebuild):
            with pytest.raises(ServerStateConflict):
                call(scope, server.id)
        cloud.compute.resume(scope, server.id)
        until(lambda: cloud.compute.get(scope, server.id).status is ServerStatus.ACTIVE)
        assert cloud.compute.get(scope, server.id).private_address == server.private_address

    def test_a_hard_reboot_asks_no_system(self, cloud, scope, make, until):
        (server,) = make()
        cloud.compute.suspend(scope, server.id)
        until(lambda: cloud.compute.get(scope, server.id).status is ServerStatus.PAUSED)
        with pytest.raises(ServerStateConflict):
            cloud.compute.reboot(scope, server.id)
        cloud.compute.reboot(scope, server.id, hard=True)
        until(lambda: cloud.compute.get(scope, server.id).status is ServerStatus.ACTIVE)

    def test_a_rebuild_changes_the_image_and_nothing_else(self, cloud, scope, request_, make, until):
        fitting = [each for each in cloud.images.list(scope) if each.active and each.architecture == "x86_64"]
        other = min((each for each in fitting if each.id != request_.image_id), key=lambda each: each.size_gib)
        (server,) = make(tags={"Name": "rebuilt"})

        def settled(status: ServerStatus) -> Server:
            until(lambda: cloud.compute.get(scope, server.id).status is status)
            return cloud.compute.get(scope, server.id)

        with pytest.raises(ImageNotFound):
            cloud.compute.rebuild(scope, server.id, NOWHERE)
        cloud.compute.rebuild(scope, server.id, other.id)
        rebuilt = settled(ServerStatus.ACTIVE)
        assert rebuilt == replace(server, image_id=other.id, updated_at=rebuilt.updated_at)
        cloud.compute.stop(scope, server.id)
        settled(ServerStatus.STOPPED)
        cloud.compute.rebuild(scope, server.id, mark="again-1")
        again = settled(ServerStatus.STOPPED)
        assert (again.image_id, again.rebuild_mark, again.tags) == (other.id, "again-1", server.tags)

    @pytest.fixture
    def group(self, cloud: Cloud, scope: Scope) -> Iterator[Callable[..., ServerGroup]]:
        made: list[str] = []

        def group(policy: GroupPolicy, name: str = "contract") -> ServerGroup:
            created = cloud.compute.create_server_group(scope, name, policy)
            made.append(created.id)
            return created

        yield group
        for group_id in made:
            with suppress(ServerGroupNotFound):
                cloud.compute.delete_server_group(scope, group_id)

    def test_a_security_group_is_made_found_changed_and_ended(self, cloud, scope, other_scope):
        network = cloud.network.networks(scope)[0]
        new = NewGroup("contract", "", network.id, str(uuid4()))
        assert cloud.groups.find_security_group(scope, new) is None
        made = cloud.groups.create_security_group(scope, new)
        try:
            assert cloud.groups.find_security_group(scope, new) == made
            everything_out = Rule(False, "-1", None, None, "0.0.0.0/0")
            assert [*cloud.groups.security_group_rules(scope, made)] == [everything_out]
            add = [
                Rule(True, "tcp", 22, 22, "10.0.0.0/8"),
                Rule(True, "tcp", 0, 65535, "10.0.0.0/8"),
                Rule(True, "udp", 53, 54, "2001:db8::/32", ipv6=True),
                Rule(True, "icmp", 8, 0, "0.0.0.0/0"),
                Rule(True, "-1", None, None, group_id=made),
                Rule(True, "47", None, None, "0.0.0.0/0"),
            ]
            for _ in range(2):
                cloud.groups.change_rules(scope, made, add=add, remove=[everything_out])
            told = {cloud.groups.as_told(rule) for rule in add}
            assert {*cloud.groups.security_group_rules(scope, made)} == told
            (listed,) = [each for each in cloud.network.security_groups(scope) if each.id == made]
            assert (listed.name, listed.network_id, {*listed.rules}) == ("contract", network.id, told)
            assert cloud.installation() in {"", listed.installation}
            assert made not in {each.id for each in cloud.network.security_groups(other_scope)}
        finally:
            for _ in range(2):
                cloud.groups.delete_security_group(scope, made)
        assert made not in {each.id for each in cloud.network.security_groups(scope)}
        with pytest.raises(SecurityGroupNotFound):
            cloud.groups.security_group_rules(scope, made)

    def test_a_security_group_of_a_server_stays(self, cloud, scope, make):
        network = cloud.network.networks(scope)[0]
        made = cloud.groups.create_security_group(scope, NewGroup("contract", "", network.id, str(uuid4())))
        try:
            (server,) = make(security_group_ids=(made,))
            with pytest.raises(GroupInUse):
                cloud.groups.delete_security_group(scope, made)
            cloud.compute.delete(scope, server.id)
        finally:
            with suppress(GroupInUse):
                cloud.groups.delete_security_group(scope, made)

    def test_a_set_of_addresses_is_made_found_changed_named_and_ended(self, cloud, scope, other_scope):
        token, nowhere = str(uuid4()), str(uuid4())
        assert [*cloud.lists.find_lists(scope, token)] == []
        network = cloud.network.networks(scope)[0]
        group = cloud.groups.create_security_group(scope, NewGroup("contract", "", network.id, str(uuid4())))
        made = cloud.lists.create_list(scope, token, "contract", ["10.0.0.0/8"])
        try:
            assert [*cloud.lists.find_lists(scope, token)] == [made]
            assert [*cloud.lists.find_lists(other_scope, token)] == []
            for _ in range(2):
                cloud.lists.set_addresses(scope, made, ["11.0.0.0/8", "2001:db8::/32"])
            named = [Rule(True, "tcp", 22, 22, ipv6=ipv6, list_id=made) for ipv6 in (False, True)]
            for _ in range(2):
                cloud.groups.change_rules(scope, group, add=named)
            assert {*named} <= {*cloud.groups.security_group_rules(scope, group)}
            with pytest.raises(AddressGroupNotFound):
                cloud.groups.change_rules(scope, group, add=[Rule(True, "tcp", 1, 1, list_id=nowhere)])
            with pytest.raises(AddressGroupInUse):
                cloud.lists.delete_list(scope, made)
        finally:
            cloud.groups.delete_security_group(scope, group)
            for _ in range(2):
                cloud.lists.delete_list(scope, made)
        assert [*cloud.lists.find_lists(scope, token)] == []
        with pytest.raises(AddressGroupNotFound):
            cloud.lists.set_addresses(scope, made, [])

    def test_server_groups_are_told_in_the_order_they_were_made(self, cloud, scope, other_scope, group):
        policies = [policy for policy in GroupPolicy if policy is not GroupPolicy.PARTITION]
        made = [group(policy) for policy in policies]
        assert len({each.id for each in made}) == len(policies)
        assert [(each.name, each.policy, each.members) for each in made] == [
            ("contract", policy, ()) for policy in policies
        ]
        ids = [each.id for each in made]
        assert [each for each in cloud.compute.server_groups(scope) if each.id in ids] == made
        assert not {each.id for each in cloud.compute.server_groups(other_scope)} & {*ids}
        with pytest.raises(ServerGroupNotFound):
            cloud.compute.delete_server_group(other_scope, ids[0])
        cloud.compute.delete_server_group(scope, ids[0])
        with pytest.raises(ServerGroupNotFound):
            cloud.compute.delete_server_group(scope, ids[0])
        assert ids[0] not in {each.id for each in cloud.compute.server_groups(scope)}

    def test_partitions_are_kept_apart_or_refused(self, cloud, scope, make):
        if not cloud.partitions:
            with pytest.raises(Unsupported):
                cloud.compute.create_server_group(scope, "contract", GroupPolicy.PARTITION, 2)
            return
        made = cloud.compute.create_server_group(scope, "contract", GroupPolicy.PARTITION, 2)
        assert made in cloud.compute.server_groups(scope)
        assert (made.policy, made.partitions) == (GroupPolicy.PARTITION, 2)
        servers = [make(server_group=made)[0], make(server_group=made)[0], make(server_group=made, partition=2)[0]]
        assert [each.partition for each in servers] == [1, 2, 2]
        assert [cloud.compute.get(scope, each.id).partition for each in servers] == [1, 2, 2]

    def test_a_server_is_in_its_group_until_it_is_gone(self, cloud, scope, make, group, until):
        made = group(GroupPolicy.ANTI_AFFINITY)
        (server,) = make(server_group=made)

        def members() -> tuple[str, ...]:
            return next(each.members for each in cloud.compute.server_groups(scope) if each.id == made.id)

        assert (server.server_group_id, server.server_group_name) == (made.id, made.name)
        assert members() == (server.id,)
        assert {each.id: each.server_group_id for each in cloud.compute.list(scope)}[server.id] == made.id
        cloud.compute.delete(scope, server.id)
        until(lambda: self.gone(cloud, scope, server.id))
        until(lambda: members() == ())  # Nova takes it out of its group in a step of its own

    def test_tags_change_one_by_one_and_again(self, cloud, scope, make):
        (server,) = make(tags={"kept": "1", "changed": "1", "removed": "1"})
        for _ in range(2):
            cloud.compute.tag(scope, server.id, {"changed": "2", "new": "3"}, ["removed", "never there"])
            assert dict(cloud.compute.get(scope, server.id).tags) == {"kept": "1", "changed": "2", "new": "3"}

    def test_a_server_is_adopted_and_let_go(self, cloud, scope, make):
        (server,) = make(launch_id=None)
        assert server.launch_id is None
        for launch in (LAUNCH, LAUNCH, OTHER_LAUNCH, None, None):
            cloud.compute.adopt(scope, server.id, launch)
            seen = cloud.compute.get(scope, server.id)
            assert (seen.launch_id, cloud.made(seen)) == (launch, launch is not None and bool(cloud.installation()))

    def test_switches_are_the_servers(self, cloud, scope, other_scope, make):
        (server,) = make(options=ServerOptions(protected=True, hops=3))
        assert cloud.compute.get(scope, server.id).options == ServerOptions(protected=True, hops=3)
        cloud.changing.set_options(scope, server.id, {"protected": False, "credits": "standard"})
        assert cloud.compute.get(scope, server.id).options == ServerOptions(hops=3, credits="standard")
        assert isinstance(cloud.changing.console(scope, server.id), str)
        for call in (
            lambda: cloud.changing.set_options(other_scope, server.id, {"protected": True}),
            lambda: cloud.changing.console(other_scope, server.id),
        ):
            with pytest.raises(ServerNotFound):
                call()

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"image_id": NOWHERE}, ImageNotFound),
            ({"flavor": "t9.enormous"}, FlavorNotFound),
            ({"key_name": "no such key"}, KeyPairNotFound),
            ({"security_group_ids": (NOWHERE,)}, SecurityGroupNotFound),
            ({"subnet_id": NOWHERE}, SubnetNotFound),
            ({"server_group": ServerGroup(NOWHERE, "nil", GroupPolicy.AFFINITY)}, ServerGroupNotFound),
            ({"zone": "nowhere-1a"}, Refused),
        ],
    )
    def test_a_request_that_cannot_be_met_makes_nothing(self, cloud, scope, request_, changes, error):
        before = {server.id for server in cloud.compute.list(scope)}
        with pytest.raises(error):
            cloud.compute.create(scope, replace(request_, **changes), 2)
        assert {server.id for server in cloud.compute.list(scope)} <= before  # servers of other tests may go meanwhile

    @pytest.fixture
    def vpc(self, cloud, scope, until) -> Iterator[str]:
        """A VPC of nobody else; it has to be empty in the end."""
        if cloud.network_making is None:
            pytest.skip("networks are made with the cloud's own tools")
        made = cloud.network_making.make_vpc(scope, str(uuid4()))
        yield made

        def ended() -> bool:
            with suppress(Busy):
                cloud.network_making.delete_vpc(scope, made)
                return True
            return False

        until(ended)

    def test_a_vpc_is_found_by_its_token_alone(self, cloud, scope, other_scope):
        making = cloud.network_making
        if making is None:
            pytest.skip("networks are made with the cloud's own tools")
        token = str(uuid4())
        assert making.find_vpc(scope, token) is None
        made = making.make_vpc(scope, token)
        assert making.find_vpc(scope, token) == made
        assert making.find_vpc(other_scope, token) is None
        for outside in (True, True, False, False):
            making.lead_out(scope, made, outside=outside)
        for _ in range(2):
            making.delete_vpc(scope, made)
        assert making.find_vpc(scope, token) is None

    def test_servers_live_in_a_subnet_that_was_made(self, cloud, scope, other_scope, vpc, request_, make, until):
        making, token = cloud.network_making, str(uuid4())
        new = NewSubnet(vpc, "10.123.0.0/28", request_.zone)
        made = making.make_subnet(scope, token, new)
        assert making.make_subnet(scope, token, new, again=True) == made
        assert making.find_subnet(scope, token) == [made.network_id]
        assert making.find_subnet(other_scope, token) == []
        for _ in range(2):
            making.join_subnet(scope, vpc, made)
        making.set_dns(scope, made, ["192.0.2.1"])
        until(lambda: made.id in {each.id for each in cloud.network.subnets(scope)})
        (told,) = (each for each in cloud.network.subnets(scope) if each.id == made.id)
        assert (told.network_id, told.cidr, told.zone) == (vpc, "10.123.0.0/28", request_.zone)
        assert (told.made, told.zone_default, told.free_addresses) == (True, False, 11)
        assert not [each for each in cloud.network.subnets(other_scope) if each.id == made.id]

        (server,) = make(subnet_id=made.id)
        assert (server.subnet_id, server.network_id) == (made.id, vpc)
        assert ip_address(server.private_address) in ip_network("10.123.0.0/28")
        assert next(each for each in cloud.network.subnets(scope) if each.id == made.id).free_addresses == 10
        with pytest.raises(Busy):
            making.delete_subnet(scope, vpc, made)
        cloud.compute.delete(scope, server.id)

        def ended() -> bool:
            with suppress(Busy):
                making.delete_subnet(scope, vpc, made)
                return True
            return False

        until(ended)
        making.delete_subnet(scope, vpc, made)
        making.delete_networks(scope, [made.network_id])
        assert making.find_subnet(scope, token) == []

    def test_an_image_of_another_architecture_is_refused(self, cloud, scope, request_):
        for image in cloud.images.list(scope):
            if image.active and image.architecture == "arm64":
                with pytest.raises(FlavorNotSupported):
                    cloud.compute.create(scope, replace(request_, image_id=image.id), 1)
                return
        pytest.skip("the cloud has no arm64 image")

    def test_projects_do_not_see_each_other(self, cloud, scope, other_scope, make):
        (server,) = make()
        assert server.id not in {s.id for s in cloud.compute.list(other_scope)}
        assert server.id not in {s.id for s in cloud.compute.list_changed(other_scope, server.created_at)}
        for call in ("get", "delete", "stop", "reboot", "suspend", "rebuild"):
            with pytest.raises(ServerNotFound):
                getattr(cloud.compute, call)(other_scope, server.id)
        assert cloud.compute.get(scope, server.id).status is ServerStatus.ACTIVE
