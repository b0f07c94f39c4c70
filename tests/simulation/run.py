"""One run from one seed: a while of everything at once, then quiet, then the invariants."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

from backend.domain.cluster import ClusterChange, ClusterStatus, PlacementRequest, SourceRequest
from backend.errors import Finding
from tests.simulation import fates, invariants
from tests.simulation.actor import Actor
from tests.simulation.batches import Batches, Sizers
from tests.simulation.brakes import Operator
from tests.simulation.composing import Composites
from tests.simulation.coordination import Partitions
from tests.simulation.direct import Launches
from tests.simulation.ground import Ground
from tests.simulation.hooks import Askers, Waits
from tests.simulation.invariants import Watcher
from tests.simulation.mixes import Mixers
from tests.simulation.model import Model
from tests.simulation.moods import NORMAL, Mood
from tests.simulation.races import Races
from tests.simulation.rebuilds import Rebuilders
from tests.simulation.refreshes import Refreshed, Refresher, to_end
from tests.simulation.rows import Reader
from tests.simulation.scaling import Decisions, Scalers
from tests.simulation.timed import Planners, Timetables
from tests.simulation.users import Kept, User
from tests.simulation.warm_pools import Preparers
from tests.simulation.watched import Guards, Wardens
from tests.simulation.world import SCOPES, Violated, World, repeatable_ids

MOST_TICKS = 3000
REFRESHED_WITHIN = timedelta(hours=2, minutes=10)
OFTEN = 0.3  # how often, after a step, somebody has nodes replaced
HASTE = 200  # ticks; what has not come to rest by then is looked at in longer steps


@dataclass
class Result:
    """How a run ended.

    Attributes:
        broken: the invariant that does not hold, None when all do.
        late: it did not come to hold within the mood's patience.
        seconds: of virtual time that it took.
    """

    seed: int
    broken: str | None
    detail: str = ""
    trace: Sequence[str] = field(default=())
    seconds: float = 0.0
    late: bool = False

    def __str__(self) -> str:
        return "\n".join([*self.trace, f"seed {self.seed}: {self.detail or 'holds'}"])


def run(seed: int, mood: Mood = NORMAL, steps: int | None = None, *, calm: bool = True) -> Result:
    """Run one seed; the same seed is the same run.

    Args:
        steps: in place of the mood's own.
        calm: once all has come to rest, something is tried.
    """
    with repeatable_ids(seed):
        world = World(seed, mood)
        try:
            _play(world, mood, mood.steps if steps is None else steps, calm=calm)
        except Violated as violated:
            told = Result(seed, violated.invariant, str(violated), world.trace.lines, world.clock.monotonic())
            return replace(told, late=violated.late)
        except BaseException as error:
            error.add_note("\n".join([*world.trace.lines, f"seed {seed}"]))
            raise
        finally:
            world.close()
    return Result(seed, None, trace=world.trace.lines, seconds=world.clock.monotonic())


def _play(world: World, mood: Mood, steps: int, *, calm: bool) -> None:
    kept = Kept()
    model = Model(world)
    users = [User(world, scope, world.rng, kept, model) for scope in SCOPES]
    ground = Ground(world, users) if mood.builders else None
    actors = [*users, *(ground.builders * mood.builders if ground else ())]
    watcher = Watcher(world, kept, Reader(world), model)
    world.doubted = kept.judged
    world.after_tick.append(watcher.look)
    askers = Askers(Waits(world), users) if mood.hooked else None
    preparers = Preparers(world, users) if mood.warmed else None
    if askers is not None:
        world.after_tick.append(askers.waits.look)
        askers.settle_in()
    planners = _planned(world, model, users) if mood.timed else None
    mixers = Mixers(world, users, kept) if mood.heaviest > 1 else None
    refreshers = [Refresher(user) for user in users] if mood.refreshing else []
    if refreshers:
        world.after_tick.append(Refreshed(world, watcher.reader, users).look)
    rebuilders = Rebuilders(world, users) if mood.rebuilding else None
    launches = Launches(world, users, model) if mood.direct else None
    composites = Composites(world) if mood.composed else None
    scalers = Scalers(Decisions(world, model), users, composites) if mood.scaling else None
    if scalers is not None:
        scalers.settle_in()
    wardens = _watched(world, model, users) if mood.watching else None
    sizers = Sizers(Batches(world, model), users) if mood.batched else None
    partitions = None if world.roll is None else Partitions(world, world.roll)
    operator = Operator(world, watcher.reader) if mood.braked else None
    if operator is not None:
        world.after_tick.append(operator.look)
    chaos = world.chaos
    chaos.crash = world.rng.choice(mood.crash)
    chaos.fault = world.rng.choice(mood.fault)
    chaos.interfere = world.rng.choice(mood.interfere)
    chaos.store = world.rng.choice(mood.store)
    chaos.interludes = [
        *(actor.act for actor in actors for _ in range(mood.users)),
        *(partial(_overtake, world, mood) for _ in range(mood.overtakes)),
        partial(world.clock.wait, 2.0),
        *_acts(askers, mixers, *refreshers, rebuilders, preparers, launches, planners, scalers, wardens),
        *_acts(operator, sizers, partitions),
    ]
    after_step = [
        *_acts(askers, mixers),
        *([partial(_refresh_now_and_then, world, refreshers)] if refreshers else []),
        *_acts(rebuilders, preparers, launches, planners),
        *([partial(_fail_targets, world)] if planners is not None else []),
        *_acts(scalers, scalers, wardens, wardens, operator, sizers, partitions),
    ]
    chaos.on = True
    for _ in range(steps):
        _step(world, actors, kept)
        for act in after_step:
            act()
        watcher.look()
        if ground is not None:
            ground.compare()
        model.compare(world.rng.choice(SCOPES), watcher.reader.read())
    chaos.on = False
    world.trace("=== quiet")
    if operator is not None:
        operator.settle()
    if partitions is not None:
        partitions.settle()
    if refreshers:
        _heal(world)
        _let_refreshes_end(world, refreshers, watcher.reader)
        _end_refreshes(world, refreshers, watcher.reader)
    if planners is not None:
        planners.settle()
    if scalers is not None:
        scalers.settle()
    if wardens is not None:
        wardens.settle()
    if world.targets is not None:
        world.targets.settle()
    _settle(world, users, watcher.reader)
    if askers is not None:
        askers.settle()
        world.after_tick.append(askers.release)
    if ground is not None:
        ground.settle(watcher.reader.read())
    _wait_for_rest(world, watcher, mood.patience, ground)
    for scope in SCOPES:
        model.compare(scope, watcher.reader.read(), anew=True)
    if launches is not None:
        launches.at_rest()
    if not calm:
        return
    if mood.trial == "ends_what_was_built" and ground is not None:
        for phase in ground.phases():
            phase()
            _wait_for_rest(world, watcher, timedelta(minutes=4), ground)
        return
    Races(world, watcher, users).try_one()


def _let_refreshes_end(world: World, refreshers: Sequence[Refresher], reader: Reader) -> None:
    """What nobody keeps back ends by itself: it gets through, or it stalls, for an hour on its way there and back."""
    for refresher in refreshers:
        refresher.let_end(reader.read())
    deadline = world.clock.now() + REFRESHED_WITHIN
    ticks = 0
    while names := to_end(reader.read()):
        if world.clock.now() >= deadline or ticks >= MOST_TICKS:
            raise world.broke("21 refresh", f"those of {names} do not end")
        world.tick(ticks % len(world.engines))
        ticks += 1
        world.clock.wait(min(max(world.until_due(), 3.0 if ticks < HASTE else 60.0), 600.0))


def _end_refreshes(world: World, refreshers: Sequence[Refresher], reader: Reader) -> None:
    """What is under way is cancelled, and has its time to end: it decides until then what nodes are made from."""
    for refresher in refreshers:
        refresher.settle(reader.read())
    for tick in range(HASTE):
        if not any(cluster.refresh_id for cluster in reader.read().clusters.values()):
            return
        world.tick(tick % len(world.engines))
        world.clock.wait(1.0)
    raise world.broke("21 refresh", "one that was cancelled does not end")


def _planned(world: World, model: Model, users: Sequence[User]) -> Planners:
    """Users who write schedules, with all that is looked at of these and of those who are told."""
    timetables = Timetables(world, model)
    world.after_tick.append(timetables.look)
    if world.targets is not None:
        world.after_tick.append(world.targets.look)
    return Planners(timetables, users)


def _watched(world: World, model: Model, users: Sequence[User]) -> Wardens:
    """Users who have alarms do something to servers, with all that is looked at of that."""
    world.guards = Guards(world, model)
    wardens = Wardens(world.guards, users)
    wardens.settle_in()
    return wardens


class Acting(Protocol):
    """Somebody of a mood's own, beside the users."""

    def act(self) -> None: ...


