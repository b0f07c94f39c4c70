"""What clients look for beside a VPC and no cloud of ours has: endpoints, AWS's prefix lists, peerings; empty lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from translators.ec2 import actions, tag_words
from translators.filters import never
from translators.nouns import Noun, Tagging


def _id(thing: Any) -> str:
    return str(thing)


def _empty(answer: str, ids: str, kind: actions.Kind, filters: Sequence[str], *, tagged: bool) -> Noun[Any]:
    tagging: Tagging[Any] | None = tag_words.kept(_id) if tagged else None
    return Noun(
        answer=answer,
        items=lambda _call, _asked: (),
        members={},
        order=_id,
        filters=never(*filters),
        namings=(actions.by_ids(ids, kind, _id),),
        tagging=tagging,
        pages=actions.pages(ids),
    )


def _kind(prefix: str, code: str, noun: str) -> actions.Kind:
    return actions.Kind(
        prefix,
        f"{code}.Malformed",
        f"{code}.NotFound",
        f"The {noun} '{{}}' does not exist",
        f"The {noun}s '{{}}' do not exist",
    )


_ENDPOINTS: Final = (
    *("ip-address-type", "service-name", "service-region", "vpc-id"),
    *("vpc-endpoint-id", "vpc-endpoint-state", "vpc-endpoint-type"),
)
_PEERINGS: Final = (
    *(f"{side}-vpc-info.{what}" for side in ("accepter", "requester") for what in ("cidr-block", "owner-id", "vpc-id")),
    *("expiration-time", "status-code", "status-message", "vpc-peering-connection-id"),
)

actions.describes(
    "DescribeVpcEndpoints",
    _empty(
        "VpcEndpoints",
        "VpcEndpointIds",
        _kind("vpce", "InvalidVpcEndpointId", "Vpc Endpoint Id"),
        _ENDPOINTS,
        tagged=True,
    ),
)
actions.describes(
    "DescribePrefixLists",
    _empty("PrefixLists", "PrefixListIds", actions.PREFIX_LIST, ("prefix-list-id", "prefix-list-name"), tagged=False),
)
actions.describes(
    "DescribeVpcPeeringConnections",
    _empty(
        "VpcPeeringConnections",
        "VpcPeeringConnectionIds",
        _kind("pcx", "InvalidVpcPeeringConnectionID", "vpcPeeringConnection ID"),
        _PEERINGS,
        tagged=True,
    ),
)
actions.describes(
    "DescribeEgressOnlyInternetGateways",
    _empty(
        "EgressOnlyInternetGateways",
        "EgressOnlyInternetGatewayIds",
        _kind("eigw", "InvalidEgressOnlyInternetGatewayId", "egress only internet gateway ID"),
        (),
        tagged=True,
    ),
)
