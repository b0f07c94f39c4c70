"""One run's world: virtual time, a store in memory, a simulated cloud, services, engines, and what may go wrong."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from backend import Backend
from backend.domain.ids import short_id
from backend.domain.node import ServerStatus
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.simulated import SimulatedCloud, SimulatedSettings
from backend.engine.loop import Engine
from backend.engine.settings import EngineSettings
from backend.policies.window import WindowRule
from backend.store.types import from_micros
from tests.simulation.building_ports import building_ports
from tests.simulation.chaos import Chaos, Crash
from tests.simulation.clocks import MachineClock, VirtualClock
from tests.simulation.coordination import Roll, Turns
from tests.simulation.failing_store import STORE_AWAY, FailingStore
from tests.simulation.history import History
from tests.simulation.ledgers import Gate, Ledger
from tests.simulation.moods import NORMAL, Mood
from tests.simulation.open_calls import Open, OpenCalls, Told
from tests.simulation.targets import Targets

if TYPE_CHECKING:
    from tests.simulation.watched import Guards

REGION = "us-east-1"
POOLS = ("web", "api", "mute")
SCOPES = (Scope("0project-one", REGION), Scope("project-two", REGION))
"""Of several engines the first comes first to the one, the last to the other."""

SETTINGS = EngineSettings(
    clusters_at_once=20,
    watch_idle=timedelta(seconds=20),
    watch_full=timedelta(minutes=5),
    launch_batch=3,
    launches=5,
    first_launches=3,
    deletions=3,
    confirmations=3,
    launch_grace=timedelta(seconds=60),
    boot_timeout=timedelta(minutes=5),
    delete_retry=timedelta(seconds=30),
    orphan_grace=timedelta(seconds=60),
    parting=timedelta(minutes=3),
    pool_idle=timedelta(seconds=20),
    deregistration=timedelta(seconds=40),
    deregistration_patience=timedelta(seconds=60),
    sweep=timedelta(minutes=10),
)


LEASED = ("clusters", "watches", "pools", "power_wishes")
TIMED = ("schedules", "streams")
"""What they work on where users write schedules, and have somebody told."""
BUILT = ("vpcs", "makings", "security_groups", "load_balancers")
"""What else engines work on, where somebody builds."""
NEVER = timedelta(days=3650)
NAMES = ("engine-a", "engine-b")
COORDINATED = 3
"""So many engines there are where they know each other."""


@dataclass
class Trace:
    """What happened, line by line, for whoever reads a failing seed."""

    clock: VirtualClock
    lines: list[str] = field(default_factory=list)

    def __call__(self, text: str) -> None:
        self.lines.append(f"{self.clock.monotonic():10.3f}  {text}")


class Violated(AssertionError):
    """An invariant does not hold.

    Attributes:
        late: it was waited for, and patience ended.
    """

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.late = False


class World:
    """Everything of one run.

    Attributes:
        rng: chance of the run; engines and cloud have seeds from it.
        chaos: what goes wrong at the hooks of store and cloud.
        doubted: servers, by short id, that someone gave the engine a reason to replace.
        slack: by how much the clocks of engines, gateway and cloud may differ.
        changed_at: when a user last changed a cluster, by its id.
        readmitted_at: when a project let the engine in again, by its id.
        came_at: when a node last came into service, by its cluster's id and zone.
        targets: those who are told, where users name any.
        roll: the coordinator that engines ask for each other, where they know each other.
        turns: looks at who works on what there.
        told: who looks at what engines ask the cloud.
        guards: look at what alarms do to servers, where users have them do that.
        broken: the first invariant that was seen broken, wherever that was: an engine survives its jobs' faults.
    """

    def __init__(self, seed: int, mood: Mood = NORMAL, settings: EngineSettings = SETTINGS) -> None:
        self.rng = Random(seed)
        self.region = REGION
        if mood.timed:
            settings = replace(settings, message_patience=timedelta(minutes=2))
        if mood.batched:
            settings = replace(settings, registrations=4)
        if seed % 3 == 0:
            settings = replace(settings, window=WindowRule(4))
        # Without the sweep a wake that is lost is lost for ever.
        self.settings = replace(settings, sweep=NEVER) if seed % 2 else settings
        self.broken: Violated | None = None
        self.delays = self.rng.choice(mood.delays)
        self.skew = self.rng.choice(mood.skews)
        self.omits = self.rng.choice(mood.omits)
        self.mood = mood
        self.slack = timedelta(seconds=2 * self.skew)
        self.changed_at: dict[str, datetime] = {}
        self.readmitted_at: dict[str, datetime] = {}
        self.came_at: dict[tuple[str, str], datetime] = {}
        self.guards: Guards | None = None
        self.clock = VirtualClock()
        self.trace = Trace(self.clock)
        self.chaos = Chaos(Random(self.rng.getrandbits(64)), self.trace, self.clock)
        number = COORDINATED if mood.coordinated else len(NAMES)
        self.clocks = [MachineClock(self.clock) for _ in range(number + 2)]
        *self.engine_clocks, gateway_clock, cloud_clock = self.clocks
        self.store = FailingStore(self.clock, self.chaos.store_hook)
        self.history = History(self.store)
        lag = self.rng.choice((0.0, 0.0, 1.0, 4.0))
        simulated = SimulatedSettings(
            regions=(REGION,),
            seed=self.rng.getrandbits(32),
            boot_seconds=self.rng.choice((0.0, 2.0, 10.0)),
            delete_seconds=self.rng.choice((0.0, 1.0, 5.0)),
            listing_lag_seconds=lag,
            balancer_seconds=self.rng.choice((0.0, 3.0)) if mood.builders else 0.0,
        )
        self.simulated = SimulatedCloud.open(None, cloud_clock, simulated)
        self.simulated.faults.hooks.append(self.chaos.cloud_hook)
        self.ledger = Ledger(self.simulated.cloud.compute, self)
        self.doubted: set[str] = set()
        self.gate = Gate(self.simulated.cloud.balancing, self)
        building = building_ports(self.simulated.cloud, self)
        self.cloud = replace(self.simulated.cloud, compute=self.ledger, balancing=self.gate, **building)
        for scope in SCOPES:
            for name in POOLS:
                self.simulated.pools.create(scope, f"{scope.project_id}-{name}", monitored=name != "mute")
        self.targets = Targets(self) if mood.timed else None
        self.outlets = self.targets.outlets() if self.targets else None
        gateway = self.store.on(gateway_clock)
        self.backend = Backend.build(gateway, self.cloud, gateway_clock, outlets=self.outlets)
        self.told = Told()
        self.roll = Roll(self) if mood.coordinated else None
        self.turns = Turns(self) if mood.coordinated else None
        self.calls: list[OpenCalls] = [self._calls() for _ in range(number)]
        self.late: list[Open] = []
        self.engines = [self.new_engine(each) for each in range(number)]
        self.after_tick: list[Callable[[], None]] = []

    def _calls(self) -> OpenCalls:
        return OpenCalls(self.clock, Random(self.rng.getrandbits(64)), self.delays, self.told)

    def new_engine(self, number: int) -> Engine:
        self.late += self.calls[number].abandon()
        self.calls[number] = self._calls()
        clock = self.engine_clocks[number]
        store = self.store.on(clock)
        name, membership = (NAMES[number], None) if self.roll is None else self.roll.join(self, number, store)
        return Engine(
            store=store,
            cloud=self.cloud,
            catalog=Catalog(self.cloud, clock),
            clock=clock,
            settings=self.settings,
            rng=Random(self.rng.getrandbits(64)),
            name=name,
            membership=membership,
            calls=self.calls[number],
            outlets=self.outlets,
        )

    def set_clock(self) -> None:
        """One machine's clock is set, to something within the bounds."""
        clock = self.rng.choice(self.clocks)
        clock.offset = timedelta(seconds=self.rng.uniform(-self.skew, self.skew))

    def tick(self, number: int) -> bool:
        """One tick of one engine, which may die in it and is then started anew; whether anything was due."""
        failures, faults, idle = self.chaos.store_failures, 0, False
        self._let_late_ones_in()
        try:
            with self.chaos.inside("engine", number):
                self.calls[number].proceed()
                began_at = self.engine_clocks[number].now()
                overdue = {} if self.turns is None else self.turns.overdue(began_at)
                outcome = self.engines[number].tick(began_at)
                if self.turns is not None:
                    self.calls[number].retry()
            if self.turns is not None:
                self.turns.ticked(number, began_at, overdue)
            faults, idle = outcome.faults, outcome.idle
        except Crash as crash:
            self.trace(f"engine {number} died: {crash}")
            self.engines[number] = self.new_engine(number)
        except STORE_AWAY as error:
            if self.chaos.store_failures == failures:
                raise
            self.trace(f"engine {number}: {error}")
        finally:
            for check in self.after_tick:
                check()
        if self.broken is not None:
            raise self.broken
        if faults and self.chaos.store_failures == failures:
            raise Violated("no fault", f"engine {number}: {faults} of its jobs failed")
        return not idle

    def _let_late_ones_in(self) -> None:
        """What engines that died had under way reaches the cloud."""
        due = [each for each in self.late if each.asks_at <= self.clock.now()]
        self.late = [each for each in self.late if each not in due]
        for each in due:
            self.trace("a call of an engine that died arrives")
            each.ask()

    def next_call_at(self) -> datetime | None:
        """When the next call under way goes on."""
        return min((at for calls in self.calls if (at := calls.next_at()) is not None), default=None)

    def until_due(self) -> float:
        """Seconds until some row is due or some call under way goes on; 1 where nothing is."""
        leased = (*LEASED, *(BUILT if self.mood.builders else ()), *(TIMED if self.mood.timed else ()))
        dues = " UNION ALL ".join(f"SELECT min(due_at) AS at FROM {table}" for table in leased)
        (at,) = self.store.database.raw.execute(f"SELECT min(at) FROM ({dues})").fetchone()
        known = [instant for instant in (at and from_micros(at), self.next_call_at()) if instant is not None]
        return (min(known) - self.clock.now()).total_seconds() if known else 1.0

    def broke(self, invariant: str, detail: str) -> Violated:
        """An invariant is broken; raise what this answers."""
        violated = Violated(invariant, detail)
        self.broken = self.broken or violated
        self.trace(f"BROKEN {violated}")
        return violated

    def token(self, server_id: str) -> str | None:
        """The launch that a server of the cloud says it comes from."""
        return next((one.launch_id for _, one in self.simulated.operator.servers() if one.id == server_id), None)

    def alive(self, server_id: str) -> bool:
        """Whether the cloud has that server, and is not deleting it."""
        servers = self.simulated.operator.servers()
        return any(one.id == server_id and one.status is not ServerStatus.DELETING for _, one in servers)

    def there(self, server_id: str) -> bool:
        """Whether the cloud has that server."""
        return any(one.id == server_id for _, one in self.simulated.operator.servers())

    def sources(self) -> dict[str, str]:
        """Pools of target groups that were made: the cloud's ids of them, and the groups' own."""
        if not self.mood.builders:
            return {}
        rows = self.store.database.raw.execute("SELECT pool_id, id FROM target_groups WHERE pool_id IS NOT NULL")
        return dict(rows.fetchall())

    def owners(self) -> dict[str, str]:
        """Servers of the cloud by short id, and the projects they belong to."""
        return {short_id(one.id): scope.project_id for scope, one in self.simulated.operator.servers()}

    def close(self) -> None:
        self.store.close()
        self.simulated.close()


@contextlib.contextmanager
def repeatable_ids(seed: int) -> Iterator[None]:
    """Every id that anybody draws comes from the seed.

    What ids are drawn from is put in the place of chance, not ``uuid4`` itself: that has by then been taken by name, and
    modules that are imported while a run is under way would keep that run's for all that follow.
    """
    rng = Random(f"ids:{seed}")

    def drawn(size: int) -> bytes:
        return rng.getrandbits(8 * size).to_bytes(size, "big")

    kept, os.urandom = os.urandom, drawn
    try:
        yield
    finally:
        os.urandom = kept
