"""The regions of the simulated cloud: any name of AWS's form is one, each account has state in a bounded number."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from backend.domain.scope import Scope
from backend.drivers.errors import RegionNotOpened
from backend.drivers.simulated.settings import SimulatedSettings
from backend.drivers.simulated.state import State

MOST: Final = 64
"""Regions in which an account makes things: more than AWS has, fewer than names of that form."""

TOLD: Final = (
    *("af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
    *("ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5"),
    *("ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1"),
    *("eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1"),
    *("me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
)
"""Those that clients are told of: AWS's own, of its commercial partition."""

# Areas and partitions of AWS, then where in it: few enough that nobody fills a memory with names.
_FORM: Final = re.compile(
    r"(us|eu|ap|sa|ca|me|af|il|mx|cn|us-gov|us-iso|us-isob|us-isof|eu-isoe|eusc-de)-"
    r"(north|south|east|west|central|northeast|northwest|southeast|southwest)-[1-9]"
)


@lru_cache(maxsize=4096)
def has(settings: SimulatedSettings, region: str) -> bool:
    """Whether the cloud has that region."""
    return region in settings.regions or (settings.any_region and _FORM.fullmatch(region) is not None)


class AnyRegion(Mapping[str, str]):
    """Regions of a cloud that has any: looked up by name they are all there, listed are those that are told."""

    def __init__(self, settings: SimulatedSettings) -> None:
        self._settings = settings
        self._told = tuple(sorted({*settings.regions, *(TOLD if settings.any_region else ())}))

    def __getitem__(self, name: str) -> str:
        if not has(self._settings, name):
            raise KeyError(name)
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)


class Footings:
    """Where which account has made something; to look around is free."""

    def __init__(self, state: State, most: int = MOST) -> None:
        self._state = state
        self._most = most
        self._known: set[Scope] = set()
        self._lock = threading.Lock()

    def admit(self, scope: Scope) -> None:
        """Note that an account makes something in a region.

        Raises:
            RegionNotOpened: it has in as many others as one may.
        """
        if scope in self._known:
            return
        row = (scope.project_id, scope.region)
        with self._state.writing() as connection:
            there = connection.execute("SELECT 1 FROM regions WHERE project = ? AND region = ?", row).fetchone()
            if there is None:
                count = connection.execute("SELECT COUNT(*) FROM regions WHERE project = ?", row[:1]).fetchone()[0]
                if count >= self._most:
                    made = "instances, images or placement groups"
                    raise RegionNotOpened(f"The account has {made} in {count} regions already.")
                connection.execute("INSERT INTO regions VALUES (?, ?)", row)
        with self._lock:
            self._known.add(scope)
