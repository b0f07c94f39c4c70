"""The snapshot that a plan is made from, read from the rows. Asks the cloud nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from backend.domain.activity import Reason, ReasonKind
from backend.domain.batch_sizes import ordered
from backend.domain.changes import ClusterRows
from backend.domain.delegation import SecretUnreadable
from backend.domain.image_findings import ImageNotFound
from backend.domain.launch_findings import IamProfileNotFound
from backend.domain.mixes import Mix, Override
from backend.domain.node import SERVING, Health, ServerStatus
from backend.domain.profile import LaunchSource, ProfileRef
from backend.domain.scope import Scope
from backend.domain.traffic import MemberHealth
from backend.engine.snapshot import Profile, Snapshot
from backend.policies.brake import NOTHING, Tally
from backend.store import alarms, batch_sizes, bindings, brakes, changes, configurations, tags, templates, watches
from backend.store.session import Connection

_DOUBTFUL = frozenset(ServerStatus) - {ServerStatus.BUILDING, ServerStatus.ACTIVE, ServerStatus.UNKNOWN}


KEYLESS: Final = Reason(ReasonKind.CLOUD_REFUSED, {"detail": "the keys that open its launch data cannot be had now"})
"""In the place of a profile. A pass does not go by it, but waits."""


def read_snapshot(conn: Connection, cluster_id: str, *, keyless: bool = False) -> Snapshot | None:
    """Everything the rows say of the cluster, None when it is gone.

    Args:
        keyless: what is launched is left out, for it cannot be opened now.

    Raises:
        KeysUnreached: what is launched cannot be opened yet.
    """
    rows = changes.read(conn, cluster_id)
    if rows is None:
        return None
    cluster = rows.cluster
    scope = cluster.scope
    profiles = [node.profile for node in rows.nodes.values() if node.profile is not None]
    names = {profile.configuration for profile in profiles if profile.configuration}
    seen_until, launch_first = watches.standing(conn, scope)
    project, region = watches.tallies(conn, scope) if _any_doubtful(rows) else (NOTHING, NOTHING)
    profile = KEYLESS if keyless else _profile(conn, scope, _source(rows))
    mixed = _mixed(conn, scope, _mix(rows), profile)
    return Snapshot(
        rows=rows,
        profile=mixed if isinstance(mixed, Reason) else profile,
        mixed=() if isinstance(mixed, Reason) else mixed,
        tags=tuple(tags.of_one(conn, cluster.id)),
        subnets=None if cluster.spec.subnets else {},
        configurations=configurations.created(conn, scope, names) if len(names) > 1 else {},
        seen_until=seen_until,
        launch_first=launch_first,
        project=Tally(*project),
        region=Tally(*region),
        alarms=_alarms(conn, rows),
        braked=brakes.over(conn, scope) is not None,
        sizes=ordered(batch_sizes.over(conn, scope)),
    )


def _alarms(conn: Connection, rows: ClusterRows) -> Mapping[str, bool]:
    """How those stand that a refresh looks at."""
    if rows.refresh is None or not rows.refresh.alarms:
        return {}
    return alarms.ringing(conn, rows.cluster.scope, rows.refresh.alarms)


def _any_doubtful(rows: ClusterRows) -> bool:
    """Whether a mass failure may be told by the cluster: only then it matters how others fare."""
    return any(each.health is MemberHealth.UNHEALTHY for each in rows.registrations.values()) or any(
        node.state in SERVING and (node.health is Health.UNHEALTHY or node.server_status in _DOUBTFUL)
        for node in rows.nodes.values()
    )


def _mixed(conn: Connection, scope: Scope, mix: Mix | None, profile: Profile | Reason) -> Sequence[Profile] | Reason:
    """What may be launched of a mix, by rank; an override whose own template is gone is passed over while others stay.

    A reason where nothing can be launched.
    """
    if mix is None or isinstance(profile, Reason):
        return profile if isinstance(profile, Reason) else ()
    found: list[Profile] = []
    reason: Reason | None = None
    for override in mix.overrides or (Override(),):
        made = profile if override.source is None else _profile(conn, scope, override.source)
        if isinstance(made, Reason):
            reason = reason or made
            continue
        kind, image = override.instance_type or made.spec.instance_type, override.image or made.spec.image
        spec = replace(made.spec, instance_type=kind, image=image, requirements=None)
        found.append(
            Profile(
                spec,
                made.ref,
                mixed=True,
                units=override.units,
                requirements=override.wanted(made.spec),
                own_image=override.image,
            )
        )
    return reason if reason is not None and not found else found


def _source(rows: ClusterRows) -> LaunchSource:
    """What the next node is made from: what a refresh under way brings, where it brings anything."""
    standing = rows.cluster.spec.source
    return standing if rows.refresh is None else rows.refresh.makes(standing)


def _mix(rows: ClusterRows) -> Mix | None:
    standing = rows.cluster.spec.mix
    return standing if rows.refresh is None else rows.refresh.mixes(standing)


def _profile(conn: Connection, scope: Scope, source: LaunchSource) -> Profile | Reason:
    """What is launched, or why nothing is. Raises KeysUnreached where it cannot be opened yet."""
    try:
        return _opened_profile(conn, scope, source)
    except SecretUnreadable as lost:  # nothing is launched; the cluster's members are cared for as ever
        return Reason(ReasonKind.CLOUD_REFUSED, {"detail": f"its launch data cannot be opened: {lost}"})


def _opened_profile(conn: Connection, scope: Scope, source: LaunchSource) -> Profile | Reason:
    if source.template_id is None:
        name = source.configuration or ""
        configuration = configurations.find(conn, scope, name)
        if configuration is None:
            return Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": name})
        return _bound(conn, scope, Profile(configuration.spec, ProfileRef(configuration=name)))
    template = templates.find(conn, scope, template_id=source.template_id)
    if template is None:
        return Reason(ReasonKind.PROFILE_NOT_FOUND, {"name": source.template_name or source.template_id})
    version = templates.version_of(conn, template, source.template_version)
    if version is None:
        data = {"name": template.name, "version": source.template_version or "$Default"}
        return Reason(ReasonKind.TEMPLATE_VERSION_NOT_FOUND, data)
    ref = ProfileRef(template_id=template.id, template_name=template.name, template_version=version.version)
    return _bound(conn, scope, Profile(version.spec, ref))


def _bound(conn: Connection, scope: Scope, profile: Profile) -> Profile | Reason:
    """The profile with what rows know in the place of names, or what it names that is gone."""
    try:
        return Profile(bindings.bound(conn, scope, profile.spec), profile.ref, preemptible=profile.spec.preemptible)
    except IamProfileNotFound as found:
        return Reason(ReasonKind.IAM_PROFILE_NOT_FOUND, {"name": found.name, "empty": int(found.empty)})
    except ImageNotFound as found:
        return Reason(ReasonKind.IMAGE_NOT_FOUND, {"image": found.image})
