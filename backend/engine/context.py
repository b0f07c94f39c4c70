"""What every job of an engine works with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.archives import Archive
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.errors import CloudError
from backend.engine.consulted import Consulted
from backend.engine.measures import Measures, Unmeasured
from backend.engine.pauses import Bounds, HeldUp, bounds_of
from backend.engine.rests import Rests
from backend.engine.settings import EngineSettings
from backend.store.leased import Lease
from backend.store.outlets import Outlets
from backend.store.session import Store


@dataclass(frozen=True, slots=True)
class Context:
    """One engine's surroundings.

    Attributes:
        seed: of all chance; with it, the clock and the cloud's answers a run repeats exactly.
        counters: what was done since the start, by name.
        measures: are told the same, and more.
        outlets: where messages go.
        held_up: what the cloud holds up: asked for less and less often.
        consulted: when somebody outside was last asked which nodes of a cluster may go.
        unreached: projects that could not be asked at the last look of this engine: told in the log once.
        archive: where old records go before they are deleted; None: nowhere.
        forecasting: projects whose forecasts took long.
    """

    store: Store
    cloud: Cloud
    catalog: Catalog
    clock: Clock
    settings: EngineSettings
    name: str
    seed: int
    counters: Counter[str] = field(default_factory=Counter)
    measures: Measures = field(default_factory=Unmeasured)
    outlets: Outlets = field(default_factory=Outlets)
    held_up: HeldUp = field(default_factory=HeldUp)
    consulted: Consulted = field(default_factory=Consulted)
    unreached: set[Scope] = field(default_factory=set)
    archive: Archive | None = None
    forecasting: Rests = field(default_factory=Rests)

    def rng(self, *about: object) -> Random:
        """Chance of its own for one pass."""
        return Random(":".join(map(str, (self.seed, *about))))

    def count(self, what: str, number: int = 1) -> None:
        """Something was done; see ``Measures.count``."""
        self.counters[what] += number
        self.measures.count(what, number)

    def pause(self, lease: Lease, held: Bounds | CloudError) -> timedelta:
        """The pause before the next look at what the cloud holds up; ``held``: its bounds, or what the cloud said."""
        bounds = held if isinstance(held, Bounds) else bounds_of(self.settings, held)
        return self.held_up.pause(lease, bounds, self.now())

    def now(self) -> datetime:
        return self.clock.now()
