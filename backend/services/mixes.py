"""Mixes as callers ask for them: what they name is looked up and tried against the cloud, what they leave out stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from backend.domain.cluster import ClusterSpec, SourceRequest
from backend.domain.launch_findings import TemplateUnusable, TypeNotFound
from backend.domain.mix_findings import (
    CapacityTypeUnfit,
    MixWithoutTemplate,
    SpotRefused,
    StrategyUnfit,
    TemplateAsksSpot,
    WeightsIncomplete,
)
from backend.domain.mixes import Distribution, Mix, MixRequest, Override, OverrideRequest, Strategy, weighed
from backend.domain.profile import LaunchSource, TemplateVersion
from backend.domain.scope import Scope
from backend.drivers.catalog import Catalog
from backend.drivers.spot import Spot
from backend.services import sources
from backend.services.catalog import asking
from backend.services.placement import Placement
from backend.store import nodes
from backend.store.session import Connection, Store

_ALL: Final = 100
_BY_RANK: Final = frozenset({Strategy.PRIORITIZED, Strategy.CAPACITY_PRIORITIZED})


@dataclass(frozen=True, slots=True)
class Ground:
    """What a mix is held against: the rows, the cloud, and the places and the server group that its nodes go to."""

    store: Store
    catalog: Catalog
    scope: Scope
    place: Placement
    server_group: str | None


def mix_of(ground: Ground, version: TemplateVersion, request: MixRequest, before: Mix | None) -> Mix:
    """The mix that a request comes to, each of its ways to make a server tried.

    Args:
        version: of the cluster's own template.
        before: what stands where the request says nothing; None for a new one.

    Raises:
        TemplateNotFound, TemplateVersionNotFound, TemplateUnusable
        SpotRefused, TemplateAsksSpot, StrategyUnfit
        CloudNotReached, NotPermitted: the cloud could not be asked.
    """
    before = before or Mix()
    values = {name: getattr(before.distribution, name) for name in Distribution.__dataclass_fields__}
    share = Distribution(**{**values, **request.distribution})
    if share.spot_strategy != Strategy.LOWEST_PRICE:
        share = replace(share, spot_pools=None)
    if share.on_demand_percent < _ALL and ground.catalog.spot is Spot.REFUSE:
        raise SpotRefused
    if request.overrides is None:
        overrides, templates = before.overrides, _templates_of(ground, before.overrides)
    else:
        templates = [_template(ground, each) for each in request.overrides]
        overrides = tuple(_override(*pair) for pair in zip(request.overrides, templates, strict=True))
    if any(each.spec.preemptible for each in (version, *templates) if each is not None):
        raise TemplateAsksSpot
    ways = [(own or version, override) for override, own in zip(overrides, templates, strict=True)]
    ways = ways or [(version, Override())]
    for own, override in ways:
        _try(ground, own, override)
    mix = Mix(
        overrides, share, any(each.requirements is None and each.wanted(own.spec) is not None for own, each in ways)
    )
    for strategy in (mix.on_demand_strategy, mix.spot_strategy):
        if mix.by_requirements and strategy in _BY_RANK:
            raise StrategyUnfit(strategy)
    return mix


def mixed(
    ground: Ground, request: SourceRequest | None, wanted: MixRequest, before: ClusterSpec | None = None
) -> tuple[LaunchSource, Mix]:
    """The template and the mix of a policy; what it does not name is as it was before.

    Raises:
        MixWithoutTemplate: it names none, and there was none.
        What ``mix_of`` does.
    """
    with ground.store.read() as conn:
        if request is not None:
            version = sources.template_of(conn, ground.scope, request)
            source = sources.template_source(request, version)
        elif before is not None and before.source.is_template:
            version, source = sources.template_kept(conn, ground.scope, before.source), before.source
        else:
            raise MixWithoutTemplate
    return source, mix_of(ground, version, wanted, None if before is None else before.mix)


def _template(ground: Ground, override: OverrideRequest) -> TemplateVersion | None:
    if override.template is None:
        return None
    with ground.store.read() as conn:
        return sources.template_of(conn, ground.scope, override.template)


def _templates_of(ground: Ground, overrides: Sequence[Override]) -> list[TemplateVersion | None]:
    with ground.store.read() as conn:
        return [
            None if each.source is None else sources.template_kept(conn, ground.scope, each.source)
            for each in overrides
        ]


def _override(request: OverrideRequest, version: TemplateVersion | None) -> Override:
    source = None
    if version is not None and request.template is not None:
        source = sources.template_source(request.template, version)
    return Override(request.instance_type, request.units, source, request.image, request.requirements)


def _try(ground: Ground, version: TemplateVersion, override: Override) -> None:
    """Resolve a server of an override; one whose type is chosen later is resolved then."""
    if override.wanted(version.spec) is not None:
        return
    spec = replace(version.spec, requirements=None)
    if override.instance_type is not None:
        with asking():
            if ground.catalog.flavor(ground.scope, override.instance_type) is None:
                raise TemplateUnusable(TypeNotFound(override.instance_type))
        spec = replace(spec, instance_type=override.instance_type)
    if override.image is not None:
        spec = replace(spec, image=override.image)
    with ground.store.read() as conn:
        bound = sources.bound_template(conn, ground.scope, replace(version, spec=spec))
    sources.try_template(ground.catalog, ground.scope, bound, ground.place, ground.server_group)


def check_capacity_type(kind: str | None, mix: Mix | None) -> None:
    """Refuse capacity in vCPUs or memory where types are not chosen by what they have.

    Raises:
        CapacityTypeUnfit
    """
    if kind not in {None, "units"} and (mix is None or not mix.by_requirements):
        raise CapacityTypeUnfit(kind or "")


def reweigh(conn: Connection, cluster_id: str, mix: Mix | None) -> None:
    """Nodes count what the mix says of their types from now on; a type that is in it no more keeps its last weight.

    Raises:
        WeightsIncomplete: weights come to a cluster that has nodes of other types, without weights.
    """
    here = nodes.of_cluster(conn, cluster_id)
    changed = [weighed(node, mix) for node in here]
    if mix is not None and mix.has_weights and not mix.by_requirements:
        unknown = {node.instance_type for node in changed if node.units is None}
        if unknown:
            raise WeightsIncomplete(tuple(sorted(unknown)))
    nodes.save(conn, here, [node for node in changed if node not in here])


def sources_of(spec: ClusterSpec) -> list[LaunchSource]:
    """Every launch source of a cluster: its own, and those of its overrides."""
    own = [] if spec.mix is None else [each.source for each in spec.mix.overrides if each.source is not None]
    return [spec.source, *own]
