"""What a cluster's nodes are mixed of: types beside that of its launch source, their weights, and two classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from backend.domain.node import Node
from backend.domain.profile import LaunchSource, ServerSpec
from backend.domain.requirements import Requirements
from backend.domain.words import known

if TYPE_CHECKING:
    from backend.domain.cluster import SourceRequest


class Strategy(StrEnum):
    """How the next node's type is chosen among those of the mix; AWS's own names."""

    PRIORITIZED = "prioritized"
    LOWEST_PRICE = "lowest-price"
    CAPACITY = "capacity-optimized"
    CAPACITY_PRIORITIZED = "capacity-optimized-prioritized"
    PRICE_CAPACITY = "price-capacity-optimized"


ON_DEMAND_STRATEGIES: Final = (Strategy.LOWEST_PRICE, Strategy.PRIORITIZED)
SPOT_STRATEGIES: Final = (
    Strategy.LOWEST_PRICE,
    Strategy.CAPACITY,
    Strategy.CAPACITY_PRIORITIZED,
    Strategy.PRICE_CAPACITY,
)


@dataclass(frozen=True, slots=True)
class Override:
    """One way to make a node.

    Attributes:
        instance_type: None where it is chosen by ``requirements``, or is the launch source's own.
        units: what a node of it counts; None where nothing has weights.
        source: a template of its own, None for the cluster's.
        image: short id of an image of its own, None for the template's.
    """

    instance_type: str | None = None
    units: int | None = None
    source: LaunchSource | None = None
    image: str | None = None
    requirements: Requirements | None = None

    def wanted(self, spec: ServerSpec) -> Requirements | None:
        """What its types are to have: its own word, else that of the template, which a type of its own silences."""
        return self.requirements or (None if self.instance_type else spec.requirements)


@dataclass(frozen=True, slots=True)
class Distribution:
    """How capacity is shared out between what stays (On-Demand) and what the cloud may take back (Spot).

    Attributes:
        on_demand_strategy, spot_strategy: Strategy values; None until it was told, which means AWS's default.
        on_demand_base: units that are On-Demand before anything else.
        on_demand_percent: of what is above that.
        spot_pools: how many of the cheapest types Spot is spread over; None where the strategy is another.
        spot_max_price: as given; None for no bound.
        segments: preferred kinds of On-Demand capacity as given, None where none were.
    """

    on_demand_strategy: str | None = None
    on_demand_base: int = 0
    on_demand_percent: int = 100
    spot_strategy: str = Strategy.LOWEST_PRICE.value
    spot_pools: int | None = None
    spot_max_price: str | None = None
    segments: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class Mix:
    """A mixed instances policy beside its launch template, which is the cluster's source.

    Attributes:
        overrides: by rank.
        template_chooses: a template that names no type said, when this was written, what types are to have.
    """

    overrides: tuple[Override, ...] = ()
    distribution: Distribution = field(default_factory=Distribution)
    template_chooses: bool = False

    @property
    def by_requirements(self) -> bool:
        """Whether types are chosen by what they have."""
        return self.template_chooses or any(each.requirements is not None for each in self.overrides)

    @property
    def on_demand_strategy(self) -> Strategy:
        told = self.distribution.on_demand_strategy
        usual = Strategy.LOWEST_PRICE if self.by_requirements else Strategy.PRIORITIZED
        return usual if told is None else known(Strategy, told)

    @property
    def spot_strategy(self) -> Strategy:
        return known(Strategy, self.distribution.spot_strategy)

    @property
    def wants_spot(self) -> bool:
        """Whether any of its capacity may be preemptible."""
        return self.distribution.on_demand_percent < 100

    @property
    def all_spot(self) -> bool:
        """Whether all of its capacity is."""
        return self.distribution.on_demand_percent == 0 and self.distribution.on_demand_base == 0

    @property
    def has_weights(self) -> bool:
        """Whether it tells what nodes count."""
        return self.by_requirements or any(each.units for each in self.overrides)

    def units_of(self, instance_type: str) -> int | None:
        """What a node of that type counts; None where the mix does not tell."""
        return next((each.units for each in self.overrides if each.instance_type == instance_type), None)


def weighed(node: Node, mix: Mix | None) -> Node:
    """The node as it counts where that mix stands; a type that is in it no more keeps its last weight.

    Of one with requirements only what is launched from then on is counted anew.
    """
    if mix is None or not mix.has_weights:
        return node if node.units is None else replace(node, units=None)
    units = None if mix.by_requirements else mix.units_of(node.instance_type)
    return node if units is None or units == node.units else replace(node, units=units)


@dataclass(frozen=True, slots=True)
class OverrideRequest:
    """An override as a caller gave it; ``template`` by id or name."""

    instance_type: str | None = None
    units: int | None = None
    template: SourceRequest | None = None
    image: str | None = None
    requirements: Requirements | None = None


@dataclass(frozen=True, slots=True)
class MixRequest:
    """A mix as far as a caller told it: what an update does not name stays as it was.

    Attributes:
        overrides: None where none were told; an empty one takes them away.
        distribution: fields of Distribution by name.
    """

    overrides: tuple[OverrideRequest, ...] | None = None
    distribution: Mapping[str, Any] = field(default_factory=dict)


def key(profile_key: str, instance_type: str, *, preemptible: bool) -> str:
    """A text that is equal for equal choices of a mix: what backoffs are kept by. It begins with the profile's own."""
    return f"{profile_key}:{instance_type}{':spot' if preemptible else ''}"


def document(mix: Mix | None) -> dict[str, Any] | None:
    """A mix as JSON knows it, without what it need not say."""
    if mix is None:
        return None
    share = mix.distribution
    told = {name: getattr(share, name) for name in Distribution.__dataclass_fields__}
    return {
        "overrides": [_override_document(each) for each in mix.overrides],
        "distribution": {name: value for name, value in told.items() if value is not None},
        **({"template_chooses": True} if mix.template_chooses else {}),
    }


def mix_of(written: Mapping[str, Any]) -> Mix:
    """The mix of a document."""
    share = dict(written["distribution"])
    if "segments" in share:
        share["segments"] = tuple(tuple(kinds) for kinds in share["segments"])
    overrides = tuple(_override_of(each) for each in written["overrides"])
    return Mix(overrides, Distribution(**share), written.get("template_chooses", False))


def _override_document(override: Override) -> dict[str, Any]:
    source, requirements = override.source, override.requirements
    told = {
        "instance_type": override.instance_type,
        "units": override.units,
        "image": override.image,
        "source": None if source is None else [source.template_id, source.template_name, source.template_version],
        "requirements": None if requirements is None else requirements.document(),
    }
    return {name: value for name, value in told.items() if value is not None}


def _override_of(written: Mapping[str, Any]) -> Override:
    source: Sequence[str | None] | None = written.get("source")
    requirements = written.get("requirements")
    return Override(
        written.get("instance_type"),
        written.get("units"),
        None if source is None else LaunchSource(None, *source),
        written.get("image"),
        None if requirements is None else Requirements.of(requirements),
    )
