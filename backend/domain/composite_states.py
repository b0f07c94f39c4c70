"""Which state a composite alarm is in by those of others, which of them say so, and when its actions are held. Pure.

Source: CloudWatch User Guide, "Combining alarms", "Composite alarm action suppression"; conformance/recorded
alarm_composites and test_trigger_composite_alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.domain.alarms import AlarmState, Held, Holder
from backend.domain.composites import Composite, Suppressor, Tree


@dataclass(frozen=True, slots=True)
class ChildState:
    """A state of an alarm, and since when it has it. One that is not there never had any data."""

    name: str
    state: AlarmState = AlarmState.INSUFFICIENT_DATA
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CompositeVerdict:
    """What a rule comes to.

    Attributes:
        because: the alarm that changed and made it so; all that the result rests on where none did.
        at: when that one changed; None where none did.
    """

    state: AlarmState
    because: tuple[ChildState, ...]
    at: datetime | None = None


def holds(tree: Tree, states: Sequence[AlarmState]) -> bool:
    """Whether a rule is met. ``states``: of the children, by their numbers."""
    if isinstance(tree, bool):
        return tree
    match tree:
        case ["is", state, child]:
            return bool(states[child] == state)
        case ["not", each]:
            return not holds(each, states)
        case ["and", *each]:
            return all(holds(one, states) for one in each)
        case ["or", *each]:
            return any(holds(one, states) for one in each)
        case _:
            return _quorum(tree, states)


def _quorum(tree: Sequence[Any], states: Sequence[AlarmState]) -> bool:
    """A child that is named twice counts twice. Source: conformance/recorded, dependencies/13."""
    _, number, state, negated, percent, children = tree
    met = sum((states[child] == state) is not negated for child in children)
    return bool(met * 100 >= number * len(children) if percent else met >= number)


def grounds(tree: Tree, states: Sequence[AlarmState]) -> set[int]:
    """The children that the result rests on, by number: where a rule is met those that meet it, else the others."""
    if isinstance(tree, bool):
        return set()
    result = holds(tree, states)
    match tree:
        case ["is", _, child]:
            return {child}
        case ["not", each]:
            return grounds(each, states)
        case ["and" | "or", *each]:
            return set().union(*(grounds(one, states) for one in each if holds(one, states) is result))
        case _:
            _, _, state, negated, _, children = tree
            return {child for child in children if ((states[child] == state) is not negated) is result}


def afresh(composite: Composite, children: Sequence[ChildState]) -> CompositeVerdict:
    """The state of a composite alarm whose rule is new. ``children``: in the order of the rule's."""
    states = [child.state for child in children]
    because = tuple(children[number] for number in sorted(grounds(composite.tree, states)))
    return CompositeVerdict(_state(composite, states), because)


def after(
    composite: Composite, seen: Sequence[AlarmState], children: Sequence[ChildState], state: AlarmState
) -> CompositeVerdict | None:
    """The state after others changed theirs; None where it keeps its own, as it does while none of them changed.

    Several may have changed since the rule was looked at last. They are taken in the order of their changes: the one
    that made the result what it is in the end is the one that is told.

    Args:
        seen: states of the children as they were then.
        children: as they are now, in the order of the rule's.
        state: the state that it has.
    """
    last = _state(composite, [child.state for child in children])
    moved = [number for number, child in enumerate(children) if seen[number] is not child.state]
    if last is state or not moved:
        return None
    moved.sort(key=lambda number: (children[number].at is not None, children[number].at, number))
    states, result, teller = list(seen), _state(composite, seen), children[moved[-1]]
    for number in moved:
        states[number] = children[number].state
        if (found := _state(composite, states)) is not result:
            result, teller = found, children[number]
    return CompositeVerdict(last, (teller,), teller.at)


def _state(composite: Composite, states: Sequence[AlarmState]) -> AlarmState:
    return AlarmState.ALARM if holds(composite.tree, states) else AlarmState.OK


@dataclass(frozen=True, slots=True)
class Change:
    """A change of state whose actions are asked for now. ``since``: when it was."""

    was: AlarmState
    to: AlarmState
    since: datetime


def suppressed(  # noqa: PLR0917 - who holds what back, as it was and as it is
    suppressor: Suppressor,
    other: ChildState,
    seen: AlarmState,
    held: Held | None,
    change: Change | None,
    now: datetime,
) -> tuple[Held | None, AlarmState | None]:
    """What holds actions back from now on, and the state before the change whose actions are carried out now.

    A change that is taken back while its actions are held leaves nothing to be done.

    Args:
        other: the suppressor as it is; ``seen``: its state when it was looked at last.
        held: what held actions back until now.
        change: None where the state is as it was.
    """
    was = None if held is None else held.was
    if change is not None:
        was = change.was if was is None else was
        was = None if was is change.to else was
    if other.state is AlarmState.ALARM:
        return (None if was is None else Held(Holder.ALARM, was)), None
    ends_at = held.until if held is not None and held.by is Holder.EXTENSION else None
    if seen is AlarmState.ALARM:
        ends_at = (other.at or now) + suppressor.extension
    if ends_at is not None and ends_at > now:
        return Held(Holder.EXTENSION, was, ends_at), None
    if was is None:
        return None, None
    if change is not None:
        ends_at = change.since + suppressor.wait
    elif held is not None and held.by is Holder.WAIT:
        ends_at = held.until
    if ends_at is not None and ends_at > now:
        return Held(Holder.WAIT, was, ends_at), None
    return None, was
