"""Traffic sources both ways: target groups by ARN, classic balancers by name, and what is none of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from backend.domain.traffic import TrafficSource
from translators import arns
from translators.autoscaling.errors import unsupported, validation
from translators.registry import Call

TARGET_GROUP: Final = "elbv2"
CLASSIC: Final = "elb"
TYPES: Final = (CLASSIC, TARGET_GROUP, "vpc-lattice")
NO_BALANCERS: Final = "Provided Load Balancers may not be valid. Please ensure they exist and try again."
NO_TARGET_GROUPS: Final = "Provided Target Groups may not be valid. Please ensure they exist and try again."
_MOST_PER_CALL: Final = 10


def arn(each: TrafficSource, region: str, account: str) -> str:
    """The ARN of an attached target group."""
    return arns.target_group(region, account, each.pool_id, each.name)


def source(each: TrafficSource, region: str, account: str) -> dict[str, str]:
    """One TrafficSourceIdentifier: a classic balancer goes by its name."""
    if each.classic:
        return {"Identifier": each.name, "Type": CLASSIC}
    return {"Identifier": arn(each, region, account), "Type": TARGET_GROUP}


def pools_of_group(call: Call) -> tuple[str, ...]:
    """The pools that a new group is to have, as balancers, as target groups and as traffic sources."""
    given = call.params.get("TargetGroupARNs") or ()
    balancers = balancers_of_names(call, call.params.get("LoadBalancerNames") or ())
    return tuple(dict.fromkeys((*balancers, *_short(call, given), *pools_of_sources(call))))


def balancers_of_names(call: Call, names: Sequence[str]) -> tuple[str, ...]:
    """Classic balancers by their names, each once.

    Raises:
        AWSError: there are too many, or one does not exist.
    """
    _check_number(names, "Load Balancers")
    if not names:
        return ()
    ids = {each.balancer.name: each.balancer.id for each in call.backend.classic_balancers.all(call.scope)}
    if not ids.keys() >= set(names):
        raise validation(NO_BALANCERS)
    return tuple(dict.fromkeys(ids[name] for name in names))


def pools_of_arns(call: Call) -> tuple[str, ...]:
    """The pools of a request to attach or detach target groups.

    Raises:
        AWSError: there are too many, or one of them is no target group of this account and region.
    """
    given = call.params.get("TargetGroupARNs") or ()
    _check_number(given, "Target Groups")
    return _short(call, given)


def pools_of_sources(
    call: Call, *, most: int | None = None, here: Callable[[Sequence[str]], Sequence[str]] | None = None
) -> tuple[str, ...]:
    """The pools of a request's traffic sources.

    Args:
        here: finds classic balancers by name where others than those that exist are meant.

    Raises:
        AWSError: as pools_of_arns, or one of them is a source of another kind.
    """
    given: Sequence[Mapping[str, Any]] = call.params.get("TrafficSources") or ()
    if most is not None:
        _check_number(given, "Traffic Sources", most)
    for item in given:
        kind = item.get("Type") or _kind(item["Identifier"])
        if kind == "vpc-lattice":
            raise unsupported("Traffic source type vpc-lattice")
        if kind not in {CLASSIC, TARGET_GROUP}:
            raise validation(f"Invalid traffic source type: {kind}. Valid values: [{', '.join(TYPES)}]")  # unsourced
    named = [item["Identifier"] for item in given if (item.get("Type") or _kind(item["Identifier"])) == CLASSIC]
    groups = [item["Identifier"] for item in given if item["Identifier"] not in named]
    found = named and (balancers_of_names(call, named) if here is None else tuple(here(named)))
    return (*found, *_short(call, groups))


def _kind(identifier: str) -> str:
    """What an identifier names where its type is not told: a classic load balancer has a name and no ARN."""
    if ":targetgroup/" in identifier:
        return "vpc-lattice" if ":vpc-lattice:" in identifier else TARGET_GROUP
    return CLASSIC


def _short(call: Call, given: Sequence[str]) -> tuple[str, ...]:
    found = [arns.balancing_of("targetgroup", call.region, call.account_id, each) for each in given]
    if None in found:
        raise validation(NO_TARGET_GROUPS)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def _check_number(given: Sequence[Any], noun: str, most: int = _MOST_PER_CALL) -> None:
    if len(given) > most:
        raise validation(f"Trying to update too many {noun} at once. The limit is {most}")  # unsourced
