"""Nova's flavors as instance types: by their own names, by the operator's mapping, or as the nearest there is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import isfinite
from typing import Any, Final, NamedTuple

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.compute import Flavor
from backend.drivers.errors import FlavorNotFound
from backend.drivers.instance_types.flavors import flavors as instance_types
from backend.drivers.openstack.declines import told
from backend.drivers.openstack.kept import Kept
from backend.drivers.openstack.metadata import word
from backend.drivers.openstack.rest import COMPUTE, Rest
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.openstack.zones import Zones

ARCHITECTURES: Final = {"aarch64": "arm64", "arm64": "arm64", "i686": "i386", "i386": "i386", "x86_64": "x86_64"}
"""OpenStack's words for architectures in AWS's."""

_ARCHITECTURE_SPECS: Final = ("capabilities:cpu_info:arch", "capabilities:cpu_arch", "hw_architecture")
_COST: Final = "coppice:cost"
_MIB_A_CPU: Final = 2048
"""What a CPU weighs beside memory when flavors are ordered by size: clouds give some 2 to 8 GiB with each."""
_ACCELERATED: Final = re.compile(r"(p|g|f|vt|dl|inf|trn)\d")
_SPECIAL_SPECS: Final = re.compile(r"(resources\d*:|trait\d*:|pci_passthrough:|accel:|aggregate_instance_extra_specs:)")


@dataclass(frozen=True, slots=True)
class Offer:
    """An instance type, and the flavor that answers it.

    Attributes:
        flavor_id: Nova's id.
        disk_gib: size of the flavor's root disk; 0: as large as the image.
        ephemeral_gib: size of the disk that comes beside it.
        cost: of an hour, as the flavor itself tells.
    """

    flavor: Flavor
    flavor_id: str
    disk_gib: int
    ephemeral_gib: int
    cost: float | None = None


def offers(documents: Sequence[Mapping[str, Any]], zones: Sequence[str], settings: OpenStackSettings) -> list[Offer]:
    """Every instance type that the flavors answer, each once.

    A flavor answers to its own name, where that is no longer than a node's instance type may be. An AWS type that no
    flavor is named for is answered by the flavor that the operator mapped, else (where that is wanted) by the smallest
    one with its CPUs and memory; types with accelerators, and machines of bare metal, are never matched by size. What
    is told of a type is what its flavor gives.
    """
    by_name = {each["name"]: each for each in documents if word(each["name"])}
    special = {*settings.spot_flavors.values()}  # what the cloud may take back stands in for nothing else
    plain = [
        each
        for each in documents
        if each["name"] not in special and not any(map(_SPECIAL_SPECS.match, each.get("extra_specs") or {}))
    ]
    plain.sort(key=lambda each: (each["ram"] + each["vcpus"] * _MIB_A_CPU, each["ram"], each["disk"], each["name"]))
    found = {name: _own(each, zones, settings) for name, each in by_name.items()}
    for aws in instance_types(tuple(zones)):
        architectures = tuple(each for each in aws.architectures if each in settings.architectures)
        if aws.name in found:
            offer = found[aws.name]
            kept = [each for each in offer.flavor.architectures if each in architectures]
            if kept:
                found[aws.name] = replace(offer, flavor=_given(aws, by_name[aws.name], tuple(kept)))
            continue
        document = by_name.get(settings.flavors.get(aws.name, ""))
        if document is None and settings.match_flavors and not aws.bare_metal and not _ACCELERATED.match(aws.name):
            fitting = (each for each in plain if each["vcpus"] >= aws.vcpus and each["ram"] >= aws.memory_mib)
            document = next(fitting, None)
        if document is not None and architectures:
            found[aws.name] = _offer(_given(aws, document, architectures), document)
    found.update(_mapped(by_name, found, zones, settings))
    return [_costed(offer, settings) for offer in found.values()]


def _costed(offer: Offer, settings: OpenStackSettings) -> Offer:
    told = settings.costs.get(offer.flavor.name)
    cost = offer.cost if told is None else cost_of(told)
    return replace(offer, flavor=replace(offer.flavor, cost=cost))


def cost_of(told: object) -> float | None:
    """A cost that somebody wrote; None where it is none."""
    try:
        cost = float(str(told))
    except ValueError:
        return None
    return cost if isfinite(cost) and cost >= 0 else None


def _mapped(
    by_name: Mapping[str, Mapping[str, Any]],
    found: Mapping[str, Offer],
    zones: Sequence[str],
    settings: OpenStackSettings,
) -> Iterator[tuple[str, Offer]]:
    """Types of the operator's mapping that the table of AWS's types does not know."""
    for name, flavor in settings.flavors.items():
        if name not in found and flavor in by_name:
            offer = _own(by_name[flavor], zones, settings)
            yield name, replace(offer, flavor=replace(offer.flavor, name=name))


def _own(document: Mapping[str, Any], zones: Sequence[str], settings: OpenStackSettings) -> Offer:
    specs = document.get("extra_specs") or {}
    stated = next((word(specs[name]) for name in _ARCHITECTURE_SPECS if name in specs), None)
    architectures = (ARCHITECTURES.get(stated, stated),) if stated else settings.architectures
    flavor = Flavor(
        name=document["name"],
        vcpus=document["vcpus"],
        memory_mib=document["ram"],
        architectures=architectures,
        zones=tuple(zones),
        disk_gib=document["disk"],
        ephemeral_gib=_ephemeral(document),
    )
    return _offer(flavor, document)


def _given(aws: Flavor, document: Mapping[str, Any], architectures: tuple[str, ...]) -> Flavor:
    """An AWS type with the figures of the flavor that answers it."""
    return replace(
        aws,
        vcpus=document["vcpus"],
        memory_mib=document["ram"],
        architectures=architectures,
        disk_gib=document["disk"],
        ephemeral_gib=_ephemeral(document),
        cores=None,
        threads_per_core=None,
        clock_ghz=None,
        bare_metal=False,
        hypervisor="nitro",
        network_performance="",
        processor="",
    )


def _offer(flavor: Flavor, document: Mapping[str, Any]) -> Offer:
    cost = cost_of((document.get("extra_specs") or {}).get(_COST))
    return Offer(flavor, document["id"], document["disk"], _ephemeral(document), cost)


def _ephemeral(document: Mapping[str, Any]) -> int:
    return int(document.get("OS-FLV-EXT-DATA:ephemeral") or 0)


class _Key(NamedTuple):
    """An instance type, as servers that stay or as such that the cloud may take back."""

    name: str
    preemptible: bool = False


class Flavors:
    """The instance types that a project is offered."""

    def __init__(self, rest: Rest, clock: Clock, settings: OpenStackSettings, zones: Zones) -> None:
        self._rest = rest
        self._settings = settings
        self._zones = zones
        self._kept: Kept[Scope, Mapping[_Key, Offer]] = Kept(clock, self._ask)

    def list(self, scope: Scope) -> Sequence[Flavor]:
        return [offer.flavor for key, offer in self._kept.get(scope, timedelta()).items() if not key.preemptible]

    def offer(self, scope: Scope, name: str, *, preemptible: bool = False) -> Offer:
        """What answers an instance type. Raises FlavorNotFound, CloudUnavailable, NotAuthorized."""
        key, known = _Key(name, preemptible), self._kept.get(scope, self._settings.layout_age)
        if key not in known:
            known = self._kept.get(scope, timedelta())
        if key not in known:
            raise FlavorNotFound(name)
        return known[key]

    def _ask(self, scope: Scope) -> Mapping[_Key, Offer]:
        with told():
            documents = list(self._rest.listing(scope, COMPUTE, "/flavors/detail", "flavors"))
        zones = self._zones.names(scope)
        plain = {_Key(offer.flavor.name): offer for offer in offers(documents, zones, self._settings)}
        by_name = {each["name"]: each for each in documents}
        preemptible = {
            _Key(name, preemptible=True): _offer(replace(plain[_Key(name)].flavor, name=name), by_name[flavor])
            for name, flavor in self._settings.spot_flavors.items()
            if flavor in by_name and _Key(name) in plain
        }
        return plain | preemptible
