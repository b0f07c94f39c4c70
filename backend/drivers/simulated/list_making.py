"""The port that keeps sets of addresses, over the simulated state."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain.scope import Scope
from backend.drivers.installation import Installation
from backend.drivers.simulated.address_groups import AddressGroups
from backend.drivers.simulated.faults import Call
from backend.drivers.simulated.world import World


class SimulatedListMaking:
    def __init__(self, world: World, installation: Installation) -> None:
        self._world = world
        self._installation = installation
        self._groups = AddressGroups(world.state, world.projects)

    def check_lists(self, scope: Scope) -> None:
        with self._world.call(Call("check_lists", scope)):
            pass

    def create_list(self, scope: Scope, token: str, name: str, cidrs: Sequence[str]) -> str:
        with self._world.call(Call("create_list", scope)):
            return self._groups.add(scope, self._installation(), token, name, cidrs)

    def find_lists(self, scope: Scope, token: str) -> Sequence[str]:
        with self._world.call(Call("find_lists", scope)):
            return self._groups.of(scope, self._installation(), token)

    def set_addresses(self, scope: Scope, list_id: str, cidrs: Sequence[str]) -> None:
        with self._world.call(Call("set_addresses", scope)):
            self._groups.change(scope, list_id, cidrs)

    def delete_list(self, scope: Scope, list_id: str) -> None:
        with self._world.call(Call("delete_list", scope)):
            self._groups.remove(scope, list_id)
