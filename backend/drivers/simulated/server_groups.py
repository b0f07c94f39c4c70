"""Server groups of the state: made, found and ended. Who is in one is told by the servers' own rows."""

from __future__ import annotations

import sqlite3
import uuid
from collections import Counter
from collections.abc import Sequence

from backend.domain.scope import Scope
from backend.drivers.compute import GroupPolicy, ServerGroup
from backend.drivers.simulated.servers import ServerTable
from backend.drivers.simulated.state import add_to_counter, counter


class ServerGroups:
    """Reads and writes of server groups; every method works within the caller's connection."""

    def __init__(self, origin: uuid.UUID, servers: ServerTable) -> None:
        self._origin = origin
        self._servers = servers

    def insert(
        self, connection: sqlite3.Connection, scope: Scope, name: str, policy: GroupPolicy, partitions: int | None
    ) -> ServerGroup:
        add_to_counter(connection, "server_groups", 1)
        number = counter(connection, "server_groups")
        identity = str(uuid.uuid5(self._origin, f"server-group/{number}"))
        connection.execute(
            "INSERT INTO server_groups (number, id, project, region, name, policy, partitions)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, identity, scope.project_id, scope.region, name, policy.value, partitions),
        )
        return ServerGroup(identity, name, policy, partitions=partitions)

    def list(self, connection: sqlite3.Connection, scope: Scope, now: int) -> Sequence[ServerGroup]:
        """The scope's groups with their members, in the order they were made."""
        rows = connection.execute(
            "SELECT id, name, policy, partitions FROM server_groups WHERE project = ? AND region = ? ORDER BY number",
            (scope.project_id, scope.region),
        ).fetchall()
        return [
            ServerGroup(
                identity,
                name,
                GroupPolicy(policy),
                tuple(server for server, _, _ in self._servers.of_group(connection, identity, now)),
                partitions,
            )
            for identity, name, policy, partitions in rows
        ]

    def has(self, connection: sqlite3.Connection, scope: Scope, group_id: str) -> bool:
        """Whether the scope has such a group."""
        row = connection.execute(
            "SELECT 1 FROM server_groups WHERE id = ? AND project = ? AND region = ?",
            (group_id, scope.project_id, scope.region),
        ).fetchone()
        return row is not None

    def zones(self, connection: sqlite3.Connection, group_id: str, now: int) -> Sequence[str]:
        """The zone of each of its servers."""
        return [zone for _, zone, _ in self._servers.of_group(connection, group_id, now)]

    def spread(
        self, connection: sqlite3.Connection, group: ServerGroup, place: tuple[str, int | None], count: int, now: int
    ) -> Sequence[int | None]:
        """The partitions that new servers of a group come into, one after the other where the fewest are in their zone.

        Args:
            place: their zone, and the partition that was asked for.
        """
        zone, wanted = place
        if group.partitions is None or wanted is not None:
            return [wanted] * count
        here = Counter(
            partition for _, there, partition in self._servers.of_group(connection, group.id, now) if there == zone
        )
        found = []
        for _ in range(count):
            partition = min(range(1, group.partitions + 1), key=lambda number: here[number])
            here[partition] += 1
            found.append(partition)
        return found

    def delete(self, connection: sqlite3.Connection, group_id: str) -> None:
        connection.execute("DELETE FROM server_groups WHERE id = ?", (group_id,))
