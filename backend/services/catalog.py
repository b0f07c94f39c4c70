"""What the cloud offers, as the callers may ask for it; the cloud's answers become findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.compute import Flavor, KeyPair, Zone
from backend.drivers.errors import CloudError
from backend.drivers.images import Image
from backend.drivers.network import Network, SecurityGroup, Subnet
from backend.services.cloud_errors import finding_of


class CatalogService:
    """Images, types, key pairs, zones, networks, subnets and security groups of a project in a region.

    Listings may be some seconds old. Every call may raise CloudNotReached, NotPermitted, CloudRefused.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def images(self, scope: Scope) -> Sequence[Image]:
        with asking():
            return self._catalog.images(scope)

    def image(self, scope: Scope, short: str) -> Image | None:
        """An image by short id; one that is not known is looked for anew."""
        with asking():
            return self._catalog.image(scope, short)

    def flavors(self, scope: Scope) -> Sequence[Flavor]:
        with asking():
            return self._catalog.flavors(scope)

    def key_pairs(self, scope: Scope) -> Sequence[KeyPair]:
        with asking():
            return self._catalog.key_pairs(scope)

    def zones(self, scope: Scope) -> Sequence[Zone]:
        with asking():
            return self._catalog.zones(scope)

    def networks(self, scope: Scope) -> Sequence[Network]:
        with asking():
            return self._catalog.networks(scope)

    def subnets(self, scope: Scope) -> Sequence[Subnet]:
        with asking():
            return self._catalog.subnets(scope)

    def security_groups(self, scope: Scope) -> Sequence[SecurityGroup]:
        with asking():
            return self._catalog.security_groups(scope)

    def refresh(self) -> None:
        """Ask the cloud anew at the next call: something the caller names is not in what is known."""
        self._catalog.forget()


@contextmanager
def asking() -> Iterator[None]:
    """What the cloud answers inside is told as a finding."""
    try:
        yield
    except CloudError as error:
        raise finding_of(error) from error
