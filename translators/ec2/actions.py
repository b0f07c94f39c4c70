"""What EC2's operations have in common: dry runs, ids of one kind, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from backend.domain.token import ClientToken
from translators import arns, paging
from translators.errors import AWSError
from translators.nouns import Asked, Naming, Noun, Pages
from translators.registry import Call, Handler, Result, operation

T = TypeVar("T")


NOUNS: Final[dict[str, Noun[Any]]] = {}
"""What each operation describes that lists things."""


def describes(name: str, noun: Noun[Any], handler: Handler | None = None) -> None:
    """Register the operation that lists a noun; with a handler of its own, where the noun's does not do."""
    NOUNS[name] = noun
    reads(name)(handler or noun.describe)


def reads(name: str) -> Callable[[Handler], Handler]:
    """Register the answer to an EC2 operation that changes nothing: a dry run does it all, and tells that it can.

    So a dry run refuses what is named and does not exist, as EC2's does.
    """

    def register(handler: Handler) -> Handler:
        def answer(call: Call) -> Result:
            told = handler(call)
            check_dry_run(call)
            return told

        return operation("ec2", name)(answer)

    return register


def check_dry_run(call: Call) -> None:
    """Refuse what is only tried, once it is known that it would have been done."""
    if call.params.get("DryRun"):
        raise AWSError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)


@dataclass(frozen=True, slots=True)
class Kind:
    """How EC2 speaks of ids of one kind.

    Attributes:
        prefix: without the hyphen.
        malformed: code for a text that cannot be such an id.
        missing: code for an id of nothing.
        one, many: the words for one id of nothing and for several.
        misformed: the words for a text that cannot be such an id.
    """

    prefix: str
    malformed: str
    missing: str
    one: str
    many: str
    misformed: str = 'Invalid id: "{}" (expecting "{}-...")'


