"""Load balancers made, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from backend.domain import address_findings
from backend.domain.balancers import BalancerKind, LoadBalancer
from backend.drivers.network import Subnet
from backend.services.balancers import NewBalancer
from translators import arns
from translators.elbv2 import errors, ids, tag_words
from translators.elbv2.load_balancers import BALANCERS, adopted, told, zones
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_LONGEST: Final = 32
_MOST_GROUPS: Final = 5
_SCHEMES: Final = ("internet-facing", "internal")
_RESERVED: Final = 4
"""Addresses at the beginning of each subnet. Source: Amazon VPC User Guide, "Subnet CIDR blocks"."""
_LEAST: Final = {BalancerKind.APPLICATION: 2, BalancerKind.NETWORK: 1}


def check_name(noun: str, name: str) -> None:
    """Refuse a name that no balancer or target group may have."""
    # Source: the texts as moto's tests of the service have them.
    if not name or len(name) > _LONGEST:
        raise errors.validation(f"{noun} name '{name}' cannot be longer than '{_LONGEST}' characters")
    if not _NAME.fullmatch(name):
        raise errors.validation(
            f"{noun} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )
    if name.startswith("-") or name.endswith("-"):
        raise errors.validation(f"{noun} name '{name}' cannot begin or end with '-'")


@operation("elbv2", "CreateLoadBalancer")
def create_load_balancer(call: Call) -> Result:
    params = call.params
    name = params["Name"]
    check_name("Load balancer", name)
    if name.startswith("internal-"):
        raise errors.validation(f"Load balancer name '{name}' cannot begin with 'internal-'")  # unsourced
    kind = _kind(params.get("Type") or "application")
    scheme = params.get("Scheme") or _SCHEMES[0]
    if scheme not in _SCHEMES:
        raise errors.validation(f"Scheme '{scheme}' must be one of '[{', '.join(_SCHEMES)}]'")  # unsourced
    _check_address_type(params.get("IpAddressType"))
    for member in ("CustomerOwnedIpv4Pool", "IpamPools"):
        if params.get(member):
            raise errors.validation(f"{member} is not supported")  # unsourced
    subnets = _subnets(call, kind)
    if kind is BalancerKind.NETWORK and not params.get("SecurityGroups"):
        groups: Sequence[Any] = ()
    else:
        groups = _security_groups(call, params.get("SecurityGroups") or (), subnets[0].network_id)
    tags, details = tag_words.checked(params.get("Tags") or ()), _mapped(call, kind, scheme, subnets[0])
    try:
        made = call.backend.balancers.create(
            call.scope, NewBalancer(name, kind, scheme, subnets, groups, tags, details)
        )
    except address_findings.AllocationMissing as found:
        words = f"The allocation ID '{arns.ELASTIC_ADDRESS}-{found.id}' does not exist"  # unsourced
        raise AWSError("AllocationIdNotFound", words) from None
    except address_findings.AddressBusy as found:
        words = f"The allocation ID '{arns.ELASTIC_ADDRESS}-{found.id}' is already in use"  # unsourced
        raise AWSError("ResourceInUse", words) from None
    return {"LoadBalancers": [BALANCERS.view(told(call, made))]}


@operation("elbv2", "DeleteLoadBalancer")
def delete_load_balancer(call: Call) -> Result:
    """One that is gone, or never was, is no fault."""
    arn = call.params["LoadBalancerArn"]
    short = ids.digits(call, "loadbalancer", arn)
    found = [each for each in call.backend.balancers.all(call.scope) if each.id == short]
    if not found and any(each.arn == arn for each in adopted(call)):
        raise AWSError(  # unsourced
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because it was made with the cloud's own tools",
        )
    if found and found[0].attributes.get("deletion_protection.enabled") == "true":
        raise AWSError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    call.backend.balancers.delete(call.scope, short)
    return {}


@operation("elbv2", "SetSecurityGroups")
def set_security_groups(call: Call) -> Result:
    balancer = ids.balancer_of(call, call.params["LoadBalancerArn"])
    if balancer.kind is BalancerKind.NETWORK and not balancer.security_groups:
        raise errors.invalid_configuration(  # unsourced
            "You cannot set security groups on a Network Load Balancer that was created without any"
        )
    groups = _security_groups(call, call.params["SecurityGroups"], balancer.network_id)
    changed = call.backend.balancers.change(call.scope, balancer.id, security_groups=tuple(each.id for each in groups))
    told_ids = [arns.resource_id(arns.SECURITY_GROUP, each) for each in changed.security_groups]
    return {"SecurityGroupIds": told_ids}


@operation("elbv2", "SetSubnets")
def set_subnets(call: Call) -> Result:
    balancer = ids.balancer_of(call, call.params["LoadBalancerArn"])
    _check_address_type(call.params.get("IpAddressType"))
    subnets = list(_subnets(call, balancer.kind))
    if call.params.get("SubnetMappings"):
        holding = next((each for each in subnets if each.id == balancer.subnets[0]), subnets[0])
        if _mapped(call, balancer.kind, balancer.scheme, holding) != _addresses(balancer):
            raise errors.invalid_configuration("The addresses of a load balancer cannot be changed")  # unsourced
    if subnets[0].network_id != balancer.network_id:
        raise errors.invalid_configuration(  # unsourced
            "All subnets must be in the VPC of the load balancer"
        )
    # The cloud's balancer listens in the subnet that it was made in, which stays the first.
    subnets.sort(key=lambda each: each.id != balancer.subnets[0])
    if subnets[0].id != balancer.subnets[0]:
        raise errors.invalid_configuration(  # unsourced
            f"Subnet '{arns.subnet_id(balancer.subnets[0])}' holds the load balancer and cannot be removed from it"
        )
    changed = call.backend.balancers.change(
        call.scope,
        balancer.id,
        subnets=tuple(each.id for each in subnets),
        zones=tuple(each.zone for each in subnets),
    )
    return {"AvailabilityZones": zones(told(call, changed)), "IpAddressType": "ipv4"}


@operation("elbv2", "SetIpAddressType")
def set_ip_address_type(call: Call) -> Result:
    ids.balancer_of(call, call.params["LoadBalancerArn"])
    _check_address_type(call.params.get("IpAddressType"))
    return {"IpAddressType": "ipv4"}


def _addresses(balancer: LoadBalancer) -> dict[str, str]:
    """Those that it was made with, as ``_mapped`` tells them."""
    told = {"address": balancer.wished_address, "allocation": balancer.allocation_id}
    return {name: value for name, value in told.items() if value is not None}


def _mapped(call: Call, kind: BalancerKind, scheme: str, first: Subnet) -> dict[str, str]:
    """The addresses that subnet mappings ask for. A balancer listens in one subnet, and only there it can have any."""
    found: dict[str, str] = {}
    for each in call.params.get("SubnetMappings") or ():
        given = {member: each[member] for member in ("AllocationId", "PrivateIPv4Address") if each.get(member)}
        for member in given:
            if kind is not BalancerKind.NETWORK or scheme != _SCHEMES[member == "PrivateIPv4Address"]:
                raise errors.invalid_configuration(f"{member} is not supported for this load balancer")  # unsourced
            if each["SubnetId"] != arns.subnet_id(first.id):
                raise errors.invalid_configuration(  # unsourced
                    f"{member} is supported for the first subnet only: this cloud's load balancers listen there alone"
                )
        if allocation := given.get("AllocationId"):
            short = arns.short_of(arns.ELASTIC_ADDRESS, allocation)
            if short is None:
                words = f"The allocation ID '{allocation[:64]}' does not exist"  # unsourced
                raise AWSError("AllocationIdNotFound", words)
            found["allocation"] = short
        if address := given.get("PrivateIPv4Address"):
            found["address"] = _inside(address, first)
    return found


def _inside(text: str, subnet: Subnet) -> str:
    """An address of a subnet that may be asked for."""
    with suppress(ValueError):
        address, block = IPv4Address(text), IPv4Network(subnet.cidr)
        if block.network_address + _RESERVED <= address < block.broadcast_address:
            return str(address)
    words = f"The private IPv4 address '{text[:64]}' is not valid for the subnet '{arns.subnet_id(subnet.id)}'"
    raise errors.invalid_configuration(words)  # unsourced


def _kind(word: str) -> BalancerKind:
    if word in {"application", "network"}:
        return BalancerKind(word)
    if word == "gateway":
        raise errors.validation("Load balancers of type 'gateway' are not supported")  # unsourced
    raise errors.validation(f"Load balancer type '{word}' must be one of '[application, network]'")  # unsourced


def _check_address_type(word: str | None) -> None:
    if word not in {None, "", "ipv4"}:
        raise errors.invalid_configuration(f"IP address type '{word}' is not supported")  # unsourced


def _subnets(call: Call, kind: BalancerKind) -> Sequence[Subnet]:
    """Those of a request, in its order, each in a zone of its own."""
    mappings: Sequence[Mapping[str, Any]] = call.params.get("SubnetMappings") or ()
    given = list(call.params.get("Subnets") or ())
    if mappings and given:
        raise errors.validation("You must specify either subnets or subnet mappings, not both")  # unsourced
    for each in mappings:
        for member in ("IPv6Address", "SourceNatIpv6Prefix"):
            if each.get(member):
                raise errors.invalid_configuration(f"{member} of a subnet mapping is not supported")  # unsourced
        if not each.get("SubnetId"):
            raise errors.validation("A subnet mapping must have a SubnetId")  # unsourced
    names = list(dict.fromkeys(given or [each["SubnetId"] for each in mappings]))
    if not names:
        raise errors.validation("At least one subnet must be specified")  # unsourced
    shorts = [arns.short_of(arns.SUBNET, name) for name in names]
    for name, short in zip(names, shorts, strict=True):
        if short is None:
            raise AWSError("SubnetNotFound", f"The subnet ID '{name}' does not exist")  # unsourced
    subnets = call.backend.balancers.subnets(call.scope, [each for each in shorts if each is not None])
    _check_subnets(subnets, kind)
    return subnets


def _check_subnets(subnets: Sequence[Subnet], kind: BalancerKind) -> None:
    if len({each.network_id for each in subnets}) > 1:
        raise errors.invalid_configuration("All subnets must belong to the same VPC")  # unsourced
    if len({each.zone for each in subnets}) < len(subnets):
        raise errors.invalid_configuration(  # unsourced
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        )
    if len(subnets) < _LEAST[kind]:
        # unsourced
        raise errors.validation("At least two subnets in two different Availability Zones must be specified")


def _security_groups(call: Call, names: Sequence[str], network_id: str) -> Sequence[Any]:
    if len(names) > _MOST_GROUPS:
        raise errors.invalid_configuration(f"At most {_MOST_GROUPS} security groups can be specified")  # unsourced
    shorts = []
    for name in names:
        short = arns.short_of(arns.SECURITY_GROUP, name)
        if short is None:
            raise AWSError("InvalidSecurityGroup", f"The security group ID '{name}' does not exist")  # unsourced
        shorts.append(short)
    return call.backend.balancers.security_groups(call.scope, shorts, network_id)
