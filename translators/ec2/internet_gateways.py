"""Internet gateways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from backend.services.network_reader import SeenGateway
from translators import arns
from translators.ec2 import actions, tag_words
from translators.ec2.networks import vpc_id
from translators.nouns import Asked, Noun
from translators.registry import Call, Result, operation


@dataclass(frozen=True, slots=True)
class _Gateway:
    seen: SeenGateway
    call: Call

    @property
    def id(self) -> str:
        return f"{arns.INTERNET_GATEWAY}-{self.seen.id}"


def _gateways(call: Call, asked: Asked) -> Iterable[_Gateway]:
    ids = actions.digits_named(asked, "InternetGatewayIds", actions.INTERNET_GATEWAY)
    return (_Gateway(each, call) for each in call.backend.networks.seen.gateways(call.scope, ids, fresh=asked.fresh))


def _attachments(each: _Gateway) -> list[dict[str, Any]]:
    vpc = each.seen.gateway.vpc_id
    return [] if vpc is None else [{"State": "available" if each.seen.ready else "attaching", "VpcId": vpc_id(vpc)}]


INTERNET_GATEWAYS: Final = Noun(
    answer="InternetGateways",
    items=_gateways,
    members={
        "InternetGatewayId": lambda each: each.id,
        "OwnerId": lambda each: each.call.account_id,
        "Attachments": _attachments,
    },
    order=lambda each: each.id,
    filters={
        "attachment.state": "Attachments.State",
        "attachment.vpc-id": "Attachments.VpcId",
        "internet-gateway-id": "InternetGatewayId",
        "owner-id": "OwnerId",
    },
    namings=(actions.by_ids("InternetGatewayIds", actions.INTERNET_GATEWAY, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id, told=tag_words.whole),
    aging=True,
    pages=actions.pages("InternetGatewayIds"),
)

actions.describes("DescribeInternetGateways", INTERNET_GATEWAYS)


@operation("ec2", "CreateInternetGateway")
def create(call: Call) -> Result:
    tags = tag_words.of_one(call.params.get("TagSpecifications"), "internet-gateway")
    actions.check_dry_run(call)
    made = _Gateway(SeenGateway(call.backend.routing.create_gateway(call.scope)), call)
    call.backend.resource_tags.put(call.scope, [made.id], tags)
    return {"InternetGateway": INTERNET_GATEWAYS.view(made) | tag_words.whole(tags)}


@operation("ec2", "DeleteInternetGateway")
def delete(call: Call) -> Result:
    digits = actions.digits_of(actions.INTERNET_GATEWAY, call.params["InternetGatewayId"])
    _dry(call)
    call.backend.routing.delete_gateway(call.scope, digits)
    call.backend.resource_tags.remove(call.scope, [call.params["InternetGatewayId"]], None)
    return {}


@operation("ec2", "AttachInternetGateway")
def attach(call: Call) -> Result:
    gateway, vpc = _both(call)
    call.backend.routing.attach_gateway(call.scope, gateway, vpc)
    return {}


@operation("ec2", "DetachInternetGateway")
def detach(call: Call) -> Result:
    gateway, vpc = _both(call)
    call.backend.routing.detach_gateway(call.scope, gateway, vpc)
    return {}


def _both(call: Call) -> tuple[str, str]:
    gateway = actions.digits_of(actions.INTERNET_GATEWAY, call.params["InternetGatewayId"])
    vpc = actions.digits_of(actions.NETWORK, call.params["VpcId"])
    _dry(call)
    return gateway, vpc


def _dry(call: Call) -> None:
    if call.params.get("DryRun"):
        INTERNET_GATEWAYS.of_ids(call, [call.params["InternetGatewayId"]])
        actions.check_dry_run(call)
