"""Servers with this installation's token that no node has: held, or ended after a grace and a second look.

Evidence that could be someone else's ends nothing: what another installation made is counted and told; what this
database knows no claim of, and what is too much at once, rests until an operator's word. A server that its owner
detached is let go again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from backend.domain.activity import ActivityStatus, Cause, CauseKind
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.compute import Server
from backend.engine.conclusion import sighting
from backend.engine.context import Context
from backend.engine.jobs import Job, Write
from backend.engine.lanes import Call, answer_of
from backend.engine.notices import notices
from backend.policies.sweep import SweepRule
from backend.store import activities, brakes, claimed, clusters, journal, orphans, sightings, wakes, watches
from backend.store.orphans import Kind, Orphans, Place
from backend.store.session import Connection
from backend.store.sightings import Maker

LOG = logging.getLogger(__name__)
_AT_ONCE: Final = 20
_UNKNOWN: Final = (errors.CloudUnavailable, errors.OutcomeUnknown)
_REMEMBERED: Final = timedelta(hours=24)
"""How far back the journal is asked whether a server was detached."""
_BEFORE: Final = timedelta(minutes=5)
_AFTER: Final = timedelta(hours=1)
"""How long before (clocks differ) and after a launch was claimed its servers may be made.

What carries its token and was made at another time had it copied to, or was attached: it is its owner's own.
"""


def maker(context: Context, server: Server) -> Maker:
    """Whose token a server carries."""
    if context.cloud.made(server):
        return Maker.OURS
    return Maker.UNKNOWN if server.installation is None else Maker.OTHERS


def note(conn: Connection, scope: Scope, unowned: Sequence[tuple[str, str]], now: datetime) -> None:
    """Remember servers, each with its launch, that no node has."""
    if unowned:
        known = claimed.launches(conn, {launch for _, launch in unowned})
        orphans.note(conn, _servers(scope), [(server, launch in known) for server, launch in unowned], now)


def keep(conn: Connection, scope: Scope, listed: Collection[str]) -> None:
    """What a complete listing did not tell is nobody's orphan any more."""
    orphans.keep(conn, _servers(scope), listed)


def _servers(scope: Scope) -> Place:
    return Place(scope, Kind.SERVER)


def held(rule: SweepRule, found: Orphans) -> int:
    """How many of a project's orphans rest; ports never do, see ``braked``."""
    return 0 if found.kind is Kind.PORT else rule.held(found.known, found.unknown, found.released, found.total)


def braked(rule: SweepRule, found: Iterable[Orphans], kind: Kind) -> bool:
    """Whether those of a kind rest, too, whose claims are known.

    Ports of no server do not, however many: each serves nobody, and where engines die often there are more of them than
    nodes. A few go with every look.
    """
    if kind is Kind.PORT:
        return False
    mine = [each for each in found if each.kind is kind]
    return any(rule.brakes(each.known + each.unknown + each.released, each.total) for each in mine)


def ends_at(context: Context, found: Sequence[Orphans], conn: Connection, scope: Scope) -> datetime | None:
    """When the next server or port may end; None where none may."""
    rule, kinds = context.settings.sweeping, {each.kind for each in found} & {Kind.SERVER, Kind.PORT}
    since = [orphans.oldest(conn, Place(scope, kind), braked=braked(rule, found, kind)) for kind in sorted(kinds)]
    return min((each + context.settings.orphan_grace for each in since if each is not None), default=None)


def due(context: Context, place: Place) -> list[str]:
    """What may end now of what is no pool's: nobody's for as long as the grace, and neither held nor under a brake."""
    before = context.now() - context.settings.orphan_grace
    with context.store.read() as conn:
        if brakes.over(conn, place.scope) is not None:
            return []
        found = orphans.everywhere(conn, place.scope)
        if not any(each.kind is place.kind for each in found):
            return []
        rests = braked(context.settings.sweeping, found, place.kind)
        return orphans.due(conn, place, before, _AT_ONCE, braked=rests)


