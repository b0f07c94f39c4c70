"""DHCP options. The servers of names among them are what subnets hand out; the rest is kept and told again."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.networks import DhcpOptions
from backend.services.network_reader import regions_own
from translators import arns
from translators.ec2 import actions, tag_words
from translators.errors import AWSError
from translators.nouns import Asked, Noun
from translators.registry import Call, Result, operation

_KEYS: Final = {
    "domain-name",
    "domain-name-servers",
    "ntp-servers",
    "netbios-name-servers",
    "netbios-node-type",
    "ipv6-address-preferred-lease-time",
}
_ADDRESSES: Final = {"domain-name-servers", "ntp-servers", "netbios-name-servers"}
_CLOUDS_OWN: Final = "AmazonProvidedDNS"
_MOST_VALUES: Final = 4
_LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class _Options:
    options: DhcpOptions
    call: Call

    @property
    def id(self) -> str:
        return f"{arns.DHCP_OPTIONS}-{self.options.id}"


def _sets(call: Call, _: Asked) -> Iterable[_Options]:
    return (_Options(each, call) for each in call.backend.networks.seen.dhcp_options(call.scope))


DHCP_OPTIONS: Final = Noun(
    answer="DhcpOptions",
    items=_sets,
    members={
        "DhcpOptionsId": lambda each: each.id,
        "OwnerId": lambda each: each.call.account_id,
        "DhcpConfigurations": lambda each: [
            {"Key": key, "Values": [{"Value": value} for value in values]}
            for key, values in each.options.options.items()
        ],
    },
    order=lambda each: each.id,
    filters={
        "dhcp-options-id": "DhcpOptionsId",
        "key": "DhcpConfigurations.Key",
        "owner-id": "OwnerId",
        "value": "DhcpConfigurations.Values.Value",
    },
    namings=(actions.by_ids("DhcpOptionsIds", actions.DHCP_OPTIONS, lambda each: each.id),),
    tagging=tag_words.kept(lambda each: each.id, told=tag_words.whole),
    pages=actions.pages("DhcpOptionsIds"),
)

actions.describes("DescribeDhcpOptions", DHCP_OPTIONS)


@operation("ec2", "CreateDhcpOptions")
def create(call: Call) -> Result:
    options = _given(call.params["DhcpConfigurations"])
    tags = tag_words.of_one(call.params.get("TagSpecifications"), "dhcp-options")
    actions.check_dry_run(call)
    made = _Options(call.backend.dhcp_options.create(call.scope, options), call)
    call.backend.resource_tags.put(call.scope, [made.id], tags)
    return {"DhcpOptions": DHCP_OPTIONS.view(made) | tag_words.whole(tags)}


@operation("ec2", "DeleteDhcpOptions")
def delete(call: Call) -> Result:
    given = call.params["DhcpOptionsId"]
    digits = actions.digits_of(actions.DHCP_OPTIONS, given)
    if call.params.get("DryRun"):
        DHCP_OPTIONS.of_ids(call, [given])
        actions.check_dry_run(call)
    call.backend.dhcp_options.delete(call.scope, digits)
    call.backend.resource_tags.remove(call.scope, [given], None)
    return {}


@operation("ec2", "AssociateDhcpOptions")
def associate(call: Call) -> Result:
    vpc = actions.digits_of(actions.NETWORK, call.params["VpcId"])
    given = call.params["DhcpOptionsId"]
    own = regions_own(call.scope).id
    digits = own if given == "default" else actions.digits_of(actions.DHCP_OPTIONS, given)
    actions.check_dry_run(call)
    call.backend.networks.set_dhcp_options(call.scope, vpc, digits)
    return {}


def _given(configurations: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Options by key, as they were given.

    Raises:
        AWSError
    """
    found: dict[str, list[str]] = {}
    for each in configurations:
        key, values = each.get("Key") or "", list(each.get("Values") or ())
        if key not in _KEYS:
            raise AWSError(
                "InvalidParameterValue", f"Value ({key[:80]}) for parameter name is invalid. Unknown DHCP option"
            )
        if not values or len(values) > _MOST_VALUES or any(len(value) > _LONGEST for value in values):
            raise AWSError(  # unsourced
                "InvalidParameterValue",
                f"Value for parameter {key} is invalid. It takes 1 to {_MOST_VALUES} values of {_LONGEST} characters.",
            )
        if key in _ADDRESSES:
            _check_addresses(key, values)
        found[key] = values
    if not found:
        raise AWSError("MissingParameter", "The request must contain the parameter dhcpConfiguration")  # unsourced
    return found


def _check_addresses(key: str, values: Sequence[str]) -> None:
    """Refuse what nobody can be asked at."""
    for value in values:
        if key == "domain-name-servers" and value == _CLOUDS_OWN:
            continue
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            address = None
        if address is None or address.is_unspecified or address.is_multicast:
            words = f"Value ({value[:80]}) for parameter {key} is invalid. It is no address of a server."  # unsourced
            raise AWSError("InvalidParameterValue", words)
