"""Deliberate faults of policies and phases: of when, where, how many and which."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from backend.domain.activity import CauseKind, ReasonKind
from backend.domain.node import ServerStatus
from backend.drivers import catalog
from backend.engine import choosing, draft, launching, observation, plan, sweeps
from backend.engine.phases import depart, health, notices, rebalance, retire, settle
from backend.engine.phases import traffic as traffic_phase
from backend.engine.revision import Revision
from backend.policies import backoff, bounds, cooldown, placement, termination, window
from backend.store import sightings
from backend.store.sightings import Sighting
from tests.simulation.putting import put, put_all

Broken = AbstractContextManager[Any]


def asks_beyond_the_quota() -> Broken:
    """What the cloud lets the project have keeps nothing back."""
    return put(launching, "_quotas", lambda _draft: [])


def forgets_the_quota_for_good() -> Broken:
    """How much there may be is asked for once, and never again."""
    return put(catalog, "_BRIEFLY", timedelta(days=1))


def builds_all_at_once() -> Broken:
    """There is no launch window."""
    return put(window, "room", lambda _rule, _came_up, _under_way, wanted, *_zones: wanted)


def never_waits_after_failures() -> Broken:
    """A launch that failed is tried again at once."""
    kept = backoff.failed_again

    def failed_again(rule: Any, before: Any, place: Any, now: Any, *more: Any, **named: Any) -> Any:
        return replace(kept(rule, before, place, now, *more, **named), retry_at=now)

    return put(backoff, "failed_again", failed_again)


def never_gives_up() -> Broken:
    """Launches are tried for ever."""
    return put(backoff, "is_hopeless", lambda *_arguments: False)


def never_cools_down() -> Broken:
    """A change of capacity begins no cooldown."""
    return put(cooldown, "until", lambda _finished_at, _seconds, standing: standing)


def protects_no_new_node() -> Broken:
    """A cluster's wish to protect new nodes is not heeded."""
    kept = Revision.enter_service

    def enter(self: Any, node: Any, *arguments: Any) -> Any:
        entered = kept(self, node, *arguments)
        if node.in_service_at is None:
            self.put(replace(self.nodes[node.id], protected=False))
        return entered

    return put(Revision, "enter_service", enter)


def scales_in_anywhere() -> Broken:
    """Scale-in looks at no zones."""
    kept = termination.choose

    def choose(nodes: Any, number: int, view: Any, rng: Any, **named: Any) -> Any:
        own = {node.id: node for node in nodes}
        chosen = kept([replace(node, zone="any") for node in nodes], number, view, rng, **named)
        return [own[node.id] for node in chosen]

    return put(termination, "choose", choose)


def scales_in_by_chance() -> Broken:
    """Scale-in applies no rule."""
    return put(termination, "_key", lambda _node, _view, rng: (rng.random(),))


def scales_in_too_far() -> Broken:
    """One node more goes than there are too many."""
    kept = termination.choose

    def choose(nodes: Any, number: int, *arguments: Any, **named: Any) -> Any:
        return kept(nodes, number + 1, *arguments, **named)

    return put(termination, "choose", choose)


def ignores_graces() -> Broken:
    """A user's verdict is carried out at once."""
    return put(health, "_is_due", lambda *_arguments: True)


def runs_the_suspended() -> Broken:
    """Suspended processes run."""
    return put(draft.Draft, "runs", lambda *_arguments: True)


def moves_beyond_the_maximum() -> Broken:
    """Rebalancing may exceed the maximum by ten nodes."""
    return put(rebalance, "margin", lambda _maximum: 10)


def launches_in_one_zone() -> Broken:
    """All new nodes go to the first zone."""

    def spread(_counts: Any, zones: Any, number: int, **_options: Any) -> dict[str, int]:
        return {zones[0]: number} if number > 0 else {}

    return put(placement, "spread", spread)


def launches_where_it_failed() -> Broken:
    """Zones in which launches failed are not avoided."""
    return put(choosing, "closed_places", lambda _draft: set())


def serves_before_it_is_up() -> Broken:
    """A node comes into service as soon as its server is known."""
    return put(settle, "booted", lambda _draft, _node: True)


def waits_for_hung_boots() -> Broken:
    """A server that never comes up is waited for."""
    kept = Revision.fail_launch

    def fail(self: Any, node: Any, reason: Any) -> Any:
        return None if reason.kind is ReasonKind.START_TIMEOUT else kept(self, node, reason)

    return put(Revision, "fail_launch", fail)


