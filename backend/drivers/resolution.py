"""From a described server to one the cloud can make: every reference is looked up, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from backend.domain.ids import short_id
from backend.domain.profile import ServerSpec
from backend.domain.scope import Scope
from backend.drivers import errors
from backend.drivers.catalog import Catalog
from backend.drivers.compute import ServerGroup, ServerRequest
from backend.drivers.images import Image
from backend.drivers.network import Subnet
from backend.drivers.public_images import alias_of
from backend.drivers.spot import Spot


def resolve(
    catalog: Catalog,
    scope: Scope,
    spec: ServerSpec,
    *,
    zone: str | None,
    subnet_id: str | None,
    name: str,
    launch_id: str | None = None,
    server_group: str | None = None,
    tags: Mapping[str, str] | None = None,
    preemptible: bool = False,
) -> ServerRequest:
    """The request that makes the server.

    Args:
        zone: where; None takes the subnet's, else the first zone there is.
        subnet_id: cloud id (uuid); None takes the spec's own, else the zone's default subnet.
        server_group: name of the group it is made in; None takes the spec's own, if it has one.
        tags: put over the spec's own.
        preemptible: Spot is asked for, whatever the spec says.

    Raises:
        Unsupported: the spec asks for what no server here can have (``detail`` names the first such member).
        ProfileIncomplete: image or instance type is missing (``detail`` names which).
        VolumeTooSmall: a disk is smaller than the image's, or than a disk can be.
        ImageNotFound, FlavorNotFound, FlavorNotSupported, KeyPairNotFound, SecurityGroupNotFound, SubnetNotFound,
        ServerGroupNotFound, PartitionNotFound: a reference matches nothing; ``detail`` is the reference as given.
        NetworkMissing: nothing to put the server on.
        CloudUnavailable, NotAuthorized: the cloud could not be asked.
    """
    if spec.unsupported:
        raise errors.Unsupported(spec.unsupported[0])
    if spec.requirements is not None:
        raise errors.Unsupported("InstanceRequirements")
    if spec.iam_profile:
        raise errors.Unsupported("IamInstanceProfile")
    preemptible = preemptible or spec.preemptible
    if preemptible and catalog.spot is Spot.REFUSE:
        raise errors.Unsupported("InstanceMarketOptions")
    if spec.image is None or spec.instance_type is None:
        raise errors.ProfileIncomplete("image" if spec.image is None else "instance_type")
    image = image_of(catalog, scope, spec.image)
    if image is None or not image.active:
        raise errors.ImageNotFound(spec.image)
    flavor = catalog.flavor(scope, spec.instance_type)
    if flavor is None:
        raise errors.FlavorNotFound(spec.instance_type)
    if image.architecture not in flavor.architectures:
        raise errors.FlavorNotSupported(image.architecture)
    check_disks(spec, image)
    pair = catalog.key_pair(scope, spec.key_name) if spec.key_name else None
    if spec.key_name and pair is None:
        raise errors.KeyPairNotFound(spec.key_name)
    group = _server_group(catalog, scope, spec, server_group)
    _check_partition(spec, group)
    subnet = _subnet(catalog, scope, spec, zone, subnet_id)
    return ServerRequest(
        name=name,
        image_id=image.id,
        flavor=flavor.name,
        zone=subnet.zone,
        subnet_id=subnet.id,
        security_group_ids=_groups(catalog, scope, spec, subnet.network_id),
        key_name=spec.key_name or None,
        user_data=spec.user_data or None,
        block_devices=spec.block_devices,
        public_address=spec.public_address,
        public_by_default=catalog.is_public(scope, subnet),
        launch_id=launch_id,
        server_group=group,
        partition=spec.partition,
        tags={**spec.tags, **(tags or {})},
        options=spec.options,
        private_address=spec.private_address,
        interface_id=spec.interface,
        public_key=pair.public_key if pair is not None and pair.kept else None,
        preemptible=preemptible and catalog.spot is Spot.PREEMPTIBLE,
    )


def image_of(catalog: Catalog, scope: Scope, reference: str) -> Image | None:
    """The image of a short id, or the one that a public parameter means now."""
    alias = alias_of(reference)
    if alias is None:
        return catalog.image(scope, reference)
    meant = catalog.aliased(scope, alias)
    return meant[-1] if meant else None


def check_disks(spec: ServerSpec, image: Image) -> None:
    """Refuse disks that are too small.

    Raises:
        VolumeTooSmall
    """
    for disk in spec.block_devices:
        if disk.size_gib is None or disk.suppressed or disk.ephemeral is not None:
            continue
        if disk.device == image.root_device and disk.size_gib < image.size_gib:
            raise errors.VolumeTooSmall(disk.size_gib, image.size_gib, image.snapshot_id or image.id)
        if disk.size_gib < 1:
            raise errors.VolumeTooSmall(disk.size_gib, 1)


def _server_group(catalog: Catalog, scope: Scope, spec: ServerSpec, name: str | None) -> ServerGroup | None:
    wanted = name or spec.server_group
    short = None if wanted else spec.server_group_id
    if not wanted and not short:
        return None
    found = catalog.server_group(scope, name=wanted, short=short)
    if found is None:
        raise errors.ServerGroupNotFound(wanted or short or "")
    return replace(found, members=())  # who else is in it is for the cloud to know


def _check_partition(spec: ServerSpec, group: ServerGroup | None) -> None:
    if spec.partition is None:
        return
    if group is None or not 1 <= spec.partition <= (group.partitions or 0):
        raise errors.PartitionNotFound(str(spec.partition))


def _subnet(catalog: Catalog, scope: Scope, spec: ServerSpec, zone: str | None, subnet_id: str | None) -> Subnet:
    short = spec.subnet if subnet_id is None else short_id(subnet_id)
    if short is not None:
        found = catalog.subnet(scope, short)
        if found is None or subnet_id not in {None, found.id}:
            raise errors.SubnetNotFound(short)
        return found
    wanted = zone or spec.zone
    for subnet in catalog.subnets(scope):
        if subnet.zone_default and wanted in {None, subnet.zone}:
            return subnet
    raise errors.NetworkMissing(wanted or "")


def _groups(catalog: Catalog, scope: Scope, spec: ServerSpec, network_id: str) -> tuple[str, ...]:
    """The cloud's ids of the groups; another process may have made them since they were listed here."""
    try:
        found = _listed_groups(catalog, scope, spec, network_id)
    except errors.SecurityGroupNotFound:
        found = ()
    if found:
        return found
    catalog.drop("security_groups", scope)
    return _listed_groups(catalog, scope, spec, network_id)


def _listed_groups(catalog: Catalog, scope: Scope, spec: ServerSpec, network_id: str) -> tuple[str, ...]:
    groups = [group for group in catalog.security_groups(scope) if group.everywhere or group.network_id == network_id]
    by_short = {group.short_id: group.id for group in groups}
    by_name = {group.name: group.id for group in groups}
    if not spec.security_group_ids and not spec.security_group_names:
        return (by_name["default"],) if "default" in by_name else ()
    chosen: dict[str, None] = {}
    for reference, known in (
        *((short, by_short) for short in spec.security_group_ids),
        *((name, by_name) for name in spec.security_group_names),
    ):
        if reference not in known:
            raise errors.SecurityGroupNotFound(reference)
        chosen[known[reference]] = None
    return tuple(chosen)