INSTANCE: Final = Kind(
    arns.INSTANCE,
    "InvalidInstanceID.Malformed",
    "InvalidInstanceID.NotFound",
    "The instance ID '{}' does not exist",
    "The instance IDs '{}' do not exist",
    # Source: ClusterLabs/fence-agents #29, bash-my-aws #149.
    'Invalid id: "{}"',
)
IMAGE: Final = Kind(
    arns.IMAGE,
    "InvalidAMIID.Malformed",
    "InvalidAMIID.NotFound",
    "The image id '[{}]' does not exist",
    "The image ids '[{}]' do not exist",
)
NETWORK: Final = Kind(
    arns.NETWORK,
    "InvalidVpcId.Malformed",
    "InvalidVpcID.NotFound",
    "The vpc ID '{}' does not exist",
    "The vpc IDs '{}' do not exist",
)
SUBNET: Final = Kind(
    arns.SUBNET,
    "InvalidSubnetId.Malformed",
    "InvalidSubnetID.NotFound",
    "The subnet ID '{}' does not exist",
    "The subnet IDs '{}' do not exist",
)
INTERNET_GATEWAY: Final = Kind(
    arns.INTERNET_GATEWAY,
    "InvalidInternetGatewayId.Malformed",
    "InvalidInternetGatewayID.NotFound",
    "The internetGateway ID '{}' does not exist",
    "The internetGateway IDs '{}' do not exist",
)
ROUTE_TABLE: Final = Kind(
    arns.ROUTE_TABLE,
    "InvalidRouteTableId.Malformed",
    "InvalidRouteTableID.NotFound",
    "The routeTable ID '{}' does not exist",
    "The routeTable IDs '{}' do not exist",
)
ROUTE_ASSOCIATION: Final = Kind(
    arns.ROUTE_ASSOCIATION,
    "InvalidRouteTableAssociationId.Malformed",
    "InvalidAssociationID.NotFound",
    "The association ID '{}' does not exist",
    "The association IDs '{}' do not exist",
)
NETWORK_ACL: Final = Kind(
    arns.NETWORK_ACL,
    "InvalidNetworkAclId.Malformed",
    "InvalidNetworkAclID.NotFound",
    "The networkAcl ID '{}' does not exist",
    "The networkAcl IDs '{}' do not exist",
)
ACL_ASSOCIATION: Final = Kind(
    arns.ACL_ASSOCIATION,
    "InvalidNetworkAclAssociationId.Malformed",
    "InvalidAssociationID.NotFound",
    "The association ID '{}' does not exist",
    "The association IDs '{}' do not exist",
)
DHCP_OPTIONS: Final = Kind(
    arns.DHCP_OPTIONS,
    "InvalidDhcpOptionsId.Malformed",
    "InvalidDhcpOptionID.NotFound",
    "The dhcpOption ID '{}' does not exist",
    "The dhcpOption IDs '{}' do not exist",
)
CIDR_ASSOCIATION: Final = Kind(
    arns.ADDRESS_ASSOCIATION,
    "InvalidVpcCidrBlockAssociationId.Malformed",
    "InvalidVpcCidrBlockAssociationID.NotFound",
    "The vpc CIDR block association ID '{}' does not exist",
    "The vpc CIDR block association IDs '{}' do not exist",
)
SECURITY_GROUP: Final = Kind(
    arns.SECURITY_GROUP,
    "InvalidGroupId.Malformed",
    "InvalidGroup.NotFound",
    "The security group '{}' does not exist",
    "The security groups '{}' do not exist",
)
SECURITY_GROUP_RULE: Final = Kind(
    arns.SECURITY_GROUP_RULE,
    "InvalidSecurityGroupRuleId.Malformed",
    "InvalidSecurityGroupRuleId.NotFound",
    "The security group rule ID '{}' does not exist",
    "The security group rule IDs '{}' do not exist",
)
VOLUME: Final = Kind(
    arns.VOLUME,
    "InvalidVolumeID.Malformed",
    "InvalidVolume.NotFound",
    "The volume '{}' does not exist.",
    "The volumes '{}' do not exist.",
)
SNAPSHOT: Final = Kind(
    arns.SNAPSHOT,
    "InvalidSnapshotID.Malformed",
    # Source: recorded c7n/ec2.DescribeSnapshots/test_ami_deregister_delete_snap.
    "InvalidSnapshot.NotFound",
    "The snapshot '{}' does not exist.",
    "The snapshots '{}' do not exist.",
)
INTERFACE: Final = Kind(
    arns.INTERFACE,
    "InvalidNetworkInterfaceId.Malformed",
    "InvalidNetworkInterfaceID.NotFound",
    "The networkInterface ID '{}' does not exist",
    "The networkInterface IDs '{}' do not exist",
)
ELASTIC_ADDRESS: Final = Kind(
    arns.ELASTIC_ADDRESS,
    "InvalidAllocationID.Malformed",  # unsourced
    "InvalidAllocationID.NotFound",
    "The allocation ID '{}' does not exist",
    "The allocation IDs '{}' do not exist",
)
ELASTIC_ASSOCIATION: Final = Kind(
    arns.ELASTIC_ASSOCIATION,
    "InvalidAssociationID.Malformed",  # unsourced
    "InvalidAssociationID.NotFound",
    "The association ID '{}' does not exist",
    "The association IDs '{}' do not exist",
)
INTERFACE_ATTACHMENT: Final = Kind(
    arns.INTERFACE_ATTACHMENT,
    "InvalidAttachmentID.Malformed",  # unsourced
    "InvalidAttachmentID.NotFound",
    "The attachment ID '{}' does not exist",
    "The attachment IDs '{}' do not exist",
)
NAT_GATEWAY: Final = Kind(
    arns.NAT_GATEWAY,
    "NatGatewayMalformed",
    "NatGatewayNotFound",
    "The Nat Gateway {} was not found",
    "The Nat Gateways {} were not found",
)
ROUTED_NAT_GATEWAY: Final = Kind(
    arns.NAT_GATEWAY,
    "InvalidNatGatewayID.Malformed",  # unsourced
    "InvalidNatGatewayID.NotFound",
    "The natGateway ID '{}' does not exist",
    "The natGateway IDs '{}' do not exist",
)
"""As operations of routes speak of it."""
KEY_PAIR: Final = Kind(
    arns.KEY_PAIR,
    # Source: radkawar/stackd testdata/aws/ec2/key_pairs.json, of a malformed id and of one of nothing.
    "InvalidParameterValue",
    "InvalidParameterValue",
    "Invalid value '{}' for keyPairId.",
    "Invalid value '{}' for keyPairId.",
    "Invalid value '{}' for keyPairId.",
)
PLACEMENT_GROUP: Final = Kind(
    arns.PLACEMENT_GROUP,
    "InvalidPlacementGroupId.Malformed",
    "InvalidPlacementGroup.Unknown",
    "The Placement Group '{}' is unknown.",
    "The Placement Groups '{}' are unknown.",
)
PREFIX_LIST: Final = Kind(
    arns.PREFIX_LIST,
    "InvalidPrefixListID.Malformed",  # unsourced
    "InvalidPrefixListID.NotFound",
    "The prefix list ID '{}' does not exist",
    "The prefix list IDs '{}' do not exist",
)
ONE_PREFIX_LIST: Final = Kind(
    arns.PREFIX_LIST,
    "InvalidPrefixListID.Malformed",  # unsourced
    "InvalidPrefixListID.NotFound",
    # Source: aws/aws-application-networking-k8s #172.
    "The prefix list ({}) does not exist.",
    "The prefix lists ({}) do not exist.",
)
"""As operations of one list speak of it."""
TEMPLATE: Final = Kind(
    arns.TEMPLATE,
    "InvalidLaunchTemplateId.Malformed",
    "InvalidLaunchTemplateId.NotFound",
    "The specified launch template, with template ID {}, does not exist.",
    "The specified launch templates, with template IDs {}, do not exist.",
    # Source: radkawar/stackd, recorded September 2026.
    "The following launch template ids are malformed: {}",
)


