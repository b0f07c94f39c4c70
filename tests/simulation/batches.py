"""Sizes of batches in a run: whoever sets them, and that no pass asks the cloud for more of a group than was in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from math import ceil

from sqlalchemy import select

from backend.domain.batch_sizes import MOST, TAG, Batch, Sized
from backend.domain.cluster import Tag
from backend.engine.acts.act import Act
from backend.engine.acts.create_servers import CreateServers
from backend.engine.acts.delete_server import DeleteServer
from backend.engine.acts.members import ChangeMembers
from backend.engine.lanes import Call
from backend.store import batch_sizes, tables
from tests.simulation.companion import Companion, Deed
from tests.simulation.model import Key, Model
from tests.simulation.open_calls import lease_of
from tests.simulation.users import User
from tests.simulation.world import SCOPES, World

_EVERY = batch_sizes.EVERY
_SIZES = (1, 1, 2, 3, 4, 8, 25, 60)
_VALUES = ("1", "1", "2", "3", "4", "9", "40", "0", "many")
_c = tables.nodes.c

Sizes = Mapping[Batch, int]


class Batches:
    """What is in force, by the operator's manual and not by the engine, and what each pass may go by.

    A pass goes by what it read, at some moment since its claim: by no more than the most that was in force since then.
    What is asked for again was launched by an earlier pass; what users launch by number is begun together.
    """

    def __init__(self, world: World, model: Model) -> None:
        self.world, self.model = world, model
        settings = world.settings
        self._standing: Sizes = {
            Batch.SERVERS: settings.launch_batch,
            Batch.LAUNCHES: settings.launches,
            Batch.FIRST_LAUNCHES: settings.first_launches,
            Batch.DELETIONS: settings.deletions,
            Batch.REGISTRATIONS: settings.registrations,
        }
        self._set: dict[tuple[str, str, Batch], int] = {}
        self._claims: dict[str, _Claim] = {}
        self._seen = (-1, -1)
        self._changes = 0
        world.chaos.on_commit.append(self._committed)
        world.told.submitted.append(self._look)

    def put(self, sized: Sized) -> None:
        self._changes += 1
        self._set[sized.project_id, sized.region, sized.batch] = sized.size

    def drop(self, sized: Sized) -> None:
        self._changes += 1
        self._set.pop((sized.project_id, sized.region, sized.batch), None)

    def _in_force(self, key: Key) -> Sizes:
        project, region = key[0], self.world.region
        places = ((_EVERY, _EVERY), (_EVERY, region), (project, _EVERY), (project, region))
        told = self.model.told.get(key)
        found: dict[Batch, int] = {}
        for batch, standing in self._standing.items():
            size = standing
            for place in places:
                size = self._set.get((*place, batch), size)
            tag = None if told is None else told.tags.get(f"{TAG}{batch}")
            if tag is not None and tag.value.isdigit() and 1 <= int(tag.value) <= MOST[batch]:
                size = min(size, max(int(tag.value), ceil(size / 10)))
            found[batch] = size
        found[Batch.FIRST_LAUNCHES] = min(found[Batch.FIRST_LAUNCHES], found[Batch.LAUNCHES])
        return found

    def _committed(self) -> None:
        """A claim begins with what is in force; what is set after it a pass may or may not have read."""
        raw = self.world.store.database.raw
        seen = self.model.effects, self._changes
        changed, self._seen = seen != self._seen, seen
        for cluster_id, project, name, epoch in raw.execute("SELECT id, project_id, name, epoch FROM clusters"):
            claim = self._claims.get(cluster_id)
            if claim is None or claim.epoch != epoch:
                proven = self._is_made(cluster_id)
                fresh = _Claim(epoch, self.world.clock.now(), self._in_force((project, name)), proven=proven)
                self._claims[cluster_id] = fresh
            else:
                claim.proven = claim.proven or self._is_made(cluster_id)  # a claim may hear of its servers, and go on
                if changed:
                    claim.widen(self._in_force((project, name)))

    def _is_made(self, cluster_id: str) -> bool:
        """Whether a server was made of it."""
        made = "SELECT 1 FROM nodes WHERE cluster_id = ? AND server_id IS NOT NULL LIMIT 1"
        return self.world.store.database.raw.execute(made, (cluster_id,)).fetchone() is not None

    def _look(self, calls: Sequence[Call]) -> None:
        """Hold what one pass asks for together against what was in force."""
        acts = [act for call in calls for act in getattr(call.unasked, "args", ()) if isinstance(act, Act)]
        lease = lease_of(calls[0]) if acts else None
        claim = None if lease is None else self._claims.get(lease.key[0])
        if lease is None or claim is None or claim.epoch != lease.epoch:
            return  # no pass, or one that has lost its cluster and does not know it yet
        launches = [len(act.node_ids) for act in acts if isinstance(act, CreateServers) and self._is_new(act, claim)]
        members: Counter[str] = Counter()
        for act in acts:
            if isinstance(act, ChangeMembers):
                members[act.pool_id] += len(act.targets)
        asked = {
            Batch.SERVERS: max(launches, default=0),
            Batch.LAUNCHES: sum(launches),
            Batch.FIRST_LAUNCHES: 0 if claim.proven else sum(launches),
            Batch.DELETIONS: sum(isinstance(act, DeleteServer) for act in acts),
            Batch.REGISTRATIONS: max(members.values(), default=0),
        }
        for batch, number in asked.items():
            if number > claim.most[batch]:
                detail = f"{number} {batch} by one pass over {lease.key[0]}, at most {claim.most[batch]}"
                raise self.world.broke("34 batches", detail)

    def _is_new(self, act: CreateServers, claim: _Claim) -> bool:
        """Whether this pass launches them by itself."""
        with self.world.store.watch() as conn:
            made_at = conn.execute(select(_c.created_at).where(_c.launch_id == act.launch_id)).scalars().first()
        return made_at is not None and made_at >= claim.at


class _Claim:
    """A claim of a cluster, and what its pass may go by.

    Attributes:
        proven: a server was made of it before, or since.
    """

    def __init__(self, epoch: int, at: datetime, most: Sizes, *, proven: bool) -> None:
        self.epoch, self.at, self.proven = epoch, at, proven
        self.most = dict(most)

    def widen(self, sizes: Sizes) -> None:
        for batch, size in sizes.items():
            self.most[batch] = max(self.most[batch], size)


class Sizers(Companion):
    """Users who make batches of their groups smaller, and an operator who sets them for projects and regions."""

    def __init__(self, batches: Batches, users: Sequence[User]) -> None:
        super().__init__(batches.world, users)
        self._batches = batches

    def deeds(self) -> Sequence[tuple[int, Deed]]:
        return (
            (5, self._tag),
            (2, self._untag),
            (3, self._set),
            (2, self._unset),
            (6, self._resize),
        )

    def _tag(self, user: User) -> None:
        tag = Tag(self._key(), self.world.rng.choice(_VALUES), propagate=False)
        tagged(user, user._name(), tag)
        self.world.trace(f"{user.scope.project_id} {tag}")

    def _untag(self, user: User) -> None:
        name, key = user._name(), self._key()
        with user.model.expects(user.model.untagged(user.key_of(name), key)):
            user.backend.tags.remove(user.scope, [(name, key, None)])

    def _set(self, _user: User) -> None:
        sized = self._sized()
        self._batches.put(sized)
        self._command(partial(batch_sizes.put, sized=sized))
        self.world.trace(f"operator: {sized}")

    def _unset(self, _user: User) -> None:
        sized = self._sized()
        self._batches.drop(sized)
        self._command(
            partial(batch_sizes.drop, project_id=sized.project_id, region=sized.region, batch=sized.batch),
        )

    def _command(self, work: partial[object]) -> None:
        """The operator's command, to its end: what is known of it is what was done."""
        chaos = self.world.chaos
        was_on, chaos.on = chaos.on, False
        try:
            self.world.store.transact(work)
        finally:
            chaos.on = was_on

    def _resize(self, user: User) -> None:
        """Passes of many acts come of scaling."""
        user.resize()

    def _key(self) -> str:
        return f"{TAG}{self.world.rng.choice(tuple(Batch))}"

    def _sized(self) -> Sized:
        rng = self.world.rng
        project = rng.choice((_EVERY, *(scope.project_id for scope in SCOPES)))
        region = rng.choice((_EVERY, self.world.region))
        return Sized(project, region, rng.choice(tuple(Batch)), rng.choice(_SIZES))


def tagged(user: User, name: str, tag: Tag) -> None:
    """A user puts a tag."""
    with user.model.expects(user.model.tagged(user.key_of(name), tag)):
        user.backend.tags.put(user.scope, [(name, tag)])
