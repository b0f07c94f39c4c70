"""The engine's findings in EC2's codes and words.

Source: Amazon EC2 API Reference, "Error codes"; the texts are those of the real service where one is known.
"""

from __future__ import annotations

from typing import Final

from backend import errors
from backend.domain import (
    address_findings,
    image_findings,
    key_pair_findings,
    launch_findings,
    network_findings,
    security_group_findings,
    server_findings,
    volume_findings,
)
from backend.domain.ids import is_short_id
from backend.domain.prefix_lists import PREFIX
from translators import arns
from translators.ec2 import network_errors, prefix_list_errors
from translators.errors import AWSError, Row, register

_LIMITS: Final = {
    "volumes": ("VolumeLimitExceeded", "You have exceeded your maximum number of volumes."),
    "snapshots": ("SnapshotLimitExceeded", "You have exceeded your maximum number of snapshots."),
    "tags": ("TagLimitExceeded", "You have reached the maximum number of tags allowed on a single resource."),
    "templates": ("LaunchTemplateLimitExceeded", "You have reached the limit of launch templates in this region."),
    "template_versions": (
        "VersionLimitExceeded",
        "You have reached the limit of versions for this launch template.",
    ),
    "floatingips": ("AddressLimitExceeded", "The maximum number of addresses has been reached."),
    "ports": ("NetworkInterfaceLimitExceeded", "You have reached the limit of network interfaces."),  # unsourced
    "nat_gateways": (
        "NatGatewayLimitExceeded",
        "The maximum number of NAT Gateways has been reached.",
    ),
    "security_groups": (  # unsourced
        "SecurityGroupLimitExceeded",
        "The maximum number of security groups has been reached.",
    ),
    "prefix_lists": ("PrefixListLimitExceeded", "The maximum number of prefix lists has been reached."),  # unsourced
    "security_group_rules": (  # Source: awsdocs/amazon-vpc-user-guide #72, aws/res #27
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
    ),
}
QUOTA_CODES: Final = {
    "instances": "InstanceLimitExceeded",
    "server_groups": "PlacementGroupLimitExceeded",
    "server_group_members": "InstanceLimitExceeded",
    "ports": "NetworkInterfaceLimitExceeded",
    "volumes": "VolumeLimitExceeded",
    "gigabytes": "VolumeLimitExceeded",
    "snapshots": "SnapshotLimitExceeded",
    "floatingips": "AddressLimitExceeded",
    "security_groups": "SecurityGroupLimitExceeded",
    "security_group_rules": "RulesPerSecurityGroupLimitExceeded",
    "address_groups": "PrefixListLimitExceeded",
    "routers": "VpcLimitExceeded",
    "networks": "SubnetLimitExceeded",
    "subnets": "SubnetLimitExceeded",
}
_NOUNS: Final = {
    "cores": "vCPU capacity",
    "server_groups": "placement groups",
    "server_group_members": "instances in one placement group",
    "floatingips": "addresses",
    "security_groups": "security groups",
    "security_group_rules": "security group rules",
    "address_groups": "prefix lists that rules name",
    "routers": "VPCs",
    "networks": "subnets",
}
_UUID_LENGTH: Final = 36
_INCOMPLETE: Final = {"image": "ImageId", "instance_type": "InstanceType"}


def _shown(prefix: str, reference: str) -> str:
    """A thing as the caller wrote it: the engine knows short ids and uuids, and texts that were never an id."""
    if is_short_id(reference) or len(reference) == _UUID_LENGTH:
        return arns.resource_id(prefix, reference)
    return reference


def _unavailable(_: errors.Finding) -> AWSError:
    return AWSError("Unavailable", "The server is overloaded and can't handle the request.", 503)  # unsourced


def _template_not_found(found: launch_findings.TemplateNotFound) -> AWSError:
    if found.id is not None:
        shown = _shown(arns.TEMPLATE, found.id)
        return AWSError(
            "InvalidLaunchTemplateId.NotFound",
            f"The specified launch template, with template ID {shown}, does not exist.",
        )
    return AWSError(
        "InvalidLaunchTemplateName.NotFoundException",
        f"The specified launch template, with template name {found.name}, does not exist.",
    )