def _acts(*companions: Acting | None) -> list[Callable[[], None]]:
    return [one.act for one in companions if one is not None]


def _refresh_now_and_then(world: World, refreshers: Sequence[Refresher]) -> None:
    if world.rng.random() < OFTEN:
        world.rng.choice(refreshers).act()


def _fail_targets(world: World) -> None:
    if world.targets is not None and world.rng.random() < 0.3:
        world.targets.act()


def _overtake(world: World, mood: Mood) -> None:
    """An engine that is not at work right now works on; often so late that the other one's lease is over."""
    idle = [number for number in range(len(world.engines)) if ("engine", number) not in world.chaos.actors]
    if idle:
        world.clock.wait(world.rng.choice(mood.pauses))
        world.tick(world.rng.choice(idle))


def _step(world: World, actors: Sequence[Actor], kept: Kept) -> None:
    if world.skew and world.rng.random() < 0.1:
        world.set_clock()
    choice = world.rng.random()
    if choice < 0.45:
        world.rng.choice(actors).act()
    elif choice < 0.55:
        fates.strike(world, kept)
    elif choice < 0.6:
        fates.disturb(world)
    else:
        world.clock.wait(world.rng.choice((0.5, 0.5, 1.0, 1.0, 3.0, 10.0, 20.0, 45.0)))
    world.tick(world.rng.randrange(len(world.engines)))


