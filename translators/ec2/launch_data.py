"""What a launch is described by (``LaunchTemplateData``, and the same members of ``RunInstances``) as a ServerSpec.

Members fall in three sets: those that a server here has, those that mean nothing on a cloud like ours and are only told
again (``SHOWN_WITHOUT_EFFECT``), and those that nobody may pass over in silence: a template may hold them, as at AWS,
but a launch with them is refused by name (``ServerSpec.unsupported``).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any, Final

from backend.domain.options import MOST, ServerOptions
from backend.domain.parameters import ALIAS
from backend.domain.profile import BlockDevice, ServerSpec
from backend.domain.requirements import Requirements
from backend.drivers.volumes import Kind
from translators import arns, requirement_words
from translators.ec2 import tag_words, volume_words
from translators.errors import AWSError

Data = Mapping[str, Any]

SHOWN_WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "BlockDeviceMappings[].Ebs.Encrypted": "the cloud's volume type decides on it; RunInstances refuses its own wish",
    "BlockDeviceMappings[].Ebs.Iops": "the cloud's volume type decides on performance",
    "BlockDeviceMappings[].Ebs.KmsKeyId": "the cloud's volume type decides on encryption",
    "BlockDeviceMappings[].Ebs.Throughput": "the cloud's volume type decides on performance",
    "BlockDeviceMappings[].Ebs.VolumeInitializationRate": "volumes are made by the cloud in its own time",
    "CapacityReservationSpecification.CapacityReservationPreference": "there are no reservations to use (open, none)",
    "CpuOptions": "the type's flavor decides on cores and threads; instances keep them and tell them",
    "CreditSpecification": "there are no CPU credits; instances keep it and tell it",
    "EbsOptimized": "storage traffic is the cloud's own affair",
    "InstanceInitiatedShutdownBehavior": "a server that shuts itself down is stopped; a group replaces it",
    "MaintenanceOptions": "recovery is the cloud's own affair; instances keep it and tell it",
    "MetadataOptions": "the cloud's metadata service has no such switches; instances keep them and tell them",
    "Monitoring": "what is measured does not depend on it; instances keep it and tell it",
    "NetworkInterfaces[].ConnectionTrackingSpecification": "the cloud's firewall has its own time-outs",
    "NetworkInterfaces[].DeleteOnTermination": "an interface that comes with a server goes with it",
    "NetworkInterfaces[].Description": "interfaces are made by the cloud",
    "NetworkInterfaces[].EnaQueueCount": "queues are the cloud's own affair",
    "NetworkInterfaces[].EnaSrdSpecification": "there is no SRD",
    "NetworkPerformanceOptions": "the type's flavor decides on bandwidth",
    "PrivateDnsNameOptions": "names are the cloud's own affair; instances keep them and tell them",
    "TagSpecifications[] of volumes and interfaces": "a group tags its servers alone; RunInstances tags all",
}
"""Members that are accepted, kept and told again and change nothing, and why; README's limits are made of it."""

CREDITS: Final = frozenset({"standard", "unlimited"})
TAGGABLE: Final = frozenset(
    {"instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu", "fleet"}
)
_USER_DATA_BYTES: Final = 16_384
_MOST_HOPS: Final = MOST["hops"]
_SAID_BY_ITSELF: Final[Mapping[str, str]] = {
    "SubnetId": "a subnet",
    "PrivateIpAddress": "a private IP address",
    "PrivateIpAddresses": "a private IP address",
    "Groups": "security groups",
    "Description": "a description",
}
"""What a made interface has by itself, in the words of a refusal."""
_ALONE: Final = frozenset({"interface", ""})


def document(data: Data) -> dict[str, Any]:
    """The caller's words as they are kept: JSON, without members that say nothing.

    Inside of members nothing is left out: Terraform sends an empty ``MaxPrice`` and wants to find its block again.
    """
    return {name: _plain(value) for name, value in data.items() if value not in ("", [], {})}


def merged(source: Data, given: Data) -> dict[str, Any]:
    """A version made from another: each member that is given takes the place of the source's, lists as a whole."""
    return {**source, **document(given)}


def shown(kept: Data) -> dict[str, Any]:
    """A kept document as answers hold it."""
    market = kept.get("InstanceMarketOptions") or {}
    spot = market.get("SpotOptions") or {}
    if "ValidUntil" not in spot:
        return dict(kept)
    told = {**spot, "ValidUntil": datetime.fromisoformat(spot["ValidUntil"])}
    return {**kept, "InstanceMarketOptions": {**market, "SpotOptions": told}}