def volume_too_small(found: volume_findings.VolumeTooSmall) -> AWSError:
    """Source: scylladb/scylla-machine-image #2484, aws/karpenter #3302; of a disk of nothing no words are known."""
    if found.snapshot is None:
        words = f"Volume of {found.size}GiB is too small; minimum is {found.least}GiB."
        return AWSError("InvalidParameterValue", words)  # unsourced
    snapshot = arns.resource_id(arns.SNAPSHOT, found.snapshot)
    return AWSError(
        "InvalidBlockDeviceMapping",
        f"Volume of size {found.size}GB is smaller than snapshot '{snapshot}', expect size >= {found.least}GB",
    )


def _limit(found: errors.LimitExceeded) -> AWSError:
    code, words = _LIMITS.get(found.what, ("ResourceLimitExceeded", "You have reached a limit of your account."))
    return AWSError(code, words)


def _quota(found: errors.QuotaExceeded) -> AWSError:
    code = QUOTA_CODES.get(found.resource, "VcpuLimitExceeded")
    noun = _NOUNS.get(found.resource, found.resource)
    limit = f" of {found.limit}" if found.limit >= 0 else ""
    return AWSError(  # unsourced
        code,
        f"You have requested more {noun} than your current {noun} limit{limit} allows. "
        "Please contact the operator of your cloud to have the limit raised.",
    )


def _conflict(found: server_findings.ServerConflict) -> AWSError:
    return AWSError(  # unsourced
        "IncorrectInstanceState",
        f"The instance '{_shown(arns.INSTANCE, found.server)}' is not in a state from which this can be done.",
    )


def _volume_busy(found: volume_findings.VolumeConflict) -> AWSError:
    shown = _shown(arns.VOLUME, found.volume)
    state = f" is in the '{found.state}' state" if found.state else " is in a state from which this cannot be done"
    return AWSError("IncorrectState", f"Volume '{shown}'{state}. {found.detail}".rstrip())


_PROTECTIONS: Final = {"protected": "disableApiTermination", "kept_running": "disableApiStop"}


def _protected(found: server_findings.ServerProtected) -> AWSError:
    """Source: recorded c7n/ec2.StopInstances/error-test_ec2_stop_with_protection_enabled; go-to-k/cdkd #799."""
    done = "stopped" if found.stop else "terminated"
    attribute = "disableApiStop" if found.kept_running else "disableApiTermination"
    return AWSError(
        "OperationNotPermitted",
        f"The instance '{_shown(arns.INSTANCE, found.server)}' may not be {done}. Modify its"
        f" '{attribute}' instance attribute and try again.",
    )


def _no_network(found: launch_findings.NetworkMissing) -> AWSError:
    if found.zone:
        return AWSError("MissingInput", f"No default subnet for availability zone: '{found.zone}'.")  # unsourced
    return AWSError("VPCIdNotSpecified", "No default VPC for this user")  # unsourced


def _group(found: security_group_findings.SecurityGroupNotFound) -> str:
    return found.group if found.named else _shown(arns.SECURITY_GROUP, found.group)


def _rule_exists(found: security_group_findings.GroupRuleExists) -> AWSError:
    """Source: cloud-custodian, a recorded answer for TCP; of other protocols the words follow it."""
    plain = "/" in found.peer or found.peer.startswith(PREFIX)
    peer = found.peer if plain else f"{arns.SECURITY_GROUP}-{found.peer}"
    if found.protocol == "-1":
        what = "ALL"
    elif found.protocol in {"tcp", "udp"}:
        what = f"{found.protocol.upper()}, from port: {found.from_port}, to port: {found.to_port}"
    elif found.protocol.startswith("icmp"):
        what = f"{found.protocol.upper()}, type: {found.from_port}, code: {found.to_port}"  # unsourced
    else:
        what = found.protocol
    return AWSError("InvalidPermission.Duplicate", f'the specified rule "peer: {peer}, {what}, ALLOW" already exists')


def iam_profile_words(name: str, *, empty: bool) -> str:
    """Why an instance profile cannot be had.

    Source: hashicorp/terraform-provider-aws internal/service/ec2/ec2_instance.go, which retries on these words.
    """
    if empty:
        return f'IAM Instance Profile "{name}" has no associated IAM Roles'
    kind = "arn" if name.startswith("arn:") else "name"
    return f"Value ({name}) for parameter iamInstanceProfile.{kind} is invalid. Invalid IAM Instance Profile {kind}"


