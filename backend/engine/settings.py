"""How an engine works: its pace, its bounds and its patience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import ceil
from typing import Any, Final

from backend.domain.batch_sizes import Batch
from backend.engine.breaker import BreakerRule
from backend.policies.backoff import BackoffRule
from backend.policies.brake import BrakeRule
from backend.policies.sweep import SweepRule
from backend.policies.window import WindowRule


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """One engine's settings; every engine of an installation is given the same.

    Attributes:
        poll: pause between two looks at what is due, when nothing is under way, at first.
        poll_longest: it doubles up to that while nothing is due, where nobody tells the engine of what is; where
            somebody does it sleeps until it has to be heard of, or something is due.
        beat, silence: an engine is heard of that often; one that is not for so long is taken for dead, and what it
            had claimed is given back.
        share_patience: what comes first to one engine is anybody's after so long.
        drain: how long an engine that is told to stop waits for cloud calls under way.
        lease: how long a claim holds without being renewed.
        *_at_once: of each kind of work, so much is done at once of one region, half of it of one project. Of messages
            it is streams that are told, of alarms and measurements whole projects.
        messages_batch: messages of a stream that are told in a row.
        message_pause, message_longest_pause: pause after a message was not taken, doubling from the one to the other.
        message_patience: a message that was not taken for so long is given up.
        alarms_batch: alarms judged in one transaction.
        alarm_patience: what an alarm does to a server is asked for again for so long while the cloud cannot be asked,
            or is busy with that server.
        forecast: a policy's forecast is made anew after so long.
        measure_all: sources of metrics are asked for what no alarm and no policy looks at, too.
        cloud_calls: calls of one region under way at once, half of them of one project.
        breaker: when what does not answer is asked no more.
        watch_busy, watch_idle: pause between two listings of a project while nodes move, and while none does.
        watch_rest: while many nodes move the pause is that many times as long as the listing took, at least
            ``watch_busy`` and at most ``watch_idle``: a cloud that is busy is asked less. The last few are waited for
            at ``watch_busy``.
        pool_busy, pool_idle: pause between two listings of a pool's members while some are new, and while none is.
        pool_looks: listings a minute that the pools of a project cost together while nothing happens; the more pools
            there are, the longer is the pause of each.
        route_look: pause between two looks at who has the addresses that a VPC's routes lead to.
        balancer_busy, balancer_slow, balancer_idle: pause between two looks at a balancer's tree while the cloud
            changes it, at first and at most, and while it is as it is wished for.
        watch_full: pause between two complete listings.
        watch_overlap: a listing of changes reaches back that far before the last: covers clocks and stale listings.
        watch_glance: listings between those of every ``watch_idle`` reach back only that far, for what moves is told
            again by each listing that reaches it.
        watch_again: full listings that found servers missing go on after this pause.
        confirmations: servers missing from a listing that are asked for one by one in one observation.
        launch_batch: servers made by one call.
        consult_again: who chooses the nodes that go, and named too few, is asked again then, and by no pass sooner.
        launches, deletions: nodes launched and delete calls made by one pass over a cluster. What takes the place of
            one node is launched together, and so is what users launch by number, however much that is.
        registrations: members of one pool that one pass over a cluster adds, drains or removes.
        first_launches: nodes launched by one pass while no server was made yet of what is launched.
        window: how many servers of a cluster are built at once.
        launch_grace: a launch whose answer was lost and of which no server is seen for so long made none.
        relaunch_grace: a launch that nobody knows to have been asked for is asked for again after this, under the
            same token: servers that come of the first request nevertheless are found by it.
        boot_timeout: a server that is not active after so long has failed.
        delete_retry: a deletion is asked for again after this.
        power_retry: a start or stop of a server of the warm pool is asked for again after this.
        cloud_retry: pause after the cloud could not be asked.
        deregistration: how long a member is given no new connections before it is removed; zero: it is removed at once.
        deregistration_patience: a server goes, after its draining, although its pool could not be told for so long.
        refused_retry: pause after the cloud refused the engine; looks begin with ``cloud_retry`` and come to it.
        held_longest: the longest pause between two looks at networks, groups and balancers that the cloud holds up.
        orphan_grace: servers of ours that no node owns go after this.
        port_grace: a port that was made for a server and that none has for so long is nobody's.
        sweeping: the brake on the end of servers and members; ports go a few at a time.
        parting: projects and pools in which nothing of ours is left are looked at for so long: what an engine that died
            had under way may still arrive there.
        backoff: delays after failed launches.
        sweep: every cluster is looked at at least that often.
        brake: what a mass failure is, and how long replacement for health is put off for it.
        arrival_patience: pools that do not say whether a successor takes traffic are waited for so long.
        measure: pause between two readings of what is measured in the database.
        garbage: pause between two looks whether anything is too old.
        garbage_pause: pause between two batches of old records of a kind that an archive may want.
        activity_retention, claim_retention, token_retention: what is older is deleted.
        alarm_history_retention: what happened to alarms is told for so long.
        forecast_retention: what was foreseen for a day is told for so long after it.
        letter_retention: messages that were given up are there to be sent again for so long.
        session_retention: temporary keys are told as expired for so long, then they are unknown.
        minute_retention, five_minute_retention, hour_retention: metrics are kept for so long in periods of a minute, of
            five minutes, and of an hour; counted from the begin of the hour, or of the day, that is dropped with it.
        garbage_rows: deleted by one transaction, and a file of the archive.
    """

    poll: timedelta = timedelta(seconds=0.5)
    poll_longest: timedelta = timedelta(seconds=1)
    beat: timedelta = timedelta(seconds=3)
    silence: timedelta = timedelta(seconds=9)
    share_patience: timedelta = timedelta(seconds=0.5)
    drain: timedelta = timedelta(seconds=10)
    lease: timedelta = timedelta(seconds=60)
    clusters_at_once: int = 100
    watches_at_once: int = 40
    pools_at_once: int = 40
    groups_at_once: int = 10
    networks_at_once: int = 20
    balancers_at_once: int = 20
    addresses_at_once: int = 10
    powers_at_once: int = 20
    streams_at_once: int = 100
    messages_batch: int = 100
    message_pause: timedelta = timedelta(seconds=2)
    message_longest_pause: timedelta = timedelta(minutes=5)
    message_patience: timedelta = timedelta(hours=1)
    schedules_at_once: int = 20
    alarms_at_once: int = 10
    alarms_batch: int = 200
    alarm_patience: timedelta = timedelta(minutes=5)
    forecasts_at_once: int = 6
    forecast: timedelta = timedelta(hours=6)
    measurements_at_once: int = 20
    measure_all: bool = False
    cloud_calls: int = 16
    breaker: BreakerRule = field(default_factory=BreakerRule)
    watch_busy: timedelta = timedelta(seconds=1)
    watch_idle: timedelta = timedelta(seconds=15)
    watch_rest: float = 8.0
    pool_busy: timedelta = timedelta(seconds=2)
    pool_idle: timedelta = timedelta(seconds=15)
    pool_looks: int = 60
    route_look: timedelta = timedelta(minutes=1)
    balancer_busy: timedelta = timedelta(seconds=1)
    balancer_slow: timedelta = timedelta(seconds=15)
    balancer_idle: timedelta = timedelta(minutes=10)
    watch_full: timedelta = timedelta(minutes=15)
    watch_overlap: timedelta = timedelta(seconds=15)
    watch_glance: timedelta = timedelta(seconds=2)
    watch_again: timedelta = timedelta(seconds=5)
    confirmations: int = 100
    launch_batch: int = 25
    consult_again: timedelta = timedelta(seconds=30)
    launches: int = 500
    first_launches: int = 50
    window: WindowRule = field(default_factory=WindowRule)
    deletions: int = 200
    registrations: int = 500
    launch_grace: timedelta = timedelta(seconds=90)
    relaunch_grace: timedelta = timedelta(seconds=30)
    boot_timeout: timedelta = timedelta(minutes=30)
    delete_retry: timedelta = timedelta(seconds=60)
    power_retry: timedelta = timedelta(seconds=60)
    cloud_retry: timedelta = timedelta(seconds=5)
    deregistration: timedelta = timedelta(minutes=5)
    deregistration_patience: timedelta = timedelta(minutes=5)
    refused_retry: timedelta = timedelta(seconds=60)
    held_longest: timedelta = timedelta(minutes=10)
    orphan_grace: timedelta = timedelta(minutes=2)
    port_grace: timedelta = timedelta(minutes=10)
    sweeping: SweepRule = field(default_factory=SweepRule)
    parting: timedelta = timedelta(minutes=5)
    backoff: BackoffRule = field(default_factory=BackoffRule)
    sweep: timedelta = timedelta(hours=1)
    brake: BrakeRule = field(default_factory=BrakeRule)
    arrival_patience: timedelta = timedelta(minutes=10)
    measure: timedelta = timedelta(seconds=15)
    garbage: timedelta = timedelta(minutes=10)
    garbage_pause: timedelta = timedelta(seconds=2)
    activity_retention: timedelta = timedelta(days=42)
    claim_retention: timedelta = timedelta(days=42)
    token_retention: timedelta = timedelta(days=1)
    session_retention: timedelta = timedelta(days=1)
    letter_retention: timedelta = timedelta(days=14)
    alarm_history_retention: timedelta = timedelta(days=30)
    forecast_retention: timedelta = timedelta(days=367)
    minute_retention: timedelta = timedelta(days=15, hours=1)
    five_minute_retention: timedelta = timedelta(days=64)
    hour_retention: timedelta = timedelta(days=456)
    garbage_rows: int = 200

    def sized(self, by_operator: Mapping[Batch, int], by_tags: Mapping[Batch, int]) -> EngineSettings:
        """The settings for one group: an operator's number in the place of ours, a tag's where it is smaller still.

        A tag makes no batch smaller than a tenth: each costs calls and passes, which are not its owner's to spend.
        """
        wanted: dict[str, Any] = {SIZES[batch]: size for batch, size in by_operator.items()}
        for batch, size in by_tags.items():
            name = SIZES[batch]
            most = wanted.get(name, getattr(self, name))
            wanted[name] = min(most, max(size, ceil(most / 10)))
        if not wanted:
            return self
        made = replace(self, **wanted)
        return replace(made, first_launches=min(made.first_launches, made.launches))


SIZES: Final[Mapping[Batch, str]] = {
    Batch.SERVERS: "launch_batch",
    Batch.LAUNCHES: "launches",
    Batch.FIRST_LAUNCHES: "first_launches",
    Batch.DELETIONS: "deletions",
    Batch.REGISTRATIONS: "registrations",
}
