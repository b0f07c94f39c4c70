"""Deliberate faults of sizes of batches: of whose they are, which they are of, and what is left to the next pass."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from backend.domain.batch_sizes import Batch, Sized
from backend.engine import launching, plan, reading, settings
from backend.engine.draft import Draft
from backend.engine.phases import capacity, depart
from backend.store import batch_sizes
from tests.simulation.putting import put, put_all

Broken = AbstractContextManager[Any]


def heeds_no_tag() -> Broken:
    """What the owner of a group says of its batches is not heard."""
    return put(plan, "asked", lambda _tags: {})


def believes_larger_tags() -> Broken:
    """A tag makes a batch larger, too."""

    def sized(self: Any, by_operator: Any, by_tags: Any) -> Any:
        wanted = {settings.SIZES[batch]: size for batch, size in (*by_operator.items(), *by_tags.items())}
        return replace(self, **wanted)

    return put(settings.EngineSettings, "sized", sized)


def takes_another_project_s() -> Broken:
    """Whichever project an operator's number is of, it holds."""

    def over(conn: Any, scope: Any) -> Any:
        return [each for each in batch_sizes.everywhere(conn) if each.region in {batch_sizes.EVERY, scope.region}]

    return put(batch_sizes, "over", over)


def lets_the_widest_hold() -> Broken:
    """A number for all comes before one for a project."""

    def ordered(found: Any) -> dict[Batch, int]:
        def width(each: Sized) -> tuple[bool, bool]:
            return each.project_id == "", each.region == ""

        return {each.batch: each.size for each in sorted(found, key=width)}

    return put(reading, "ordered", ordered)


def takes_deletions_for_launches() -> Broken:
    """Each of the two sizes is read for the other."""
    launches, deletions = settings.SIZES[Batch.LAUNCHES], settings.SIZES[Batch.DELETIONS]
    swapped = {**settings.SIZES, Batch.LAUNCHES: deletions, Batch.DELETIONS: launches}
    return put(settings, "SIZES", swapped)


def gives_each_its_own_batch() -> Broken:
    """What replaces, what lacks and what warms launch a whole batch each."""

    def left(draft: Draft) -> int:
        return draft.settings.launches if launching.is_proven(draft) else draft.settings.first_launches

    return put_all((launching, "launches_left", left), (capacity, "launches_left", left))


def asks_for_all_in_one_call() -> Broken:
    """However many servers a launch has, one call asks for them."""
    return put(launching, "_batch", lambda number, _most: number)


def counts_no_member() -> Broken:
    """A pass changes as many members of a pool as there are."""
    return put(Draft, "has_room_for_members", lambda *_arguments: True)


def forgets_the_rest() -> Broken:
    """What one pass has no room for is left to whenever the next one comes."""

    def hushed(phase: Callable[[Draft], None]) -> Callable[[Draft], None]:
        def run(draft: Draft) -> None:
            before = draft.again
            phase(draft)
            draft.again = before

        return run

    forgetful = {depart.depart, capacity.meet_capacity}
    return put(plan, "PHASES", tuple(hushed(each) if each in forgetful else each for each in plan.PHASES))