TABLE: Final[dict[type[Exception], Row]] = {
    **network_errors.TABLE,
    **prefix_list_errors.TABLE,
    errors.CloudNotReached: _unavailable,
    errors.StoreUnavailable: _unavailable,
    errors.StaleRead: _unavailable,
    errors.OutcomeUnclear: lambda _: AWSError(  # unsourced
        "InternalError", "An internal error has occurred; the request may or may not have had an effect.", 500
    ),
    errors.RegionNotOpened: lambda found: AWSError(
        "OptInRequired",
        # Source: github.com/Appliscale/cloud-security-audit/issues/24, of a region that was not in use; why is ours.
        "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe. " + found.detail,
        401,
    ),
    errors.NotPermitted: lambda found: AWSError(
        "UnauthorizedOperation", f"You are not authorized to perform this operation. {found.detail}".rstrip(), 403
    ),
    errors.CloudRefused: lambda found: AWSError(
        "OperationNotPermitted", found.detail or "The cloud refused the request."
    ),
    launch_findings.TemplateNotFound: _template_not_found,
    launch_findings.TemplateExists: lambda _: AWSError(  # unsourced
        "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use."
    ),
    launch_findings.TemplateVersionNotFound: lambda found: AWSError(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version {found.version} for the launch template with ID "
        f"{_shown(arns.TEMPLATE, found.id)}.",
    ),
    errors.TokenReused: lambda _: AWSError(  # unsourced
        "IdempotentParameterMismatch",
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
    ),
    # Source: conformance/recorded templates/...
    errors.TokenUsed: lambda _: AWSError(
        "IdempotentParameterMismatch", "The specified client token has already been used before."
    ),
    launch_findings.TemplateDefaultVersionKept: lambda _: AWSError(
        "InvalidParameterValue",
        "The default version cannot be deleted. Either specify another version as default or delete the launch"
        " template.",
    ),
    volume_findings.VolumeTooSmall: volume_too_small,
    volume_findings.NoVolumes: lambda _: AWSError(  # unsourced
        "UnsupportedOperation", "This cloud has no block storage: there are no volumes but the disks of instances."
    ),
    volume_findings.VolumeNotFound: lambda found: AWSError(
        "InvalidVolume.NotFound", f"The volume '{_shown(arns.VOLUME, found.volume)}' does not exist."
    ),
    volume_findings.VolumeConflict: _volume_busy,
    volume_findings.VolumeAttached: lambda found: AWSError(
        "VolumeInUse",
        f"Volume {_shown(arns.VOLUME, found.volume)} is currently attached to {_shown(arns.INSTANCE, found.server)}",
    ),
    volume_findings.VolumeNotAttached: lambda found: AWSError(
        "IncorrectState", f"Volume '{_shown(arns.VOLUME, found.volume)}' is in the 'available' state."
    ),
    volume_findings.VolumeElsewhere: lambda found: AWSError(
        "InvalidVolume.ZoneMismatch",
        f"The volume '{_shown(arns.VOLUME, found.volume)}' is not in the same availability zone as instance "
        f"'{_shown(arns.INSTANCE, found.server)}'",
    ),
    volume_findings.VolumeShrinks: lambda _: AWSError(
        "InvalidParameterValue", "New size cannot be smaller than existing size"
    ),
    volume_findings.SnapshotNotFound: lambda found: AWSError(
        "InvalidSnapshot.NotFound", f"The snapshot '{_shown(arns.SNAPSHOT, found.snapshot)}' does not exist."
    ),
    volume_findings.SnapshotInUse: lambda found: AWSError(
        "InvalidSnapshot.InUse",
        f"The snapshot {_shown(arns.SNAPSHOT, found.snapshot)} is currently in use by {arns.image_id(found.image)}",
    ),
    errors.TokenSpent: lambda _: AWSError(  # unsourced
        "IdempotentInstanceTerminated",
        "The request to launch an instance has the same client token as a previous request for which the instance "
        "has been terminated.",
    ),
    image_findings.ImageNotFound: lambda found: AWSError(
        "InvalidAMIID.NotFound", f"The image id '[{_shown(arns.IMAGE, found.image)}]' does not exist"
    ),
    launch_findings.TypeNotFound: lambda found: AWSError(  # unsourced
        "InvalidParameterValue", f"Invalid value '{found.type}' for InstanceType."
    ),
    launch_findings.TypeNotSupported: lambda found: AWSError(  # unsourced
        "InvalidParameterValue",
        f"The architecture of the specified instance type '{found.type}' does not match the architecture "
        f"'{found.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching "
        "architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the "
        "architecture of the instance type or AMI.",
    ),
    key_pair_findings.KeyPairNotFound: lambda found: AWSError(
        "InvalidKeyPair.NotFound", f"The key pair '{found.name}' does not exist"
    ),
    security_group_findings.SecurityGroupNotFound: lambda found: AWSError(
        "InvalidGroup.NotFound", f"The security group '{_group(found)}' does not exist"
    ),
    network_findings.NetworkUnknown: lambda found: (
        AWSError("InvalidVpcID.NotFound", f"The vpc ID '{_shown(arns.NETWORK, found.network)}' does not exist")
        if found.network
        else AWSError("VPCIdNotSpecified", "No default VPC for this user")  # unsourced
    ),
    security_group_findings.SecurityGroupExists: lambda found: AWSError(
        "InvalidGroup.Duplicate",
        f"The security group '{found.name}' already exists for VPC '{_shown(arns.NETWORK, found.network)}'",
    ),
    security_group_findings.SecurityGroupInUse: lambda found: AWSError(
        "DependencyViolation", f"resource {_shown(arns.SECURITY_GROUP, found.group)} has a dependent object"
    ),
    security_group_findings.SecurityGroupKept: lambda found: AWSError(
        "CannotDelete",
        f'the specified group: "{_shown(arns.SECURITY_GROUP, found.group)}" name: "{found.name}" cannot be deleted by '
        "a user",
    ),
    security_group_findings.GroupRuleExists: _rule_exists,
    security_group_findings.GroupRuleMissing: lambda _: AWSError(
        "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
    ),
    security_group_findings.GroupRulesUnknown: lambda found: AWSError(
        "InvalidSecurityGroupRuleId.NotFound",
        f"The security group rule ID '{arns.SECURITY_GROUP_RULE}-{found.rules[0]}' does not exist",
    ),
    # Source: conformance/recorded key_pairs*.
    key_pair_findings.KeyPairExists: lambda _: AWSError("InvalidKeyPair.Duplicate", "The keypair already exists"),
    key_pair_findings.KeyPairNotPublic: lambda _: AWSError(
        "InvalidKey.Format", "Key is not in valid OpenSSH public key format"
    ),
    server_findings.PartitionNotFound: lambda found: AWSError(  # unsourced
        "InvalidParameterValue",
        f"Value ({found.partition}) for parameter partitionNumber is invalid. "
        "The placement group has no partition of that number.",
    ),
    server_findings.ServerGroupNotFound: lambda found: AWSError(  # unsourced
        "InvalidPlacementGroup.Unknown",
        f"The Placement Group '{_shown(arns.PLACEMENT_GROUP, found.group)}' is unknown.",
    ),
    server_findings.ServerGroupExists: lambda found: AWSError(  # unsourced
        "InvalidPlacementGroup.Duplicate", f"The placement group '{found.name}' already exists."
    ),
    server_findings.ServerGroupInUse: lambda found: AWSError(  # unsourced
        "InvalidPlacementGroup.InUse", f"The placement group '{found.name}' is in use and may not be deleted."
    ),
    launch_findings.SubnetNotFound: lambda found: AWSError(
        "InvalidSubnetID.NotFound", f"The subnet ID '{_shown(arns.SUBNET, found.subnet)}' does not exist"
    ),
    network_findings.NoAddresses: lambda _: AWSError(  # unsourced
        "InsufficientFreeAddressesInSubnet", "There are not enough free addresses in the subnet to satisfy the request."
    ),
    network_findings.AddressTaken: lambda _: AWSError("InvalidIPAddress.InUse", "Address is in use."),  # unsourced
    network_findings.AddressUnfit: lambda _: AWSError(  # unsourced
        "InvalidParameterValue", "Address does not fall within the subnet's address range"
    ),
    launch_findings.NetworkMissing: _no_network,
    # unsourced
    launch_findings.ZoneNotFound: lambda found: AWSError(
        "InvalidParameterValue", f"Invalid availability zone: [{found.zone}]"
    ),
    launch_findings.ZonesMismatch: lambda found: AWSError(  # unsourced
        "InvalidParameterCombination",
        f"The subnet is not in the availability zone '{', '.join(found.zones)}' that was requested.",
    ),
    launch_findings.ProfileIncomplete: lambda found: AWSError(
        "MissingParameter", f"The request must contain the parameter {_INCOMPLETE.get(found.missing, found.missing)}"
    ),
    launch_findings.IamProfileNotFound: lambda found: AWSError(
        "InvalidParameterValue", iam_profile_words(found.name, empty=found.empty)
    ),
    launch_findings.LaunchUnsupported: lambda found: AWSError(  # unsourced
        "Unsupported",
        f"The requested configuration is currently not supported: {found.member} has no meaning on this cloud.",
    ),
    launch_findings.NoCapacity: lambda found: AWSError(  # unsourced
        "InsufficientInstanceCapacity",
        f"We currently do not have sufficient {found.type} capacity in the Availability Zone you requested "
        f"({found.zone}). Our system will be working on provisioning additional capacity.",
        500,
    ),
    errors.QuotaExceeded: _quota,
    errors.LimitExceeded: _limit,
    server_findings.ServerUnknown: lambda found: AWSError(  # unsourced
        "InvalidInstanceID.NotFound", f"The instance ID '{_shown(arns.INSTANCE, found.server)}' does not exist"
    ),
    server_findings.ServerConflict: _conflict,
    server_findings.ServerProtected: _protected,
}


