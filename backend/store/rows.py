"""Rows to values and back, one pair a table: the only place where columns and fields meet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any, Final, cast

from sqlalchemy import Row

from backend.domain import mixes, options
from backend.domain.activity import Activity, ActivityKind, ActivityStatus, Cause, CauseKind, Reason, ReasonKind
from backend.domain.cluster import (
    Cluster,
    ClusterSpec,
    ClusterStatus,
    DeletionProtection,
    Process,
    ZoneDistribution,
)
from backend.domain.ids import short_id
from backend.domain.messages import Message
from backend.domain.node import Health, LeavesFor, Node, NodeState, Notice, ServerStatus
from backend.domain.options import ServerOptions
from backend.domain.profile import (
    BlockDevice,
    LaunchConfiguration,
    LaunchSource,
    ProfileRef,
    ServerSpec,
    Template,
    TemplateVersion,
)
from backend.domain.requirements import Requirements
from backend.domain.traffic import MemberHealth, Registration, RegistrationState, SourceState, TrafficSource
from backend.domain.warm_pools import PoolState, WarmPool
from backend.domain.words import known
from backend.store.tables import SPEC_COLUMNS, clusters
from backend.store.types import from_micros, to_micros

_TUPLES = ("zones", "subnets", "health_checks", "termination_rules")
_SPEC_FIELDS = tuple(field.name for field in fields(ClusterSpec) if field.name != "source")
_PLAIN_FIELDS = tuple(
    name
    for name in _SPEC_FIELDS
    if name not in {*_TUPLES, "deletion_protection", "zone_distribution", "retain_abandoned", "mix"}
)

# What a newer Coppice on the same database may have written beyond these is left out of what is read here.
_ACTIVITIES, _CAUSES, _REASONS = (frozenset(map(str, kinds)) for kinds in (ActivityKind, CauseKind, ReasonKind))
_PROCESSES = frozenset(map(str, Process))

_REGISTRATION_FIELDS = tuple(field.name for field in fields(Registration))

_SPEC_NAMES = tuple(column.name for column in SPEC_COLUMNS)
_BEFORE = ("id", "project_id", "region", "name", "status")
_AFTER = ("suspended", "metrics", "causes", "created_at", "cooldown_until", "force_delete", "generation", "epoch")
_SPEC_FROM = len(_BEFORE)
_SPEC_TO = _SPEC_FROM + len(_SPEC_NAMES)
_LAST = (
    "owner",
    "lease_until",
    "due_at",
    "sources",
    "given_up",
    "held_since",
    "hooked",
    "launching",
    "warm_pool",
    "own_cooldown_seconds",
    "scaled_out_at",
    "refresh_id",
    "desired_at",
    "predicted",
    "asked_by",
)
# cluster_of goes by position.
assert tuple(clusters.c.keys()) == (*_BEFORE, *_SPEC_NAMES, *_AFTER, *_LAST)


def spec_values(spec: ClusterSpec) -> dict[str, Any]:
    """Column values of a spec."""
    values: dict[str, Any] = {name: getattr(spec, name) for name in _SPEC_FIELDS}
    for name in _TUPLES:
        values[name] = list(values[name])
    values["deletion_protection"] = str(spec.deletion_protection)
    values["zone_distribution"] = str(spec.zone_distribution)
    values["mix"] = mixes.document(spec.mix)
    values["source_configuration"] = spec.source.configuration
    values["source_template_id"] = spec.source.template_id
    values["source_template_name"] = spec.source.template_name
    values["source_template_version"] = spec.source.template_version
    return values


@lru_cache(maxsize=1024)
def _spec_of(columns: tuple[Any, ...]) -> ClusterSpec:
    """The spec of the values of SPEC_COLUMNS; kept, as clusters change seldom and are read often."""
    mapping = dict(zip(_SPEC_NAMES, columns, strict=True))
    values: dict[str, Any] = {name: mapping[name] for name in _PLAIN_FIELDS}
    values |= {name: mapping[name] for name in _TUPLES}
    return ClusterSpec(
        source=LaunchSource(
            mapping["source_configuration"],
            mapping["source_template_id"],
            mapping["source_template_name"],
            mapping["source_template_version"],
        ),
        deletion_protection=known(DeletionProtection, mapping["deletion_protection"]),
        zone_distribution=known(ZoneDistribution, mapping["zone_distribution"]),
        retain_abandoned=bool(mapping["retain_abandoned"]),
        mix=None if mapping["mix"] is None else mixes.mix_of(json.loads(mapping["mix"])),
        **values,
    )


def cluster_values(cluster: Cluster) -> dict[str, Any]:
    """Column values of a new cluster."""
    return {
        "id": cluster.id,
        "project_id": cluster.project_id,
        "region": cluster.region,
        "name": cluster.name,
        "status": str(cluster.status),
        **spec_values(cluster.spec),
        "suspended": suspended_document(cluster.suspended),
        "metrics": list(cluster.metrics),
        "causes": causes_document(cluster.causes),
        "created_at": cluster.created_at,
        "cooldown_until": cluster.cooldown_until,
        "force_delete": cluster.force_delete,
        "generation": cluster.generation,
        "epoch": cluster.epoch,
        "due_at": cluster.due_at,
        "sources": sources_document(cluster.sources),
        "given_up": sorted(cluster.given_up),
        "held_since": cluster.held_since,
        "hooked": cluster.hooked,
        "launching": cluster.launching,
        "warm_pool": warm_pool_document(cluster.warm_pool),
        "own_cooldown_seconds": cluster.own_cooldown_seconds,
        "scaled_out_at": cluster.scaled_out_at,
        "refresh_id": cluster.refresh_id,
        "desired_at": cluster.desired_at,
        "predicted": cluster.predicted,
    }


def cluster_of(row: Row[Any]) -> Cluster:
    """The cluster of a row of all the table's columns; read by position, which is several times as fast as by name."""
    cluster_id, project_id, region, name, status = row[:_SPEC_FROM]
    rest = row[_SPEC_TO:]
    suspended, metrics, causes, created_at, cooldown_until, force_delete, generation, epoch = rest[: len(_AFTER)]
    _, _, due_at, sources, given_up, held_since, hooked, *newer = rest[len(_AFTER) :]
    launching, warm_pool, own_cooldown, scaled_out_at, refresh_id, desired_at, predicted, _ = newer
    return Cluster(
        id=cluster_id,
        project_id=project_id,
        region=region,
        name=name,
        status=known(ClusterStatus, status),
        spec=_spec_of(row[_SPEC_FROM:_SPEC_TO]),
        suspended={_process(process): from_micros(at) for process, at in suspended.items()},
        metrics=tuple(metrics),
        causes=causes_of(causes),
        created_at=created_at,
        cooldown_until=cooldown_until,
        generation=generation,
        epoch=epoch,
        due_at=due_at,
        force_delete=force_delete,
        sources=sources_of(sources) if sources else (),
        given_up=frozenset(_process(process) for process in given_up or ()),
        held_since=held_since,
        hooked=bool(hooked),
        launching=bool(launching),
        warm_pool=None if warm_pool is None else warm_pool_of(warm_pool),
        own_cooldown_seconds=own_cooldown,
        scaled_out_at=scaled_out_at,
        desired_at=desired_at,
        refresh_id=refresh_id,
        predicted=predicted,
    )


