"""Instance types beside AWS's own, as the operator of a simulated cloud adds them: for every account and zone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from backend.drivers.compute import Flavor
from backend.drivers.instance_types.flavors import flavors, flavors_by_name
from backend.drivers.simulated.settable import CannotSet
from backend.drivers.simulated.state import State

MOST: Final = 200
ARCHITECTURES: Final = ("x86_64", "arm64", "i386")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}\.[a-z0-9][a-z0-9-]{0,30}")
_MOST_VCPUS: Final = 4096
_MOST_MIB: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OwnFlavor:
    """A type that was added; memory in MiB."""

    name: str
    vcpus: int
    memory_mib: int
    architecture: str = "x86_64"


class OwnFlavors:
    """The types of one cloud."""

    def __init__(self, state: State) -> None:
        self._state = state

    def all(self) -> Sequence[OwnFlavor]:
        """Those that were added, by name."""
        with self._state.reading() as connection:
            rows = connection.execute("SELECT name, document FROM flavors ORDER BY name").fetchall()
        return [OwnFlavor(name, **json.loads(document)) for name, document in rows]

    def add(self, new: OwnFlavor) -> None:
        """Add one, or change it. Raises CannotSet."""
        if not _NAME.fullmatch(new.name):
            raise CannotSet(f"{new.name} is no name of a type: family.size, in small letters, digits and '-'")
        if new.name in flavors_by_name(()):
            raise CannotSet(f"{new.name} is a type of AWS's own")
        if not (1 <= new.vcpus <= _MOST_VCPUS and 1 <= new.memory_mib <= _MOST_MIB):
            raise CannotSet(f"1 to {_MOST_VCPUS} vCPUs and 1 to {_MOST_MIB} MiB are possible")
        document = {"vcpus": new.vcpus, "memory_mib": new.memory_mib, "architecture": new.architecture}
        with self._state.writing() as connection:
            (count,) = connection.execute("SELECT COUNT(*) FROM flavors WHERE name <> ?", (new.name,)).fetchone()
            if count >= MOST:
                raise CannotSet(f"there are {count} own types already")
            connection.execute("INSERT OR REPLACE INTO flavors VALUES (?, ?)", (new.name, json.dumps(document)))

    def drop(self, name: str) -> None:
        """Take one away; servers of it stay. Raises CannotSet."""
        with self._state.writing() as connection:
            if not connection.execute("DELETE FROM flavors WHERE name = ?", (name,)).rowcount:
                raise CannotSet(f"there is no own type {name}")

    def offered(self, zones: tuple[str, ...]) -> Sequence[Flavor]:
        """Every type of the cloud, AWS's and its own, as they are offered in these zones."""
        own = self.all()
        return (*flavors(zones), *(_flavor(each, zones) for each in own)) if own else flavors(zones)

    def named(self, name: str, zones: tuple[str, ...]) -> Flavor | None:
        """A type by its name."""
        known = flavors_by_name(zones).get(name)
        return known or next((_flavor(each, zones) for each in self.all() if each.name == name), None)


def _flavor(own: OwnFlavor, zones: tuple[str, ...]) -> Flavor:
    return Flavor(
        name=own.name,
        vcpus=own.vcpus,
        memory_mib=own.memory_mib,
        architectures=(own.architecture,),
        zones=zones,
        cores=own.vcpus,
        threads_per_core=1,
        network_performance="Up to 10 Gigabit",
    )
