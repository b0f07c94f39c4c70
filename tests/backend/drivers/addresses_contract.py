"""What every driver of a cloud with public addresses and made interfaces must hold, told through the ports alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from uuid import uuid4

import pytest

from backend.drivers.address_making import NewInterface, Port, PublicAddress
from backend.drivers.errors import (
    AddressTaken,
    Busy,
    InterfaceInUse,
    InterfaceNotFound,
    Refused,
    ServerNotFound,
)
from backend.drivers.network_making import ExtraRoute, HeldAddress, MadeSubnet, NewSubnet
from tests.backend.drivers.on_a_cloud import NOWHERE, OnACloud


@dataclass(frozen=True)
class Place:
    """A subnet of a VPC that leads out."""

    vpc: str
    subnet: MadeSubnet


class AddressesContract(OnACloud):
    """The fixtures are those of the class above."""

    @pytest.fixture
    def place(self, cloud, scope, request_, until) -> Iterator[Place]:
        making = cloud.network_making
        vpc = making.make_vpc(scope, str(uuid4()))
        subnet = making.make_subnet(scope, str(uuid4()), NewSubnet(vpc, "10.97.0.0/24", request_.zone))
        making.join_subnet(scope, vpc, subnet)
        making.lead_out(scope, vpc, outside=True)
        yield Place(vpc, subnet)

        def ended() -> bool:
            with suppress(Busy):
                making.delete_subnet(scope, vpc, subnet)
                making.lead_out(scope, vpc, outside=False)
                making.delete_vpc(scope, vpc)
                return True
            return False

        until(ended)

    @pytest.fixture
    def address(self, cloud, scope) -> Iterator[tuple[str, PublicAddress]]:
        token = str(uuid4())
        made = cloud.addresses.allocate_address(scope, token)
        yield token, made
        cloud.addresses.release_address(scope, made.id)

    def test_an_address_is_found_by_its_token_alone_until_it_is_released(self, cloud, scope, other_scope, address):
        token, made = address
        assert ip_address(made.address)
        assert cloud.addresses.find_address(scope, token) == made
        assert cloud.addresses.find_address(scope, str(uuid4())) is None
        assert cloud.addresses.find_address(other_scope, token) is None
        for _ in range(2):
            cloud.addresses.release_address(scope, made.id)
        assert cloud.addresses.find_address(scope, token) is None

    def test_an_address_leads_to_a_server_and_to_nothing(self, cloud, scope, place, make, address):
        _, made = address
        (server,) = make(subnet_id=place.subnet.id)
        for _ in range(2):
            cloud.addresses.bind_address(scope, made.id, server_id=server.id)
        for _ in range(2):
            cloud.addresses.unbind_address(scope, made.id)
        with pytest.raises(ServerNotFound):
            cloud.addresses.bind_address(scope, made.id, server_id=NOWHERE)

    @pytest.fixture
    def interface(self, cloud, scope, place) -> Iterator[tuple[str, Port]]:
        token = str(uuid4())
        made = cloud.interfaces.create_interface(scope, token, NewInterface(place.subnet.id, "10.97.0.77"))
        yield token, made
        cloud.interfaces.delete_interface(scope, made.id)

    def test_an_interface_is_found_by_its_token_and_has_what_it_asked_for(
        self, cloud, scope, other_scope, place, interface, address
    ):
        token, made = interface
        assert made.address == "10.97.0.77"
        assert cloud.interfaces.create_interface(scope, token, NewInterface(place.subnet.id)) == made
        assert cloud.interfaces.find_interface(scope, token) == made.id
        assert cloud.interfaces.find_interface(other_scope, token) is None
        with pytest.raises(AddressTaken):
            cloud.interfaces.create_interface(scope, str(uuid4()), NewInterface(place.subnet.id, made.address))
        cloud.addresses.bind_address(scope, address[1].id, interface_id=made.id)
        cloud.interfaces.change_interface(scope, made.id, source_dest_check=False)
        assert cloud.network_making.occupied(scope, [place.subnet.id])
        with pytest.raises(Busy):
            cloud.network_making.delete_subnet(scope, place.vpc, place.subnet)

    def test_a_server_is_made_on_an_interface_which_stays_when_it_goes(
        self, cloud, scope, place, make, until, interface
    ):
        _, made = interface
        on_it = {"subnet_id": place.subnet.id, "interface_id": made.id, "launch_id": None, "public_address": False}
        assert cloud.interfaces.holder(scope, made.id) is None
        for _ in range(2):
            (server,) = make(**on_it)
            assert (server.private_address, server.mac_address) == (made.address, made.mac)
            assert server.subnet_id == place.subnet.id
            assert cloud.interfaces.holder(scope, made.id) == server.id
            with pytest.raises(InterfaceInUse):
                make(**on_it)
            cloud.compute.delete(scope, server.id)
            until(lambda: self.gone(cloud, scope, server.id))  # noqa: B023 - asked at once
            until(lambda: cloud.interfaces.holder(scope, made.id) is None)
        with pytest.raises(InterfaceNotFound):
            make(**on_it | {"interface_id": NOWHERE})

    def test_an_interface_is_a_servers_until_it_is_taken_away_and_free_at_once_then(
        self, cloud, scope, place, make, interface
    ):
        _, made = interface
        (server,) = make(subnet_id=place.subnet.id)
        cloud.interfaces.attach_interface(scope, made.id, server.id)
        cloud.interfaces.detach_interface(scope, made.id, server.id)
        cloud.interfaces.attach_interface(scope, made.id, server.id)
        for _ in range(2):
            cloud.interfaces.detach_interface(scope, made.id, server.id)
        for _ in range(2):
            cloud.interfaces.delete_interface(scope, made.id)
        with pytest.raises((ServerNotFound, Refused)):
            cloud.interfaces.attach_interface(scope, made.id, NOWHERE)

    def test_who_has_the_addresses_of_a_subnet_is_told(self, cloud, scope, place, make, until, interface):
        _, made = interface
        (server,) = make(subnet_id=place.subnet.id)

        def held() -> dict[str, HeldAddress]:
            return {each.address: each for each in cloud.network_making.held_addresses(scope, [place.subnet])}

        assert held()[made.address] == HeldAddress(made.address, made.id, "")
        assert held()[server.private_address].server == server.id
        cloud.interfaces.attach_interface(scope, made.id, server.id)
        until(lambda: held()[made.address].server == server.id)
        cloud.interfaces.detach_interface(scope, made.id, server.id)
        cloud.compute.delete(scope, server.id)
        until(lambda: server.private_address not in held())
        assert held()[made.address].server == ""

    def test_extra_routes_keep_a_subnet_joined_until_they_are_taken_away(self, cloud, scope, other_scope, place):
        making = cloud.network_making
        first = ExtraRoute("192.168.0.0/16", "10.97.0.77")
        second = ExtraRoute("172.16.0.0/12", "10.97.0.78")
        assert making.extra_routes(scope, place.vpc) == frozenset()
        for _ in range(2):
            making.add_extra_routes(scope, place.vpc, [first])
        making.add_extra_routes(scope, place.vpc, [second])
        assert making.extra_routes(scope, place.vpc) == {first, second}
        assert making.extra_routes(other_scope, place.vpc) == frozenset()
        with pytest.raises(Refused):
            making.add_extra_routes(scope, place.vpc, [ExtraRoute("192.0.2.0/24", "198.51.100.1")])
        for _ in range(2):
            making.remove_extra_routes(scope, place.vpc, [first])
        assert making.extra_routes(scope, place.vpc) == {second}
        with pytest.raises(Busy):
            making.delete_subnet(scope, place.vpc, place.subnet)
        making.remove_extra_routes(scope, place.vpc, [first, second])
        assert making.extra_routes(scope, place.vpc) == frozenset()
