"""Deliberate faults of the engine, each of which the simulation must catch: the test of the test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from tests.simulation import broken_engine as engine
from tests.simulation import broken_rules as rules
from tests.simulation import broken_store as store
from tests.simulation.moods import BIG, MEDDLING, NORMAL, OMITTING, OVERTAKEN, SILENT, TRIALS, WILD, Mood


class Mutation(NamedTuple):
    """A deliberate fault, the mood in which it shows soonest, and a seed not far before one that shows it."""

    mutate: Callable[[], AbstractContextManager[Any]]
    mood: Mood = NORMAL
    first: int = 0


MUTATIONS = (
    Mutation(engine.drop_the_fence, OVERTAKEN, 12),
    Mutation(engine.skip_adopt),
    Mutation(engine.launch_before_claim),
    Mutation(engine.ignore_generation, MEDDLING, 5),
    Mutation(engine.no_orphan_sweep, OVERTAKEN, 1),
    Mutation(engine.forget_the_pending),
    Mutation(engine.silence_is_death, SILENT),
    Mutation(engine.no_brake, BIG, 14),
    Mutation(engine.ignore_protection, BIG, 8),
    Mutation(engine.repeat_lost_launches, first=4),
    Mutation(engine.wait_for_ever, WILD),
    Mutation(engine.forget_the_journal),
    Mutation(engine.ask_once, WILD, 2),
    Mutation(engine.lose_wakes, MEDDLING),
    Mutation(engine.skip_the_draining),
    Mutation(engine.delete_before_removal),
    Mutation(engine.believe_in_additions, WILD),
    Mutation(rules.builds_all_at_once, BIG),
    Mutation(rules.never_waits_after_failures, SILENT, 3),
    Mutation(rules.never_cools_down, first=1),
    Mutation(rules.protects_no_new_node, first=4),
    Mutation(rules.scales_in_too_far, first=5),
    Mutation(rules.runs_the_suspended),
    Mutation(rules.settles_sources_at_once),
    Mutation(rules.trusts_every_listing, OMITTING),
    Mutation(rules.leaves_members_behind),
    Mutation(rules.moves_beyond_the_maximum, BIG, 4),
    Mutation(rules.registers_nobody),
    Mutation(rules.forgets_before_it_is_gone),
    Mutation(rules.launches_in_one_zone),
    Mutation(rules.serves_before_it_is_up),
    Mutation(rules.judges_nobody, TRIALS["notices_death"]),
    Mutation(rules.never_gives_up, TRIALS["gives_up"]),
    Mutation(rules.holds_nothing_back, TRIALS["bears_mass_failure"]),
    Mutation(rules.replaces_nobody, TRIALS["notices_death"]),
    Mutation(rules.never_rebalances, TRIALS["moves_house"]),
    Mutation(rules.retires_nobody, TRIALS["moves_house"]),
    Mutation(store.renews_nothing, TRIALS["holds_on"]),
    Mutation(store.forgets_desired),
    Mutation(store.asks_nobody_at_once, TRIALS["heeds_at_once"]),
    Mutation(store.reads_nodes_of_all),
    Mutation(store.lists_activities_of_all),
    Mutation(store.loses_tags),
    Mutation(store.protects_nobody),
    Mutation(store.forgets_suspensions),
    Mutation(store.looks_at_no_project),
    Mutation(store.adopts_across_launches),
)

UNPLACED = (
    Mutation(engine.keep_the_token),  # by now such a server is let go again
    Mutation(engine.no_member_sweep),
    Mutation(rules.scales_in_anywhere),
    Mutation(rules.scales_in_by_chance),
    Mutation(rules.ignores_graces),
    Mutation(rules.launches_where_it_failed),
    Mutation(rules.waits_for_hung_boots),
    Mutation(rules.gives_launches_up_at_once),
    Mutation(rules.judges_the_unseen),
    Mutation(rules.ends_the_young),
    Mutation(rules.deletes_but_once),
    Mutation(rules.looks_back_not_at_all),
    Mutation(rules.looks_at_orphans_once),
    Mutation(store.wakes_nobody),
    Mutation(store.takes_older_statuses),
    Mutation(store.drops_the_seen),
    Mutation(store.looks_without_lease),
    Mutation(store.claims_the_held),
    Mutation(store.keeps_the_generation),
    Mutation(store.notes_no_orphans),
    Mutation(store.misses_nothing),
    Mutation(store.counts_the_dead),
    Mutation(store.keeps_registrations),
    Mutation(store.keeps_backoffs),
    Mutation(store.keeps_causes),
    Mutation(store.desires_one_more),
)
"""Faults for which a mood and a seed that show them within the bound are still to be found: the test leaves them out."""
