"""The brake as an operator's word: put on, taken off, and what is told of it."""

from __future__ import annotations

from backend.commands import CannotDo
from backend.domain.brakes import Brake
from backend.store import brakes
from backend.store.session import Store


def suspend(store: Store, brake: Brake) -> str:
    """Put one on."""
    held, words = brakes.put(store, brake), brake.told()
    number = f"{held} groups" if held else "0 groups, so see that it is the place that is meant"
    return (
        f"{words[0].upper()}{words[1:]}: {number}. Nothing is launched and nothing ended there, but for what"
        f" was under way; {brake.lifted_by()} takes it off."
    )


def resume(store: Store, project: str, region: str) -> str:
    """Take one off. Raises CannotDo where it is not on; others that hold the same groups stay on."""
    if not brakes.lift(store, project, region):
        with store.read() as conn:
            others = [_with_its_end(each) for each in brakes.everywhere(conn)]
        raise CannotDo(f"no such brake is on{''.join(f'; {each}' for each in others)}")
    with store.read() as conn:
        left = [_with_its_end(each) for each in brakes.everywhere(conn)]
    return "".join(["The brake is off: what it held goes on.", *(f"\nStill, {each}." for each in left)])


def _with_its_end(brake: Brake) -> str:
    return f"{brake.told()} ({brake.lifted_by()})"
