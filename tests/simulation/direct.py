"""Direct launches in a run: users who ask for them, often twice, and what must hold of what is desired."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backend.domain.cluster import PlacementRequest
from backend.domain.direct_launches import DirectLaunch
from backend.domain.node import COUNTED
from backend.domain.token import ClientToken
from backend.errors import Finding
from backend.services.direct_launches import LaunchRequest
from tests.simulation.chaos import Crash
from tests.simulation.failing_store import STORE_AWAY

if TYPE_CHECKING:
    from backend.domain.node import Node
    from tests.simulation.model import Model
    from tests.simulation.step import Step
    from tests.simulation.users import User
    from tests.simulation.world import World

_COUNTED = frozenset(map(str, COUNTED))
_LAST = 5


class Launches:
    """What users ask for, and what came of it.

    Attributes:
        asked: requests by project, whether or not an answer came.
        known: the launch of each token, as it was told first.
    """

    def __init__(self, world: World, users: Sequence[User], model: Model) -> None:
        self.world = world
        self.users = users
        self.model = model
        self.asked: dict[str, list[LaunchRequest]] = {}
        self.known: dict[tuple[str, str], str] = {}
        self._done: set[str] = set()
        world.chaos.on_commit.append(self._committed)

    def act(self) -> None:
        """Somebody asks, or asks again for what may have been answered."""
        user = self.world.rng.choice(self.users)
        wanted = self._wanted(user)
        if wanted is None:
            return
        try:
            with self.world.chaos.inside("user", 0):
                launch, _ = user.backend.direct_launches.ask(user.scope, wanted)
                self._told(user, wanted, launch)
        except (Finding, Crash, *STORE_AWAY) as why:
            self.world.trace(f"{user.scope.project_id} launches {wanted.capacity} into {wanted.cluster}: {why!r}")

    def _wanted(self, user: User) -> LaunchRequest | None:
        rng = self.world.rng
        before = self.asked.setdefault(user.scope.project_id, [])
        if before and rng.random() < 0.3:
            return rng.choice(before[-_LAST:])
        views = user.backend.clusters.page(user.scope, limit=100).items
        fit = [view.cluster for view in views if view.cluster.spec.source.template_id is not None]
        if not fit:
            return None
        cluster, number = rng.choice(fit), len(before)
        capacity, zone, retries = rng.randint(1, 3), rng.choice(cluster.spec.zones), rng.random() < 0.3
        token = ClientToken("LaunchInstances", f"t{number}", f"{cluster.name} {capacity} {zone} {retries}")
        made = LaunchRequest(cluster.name, capacity, token, PlacementRequest(zones=(zone,)), retries)
        before.append(made)
        return made

    def _told(self, user: User, wanted: LaunchRequest, launch: DirectLaunch) -> None:
        here = user.scope.project_id, wanted.token.value
        if self.known.setdefault(here, launch.id) != launch.id and launch.cluster_name == wanted.cluster:
            raise self.world.broke("26 direct", f"token {here} was launch {self.known[here]}, is {launch.id}")
        if (launch.capacity, launch.cluster_name) != (wanted.capacity, wanted.cluster):
            raise self.world.broke("26 direct", f"token {here} asked for {wanted}, is {launch}")
        self.world.trace(f"{here[0]} launches {launch.capacity} into {launch.cluster_name}: {launch.id[:4]}")

    def _committed(self) -> None:
        """What is desired rises with a launch that ends, in the same transaction, by what was made of it."""
        raw = self.world.store.database.raw
        question = (
            "SELECT l.id, l.project_id, l.cluster_name, l.claims, l.retries, c.desired, c.maximum FROM direct_launches l"
            " JOIN clusters c ON c.id = l.cluster_id WHERE l.done_at IS NOT NULL AND c.status = 'active'"
        )
        ended: dict[tuple[str, str], list[tuple[int, int]]] = {}
        now: dict[tuple[str, str], tuple[int, int]] = {}
        for launch_id, project, name, claims, retries, desired, maximum in raw.execute(question).fetchall():
            if launch_id not in self._done:
                self._done.add(launch_id)
                ended.setdefault((project, name), []).append(self._made(json.loads(claims), retries=bool(retries)))
                now[project, name] = desired, maximum
        for key, bounds in ended.items():
            self._raise(key, *now[key], bounds)

    def _raise(self, key: tuple[str, str], desired: int, maximum: int, bounds: Sequence[tuple[int, int]]) -> None:
        told = self.model.told.get(key)
        if told is None or told.going:
            return
        least, most = (sum(each) for each in zip(*bounds, strict=True))
        raised = desired - told.desired
        if not min(least, max(0, maximum - told.desired)) <= raised <= most:
            detail = f"{key} had {told.desired} desired, has {desired}, for {least} to {most} made"
            raise self.world.broke("26 direct", detail)
        told.desired = desired
        self.model.effects += 1

    def _made(self, claims: Sequence[Sequence[object]], *, retries: bool) -> tuple[int, int]:
        """How many nodes of a launch were made, at least and at most; with those that the cluster is to make itself."""
        raw = self.world.store.database.raw
        least, most = 0, 0
        for entry_id, node_id, _, weight, *_ in claims:
            assert isinstance(weight, int)
            node = raw.execute("SELECT state, server_id FROM nodes WHERE id = ?", (node_id,)).fetchone()
            entry = raw.execute("SELECT server_id FROM activities WHERE id = ?", (entry_id,)).fetchone()
            made = node is not None and node[1] is not None
            least += weight if (made and node[0] in _COUNTED) or (retries and node is None) else 0
            most += weight if made or (entry is not None and entry[0] is not None) or (retries and node is None) else 0
        return least, most

    def at_rest(self) -> None:
        """Nothing is at work any more, of clusters that there are."""
        question = (
            "SELECT l.id FROM direct_launches l JOIN clusters c ON c.id = l.cluster_id"
            " WHERE l.done_at IS NULL OR c.launching"
        )
        found = self.world.store.database.raw.execute(question).fetchone()
        if found is not None:
            raise self.world.broke("26 direct", f"launch {found[0]} never ends")


def within_bounds(step: Step, fresh: Sequence[Node]) -> set[str]:
    """The nodes launched by number, held against the bounds: what was desired before and they are within them.

    Who is protected and was to go stays beside them, as beside nodes that are attached: only what is desired counts.
    """
    if not fresh:
        return set()
    found = step.directly_launched() & {node.id for node in fresh}
    units = sum(node.weight for node in fresh if node.id in found)
    spec = step.before.clusters[step.cluster.id].spec
    if spec.desired + units > spec.maximum:
        detail = f"{step.cluster.name}: {units} launched by number beside {spec.desired}, at most {spec.maximum}"
        raise step.world.broke("3 bounds", detail)
    return found
