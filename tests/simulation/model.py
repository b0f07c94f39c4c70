"""What the users were told, kept beside the store: every read has to agree with it, and name nobody else's things.

An effect is taken over at the moment its transaction is committed, whether or not the answer arrives: from then on it
is what every later read has to show. Nothing here is computed by the services' own rules.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.domain.cluster import Cluster, ClusterStatus, ClusterView, Process, SourceRequest, Tag
from backend.domain.ids import balancing_id
from backend.domain.node import Health, NodeState
from backend.domain.scope import Scope
from backend.store import clusters, nodes
from backend.store.activities import ActivityQuery
from backend.store.tags import TagQuery
from tests.simulation.rows import State
from tests.simulation.world import Violated, World

LEAVING = frozenset({NodeState.TERMINATING, NodeState.DETACHING, NodeState.WARMED_TERMINATING})
Key = tuple[str, str]
Effect = Callable[[], None]


@dataclass
class Told:
    """One cluster as its users know it.

    Attributes:
        options: fields of its spec that were given, as they were given.
        going: its deletion was accepted: it is gone, or empty and on its way.
    """

    minimum: int
    maximum: int
    desired: int
    options: dict[str, Any]
    source: SourceRequest
    tags: dict[str, Tag]
    pools: set[str]
    suspended: set[Process] = field(default_factory=set)
    going: bool = False


@dataclass
class Model:
    """All that was told, by (project, cluster name), and of nodes by their server's short id."""

    world: World
    told: dict[Key, Told] = field(default_factory=dict)
    protected: dict[str, bool] = field(default_factory=dict)
    judged: dict[str, Health] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    effects: int = 0
    _compared: dict[Scope, tuple[State, int]] = field(default_factory=dict)
    _expected: list[tuple[int, Effect]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.chaos.on_commit.append(self._committed)

    @contextlib.contextmanager
    def expects(self, effect: Effect) -> Iterator[None]:
        """The block's own transaction, once committed, has that effect; those of others in between have not."""
        self._expected.append((len(self.world.chaos.actors), effect))
        try:
            yield
        finally:
            self._expected.pop()

    def _committed(self) -> None:
        if self._expected and self._expected[-1][0] == len(self.world.chaos.actors):
            self.effects += 1
            self._expected[-1][1]()

    # effects -------------------------------------------------------------------------------------------------

    def created(self, key: Key, told: Told) -> Effect:
        def effect() -> None:
            self.told[key] = told

        return effect

    def updated(self, key: Key, values: Mapping[str, Any], source: SourceRequest | None) -> Effect:
        """Bounds as given; a desired capacity that was not told is moved to the nearest one within them."""

        def effect() -> None:
            told = self.told[key]
            told.minimum = values.get("minimum", told.minimum)
            told.maximum = values.get("maximum", told.maximum)
            told.desired = values.get("desired", sorted((told.minimum, told.desired, told.maximum))[1])
            told.options |= {name: value for name, value in values.items() if name not in _BOUNDS}
            told.source = source or told.source

        return effect

    def resized(self, key: Key, desired: int) -> Effect:
        def effect() -> None:
            self.told[key].desired = desired

        return effect

    def deleted(self, key: Key) -> Effect:
        def effect() -> None:
            self.told[key].going = True

        return effect

    def suspended(self, key: Key, processes: set[Process]) -> Effect:
        def effect() -> None:
            self.told[key].suspended |= processes

        return effect

    def resumed(self, key: Key) -> Effect:
        def effect() -> None:
            self.told[key].suspended.clear()

        return effect

    def tagged(self, key: Key, tag: Tag) -> Effect:
        def effect() -> None:
            self.told[key].tags[tag.key] = tag

        return effect

    def untagged(self, key: Key, name: str) -> Effect:
        def effect() -> None:
            self.told[key].tags.pop(name, None)

        return effect

    def pooled(self, key: Key, pools: set[str]) -> Effect:
        def effect() -> None:
            self.told[key].pools |= pools

        return effect

    def unpooled(self, key: Key, pool: str) -> Effect:
        def effect() -> None:
            self.told[key].pools.discard(pool)

        return effect

    def raised(self, key: Key, number: int) -> Effect:
        def effect() -> None:
            if self.world.mood.heaviest == 1:
                self.told[key].desired += number
                return
            told, present = self.told[key].desired, self._present(key)
            if present is None or not told + number <= present <= told + number * self.world.mood.heaviest:
                raise self.world.broke("8 accepted is kept", f"{key}: {number} came, {told} became {present}")
            self.told[key].desired = present

        return effect

    def _present(self, key: Key) -> int | None:
        """The desired capacity by the rows."""
        with self.world.store.watch() as conn:
            cluster = clusters.find(conn, Scope(key[0], self.world.region), key[1])
        return None if cluster is None else cluster.spec.desired

    def lowered(self, key: Key, most: int, *, decrement: bool) -> Effect:
        """At most so many less: those that did not count any more take nothing with them."""

        def effect() -> None:
            told = self.told.get(key)
            if told is None or told.going:
                return
            kept = self._present(key)
            present = told.desired if kept is None else kept
            if not told.desired - (most * self.world.mood.heaviest if decrement else 0) <= present <= told.desired:
                raise self.world.broke("8 accepted is kept", f"{key}: {most} left, {told.desired} became {present}")
            told.desired = present

        return effect

    def guarded(self, servers: list[str], *, protected: bool) -> Effect:
        def effect() -> None:
            self.protected.update(dict.fromkeys(servers, protected))

        return effect

    def found(self, scope: Scope, server: str, health: Health) -> Effect:
        """A user's verdict: a node that is unhealthy stays so until it leaves, or a user says otherwise."""

        def effect() -> None:
            with self.world.store.watch() as conn:
                node = nodes.by_servers(conn, scope, [server]).get(server)
            if node is not None and node.state not in LEAVING and health is Health.UNHEALTHY:
                self.judged[server] = health
            else:
                self.judged.pop(server, None)

        return effect

    # reads ---------------------------------------------------------------------------------------------------

    def compare(self, scope: Scope, now: State, *, anew: bool = False) -> None:
        """Describe everything of one project, and hold it against what its users were told.

        Args:
            now: the rows; what is told by rows that are as they were the last time is not described again.
            anew: it is, all the same.
        """
        before, effects = self._compared.get(scope, (None, -1)) if not anew else (None, -1)
        self._compared[scope] = (now, self.effects)
        views = self.world.backend.clusters.page(scope, limit=100).items
        here = {view.cluster.name: view for view in views}
        for (project, name), told in self.told.items():
            if project == scope.project_id:
                self._compare(f"{name} of {project}", told, here.get(name))
        for name in here:
            if (scope.project_id, name) not in self.told:
                raise self.world.broke("8 accepted is kept", f"{name} of {scope.project_id}: nobody made it")
        for view in views:
            self._name_only_ours(scope, view.cluster.project_id, f"cluster {view.cluster.name}")
        self._compare_tags(scope)
        if before is None or before.nodes is not now.nodes or effects != self.effects:
            self._compare_members(scope)
        if before is None or before.activities is not now.activities:
            self._compare_journal(scope)

    def _compare_journal(self, scope: Scope) -> None:
        for entry in self.world.backend.activities.page(scope, ActivityQuery(), limit=20).items:
            self._name_only_ours(scope, entry.project_id, f"activity {entry.id}")

    def _compare(self, who: str, told: Told, view: ClusterView | None) -> None:
        if told.going:
            if view is not None and (view.cluster.status is not ClusterStatus.DELETING or view.cluster.spec.desired):
                raise self.world.broke("8 accepted is kept", f"{who} was deleted, and is still there")
            return
        if view is None:
            raise self.world.broke("8 accepted is kept", f"{who} is gone, and nobody deleted it")
        for what, (said, shown) in _differences(told, view, self.given_up).items():
            raise self.world.broke("8 accepted is kept", f"{who}: {what} was {said}, is told as {shown}")

    def _compare_members(self, scope: Scope) -> None:
        owners = self.world.owners()
        for name, member in self.world.backend.nodes.page(scope, limit=200).items:
            owner = owners.get(member.server)
            if owner is not None:
                self._name_only_ours(scope, owner, f"server {member.server}")
            told = self.protected.get(member.server)
            if told is not None and told != member.protected:
                raise self.world.broke("5 protection", f"{member.server} of {name}: told {told}, is {member.protected}")
            judged = self.judged.get(member.server)
            if judged is not None and member.state in LEAVING:
                del self.judged[member.server]
            elif judged is not None and member.health != judged:
                raise self.world.broke("8 accepted is kept", f"{member.server} of {name}: judged {judged}")

    def _compare_tags(self, scope: Scope) -> None:
        for name, tag in self.world.backend.tags.page(scope, TagQuery(), limit=200).items:
            told = self.told.get((scope.project_id, name))
            if told is None or (not told.going and told.tags.get(tag.key) != tag):
                raise self.world.broke("9 isolation", f"{name} of {scope.project_id} is told to have {tag}")

    def _name_only_ours(self, scope: Scope, project: str, what: str) -> None:
        if project != scope.project_id:
            raise self.world.broke("9 isolation", f"{scope.project_id} is told {what} of {project}")


_BOUNDS = frozenset({"minimum", "maximum", "desired"})


def _differences(told: Told, view: ClusterView, given_up: set[str]) -> dict[str, tuple[Any, Any]]:
    cluster, spec = view.cluster, view.cluster.spec
    launch = {Process.LAUNCH} if cluster.id in given_up else set()
    pairs = {
        "minimum": (told.minimum, spec.minimum),
        "maximum": (told.maximum, spec.maximum),
        "desired": (told.desired, spec.desired),
        "suspended": (told.suspended | launch, set(cluster.suspended) | launch),
        "tags": (told.tags, {tag.key: tag for tag in view.tags}),
        "pools": (told.pools, {balancing_id(source.pool_id) for source in cluster.sources if source.wanted}),
        "source": _source(told.source, cluster),
        **{name: (value, getattr(spec, name)) for name, value in told.options.items()},
    }
    return {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}


def _source(told: SourceRequest, cluster: Cluster) -> tuple[Any, Any]:
    shown = cluster.spec.source
    if told.configuration is not None:
        return told.configuration, shown.configuration
    return (told.template_name, told.version), (shown.template_name, shown.template_version)


__all__ = ["Model", "Told", "Violated"]