def _process(said: str) -> Process:
    """A process; one that only a newer version has stays suspended, and is told, by its name."""
    return Process(said) if said in _PROCESSES else cast("Process", said)


def warm_pool_document(pool: WarmPool | None) -> dict[str, Any] | None:
    if pool is None:
        return None
    return {
        "minimum": pool.minimum,
        "prepared": pool.prepared,
        "state": str(pool.state),
        "reuse": pool.reuse,
        "deleting": pool.deleting,
        "causes": causes_document(pool.causes),
    }


def warm_pool_of(document: Mapping[str, Any]) -> WarmPool:
    return WarmPool(
        document["minimum"],
        document["prepared"],
        known(PoolState, document["state"]),
        document["reuse"],
        document["deleting"],
        causes_of(document["causes"]),
    )


def suspended_document(suspended: Mapping[Process, Any]) -> dict[str, int]:
    return {str(process): to_micros(at) for process, at in suspended.items()}


def sources_document(sources: Sequence[TrafficSource]) -> list[Any]:
    return [[source.pool_id, source.name, source.port, str(source.state)] for source in sources]


def sources_of(document: Sequence[Any]) -> tuple[TrafficSource, ...]:
    return tuple(
        TrafficSource(pool_id, name, port, known(SourceState, state)) for pool_id, name, port, state in document
    )


def causes_document(causes: Sequence[Cause]) -> list[Any]:
    return [[str(cause.kind), to_micros(cause.at), dict(cause.data)] for cause in causes]


def causes_of(document: Sequence[Any]) -> tuple[Cause, ...]:
    return tuple(Cause(CauseKind(kind), from_micros(at), data) for kind, at, data in document if kind in _CAUSES)


