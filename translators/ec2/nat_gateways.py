"""NAT gateways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from backend.domain.addresses import NatGateway
from translators import arns
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.nouns import Asked, Noun
from translators.registry import Call, Result, operation


@dataclass(frozen=True, slots=True)
class _Gateway:
    gateway: NatGateway
    call: Call

    @property
    def id(self) -> str:
        return f"{arns.NAT_GATEWAY}-{self.gateway.id}"

    @property
    def state(self) -> str:
        return "available" if self.gateway.deleted_at is None else "deleted"


def _gateways(call: Call, asked: Asked) -> Iterable[_Gateway]:
    ids = actions.digits_named(asked, "NatGatewayIds", actions.NAT_GATEWAY)
    return (_Gateway(each, call) for each in call.backend.nat_gateways.list(call.scope, ids))


def _addresses(each: _Gateway) -> list[dict[str, Any]]:
    gateway = each.gateway
    told: dict[str, Any] = {
        "IsPrimary": True,
        "NetworkInterfaceId": f"{arns.INTERFACE}-{gateway.interface_id}",
        "PrivateIp": gateway.private_address,
        "Status": "succeeded",
    }
    if gateway.allocation_id is not None:
        told |= {
            "AllocationId": f"{arns.ELASTIC_ADDRESS}-{gateway.allocation_id}",
            "AssociationId": f"{arns.ELASTIC_ASSOCIATION}-{gateway.association_id}",
            "PublicIp": gateway.public_address,
        }
    return [told]


NAT_GATEWAYS: Final = Noun(
    answer="NatGateways",
    items=_gateways,
    members={
        "ConnectivityType": lambda each: "public" if each.gateway.allocation_id else "private",
        "CreateTime": lambda each: each.gateway.created_at,
        "DeleteTime": lambda each: each.gateway.deleted_at,
        "NatGatewayAddresses": _addresses,
        "NatGatewayId": lambda each: each.id,
        "State": lambda each: each.state,
        "SubnetId": lambda each: f"{arns.SUBNET}-{each.gateway.subnet}",
        "VpcId": lambda each: f"{arns.NETWORK}-{each.gateway.vpc}",
    },
    order=lambda each: each.id,
    filters={
        "connectivity-type": "ConnectivityType",
        "nat-gateway-id": "NatGatewayId",
        "state": "State",
        "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
    },
    namings=(actions.by_ids("NatGatewayIds", actions.NAT_GATEWAY, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id),
    pages=actions.pages("NatGatewayIds"),
)


def _describe(call: Call) -> Result:
    """This operation alone calls its filters Filter."""
    params = {**call.params, "Filters": call.params.get("Filter") or ()}
    return NAT_GATEWAYS.describe(replace(call, params=params))


actions.reads("DescribeNatGateways")(_describe)


@operation("ec2", "CreateNatGateway")
def create(call: Call) -> Result:
    params = call.params
    connectivity = params.get("ConnectivityType") or "public"
    if connectivity not in {"public", "private"}:
        raise _refused(f"Value ({connectivity[:64]}) for parameter connectivityType is invalid.")
    for member in ("SecondaryAllocationIds", "SecondaryPrivateIpAddresses", "SecondaryPrivateIpAddressCount"):
        if params.get(member):
            raise _unsupported(f"secondary addresses ({member})")
    if params.get("AvailabilityMode") not in {None, "", "zonal"} or params.get("AvailabilityZoneAddresses"):
        raise _unsupported("regional availability")
    if not params.get("SubnetId"):
        raise AWSError("MissingParameter", "The request must contain the parameter subnetId")
    subnet = actions.digits_of(actions.SUBNET, params["SubnetId"])
    given: str = params.get("AllocationId") or ""
    if connectivity == "public" and not given:
        raise AWSError("MissingParameter", "The request must contain the parameter allocationId")
    if connectivity == "private" and given:
        raise AWSError(  # unsourced
            "InvalidParameterCombination", "An allocation ID cannot be given for a private NAT gateway."
        )
    allocation = actions.digits_of(actions.ELASTIC_ADDRESS, given) if given else None
    tags = tag_words.of_one(params.get("TagSpecifications"), "natgateway")
    token = actions.client_token(call, 64)
    actions.check_dry_run(call)
    made = call.backend.nat_gateways.create(
        call.scope, subnet, allocation, params.get("PrivateIpAddress") or None, token
    )
    each = _Gateway(made, call)
    call.backend.resource_tags.put(call.scope, [each.id], tags)
    return {
        "NatGateway": NAT_GATEWAYS.view(each) | tag_words.member(tags),
        **({"ClientToken": token.value} if token else {}),
    }


@operation("ec2", "DeleteNatGateway")
def delete(call: Call) -> Result:
    given: str = call.params["NatGatewayId"]
    digits = actions.digits_of(actions.NAT_GATEWAY, given)
    if call.params.get("DryRun"):
        NAT_GATEWAYS.of_ids(call, [given])
        actions.check_dry_run(call)
    call.backend.nat_gateways.delete(call.scope, digits)
    call.backend.resource_tags.remove(call.scope, [given], None)
    return {"NatGatewayId": given}


def _refused(words: str) -> AWSError:
    return AWSError("InvalidParameterValue", words)


def _unsupported(what: str) -> AWSError:
    return AWSError("UnsupportedOperation", f"NAT gateways have no {what} here.")
