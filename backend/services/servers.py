"""Servers as such, whether a cluster owns them or not: made one by one, started, stopped, ended and tagged."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from backend import errors
from backend.clock import Clock
from backend.domain import launch_findings, server_findings
from backend.domain.ids import derived_digits, new_digits, short_id
from backend.domain.node import ENDED_STATUSES, GROUP_TAG, ServerStatus
from backend.domain.power import PowerAct, PowerWish
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.domain.token import ClientToken
from backend.drivers import errors as cloud_errors
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server, ServerRequest, change_power
from backend.drivers.resolution import resolve
from backend.services.attachments import Attachments
from backend.services.catalog import asking
from backend.services.cloud_errors import finding_of
from backend.services.server_changes import protected
from backend.services.tokens import Claim, Tokens
from backend.store import (
    activities,
    addresses,
    balancers,
    bindings,
    client_tokens,
    launch_addresses,
    nodes,
    power_wishes,
    watches,
)
from backend.store.power_wishes import POWER_WISHES
from backend.store.session import Connection, Store

_GOING: Final = timedelta(seconds=15)
"""A server that is told to go is on its way by then."""
_BUSY: Final = timedelta(seconds=1)
"""A cloud that is busy with a server is asked again after it."""
REMEMBERED: Final = timedelta(hours=1)
"""How long a deleted server is still told of."""
TAG_LIMIT: Final = 50
RESERVED: Final = "aws:"
ASKED_ALONE: Final = 10
"""Servers of nodes that are asked for one by one: a listing of the project costs more."""
_NO_ROOM: Final = (
    cloud_errors.NoCapacity,
    cloud_errors.NoAddresses,
    cloud_errors.AddressUnfit,
    cloud_errors.QuotaExceeded,
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """Servers to be made: between ``minimum`` and ``maximum`` of them, all alike."""

    spec: ServerSpec
    minimum: int = 1
    maximum: int = 1
    token: ClientToken | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A server that was told to change: as it was, and the status it is going to."""

    server: Server
    now: ServerStatus