def node_values(node: Node) -> dict[str, Any]:
    """Column values of a node, all of them: for inserts."""
    profile = node.profile or ProfileRef()
    return {
        "id": node.id,
        "cluster_id": node.cluster_id,
        "project_id": node.project_id,
        "region": node.region,
        "launch_id": node.launch_id,
        "server_id": node.server_id,
        "server_short_id": None if node.server_id is None else short_id(node.server_id),
        "zone": node.zone,
        "subnet_id": node.subnet_id,
        "state": str(node.state),
        "state_at": node.state_at,
        "health": str(node.health),
        "health_cause": node.health_cause,
        "health_due_at": node.health_due_at,
        "protected": node.protected,
        "profile_configuration": profile.configuration,
        "profile_template_id": profile.template_id,
        "profile_template_name": profile.template_name,
        "profile_template_version": profile.template_version,
        "instance_type": node.instance_type,
        "image_id": node.image_id,
        "created_at": node.created_at,
        "server_status": None if node.server_status is None else str(node.server_status),
        "server_status_at": node.server_status_at,
        "in_service_at": node.in_service_at,
        "delete_requested_at": node.delete_requested_at,
        "replaces": node.replaces,
        "attached": node.attached,
        "activity_id": node.activity_id,
        "address": node.address,
        "leaves_for": None if node.leaves_for is None else str(node.leaves_for),
        "missing_at": node.missing_at,
        "asked_at": node.asked_at,
        "unheard_at": node.unheard_at,
        "units": node.units,
        "preemptible": node.preemptible,
        "warms_to": None if node.warms_to is None else str(node.warms_to),
        "drawn_at": node.drawn_at,
        "power_asked_at": node.power_asked_at,
        "notice": None if node.notice is None else str(node.notice),
        "volume_failed": node.volume_failed,
        "drained_from": node.drained_from,
        "refresh_id": node.refresh_id,
        "own_image": node.own_image,
        "rebuilds_to": node.rebuilds_to,
        "rebuilt_from": node.rebuilt_from,
    }


def node_of(row: Row[Any]) -> Node:
    profile = None
    if row.profile_configuration is not None or row.profile_template_id is not None:
        profile = ProfileRef(
            row.profile_configuration,
            row.profile_template_id,
            row.profile_template_name,
            row.profile_template_version,
        )
    return Node(
        id=row.id,
        cluster_id=row.cluster_id,
        project_id=row.project_id,
        region=row.region,
        launch_id=row.launch_id,
        server_id=row.server_id,
        zone=row.zone,
        subnet_id=row.subnet_id,
        state=known(NodeState, row.state),
        state_at=row.state_at,
        health=known(Health, row.health),
        health_cause=row.health_cause,
        protected=row.protected,
        profile=profile,
        instance_type=row.instance_type,
        image_id=row.image_id,
        created_at=row.created_at,
        health_due_at=row.health_due_at,
        server_status=None if row.server_status is None else known(ServerStatus, row.server_status),
        server_status_at=row.server_status_at,
        in_service_at=row.in_service_at,
        delete_requested_at=row.delete_requested_at,
        replaces=row.replaces,
        attached=row.attached,
        activity_id=row.activity_id,
        address=row.address,
        leaves_for=None if row.leaves_for is None else known(LeavesFor, row.leaves_for),
        missing_at=row.missing_at,
        asked_at=row.asked_at,
        unheard_at=row.unheard_at,
        units=row.units,
        preemptible=bool(row.preemptible),
        warms_to=None if row.warms_to is None else known(NodeState, row.warms_to),
        drawn_at=row.drawn_at,
        power_asked_at=row.power_asked_at,
        notice=None if row.notice is None else known(Notice, row.notice),
        volume_failed=bool(row.volume_failed),
        drained_from=row.drained_from,
        refresh_id=row.refresh_id,
        own_image=row.own_image,
        rebuilds_to=row.rebuilds_to,
        rebuilt_from=row.rebuilt_from,
    )


def registration_values(registration: Registration) -> dict[str, Any]:
    return {
        **{name: getattr(registration, name) for name in _REGISTRATION_FIELDS},
        "state": str(registration.state),
        "health": str(registration.health),
    }


def registration_of(row: Row[Any]) -> Registration:
    values = {name: getattr(row, name) for name in _REGISTRATION_FIELDS}
    return Registration(
        **{**values, "state": known(RegistrationState, row.state), "health": known(MemberHealth, row.health)}
    )


