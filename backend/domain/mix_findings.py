"""Findings about mixes. Data, no sentences; see backend.errors."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import Finding


@dataclass(eq=False)
class WeightsIncomplete(Finding):
    """Nodes of these types have no weight, and the mix gives them none."""

    types: tuple[str, ...]


@dataclass(eq=False)
class MixWithoutTemplate(Finding):
    """A mix came to a cluster that launches from no template, and named none."""


@dataclass(eq=False)
class CapacityTypeUnfit(Finding):
    """Capacity in that type is told by what types have: it goes with requirements alone."""

    type: str


@dataclass(eq=False)
class StrategyUnfit(Finding):
    """It takes types by their rank, which those that are chosen by what they have do not have."""

    strategy: str


@dataclass(eq=False)
class SpotRefused(Finding):
    """This cloud has no class of servers that it may take back."""


@dataclass(eq=False)
class TemplateAsksSpot(Finding):
    """A template that asks for Spot by itself goes with no mix, which shares it out."""
