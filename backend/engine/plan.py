"""From what the rows say of a cluster to what is to be done: a fold of phases. Pure: no clock, cloud or store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from backend.engine.draft import Draft
from backend.engine.phases.capacity import meet_capacity
from backend.engine.phases.deletion import delete_all
from backend.engine.phases.depart import depart
from backend.engine.phases.health import check_health
from backend.engine.phases.lifetime import end_lifetimes
from backend.engine.phases.rebalance import rebalance
from backend.engine.phases.rest import rest
from backend.engine.phases.retire import retire
from backend.engine.phases.settle import settle
from backend.engine.phases.traffic import lead_traffic
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Snapshot
from backend.engine.steps import Step

PHASES: tuple[Callable[[Draft], None], ...] = (
    settle,
    delete_all,
    check_health,
    end_lifetimes,
    retire,
    rebalance,
    meet_capacity,
    lead_traffic,
    depart,
    rest,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now, and when to look again at the latest.

    Attributes:
        unplaced: there are launches too, once it is known where the cluster's subnets lie.
    """

    steps: tuple[Step, ...]
    due_at: datetime
    unplaced: bool = False


def make_plan(snapshot: Snapshot, now: datetime, settings: EngineSettings, rng: Random) -> Plan:
    """The steps that bring a cluster nearer to what is desired.

    Args:
        rng: breaks ties and spreads deadlines.

    Returns:
        Steps in the order of the phases; due at once where a bound of one pass was met, else at the next deadline,
        never later than the settings' sweep.
    """
    draft = Draft(snapshot, now, settings, rng)
    for phase in PHASES:
        phase(draft)
    if draft.more:
        return Plan(tuple(draft.steps), now, draft.unplaced)
    sweep = now + settings.sweep * rng.uniform(0.5, 1.0)
    return Plan(tuple(draft.steps), min((*(max(at, now) for at in draft.wakes), sweep)), draft.unplaced)