def is_alias(image: str | None) -> bool:
    """Whether an image's id is a parameter's name, which is looked up at each launch."""
    return image is not None and image.startswith(ALIAS)


def check_template(data: Data) -> None:
    """Refuse what EC2 refuses when a template is written; the rest it refuses at a launch.

    Source: conformance/recorded templates/nonsense-image.
    """
    image = data.get("ImageId")
    if image and not image.startswith("ami-") and not is_alias(image):
        raise AWSError(
            "InvalidAMIID.Malformed",
            f"The image ID '{image}' is not valid. The expected format is ami-xxxxxxxx or ami-xxxxxxxxxxxxxxxxx.",
        )


def check_launch(data: Data, *, by_subnet: bool) -> None:
    """Refuse members of a template that do not go together, as EC2 does where a group is to launch from it.

    Args:
        by_subnet: the group's subnets are given, not its zones alone.

    Raises:
        AWSError: in EC2's code, or (user data, groups by name) in Auto Scaling's.

    Source: hashicorp/terraform-provider-aws #4570 and #23766, hashicorp/terraform #12123, eksctl-io/eksctl #743.
    """
    interfaces: Sequence[Data] = data.get("NetworkInterfaces") or ()
    if interfaces and (data.get("SecurityGroupIds") or data.get("SecurityGroups")):
        raise AWSError(
            "InvalidQueryParameter",
            "Invalid launch template: When a network interface is provided, the security groups must be a part of it.",
        )
    if not _indexed(interfaces):
        raise AWSError(
            "InvalidQueryParameter",
            "Incompatible launch template: Each network interface requires a unique device index.",
        )
    if len(interfaces) == 1 and interfaces[0]["DeviceIndex"]:
        raise AWSError(
            "InvalidQueryParameter",
            "Incompatible launch template: The network interface's device index must be zero.",
        )
    if any(_address(data, each) for each in interfaces):
        raise AWSError(  # unsourced
            "InvalidQueryParameter",
            "Incompatible launch template: A network interface of a group's instances cannot name a private address.",
        )
    try:
        check_groups(data, by_subnet=by_subnet)
        checked_user_data(data.get("UserData"))
        check_disks(data)
    except AWSError as found:
        words = f"You must use a valid fully-formed launch template. {found.message}"
        raise AWSError("ValidationError", words) from found


def check_groups(data: Data, *, by_subnet: bool) -> None:
    """Refuse security groups by name where a subnet is given, and ids that are empty.

    Source: hashicorp/terraform #12123, ryanmurakami/hbfl #58.
    """
    if by_subnet and data.get("SecurityGroups"):
        raise AWSError(
            "InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet"
        )
    if "" in (data.get("SecurityGroupIds") or ()):
        raise AWSError("InvalidParameterValue", "Value () for parameter groupId is invalid. The value cannot be empty")


def check_disks(data: Data) -> None:
    """Refuse disks that no volume type has, and two of one name."""
    seen: set[str] = set()
    for mapping in data.get("BlockDeviceMappings") or ():
        device = mapping.get("DeviceName") or ""
        if device in seen:
            # unsourced
            words = f"the same device name '{device[:64]}' is specified more than once"
            raise AWSError("InvalidBlockDeviceMapping", words)
        seen.add(device)
        ebs: Data = mapping.get("Ebs") or {}
        kind, size = ebs.get("VolumeType"), ebs.get("VolumeSize")
        if kind and size is not None and size > 0:
            volume_words.checked(size, Kind(kind, ebs.get("Iops"), ebs.get("Throughput")))
        elif kind:
            volume_words.check_members(Kind(kind, ebs.get("Iops"), ebs.get("Throughput")))


def check_interfaces(data: Data) -> None:
    """Refuse an interface without its index. Source: chef/knife-ec2 #601 (the words)."""
    if not _indexed(data.get("NetworkInterfaces") or ()):
        raise AWSError("InvalidParameterValue", "Each network interface requires a device index.")