def check_forms(kind: Kind, ids: Iterable[str]) -> None:
    """Refuse texts that cannot be ids of the kind."""
    for each in ids:
        if not arns.is_well_formed(kind.prefix, each):
            raise AWSError(kind.malformed, kind.misformed.format(each, kind.prefix))


def not_found(kind: Kind, ids: Sequence[str]) -> AWSError:
    words = kind.one if len(ids) == 1 else kind.many
    return AWSError(kind.missing, words.format(", ".join(ids)))


def digits_of(kind: Kind, given: str) -> str:
    """The digits that an id of the kind carries.

    Raises:
        AWSError: the text can be no such id, or is one of those that are of nothing here.
    """
    check_forms(kind, [given])
    digits = arns.short_of(kind.prefix, given)
    if digits is None:
        raise not_found(kind, [given])
    return digits


def digits_named(asked: Asked, member: str, kind: Kind) -> list[str] | None:
    """The digits of the ids that are asked for, None where all things are meant."""
    given = asked.named.get(member)
    return None if given is None else [arns.short_of(kind.prefix, each) or "" for each in given]


def by_ids(member: str, kind: Kind, of: Callable[[T], str]) -> Naming[T]:
    """Things named by ids."""
    return Naming(member, of, partial(not_found, kind), partial(check_forms, kind))


def by_names(member: str, of: Callable[[T], str], code: str, one: str, many: str = "") -> Naming[T]:
    """Things named by names; ``one`` and ``many`` are the words for what does not exist, with a place for the names.

    Without words for many, the first of them is told.
    """

    def missing(names: Sequence[str]) -> AWSError:
        if len(names) == 1 or not many:
            return AWSError(code, one.format(names[0]))
        return AWSError(code, many.format(", ".join(names)))

    return Naming(member, of, missing)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What ``MaxResults`` may be; ``default`` is a page's length where it is not given, None for everything at once.

    ``below`` is said of too small a number; it differs by operation.
    """

    least: int = 5
    most: int = 1000
    default: int | None = None
    below: str = ""


USUAL: Final = Bounds()
OF_INSTANCES: Final = Bounds(below="greater than 5")
"""DescribeInstances takes 5, too. Source: turbot/steampipe-plugin-aws, an issue with a request id."""

# The set that EC2 names where ids and a page's length are given; the others are made of the member's name.
_SETS: Final = {"InstanceIds": "instancesSet"}


def pages(member: str, bounds: Bounds = USUAL) -> Pages[Any]:
    """Pages of a list as ``page`` cuts them."""
    return lambda call, items, key: page(call, member, items, key, bounds)


def page(
    call: Call, member: str, items: Sequence[T], key: Callable[[T], Any], bounds: Bounds = USUAL
) -> tuple[Sequence[T], dict[str, Any]]:
    """A page of a list, and the answer's ``NextToken`` where more follow.

    Args:
        member: the input member with explicit ids, which excludes paging; empty where there is none.
        items: all of them, in the order of ``key``.
        key: what an item is ordered by; a JSON value, unique, comparable.
    """
    asked: int | None = call.params.get("MaxResults")
    token: str | None = call.params.get("NextToken")
    if asked is not None:
        check_bounds(asked, bounds)
        if member and call.params.get(member):
            shown = _SETS.get(member, f"{member[0].lower()}{member[1:-1]}Set")
            raise AWSError(
                "InvalidParameterCombination", f"The parameter {shown} cannot be used with the parameter maxResults"
            )
    limit = asked or bounds.default
    mark = paging.binding(call)
    if token:
        after = paging.decode(token, call.operation, mark, "ec2", like=key(items[0]) if items else "")
        items = [item for item in items if key(item) > after]
    if limit is None or len(items) <= limit:
        return items, {}
    return items[:limit], {"NextToken": paging.encode(call.operation, key(items[limit - 1]), mark)}


def check_bounds(asked: int, bounds: Bounds) -> None:
    """Refuse a page's length out of bounds."""
    if asked < bounds.least:
        raise AWSError(
            "InvalidParameterValue",
            f"Value ( {asked} ) for parameter maxResults is invalid. "
            f"Expecting a value {bounds.below or f'greater than or equal to {bounds.least}'}.",
        )
    if asked > bounds.most:
        raise AWSError(  # unsourced
            "InvalidParameterValue",
            f"Value ( {asked} ) for parameter maxResults is invalid. Expecting a value less than or equal to "
            f"{bounds.most}.",
        )


def client_token(call: Call, longest: int = 128) -> ClientToken | None:
    """The request's client token, None where it has none or an empty one.

    Raises:
        AWSError: longer than the operation takes.
    """
    value: str = call.params.get("ClientToken") or ""
    if not value:
        return None
    if len(value) > longest or not value.isascii():
        raise AWSError(  # unsourced
            "InvalidParameterValue",
            f"Value ({value[:longest]}) for parameter clientToken is invalid. "
            f"A client token must be at most {longest} ASCII characters.",
        )
    return ClientToken(call.operation, value, paging.fingerprint(call))