def _busy(found: address_findings.AddressBusy) -> AWSError:
    return AWSError(
        "Resource.AlreadyAssociated",
        f"resource {arns.ELASTIC_ADDRESS}-{found.id} is already associated with associate-id "
        f"{arns.ELASTIC_ASSOCIATION}-{found.association_id}",
    )


TABLE.update(
    {
        address_findings.AllocationMissing: lambda found: AWSError(
            "InvalidAllocationID.NotFound", f"The allocation ID '{arns.ELASTIC_ADDRESS}-{found.id}' does not exist"
        ),
        address_findings.AssociationMissing: lambda found: AWSError(
            "InvalidAssociationID.NotFound",
            f"The association ID '{arns.ELASTIC_ASSOCIATION}-{found.id}' does not exist",
        ),
        address_findings.AddressBusy: _busy,
        address_findings.AddressInUse: lambda found: AWSError(  # unsourced
            "InvalidIPAddress.InUse", f"Address {found.address} is in use."
        ),
        address_findings.InterfaceMissing: lambda found: AWSError(
            "InvalidNetworkInterfaceID.NotFound",
            f"The networkInterface ID '{arns.INTERFACE}-{found.id}' does not exist",
        ),
        address_findings.InterfaceInUse: lambda found: AWSError(
            "InvalidParameterValue", f"Network interface '{arns.INTERFACE}-{found.id}' is currently in use."
        ),
        # Source: hashicorp/terraform #2998.
        address_findings.IndexTaken: lambda found: AWSError(
            "InvalidParameterValue",
            f"Instance '{arns.instance_id(found.server)}' already has an interface attached at device index"
            f" '{found.index}'.",
        ),
        address_findings.InterfaceManaged: lambda _: AWSError(
            "AuthFailure", "You do not have permission to access the specified resource."
        ),
        address_findings.AttachmentMissing: lambda found: AWSError(
            "InvalidAttachmentID.NotFound",
            f"The attachment ID '{arns.INTERFACE_ATTACHMENT}-{found.id}' does not exist",
        ),
        address_findings.GatewayMissing: lambda found: AWSError(
            "NatGatewayNotFound", f"The Nat Gateway {arns.NAT_GATEWAY}-{found.id} was not found"
        ),
        address_findings.NoWayOut: lambda found: AWSError(
            "Gateway.NotAttached", f"Network {arns.NETWORK}-{found.vpc} has no Internet gateway attached"
        ),
    }
)


register("ec2", TABLE)
