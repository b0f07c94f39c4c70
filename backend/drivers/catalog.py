"""What a cloud offers, remembered for a short while: images, types, networks, groups, keys and zones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from backend.clock import Clock
from backend.domain.ids import balancing_id
from backend.domain.scope import Scope
from backend.drivers import public_images
from backend.drivers.balancing import Pool
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Flavor, KeyPair, Quota, ServerGroup, Zone
from backend.drivers.errors import CloudError
from backend.drivers.images import Image
from backend.drivers.network import Network, SecurityGroup, Subnet

T = TypeVar("T")
_BRIEFLY: Final = timedelta(seconds=5)
KeptKeys = Callable[[Scope], Sequence[KeyPair]]
"""Key pairs that Coppice keeps for a project; raises CloudUnavailable where it cannot tell now."""


PublicSubnets = Callable[[Scope], frozenset[str]]
"""Cloud ids of the subnets of a project that give public addresses to launches, beside those that the cloud tells of;
raises CloudUnavailable where it cannot tell now."""


def _none_kept(_: Scope) -> Sequence[KeyPair]:
    return ()


def _none_public(_: Scope) -> frozenset[str]:
    return frozenset()


class Catalog:
    """Listings of a cloud, cached for ``ttl`` each; a look-up that misses asks the cloud once more.

    What is too old goes with the next listing that comes, and so do the oldest of more than ``most``: projects come and
    go.

    Every call may raise CloudUnavailable or NotAuthorized when the cloud has to be asked.

    Args:
        kept_keys: key pairs beside the cloud's own, which stand before those of the same names; never cached.
        public_subnets: never cached, likewise.
    """

    def __init__(
        self,
        cloud: Cloud,
        clock: Clock,
        ttl: timedelta = timedelta(seconds=30),
        most: int = 2000,
        *,
        kept_keys: KeptKeys = _none_kept,
        public_subnets: PublicSubnets = _none_public,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        """Args: aliases: names of public parameters -> names of their images, over the usual ones."""
        self.aliases: Final = {**public_images.USUAL, **(aliases or {})}
        self._cloud = cloud
        self.spot: Final = cloud.spot
        self.partitions: Final = cloud.partitions
        self._kept_keys = kept_keys
        self._public_subnets = public_subnets
        self._clock = clock
        self._ttl = ttl
        self._most = most
        self._kept: dict[tuple[str, Scope], tuple[datetime, Sequence[Any], dict[str, Any]]] = {}
        self._zone_ids: dict[str, Mapping[str, str]] = {}
        self._zones_due: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def images(self, scope: Scope) -> Sequence[Image]:
        return self._listing("images", scope, self._cloud.images.list, _short)[0]

    def image(self, scope: Scope, short: str) -> Image | None:
        """An image by its short id."""
        found: Image | None = self._one("images", scope, self._cloud.images.list, _short, short)
        return found

    def aliased(self, scope: Scope, parameter: str) -> Sequence[Image]:
        """The images that a public parameter has meant, oldest first: the last is meant now; none of an unknown one."""
        pattern = self.aliases.get(parameter)
        return [] if pattern is None else public_images.meant(pattern, self.images(scope))

    def flavors(self, scope: Scope) -> Sequence[Flavor]:
        return self._listing("flavors", scope, self._cloud.compute.flavors, _name)[0]

    def flavor(self, scope: Scope, name: str) -> Flavor | None:
        """An instance type by its AWS name."""
        found: Flavor | None = self._one("flavors", scope, self._cloud.compute.flavors, _name, name)
        return found

    def key_pairs(self, scope: Scope) -> Sequence[KeyPair]:
        kept = self._kept_keys(scope)
        names = {pair.name for pair in kept}
        listed = self._listing("key_pairs", scope, self._cloud.compute.key_pairs, _name)[0]
        return [*kept, *(pair for pair in listed if pair.name not in names)]

    def key_pair(self, scope: Scope, name: str) -> KeyPair | None:
        for pair in self._kept_keys(scope):
            if pair.name == name:
                return pair
        found: KeyPair | None = self._one("key_pairs", scope, self._cloud.compute.key_pairs, _name, name)
        return found

    def quotas(self, scope: Scope) -> Sequence[Quota]:
        """Remembered for a moment: whoever makes or ends servers drops them."""
        return self._listing("quotas", scope, self._cloud.compute.quotas, _resource, _BRIEFLY)[0]

    def server_groups(self, scope: Scope) -> Sequence[ServerGroup]:
        return self._listing("server_groups", scope, self._cloud.compute.server_groups, _name)[0]

    def server_group(self, scope: Scope, *, name: str | None = None, short: str | None = None) -> ServerGroup | None:
        """A server group by its name or its short id; of several of one name the first that was made."""
        for again in (False, True):
            if again:
                self.drop("server_groups", scope)
            for group in self.server_groups(scope):
                if group.name == name or group.short_id == short:
                    return group
        return None

    def zones(self, scope: Scope) -> Sequence[Zone]:
        return self._listing("zones", scope, self._cloud.compute.zones, _name)[0]

    def zone_ids(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
        """Stable ids of zones by name, of those that are known. Raises nothing.

        Long lists tell them: a zone's id never changes, so the cloud is asked for it once, and while the cloud is away
        a zone is told without.
        """
        region, now = scope.region, self._clock.now()
        known = self._zone_ids.get(region, {})
        if all(name in known for name in names) or self._zones_due.get(region, now) > now:
            return known
        self._zones_due[region] = now + self._ttl
        try:
            known = {**known, **{zone.name: zone.zone_id for zone in self.zones(scope)}}
        except CloudError:
            return known
        self._zone_ids[region] = known
        return known

    def networks(self, scope: Scope) -> Sequence[Network]:
        return self._listing("networks", scope, self._cloud.network.networks, _short)[0]

    def outward(self, scope: Scope) -> Sequence[str]:
        """Ids of the networks that were not made here and that lead to the outside."""
        making = self._cloud.network_making
        if making is None:
            return ()
        return self._listing("outward", scope, lambda within: sorted(making.outward(within)), str)[0]

    def subnets(self, scope: Scope) -> Sequence[Subnet]:
        return self._listing("subnets", scope, self._cloud.network.subnets, _short)[0]

    def subnet(self, scope: Scope, short: str) -> Subnet | None:
        """A subnet by its short id."""
        found: Subnet | None = self._one("subnets", scope, self._cloud.network.subnets, _short, short)
        return found

    def is_public(self, scope: Scope, subnet: Subnet) -> bool:
        """Whether a subnet gives public addresses to launches because its project says so."""
        return subnet.id in self._public_subnets(scope)

    def security_groups(self, scope: Scope) -> Sequence[SecurityGroup]:
        return self._listing("security_groups", scope, self._cloud.network.security_groups, _short)[0]

    def security_group(self, scope: Scope, short: str) -> SecurityGroup | None:
        """A security group by its short id."""
        found: SecurityGroup | None = self._one(
            "security_groups", scope, self._cloud.network.security_groups, _short, short
        )
        return found

    def pool(self, scope: Scope, short: str) -> Pool | None:
        """A pool of load balancers by the short id that its ARN carries."""
        found: Pool | None = self._one("pools", scope, self._cloud.balancing.pools, _balancing, short)
        return found

    def drop(self, noun: str, scope: Scope) -> None:
        """Ask the cloud anew at the next call for one noun (the name of a listing above) of one project."""
        with self._lock:
            self._kept.pop((noun, scope), None)

    def forget(self) -> None:
        """Ask the cloud anew at the next call."""
        with self._lock:
            self._kept.clear()

    def _listing(
        self,
        noun: str,
        scope: Scope,
        ask: Callable[[Scope], Sequence[T]],
        key: Callable[[T], str],
        ttl: timedelta | None = None,
    ) -> tuple[Sequence[T], dict[str, T]]:
        now = self._clock.now()
        with self._lock:
            kept = self._kept.get((noun, scope))
        if kept is not None and kept[0] > now:
            return kept[1], kept[2]
        items = ask(scope)
        by_key = {key(item): item for item in items}
        with self._lock:
            self._kept.pop((noun, scope), None)
            self._kept[noun, scope] = (now + (ttl or self._ttl), items, by_key)
            while len(self._kept) > self._most or next(iter(self._kept.values()))[0] <= now:
                del self._kept[next(iter(self._kept))]
        return items, by_key

    def _one(
        self, noun: str, scope: Scope, ask: Callable[[Scope], Sequence[T]], key: Callable[[T], str], wanted: str
    ) -> T | None:
        now = self._clock.now()
        with self._lock:
            kept = self._kept.get((noun, scope))
        if kept is not None and kept[0] > now and wanted in kept[2]:
            found: T = kept[2][wanted]
            return found
        with self._lock:
            self._kept.pop((noun, scope), None)
        return self._listing(noun, scope, ask, key)[1].get(wanted)


def _short(item: Image | Network | Subnet | SecurityGroup) -> str:
    return item.short_id


def _resource(item: Quota) -> str:
    return item.resource


def _balancing(item: Pool) -> str:
    return balancing_id(item.id)


def _name(item: Flavor | KeyPair | ServerGroup | Zone) -> str:
    return item.name