@dataclass(frozen=True, slots=True)
class ServerSweep:
    """One sweep of a project's servers.

    Attributes:
        is_held: whether the project's watch is, its row locked.
    """

    context: Context
    scope: Scope
    is_held: Callable[[Connection], bool]

    def run(self) -> Job:
        """End what may; each is looked at once more before."""
        context, scope = self.context, self.scope
        ripe = due(context, _servers(scope))
        if not ripe:
            return
        compute = context.cloud.compute
        answers = yield [Call(scope, partial(answer_of, compute.get, scope, server)) for server in ripe]
        doomed, freed = yield Write(partial(self._judge, ripe, answers))
        if freed:
            LOG.warning("project=%s region=%s let go again, as detached: %s", scope.project_id, scope.region, freed)
        if doomed:
            LOG.warning("project=%s region=%s belong to no group, deleted: %s", scope.project_id, scope.region, doomed)
        asked = [partial(compute.delete, scope, each) for each in doomed]
        asked += [partial(compute.adopt, scope, each, None) for each in freed]
        if not asked:
            return
        answers = yield [Call(scope, partial(answer_of, ask)) for ask in asked]
        told = dict(zip((*doomed, *freed), answers, strict=True))
        context.count("orphans", sum(not isinstance(told[server], errors.CloudError) for server in doomed))
        # What was refused is tried again after the grace as well: only an unknown answer is asked for at once.
        heard = [server for server, answer in told.items() if not isinstance(answer, _UNKNOWN)]
        yield Write(lambda conn: orphans.asked(conn, _servers(scope), heard, context.now()))

    def _judge(self, ripe: Sequence[str], answers: Sequence[Any], conn: Connection) -> tuple[list[str], list[str]]:
        """(servers to delete, servers to let go), from what is told of each now."""
        told = [sighting(answer) for answer in answers if isinstance(answer, Server)]
        sightings.lock_concerned(conn, self.scope, told)
        if not self.is_held(conn) or brakes.over(conn, self.scope) is not None:
            return [], []
        now = self.context.now()
        detached = activities.detached(conn, self.scope, ripe, now - _REMEMBERED)
        released = orphans.released(conn, _servers(self.scope), ripe)
        settled: list[str] = []
        doomed: list[str] = []
        freed: list[str] = []
        doubtful: list[str] = []
        refused: list[str] = []
        for server_id, answer in zip(ripe, answers, strict=True):
            if isinstance(answer, Server):
                if self._is_claimed(conn, answer, now):
                    settled.append(server_id)
                elif server_id in detached:
                    freed.append(server_id)
                elif server_id in released or self._is_of_its_launch(conn, answer):
                    doomed.append(server_id)
                else:
                    doubtful.append(server_id)
            elif isinstance(answer, errors.ServerNotFound):
                settled.append(server_id)
            elif not isinstance(answer, _UNKNOWN):
                refused.append(server_id)
        orphans.settle(conn, _servers(self.scope), settled)
        orphans.doubt(conn, _servers(self.scope), doubtful)
        orphans.asked(conn, _servers(self.scope), refused, now)
        return doomed, freed

    def _is_of_its_launch(self, conn: Connection, server: Server) -> bool:
        """Whether it was made when the launch was that it says it comes from."""
        claimed_at = claimed.last(conn, server.launch_id or "")
        return claimed_at is not None and claimed_at - _BEFORE <= server.created_at <= claimed_at + _AFTER

    def _is_claimed(self, conn: Connection, server: Server, now: datetime) -> bool:
        """Whether it has a node by now, or is not ours any more."""
        recorded = sightings.record(conn, self.scope, [sighting(server, maker(self.context, server))])
        wakes.wake(conn, recorded.cluster_ids, now)
        return server.launch_id is None or not self.context.cloud.made(server) or sightings.owned(conn, server.id)


def tell(context: Context, scope: Scope, found: Sequence[Orphans], strangers: int | None, conn: Connection) -> int:
    """Tell how much is spared, where that changed.

    Args:
        found: the project's orphans as they stand.
        strangers: servers of a complete listing that other installations made; None where none was listed.

    Returns:
        How many servers rest, where that begins: for the journal; else 0.
    """
    before, held_before = watches.told(conn, scope)
    now_held = sum(held(context.settings.sweeping, each) for each in found)
    strange = before if strangers is None else strangers
    if (before, held_before) == (strange, now_held):
        return 0
    watches.tell(conn, scope, strange, now_held)
    place = (scope.project_id, scope.region)
    if strange != before:
        LOG.warning("project=%s region=%s servers with a token that is not this installation's: %d", *place, strange)
    if now_held != held_before:
        kept = f"belong to no group, and are kept until an operator's word: {now_held} (coppice orphans shows them)"
        LOG.warning("project=%s region=%s %s", *place, kept if now_held else "nothing waits for a word any more")
    return (
        0 if held_before else sum(held(context.settings.sweeping, each) for each in found if each.kind is Kind.SERVER)
    )


def enter(context: Context, scope: Scope, number: int, conn: Connection) -> None:
    """Tell the journal of each of a project's clusters that so many servers rest."""
    now = context.now()
    rng = context.rng("held", scope.project_id, scope.region, now.isoformat())
    cause, named = Cause(CauseKind.ORPHANS_HELD, now, {"count": number}), clusters.lock_names(conn, scope)
    journal.begin(conn, notices(scope, named, ActivityStatus.SUCCESSFUL, cause, rng))