def reason_document(reason: Reason | None) -> list[Any] | None:
    return None if reason is None else [str(reason.kind), dict(reason.data)]


def _reason_of(document: Sequence[Any] | None) -> Reason | None:
    return None if document is None or document[0] not in _REASONS else Reason(ReasonKind(document[0]), document[1])


def activity_values(activity: Activity) -> dict[str, Any]:
    return {
        "id": activity.id,
        "project_id": activity.project_id,
        "region": activity.region,
        "cluster_id": activity.cluster_id,
        "cluster_name": activity.cluster_name,
        "kind": str(activity.kind),
        "status": str(activity.status),
        "progress": activity.progress,
        "causes": causes_document(activity.causes),
        "started_at": activity.started_at,
        "ended_at": activity.ended_at,
        "node_id": activity.node_id,
        "server_id": activity.server_id,
        "reason": reason_document(activity.reason),
        "zone": activity.zone,
        "subnet_id": activity.subnet_id,
        "cluster_deleted": activity.cluster_deleted,
        "ended": int(activity.ended_at is not None),
    }


def activity_of(row: Row[Any]) -> Activity:
    return Activity(
        id=row.id,
        project_id=row.project_id,
        region=row.region,
        cluster_id=row.cluster_id,
        cluster_name=row.cluster_name,
        kind=ActivityKind(row.kind) if row.kind in _ACTIVITIES else ActivityKind.NOTE,
        status=known(ActivityStatus, row.status),
        progress=row.progress,
        causes=causes_of(row.causes),
        started_at=row.started_at,
        ended_at=row.ended_at,
        node_id=row.node_id,
        server_id=row.server_id,
        reason=_reason_of(row.reason),
        zone=row.zone,
        subnet_id=row.subnet_id,
        cluster_deleted=row.cluster_deleted,
    )


def _plain_disk(disk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in disk.items() if name not in {"iops", "throughput"} or value is not None}


_LATER: Final = frozenset({"options", "private_address", "preemptible", "requirements", "partition", "interface"})


def server_spec_document(spec: ServerSpec) -> dict[str, Any]:
    """Without what it need not say: versions before these members read it too."""
    written = asdict(spec)
    written["block_devices"] = [_plain_disk(disk) for disk in written["block_devices"]]
    written["options"] = options.document(spec.options)
    written["requirements"] = None if spec.requirements is None else spec.requirements.document()
    return {name: value for name, value in written.items() if name not in _LATER or value}


def server_spec_of(document: Mapping[str, Any]) -> ServerSpec:
    wanted = document.get("requirements")
    return ServerSpec(
        **{
            **document,
            "security_group_ids": tuple(document["security_group_ids"]),
            "security_group_names": tuple(document["security_group_names"]),
            "block_devices": tuple(BlockDevice(**device) for device in document["block_devices"]),
            "unsupported": tuple(document["unsupported"]),
            "options": ServerOptions(**document.get("options", {})),
            "requirements": None if wanted is None else Requirements.of(wanted),
        }
    )


def configuration_of(row: Row[Any]) -> LaunchConfiguration:
    return LaunchConfiguration(
        row.id, row.project_id, row.region, row.name, server_spec_of(row.spec), row.document, row.created_at
    )


def template_of(row: Row[Any]) -> Template:
    return Template(
        row.id,
        row.project_id,
        row.region,
        row.name,
        row.default_version,
        row.latest_version,
        row.created_at,
        row.created_by,
    )


def template_version_of(row: Row[Any], template: Template) -> TemplateVersion:
    return TemplateVersion(
        template_id=template.id,
        template_name=template.name,
        version=row.version,
        is_default=row.version == template.default_version,
        description=row.description,
        spec=server_spec_of(row.spec),
        document=row.document,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def entry_told(message: Message) -> Activity:
    """The entry of the journal that a message of kind ACTIVITY tells of."""
    data = message.data
    return Activity(
        id=data["id"],
        project_id=message.project_id,
        region=message.region,
        cluster_id=message.cluster_id,
        cluster_name=message.cluster_name,
        kind=known(ActivityKind, data["kind"]),
        status=known(ActivityStatus, data["status"]),
        progress=data["progress"],
        causes=causes_of(data["causes"]),
        started_at=from_micros(data["started_at"]),
        ended_at=from_micros(data["ended_at"]),
        server_id=data.get("server_id"),
        reason=_reason_of(data.get("reason")),
        zone=data.get("zone"),
        subnet_id=data.get("subnet_id"),
    )
