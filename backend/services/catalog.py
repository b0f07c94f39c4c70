"""What the cloud offers, as the callers may ask for it; the cloud's answers become findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from backend.domain.requirements import Requirements
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.compute import Flavor, KeyPair, ServerGroup, Zone
from backend.drivers.errors import CloudError
from backend.drivers.images import Image
from backend.drivers.instance_types.facts import facts_of
from backend.drivers.network import Network, SecurityGroup, Subnet
from backend.policies.requirements import affordable, meets
from backend.services.cloud_errors import finding_of

T = TypeVar("T")


class CatalogService:
    """Images, types, key pairs, server groups, zones, networks, subnets and security groups of a project in a region.

    Listings may be some seconds old unless they are asked for ``fresh``. Every call may raise CloudNotReached,
    NotPermitted, CloudRefused.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def images(self, scope: Scope, *, fresh: bool = False) -> Sequence[Image]:
        return self._listing("images", scope, self._catalog.images, fresh=fresh)

    def flavors(self, scope: Scope, *, fresh: bool = False) -> Sequence[Flavor]:
        return self._listing("flavors", scope, self._catalog.flavors, fresh=fresh)

    def types_with(self, scope: Scope, wanted: Requirements, architectures: frozenset[str]) -> list[str]:
        """Names of the types that meet requirements and have one of the architectures, in order."""
        found = [each for each in self.flavors(scope) if not architectures.isdisjoint(each.architectures)]
        found = [each for each in found if meets(wanted, facts_of(each))]
        affordable_at = affordable(wanted, [each.cost for each in found], preemptible=False)
        return sorted(each.name for each, fits in zip(found, affordable_at, strict=True) if fits)

    def key_pairs(self, scope: Scope, *, fresh: bool = False) -> Sequence[KeyPair]:
        return self._listing("key_pairs", scope, self._catalog.key_pairs, fresh=fresh)

    def server_groups(self, scope: Scope, *, fresh: bool = False) -> Sequence[ServerGroup]:
        return self._listing("server_groups", scope, self._catalog.server_groups, fresh=fresh)

    def zones(self, scope: Scope, *, fresh: bool = False) -> Sequence[Zone]:
        return self._listing("zones", scope, self._catalog.zones, fresh=fresh)

    def zone_ids(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
        """Ids of zones by name, as far as they are known; raises nothing."""
        return self._catalog.zone_ids(scope, names)

    def networks(self, scope: Scope, *, fresh: bool = False) -> Sequence[Network]:
        return self._listing("networks", scope, self._catalog.networks, fresh=fresh)

    def subnets(self, scope: Scope, *, fresh: bool = False) -> Sequence[Subnet]:
        return self._listing("subnets", scope, self._catalog.subnets, fresh=fresh)

    def security_groups(self, scope: Scope, *, fresh: bool = False) -> Sequence[SecurityGroup]:
        return self._listing("security_groups", scope, self._catalog.security_groups, fresh=fresh)

    def _listing(self, noun: str, scope: Scope, ask: Callable[[Scope], Sequence[T]], *, fresh: bool) -> Sequence[T]:
        if fresh:
            self._catalog.drop(noun, scope)
        with asking():
            return ask(scope)


@contextmanager
def asking() -> Iterator[None]:
    """What the cloud answers inside is told as a finding."""
    try:
        yield
    except CloudError as error:
        raise finding_of(error) from error
