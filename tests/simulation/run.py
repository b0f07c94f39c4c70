"""One run from one seed: a while of everything at once, then quiet, then the invariants."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select

from backend.domain.cluster import ClusterChange, ClusterStatus, PlacementRequest, SourceRequest
from backend.domain.ids import short_id
from backend.domain.traffic import MemberHealth
from backend.drivers.simulated.faults import Where
from backend.errors import Finding
from backend.store import nodes, tables
from tests.simulation import invariants
from tests.simulation.invariants import Reader, Watcher
from tests.simulation.users import Kept, User
from tests.simulation.world import SCOPES, Violated, World, repeatable_ids

STEPS = 70
MOST_TICKS = 3000


@dataclass
class Result:
    """How a run ended. ``broken`` is the invariant that does not hold, None when all do."""

    seed: int
    broken: str | None
    detail: str = ""
    trace: Sequence[str] = field(default=())

    def __str__(self) -> str:
        return "\n".join([*self.trace, f"seed {self.seed}: {self.detail or 'holds'}"])


@dataclass(frozen=True)
class Mood:
    """How often things go wrong: chances at one hook, each drawn from its tuple.

    Attributes:
        users, overtakes: how much of what happens in between is theirs.
        pauses: for how long who is overtaken stands still, in seconds; a lease holds for 60.
        patience: how long the engine may take to bring all to rest afterwards.
    """

    crash: tuple[float, ...] = (0.0, 0.01, 0.03)
    fault: tuple[float, ...] = (0.0, 0.05, 0.2)
    interfere: tuple[float, ...] = (0.0, 0.03, 0.1)
    users: int = 1
    overtakes: int = 1
    pauses: tuple[float, ...] = (0.0, 1.0, 61.0)
    patience: timedelta = timedelta(hours=3)


NORMAL = Mood()
WILD = Mood((0.02,), (0.1, 0.3), (0.2, 0.4))
MEDDLING = Mood((0.0,), (0.05,), (0.3,), users=1, overtakes=0)
SILENT = Mood((0.0,), (0.5,), (0.0,))
OVERTAKEN = Mood((0.0,), (0.05,), (0.1,), users=0, overtakes=1, pauses=(61.0,))


def run(seed: int, steps: int = STEPS, mood: Mood = NORMAL) -> Result:
    """Run one seed; the same seed is the same run."""
    with repeatable_ids(seed):
        world = World(seed)
        try:
            _play(world, steps, mood)
        except Violated as violated:
            return Result(seed, violated.invariant, str(violated), world.trace.lines)
        except BaseException as error:
            error.add_note("\n".join([*world.trace.lines, f"seed {seed}"]))
            raise
        finally:
            world.close()
    return Result(seed, None, trace=world.trace.lines)


def _play(world: World, steps: int, mood: Mood) -> None:
    kept = Kept()
    users = [User(world, scope, world.rng, kept) for scope in SCOPES]
    watcher = Watcher(world, kept, Reader(world))
    world.doubted = kept.judged
    world.after_tick.append(watcher.look)
    chaos = world.chaos
    chaos.crash = world.rng.choice(mood.crash)
    chaos.fault = world.rng.choice(mood.fault)
    chaos.interfere = world.rng.choice(mood.interfere)
    chaos.interludes = [
        *(user.act for user in users for _ in range(mood.users)),
        *(partial(_overtake, world, mood) for _ in range(mood.overtakes)),
        partial(world.clock.wait, 2.0),
    ]
    chaos.on = True
    for _ in range(steps):
        _step(world, users, kept)
        watcher.look()
    chaos.on = False
    world.trace("=== quiet")
    _settle(world, users, watcher.reader)
    _wait_for_rest(world, watcher, mood.patience)


def _overtake(world: World, mood: Mood) -> None:
    """An engine that is not at work right now works on; often so late that the other one's lease is over."""
    idle = [number for number in (0, 1) if ("engine", number) not in world.chaos.actors]
    if idle:
        world.clock.wait(world.rng.choice(mood.pauses))
        world.tick(world.rng.choice(idle))


def _step(world: World, users: Sequence[User], kept: Kept) -> None:
    choice = world.rng.random()
    if choice < 0.45:
        world.rng.choice(users).act()
    elif choice < 0.55:
        _fate(world, kept)
    elif choice < 0.6:
        _cloud_fault(world)
    else:
        world.clock.wait(world.rng.choice((0.5, 0.5, 1.0, 1.0, 3.0, 10.0, 20.0, 45.0)))
    world.tick(world.rng.randrange(2))


def _fate(world: World, kept: Kept) -> None:
    """Something happens to a server, or to a member of a pool, behind everybody's back."""
    if world.rng.random() < 0.25:
        _fate_of_member(world, kept)
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


def _fate_of_member(world: World, kept: Kept) -> None:
    pools = [pool for pool in world.simulated.pools.all() if world.simulated.pools.members(pool.id)]
    if not pools:
        return
    pool = world.rng.choice(pools)
    member = world.rng.choice(world.simulated.pools.members(pool.id))
    with world.store.read() as conn:
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


def _cloud_fault(world: World) -> None:
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


def _settle(world: World, users: Sequence[User], reader: Reader) -> None:
    """The users put right what only they can: processes run, sources exist, zones are free."""
    world.simulated.faults.lift()
    for _, server in world.simulated.operator.servers():
        if str(server.status) == "unknown":
            world.simulated.operator.recover(server.id)
    for pool in world.simulated.pools.all():
        for member in world.simulated.pools.members(pool.id):
            world.simulated.pools.judge(pool.id, member.address, None)
    for user in users:
        _provide_sources(user)
    for cluster in reader.read().clusters.values():
        user = next(user for user in users if user.scope.project_id == cluster.project_id)
        if cluster.status is ClusterStatus.ACTIVE:
            user.backend.clusters.resume(user.scope, cluster.name)
            source = SourceRequest(configuration="lc-0")
            user.backend.clusters.update(user.scope, cluster.name, ClusterChange({}, source, PlacementRequest()))


def _provide_sources(user: User) -> None:
    with contextlib.suppress(Finding):  # it may be there
        user.backend.configurations.create(user.scope, "lc-0", user.server_spec(), {})


def _wait_for_rest(world: World, watcher: Watcher, patience: timedelta) -> None:
    """Let time run from deadline to deadline until all invariants hold, or patience ends."""
    deadline = world.clock.now() + patience
    ticks = 0
    while True:
        world.tick(ticks % 2)
        ticks += 1
        try:
            invariants.at_rest(world, watcher.kept, watcher.reader.read())
        except Violated:
            if world.clock.now() >= deadline or ticks >= MOST_TICKS:
                raise
        else:
            return
        next_due = _next_due(world)
        pause = 1.0 if next_due is None else (next_due - world.clock.now()).total_seconds()
        world.clock.wait(min(max(pause, 0.5), 600.0))


def _next_due(world: World) -> datetime | None:
    with world.store.read() as conn:
        instants = [
            conn.execute(select(func.min(table.c.due_at))).scalar()
            for table in (tables.clusters, tables.watches, tables.pools)
        ]
    known = [instant for instant in instants if instant is not None]
    return min(known, default=None)
