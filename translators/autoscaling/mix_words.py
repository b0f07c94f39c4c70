"""A MixedInstancesPolicy both ways: as a caller writes it, and as AWS tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from backend.domain.cluster import SourceRequest
from backend.domain.mixes import (
    ON_DEMAND_STRATEGIES,
    SPOT_STRATEGIES,
    Mix,
    MixRequest,
    Override,
    OverrideRequest,
    Strategy,
)
from backend.domain.profile import LaunchSource
from backend.domain.requirements import Requirements
from backend.policies.allocation import USUAL_POOLS
from translators import arns, requirement_words
from translators.autoscaling.errors import constraint, validation

MOST_OVERRIDES: Final = 40
_MOST_BY_REQUIREMENTS: Final = 4
_MOST_UNITS: Final = 999
_MOST_POOLS: Final = 20

TemplateReader = Callable[[Mapping[str, str]], SourceRequest]


def request(policy: Mapping[str, Any], template_of: TemplateReader) -> tuple[SourceRequest | None, MixRequest]:
    """The template that a policy names, if it does, and the mix.

    Raises:
        AWSError: a value is invalid, or two do not go together.
    """
    launch = policy.get("LaunchTemplate") or {}
    named = launch.get("LaunchTemplateSpecification")
    source = None if named is None else template_of(named)
    given = launch.get("Overrides")
    overrides = None if given is None else _overrides(given, template_of)
    share = _distribution(policy.get("InstancesDistribution") or {})
    return source, MixRequest(overrides, share)


def _overrides(given: Sequence[Mapping[str, Any]], template_of: TemplateReader) -> tuple[OverrideRequest, ...]:
    if len(given) > MOST_OVERRIDES:
        raise validation("The number of LaunchTemplateOverrides must be fewer than 40")
    found = tuple(_override(each, template_of) for each in given)
    types = [(each.instance_type, each.template, each.image) for each in found if each.instance_type is not None]
    if len(set(types)) < len(types) or len({one for one, _, _ in types}) < len(types):
        raise validation("Cannot add same instance type override more than once")
    if sum(each.requirements is not None for each in found) > _MOST_BY_REQUIREMENTS:
        raise validation("You can only have 4 launch template overrides using instance requirements at most")
    if any(each.requirements is not None for each in found) and types:
        # unsourced
        raise validation("Launch template overrides using instance types cannot be mixed with instance requirements")
    if len({each.units is None for each in found}) > 1:
        raise validation("Not all instance types have a defined WeightedCapacity")
    return found


def _override(given: Mapping[str, Any], template_of: TemplateReader) -> OverrideRequest:
    requirements = given.get("InstanceRequirements")
    if requirements is not None and given.get("InstanceType") is not None:
        raise validation(
            "The parameter InstanceType cannot be used in a launch template override using instance requirements"
        )
    own = given.get("LaunchTemplateSpecification")
    image = given.get("ImageId")
    return OverrideRequest(
        given.get("InstanceType"),
        _units(given.get("WeightedCapacity")),
        None if own is None else template_of(own),
        None if image is None else arns.short_of(arns.IMAGE, image) or image,
        None if requirements is None else _requirements(requirements),
    )


def _requirements(given: Mapping[str, Any]) -> Requirements:
    try:
        return requirement_words.read(given)
    except requirement_words.Clash as clash:
        raise validation(str(clash)) from clash


def _units(given: str | None) -> int | None:
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= _MOST_UNITS:
        raise validation(f"WeightedCapacity must be between 1 and {_MOST_UNITS}")  # unsourced
    return int(given)


def _distribution(given: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for member, field, known in (
        ("OnDemandAllocationStrategy", "on_demand_strategy", ON_DEMAND_STRATEGIES),
        ("SpotAllocationStrategy", "spot_strategy", SPOT_STRATEGIES),
    ):
        if member in given:
            if given[member] not in set(known):
                # unsourced
                raise validation(f"Invalid {member}: {given[member]}. Valid values: [{', '.join(known)}]")
            told[field] = given[member]
    for member, field, least, most in (
        ("OnDemandBaseCapacity", "on_demand_base", 0, None),
        ("OnDemandPercentageAboveBaseCapacity", "on_demand_percent", 0, 100),
        ("SpotInstancePools", "spot_pools", 1, _MOST_POOLS),
    ):
        if member in given:
            told[field] = _within(given[member], member, least, most)
    if "SpotInstancePools" in given and told.get("spot_strategy", Strategy.LOWEST_PRICE) != Strategy.LOWEST_PRICE:
        # unsourced
        raise validation("SpotInstancePools option is only available with the lowest-price allocation strategy.")
    if "SpotMaxPrice" in given:
        told["spot_max_price"] = _price(given["SpotMaxPrice"])
    if "DistributionSegments" in given:
        told["segments"] = tuple(tuple(each.get("TargetCapacityTypes") or ()) for each in given["DistributionSegments"])
    return told


def _within(value: int, member: str, least: int, most: int | None) -> int:
    wire = f"mixedInstancesPolicy.instancesDistribution.{member[0].lower()}{member[1:]}"
    if value < least:
        raise constraint(value, wire, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        raise constraint(value, wire, f"Member must have value less than or equal to {most}")
    return value


def _price(given: str) -> str | None:
    """A bound as given; an empty text takes one away."""
    if not given:
        return None
    try:
        price = float(given)
    except ValueError:
        price = 0.0
    if not 0.001 <= price < float("inf"):
        raise validation(f"Invalid SpotMaxPrice: {given}")  # unsourced
    return given


def policy(mix: Mix, source: LaunchSource) -> dict[str, Any]:
    """A MixedInstancesPolicy as AWS describes it: what was not told is told with its default."""
    share = mix.distribution
    told: dict[str, Any] = {
        "OnDemandAllocationStrategy": str(mix.on_demand_strategy),
        "OnDemandBaseCapacity": share.on_demand_base,
        "OnDemandPercentageAboveBaseCapacity": share.on_demand_percent,
        "SpotAllocationStrategy": share.spot_strategy,
    }
    if share.spot_strategy == Strategy.LOWEST_PRICE:
        told["SpotInstancePools"] = share.spot_pools or USUAL_POOLS
    if share.spot_max_price is not None:
        told["SpotMaxPrice"] = share.spot_max_price
    if share.segments is not None:
        told["DistributionSegments"] = [{"TargetCapacityTypes": list(kinds)} for kinds in share.segments]
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": template(source),
            "Overrides": [_told(each) for each in mix.overrides],
        },
        "InstancesDistribution": told,
    }


def template(source: LaunchSource) -> dict[str, Any]:
    """A LaunchTemplateSpecification: both names, the version as it was given."""
    assert source.template_id is not None
    told: dict[str, Any] = {
        "LaunchTemplateId": arns.template_id(source.template_id),
        "LaunchTemplateName": source.template_name,
    }
    if source.template_version:
        told["Version"] = source.template_version
    return told


def _told(override: Override) -> dict[str, Any]:
    told: dict[str, Any] = {
        "InstanceType": override.instance_type,
        "WeightedCapacity": None if override.units is None else str(override.units),
        "LaunchTemplateSpecification": None if override.source is None else template(override.source),
        "ImageId": None if override.image is None else f"ami-{override.image}",
        "InstanceRequirements": None
        if override.requirements is None
        else requirement_words.told(override.requirements),
    }
    return {name: value for name, value in told.items() if value is not None}
