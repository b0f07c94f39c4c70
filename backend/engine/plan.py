"""From what the rows say of a cluster to what is to be done: a fold of phases. Pure: no clock, cloud or store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from backend.domain.batch_sizes import asked
from backend.domain.changes import Changes
from backend.domain.consultations import Question
from backend.domain.node import Node
from backend.engine.acts.act import Act
from backend.engine.draft import Draft
from backend.engine.phases.capacity import meet_capacity
from backend.engine.phases.deletion import delete_all
from backend.engine.phases.depart import depart
from backend.engine.phases.direct import launch_directly
from backend.engine.phases.health import check_health
from backend.engine.phases.hosts import leave_hosts
from backend.engine.phases.lifetime import end_lifetimes
from backend.engine.phases.notices import heed_notices
from backend.engine.phases.rebalance import rebalance
from backend.engine.phases.rebuild import rebuild
from backend.engine.phases.refresh import refresh_nodes
from backend.engine.phases.relaunch import relaunch
from backend.engine.phases.rest import rest
from backend.engine.phases.retire import retire
from backend.engine.phases.settle import settle
from backend.engine.phases.traffic import lead_traffic
from backend.engine.phases.waits import lead_waits
from backend.engine.phases.warm_pool import lead_warm_pool
from backend.engine.settings import EngineSettings
from backend.engine.snapshot import Snapshot

PHASES: tuple[Callable[[Draft], None], ...] = (
    settle,
    lead_waits,
    delete_all,
    launch_directly,
    check_health,
    end_lifetimes,
    heed_notices,
    leave_hosts,
    refresh_nodes,
    retire,
    rebalance,
    meet_capacity,
    lead_warm_pool,
    relaunch,
    lead_traffic,
    rebuild,
    depart,
    rest,
)


UNDER_BRAKE: frozenset[Callable[[Draft], None]] = frozenset({settle, lead_waits, lead_traffic, depart, rest})
"""What goes on while an operator's brake is on: what was begun is seen to its end, and nothing is begun."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a cluster now, and when to look again at the latest.

    Attributes:
        acts: what the cloud is told when the changes are written.
        places_wanted: there are launches too, once it is known where the cluster's subnets lie.
        question: somebody outside is to choose who goes.
        faults_wanted: nodes whose launch failed for reasons that the cloud knows better.
        types_wanted: there are launches too, once it is known what types the cloud offers.
        quotas_wanted: likewise, once it is known how much the cloud lets the project have.
    """

    changes: Changes
    acts: tuple[Act, ...]
    due_at: datetime
    places_wanted: bool = False
    faults_wanted: tuple[Node, ...] = ()
    types_wanted: bool = False
    question: Question | None = None
    quotas_wanted: bool = False


def make_plan(snapshot: Snapshot, now: datetime, settings: EngineSettings, rng: Random) -> Plan:
    """What brings a cluster nearer to what is desired.

    Args:
        rng: breaks ties, spreads deadlines and makes ids.

    Returns:
        Due at once where there is more to do than one pass does, else at the next deadline, never later than the
        settings' sweep.
    """
    settings = settings.sized(snapshot.sizes, asked(snapshot.tags))
    draft = Draft(snapshot, now, settings, rng)
    for phase in PHASES:
        if snapshot.braked and phase not in UNDER_BRAKE:
            continue
        phase(draft)
        if draft.turned:
            break
    sweep = now + settings.sweep * rng.uniform(0.5, 1.0)
    due_at = now if draft.again else min((*(max(at, now) for at in draft.wakes), sweep))
    wanted = draft.places_wanted, tuple(draft.faults_wanted), draft.types_wanted, draft.question, draft.quotas_wanted
    return Plan(draft.changes, tuple(draft.acts), due_at, *wanted)
