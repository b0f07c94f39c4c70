"""Rows of networks on every database: values come back as they were, and two who write one VPC wait for each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy.exc import IntegrityError

from backend.domain.networks import (
    ALLOW_ALL,
    AclAssociation,
    DhcpOptions,
    Hop,
    InternetGateway,
    Making,
    NetworkAcl,
    Progress,
    Route,
    RouteAssociation,
    RouteTable,
    Subnet,
    Vpc,
)
from backend.store import networks as rows
from backend.store.leased import Claimer, Room
from backend.store.session import Connection, Store
from tests.factories import NOW, OTHER, SCOPE, uuid_of

VPC = Vpc(
    *("0123456789abcdef0", uuid_of("v"), "10.0.0.0/16", "a1", Progress.AVAILABLE, NOW, {"b2": "10.1.0.0/16"}),
    routed={"192.168.0.0/16": "10.0.0.9"},
)
ROUTES = (
    Route("0.0.0.0/0", "gateway", "g1"),
    Route("192.168.0.0/16", "interface", "e1", Hop("10.0.0.9", interface=uuid_of("e"))),
    Route("172.16.0.0/12", "interface", "e2", Hop("10.0.0.10", server=uuid_of("i"))),
)
SUBNET = Subnet("s1", uuid_of("s"), uuid_of("n"), VPC.id, "10.0.0.0/24", "az", Progress.PENDING, NOW, dns=("10.0.0.2",))


@pytest.fixture
def vpc(store: Store) -> Vpc:
    store.transact(lambda conn: rows.add(conn, SCOPE, VPC))
    return VPC


def test_values_come_back_as_they_were(store: Store, vpc: Vpc) -> None:
    kept = (
        (rows.SUBNETS, SUBNET),
        (rows.GATEWAYS, InternetGateway("g1", VPC.id, NOW)),
        (rows.ROUTE_TABLES, RouteTable("t1", VPC.id, NOW, {each.cidr: each.words for each in ROUTES})),
        (rows.ROUTE_ASSOCIATIONS, RouteAssociation("ra1", VPC.id, "t1", "")),
        (rows.ACLS, NetworkAcl("l1", VPC.id, True, NOW, ALLOW_ALL)),
        (rows.ACL_ASSOCIATIONS, AclAssociation("aa1", VPC.id, "l1", "s1")),
        (rows.DHCP_OPTIONS, DhcpOptions("d1", {"domain-name": ["example.org"]}, NOW)),
    )
    for records, value in kept:
        store.transact(lambda conn, records=records, value=value: records.add(conn, SCOPE, value))
    with store.read() as conn:
        for records, value in ((rows.VPCS, vpc), *kept):
            assert records.all(conn, SCOPE) == [value]  # type: ignore[attr-defined]
            assert records.all(conn, OTHER) == []  # type: ignore[attr-defined]
        assert rows.VPCS.count(conn, SCOPE, gateway=False, state=rows.STANDING) == 1
        (table,) = rows.ROUTE_TABLES.all(conn, SCOPE)
        assert table.listed() == list(ROUTES)
        assert rows.hops(conn, SCOPE, VPC.id) == {each.cidr: each.hop for each in ROUTES if each.hop}
        assert rows.hops(conn, OTHER, VPC.id) == {}
    store.transact(lambda conn: rows.end(conn, SCOPE, vpc.id, NOW))
    with store.read() as conn:
        left = [records.count(conn, SCOPE) for records, _ in kept]  # type: ignore[attr-defined]
    assert left == [1, 1, 0, 0, 0, 0, 1]


def test_a_vpc_has_one_gateway_and_one_main_table(store: Store, vpc: Vpc) -> None:
    store.transact(lambda conn: rows.GATEWAYS.add(conn, SCOPE, InternetGateway("g1", vpc.id, NOW)))
    store.transact(lambda conn: rows.GATEWAYS.add(conn, SCOPE, *(InternetGateway(f"n{n}", None, NOW) for n in "12")))
    with pytest.raises(IntegrityError):
        store.transact(lambda conn: rows.GATEWAYS.add(conn, SCOPE, InternetGateway("g2", vpc.id, NOW)))
    store.transact(lambda conn: rows.ROUTE_ASSOCIATIONS.add(conn, SCOPE, RouteAssociation("1", vpc.id, "t", "")))
    with pytest.raises(IntegrityError):
        store.transact(lambda conn: rows.ROUTE_ASSOCIATIONS.add(conn, SCOPE, RouteAssociation("2", vpc.id, "t", "")))


def test_who_writes_what_is_in_a_vpc_waits_for_the_others(store: Store, vpc: Vpc) -> None:
    """Each reads, and adds a block to what it read: none is lost."""
    together = Barrier(4)

    def add(number: int) -> None:
        def work(conn: Connection) -> None:
            here = rows.lock(conn, SCOPE, vpc.id)
            assert here is not None
            rows.VPCS.change(conn, SCOPE, vpc.id, further={**here.further, f"n{number}": f"10.2{number}.0.0/16"})

        together.wait(10)
        store.transact(work)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with store.read() as conn:
        (told,) = rows.VPCS.all(conn, SCOPE)
    assert len(told.further) == 5


def test_what_an_engine_took_up_gets_no_row(store: Store) -> None:
    room, claimer = Room(5, ()), Claimer("one", timedelta(seconds=60))
    for token in "ab":
        making = Making(token, "vpc", NOW)
        store.transact(lambda conn, making=making: rows.begin(conn, SCOPE, making, NOW + timedelta(minutes=10)))
    assert rows.LEASED_MAKINGS.claim(store, claimer, NOW, room) == []
    assert store.transact(lambda conn: rows.made(conn, SCOPE, "a"))
    assert not store.transact(lambda conn: rows.made(conn, OTHER, "b"))
    store.transact(lambda conn: rows.abandon(conn, "b", NOW))
    (lease,) = rows.LEASED_MAKINGS.claim(store, claimer, NOW, room)
    assert (lease.token, lease.kind) == ("b", "vpc")
    assert not store.transact(lambda conn: rows.made(conn, SCOPE, "b"))


def test_of_two_vpcs_one_gets_a_gateway(store: Store) -> None:
    vpcs = [replace(VPC, id=f"v{number}") for number in range(4)]
    for each in vpcs:
        store.transact(lambda conn, each=each: rows.add(conn, SCOPE, each))
    store.transact(lambda conn: rows.GATEWAYS.add(conn, SCOPE, InternetGateway("g1", None, NOW)))
    together = Barrier(4)

    def attach(vpc: Vpc) -> bool:
        def work(conn: Connection) -> bool:
            rows.lock(conn, SCOPE, vpc.id)
            there = rows.GATEWAYS.one(conn, SCOPE, id="g1", vpc_id=None)
            return there is not None and rows.attach(conn, SCOPE, "g1", vpc.id, NOW)

        together.wait(10)
        return store.transact(work)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attach, vpcs)) == [False, False, False, True]
    assert not store.transact(lambda conn: rows.GATEWAYS.remove(conn, SCOPE, id="g1", vpc_id=None))
    assert not store.transact(lambda conn: rows.attach(conn, OTHER, "g1", "v0", NOW))
