"""Instances made and moved by hand: run, started, stopped, rebooted, terminated."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from backend.domain import server_findings
from backend.domain.address_findings import InterfaceInUse, InterfaceMissing
from backend.domain.ids import short_id
from backend.domain.profile import BlockDevice, ServerSpec
from backend.services.servers import Moved, Order
from translators import arns
from translators.ec2 import actions, launch_data, snapshots, tag_words
from translators.ec2.instance_words import Instance, Surroundings, state
from translators.ec2.instances import INSTANCES, servers_named
from translators.ec2.interfaces import INTERFACES
from translators.ec2.launch_templates import check_version, reference_of, zone_names
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_TOKEN_LENGTH: Final = 64
_USUAL_TYPE: Final = "m1.small"
_MOST_AT_ONCE: Final = 1000
_TAGGABLE: Final = frozenset({"instance", "volume", "network-interface"})
# Members that RunInstances and launch templates name differently.
_RENAMED: Final = {"RamdiskId": "RamDiskId", "ElasticGpuSpecification": "ElasticGpuSpecifications"}
# Members of the request itself, not of the server.
_OWN: Final = frozenset(
    {"MinCount", "MaxCount", "LaunchTemplate", "ClientToken", "DryRun", "SubnetId", "TagSpecifications"}
)
_REFUSED: Final = (
    "AdditionalInfo",
    "EnablePrimaryIpv6",
    "Ipv6AddressCount",
    "Ipv6Addresses",
)


@operation("ec2", "RunInstances")
def run(call: Call) -> Result:
    minimum, maximum = _counts(call.params)
    given = tag_words.specified(call.params.get("TagSpecifications"), _TAGGABLE)
    spec, tags = _described(call, given)
    token = actions.client_token(call, _TOKEN_LENGTH)
    with _interface_told(call):
        if call.params.get("DryRun"):
            call.backend.servers.check(call.scope, spec)
            actions.check_dry_run(call)
        servers = call.backend.servers.run(call.scope, Order(spec, minimum, maximum, token))
    around = Surroundings(call, {server.id: token.value for server in servers} if token else {})
    instances = [Instance(server, around) for server in servers]
    _tag_parts(call, instances, tags)
    return INSTANCES.shown(call, instances)[0]


@contextmanager
def _interface_told(call: Call) -> Iterator[None]:
    """What is said of the interface that an instance was to be launched with.

    Source: hashicorp/terraform-provider-aws #27513 (the words).
    """
    try:
        yield
    except InterfaceInUse as found:
        raise _in_use(found.id) from found
    except InterfaceMissing as found:
        INTERFACES.of_ids(call, [f"{arns.INTERFACE}-{found.id}"])  # refuses one that there is not
        raise _in_use(found.id) from found  # an instance's from birth, or a balancer's


def _in_use(interface: str) -> AWSError:
    return AWSError("InvalidNetworkInterface.InUse", f"Interface: [{arns.INTERFACE}-{interface}] in use.")


@operation("ec2", "StartInstances")
def start(call: Call) -> Result:
    servers = servers_named(call, call.params["InstanceIds"])
    actions.check_dry_run(call)
    if call.params.get("AdditionalInfo"):
        raise AWSError("UnsupportedOperation", "The parameter AdditionalInfo is reserved.")  # unsourced
    try:
        moved = call.backend.servers.start(call.scope, servers)
    except server_findings.ServerConflict as found:
        raise _stuck(found, "started") from found
    return {"StartingInstances": _told(moved)}


@operation("ec2", "StopInstances")
def stop(call: Call) -> Result:
    servers = servers_named(call, call.params["InstanceIds"])
    if call.params.get("Hibernate"):
        ids = ", ".join(arns.instance_id(server.id) for server in servers)
        raise AWSError(  # unsourced
            "UnsupportedHibernationConfiguration",
            f"The following instances are not configured for hibernation: {ids}",
        )
    actions.check_dry_run(call)
    try:
        # Force and SkipOsShutdown ask for no more patience than the cloud has: it ends what does not stop by itself.
        moved = call.backend.servers.stop(call.scope, servers)
    except server_findings.ServerConflict as found:
        raise _stuck(found, "stopped") from found
    return {"StoppingInstances": _told(moved)}


@operation("ec2", "RebootInstances")
def reboot(call: Call) -> Result:
    servers = servers_named(call, call.params["InstanceIds"])
    actions.check_dry_run(call)
    try:
        call.backend.servers.reboot(call.scope, servers)
    except server_findings.ServerConflict as found:
        raise _stuck(found, "rebooted") from found
    return {}


@operation("ec2", "TerminateInstances")
def terminate(call: Call) -> Result:
    servers = servers_named(call, call.params["InstanceIds"])
    actions.check_dry_run(call)
    # Force and SkipOsShutdown are how the cloud deletes anyway.
    moved = call.backend.servers.terminate(call.scope, servers)
    _end_interfaces(call, {each.server.id for each in moved})
    return {"TerminatingInstances": _told(moved)}


def _end_interfaces(call: Call, servers: Collection[str]) -> None:
    """End the made interfaces that end with servers."""
    for made in call.backend.interfaces.end_with(call.scope, servers):
        call.backend.resource_tags.remove(call.scope, [f"{arns.INTERFACE}-{made.id}"], None)


def _told(moved: Sequence[Moved]) -> list[dict[str, Any]]:
    return [
        {
            "InstanceId": arns.instance_id(each.server.id),
            "CurrentState": state(each.now),
            "PreviousState": state(each.server.status),
        }
        for each in moved
    ]


def _stuck(found: server_findings.ServerConflict, done: str) -> AWSError:
    shown = f"{arns.INSTANCE}-{found.server}"
    # unsourced
    return AWSError("IncorrectInstanceState", f"The instance '{shown}' is not in a state from which it can be {done}.")


def _counts(params: Mapping[str, Any]) -> tuple[int, int]:
    minimum, maximum = params["MinCount"], params["MaxCount"]
    if minimum < 1:
        raise AWSError(  # unsourced
            "InvalidParameterValue", f"Value ({minimum}) for parameter minCount is invalid. Must be greater than zero."
        )
    if maximum < minimum:
        raise AWSError(  # unsourced
            "InvalidParameterValue",
            f"Value ({minimum}) for parameter minCount is invalid. Must be less than or equal to maxCount ({maximum}).",
        )
    if maximum > _MOST_AT_ONCE:
        raise AWSError(  # unsourced
            "InvalidParameterValue",
            f"Value ({maximum}) for parameter maxCount is invalid. At most {_MOST_AT_ONCE} instances can be asked for.",
        )
    return minimum, maximum


def _described(call: Call, tags: Mapping[str, Mapping[str, str]]) -> tuple[ServerSpec, Mapping[str, Mapping[str, str]]]:
    """The server a request describes, by a template, by itself, or by both; and the tags by resource type."""
    given = {_RENAMED.get(name, name): value for name, value in call.params.items() if name not in _OWN}
    source, marks = _template(call)
    data = launch_data.merged(source, given)
    own = tags or tag_words.specified(data.pop("TagSpecifications", None), launch_data.TAGGABLE)
    data.pop("TagSpecifications", None)
    subnet = call.params.get("SubnetId")
    launch_data.check_interfaces(data)
    launch_data.check_made_interface(data)
    launch_data.check_groups(data, by_subnet=bool(subnet))
    spec = launch_data.spec_of(data, zone_names(call, data))
    if data.get("NetworkInterfaces"):
        _refuse_both(subnet, "subnet ID")
        _refuse_both(data.get("SecurityGroupIds") or data.get("SecurityGroups"), "security groups")
        _refuse_both(data.get("PrivateIpAddress"), "private IP address")
    if spec.interface:
        _check_interface(call, data, own)
    if subnet:
        actions.check_forms(actions.SUBNET, [subnet])
        spec = replace(spec, subnet=arns.short_of(arns.SUBNET, subnet) or subnet)
    launch_data.check_disks(data)
    spec = replace(spec, block_devices=tuple(_from_snapshot(call, disk) for disk in spec.block_devices))
    if spec.private_address and call.params["MaxCount"] > 1:
        raise AWSError(  # unsourced
            "InvalidParameterCombination",
            "The parameter privateIpAddress cannot be used where more than one instance is asked for.",
        )
    refused = [name for name in _REFUSED if data.get(name)]
    if any((each.get("Ebs") or {}).get("Encrypted") for each in given.get("BlockDeviceMappings") or ()):
        refused.append("BlockDeviceMappings.Ebs.Encrypted")  # a protection that is not there; a template's is a note
    if data.get("InstanceInitiatedShutdownBehavior") == "terminate":
        refused.append("InstanceInitiatedShutdownBehavior")
    if spec.image:
        _check_image(data)
    if spec.instance_type is None:
        spec = replace(spec, instance_type=_usual_type(call, spec.image))
    return (
        replace(spec, tags={**own.get("instance", {}), **marks}, unsupported=(*spec.unsupported, *refused)),
        own,
    )


def _from_snapshot(call: Call, disk: BlockDevice) -> BlockDevice:
    """A disk that is made of a snapshot: as large as that, unless it is to be larger.

    Raises:
        AWSError: there is no such snapshot, neither the caller's nor an image's, or it is larger.
    """
    if disk.snapshot is None or disk.suppressed:
        return disk
    for image in call.backend.catalog.images(call.scope):
        if image.snapshot_id and short_id(image.snapshot_id) == disk.snapshot:
            return disk if disk.size_gib else replace(disk, size_gib=image.size_gib)
    shown = f"{arns.SNAPSHOT}-{disk.snapshot}"
    snapshot = snapshots.named(call, shown)
    if disk.size_gib is not None and disk.size_gib < snapshot.size_gib:
        raise AWSError(
            "InvalidBlockDeviceMapping",
            f"Volume of size {disk.size_gib}GB is smaller than snapshot '{shown}', expect size >="
            f" {snapshot.size_gib}GB",
        )
    return disk if disk.size_gib else replace(disk, size_gib=snapshot.size_gib)


def _check_image(data: Mapping[str, Any]) -> None:
    # Other ids of the request are of things that are looked up together; EC2 tells a malformed image by its own code.
    if not launch_data.is_alias(data["ImageId"]):
        actions.check_forms(actions.IMAGE, [data["ImageId"]])


def _usual_type(call: Call, image: str | None) -> str | None:
    """The type of a request that names none: EC2's m1.small, or the smallest that runs the image.

    Source: moto tests/test_ec2/test_instances.py, verified against AWS (that it runs); EC2 API Reference, RunInstances.
    """
    wanted = call.backend.parameters.image(call.scope, image) if image else None
    fitting = [
        flavor
        for flavor in call.backend.catalog.flavors(call.scope)
        if wanted is None or wanted.architecture in flavor.architectures
    ]
    if any(flavor.name == _USUAL_TYPE for flavor in fitting):
        return _USUAL_TYPE
    smallest = min(fitting, key=lambda flavor: (flavor.memory_mib, flavor.vcpus, flavor.name), default=None)
    return None if smallest is None else smallest.name


def _check_interface(call: Call, data: Mapping[str, Any], tags: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse what does not go with the one interface that was made before.

    Source: openstack/ec2-api, ec2api/api/instance.py, and kubernetes-sigs/cluster-api-provider-aws #5594 (the words).
    """
    actions.digits_of(actions.INTERFACE, data["NetworkInterfaces"][0]["NetworkInterfaceId"])
    if call.params["MaxCount"] > 1:
        raise AWSError(
            "InvalidParameterCombination",
            "Multiple instances creation is not compatible with private IP address or network interface ID parameters.",
        )
    if tags.get("network-interface"):
        raise AWSError(
            "InvalidParameterValue",
            "You cannot specify tags for network interfaces if there are no network interfaces being created by the"
            " request.",
        )


