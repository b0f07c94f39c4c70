"""Sets of addresses that projects own, which rules of security groups name, and how to look at them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from backend.domain.scope import Scope
from backend.drivers.errors import AddressGroupInUse, AddressGroupNotFound
from backend.drivers.simulated.projects import Projects
from backend.drivers.simulated.state import State


class AddressGroups:
    def __init__(self, state: State, projects: Projects) -> None:
        self._state = state
        self._projects = projects

    def add(self, scope: Scope, installation: str, token: str, name: str, cidrs: Sequence[str]) -> str:
        with self._state.writing() as connection:
            identity = self._projects.new_id(connection)
            row = (identity, scope.project_id, scope.region, installation, token, name, json.dumps(sorted(cidrs)))
            connection.execute("INSERT INTO address_groups VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return identity

    def of(self, scope: Scope, installation: str, token: str) -> Sequence[str]:
        with self._state.reading() as connection:
            found = connection.execute(
                "SELECT id FROM address_groups WHERE project = ? AND region = ? AND installation = ? AND token = ?"
                " ORDER BY id",
                (scope.project_id, scope.region, installation, token),
            ).fetchall()
        return [str(row[0]) for row in found]

    def all(self, scope: Scope) -> dict[str, Sequence[str]]:
        """The blocks of each, by id."""
        with self._state.reading() as connection:
            found = connection.execute(
                "SELECT id, addresses FROM address_groups WHERE project = ? AND region = ? ORDER BY id",
                (scope.project_id, scope.region),
            ).fetchall()
        return {str(identity): json.loads(addresses) for identity, addresses in found}

    def change(self, scope: Scope, list_id: str, cidrs: Sequence[str]) -> None:
        with self._state.writing() as connection:
            told = (json.dumps(sorted(cidrs)), list_id, scope.project_id, scope.region)
            statement = "UPDATE address_groups SET addresses = ? WHERE id = ? AND project = ? AND region = ?"
            if not connection.execute(statement, told).rowcount:
                raise AddressGroupNotFound(list_id)

    def remove(self, scope: Scope, list_id: str) -> None:
        """Safe to repeat. Raises AddressGroupInUse."""
        with self._state.writing() as connection:
            if any(rule.list_id == list_id for each in self._projects.security_groups(scope) for rule in each.rules):
                raise AddressGroupInUse(f"Address group {list_id} is in use on one or more security group rules.")
            connection.execute(
                "DELETE FROM address_groups WHERE id = ? AND project = ? AND region = ?",
                (list_id, scope.project_id, scope.region),
            )
