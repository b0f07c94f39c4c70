"""What an alarm is still to do about a state, as its row keeps it: a JSON value, and what can be said of it.

Its members beside the change of state itself (was, state, at in microseconds, data):

    server    the short id of the server that was watched when the state began: nothing is done to another
    todo      actions on that server that wait
    asked     actions that it is told of: action -> the epoch of the look that asks, NOBODY where none does any more
    policies  scaling policies have been asked, the rest is for the server: when they are asked again
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from backend.domain.alarm_actions import ActionFault
from backend.domain.alarms import AlarmState

Work = Mapping[str, Any]
NOBODY: Final = 0
"""In the place of an epoch: it was asked for, and no answer came."""


def with_server(work: Work, server: str | None, actions: Collection[str]) -> Work:
    """The same, to be done to that server, too."""
    return {**work, "server": server, "todo": list(dict.fromkeys(actions))}


def waiting(work: Work) -> tuple[str, ...]:
    """Actions on the server that nobody has begun with."""
    return tuple(work.get("todo", ()))


def asked(work: Work) -> Mapping[str, int]:
    """Actions on the server that somebody has begun with, and nobody has written what came of it: by the epoch."""
    return dict(work.get("asked", {}))


def is_for_server(work: Work) -> bool:
    """Whether something is still to be done to the server."""
    return bool(work.get("todo") or work.get("asked"))


def is_fresh(work: Work) -> bool:
    """Whether scaling policies have not been asked for this change yet."""
    return "policies" not in work


def is_for_policies(work: Work, now: datetime) -> bool:
    """Whether scaling policies are to be asked: at once, and with each evaluation while a server is waited for."""
    return is_fresh(work) or now >= datetime.fromisoformat(work["policies"])


def without_policies(work: Work, until: datetime) -> Work:
    """The same after they have been asked."""
    return {**work, "policies": until.isoformat()}


def given(work: Work, todo: Collection[str], under_way: Mapping[str, int]) -> Work:
    """The same with these actions on the server."""
    return {**work, "todo": list(todo), "asked": dict(under_way)}


def is_of_same_change(one: Work | None, other: Work | None) -> bool:
    """Whether both are of one and the same change of state."""
    if one is None or other is None:
        return False
    return all(one[member] == other[member] for member in ("was", "state", "at"))


def state_of(work: Work) -> AlarmState:
    """The state that it is done in."""
    return AlarmState(work["state"])


def left_over(work: Work) -> Mapping[str, ActionFault]:
    """Actions on the server that are not done any more, if nobody is about to; and how that is told."""
    unsure = {action: ActionFault.UNKNOWN for action, by in asked(work).items() if by == NOBODY}
    return {**dict.fromkeys(waiting(work), ActionFault.OVERTAKEN), **unsure}
