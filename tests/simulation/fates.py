"""What befalls servers, members of pools and the cloud behind everybody's back."""

from __future__ import annotations

from backend.domain.ids import short_id
from backend.domain.traffic import MemberHealth
from backend.drivers.simulated.faults import Where
from backend.store import nodes
from tests.simulation.users import Kept
from tests.simulation.world import SCOPES, World


def strike(world: World, kept: Kept) -> None:
    """Something happens to a server, or to a member of a pool, behind everybody's back."""
    if world.rng.random() < 0.25:
        _strike_member(world, kept)
        return
    operator = world.simulated.operator
    ours = [server for _, server in operator.servers() if server.launch_id is not None]
    if not ours:
        return
    server = world.rng.choice(ours)
    act = world.rng.choice(
        (operator.stop, operator.break_server, operator.vanish, operator.terminate, operator.pause, operator.lose_sight)
    )
    if act is not operator.lose_sight:
        kept.judged.add(server.short_id)
    world.trace(f"fate: {act.__name__} {server.id}")
    act(server.id)


def _strike_member(world: World, kept: Kept) -> None:
    pools = [pool for pool in world.simulated.pools.all() if world.simulated.pools.members(pool.id)]
    if not pools:
        return
    pool = world.rng.choice(pools)
    member = world.rng.choice(world.simulated.pools.members(pool.id))
    with world.store.watch() as conn:
        node = nodes.get(conn, member.owner or "")
    if node is None or node.server_id is None:
        return
    if world.rng.random() < 0.3:
        world.trace(f"fate: {member.address} is taken out of {pool.name}")
        world.simulated.pools.take_out(pool.id, member.address)
        return
    kept.judged.add(short_id(node.server_id))
    world.trace(f"fate: {member.address} of {node.server_id[:4]} is found sick by {pool.name}")
    world.simulated.pools.judge(pool.id, member.address, MemberHealth.UNHEALTHY)


def disturb(world: World) -> None:
    faults, rng = world.simulated.faults, world.rng
    zone = f"us-east-1{rng.choice('abc')}"
    seconds = rng.choice((30.0, 120.0, 600.0))
    name = rng.choice(
        ("capacity", "boot_error", "boot_hang", "boot_slow", "stale", "unavailable", "quota", "pool_busy")
    )
    world.trace(f"fault: {name} {zone} for {seconds} s")
    if name == "capacity":
        faults.capacity(zone, rng.randint(0, 3), seconds=seconds)
    elif name == "boot_error":
        faults.boot_error("No valid host was found.", times=rng.randint(1, 3), seconds=seconds)
    elif name == "boot_hang":
        faults.boot_hang(times=1, seconds=seconds)
    elif name == "boot_slow":
        faults.boot_slow(90.0, times=rng.randint(1, 3), seconds=seconds)
    elif name == "stale":
        faults.stale(rng.choice((2.0, 8.0)), seconds=seconds)
    elif name == "pool_busy":
        faults.pool_busy(seconds=seconds)
    elif name == "quota":
        faults.quota(rng.choice(SCOPES).project_id, rng.randint(0, 6), seconds=seconds)
    else:
        faults.unavailable(Where(zone=None), seconds=min(seconds, 60.0))
