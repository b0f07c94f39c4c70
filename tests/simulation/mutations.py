"""Deliberate faults of the engine, each of which the simulation must catch: the test of the test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from tests.simulation import broken_brakes as brakes
from tests.simulation import broken_building as building
from tests.simulation import broken_composing as composing
from tests.simulation import broken_direct as direct
from tests.simulation import broken_engine as engine
from tests.simulation import broken_hooks as hooks
from tests.simulation import broken_mixes as mixes
from tests.simulation import broken_rebuilds as rebuilds
from tests.simulation import broken_refreshes as refreshes
from tests.simulation import broken_rules as rules
from tests.simulation import broken_scaling as scaling
from tests.simulation import broken_store as store
from tests.simulation import broken_telling as telling
from tests.simulation import broken_warm_pools as warm_pools
from tests.simulation.moods import (
    BIG,
    BRAKED,
    COMPOSED,
    DIRECT,
    HOOKED,
    MEDDLING,
    MIXED,
    NORMAL,
    OMITTING,
    OVERTAKEN,
    REBUILDING,
    REFRESHING,
    SCALING,
    SILENT,
    TIMED,
    TRIALS,
    WARMED,
    WARMED_HOOKED,
    WILD,
    Mood,
)


class Mutation(NamedTuple):
    """A deliberate fault, the mood in which it shows soonest, and a seed not far before one that shows it."""

    mutate: Callable[[], AbstractContextManager[Any]]
    mood: Mood = NORMAL
    first: int = 0


def _trial(mutate: Callable[[], AbstractContextManager[Any]], trial: str, first: int = 0) -> Mutation:
    return Mutation(mutate, TRIALS[trial], first)


MUTATIONS = (
    Mutation(engine.drop_the_fence, OVERTAKEN, 14),
    Mutation(engine.skip_adopt),
    Mutation(engine.launch_before_claim),
    _trial(engine.ignore_generation, "heeds_the_last_word", 1),
    _trial(engine.no_orphan_sweep, "ends_what_nobody_owns"),
    Mutation(engine.forget_the_pending),
    Mutation(engine.silence_is_death, SILENT, 8),
    _trial(engine.no_brake, "bears_closed_pools", 1),
    _trial(engine.ignore_protection, "spares_the_protected"),
    Mutation(engine.repeat_lost_launches, first=4),
    Mutation(engine.wait_for_ever, WILD, 2),
    Mutation(engine.forget_the_journal),
    _trial(engine.ask_once, "asks_again"),
    _trial(engine.lose_wakes, "spares_the_young"),
    Mutation(engine.skip_the_draining),
    Mutation(engine.delete_before_removal),
    Mutation(engine.believe_in_additions, WILD, 4),
    Mutation(engine.keep_the_token),
    _trial(engine.no_member_sweep, "takes_out_latecomers"),
    _trial(engine.no_port_sweep, "ends_loose_ports"),
    _trial(engine.ends_young_ports, "ends_loose_ports"),
    _trial(engine.looks_at_ports_once, "ends_loose_ports"),
    _trial(engine.takes_anybody_s, "bears_strange_metadata"),
    _trial(engine.piles_up_successors, "bears_stopping_images"),
    _trial(engine.counts_anybody_as_arrived, "bears_closed_pools"),
    _trial(engine.tells_every_refusal, "outlives_dead_delegation"),
    _trial(engine.readmits_nobody, "outlives_dead_delegation", 3),
    _trial(engine.sets_no_deadlines, "gives_up_a_hung_boot", 1),
    Mutation(engine.parks_nobody, first=2),
    Mutation(engine.lets_nobody_go),
    Mutation(engine.takes_nobody_in, MEDDLING),
    Mutation(mixes.counts_each_as_one, MIXED),
    Mutation(mixes.shares_nothing_out, MIXED),
    Mutation(rules.builds_all_at_once, BIG),
    Mutation(rules.never_waits_after_failures, SILENT, 12),
    Mutation(rules.never_cools_down, first=1),
    Mutation(rules.protects_no_new_node, first=4),
    _trial(rules.scales_in_anywhere, "shrinks_evenly"),
    _trial(rules.scales_in_by_chance, "shrinks_evenly"),
    _trial(rules.scales_in_too_far, "shrinks_evenly"),
    _trial(rules.ignores_graces, "spares_the_young"),
    Mutation(rules.runs_the_suspended, first=5),
    Mutation(rules.settles_sources_at_once),
    Mutation(rules.trusts_every_listing, OMITTING),
    Mutation(rules.leaves_members_behind),
    Mutation(rules.moves_beyond_the_maximum, BIG, 15),
    Mutation(rules.registers_nobody),
    Mutation(rules.forgets_before_it_is_gone),
    Mutation(rules.launches_in_one_zone, first=1),
    _trial(rules.launches_where_it_failed, "avoids_a_full_zone"),
    Mutation(rules.serves_before_it_is_up),
    _trial(rules.waits_for_hung_boots, "gives_up_a_hung_boot"),
    _trial(rules.gives_launches_up_at_once, "finds_lost_answers"),
    _trial(rules.judges_nobody, "notices_death"),
    _trial(rules.judges_the_unseen, "bears_the_unseen"),
    _trial(rules.judges_by_no_pool, "heeds_its_pool"),
    Mutation(rules.forgives_what_users_said),
    _trial(rules.never_gives_up, "gives_up"),
    _trial(rules.holds_nothing_back, "bears_mass_failure"),
    _trial(rules.replaces_nobody, "notices_death"),
    Mutation(rules.ends_the_young),
    _trial(rules.heeds_no_notice, "goes_before_it_is_taken_back"),
    _trial(rules.never_rebalances, "moves_house"),
    _trial(rules.retires_nobody, "moves_house"),
    _trial(rules.deletes_but_once, "asks_again"),
    _trial(rules.looks_back_not_at_all, "notices_death"),
    _trial(rules.looks_at_orphans_once, "spares_what_was_reclaimed"),
    Mutation(rules.takes_any_capacity),
    _trial(rules.believes_every_token, "bears_strange_metadata"),
    _trial(store.wakes_nobody, "notices_death"),
    _trial(store.takes_older_statuses, "believes_the_latest", 1),
    _trial(store.drops_the_seen, "takes_in_the_late"),
    _trial(store.looks_without_lease, "tells_refusals_once"),
    _trial(store.renews_nothing, "holds_on"),
    Mutation(store.measures_the_measured, OVERTAKEN, 37),
    _trial(store.claims_the_held, "holds_on"),
    Mutation(store.forgets_desired),
    _trial(store.asks_nobody_at_once, "heeds_at_once"),
    _trial(store.keeps_the_generation, "heeds_the_last_word"),
    _trial(store.reads_nodes_of_all, "keeps_to_its_own"),
    Mutation(store.lists_activities_of_all),
    Mutation(store.loses_tags),
    Mutation(store.protects_nobody),
    Mutation(store.forgets_suspensions, first=2),
    Mutation(store.looks_at_no_project),
    _trial(store.notes_no_orphans, "ends_what_nobody_owns"),
    _trial(store.knows_every_claim, "lives_beside_another"),
    _trial(store.remembers_no_detachment, "spares_the_detached"),
    Mutation(store.misses_nothing),
    Mutation(store.adopts_across_launches),
    Mutation(store.counts_the_dead),
    Mutation(store.keeps_registrations),
    _trial(store.forgets_pools_at_once, "takes_out_latecomers"),
    _trial(store.hears_no_monitor, "heeds_its_pool"),
    _trial(store.keeps_backoffs, "forgets_old_failures"),
    Mutation(store.keeps_causes),
    Mutation(store.desires_one_more),
    Mutation(hooks.passes_at_the_first_answer, HOOKED),
    Mutation(hooks.waits_beyond_every_deadline, HOOKED),
    Mutation(hooks.passes_before_the_deadline, HOOKED),
    Mutation(hooks.tells_nobody_of_a_wait, HOOKED),
    Mutation(hooks.holds_nobody, HOOKED),
    Mutation(hooks.goes_on_abandoned, HOOKED),
    Mutation(refreshes.takes_the_protected, REFRESHING, 7),
    Mutation(refreshes.keeps_nobody_back, REFRESHING, 17),
    Mutation(refreshes.is_back_at_once, REFRESHING),
    Mutation(refreshes.never_comes_to_its_end, REFRESHING),
    Mutation(rebuilds.writes_nothing, REBUILDING),
    Mutation(rebuilds.asks_twice, REBUILDING),
    Mutation(rebuilds.comes_back_too_soon, REBUILDING),
    Mutation(rebuilds.brings_no_mix, REBUILDING),
    Mutation(warm_pools.draws_nobody, WARMED),
    Mutation(warm_pools.draws_all, WARMED),
    Mutation(warm_pools.lets_anybody_back, WARMED),
    Mutation(warm_pools.stops_nobody, WARMED),
    Mutation(warm_pools.sizes_by_the_maximum, WARMED),
    Mutation(warm_pools.lets_the_pool_stay, WARMED),
    Mutation(warm_pools.holds_nobody_in_the_pool, WARMED_HOOKED),
    Mutation(scaling.counts_the_old_as_warm, SCALING, 36),
    Mutation(scaling.lets_others_warm_it_up, SCALING),
    Mutation(scaling.takes_away_what_is_not_foreseen, SCALING),
    Mutation(scaling.goes_below_what_is_foreseen, SCALING),
    Mutation(scaling.acts_whenever_it_looks, SCALING),
    Mutation(composing.tells_no_parents, COMPOSED),
    Mutation(composing.keeps_its_state, COMPOSED),
    Mutation(direct.raises_nothing_for_what_was_made, DIRECT),
    Mutation(direct.ends_before_the_cloud_has_answered, DIRECT),
    Mutation(telling.tells_in_another_transaction, TIMED, 5),
    Mutation(telling.gives_up_in_silence, TIMED),
    Mutation(telling.forgets_what_was_not_taken, TIMED),
    Mutation(telling.runs_once_an_engine, TIMED),
    Mutation(telling.sleeps_over_schedules, TIMED),
    Mutation(brakes.begins_under_a_brake, BRAKED),
    Mutation(brakes.heeds_no_brake, BRAKED),
    Mutation(brakes.goes_on_by_older_plans, BRAKED),
    _trial(building.keeps_the_mark, "ends_what_was_built"),
    _trial(building.forgets_a_deletion, "ends_what_was_built"),
    _trial(building.ends_no_subnet, "ends_what_was_built"),
    _trial(building.leads_nobody_out, "ends_what_was_built"),
    _trial(building.tells_no_names, "ends_what_was_built"),
    _trial(building.puts_parts_before_their_pools, "ends_what_was_built"),
    _trial(building.deletes_no_balancer, "ends_what_was_built"),
    _trial(building.ends_no_group, "ends_what_was_built"),
    _trial(building.houses_nobody, "ends_what_was_built"),
)
