"""The balancing port on Octavia.

Octavia changes a load balancer by one request at a time and answers 409 to the others meanwhile: writes are repeated a
few times. Members are added and drained in batches; they are removed one by one, as a batch that removes would take
along what somebody else added a moment ago. What Octavia has taken it has not done: members that go are waited for, as
their servers are deleted next.

HAProxy counts a member as up until it has checked it, and begins to count anew whenever it is told of a change: Octavia
says ONLINE of a server that boots. A new member is believed to be well once its balancer was left alone for as long as
a first check takes. It is new by when it was made: a batch of changes touches all members.

A pool has no port of its own: its tag ``port=NUMBER`` tells where members are spoken to, else its listener's port does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth
from backend.drivers.balancing import Balancer, Listener, Monitor, Pool, PoolMember, Target
from backend.drivers.errors import Busy, CloudError, NoBalancing, PoolNotFound
from backend.drivers.installation import Installation, nobody
from backend.drivers.openstack.blends import Blends, Place, blends_of
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.layout import Layout
from backend.drivers.openstack.network import OpenStackNetworking
from backend.drivers.openstack.octavia import KEY, is_busy, tagged
from backend.drivers.openstack.refusals import of_any
from backend.drivers.openstack.rest import BALANCING, Declined, Rest
from backend.drivers.openstack.settings import OpenStackSettings

Document = Mapping[str, Any]

MEMBER_NAME: Final = "coppice-node-"
PORT_TAG: Final = "port="
_BEAT: Final = timedelta(seconds=10)
"""Octavia hears from its balancers that often, unless an operator says otherwise."""
_AHEAD: Final = timedelta(minutes=1)
"""The cloud's clock may be so far ahead of ours."""
_LATELY: Final = 4
"""First checks; a member that is so old was checked, however busy its balancer is."""
_LONGEST_CHECK: Final = timedelta(minutes=10)
"""No monitor is waited for longer."""
_PAUSES: Final = (0.3, 0.7, 1.5, 3.0)
_LONGEST_REMOVAL: Final = 30.0
"""Seconds after which what is left of a batch is for the next call: it holds a thread that others wait for."""
_PORTS: Final = {"HTTP": 80, "HTTPS": 443, "TERMINATED_HTTPS": 443, "PROXY": 80, "PROXYV2": 80}
_OTHER_PORT: Final = 80
_PORT: Final = re.compile(rf"{PORT_TAG}([0-9]{{1,5}})")
_LAST_PORT: Final = 65535
_OWNER: Final = re.compile(rf"{MEMBER_NAME}([0-9a-f-]{{36}})(?:\.([0-9a-f-]{{36}}))?")
"""The node, and the installation that it is of."""
_HEALTH: Final = {
    "ONLINE": MemberHealth.HEALTHY,
    "DEGRADED": MemberHealth.HEALTHY,
    "ERROR": MemberHealth.UNHEALTHY,
    "OFFLINE": MemberHealth.INITIAL,
}
"""By operating status; NO_MONITOR, DRAINING and whatever else there is say nothing."""

_WELL: Final = frozenset(status for status, health in _HEALTH.items() if health is MemberHealth.HEALTHY)


