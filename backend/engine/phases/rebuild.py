"""Nodes whose root disks are written anew: drained, rebuilt, and back in service, with hooks before and after. Pure."""

from __future__ import annotations

from backend.domain.activity import Reason, ReasonKind
from backend.domain.hooks import Transition
from backend.domain.node import ENDED_STATUSES, REBUILDING, Node, NodeState, ServerStatus, move
from backend.engine.acts.rebuild_server import RebuildServer
from backend.engine.draft import Draft
from backend.engine.phases.settle import fault_of, was_seen_since


def rebuild(draft: Draft) -> None:
    for node in draft.every(*REBUILDING - {NodeState.REPLACING_ROOT_VOLUME_WAIT}):
        if node.server_status in ENDED_STATUSES:
            draft.fail_rebuild(node, Reason(ReasonKind.SERVER_VANISHED))
        elif draft.before.nodes[node.id].state is not node.state:
            draft.again = True  # one move is written at a time
        else:
            _STEPS[node.state](draft, node)


def _set_out(draft: Draft, node: Node) -> None:
    """It is drained first, and then hooks are asked."""
    if not draft.takes_traffic(node) and not _is_held(draft, node, Transition.TERMINATING):
        _go_on(draft, node, NodeState.REPLACING_ROOT_VOLUME_PROCEED)


def _write_anew(draft: Draft, node: Node) -> None:
    """Its server is told once the rows say what it is to become, and is up again after that.

    It has its time from when the cloud took it on. Before that no time ends it: what could not be asked is no failure
    of its server, and what is refused for good the act itself gives up.
    """
    if node.rebuilds_to is not None:
        _tell(draft, node, node.rebuilds_to)
    elif node.server_status is ServerStatus.ACTIVE:
        _go_on(draft, node, NodeState.ROOT_VOLUME_REPLACED)
    elif node.server_status is ServerStatus.ERROR:
        draft.fail_rebuild(node, fault_of(draft, node))
    elif was_seen_since(draft, (node.power_asked_at or node.state_at) + draft.settings.boot_timeout):
        draft.fail_rebuild(node, Reason(ReasonKind.START_TIMEOUT))


def _tell(draft: Draft, node: Node, image: str) -> None:
    again_at = None if node.power_asked_at is None else node.power_asked_at + draft.settings.power_retry
    if again_at is None or again_at <= draft.now:
        draft.act(RebuildServer(draft.scope, node, image))
        draft.wake(draft.now + draft.settings.cloud_retry)
    else:
        draft.wake(again_at)


def _come_back(draft: Draft, node: Node) -> None:
    if not draft.active or not _is_held(draft, node, Transition.LAUNCHING):
        draft.enter_service(node)
        draft.again = True


def _is_held(draft: Draft, node: Node, transition: Transition) -> bool:
    """Whether hooks are asked now; the cluster is looked at again when their time is over."""
    held = draft.wait(node, transition)
    for action in draft.awaited(node):
        draft.wake(action.due_at)
    return held


def _go_on(draft: Draft, node: Node, state: NodeState) -> None:
    draft.put(move(node, state, draft.now, node.activity_id))
    draft.again = True


_STEPS = {
    NodeState.REPLACING_ROOT_VOLUME: _set_out,
    NodeState.REPLACING_ROOT_VOLUME_PROCEED: _write_anew,
    NodeState.ROOT_VOLUME_REPLACED: _come_back,
}
