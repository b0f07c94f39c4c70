"""What an instance type is to have, where types are chosen by that and not by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self


class Bounds(NamedTuple):
    """From the one to the other, both included; None where there is no bound."""

    least: float | None = None
    most: float | None = None

    def hold(self, value: float) -> bool:
        """Whether they hold for a value."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Requirements:
    """All must be met; of several words in one, any. None and () ask for nothing.

    Attributes:
        vcpus, memory_mib, memory_gib_per_vcpu: of the type.
        allowed, excluded: type names with ``*``; one of the two.
        bare_metal, burstable, local_storage: ``included``, ``excluded`` or ``required``; None is AWS's default.
        prices: bounds on prices as given, by the names of their members; they filter where prices are known.
    """

    vcpus: Bounds
    memory_mib: Bounds
    memory_gib_per_vcpu: Bounds | None = None
    cpu_manufacturers: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    generations: tuple[str, ...] = ()
    prices: tuple[tuple[str, int], ...] = ()
    bare_metal: str | None = None
    burstable: str | None = None
    hibernation: bool | None = None
    network_interfaces: Bounds | None = None
    network_gbps: Bounds | None = None
    ebs_mbps: Bounds | None = None
    local_storage: str | None = None
    local_storage_types: tuple[str, ...] = ()
    local_storage_gb: Bounds | None = None
    accelerator_types: tuple[str, ...] = ()
    accelerators: Bounds | None = None
    accelerator_manufacturers: tuple[str, ...] = ()
    accelerator_names: tuple[str, ...] = ()
    accelerator_memory_mib: Bounds | None = None
    baseline_families: tuple[str, ...] = ()
    encryption_in_transit: bool | None = None

    def document(self) -> dict[str, Any]:
        """As JSON knows it, without what asks for nothing."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in told.items() if value is not None and value != ()}

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        """Those of a document."""
        values: dict[str, Any] = {}
        for name, value in written.items():
            if name in _BOUNDS:
                values[name] = Bounds(*value)
            elif name == "prices":
                values[name] = tuple((member, percent) for member, percent in value)
            else:
                values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)


_BOUNDS = frozenset(each.name for each in fields(Requirements) if "Bounds" in str(each.type))


@dataclass(frozen=True, slots=True)
class TypeFacts:
    """What is known of an instance type. None, and () for words: nobody knows.

    Attributes:
        local_storage_gb: 0 where it has none.
        accelerators: 0 where it has none.
    """

    name: str
    vcpus: int
    memory_mib: int
    cpu_manufacturers: tuple[str, ...] = ()
    current_generation: bool = True
    bare_metal: bool = False
    burstable: bool = False
    hibernation: bool = False
    encryption_in_transit: bool = False
    network_interfaces: int | None = None
    network_gbps: float | None = None
    ebs_mbps: int | None = None
    local_storage_gb: float = 0
    local_storage_types: tuple[str, ...] = ()
    accelerators: int | None = 0
    accelerator_types: tuple[str, ...] = ()
    accelerator_manufacturers: tuple[str, ...] = ()
    accelerator_names: tuple[str, ...] = ()
    accelerator_memory_mib: int | None = None
