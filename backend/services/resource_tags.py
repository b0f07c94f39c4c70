"""Tags of resources that are neither servers nor clusters: templates, networks, images, volumes..."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from backend import errors
from backend.domain.scope import Scope
from backend.store import counting
from backend.store import resource_tags as rows
from backend.store.session import Store

LIMIT: Final = 50


class ResourceTags:
    """Tags by the resource's id as the caller's tools write it. Whether it exists is for the caller to know."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, scope: Scope, resource_ids: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        """Tags by resource; resources without any are left out."""
        with self._store.read() as conn:
            return rows.of(conn, scope, resource_ids)

    def all(self, scope: Scope) -> Mapping[str, Mapping[str, str]]:
        """Every tagged resource of the project in the region, with its tags."""
        with self._store.read() as conn:
            return rows.of(conn, scope)

    def put(self, scope: Scope, resource_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Set tags on each of the resources, or on none of them.

        Raises:
            LimitExceeded: a resource would have more than 50.
        """

        def work(conn: Any) -> None:
            counting.hold(conn, scope, "tags")  # of whichever resource: a row for each would stay when it is gone
            present = rows.of(conn, scope, resource_ids)
            for resource_id in resource_ids:
                if len({*present.get(resource_id, {}), *tags}) > LIMIT:
                    raise errors.LimitExceeded("tags", LIMIT)
                rows.put(conn, scope, resource_id, tags)

        self._store.transact(work)

    def remove(self, scope: Scope, resource_ids: Sequence[str], tags: Mapping[str, str | None] | None) -> None:
        """Take tags away.

        Args:
            tags: key -> the value it must have to go, None for any; None in place of the mapping takes them all.
        """

        def work(conn: Any) -> None:
            present = rows.of(conn, scope, resource_ids)
            for resource_id in resource_ids:
                here = present.get(resource_id, {})
                if tags is None:
                    rows.remove(conn, scope, resource_id)
                elif keys := [key for key, value in tags.items() if key in here and value in {None, here[key]}]:
                    rows.remove(conn, scope, resource_id, keys)

        self._store.transact(work)