class Servers:
    """Every call may raise CloudNotReached, NotPermitted or CloudRefused; the writes OutcomeUnclear too."""

    def __init__(
        self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock, attachments: Attachments
    ) -> None:  # fmt: skip
        self._store = store
        self._attachments = attachments
        self._compute = cloud.compute
        self._catalog = catalog
        self._clock = clock
        self._tokens = Tokens(store, clock)

    def list(self, scope: Scope) -> Sequence[Server]:
        """Every server of the project in the region, oldest first, with those deleted within the last hour."""
        wishes = self._wishes(scope)
        with asking():
            found = {server.id: server for server in self._compute.list(scope)}
        found.update((server.id, server) for server in self._gone(scope))
        return sorted(_shown(found.values(), wishes), key=_age)

    def _wishes(self, scope: Scope) -> Mapping[str, PowerWish]:
        """Acts that wait, by server. Read before the servers: who shows none any more shows what came of it."""
        with self._store.read() as conn:
            return {wish.id: wish for wish in POWER_WISHES.all(conn, scope)}

    def _gone(self, scope: Scope) -> Iterator[Server]:
        """Those deleted within the last hour."""
        with asking():
            changed = self._compute.list_changed(scope, self._clock.now() - REMEMBERED)
        return self._recognised(scope, [server for server in changed if server.status is ServerStatus.DELETED])

    def _recognised(self, scope: Scope, gone: Sequence[Server]) -> Iterator[Server]:
        """Deleted servers with the tag of their cluster, which a cloud may have forgotten with the server."""
        bare = [server.id for server in gone if GROUP_TAG not in server.tags]
        owners: Mapping[str, str] = {}
        if bare:
            with self._store.read() as conn:
                owners = activities.owners(conn, scope, bare, self._clock.now() - 2 * REMEMBERED)
        for server in gone:
            name = owners.get(server.id)
            yield replace(server, tags={**server.tags, GROUP_TAG: name}) if name else server

    def tokens(self, scope: Scope) -> Mapping[str, str]:
        """The client token that servers were asked for with, by their cloud id, as long as tokens are remembered."""
        with self._store.read() as conn:
            return client_tokens.servers(conn, scope)

    def find(self, scope: Scope, shorts: Collection[str]) -> Mapping[str, Server]:
        """Servers by short id, the oldest first; unknown ones are left out.

        A few that nodes have are asked for alone; the project is listed for others, and what was deleted is asked for
        where one is still missing.
        """
        wanted, wishes = set(shorts), self._wishes(scope)
        found, gone = self._of_nodes(scope, wanted)
        if wanted - found.keys() - gone:
            with asking():
                listed = self._compute.list(scope)
            found |= {server.short_id: server for server in listed if server.short_id in wanted}
        if wanted - found.keys():
            found |= {server.short_id: server for server in self._gone(scope) if server.short_id in wanted}
        return {server.short_id: server for server in sorted(_shown(found.values(), wishes), key=_age)}

    def get(self, scope: Scope, server_id: str) -> Server:
        """A server by its cloud id, as it is now. Raises ServerUnknown."""
        wishes = self._wishes(scope)
        with asking():
            (server,) = _shown([self._compute.get(scope, server_id)], wishes)
        return server

    def _of_nodes(self, scope: Scope, wanted: Collection[str]) -> tuple[dict[str, Server], set[str]]:
        """Servers of nodes, and the short ids of those that are gone; nothing where many are wanted."""
        found: dict[str, Server] = {}
        gone: set[str] = set()
        if len(wanted) > ASKED_ALONE:
            return found, gone
        with self._store.read() as conn:
            known = nodes.by_servers(conn, scope, sorted(wanted))
        for short, node in known.items():
            try:
                with asking():
                    found[short] = self._compute.get(scope, node.server_id or "")
            except server_findings.ServerUnknown:
                gone.add(short)
        return found, gone

    def check(self, scope: Scope, spec: ServerSpec) -> None:
        """Whether a server could be made as described, as far as can be told beforehand.

        Raises:
            Finding: what is missing or does not fit (see ``run``).
        """
        self._resolve(scope, self._bound(scope, spec), spec.zone, "check")
        if spec.interface is not None:
            self._attachments.check(scope, spec.interface)

    def run(self, scope: Scope, order: Order) -> Sequence[Server]:
        """Make servers, as many as there is room for within the order's bounds.

        Where neither zone nor subnet is said, the zones are tried in turn. Asked for again with the same token, the
        servers made then are returned, even after a lost answer: they are known by their name.

        Raises:
            ProfileIncomplete, ImageNotFound, TypeNotFound, TypeNotSupported, KeyPairNotFound, SecurityGroupNotFound,
            SubnetNotFound, ZoneNotFound, ZonesMismatch, NetworkMissing, IamProfileNotFound, LaunchUnsupported: it
                cannot be made.
            InterfaceMissing, InterfaceInUse: of the made interface that it was to be launched with.
            NoCapacity, QuotaExceeded, NoAddresses: there is no room for the minimum.
            TokenReused, TokenSpent, StaleRead: of the token; the last while its first request is still at work.
        """
        name = _name(order)
        if order.token is None:
            return self._make(scope, replace(order, spec=self._bound(scope, order.spec)), name, lambda: None)
        claim = self._tokens.claim(scope, order.token)
        if claim.result:
            return self._as_before(scope, claim)
        servers = self._seen(scope, order, claim, name) if claim.again else []
        return self._done(scope, claim, servers) if servers else self._first(scope, order, claim, name)

    def start(self, scope: Scope, servers: Sequence[Server]) -> Sequence[Moved]:
        """Start stopped servers; those that run already stay as they are.

        Raises:
            ServerConflict: one is in another state; nothing was done then.
        """
        return self._change_power(scope, servers, PowerAct.START)

    def stop(self, scope: Scope, servers: Sequence[Server]) -> Sequence[Moved]:
        """Stop running servers; those that are stopped or stopping stay as they are.

        Raises:
            ServerProtected: one is to be kept running; nothing was done then.
            ServerConflict
        """
        if kept := protected(servers, against_stop=True):
            raise server_findings.ServerProtected(kept.short_id, kept_running=True, stop=True)
        return self._change_power(scope, servers, PowerAct.STOP)

    def reboot(self, scope: Scope, servers: Sequence[Server]) -> None:
        """Reboot running servers; those that are rebooted just now are as good as that. Raises ServerConflict."""
        self._change_power(scope, servers, PowerAct.REBOOT)

    def _change_power(self, scope: Scope, servers: Sequence[Server], act: PowerAct) -> Sequence[Moved]:
        """Have it done, at once or as soon as the cloud, busy with a server, takes it on."""
        for server in servers:
            if server.status not in act.allowed:
                raise server_findings.ServerConflict(server.short_id, str(server.status))
        wishes = self._wishes(scope)
        return [self._moved(scope, server, act, wishes.get(server.id)) for server in servers]

    def _moved(self, scope: Scope, server: Server, act: PowerAct, waits: PowerWish | None) -> Moved:
        """Args: waits: what was asked for before and waits for the server, which this takes the place of."""
        if server.status is not act.acts_on:
            return Moved(server, server.status)
        try:
            change_power(self._compute, scope, server.id, act)
        except cloud_errors.ServerStateConflict as conflict:
            return self._refused(scope, server, act, conflict)
        except cloud_errors.ServerNotFound:
            raise server_findings.ServerUnknown(server.short_id) from None
        except cloud_errors.CloudError as error:
            raise finding_of(error) from error
        if waits is not None:
            self._store.transact(lambda conn: power_wishes.done(conn, scope, waits))
        return Moved(server, act.becomes)

    def _refused(
        self, scope: Scope, server: Server, act: PowerAct, conflict: cloud_errors.ServerStateConflict
    ) -> Moved:  # fmt: skip
        """What becomes of an act that the cloud did not take on: it waits where the cloud is only busy.

        Raises:
            ServerConflict: the server's state is another than it was told with, or it is locked.
        """
        with asking():
            status = self._compute.get(scope, server.id).status
        if status in act.allowed - {act.acts_on}:
            return Moved(server, status)
        if status is not act.acts_on or not isinstance(conflict, cloud_errors.ServerBusy):
            raise server_findings.ServerConflict(server.short_id, str(status))
        if act is not PowerAct.REBOOT or not conflict.rebooting:
            now = self._clock.now()
            wish = PowerWish(server.id, act, now)
            self._store.transact(lambda conn: power_wishes.ask(conn, scope, wish, now + _BUSY))
        return Moved(server, act.becomes)

    def terminate(self, scope: Scope, servers: Sequence[Server]) -> Sequence[Moved]:
        """Ask for the deletion of servers. A cluster's node that goes this way is replaced like any that vanished.

        Raises:
            ServerProtected: one is protected; those of other zones are deleted all the same, as at AWS.

        Source: Amazon EC2 API Reference, TerminateInstances.
        """
        kept = {server.zone: server for server in reversed(servers) if protected([server])}
        moved = self._end(scope, [server for server in servers if server.zone not in kept])
        for server in kept.values():
            raise server_findings.ServerProtected(server.short_id, kept_running=not server.options.protected)
        return moved

    def _end(self, scope: Scope, servers: Sequence[Server]) -> Sequence[Moved]:
        moved = []
        for server in servers:
            if server.status in ENDED_STATUSES:
                moved.append(Moved(server, server.status))
                continue
            try:
                with asking():
                    self._compute.delete(scope, server.id)
            except server_findings.ServerUnknown:
                moved.append(Moved(server, ServerStatus.DELETED))
            else:
                moved.append(Moved(server, ServerStatus.DELETING))
        ended, at = [each.server.id for each in moved], self._clock.now() + _GOING
        self._store.transact(lambda conn: _left(conn, scope, ended, at))
        return moved

    def tag(self, scope: Scope, servers: Sequence[Server], put: Mapping[str, str]) -> None:
        """Set tags on servers.

        Raises:
            LimitExceeded: one would have more than 50; nothing was done then.
            ServerUnknown: one has vanished meanwhile.
        """
        for server in servers:  # counted as the cloud told them, which has a quota for who asks at once
            if len({key for key in (*server.tags, *put) if not key.startswith(RESERVED)}) > TAG_LIMIT:
                raise errors.LimitExceeded("tags", TAG_LIMIT)
        for server in servers:
            with asking():
                self._compute.tag(scope, server.id, put, ())

    def untag(self, scope: Scope, servers: Sequence[Server], tags: Mapping[str, str | None] | None) -> None:
        """Take tags away: key -> the value it must have, None for any; None takes all but the reserved ones."""
        for server in servers:
            if tags is None:
                keys = [key for key in server.tags if not key.startswith(RESERVED)]
            else:
                here = server.tags
                keys = [key for key, value in tags.items() if key in here and value in {None, here[key]}]
            if keys:
                with asking():
                    self._compute.tag(scope, server.id, {}, keys)

    def _as_before(self, scope: Scope, claim: Claim) -> Sequence[Server]:
        """What an earlier request of the token made."""
        made = [server for server in self.list(scope) if server.id in claim.result]
        if not made:
            raise errors.TokenSpent(claim.token.value)
        return made

    def _seen(self, scope: Scope, order: Order, claim: Claim, name: str) -> Sequence[Server]:
        """What an earlier request made that did not tell; empty where it came to nothing, and the token is ours now.

        Raises:
            StaleRead: it is still at work, or the cloud may still hear of it.
        """
        with asking():
            lost = [server for server in self._compute.list(scope) if server.name.startswith(name)]
        if self._tokens.is_at_work(claim, len(lost), order.maximum):
            raise errors.StaleRead(claim.token.value)
        self._tokens.hold(scope, claim)
        self._join(scope, order, lost)
        return lost

    def _first(self, scope: Scope, order: Order, claim: Claim, name: str) -> Sequence[Server]:
        """Make the servers. The token is held anew before each creation: who was thought dead makes none any more."""
        try:
            bound = replace(order, spec=self._bound(scope, order.spec))
            servers = self._make(scope, bound, name, lambda: self._tokens.hold(scope, claim))
        except errors.StaleRead:
            raise  # another's by now
        except errors.OutcomeUnclear:
            self._tokens.hold_unclear(scope, claim)
            raise
        except errors.Finding:
            self._tokens.give_back(scope, claim)
            raise
        return self._done(scope, claim, servers)

    def _done(self, scope: Scope, claim: Claim, servers: Sequence[Server]) -> Sequence[Server]:
        """Keep what was made; where the token was taken over meanwhile, what the record tells stands."""
        made = [server.id for server in servers]
        try:
            self._tokens.hold(scope, claim, made)
        except errors.StaleRead:
            known = self._tokens.made(scope, claim)
            if known and not set(known) & set(made):
                _log.warning("servers %s came too late for their client token, and are deleted", made)
                self._end(scope, servers)
                return self._as_before(scope, replace(claim, result=known))
            if not set(made) <= set(known):
                raise
        return servers

    def _make(self, scope: Scope, order: Order, name: str, before: Callable[[], None]) -> Sequence[Server]:
        """Make the servers; a made interface is held for the order before the cloud is asked.

        Args:
            before: called before each creation; StaleRead of it says that another request makes them, and holds that.
        """
        if order.spec.interface is None:
            return self._create(scope, order, name, before)
        interface, attachment = _attachment(order, order.spec.interface)
        self._attachments.take(scope, interface, attachment, 0)
        try:
            servers = self._create(scope, order, name, before)
        except (errors.OutcomeUnclear, errors.StaleRead):
            raise  # an engine looks who has it where nobody comes again
        except errors.Finding:
            self._attachments.part(scope, interface, attachment)
            raise
        self._attachments.join(scope, interface, attachment, servers[0].id)
        return servers

    def _join(self, scope: Scope, order: Order, servers: Sequence[Server]) -> None:
        """Note which server has the made interface, where an earlier request of the token did not come to that."""
        if order.spec.interface is not None and servers:
            self._attachments.join(scope, *_attachment(order, order.spec.interface), servers[0].id)

    def _create(self, scope: Scope, order: Order, name: str, before: Callable[[], None]) -> Sequence[Server]:
        refusal: errors.Finding | None = None
        spec = order.spec
        for zone in self._zones(scope, spec):
            request = self._resolve(scope, spec, zone, name)
            for count in _counts(order):
                before()
                self._watch_addresses(scope, request)
                try:
                    return self._watched(scope, self._compute.create(scope, request, count))
                except cloud_errors.PartlyMade as part:
                    if len(part.servers) >= order.minimum:
                        return self._watched(scope, part.servers)
                    self._end(scope, part.servers)
                    error: cloud_errors.CloudError = part.refusal
                except cloud_errors.CloudError as failure:
                    error = failure
                refusal = finding_of(error, type=request.flavor, image=spec.image or "", zone=request.zone)
                if not isinstance(error, _NO_ROOM):
                    raise refusal from error
            if isinstance(refusal, errors.QuotaExceeded):
                break  # it holds in every zone
        raise refusal or launch_findings.NetworkMissing("")

    def _watch_addresses(self, scope: Scope, request: ServerRequest) -> None:
        """Have an engine see the servers that may want a public address, whatever becomes of this request."""
        if request.public_address or (request.public_address is None and request.public_by_default):
            self._store.transact(lambda conn: watches.pull(conn, scope, self._clock.now() + _GOING))

    def _watched(self, scope: Scope, servers: Sequence[Server]) -> Sequence[Server]:
        """Servers that were made, those that want a public address in the hands of an engine."""
        wanting = [server.id for server in servers if server.wants_address]
        if wanting:
            now = self._clock.now()
            self._store.transact(lambda conn: launch_addresses.want(conn, scope, wanting, now))
        return servers

    def _bound(self, scope: Scope, spec: ServerSpec) -> ServerSpec:
        """The spec with what rows know in the place of names."""
        with self._store.read() as conn:
            return bindings.bound(conn, scope, spec)

    def _zones(self, scope: Scope, spec: ServerSpec) -> Sequence[str | None]:
        if spec.zone or spec.subnet:
            return (spec.zone,)
        with asking():
            return [subnet.zone for subnet in self._catalog.subnets(scope) if subnet.zone_default] or (None,)

    def _resolve(self, scope: Scope, spec: ServerSpec, zone: str | None, name: str) -> ServerRequest:
        try:
            if zone and zone not in {each.name for each in self._catalog.zones(scope)}:
                raise launch_findings.ZoneNotFound(zone)
            request = resolve(self._catalog, scope, spec, zone=zone, subnet_id=None, name=name)
        except cloud_errors.CloudError as error:
            raise finding_of(error, type=spec.instance_type or "", image=spec.image or "", zone=zone or "") from error
        if zone and request.zone != zone:
            raise launch_findings.ZonesMismatch((zone,))
        return request


