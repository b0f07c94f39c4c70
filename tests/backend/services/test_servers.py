from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from backend import errors
from backend.domain import launch_findings, server_findings
from backend.domain.activity import ActivityStatus
from backend.domain.node import GROUP_TAG, ServerStatus
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.drivers.catalog import Catalog
from backend.drivers.compute import Server
from backend.drivers.errors import NoAddresses, NoCapacity, NotAuthorized, PartlyMade, QuotaExceeded, Refused
from backend.drivers.simulated.faults import Where
from backend.services.attachments import Attachments
from backend.services.servers import Order, Servers
from backend.store import journal
from tests.factories import OTHER, SCOPE, World, activity


@pytest.fixture
def servers(world: World) -> Servers:
    return world.backend.servers


@pytest.fixture
def spec(world: World) -> ServerSpec:
    return ServerSpec(image=world.image(), instance_type="t3.micro", tags={"Name": "web"})


def test_servers_carry_no_clusters_token(servers: Servers, spec: ServerSpec, world: World) -> None:
    made = servers.run(SCOPE, Order(spec, 2, 2))
    assert {server.launch_id for server in made} == {None}
    assert {server.id for server in servers.list(SCOPE)} == {server.id for server in made}
    assert servers.list(OTHER) == []


def test_unsupported_members_are_refused_by_name(servers: Servers, world: World) -> None:
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", unsupported=("Placement.Tenancy", "KernelId"))
    for act in (lambda: servers.run(SCOPE, Order(spec)), lambda: servers.check(SCOPE, spec)):
        with pytest.raises(launch_findings.LaunchUnsupported) as refused:
            act()
        assert refused.value.member == "Placement.Tenancy"


def test_zones_are_tried_in_turn_for_room_alone(servers: Servers, spec: ServerSpec, world: World) -> None:
    faults = world.simulated.faults
    faults.refuse(NoAddresses("full"), Where(zone="us-east-1a"))
    faults.refuse(NoCapacity("full"), Where(zone="us-east-1b"))
    assert servers.run(SCOPE, Order(spec))[0].zone == "us-east-1c"
    faults.refuse(NoCapacity("full"), Where(zone="us-east-1c"))
    with pytest.raises(launch_findings.NoCapacity):
        servers.run(SCOPE, Order(spec))
    faults.lift()
    faults.refuse(Refused("no"), Where(zone="us-east-1a"), times=1)
    with pytest.raises(errors.CloudRefused):
        servers.run(SCOPE, Order(spec))


def test_deleted_servers_are_told_of_for_an_hour(servers: Servers, spec: ServerSpec, world: World) -> None:
    made = servers.run(SCOPE, Order(spec))
    moved = servers.terminate(SCOPE, made)
    assert moved[0].now is ServerStatus.DELETING
    world.clock.move(60)
    assert [server.status for server in servers.list(SCOPE)] == [ServerStatus.DELETED]
    world.clock.move(3600)
    assert servers.list(SCOPE) == []


def test_a_deleted_server_that_the_cloud_tells_without_tags_is_still_its_clusters(
    servers: Servers, spec: ServerSpec, world: World
) -> None:
    one, other = servers.run(SCOPE, Order(spec, 2, 2))
    ended = {"status": ActivityStatus.SUCCESSFUL, "progress": 100, "ended_at": world.clock.now()}
    told = activity(world.group(), "t", server_id=one.id, started_at=world.clock.now(), **ended)
    world.store.transact(lambda conn: journal.begin(conn, [told]))
    assert {server.tags.get(GROUP_TAG) for server in servers.list(SCOPE)} == {None}
    servers.terminate(SCOPE, [one, other])
    world.clock.move(60)
    tags = {server.id: server.tags for server in servers.list(SCOPE)}
    assert tags == {one.id: {"Name": "web", GROUP_TAG: "web"}, other.id: {"Name": "web"}}


def test_what_vanished_meanwhile_is_terminated(servers: Servers, spec: ServerSpec, world: World) -> None:
    made = servers.run(SCOPE, Order(spec))
    world.simulated.operator.vanish(made[0].id)
    assert servers.terminate(SCOPE, made)[0].now is ServerStatus.DELETED
    with pytest.raises(server_findings.ServerUnknown):
        servers.stop(SCOPE, made)


def test_a_delegation_that_died_is_told(servers: Servers, spec: ServerSpec, world: World) -> None:
    world.simulated.faults.refuse(NotAuthorized("trust gone"))
    with pytest.raises(errors.NotPermitted):
        servers.run(SCOPE, Order(spec, token=ClientToken("R", "t", "f")))


def test_a_zone_that_is_none(servers: Servers, world: World) -> None:
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1q")
    with pytest.raises(launch_findings.ZoneNotFound):
        servers.check(SCOPE, spec)


def test_a_subnet_elsewhere(servers: Servers, world: World) -> None:
    subnets = world.backend.catalog.subnets(SCOPE)
    there = next(subnet for subnet in subnets if subnet.zone == "us-east-1b")
    spec = ServerSpec(image=world.image(), instance_type="t3.micro", zone="us-east-1a", subnet=there.short_id)
    with pytest.raises(launch_findings.ZonesMismatch):
        servers.check(SCOPE, spec)


def test_tags_by_key_value_and_limit(servers: Servers, spec: ServerSpec) -> None:
    made = servers.run(SCOPE, Order(spec))
    servers.tag(SCOPE, made, {"a": "1", "b": "2"})
    servers.untag(SCOPE, servers.list(SCOPE), {"a": "other", "b": None, "nil": None})
    now = servers.list(SCOPE)
    assert now[0].tags == {"Name": "web", "a": "1"}
    with pytest.raises(errors.LimitExceeded):
        servers.tag(SCOPE, now, {f"k{number}": "" for number in range(49)})
    assert servers.list(SCOPE)[0].tags == {"Name": "web", "a": "1"}


