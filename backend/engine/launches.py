"""Launches as a plan makes them: nodes that wait for servers, an entry each, and the act that makes these. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.activity import Cause
from backend.domain.ids import short_id
from backend.domain.lifecycle import told_as
from backend.domain.node import GROUP_TAG, Health, Node, NodeState
from backend.domain.warm_pools import SETTLED
from backend.engine.acts.create_servers import CreateServers
from backend.engine.draft import Draft
from backend.engine.snapshot import Profile, Snapshot

Place = tuple[str, str | None]
"""A zone, and a subnet there."""


def launch(
    draft: Draft,
    place: Place,
    profile: Profile,
    causes: Sequence[Cause],
    replaces: Sequence[str | None],
    *,
    state: NodeState = NodeState.PENDING,
) -> None:
    """New nodes in one place, whose servers one request makes.

    Args:
        replaces: for each node the id of the one it replaces, or None.
        state: where they begin: on their way into service, or into the warm pool.
    """
    launch_id = draft.new_id()
    made = []
    for replaced in replaces:
        node = _begun(draft, _node(draft, profile, launch_id, place, replaced), state)
        entry = draft.open(told_as(node), causes, node)
        made.append(draft.put(replace(node, activity_id=entry.id)))
    if draft.room is not None:
        draft.room -= len(made)
    if draft.snapshot.headroom is not None:
        for resource in draft.left:
            draft.left[resource] -= draft.snapshot.headroom.need(resource, profile.instance_type) * len(made)
    draft.act(order(draft, made, profile))


def _begun(draft: Draft, node: Node, state: NodeState) -> Node:
    """A new node, where it begins."""
    pool = draft.cluster.warm_pool
    if state is NodeState.PENDING or pool is None:
        return node
    return replace(node, state=state, warms_to=SETTLED[pool.state])


def order(draft: Draft, nodes: Sequence[Node], profile: Profile) -> CreateServers:
    """What asks for the servers of nodes of one launch."""
    first = nodes[0]
    tags = _tags(draft.snapshot, profile)
    return CreateServers(
        draft.scope,
        first.launch_id,
        tuple(node.id for node in nodes),
        first.zone,
        first.subnet_id,
        profile,
        tags.get("Name") or profile.spec.tags.get("Name") or draft.cluster.name,
        tags,
        draft.cluster.spec.server_group,
    )


def _node(draft: Draft, profile: Profile, launch_id: str, place: Place, replaces: str | None) -> Node:
    zone, subnet_id = place
    cluster = draft.cluster
    return Node(
        id=draft.new_id(),
        cluster_id=cluster.id,
        project_id=cluster.project_id,
        region=cluster.region,
        launch_id=launch_id,
        server_id=None,
        zone=zone,
        subnet_id=subnet_id,
        state=NodeState.PENDING,
        state_at=draft.now,
        health=Health.HEALTHY,
        health_cause=None,
        protected=False,
        profile=profile.ref,
        instance_type=profile.instance_type,
        image_id=None,
        created_at=draft.now,
        replaces=replaces,
        units=profile.units,
        preemptible=profile.preemptible,
        refresh_id=draft.made_for,
        own_image=profile.own_image,
    )


def _tags(snapshot: Snapshot, profile: Profile) -> dict[str, str]:
    """The cluster's own tags that propagate, and those that tell where a server comes from."""
    tags = {tag.key: tag.value for tag in snapshot.tags if tag.propagate}
    tags[GROUP_TAG] = snapshot.cluster.name
    if profile.ref.template_id is not None:
        tags["aws:ec2launchtemplate:id"] = f"lt-{short_id(profile.ref.template_id)}"
        tags["aws:ec2launchtemplate:version"] = str(profile.ref.template_version)
    return tags
