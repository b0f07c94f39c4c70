"""Whether a node is as a refresh would make it, reckoned apart from the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from backend.store import tables

if TYPE_CHECKING:
    from backend.domain.cluster import Cluster
    from backend.domain.node import Node
    from backend.domain.profile import LaunchSource
    from backend.domain.refreshes import Refresh
    from tests.simulation.world import World

_templates, _versions = tables.templates.c, tables.template_versions.c
Versions = dict[str, dict[str, int]]
"""Id of a template -> the numbers that its newest and its default version are named by."""


class Matching:
    """What is looked at is right for as long as no template changes: what was made of the one before is in doubt."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._before: Versions = {}
        self._now: Versions = {}

    def look(self) -> None:
        with self.world.store.watch() as conn:
            newest = select(func.max(_versions.version)).where(_versions.template_id == _templates.id)
            query = select(_templates.id, newest.scalar_subquery(), _templates.default_version)
            found = conn.execute(query).all()
        self._before = self._now
        self._now = {each: {"$Latest": latest, "$Default": default} for each, latest, default in found}

    def matches(self, node: Node, refresh: Refresh, cluster: Cluster) -> bool:
        """Whether it is of the template, version, type and image that are launched now; False where that is in doubt."""
        source, mix = refresh.source or cluster.spec.source, refresh.mix or cluster.spec.mix
        if mix is None or not mix.overrides:
            return self._is_of(node, source)
        return any(
            each.instance_type == node.instance_type
            and each.image == node.own_image
            and self._is_of(node, each.source or source)
            for each in mix.overrides
        )

    def _is_of(self, node: Node, source: LaunchSource) -> bool:
        made, template = node.profile, source.template_id
        if made is None or template is None or made.template_id != template:
            return False
        told = source.template_version or "$Default"
        here, before = self._now.get(template, {}), self._before.get(template, {})
        if told not in here:
            return str(made.template_version) == told
        return here[told] == before.get(told) == made.template_version
