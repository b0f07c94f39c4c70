"""Launches that nobody knows to have been asked for are asked for again, as the same launches. Pure."""

from __future__ import annotations

from backend.domain.node import ARRIVING, WARMING, Node
from backend.engine.draft import Draft
from backend.engine.launches import order


def relaunch(draft: Draft) -> None:
    """Those that settle let go on and that nothing has chosen to go since."""
    by_launch: dict[str, list[Node]] = {}
    for node in draft.every(*ARRIVING, *WARMING):
        before = draft.before.nodes.get(node.id)
        if before is not None and before.unheard_at is not None and node.unheard_at is None:
            by_launch.setdefault(node.launch_id, []).append(node)
    for nodes in by_launch.values():
        profile = draft.profile_of(nodes[0])
        if profile is None:
            continue  # settle gives it up
        draft.act(order(draft, nodes, profile))
        draft.wake(draft.now + draft.settings.launch_grace)