def gives_launches_up_at_once() -> Broken:
    """A launch whose servers are not known yet counts as lost."""
    return put(settle, "is_lost", lambda *_arguments: True)


def judges_nobody() -> Broken:
    """Servers that are down are no reason to replace their nodes."""
    return put(health, "_judge", lambda *_arguments: None)


def judges_the_unseen() -> Broken:
    """A server whose host does not report counts as down."""
    return put(health, "BAD", {**health.BAD, ServerStatus.UNKNOWN: health.BAD[ServerStatus.STOPPED]})


def holds_nothing_back() -> Broken:
    """A mass failure is replaced like any other."""
    return put(health, "_is_held", lambda *_arguments: False)


def replaces_nobody() -> Broken:
    """Unhealthy nodes stay."""
    return put(health, "_replace", lambda *_arguments: None)


def heeds_no_notice() -> Broken:
    """What the cloud says of servers that it takes back is not heard."""
    return put(plan, "PHASES", tuple(phase for phase in plan.PHASES if phase is not notices.heed_notices))


def ends_the_young() -> Broken:
    """A node has outlived its time as soon as there is one."""

    def outlived(self: Any, _node: Any) -> bool:
        return self.cluster.spec.maximum_lifetime_seconds is not None

    return put(draft.Draft, "outlived", outlived)


def never_rebalances() -> Broken:
    """Nodes stay in zones that are the cluster's no more."""
    return put_all(
        (rebalance, "_migrate", lambda *_arguments: None), (rebalance, "_even_out", lambda *_arguments: None)
    )


def retires_nobody() -> Broken:
    """Whoever was replaced ahead stays."""
    return put(retire, "_why", lambda *_arguments: None)


def deletes_but_once() -> Broken:
    """A deletion is not asked for again."""
    return put(depart, "_is_due", lambda _draft, node: node.delete_requested_at is None)


def forgets_before_it_is_gone() -> Broken:
    """A node leaves the rows while its server is being deleted."""
    gone = {ServerStatus.DELETING, ServerStatus.DELETED}
    return put(depart, "_is_gone", lambda _draft, node: node.server_id is None or node.server_status in gone)


def registers_nobody() -> Broken:
    """Nodes do not become members of their cluster's pools."""
    return put(traffic_phase, "_join", lambda *_arguments: None)


def leaves_members_behind() -> Broken:
    """Members are drained and never taken out."""
    return put(traffic_phase, "_deregister", lambda *_arguments: None)


def settles_sources_at_once() -> Broken:
    """A pool that is being detached counts as left at once."""
    return put(
        traffic_phase,
        "_settled",
        lambda draft_: (source for source in draft_.cluster.sources if source.wanted),
    )


def looks_back_not_at_all() -> Broken:
    """A listing of changes begins where the last one ended."""
    return put(observation, "changes_since", lambda seen_until, _now, _settings: seen_until)


def trusts_every_listing() -> Broken:
    """What a complete listing lacks is gone."""

    def confirm(look: Any, listed: Any) -> Any:
        context, scope = look.context, look.scope
        with context.store.read() as conn:
            missing = sightings.missing(conn, scope, listed, look.started)
        seen = [Sighting(server, ServerStatus.DELETED, context.now()) for server in missing]
        if seen:
            context.store.transact(lambda conn: look.record(seen, conn))
        yield from ()

    return put(observation, "_confirm", confirm)


def looks_at_orphans_once() -> Broken:
    """Servers that nobody owned go without a second look."""
    return put(sweeps.ServerSweep, "_judge", lambda _self, due, _answers, _conn: (list(due), []))


def judges_by_no_pool() -> Broken:
    """What pools say of their members is no reason to replace anybody."""
    return put(health, "_judge_traffic", lambda *_arguments: None)


def forgives_what_users_said() -> Broken:
    """A server that runs clears its node of whatever was said of it."""
    return put(health, "_OBSERVED", frozenset(CauseKind))


def takes_any_capacity() -> Broken:
    """A desired capacity may be beyond the bounds."""
    return put(bounds, "check_desired", lambda *_arguments: None)


def believes_every_token() -> Broken:
    """A server comes from the launch that it names, whenever it was made."""
    return put(sweeps.ServerSweep, "_is_of_its_launch", lambda *_arguments: True)