def _left(conn: Connection, scope: Scope, ended: Sequence[str], at: datetime) -> None:
    """Have looked at what servers leave behind (places at balancers, public addresses, interfaces that end with them);
    nothing waits for them.
    """
    balancers.pull_of_servers(conn, scope, ended, at)
    launch_addresses.pull(conn, scope, ended, at)
    addresses.note_ending(conn, scope, ended, at)
    power_wishes.forget(conn, scope, ended)


def _age(server: Server) -> tuple[datetime, str]:
    return server.created_at, server.id


def _counts(order: Order) -> Iterator[int]:
    """How many to ask for, from the most downwards: halved each time there is no room."""
    count = order.maximum
    while count > order.minimum:
        yield count
        count = max(order.minimum, count // 2)
    yield count


def _shown(servers: Iterable[Server], wishes: Mapping[str, PowerWish]) -> Iterator[Server]:
    """Servers with the status that they are on their way to, where that waits for the cloud."""
    for server in servers:
        wish = wishes.get(server.id)
        yield replace(server, status=wish.shown(server.status)) if wish is not None else server


def _attachment(order: Order, interface: str) -> tuple[str, str]:
    """The digits of a made interface (of these, or the cloud's id of it) and those of its attachment to the order's
    server: the same ones whenever the order's token comes.
    """
    digits = short_id(interface)
    return digits, new_digits() if order.token is None else derived_digits(digits, order.token.value)


def _name(order: Order) -> str:
    """What the operator reads in the cloud; with a token unique to it, so that a lost answer can be found again."""
    label = order.spec.tags.get("Name") or "server"
    if order.token is None:
        return label
    return f"{label}-{hashlib.sha256(order.token.value.encode()).hexdigest()[:16]}"
