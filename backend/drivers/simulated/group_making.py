"""The port that makes security groups over the simulated state."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.ids import short_id
from backend.domain.scope import Scope
from backend.drivers.errors import AddressGroupNotFound, SecurityGroupNotFound
from backend.drivers.group_making import NewGroup
from backend.drivers.installation import Installation
from backend.drivers.network import Rule
from backend.drivers.simulated.address_groups import AddressGroups
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.world import World


class SimulatedGroupMaking:
    def __init__(self, world: World, installation: Installation) -> None:
        self._world = world
        self._installation = installation
        self._lists = AddressGroups(world.state, world.projects)

    def create_security_group(self, scope: Scope, new: NewGroup) -> str:
        with self._world.call(Call("create_security_group", scope)):
            return self._world.projects.make_security_group(scope, new, self._installation()).id

    def find_security_group(self, scope: Scope, new: NewGroup) -> str | None:
        with self._world.call(Call("find_security_group", scope)):
            return self._world.projects.security_group_of(scope, new.token)

    def delete_security_group(self, scope: Scope, group_id: str) -> None:
        with self._world.call(Call("delete_security_group", scope)):
            self._world.projects.remove_security_group(scope, group_id, self._world.now())

    def security_group_rules(self, scope: Scope, group_id: str) -> Sequence[Rule]:
        with self._world.call(Call("security_group_rules", scope)):
            return self._rules(scope, group_id)

    def change_rules(
        self, scope: Scope, group_id: str, *, add: Sequence[Rule] = (), remove: Sequence[Rule] = ()
    ) -> None:
        with self._world.call(Call("change_rules", scope)), self._world.projects.together():
            kept = dict.fromkeys(rule for rule in self._rules(scope, group_id) if rule not in remove)
            self._check(scope, add)
            self._world.projects.set_rules(scope, group_id, [*dict.fromkeys((*kept, *add))])

    @staticmethod
    def as_told(rule: Rule) -> Rule | None:
        return rule

    def _check(self, scope: Scope, rules: Sequence[Rule]) -> None:
        named = [rule.list_id for rule in rules if rule.list_id is not None]
        known = self._lists.all(scope) if named else {}
        for list_id in named:
            if list_id not in known:
                raise AddressGroupNotFound(list_id)

    def _rules(self, scope: Scope, group_id: str) -> Sequence[Rule]:
        for group in self._world.projects.security_groups(scope):
            if group.id == group_id:
                return group.rules
        raise SecurityGroupNotFound(short_id(group_id))