def _settle(world: World, users: Sequence[User], reader: Reader) -> None:
    """The users put right what only they can: processes run, sources exist, zones are free."""
    _heal(world)
    for user in users:
        _provide_sources(user)
    for cluster in reader.read().clusters.values():
        user = next(user for user in users if user.scope.project_id == cluster.project_id)
        if cluster.status is ClusterStatus.ACTIVE:
            user.resume(cluster.name)
            user.change(cluster.name, ClusterChange({}, SourceRequest(configuration="lc-0"), PlacementRequest()))


def _heal(world: World) -> None:
    """The cloud has no faults any more."""
    world.simulated.faults.lift()
    for _, server in world.simulated.operator.servers():
        if str(server.status) == "unknown":
            world.simulated.operator.recover(server.id)
    for pool in world.simulated.pools.all():
        for member in world.simulated.pools.members(pool.id):
            world.simulated.pools.judge(pool.id, member.address, None)


def _provide_sources(user: User) -> None:
    with contextlib.suppress(Finding):  # it may be there
        user.backend.configurations.create(user.scope, "lc-0", user.server_spec(), {})


def _wait_for_rest(world: World, watcher: Watcher, patience: timedelta, ground: Ground | None) -> None:
    """Let time run from deadline to deadline until all invariants hold, or patience ends."""
    deadline = world.clock.now() + patience
    ticks = 0
    while True:
        world.tick(ticks % len(world.engines))
        ticks += 1
        try:
            invariants.at_rest(world, watcher.kept, watcher.reader.read())
            if ground is not None:
                ground.at_rest()
        except Violated as violated:
            if world.clock.now() >= deadline or ticks >= MOST_TICKS:
                violated.late = True
                raise
        else:
            return
        least = 0.5 if ticks < HASTE else 3.0
        world.clock.wait(min(max(world.until_due(), least), 600.0))
