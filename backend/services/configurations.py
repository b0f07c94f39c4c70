"""Launch configurations: checked against the cloud once, then never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from backend.clock import Clock
from backend.domain.launch_findings import ProfileInUse, ProfileNotFound
from backend.domain.page import Page
from backend.domain.profile import LaunchConfiguration, ServerSpec
from backend.domain.quotas import Quota
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.services import sources
from backend.services.catalog import asking
from backend.store import bindings, clusters, configurations, quotas
from backend.store.session import Connection, Store


class Configurations:
    """Makes, reads and deletes launch configurations."""

    def __init__(self, store: Store, cloud: Cloud, catalog: Catalog, clock: Clock) -> None:
        self._store = store
        self._cloud = cloud
        self._catalog = catalog
        self._clock = clock

    def describe_server(self, scope: Scope, server: str) -> ServerSpec:
        """A server of the project, by its short id, as a launch source.

        Raises:
            ServerUnknown, CloudNotReached, NotPermitted
        """
        found = sources.server_of(self._cloud, scope, server)
        with asking():
            return sources.spec_of_server(self._catalog, scope, found)

    def create(self, scope: Scope, name: str, spec: ServerSpec, document: Mapping[str, Any]) -> LaunchConfiguration:
        """Keep a new launch configuration.

        Args:
            document: the caller's own words, kept to be told again.

        Raises:
            ProfileExists: the name is taken.
            LimitExceeded: there are 200 already.
            ImageNotFound, TypeNotFound, TypeNotSupported, KeyPairNotFound, SecurityGroupNotFound, IamProfileNotFound
            CloudNotReached, NotPermitted: the cloud could not be asked.
        """
        with self._store.read() as conn:
            bound = bindings.bound(conn, scope, spec)
        sources.try_spec(self._catalog, scope, bound)
        made = LaunchConfiguration(
            str(uuid4()), scope.project_id, scope.region, name, spec, document, self._clock.now()
        )
        self._store.transact(lambda conn: add(conn, scope, made))
        return made

    def delete(self, scope: Scope, name: str) -> None:
        """Delete one that no cluster launches from.

        Raises:
            ProfileNotFound, ProfileInUse
        """

        def work(conn: Connection) -> None:
            found = configurations.find(conn, scope, name, lock=True)
            if found is None:
                raise ProfileNotFound(name)
            user = clusters.of_configuration(conn, scope, name)
            if user is not None:
                raise ProfileInUse(name, user)
            configurations.remove(conn, found.id)

        self._store.transact(work)

    def page(
        self, scope: Scope, *, names: Sequence[str] = (), limit: int, after: str | None = None
    ) -> Page[LaunchConfiguration]:
        """Launch configurations by name; unknown ``names`` are left out."""
        with self._store.read() as conn:
            return configurations.page(conn, scope, among=names, limit=limit, after=after)


def add(conn: Connection, scope: Scope, made: LaunchConfiguration) -> None:
    """Insert a launch configuration where there is room for one more.

    Raises:
        ProfileExists, LimitExceeded
    """
    quotas.check_more(conn, scope, Quota.CONFIGURATIONS, configurations.count)
    configurations.insert(conn, made)