class OpenStackBalancing:
    def __init__(
        self,
        rest: Rest,
        clock: Clock,
        settings: OpenStackSettings,
        networking: OpenStackNetworking,
        installation: Installation = nobody,
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._settings = settings
        self._networking = networking
        self._installation = installation
        self._fronts: Kept[tuple[Scope, str], frozenset[str]] = Kept(clock, self._ask_fronts)
        self._checks: Kept[tuple[Scope, str], timedelta] = Kept(clock, self._ask_check)
        self._made: Kept[tuple[Scope, str], bool] = Kept(clock, lambda key: _is_made(self._pool_item(*key)))
        self._blends = Blends(self._listed)

    def pools(self, scope: Scope) -> Sequence[Pool]:
        listeners = self._listing(scope, "listeners")
        monitors = {each["id"]: each for each in self._listing(scope, "healthmonitors")}
        networks = {each["id"]: each.get("vip_network_id") for each in self._listing(scope, "loadbalancers")}
        found = [_pool(each, listeners, monitors, networks) for each in self._listing(scope, "pools")]
        return sorted(found, key=lambda pool: (pool.name, pool.id))

    def balancers(self, scope: Scope) -> Sequence[Balancer]:
        found = [
            Balancer(
                id=each["id"],
                name=each["name"],
                address=each["vip_address"],
                status=_STATUS.get(each["provisioning_status"], "provisioning"),
                created_at=_instant(each["created_at"]),
                network_id=each.get("vip_network_id"),
                subnet_id=each.get("vip_subnet_id"),
                made=_is_made(each),
            )
            for each in self._listing(scope, "loadbalancers")
        ]
        return sorted(found, key=lambda balancer: (balancer.name, balancer.id))

    def listeners(self, scope: Scope) -> Sequence[Listener]:
        found = [
            Listener(
                id=each["id"],
                name=each["name"],
                balancer_id=balancer["id"],
                protocol=each["protocol"],
                port=each["protocol_port"],
                pool_id=each.get("default_pool_id"),
                made=_is_made(each),
            )
            for each in self._listing(scope, "listeners")
            for balancer in each["loadbalancers"]
        ]
        return sorted(found, key=lambda listener: (listener.balancer_id, listener.port, listener.id))

    def members(self, scope: Scope, pool_id: str) -> Sequence[PoolMember]:
        found = self._members(scope, pool_id)
        unproven = self._unproven(scope, pool_id, found)
        return [
            replace(each, health=MemberHealth.INITIAL) if each.id in unproven else each for each in map(_member, found)
        ]

    def add_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        self._require(scope)
        fronts = self._fronts.get((scope, pool_id), self._settings.layout_age)
        layout = self._networking.layout(scope, self._settings.layout_age)
        wanted = []
        for target in targets:
            member = {**_key(target), "name": self._name(target), "weight": 1}
            if target.monitor_port is not None:
                member["monitor_port"] = target.monitor_port
            subnet = _subnet(layout, target)
            # The subnet of the balancer's own address is what is meant where none is told.
            wanted.append(member if subnet is None or subnet in fronts else {**member, "subnet_id": subnet})
        if self._is_made(scope, pool_id):  # who asks again gets to its blends, and not busy with what was done
            here = [each for each in self._members(scope, pool_id) if each["provisioning_status"] != "ERROR"]
            wanted = [each for each in wanted if not any(each.items() <= one.items() for one in here)]
        self._put(scope, pool_id, wanted)
        self._follow(scope, pool_id)

    def drain_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        present = self._owned(scope, pool_id, targets)
        self._put(scope, pool_id, [{**_key(target), "weight": 0} for target, each in present if each["weight"]])
        self._await_done(scope, pool_id, targets, _has_drained)
        self._follow(scope, pool_id, targets, _has_drained)

    def remove_members(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> None:
        ends_at = self._clock.monotonic() + _LONGEST_REMOVAL
        for _, each in self._owned(scope, pool_id, targets):
            if self._clock.monotonic() > ends_at:
                raise Busy(f"the balancer of pool {pool_id} takes long: not all members were removed yet")
            self._write(scope, pool_id, "DELETE", f"/lbaas/pools/{pool_id}/members/{each['id']}")
        self._await_done(scope, pool_id, targets, _is_out)
        self._follow(scope, pool_id, targets, _is_out)

    def _is_made(self, scope: Scope, pool_id: str) -> bool:
        """Whether it may have blends: a pool that others made has none."""
        return self._made.get((scope, pool_id), self._settings.layout_age)

    def _follow(
        self,
        scope: Scope,
        pool_id: str,
        leaving: Sequence[Target] = (),
        is_done: Callable[[Document], bool] | None = None,
    ) -> None:
        """Bring blends to the members that a pool has now, and wait until that is done for those that leave.

        A blend that is gone meanwhile forwards nothing. Raises Busy.
        """
        pools = self._listing(scope, "pools") if self._is_made(scope, pool_id) else []
        for each in blends_of(pools, pool_id):
            with suppress(PoolNotFound):
                wanted = self._bring(scope, each, pools)
                if is_done is not None:
                    gone = [target for target in leaving if _leaves(target, wanted, is_done)]
                    self._await_done(scope, each["id"], gone, is_done)

    def _bring(self, scope: Scope, blend: Document, pools: Sequence[Document]) -> Mapping[Place, Document]:
        """Bring a blend to the members that it is to have; what these are.

        All of them are told at once, and what was read may be old by then: another engine may have changed a pool
        meanwhile and have brought the blend to that already. So it is read again after each write, and whenever Octavia
        was not free for one. Raises Busy.
        """
        identity: str = blend["id"]
        for pause in (*_PAUSES, None):
            wanted = self._blends.wanted(scope, blend, pools)
            members = self._blends.change(scope, blend, wanted)
            if members is None:
                return wanted
            path = f"/lbaas/pools/{identity}/members"
            try:
                self._rest.write(scope, BALANCING, "PUT", path, {"members": members}, repeat=True)
            except Declined as declined:
                if not is_busy(declined) or pause is None:
                    raise _refusal(declined, identity) from declined
                self._clock.wait(pause)
            pools = self._listing(scope, "pools")
            found = next((each for each in pools if each["id"] == identity), None)
            if found is None:
                raise PoolNotFound(f"pool {identity} is gone")
            blend = found
        raise Busy(f"pool {identity} has not yet the members that it is to have")

    def _await_done(
        self, scope: Scope, pool_id: str, targets: Sequence[Target], is_done: Callable[[Document], bool]
    ) -> None:
        """Wait until what was taken for members that go is done: until then they are sent requests as before.

        Raises:
            Busy: it takes longer than a call should, or Octavia gave it up; who asks again finds it done, has it done
                anew, or waits on.
        """
        for pause in (*_PAUSES, None):
            owned = self._owned_of(self._listed(scope, pool_id), targets)
            if all(is_done(each) for _, each in owned):
                return
            if pause is not None:
                self._clock.wait(pause)
        raise Busy(f"the balancer of pool {pool_id} does not yet do what was asked of its members")

    def _owned(self, scope: Scope, pool_id: str, targets: Sequence[Target]) -> list[tuple[Target, Document]]:
        """The members that are still those targets'."""
        return self._owned_of(self._members(scope, pool_id), targets)

    def _owned_of(self, members: Sequence[Document], targets: Sequence[Target]) -> list[tuple[Target, Document]]:
        here = {(each["address"], each["protocol_port"]): each for each in members}
        found = [(target, here.get((target.address, target.port))) for target in targets]
        return [(target, each) for target, each in found if each and self._is_of(each, target)]

    def _name(self, target: Target) -> str:
        own = self._installation()
        return f"{MEMBER_NAME}{target.owner}.{own}" if own else f"{MEMBER_NAME}{target.owner}"

    def _is_of(self, member: Document, target: Target) -> bool:
        """Whether it is that node's; members of old names tell no installation."""
        owner, installation = _owner(member)
        return owner == target.owner and installation in (None, self._installation())

    def _ask_fronts(self, key: tuple[Scope, str]) -> frozenset[str]:
        """Subnets of the addresses of a pool's balancers."""
        return frozenset(each["vip_subnet_id"] for each in self._serving(*key))

    def _serving(self, scope: Scope, pool_id: str) -> list[Document]:
        """A pool's balancers."""
        serving = {each["id"] for each in self._pool_item(scope, pool_id)["loadbalancers"]}
        return [each for each in self._listing(scope, "loadbalancers") if each["id"] in serving]

    def _unproven(self, scope: Scope, pool_id: str, members: Sequence[Document]) -> frozenset[str]:
        """Ids of the members that are told as well, perhaps because nobody has checked them yet."""
        ages = {
            each["id"]: self._since(each.get("created_at")) for each in members if each["operating_status"] in _WELL
        }
        if min(ages.values(), default=timedelta.max) >= _LATELY * _LONGEST_CHECK:
            return frozenset()
        check = self._checks.get((scope, pool_id), self._settings.layout_age)
        recent = {member: age for member, age in ages.items() if age < _LATELY * check}
        if not recent:
            return frozenset()
        told = [self._since(each.get("updated_at")) for each in self._serving(scope, pool_id)]
        rested = min(told, default=timedelta.max)
        return frozenset(member for member, age in recent.items() if min(age, rested) < check)

    def _since(self, told: str | None) -> timedelta:
        """The time since then; for ever where it was never told, or the cloud's clock is too far ahead of ours."""
        age = self._clock.now() - _instant(told) if told else timedelta.max
        return timedelta.max if age < -_AHEAD else max(age, timedelta(0))

    def _ask_check(self, key: tuple[Scope, str]) -> timedelta:
        """How long it takes until a pool's monitor has checked a new member, and Octavia was told; zero without one."""
        scope, pool_id = key
        watched = self._pool_item(scope, pool_id).get("healthmonitor_id")
        monitors = {each["id"]: each for each in self._listing(scope, "healthmonitors")} if watched else {}
        found = _monitor(monitors.get(watched or ""))
        if found is None:
            return timedelta(0)
        return min(timedelta(seconds=found.interval_seconds + found.timeout_seconds) + _BEAT, _LONGEST_CHECK)

    def _pool_item(self, scope: Scope, pool_id: str) -> Document:
        try:
            return self._rest.item(scope, BALANCING, f"/lbaas/pools/{pool_id}", "pool")
        except Declined as declined:
            raise _refusal(declined, pool_id) from declined

    def _members(self, scope: Scope, pool_id: str) -> list[Document]:
        """Without those that are on their way out."""
        listed = self._listed(scope, pool_id)
        return [each for each in listed if each["provisioning_status"] != "PENDING_DELETE" and not _is_out(each)]

    def _listed(self, scope: Scope, pool_id: str) -> list[Document]:
        self._require(scope)
        try:
            return list(self._rest.listing(scope, BALANCING, f"/lbaas/pools/{pool_id}/members", "members"))
        except Declined as declined:
            raise _refusal(declined, pool_id) from declined

    def _put(self, scope: Scope, pool_id: str, members: Sequence[Document]) -> None:
        if members:
            path = f"/lbaas/pools/{pool_id}/members?additive_only=true"
            self._write(scope, pool_id, "PUT", path, {"members": list(members)})

    def _write(self, scope: Scope, pool_id: str, method: str, path: str, body: Any = None) -> None:
        """Send it until Octavia is free for it; a member that is gone needs no deletion."""
        for pause in (*_PAUSES, None):
            try:
                self._rest.write(scope, BALANCING, method, path, body, repeat=True)
            except Declined as declined:
                if declined.status == 404 and path.rpartition("/")[2] in declined.message and method == "DELETE":
                    return
                if not is_busy(declined) or pause is None:
                    raise _refusal(declined, pool_id) from declined
                self._clock.wait(pause)
            else:
                return

    def _listing(self, scope: Scope, noun: str) -> list[Document]:
        """Nothing where the cloud has no load balancing."""
        if not self._rest.offers(scope, BALANCING):
            return []
        with told():
            asked = {"project_id": scope.project_id}
            return list(self._rest.listing(scope, BALANCING, f"/lbaas/{noun}", noun, asked))

    def _require(self, scope: Scope) -> None:
        if not self._rest.offers(scope, BALANCING):
            raise NoBalancing("the cloud's catalog has no load balancing service")


_STATUS: Final = {"ACTIVE": "active", "PENDING_UPDATE": "active", "ERROR": "failed"}


def _refusal(declined: Declined, pool_id: str) -> CloudError:
    if is_busy(declined):
        return Busy(declined.message, request_id=declined.request_id)
    if declined.status == 404 and pool_id in declined.message:
        return PoolNotFound(declined.message, request_id=declined.request_id)
    return of_any(declined)


def _key(target: Target) -> dict[str, Any]:
    return {"address": target.address, "protocol_port": target.port}


def _subnet(layout: Layout, target: Target) -> str | None:
    """Neutron's id of the subnet that a target is on: the known one, else the only one that has the address."""
    placement = layout.by_id.get(target.subnet_id or "")
    if placement is not None:
        return placement.real_id
    address = ipaddress.ip_address(target.address)
    fitting = {each.real_id for each in layout.placements if address in ipaddress.ip_network(each.subnet.cidr)}
    return fitting.pop() if len(fitting) == 1 else None


def _pool(
    each: Document, listeners: Sequence[Document], monitors: Mapping[str, Document], networks: Mapping[str, str | None]
) -> Pool:
    balancers = tuple(balancer["id"] for balancer in each["loadbalancers"])
    persistence = each.get("session_persistence") or {}
    return Pool(
        id=each["id"],
        name=each["name"],
        protocol=each["protocol"],
        port=_port(each, listeners),
        created_at=_instant(each["created_at"]),
        algorithm=each["lb_algorithm"],
        persistence=persistence.get("type"),
        balancer_ids=balancers,
        monitor=_monitor(monitors.get(each.get("healthmonitor_id") or "")),
        network_id=networks.get(balancers[0]) if balancers else None,
        made=_is_made(each),
    )


def _is_made(each: Document) -> bool:
    """Whether an installation of Coppice made it: its rows tell of it, or nobody's do."""
    return bool(tagged(each, KEY))


def _port(pool: Document, listeners: Iterable[Document]) -> int:
    for tag in pool.get("tags") or ():
        number = _PORT.fullmatch(tag)
        if number and 0 < int(number[1]) <= _LAST_PORT:
            return int(number[1])
    attached = {listener["id"] for listener in pool["listeners"]}
    serving = sorted(
        (each for each in listeners if each["id"] in attached),
        key=lambda each: (each.get("default_pool_id") != pool["id"], each["id"]),
    )
    return int(serving[0]["protocol_port"]) if serving else _PORTS.get(pool["protocol"], _OTHER_PORT)


def _monitor(each: Document | None) -> Monitor | None:
    if each is None:
        return None
    return Monitor(
        kind=each["type"],
        interval_seconds=each["delay"],
        timeout_seconds=each["timeout"],
        rise=each["max_retries"],
        fall=each.get("max_retries_down") or each["max_retries"],
        path=each.get("url_path"),
        codes=each.get("expected_codes"),
    )


def _owner(each: Document) -> tuple[str | None, str | None]:
    """(node, installation) of a member; neither where somebody else made it."""
    found = _OWNER.fullmatch(each.get("name") or "")
    return (found[1], found[2]) if found else (None, None)


def _is_out(each: Document) -> bool:
    """Whether a member that is listed is one no more. One that Octavia could not remove is in ERROR, or as before."""
    return bool(each["provisioning_status"] == "DELETED")


def _has_drained(each: Document) -> bool:
    status = each["provisioning_status"]
    return _is_out(each) or (each["weight"] == 0 and not status.startswith("PENDING"))


def _leaves(target: Target, wanted: Mapping[Place, Document], is_done: Callable[[Document], bool]) -> bool:
    """Whether a blend is to let go of who leaves one of its pools: another of them may have the same one."""
    stays = wanted.get((target.address, target.port))
    return stays is None or is_done({**stays, "provisioning_status": "ACTIVE"})


def _member(each: Document) -> PoolMember:
    owner, installation = _owner(each)
    return PoolMember(
        id=each["id"],
        address=each["address"],
        port=each["protocol_port"],
        weight=each["weight"],
        health=_HEALTH.get(each["operating_status"], MemberHealth.UNKNOWN),
        owner=owner,
        installation=installation,
        operating_status=each["operating_status"],
        provisioning_status=each["provisioning_status"],
        monitor_port=each.get("monitor_port"),
    )


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
