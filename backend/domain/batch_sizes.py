"""How much of a group is asked of the cloud at once, where others than the engine's settings say so.

The settings hold for all. An operator's number holds for a region, a project, or a project in a region, the narrowest
before the others. A tag of a group makes its own batches smaller, never larger: the cloud is not its owner's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backend.domain.cluster import Tag


class Batch(StrEnum):
    """What is done in batches, by the operator's word for it."""

    SERVERS = "servers-per-call"
    LAUNCHES = "launches"
    FIRST_LAUNCHES = "first-launches"
    DELETIONS = "deletions"
    REGISTRATIONS = "registrations"


MOST: Final[Mapping[Batch, int]] = {
    Batch.SERVERS: 100,
    Batch.LAUNCHES: 1000,
    Batch.FIRST_LAUNCHES: 1000,
    Batch.DELETIONS: 1000,
    Batch.REGISTRATIONS: 1000,
}
"""The least is one."""
TAG: Final = "coppice:batch:"
"""Keys of tags are this and the word: ``coppice:batch:launches``."""


class BatchUnreadable(ValueError):
    """A tag names no batch, or has a value that is no size of it; in one sentence."""


@dataclass(frozen=True, slots=True)
class Sized:
    """An operator's number. ``project_id`` and ``region`` are empty for all."""

    project_id: str
    region: str
    batch: Batch
    size: int


def of_tag(key: str, value: str) -> tuple[Batch, int] | None:
    """What a tag says of a batch; None where it is about something else.

    Raises:
        BatchUnreadable
    """
    if not key.startswith(TAG):
        return None
    word = key.removeprefix(TAG)
    if word not in list(Batch):
        raise BatchUnreadable(f"{TAG} is followed by one of {', '.join(Batch)}.")
    batch = Batch(word)
    if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= MOST[batch]):
        raise BatchUnreadable(f"The value of the tag {key} is a number from 1 to {MOST[batch]}.")
    return batch, int(value)


def ordered(found: Iterable[Sized]) -> dict[Batch, int]:
    """What an operator's numbers, all of which are about one project in one region, come to: the narrowest holds."""
    by_width = sorted(found, key=lambda each: (each.project_id != "", each.region != ""))
    return {each.batch: each.size for each in by_width}


def asked(tags: Iterable[Tag]) -> dict[Batch, int]:
    """What a group's own tags say; one that was written when nobody looked says nothing."""
    told: dict[Batch, int] = {}
    for tag in tags:
        try:
            said = of_tag(tag.key, tag.value)
        except BatchUnreadable:
            continue
        if said is not None:
            told[said[0]] = said[1]
    return told