@dataclass
class Counted:
    """A compute port that notes which calls were made, and runs what a test wants between two of them."""

    compute: Any
    calls: list[str] = field(default_factory=list)
    before_create: Callable[[], object] = lambda: None
    after_create: Callable[[], object] = lambda: None
    before_zones: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self.compute, name)

    def zones(self, scope: Scope) -> Any:
        self.before_zones()
        return self.compute.zones(scope)

    def create(self, *arguments: Any) -> Any:
        self.before_create()
        made = self.compute.create(*arguments)
        self.after_create()
        return made


@pytest.fixture
def counted(world: World) -> Counted:
    return Counted(world.simulated.cloud.compute)


@pytest.fixture
def other(world: World, counted: Counted) -> Servers:
    """The servers as another gateway process sees them."""
    cloud = replace(world.simulated.cloud, compute=cast("Any", counted))
    attachments = Attachments(world.store, cloud, world.clock)
    return Servers(world.store, cloud, Catalog(cloud, world.clock), world.clock, attachments)


def test_servers_of_nodes_are_asked_for_alone_and_others_listed_once(
    world: World, other: Servers, counted: Counted, spec: ServerSpec
) -> None:
    owned, free = other.run(SCOPE, Order(spec, 2, 2))
    world.put(world.group(), "n", server_id=owned.id)
    counted.calls.clear()
    assert [*other.find(SCOPE, [owned.short_id])] == [owned.short_id]
    assert counted.calls == ["get"]
    counted.calls.clear()
    assert {*other.find(SCOPE, [owned.short_id, free.short_id])} == {owned.short_id, free.short_id}
    assert counted.calls == ["get", "list"]
    other.terminate(SCOPE, [owned])
    world.clock.move(60)
    counted.calls.clear()
    assert other.find(SCOPE, [owned.short_id])[owned.short_id].status is ServerStatus.DELETED
    assert counted.calls == ["get", "list_changed"]
    counted.calls.clear()
    assert other.find(SCOPE, ["0" * 17]) == {}
    assert counted.calls == ["list", "list_changed"]
    assert other.find(OTHER, [owned.short_id, free.short_id]) == {}


TOKEN = ClientToken("RunInstances", "again", "f")


def test_a_repeat_while_the_first_is_at_work_makes_nothing_however_long_that_takes(
    world: World, servers: Servers, other: Servers, counted: Counted, spec: ServerSpec
) -> None:
    """The first is late before it asks the cloud: what it finds then is that another has taken its token over."""
    order = Order(replace(spec, zone="us-east-1a"), 2, 2, token=TOKEN)
    answers: list[Sequence[Server]] = []

    def late() -> None:
        if answers:
            return
        for seconds in (31, 60):
            world.clock.move(seconds)
            with pytest.raises(errors.StaleRead):
                servers.run(SCOPE, order)
        world.clock.move(60)
        answers.append(servers.run(SCOPE, order))

    counted.before_zones = late
    with pytest.raises(errors.StaleRead):
        other.run(SCOPE, order)
    assert len(servers.list(SCOPE)) == 2
    assert {each.id for each in servers.run(SCOPE, order)} == {each.id for each in answers[0]}


def test_a_repeat_after_the_servers_are_there_answers_them_though_the_first_never_did(
    world: World, servers: Servers, other: Servers, counted: Counted, spec: ServerSpec
) -> None:
    order = Order(spec, 2, 2, token=TOKEN)
    answers: list[Sequence[Server]] = []
    counted.after_create = lambda: answers.append(servers.run(SCOPE, order))
    assert {each.id for each in other.run(SCOPE, order)} == {each.id for each in answers[0]}
    assert len(servers.list(SCOPE)) == 2


def test_what_came_too_late_for_its_token_is_taken_back(
    world: World, servers: Servers, other: Servers, counted: Counted, spec: ServerSpec
) -> None:
    order = Order(spec, 1, 1, token=TOKEN)
    answers: list[Sequence[Server]] = []

    def hang() -> None:
        world.clock.move(121)
        answers.append(servers.run(SCOPE, order))

    counted.before_create = hang
    assert {each.id for each in other.run(SCOPE, order)} == {each.id for each in answers[0]}
    world.clock.move(60)
    alive = [each for each in servers.list(SCOPE) if each.status is not ServerStatus.DELETED]
    assert [each.id for each in alive] == [answers[0][0].id]


@pytest.mark.parametrize(("minimum", "kept"), [(1, 2), (2, 2), (3, 0)])
def test_a_part_that_is_enough_stays_and_one_that_is_not_is_taken_back(
    world: World, other: Servers, counted: Counted, spec: ServerSpec, minimum: int, kept: int
) -> None:
    real = counted.compute.create
    counted.create = lambda scope, request, count: part(real(scope, request, 2))  # type: ignore[method-assign]

    def part(made: Sequence[Server]) -> Sequence[Server]:
        raise PartlyMade(made, QuotaExceeded("instances", 3, 2))

    order = Order(spec, minimum, 3)
    if kept:
        assert len(other.run(SCOPE, order)) == kept
    else:
        with pytest.raises(errors.QuotaExceeded):
            other.run(SCOPE, order)
    world.clock.move(60)
    alive = [each for each in other.list(SCOPE) if each.status is not ServerStatus.DELETED]
    assert len(alive) == kept
