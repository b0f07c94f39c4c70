"""What nodes are made from: launch configurations and templates as asked for, looked up and tried against the cloud."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from backend.domain.cluster import SourceRequest
from backend.domain.identities import noted_profile
from backend.domain.image_findings import ImageNotFound
from backend.domain.key_pair_findings import KeyPairNotFound
from backend.domain.launch_findings import (
    IamProfileNotFound,
    ProfileNotFound,
    TemplateNotFound,
    TemplateUnusable,
    TemplateVersionNotFound,
    TypeNotFound,
    TypeNotSupported,
)
from backend.domain.mix_findings import SpotRefused
from backend.domain.profile import LaunchConfiguration, LaunchSource, ServerSpec, TemplateVersion
from backend.domain.scope import Scope
from backend.domain.security_group_findings import SecurityGroupNotFound
from backend.domain.server_findings import ServerUnknown
from backend.drivers.catalog import Catalog
from backend.drivers.cloud import Cloud
from backend.drivers.compute import Server
from backend.drivers.errors import CloudError
from backend.drivers.resolution import check_disks, resolve
from backend.drivers.spot import Spot
from backend.errors import CloudNotReached, NotPermitted
from backend.services.catalog import asking
from backend.services.cloud_errors import finding_of
from backend.services.placement import Placement
from backend.store import bindings, configurations, templates
from backend.store.session import Connection


def template_of(conn: Connection, scope: Scope, request: SourceRequest) -> TemplateVersion:
    """The version that the request means now.

    Raises:
        TemplateNotFound, TemplateVersionNotFound
    """
    template = templates.find(conn, scope, template_id=request.template, name=request.template_name)
    if template is None:
        raise TemplateNotFound(request.template, request.template_name)
    version = templates.find_version(conn, scope, template.id, request.version)
    if version is None:
        raise TemplateVersionNotFound(template.name, template.id, request.version or "$Default")
    return version


def template_kept(conn: Connection, scope: Scope, source: LaunchSource) -> TemplateVersion:
    """The version that a cluster's source means now.

    Raises:
        TemplateNotFound, TemplateVersionNotFound
    """
    found = None if source.template_id is None else templates.find(conn, scope, template_id=source.template_id)
    if found is None:
        raise TemplateNotFound(None, source.template_name)
    version = templates.version_of(conn, found, source.template_version)
    if version is None:
        raise TemplateVersionNotFound(found.name, found.id, source.template_version or "$Default")
    return version


def bound_template(conn: Connection, scope: Scope, version: TemplateVersion) -> TemplateVersion:
    """The version with what rows know in the place of the names of it.

    Raises:
        TemplateUnusable: with what there is not.
    """
    try:
        return replace(version, spec=bindings.bound(conn, scope, version.spec))
    except (IamProfileNotFound, ImageNotFound) as found:
        raise TemplateUnusable(found) from found


def try_template(
    catalog: Catalog, scope: Scope, version: TemplateVersion, placement: Placement, server_group: str | None = None
) -> None:
    """Resolve the server of a version in every place it is to go to, making nothing.

    Args:
        server_group: name of the cluster's own, if it has one.

    Raises:
        TemplateUnusable: with what the cloud lacks.
        CloudNotReached, NotPermitted: the cloud could not be asked.
    """
    spec = version.spec
    if spec.iam_profile is not None:
        raise TemplateUnusable(IamProfileNotFound(spec.iam_profile))
    zones, subnets = placement
    places: list[tuple[str | None, str | None]] = [(None, subnet) for subnet in subnets]
    for zone, subnet in places or [(zone, None) for zone in zones]:
        try:
            resolve(catalog, scope, spec, zone=zone, subnet_id=subnet, name="", server_group=server_group)
        except CloudError as error:
            finding = finding_of(error, type=spec.instance_type or "", image=spec.image or "", zone=zone or "")
            about_cloud = isinstance(finding, CloudNotReached | NotPermitted)
            raise (finding if about_cloud else TemplateUnusable(finding)) from error


def configuration_of(conn: Connection, scope: Scope, name: str) -> LaunchConfiguration:
    """The launch configuration, kept from deletion until the transaction ends.

    Raises:
        ProfileNotFound
    """
    found = configurations.find(conn, scope, name, lock=True)
    if found is None:
        raise ProfileNotFound(name)
    return found


def template_source(request: SourceRequest, version: TemplateVersion) -> LaunchSource:
    """What a cluster keeps: both names of the template, the version exactly as given."""
    return LaunchSource(
        template_id=version.template_id, template_name=version.template_name, template_version=request.version
    )


def try_spec(catalog: Catalog, scope: Scope, spec: ServerSpec) -> None:
    """Look up what a launch configuration names, wherever its servers will go.

    Raises:
        ImageNotFound, TypeNotFound, TypeNotSupported, VolumeTooSmall, KeyPairNotFound, SecurityGroupNotFound,
        IamProfileNotFound, SpotRefused
        CloudNotReached, NotPermitted: the cloud could not be asked.
    """
    if spec.iam_profile is not None:
        raise IamProfileNotFound(spec.iam_profile)
    if spec.preemptible and catalog.spot is Spot.REFUSE:
        raise SpotRefused
    with asking():
        _try_image(catalog, scope, spec)
        if spec.key_name and catalog.key_pair(scope, spec.key_name) is None:
            raise KeyPairNotFound(spec.key_name)
        for short in spec.security_group_ids:
            if catalog.security_group(scope, short) is None:
                raise SecurityGroupNotFound(short)
        if spec.security_group_names:
            _try_group_names(catalog, scope, spec.security_group_names)


def _try_group_names(catalog: Catalog, scope: Scope, names: Collection[str]) -> None:
    """Another process may have made one since the groups were listed here."""
    if {*names} - {group.name for group in catalog.security_groups(scope)}:
        catalog.drop("security_groups", scope)
    known = {group.name for group in catalog.security_groups(scope)}
    for name in names:
        if name not in known:
            raise SecurityGroupNotFound(name, named=True)


def _try_image(catalog: Catalog, scope: Scope, spec: ServerSpec) -> None:
    image = catalog.image(scope, spec.image or "")
    if image is None or not image.active:
        raise ImageNotFound(spec.image or "")
    flavor = catalog.flavor(scope, spec.instance_type or "")
    if flavor is None:
        raise TypeNotFound(spec.instance_type or "")
    if image.architecture not in flavor.architectures:
        raise TypeNotSupported(flavor.name, image.architecture, image.short_id)
    check_disks(spec, image)


def server_of(cloud: Cloud, scope: Scope, short: str) -> Server:
    """A server of the project by its short id, as it is now.

    Raises:
        ServerUnknown: there is none.
        CloudNotReached, NotPermitted: the cloud could not be asked.
    """
    with asking():
        for server in cloud.compute.list(scope):
            if server.short_id == short:
                return cloud.compute.get(scope, server.id)
    raise ServerUnknown(short)


def spec_of_server(catalog: Catalog, scope: Scope, server: Server) -> ServerSpec:
    """The server described as a launch source; its extra disks and address stay its own, as at AWS.

    Source: EC2 Auto Scaling User Guide, "Create a launch configuration using an EC2 instance".
    """
    image = next((image for image in catalog.images(scope) if image.id == server.image_id), None)
    return ServerSpec(
        image=None if image is None else image.short_id,
        instance_type=server.flavor,
        key_name=server.key_name,
        security_group_ids=tuple(group.replace("-", "")[:17] for group in server.security_group_ids),
        user_data=server.user_data,
        iam_profile=(noted_profile(server.tags) or ("", None))[1],
    )
