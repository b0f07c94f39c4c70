"""Nodes put under replacement one after the other, as far as the cluster's pace lets them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.domain.activity import Cause, CauseKind
from backend.domain.cluster import Process
from backend.domain.node import ARRIVING, LeavesFor, Node
from backend.engine.draft import Draft, Wish
from backend.policies.replacement import margin


class Replacing:
    """What is counted once, and kept true by what is begun: a cluster of thousands is not counted for each node.

    Attributes:
        room: what more may be put under replacement now, in units.
    """

    def __init__(self, draft: Draft) -> None:
        self.room = draft.replaceable()
        self._above = draft.pace.at_once - draft.ahead() - draft.wished()  # what more may be launched ahead, in units
        self._draft = draft
        self._launches_first = draft.pace.launch_first and draft.runs(Process.LAUNCH)
        self._surplus = draft.surplus() if self._launches_first else 0
        self.extra = {new.id for new, _ in draft.pairs()}
        self.shortfalls = draft.shortfalls()

    def begin(self, node: Node, leaves_for: LeavesFor, *, launch: Cause, end: Cause) -> None:
        """A successor is wished for, or the node goes at once: also where there are too many nodes anyway.

        It waits for its successor while as much is ahead as may be: one that failed is ahead until it goes, too. What
        lacks of one that has come in part is no more than was let ahead of it already.

        Args:
            launch, end: why its successor is launched, and why it goes.

        Source: Auto Scaling User Guide, "Instance maintenance policies": the maximum is of what is in service or
        pending while instances are replaced.
        """
        stake, rest = self._draft.stake(node), self.shortfalls.get(node.id)
        if (
            node.id in self.extra
        ):  # its predecessor serves still, and gets another successor: nobody comes before it goes
            self._draft.terminate(node, (end,), leaves_for)
            self._above += node.weight
        elif not self._launches_first or self._surplus >= node.weight:
            self._draft.terminate(node, (end,), leaves_for)
            self._surplus -= node.weight
        elif self._above > 0 or rest is not None:
            self._draft.wishes.append(Wish(node, launch, leaves_for, rest=rest))
            self._above -= stake
        else:
            return
        self.room -= stake


def followed(draft: Draft, shortfalls: Mapping[str, int]) -> set[str]:
    """Nodes that others are launched ahead of, or are wished for; not where a part of these has come and none comes.

    Args:
        shortfalls: the draft's, as it is now.
    """
    busy = {old.id for _, old in draft.pairs()} - shortfalls.keys()
    return busy | {wish.victim.id for wish in draft.wishes}


def launch_ahead(draft: Draft, leaving: Sequence[Node], kind: CauseKind, leaves_for: LeavesFor) -> None:
    """A successor is wished for each, as far as the margin goes; what is wanted anyway comes before.

    What lacks of one that has come in part was within the margin when that was begun.
    """
    shortfalls = draft.shortfalls()
    busy = followed(draft, shortfalls)
    room = margin(draft.cluster.spec.desired) - draft.ahead() - draft.wished()
    scales_out = draft.surplus() < 0 or any(node.replaces is None for node in draft.every(*ARRIVING))
    if scales_out:
        return
    for node in leaving:
        rest = shortfalls.get(node.id)
        if node.id not in busy and (room > 0 or rest is not None):
            room -= draft.stake(node)
            cause = Cause(kind, draft.now, {"server": node.server_id or ""})
            draft.wishes.append(Wish(node, cause, leaves_for, rest=rest))
