"""Balancers brought to what the rows say, whatever the cloud does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from backend import errors
from backend.domain import balancer_findings
from backend.domain.balancers import BalancerKind, BalancerState, LoadBalancer, TargetGroup, target_id
from backend.domain.ids import balancing_id
from backend.drivers.balancer_making import PartKind, Present
from backend.drivers.balancer_plans import balancer_plan
from backend.drivers.balancing import Target
from backend.drivers.errors import Busy, OutcomeUnknown, Refused
from backend.drivers.housing import housed
from backend.drivers.openstack import octavia
from backend.drivers.simulated import SimulatedSettings
from backend.drivers.simulated.balancers import SimulatedBalancers
from backend.drivers.simulated.faults import Where
from backend.engine.lanes import InlineCalls
from backend.services.balancers import NewBalancer
from backend.services.classic import Front
from backend.services.listeners import NewListener
from backend.services.target_groups import NewGroup
from backend.store.balancers import BALANCERS, TARGETS
from backend.store.homes import StoredHomes
from tests.backend.engine.world import EngineWorld
from tests.factories import SCOPE

CHECK = {
    "enabled": True,
    "protocol": "HTTP",
    "port": "traffic-port",
    "path": "/",
    "codes": "200",
    "interval": 30,
    "timeout": 5,
    "healthy": 5,
    "unhealthy": 2,
}


@pytest.fixture
def world() -> Iterator[EngineWorld]:
    made = EngineWorld()
    yield made
    made.close()


def make(world: EngineWorld, name: str = "web") -> LoadBalancer:
    subnets = world.simulated.cloud.network.subnets(SCOPE)[:2]
    wanted = NewBalancer(name, BalancerKind.APPLICATION, "internal", subnets)
    return world.backend.balancers.create(SCOPE, wanted)


def group(world: EngineWorld, name: str = "blue") -> TargetGroup:
    network = world.simulated.cloud.network.networks(SCOPE)[0]
    return world.backend.target_groups.create(SCOPE, NewGroup(name, "HTTP", 80, network.id, "ip", CHECK))


def instances(world: EngineWorld) -> TargetGroup:
    network = world.simulated.cloud.network.networks(SCOPE)[0]
    return world.backend.target_groups.create(SCOPE, NewGroup("blue", "HTTP", 80, network.id, "instance", CHECK))


def listen(world: EngineWorld, balancer: LoadBalancer, target: TargetGroup, port: int = 80) -> None:
    actions = ({"type": "forward", "groups": [[target.id, 1]]},)
    world.backend.listeners.create(SCOPE, balancer.id, NewListener("HTTP", port, actions))


def seen(world: EngineWorld, balancer: LoadBalancer) -> LoadBalancer:
    return world.backend.balancers.get(SCOPE, balancer.id)


def trees(world: EngineWorld) -> list[str]:
    with world.simulated._state.reading() as connection:
        return [key for (key,) in connection.execute("SELECT key FROM balancers")]


def test_a_refusal_leaves_nothing(world):
    world.simulated.faults.refuse(Refused("no room"), Where(calls=("create_balancer",)), times=1)
    with pytest.raises(errors.Finding):
        make(world)
    assert world.backend.balancers.all(SCOPE) == []
    assert make(world).name == "web"


@pytest.mark.parametrize("fault", ["lose_answer", "lose_request"])
def test_what_a_lost_answer_made_is_found(world, fault):
    getattr(world.simulated.faults, fault)(Where(calls=("create_balancer",)))
    made = make(world)
    assert made.cloud_id is None
    world.pass_time(2)
    assert (seen(world, made).state, len(trees(world))) == (BalancerState.ACTIVE, 1)


def test_a_request_that_died_is_finished(world):
    """The row is there, and nobody asked the cloud."""
    world.simulated.faults.unavailable(Where(calls=("create_balancer",)), times=1)
    with pytest.raises(errors.CloudNotReached):
        make(world)
    assert world.backend.balancers.all(SCOPE) == []
    world.pass_time(1)
    assert trees(world) == []


@pytest.mark.parametrize("call", ["put_part", "tree"])
@pytest.mark.parametrize("fault", ["lose_answer", "lose_request", "unavailable"])
def test_a_tree_grows_through_faults(world, call, fault):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    getattr(world.simulated.faults, fault)(Where(calls=(call,)), times=2)
    world.pass_time(150)
    assert seen(world, balancer).state is BalancerState.ACTIVE
    (pool,) = world.simulated.pools.all()
    assert world.backend.target_groups.get(SCOPE, target.id).pool_id == pool.id


def test_a_refused_part_is_asked_for_again(world):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    world.simulated.faults.refuse(Refused("no room"), Where(calls=("put_part",)), times=1)
    world.pass_time(2)
    found = seen(world, balancer)
    assert (found.state, found.reason) == (BalancerState.FAILED, "no room")
    world.pass_time(65, step=5)
    found = seen(world, balancer)
    assert (found.state, found.reason) == (BalancerState.ACTIVE, "")


def test_what_somebody_took_away_is_made_again(world):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    world.pass_time(2)
    first = seen(world, balancer).cloud_id
    world.simulated.cloud.balancer_making.delete(SCOPE, first)
    world.pass_time(700, step=5)
    again = seen(world, balancer)
    assert (again.state, again.cloud_id != first) == (BalancerState.ACTIVE, True)
    (pool,) = world.simulated.pools.all()
    assert world.backend.target_groups.get(SCOPE, target.id).pool_id == pool.id


def test_a_group_moves_to_another_balancer(world):
    first, target = make(world), group(world)
    listen(world, first, target)
    world.pass_time(2)
    world.backend.balancers.delete(SCOPE, first.id)
    second = make(world)
    listen(world, second, target)
    world.pass_time(4)
    (pool,) = world.simulated.pools.all()
    found = world.backend.target_groups.get(SCOPE, target.id)
    assert (found.balancer_id, found.pool_id, pool.balancer) == (second.id, pool.id, seen(world, second).cloud_id)


def test_a_balancer_that_was_never_seen_made_goes_all_the_same(world):
    world.simulated.faults.lose_answer(Where(calls=("create_balancer",)))
    made = make(world)
    world.backend.balancers.delete(SCOPE, made.id)
    world.pass_time(3)
    assert trees(world) == []
    with world.store.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM load_balancers").scalar_one() == 0


def test_another_engine_goes_on(world):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    other = world.new_engine("two", InlineCalls())
    for _ in range(6):
        other.tick(world.clock.now())
        world.engine.tick(world.clock.now())
        world.clock.move(0.5)
    assert seen(world, balancer).state is BalancerState.ACTIVE
    assert len(world.simulated.pools.all()) == 1


def test_pools_of_ours_are_no_ones_to_adopt(world):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    world.pass_time(2)
    (pool,) = world.simulated.pools.all()
    assert world.backend.traffic.pools(SCOPE) == []
    with pytest.raises(balancer_findings.PoolNotFound):
        world.backend.traffic.targets(SCOPE, balancing_id(pool.id))


def members(world: EngineWorld) -> list[tuple[str, int, int | None]]:
    """Of the one pool: address, weight, and where health is asked for."""
    (pool,) = world.simulated.pools.all()
    return [(each.address, each.weight, each.monitor_port) for each in world.simulated.pools.members(pool.id)]


def test_health_is_asked_for_at_the_port_of_the_group(world):
    """Of targets and of nodes, and at their own port where that is asked for again."""
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    groups = world.backend.target_groups
    groups.change(SCOPE, target.id, health_check={**CHECK, "port": "9000"})
    groups.register(SCOPE, target.id, [("10.9.0.5", None)])
    world.pass_time(2)
    housing = housed(world.simulated.cloud, StoredHomes(world.store)).balancing
    housing.add_members(SCOPE, target.id, [Target("node", "10.9.0.6", 80)])
    housing.drain_members(SCOPE, target.id, [Target("node", "10.9.0.6", 80)])
    assert members(world) == [("10.9.0.5", 1, 9000), ("10.9.0.6", 0, 9000)]
    groups.change(SCOPE, target.id, health_check={**CHECK, "port": "9001"})
    world.pass_time(2)
    assert members(world) == [("10.9.0.5", 1, 9001), ("10.9.0.6", 0, 9001)]
    groups.change(SCOPE, target.id, health_check=CHECK)
    world.pass_time(2)
    assert members(world) == [("10.9.0.5", 1, 80), ("10.9.0.6", 0, 80)]


@pytest.fixture
def busy() -> Iterator[EngineWorld]:
    """A world whose targets take their time to drain."""
    made = EngineWorld(settings=SimulatedSettings(seed=7, open_connections=True))
    yield made
    made.close()


def test_a_new_target_has_the_address_of_one_that_drains(busy):
    world = busy
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    groups = world.backend.target_groups
    groups.register(SCOPE, target.id, [("10.9.0.5", None), ("10.9.0.6", None)])
    world.pass_time(2)
    groups.deregister(SCOPE, target.id, [("10.9.0.5", None)])
    # As instances are: two names, one after the other at one address.
    new = target_id(target.id, "10.9.0.6", 80)
    world.store.transact(lambda conn: TARGETS.change(conn, SCOPE, new, address="10.9.0.5"))
    for _ in range(4):
        world.pass_time(100, step=5)
        assert ("10.9.0.5", 1, None) in members(world)
    with world.store.read() as conn:
        assert [each.name for each in TARGETS.all(conn, SCOPE)] == ["10.9.0.6"]


def test_a_refused_part_holds_up_no_targets(world):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    world.pass_time(2)
    world.simulated.faults.refuse(Refused("no room"), Where(calls=("put_part",)))
    listen(world, balancer, group(world, "green"), 81)
    world.backend.target_groups.register(SCOPE, target.id, [("10.9.0.5", None)])
    world.pass_time(70, step=5)
    assert members(world) == [("10.9.0.5", 1, None)]
    found = seen(world, balancer)
    assert (found.state, found.reason) == (BalancerState.ACTIVE, "no room")


def counted(monkeypatch, world, call):
    """The moments at which the cloud was asked for it."""
    making = type(world.simulated.cloud.balancer_making)
    usual, moments = getattr(making, call), []

    def asked(self, *arguments):
        moments.append(world.clock.now())
        return usual(self, *arguments)

    monkeypatch.setattr(making, call, asked)
    return moments


def test_a_tree_that_is_busy_for_long_is_looked_at_less_and_less(monkeypatch):
    world = EngineWorld(settings=SimulatedSettings(seed=7, balancer_seconds=300))
    looks = counted(monkeypatch, world, "tree")
    make(world)
    world.pass_time(290)
    pauses = [(late - soon).total_seconds() for soon, late in pairwise(looks)]
    assert pauses[0] < 3
    assert max(pauses) == pytest.approx(world.engine_settings.balancer_slow.total_seconds(), abs=2)
    assert len(looks) < 30
    world.close()


def test_a_part_that_the_cloud_refuses_for_long_is_asked_for_less_and_less(world, monkeypatch):
    balancer, target = make(world), group(world)
    world.pass_time(2)
    held = world.simulated.faults.refuse(Refused("no room"), Where(calls=("put_part",)))
    asked = counted(monkeypatch, world, "put")
    listen(world, balancer, target)
    world.pass_time(3600, step=5)
    assert 6 < len(asked) < 12
    world.simulated.faults.lift(held)
    world.backend.target_groups.register(SCOPE, target.id, [("10.9.0.5", None)])  # has it looked at at once
    world.pass_time(2)
    assert members(world) == [("10.9.0.5", 1, None)]


@pytest.mark.parametrize("kind", [PartKind.SECRET, PartKind.POOL])
def test_what_the_cloud_keeps_of_what_nobody_wishes_for_makes_no_balancer_look_failed(world, monkeypatch, kind):
    balancer, target = make(world), group(world)
    listen(world, balancer, target)
    making = type(world.simulated.cloud.balancer_making)
    tree, left, asked, keeps = (
        making.tree,
        [Present(kind, "b.1", "b-1", ""), Present(kind, "b.2", "b-2", "")],
        [],
        ["b-1"],
    )

    def with_them(self, scope, balancer_id):
        found = tree(self, scope, balancer_id)
        return None if found is None else replace(found, parts=(*found.parts, *left))

    def removed(self, scope, tree, present):
        asked.append(present.id)
        if present.id in keeps:
            raise Refused("ACL")
        left.remove(present)

    monkeypatch.setattr(making, "tree", with_them)
    monkeypatch.setattr(making, "remove", removed)
    world.pass_time(2)
    found = seen(world, balancer)
    assert (found.state, found.reason) == (BalancerState.ACTIVE, "")
    assert asked == ["b-1", "b-2"]  # one that stays keeps no other
    assert {each.kind for each in tree(world.simulated.cloud.balancer_making, SCOPE, found.cloud_id).parts} == {
        PartKind.POOL,
        PartKind.LISTENER,
    }
    world.pass_time(3600, step=5)
    assert 6 < asked.count("b-1") < 12
    keeps.clear()
    world.pass_time(700, step=5)
    assert left == []


def second(world, monkeypatch, balancer) -> str:
    """What a request made whose answer was lost, and which arrived when nobody looked for it any more."""
    making = world.simulated.cloud.balancer_making
    with monkeypatch.context() as late:
        late.setattr(type(making), "_made", lambda *_: None)
        made = making.create(SCOPE, balancer_plan(balancer)).id
    assert made != seen(world, balancer).cloud_id
    return made


def test_what_was_made_twice_stays_once(world, monkeypatch):
    balancer, other = make(world), make(world, "other")
    world.pass_time(2)
    twin = second(world, monkeypatch, balancer)
    making = world.simulated.cloud.balancer_making
    stranger = replace(seen(world, other), id=balancer.id)
    kept = SimulatedBalancers(making._world, making._pools, lambda: "another installation")
    foreign = kept.create(SCOPE, balancer_plan(stranger)).id
    world.pass_time(700, step=10)
    first = seen(world, balancer)
    assert (first.state, making.tree(SCOPE, twin)) == (BalancerState.ACTIVE, None)
    for each in (first.cloud_id, seen(world, other).cloud_id, foreign):
        assert making.tree(SCOPE, each) is not None


def test_what_another_engine_names_meanwhile_is_no_twin(world, monkeypatch):
    balancer = make(world)
    world.pass_time(2)
    twin = second(world, monkeypatch, balancer)
    making = type(world.simulated.cloud.balancer_making)
    twins = making.twins

    def and_named(self, scope, key, cloud_id):
        found = twins(self, scope, key, cloud_id)
        if found == [twin]:
            world.store.transact(lambda conn: BALANCERS.change(conn, SCOPE, balancer.id, cloud_id=twin))
        return found

    monkeypatch.setattr(making, "twins", and_named)
    world.pass_time(700, step=10)
    assert world.simulated.cloud.balancer_making.tree(SCOPE, twin) is not None
    assert seen(world, balancer).cloud_id == twin


def test_what_was_made_twice_goes_whole(world, monkeypatch):
    balancer = make(world)
    world.pass_time(2)
    twin, first = second(world, monkeypatch, balancer), seen(world, balancer)
    world.simulated.faults.refuse(Busy("immutable"), Where(calls=("delete_balancer",)), times=3)
    world.backend.balancers.delete(SCOPE, balancer.id)
    world.pass_time(60)
    making = world.simulated.cloud.balancer_making
    assert [making.tree(SCOPE, each) for each in (first.cloud_id, twin)] == [None, None]
    with world.store.read() as conn:
        assert BALANCERS.all(conn, SCOPE) == []


@pytest.mark.parametrize("seconds", [1, 130])
def test_a_balancer_is_made_once_while_its_request_is_under_way(world, monkeypatch, seconds):
    """Whoever asks for a change of it meanwhile gives no engine the order to make it too."""
    making = type(world.simulated.cloud.balancer_making)
    create, asked = making.create, []

    def slow(self, scope, plan):
        asked.append(plan.key)
        if len(asked) > 1:
            return create(self, scope, plan)
        world.backend.balancers.change(SCOPE, plan.key, attributes={"idle_timeout.timeout_seconds": "61"})
        world.pass_time(seconds)
        if seconds > 100:  # an engine took it to be dead
            raise Refused("too late")
        return create(self, scope, plan)

    monkeypatch.setattr(making, "create", slow)
    made = make(world)
    assert len(asked) == (2 if seconds > 100 else 1)
    world.pass_time(2)
    assert (seen(world, made).state, trees(world)) == (BalancerState.ACTIVE, [made.id])


def test_what_an_engine_asked_for_meanwhile_is_not_forgotten(world, monkeypatch):
    """The request is refused in the end, while the engine, which took it to be dead, has not heard what it made."""
    making = type(world.simulated.cloud.balancer_making)
    create, asked = making.create, []

    def slow(self, scope, plan):
        asked.append(plan.key)
        if len(asked) == 1:
            world.backend.balancers.change(SCOPE, plan.key, attributes={"idle_timeout.timeout_seconds": "61"})
            world.pass_time(130)
            raise Refused("too late")
        made = create(self, scope, plan)
        if len(asked) == 2:
            raise OutcomeUnknown("lost")
        return made

    monkeypatch.setattr(making, "create", slow)
    made = make(world)
    world.pass_time(60)
    assert (seen(world, made).state, trees(world)) == (BalancerState.ACTIVE, [made.id])


@pytest.mark.parametrize("answers", [[OutcomeUnknown("lost")], [Refused("full"), OutcomeUnknown("lost")]])
def test_what_was_asked_for_lately_is_looked_for_however_old_the_balancer_is(world, monkeypatch, answers):
    """The cloud loses it, the request for another one arrives a minute late, and it is deleted meanwhile."""
    made = make(world)
    world.pass_time(600, step=10)
    making = world.simulated.cloud.balancer_making
    late = balancer_plan(made)

    def create(*_):
        raise answers[0] if len(answers) == 1 else answers.pop(0)

    with monkeypatch.context() as busy:
        busy.setattr(type(making), "create", create)
        making.delete(SCOPE, seen(world, made).cloud_id)
        world.pass_time(1300, step=10)
        assert (seen(world, made).cloud_id, len(answers)) == (None, 1)
        world.backend.balancers.delete(SCOPE, made.id)
        world.pass_time(60)
    making.create(SCOPE, late)
    world.pass_time(180)
    assert trees(world) == []
    with world.store.read() as conn:
        assert BALANCERS.all(conn, SCOPE) == []


def test_a_creation_that_may_arrive_yet_is_waited_for(world):
    world.simulated.faults.lose_answer(Where(calls=("create_balancer",)), times=1)
    made = make(world)
    world.simulated.faults.lose_request(Where(calls=("create_balancer",)), times=1)
    world.pass_time(20)
    assert seen(world, made).cloud_id is None
    world.pass_time(20)
    assert (seen(world, made).state, trees(world)) == (BalancerState.ACTIVE, [made.id])


def test_a_balancer_that_the_cloud_would_not_make_again_goes_all_the_same(world):
    made = make(world)
    world.pass_time(2)
    world.simulated.cloud.balancer_making.delete(SCOPE, seen(world, made).cloud_id)
    world.simulated.faults.refuse(Refused("subnet gone"), Where(calls=("create_balancer",)))
    world.pass_time(620, step=5)
    world.backend.balancers.delete(SCOPE, made.id)
    world.pass_time(2)
    with world.store.read() as conn:
        assert BALANCERS.all(conn, SCOPE) == []
    assert trees(world) == []


def test_a_balancer_that_is_to_go_is_waited_for_while_it_may_arrive(world):
    world.simulated.faults.lose_request(Where(calls=("create_balancer",)), times=1)
    made = make(world)
    world.backend.balancers.delete(SCOPE, made.id)
    world.pass_time(60, step=5)
    world.simulated.cloud.balancer_making.create(SCOPE, balancer_plan(made))
    world.pass_time(70, step=5)
    assert trees(world) == []
    with world.store.read() as conn:
        assert BALANCERS.all(conn, SCOPE) == []


@pytest.mark.parametrize("ends", ["through us", "elsewhere"])
def test_a_target_whose_instance_is_terminated_is_none_any_more(world, ends):
    balancer, target = make(world), instances(world)
    listen(world, balancer, target)
    first, second = world.server(), world.server()
    world.pass_time(5)
    names = [(f"i-{each.short_id}", None) for each in (first, second)]
    world.backend.target_groups.register(SCOPE, target.id, names)
    world.pass_time(2)
    assert len(members(world)) == 2
    if ends == "elsewhere":
        world.simulated.cloud.compute.delete(SCOPE, first.id)
        world.pass_time(620, step=5)
    else:
        world.backend.servers.terminate(SCOPE, [first])
        world.pass_time(30)
    assert [each[0] for each in members(world)] == [second.private_address]
    with world.store.read() as conn:
        assert [each.server_id for each in TARGETS.all(conn, SCOPE)] == [second.id]


def test_a_listing_that_lacks_an_instance_takes_no_target_out(world, monkeypatch):
    balancer, target = make(world), instances(world)
    listen(world, balancer, target)
    server = world.server()
    world.pass_time(5)
    world.backend.target_groups.register(SCOPE, target.id, [(f"i-{server.short_id}", None)])
    world.pass_time(2)
    monkeypatch.setattr(type(world.simulated.cloud.compute), "list", lambda *_: [])
    world.pass_time(620, step=5)
    assert len(members(world)) == 1


def test_a_target_that_is_registered_again_elsewhere_leaves_no_member(world):
    balancer, target = make(world), instances(world)
    listen(world, balancer, target)
    server = world.server()
    world.pass_time(5)
    name, groups = f"i-{server.short_id}", world.backend.target_groups
    groups.register(SCOPE, target.id, [(name, None)])
    for address in ("10.9.0.5", "10.9.0.6"):  # as it was when it was registered
        known = target_id(target.id, name, 80)
        world.store.transact(lambda conn, at=address, known=known: TARGETS.change(conn, SCOPE, known, address=at))
        groups.change(SCOPE, target.id, health_check=CHECK)
        world.pass_time(2)
        assert (address, 1, None) in members(world)
        groups.register(SCOPE, target.id, [(name, None)])
        assert [each.name for each in groups.health(SCOPE, target.id)] == [name]
        world.pass_time(2)
        assert (address, 1, None) not in members(world)
    assert (server.private_address, 1, None) in members(world)
    with world.store.read() as conn:
        assert [each.address for each in TARGETS.all(conn, SCOPE)] == [server.private_address]


def test_a_classic_balancer_follows_an_address(world):
    classic, server = world.backend.classic_balancers, world.server()
    world.pass_time(5)
    subnets = world.simulated.cloud.network.subnets(SCOPE)[:1]
    wanted = NewBalancer("old", BalancerKind.CLASSIC, "internal", subnets)
    classic.create(SCOPE, wanted, [Front("HTTP", 80, "HTTP", 8080)])
    name = f"i-{server.short_id}"
    classic.register(SCOPE, "old", [name])
    with world.store.read() as conn:
        (known,) = TARGETS.all(conn, SCOPE)
    world.store.transact(lambda conn: TARGETS.change(conn, SCOPE, known.id, address="10.9.0.5"))
    world.pass_time(2)
    assert [each[0] for each in members(world)] == ["10.9.0.5"]
    assert classic.register(SCOPE, "old", [name]) == [name]
    assert list(classic.health(SCOPE, "old")) == [name]
    world.pass_time(2)
    assert [each[0] for each in members(world)] == [server.private_address]


def test_a_deletion_that_comes_while_the_engine_looks_is_not_lost(world, monkeypatch):
    """What the engine read before knows nothing of it, and must not tell that all is well."""
    balancer = make(world)
    listen(world, balancer, group(world))
    world.pass_time(60)
    look = SimulatedBalancers.tree

    def meanwhile(self, scope, cloud_id):
        told = look(self, scope, cloud_id)
        monkeypatch.setattr(SimulatedBalancers, "tree", look)
        world.backend.balancers.delete(SCOPE, balancer.id)
        return told

    monkeypatch.setattr(SimulatedBalancers, "tree", meanwhile)
    world.pass_time(20 * 60)
    assert trees(world) == []
    with world.store.read() as conn:
        assert BALANCERS.one(conn, SCOPE, id=balancer.id) is None


def weigh(world: EngineWorld, balancer: LoadBalancer, shares: dict[str, int]) -> None:
    """Forward by weights on port 80."""
    groups = world.backend.target_groups.all(SCOPE)
    ids = {each.name: each.id for each in groups}
    actions = ({"type": "forward", "groups": [[ids[name], weight] for name, weight in shares.items()]},)
    (listener,) = world.backend.listeners.all(SCOPE) or (None,)
    if listener is None:
        world.backend.listeners.create(SCOPE, balancer.id, NewListener("HTTP", 80, actions))
    else:
        world.backend.listeners.change(SCOPE, listener.id, actions=actions)


@pytest.fixture
def followed(monkeypatch) -> list[str]:
    """A cloud that has no weights between pools; trees whose blends were followed."""
    found: list[str] = []
    monkeypatch.setattr(SimulatedBalancers, "blends", True)
    monkeypatch.setattr(SimulatedBalancers, "follow", lambda _self, _scope, tree: found.append(tree.id))
    return found


def kinds(world: EngineWorld, balancer: LoadBalancer) -> list[PartKind]:
    tree = world.simulated.cloud.balancer_making.tree(SCOPE, seen(world, balancer).cloud_id)
    return sorted(each.kind for each in tree.parts)


def test_a_forward_by_weights_takes_a_blend_that_is_followed(world, followed):
    balancer, _, _ = make(world), group(world), group(world, "green")
    weigh(world, balancer, {"blue": 9, "green": 1})
    world.pass_time(5)
    assert kinds(world, balancer) == [PartKind.BLEND, PartKind.LISTENER, *[PartKind.POOL] * 2, *[PartKind.RULE] * 2]
    assert followed == [seen(world, balancer).cloud_id]
    weigh(world, balancer, {"blue": 0, "green": 1})
    world.pass_time(5)
    assert kinds(world, balancer) == [PartKind.LISTENER, *[PartKind.POOL] * 2]
    assert len(followed) == 1


def test_targets_are_kept_until_blends_have_let_go_of_them(world, followed, monkeypatch):
    balancer, blue, _ = make(world), group(world), group(world, "green")
    weigh(world, balancer, {"blue": 9, "green": 1})
    groups = world.backend.target_groups
    groups.register(SCOPE, blue.id, [("10.9.0.5", None)])
    world.pass_time(5)

    def busy(_self, _scope, _tree):
        raise Busy("it is being changed")

    with monkeypatch.context() as held:
        held.setattr(SimulatedBalancers, "follow", busy)
        groups.deregister(SCOPE, blue.id, [("10.9.0.5", None)])
        world.pass_time(30)
        assert len(groups.health(SCOPE, blue.id)) == 1
    world.pass_time(60)
    assert groups.health(SCOPE, blue.id) == []


def test_pools_that_are_told_apart_have_no_forward_by_weights(world, followed, monkeypatch):
    monkeypatch.setattr(SimulatedBalancers, "lacks", lambda _self, _scope, part: octavia.lacks(part))
    balancer, blue, _ = make(world), group(world), group(world, "green")
    world.backend.target_groups.change(SCOPE, blue.id, health_check={**CHECK, "path": "/other"})
    with pytest.raises(balancer_findings.BalancingLacks, match="health checks"):
        weigh(world, balancer, {"blue": 9, "green": 1})
    assert world.backend.listeners.all(SCOPE) == []
    weigh(world, balancer, {"blue": 9, "green": 0})
    with pytest.raises(balancer_findings.BalancingLacks, match="health checks"):
        weigh(world, balancer, {"blue": 9, "green": 1})


def test_a_blend_whose_pools_are_told_apart_later_holds_nothing_else_up(world, followed, monkeypatch):
    put = SimulatedBalancers.put

    def refusing(self, scope, tree, part):
        lack = octavia.lacks(part) if part.kind is PartKind.BLEND else None
        if lack is not None:
            raise Refused(lack)
        return put(self, scope, tree, part)

    monkeypatch.setattr(SimulatedBalancers, "put", refusing)
    balancer, blue, green = make(world), group(world), group(world, "green")
    weigh(world, balancer, {"blue": 9, "green": 1})
    world.pass_time(5)
    groups = world.backend.target_groups
    groups.change(SCOPE, blue.id, health_check={**CHECK, "path": "/other"})
    world.pass_time(5)
    assert "health checks" in seen(world, balancer).reason
    forward = ({"type": "forward", "groups": [[green.id, 1]]},)
    world.backend.listeners.create(SCOPE, balancer.id, NewListener("HTTP", 81, forward))
    world.pass_time(5)
    assert kinds(world, balancer).count(PartKind.LISTENER) == 2
    assert "health checks" in seen(world, balancer).reason
    assert seen(world, balancer).state is BalancerState.ACTIVE
    groups.change(SCOPE, green.id, health_check={**CHECK, "path": "/other"})
    world.pass_time(5)
    assert seen(world, balancer).reason == ""