def check_made_interface(data: Data) -> None:
    """Refuse what an interface that is there cannot be asked for, where a server is to be launched with it.

    Source: openstack/ec2-api, ec2api/api/instance.py, and hashicorp/terraform #12933 (the words).
    """
    for each in data.get("NetworkInterfaces") or ():
        if not each.get("NetworkInterfaceId"):
            continue
        for member, words in _SAID_BY_ITSELF.items():
            if each.get(member):
                raise AWSError(
                    "InvalidParameterCombination",
                    f"A network interface may not specify both a network interface ID and {words}",
                )
        if each.get("DeleteOnTermination"):
            raise AWSError(
                "InvalidParameterCombination",
                "A network interface may not specify a network interface ID and delete on termination as true",
            )
        if each.get("AssociatePublicIpAddress") is not None:
            raise AWSError(  # unsourced
                "InvalidParameterCombination",
                "The associatePublicIPAddress parameter cannot be specified for a network interface with an ID.",
            )


def _indexed(interfaces: Sequence[Data]) -> bool:
    indexes = [(each.get("NetworkCardIndex") or 0, each.get("DeviceIndex")) for each in interfaces]
    return all(index is not None for _, index in indexes) and len(set(indexes)) == len(indexes)


def spec_of(data: Data, zone_names: Mapping[str, str], *, of_template: bool = False) -> ServerSpec:
    """The server that is described.

    Args:
        data: members of ``LaunchTemplateData``.
        zone_names: zone id -> zone name, for placements by id.
        of_template: it is written down and launched from later, if ever: EC2 takes user data that is not base64 then.
            A group's servers cannot all have one made interface; RunInstances reads the template's own words.

    Raises:
        AWSError: words that cannot mean anything (user data that is not base64, tags that cannot be...).
    """
    check_hops(data.get("MetadataOptions") or {})
    user_data = data.get("UserData")
    unfit: list[str] = []
    if of_template:
        user_data, unfit = _kept_user_data(user_data)
    interfaces: Sequence[Data] = data.get("NetworkInterfaces") or ()
    first: Data = interfaces[0] if interfaces else {}
    placement: Data = data.get("Placement") or {}
    profile: Data = data.get("IamInstanceProfile") or {}
    tags = tag_words.specified(data.get("TagSpecifications"), TAGGABLE)
    groups = (*(data.get("SecurityGroupIds") or ()), *(first.get("Groups") or ()))
    return ServerSpec(
        image=_short(arns.IMAGE, data.get("ImageId")),
        instance_type=data.get("InstanceType") or None,
        key_name=data.get("KeyName") or None,
        security_group_ids=tuple(arns.short_of(arns.SECURITY_GROUP, group) or group for group in groups),
        security_group_names=tuple(data.get("SecurityGroups") or ()),
        user_data=user_data if of_template else checked_user_data(user_data),
        block_devices=tuple(block_device(each) for each in data.get("BlockDeviceMappings") or ()),
        public_address=first.get("AssociatePublicIpAddress"),
        subnet=_short(arns.SUBNET, first.get("SubnetId")),
        zone=_zone(placement, zone_names),
        server_group=placement.get("GroupName") or None,
        server_group_id=_short(arns.PLACEMENT_GROUP, placement.get("GroupId")),
        partition=placement.get("PartitionNumber"),
        tags=tags.get("instance", {}),
        iam_profile=profile.get("Name") or profile.get("Arn") or None,
        options=options_of(data),
        private_address=_address(data, first),
        interface=None if of_template else _short(arns.INTERFACE, first.get("NetworkInterfaceId")),
        requirements=_requirements(data),
        preemptible=(data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot",
        unsupported=tuple(dict.fromkeys((*_unsupported(data, placement, interfaces, of_template=of_template), *unfit))),
    )


def _requirements(data: Data) -> Requirements | None:
    """What the type is to have, where none is named: an empty text is no type."""
    given = data.get("InstanceRequirements")
    if not given:
        return None
    if data.get("InstanceType"):
        # unsourced
        words = "The parameter InstanceType cannot be used with the parameter InstanceRequirements"
        raise AWSError("InvalidParameterCombination", words)
    try:
        return requirement_words.read(given)
    except requirement_words.Clash as clash:
        raise AWSError("InvalidParameterCombination", str(clash)) from clash  # unsourced


def options_of(data: Data) -> ServerOptions:
    """The switches of the server."""
    metadata: Data = data.get("MetadataOptions") or {}
    names: Data = data.get("PrivateDnsNameOptions") or {}
    cpus: Data = data.get("CpuOptions") or {}
    return ServerOptions(
        protected=bool(data.get("DisableApiTermination")),
        kept_running=bool(data.get("DisableApiStop")),
        monitored=bool((data.get("Monitoring") or {}).get("Enabled")),
        ebs_optimized=bool(data.get("EbsOptimized")),
        credits=checked_credits((data.get("CreditSpecification") or {}).get("CpuCredits")),
        tokens=metadata.get("HttpTokens") or "",
        hops=metadata.get("HttpPutResponseHopLimit") or 0,
        endpoint=metadata.get("HttpEndpoint") or "",
        ipv6=metadata.get("HttpProtocolIpv6") or "",
        metadata_tags=metadata.get("InstanceMetadataTags") or "",
        recovery=(data.get("MaintenanceOptions") or {}).get("AutoRecovery") or "",
        hostname=names.get("HostnameType") or "",
        a_record=bool(names.get("EnableResourceNameDnsARecord")),
        aaaa_record=bool(names.get("EnableResourceNameDnsAAAARecord")),
        cores=_counted(cpus, "CoreCount", MOST["cores"]),
        threads=_counted(cpus, "ThreadsPerCore", MOST["threads"]),
    )


def _counted(cpus: Data, member: str, most: int) -> int:
    """How many of them are asked for, 0 where none are."""
    count: int | None = cpus.get(member)
    if count is not None and not 1 <= count <= most:
        # unsourced
        raise AWSError("InvalidParameterValue", f"Value ({count}) for parameter CpuOptions.{member} is invalid.")
    return count or 0


def checked_credits(credits_: str | None) -> str:
    """Refuse a credit option that is none; templates hold any text of 64 KiB else."""
    if credits_ and credits_ not in CREDITS:
        # unsourced
        words = f"Value ({credits_[:64]}) for parameter CpuCredits is invalid. Valid values are: standard, unlimited."
        raise AWSError("InvalidParameterValue", words)
    return credits_ or ""


def _address(data: Data, interface: Data) -> str | None:
    """The address that the server is to have in its subnet: in one of the three places where it can be said."""
    listed: Sequence[Data] = interface.get("PrivateIpAddresses") or ()
    own = next((each.get("PrivateIpAddress") for each in listed if each.get("Primary", len(listed) == 1)), None)
    text = data.get("PrivateIpAddress") or interface.get("PrivateIpAddress") or own
    if not text:
        return None
    try:
        return str(IPv4Address(text))
    except ValueError:
        # unsourced
        raise AWSError("InvalidParameterValue", f"Invalid IPv4 address: {text[:64]}") from None


def block_device(mapping: Data) -> BlockDevice:
    """One disk of ``BlockDeviceMappings``; launch configurations speak of them in the same words."""
    ebs: Data = mapping.get("Ebs") or {}
    snapshot = ebs.get("SnapshotId")
    return BlockDevice(
        device=mapping.get("DeviceName") or "",
        size_gib=ebs.get("VolumeSize"),
        volume_type=ebs.get("VolumeType"),
        snapshot=None if not snapshot else arns.short_of(arns.SNAPSHOT, snapshot) or snapshot,
        ephemeral=mapping.get("VirtualName") or None,
        delete_on_termination=ebs.get("DeleteOnTermination", True),
        suppressed="NoDevice" in mapping,
        iops=ebs.get("Iops"),
        throughput=ebs.get("Throughput"),
    )


def checked_user_data(text: str | None) -> str | None:
    """User data as given, None where there is none.

    Raises:
        AWSError: not base64, or more than 16 KiB.
    """
    if not text:
        return None
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise AWSError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.") from None  # unsourced
    if len(raw) > _USER_DATA_BYTES:
        raise AWSError("InvalidParameterValue", f"User data is limited to {_USER_DATA_BYTES} bytes")
    return text


def _kept_user_data(text: str | None) -> tuple[str | None, list[str]]:
    """User data of a template, and what keeps a server from being launched with it.

    Source: github-aws-runners/terraform-aws-github-runner #3700 (the words); moto, a comment in a verified test (a
    template with any text is taken).
    """
    try:
        return checked_user_data(text), []
    except AWSError as found:
        if found.code == "InvalidUserData.Malformed":
            return None, ["UserData that is not BASE64"]
        raise AWSError("InvalidUserData.Malformed", f"User data is limited to {_USER_DATA_BYTES} bytes.") from found


def check_hops(options: Data) -> None:
    """Source: conformance/recorded templates/hop-limit-999 (the words)."""
    hops = options.get("HttpPutResponseHopLimit")
    if hops is not None and not 1 <= hops <= _MOST_HOPS:
        raise AWSError(
            "InvalidParameterValue",
            f"A value of \u2018{hops}\u2019 is not valid for http-put-response-hop-limit. Specify a value between 1 and"
            f" {_MOST_HOPS}, and try again.",
        )


def _short(prefix: str, text: str | None) -> str | None:
    # What is no id of ours is handed on as it is: it matches nothing, and the refusal names it.
    return None if not text else arns.short_of(prefix, text) or text


def _zone(placement: Data, zone_names: Mapping[str, str]) -> str | None:
    zone_id = placement.get("AvailabilityZoneId")
    if zone_id:
        return zone_names.get(zone_id, zone_id)
    return placement.get("AvailabilityZone") or None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _given(*names: str) -> Callable[[Data], Iterator[str]]:
    return lambda data: (name for name in names if data.get(name))


def _unsupported(data: Data, placement: Data, interfaces: Sequence[Data], *, of_template: bool) -> Iterator[str]:
    """Members with which no server can be launched here."""
    yield from _members(data)
    yield from (f"Placement.{name}" for name in _placement(placement))
    for index, interface in enumerate(interfaces):
        if index or interface.get("DeviceIndex") or interface.get("NetworkCardIndex"):
            yield "NetworkInterfaces (more than one)"
        yield from (f"NetworkInterfaces.{name}" for name in _interface(interface))
        if of_template and interface.get("NetworkInterfaceId"):
            yield "NetworkInterfaces.NetworkInterfaceId"


_MEMBERS: Final = _given(
    "KernelId",
    "RamDiskId",
    "ElasticGpuSpecifications",
    "ElasticInferenceAccelerators",
    "LicenseSpecifications",
    "SecondaryInterfaces",
    "Operator",
)
_PLACEMENT: Final = _given("Affinity", "HostId", "HostResourceGroupArn", "SpreadDomain")
_INTERFACE: Final = _given(
    "AssociateCarrierIpAddress",
    "Ipv4PrefixCount",
    "Ipv4Prefixes",
    "Ipv6AddressCount",
    "Ipv6Addresses",
    "Ipv6PrefixCount",
    "Ipv6Prefixes",
    "PrimaryIpv6",
    "SecondaryPrivateIpAddressCount",
)


def _members(data: Data) -> Iterator[str]:
    yield from _MEMBERS(data)
    market: Data = data.get("InstanceMarketOptions") or {}
    if market and market.get("MarketType") not in {"on-demand", "spot"}:
        yield "InstanceMarketOptions"
    spot: Data = market.get("SpotOptions") or {}
    if spot.get("SpotInstanceType") == "persistent":
        yield "InstanceMarketOptions.SpotOptions.SpotInstanceType"
    if spot.get("InstanceInterruptionBehavior") in {"stop", "hibernate"}:
        yield "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior"
    reservation: Data = data.get("CapacityReservationSpecification") or {}
    if reservation.get("CapacityReservationTarget"):
        yield "CapacityReservationSpecification.CapacityReservationTarget"
    if reservation.get("CapacityReservationPreference") == "capacity-reservations-only":
        yield "CapacityReservationSpecification.CapacityReservationPreference"
    if (data.get("HibernationOptions") or {}).get("Configured"):
        yield "HibernationOptions"
    if (data.get("EnclaveOptions") or {}).get("Enabled"):
        yield "EnclaveOptions"
    cpu: Data = data.get("CpuOptions") or {}
    yield from (f"CpuOptions.{name}" for name in ("AmdSevSnp", "NestedVirtualization") if cpu.get(name) == "enabled")


def _placement(placement: Data) -> Iterator[str]:
    yield from _PLACEMENT(placement)
    if placement.get("Tenancy") in {"dedicated", "host"}:
        yield "Tenancy"


def _interface(interface: Data) -> Iterator[str]:
    yield from _INTERFACE(interface)
    if len(interface.get("PrivateIpAddresses") or ()) > 1:
        yield "SecondaryPrivateIpAddresses"
    if (interface.get("InterfaceType") or "") not in _ALONE:
        yield "InterfaceType"