def _refuse_both(given: object, words: str) -> None:
    if given:
        raise AWSError(  # unsourced
            "InvalidParameterCombination",
            f"Network interfaces and an instance-level {words} may not be specified on the same request",
        )


def _template(call: Call) -> tuple[Mapping[str, Any], dict[str, str]]:
    """A launch template's words, and the tags that EC2 marks its instances with."""
    named = call.params.get("LaunchTemplate")
    if not named:
        return {}, {}
    version = named.get("Version")
    if version:
        check_version(version)
    found = call.backend.templates.version(call.scope, reference_of(named), version)
    marks = {
        "aws:ec2launchtemplate:id": arns.template_id(found.template_id),
        "aws:ec2launchtemplate:version": str(found.version),
    }
    return found.document, marks


def _tag_parts(call: Call, instances: Sequence[Instance], tags: Mapping[str, Mapping[str, str]]) -> None:
    """Tag the volumes and interfaces that came with instances."""
    if volume_tags := tags.get("volume"):
        volumes = [disk.volume_id for instance in instances for disk in instance.disks()]
        call.backend.resource_tags.put(call.scope, volumes, volume_tags)
    if interface_tags := tags.get("network-interface"):
        call.backend.resource_tags.put(call.scope, [each.interface_id for each in instances], interface_tags)
