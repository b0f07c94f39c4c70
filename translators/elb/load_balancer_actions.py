"""Classic balancers made, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from backend.domain.balancers import BalancerKind, LoadBalancer
from backend.drivers.network import SecurityGroup, Subnet
from backend.services.balancers import NewBalancer, tag_id
from backend.services.classic import DRAINING, Front
from translators import arns
from translators.elb import errors
from translators.elb.load_balancers import attributes_of
from translators.elbv2 import tag_words
from translators.elbv2.listener_actions import is_certificate
from translators.errors import AWSError
from translators.registry import Call, Result, operation

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?")
_PROTOCOLS: Final = frozenset({"HTTP", "HTTPS", "TCP", "SSL"})
_LAYER7: Final = frozenset({"HTTP", "HTTPS"})
_SECURE: Final = frozenset({"HTTPS", "SSL"})
_MOST_GROUPS: Final = 5
_PORTS: Final = range(1, 65536)
_TARGET: Final = re.compile(r"(?:(TCP|SSL):(\d{1,5})|(HTTP|HTTPS):(\d{1,5})(/[\x21-\x7e]{0,1023}))")
_SCHEMES: Final = frozenset({"", "internet-facing", "internal"})


@operation("elb", "CreateLoadBalancer")
def create_load_balancer(call: Call) -> Result:
    params = call.params
    name = params["LoadBalancerName"]
    if not _NAME.fullmatch(name):
        raise errors.validation(  # unsourced
            "LoadBalancer name must contain only alphanumeric characters or hyphens, must not begin or end with a "
            "hyphen and have at most 32 characters"
        )
    scheme = params.get("Scheme") or ""
    if scheme not in _SCHEMES:
        raise AWSError("InvalidScheme", f"Scheme '{scheme}' must be 'internet-facing' or 'internal'")  # unsourced
    fronts = _fronts(call)
    if not fronts:
        raise errors.validation("Listeners cannot be empty")  # unsourced
    subnets = _subnets(call)
    wanted = NewBalancer(
        name,
        BalancerKind.CLASSIC,
        scheme or "internet-facing",
        subnets,
        _groups(call, params.get("SecurityGroups") or (), subnets[0].network_id),
        tag_words.checked(params.get("Tags") or ()),
    )
    made = call.backend.classic_balancers.create(call.scope, wanted, fronts)
    return {"DNSName": call.backend.balancers.dns_name(call.scope, made)}


@operation("elb", "DeleteLoadBalancer")
def delete_load_balancer(call: Call) -> Result:
    """One that is gone, or never was, is no fault."""
    call.backend.classic_balancers.delete(call.scope, call.params["LoadBalancerName"])
    return {}


@operation("elb", "CreateLoadBalancerListeners")
def create_load_balancer_listeners(call: Call) -> Result:
    call.backend.classic_balancers.listen(call.scope, _name(call), _fronts(call))
    return {}


@operation("elb", "DeleteLoadBalancerListeners")
def delete_load_balancer_listeners(call: Call) -> Result:
    call.backend.classic_balancers.close(call.scope, _name(call), call.params["LoadBalancerPorts"])
    return {}


@operation("elb", "SetLoadBalancerListenerSSLCertificate")
def set_load_balancer_listener_ssl_certificate(call: Call) -> Result:
    port = call.params["LoadBalancerPort"]
    whole = call.backend.classic_balancers.get(call.scope, _name(call))
    if any(each.port == port and each.protocol not in _SECURE for each in whole.fronts):
        raise errors.invalid_configuration("The listener speaks neither HTTPS nor SSL")  # unsourced
    _check_certificate(call, call.params["SSLCertificateId"])
    call.backend.classic_balancers.certify(call.scope, _name(call), port, call.params["SSLCertificateId"])
    return {}


@operation("elb", "ConfigureHealthCheck")
def configure_health_check(call: Call) -> Result:
    given = call.params["HealthCheck"]
    target = given["Target"]
    found = _TARGET.fullmatch(target)
    if not found or int(found[2] or found[4]) not in _PORTS:
        raise errors.validation(  # unsourced
            "HealthCheck Target must be TCP:port or SSL:port, or HTTP:port/path or HTTPS:port/path"
        )
    if given["Interval"] <= given["Timeout"]:
        raise errors.validation("HealthCheck timeout must be less than interval")  # unsourced
    check = {
        "target": target,
        "interval": given["Interval"],
        "timeout": given["Timeout"],
        "unhealthy": given["UnhealthyThreshold"],
        "healthy": given["HealthyThreshold"],
    }
    call.backend.classic_balancers.configure(call.scope, _name(call), lambda kept: {**kept, "check": check})
    return {"HealthCheck": given}


@operation("elb", "ModifyLoadBalancerAttributes")
def modify_load_balancer_attributes(call: Call) -> Result:
    given = call.params["LoadBalancerAttributes"]
    values = _attributes(given)

    def change(kept: dict[str, Any]) -> dict[str, Any]:
        draining = {**(kept.get(DRAINING) or {}), **values.get(DRAINING, {})}
        return {**kept, **values, **({DRAINING: draining} if DRAINING in values else {})}

    changed = call.backend.classic_balancers.configure(call.scope, _name(call), change)
    told = attributes_of(changed.details)
    return {
        "LoadBalancerName": changed.name,
        "LoadBalancerAttributes": {member: told[member] for member in told if member in given},
    }


def _attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    if (given.get("AccessLog") or {}).get("Enabled"):
        raise errors.invalid_configuration("Access logs are not supported")  # unsourced
    found: dict[str, Any] = {}
    if "CrossZoneLoadBalancing" in given:
        found["cross_zone"] = given["CrossZoneLoadBalancing"]["Enabled"]
    if "ConnectionDraining" in given:
        draining = given["ConnectionDraining"]
        if not 1 <= draining.get("Timeout", 1) <= 3600:
            raise errors.validation("ConnectionDraining Timeout must be between 1 and 3600")  # unsourced
        found[DRAINING] = {name: draining[name] for name in ("Enabled", "Timeout") if name in draining}
    if "ConnectionSettings" in given:
        found["idle"] = given["ConnectionSettings"]["IdleTimeout"]
    for each in given.get("AdditionalAttributes") or ():
        if each.get("Key") != "elb.http.desyncmitigationmode":
            raise AWSError("LoadBalancerAttributeNotFound", f"Attribute {each.get('Key')} is not known")  # unsourced
        if each.get("Value") not in {"monitor", "defensive", "strictest"}:
            raise errors.validation("The desync mitigation mode must be monitor, defensive or strictest")  # unsourced
        found["desync"] = each["Value"]
    return found


@operation("elb", "RegisterInstancesWithLoadBalancer")
def register_instances(call: Call) -> Result:
    left = call.backend.classic_balancers.register(call.scope, _name(call), _instances(call))
    return {"Instances": [{"InstanceId": name} for name in left]}


@operation("elb", "DeregisterInstancesFromLoadBalancer")
def deregister_instances(call: Call) -> Result:
    left = call.backend.classic_balancers.deregister(call.scope, _name(call), _instances(call))
    return {"Instances": [{"InstanceId": name} for name in left]}


@operation("elb", "ApplySecurityGroupsToLoadBalancer")
def apply_security_groups(call: Call) -> Result:
    balancer = call.backend.classic_balancers.get(call.scope, _name(call)).balancer
    groups = _groups(call, call.params["SecurityGroups"], balancer.network_id)
    call.backend.classic_balancers.change(call.scope, _name(call), security_groups=tuple(one.id for one in groups))
    return {"SecurityGroups": [arns.resource_id(arns.SECURITY_GROUP, each.id) for each in groups]}


@operation("elb", "AttachLoadBalancerToSubnets")
def attach_to_subnets(call: Call) -> Result:
    return _subnets_told(_joined(call, _named_subnets(call)))


@operation("elb", "DetachLoadBalancerFromSubnets")
def detach_from_subnets(call: Call) -> Result:
    gone = {each.id for each in _named_subnets(call)}
    return _subnets_told(_placed(call, lambda here: {each: zone for each, zone in here.items() if each not in gone}))


@operation("elb", "EnableAvailabilityZonesForLoadBalancer")
def enable_availability_zones(call: Call) -> Result:
    return {"AvailabilityZones": _joined(call, _of_zones(call, call.params["AvailabilityZones"])).zones}


@operation("elb", "DisableAvailabilityZonesForLoadBalancer")
def disable_availability_zones(call: Call) -> Result:
    gone = set(call.params["AvailabilityZones"])
    left = _placed(call, lambda here: {each: zone for each, zone in here.items() if zone not in gone})
    return {"AvailabilityZones": left.zones}


@operation("elb", "AddTags")
def add_tags(call: Call) -> Result:
    tags = tag_words.checked(call.params["Tags"])
    call.backend.resource_tags.put(call.scope, _tagged(call), tags)
    return {}


@operation("elb", "RemoveTags")
def remove_tags(call: Call) -> Result:
    keys = dict.fromkeys(each.get("Key", "") for each in call.params["Tags"])
    call.backend.resource_tags.remove(call.scope, _tagged(call), keys)
    return {}


def _name(call: Call) -> str:
    name: str = call.params["LoadBalancerName"]
    return name


def _tagged(call: Call) -> list[str]:
    names = call.params["LoadBalancerNames"]
    return [tag_id(call.backend.classic_balancers.get(call.scope, name).balancer.id) for name in names]


def _instances(call: Call) -> list[str]:
    names = [each.get("InstanceId") or "" for each in call.params["Instances"]]
    for name in names:
        if arns.short_of(arns.INSTANCE, name) is None:
            raise errors.invalid_instance(name)
    return names


def _fronts(call: Call) -> list[Front]:
    fronts = [_front(each) for each in call.params["Listeners"]]
    for front in fronts:
        if front.certificate:
            _check_certificate(call, front.certificate)
    return fronts


def _check_certificate(call: Call, arn: str) -> None:
    if not is_certificate(call, arn):
        raise errors.no_certificate(arn)


def _front(each: Mapping[str, Any]) -> Front:
    protocol = each["Protocol"].upper()
    inner = (each.get("InstanceProtocol") or ("HTTP" if protocol in _LAYER7 else "TCP")).upper()
    certificate = each.get("SSLCertificateId") or ""
    if protocol not in _PROTOCOLS or inner not in _PROTOCOLS:
        raise errors.validation(f"Protocol {protocol} and InstanceProtocol {inner} are not known")  # unsourced
    if (protocol in _LAYER7) != (inner in _LAYER7):
        raise errors.invalid_configuration(  # unsourced
            "Protocol and InstanceProtocol must be of the same layer: HTTP and HTTPS, or TCP and SSL"
        )
    if each["LoadBalancerPort"] not in _PORTS or each["InstancePort"] not in _PORTS:
        raise errors.validation("Ports must be between 1 and 65535")  # unsourced
    if (protocol in _SECURE) != bool(certificate):
        raise errors.invalid_configuration(  # unsourced
            "HTTPS and SSL listeners must have an SSLCertificateId, and no others"
        )
    return Front(protocol, each["LoadBalancerPort"], inner, each["InstancePort"], certificate)


def _subnets(call: Call) -> Sequence[Subnet]:
    zones = call.params.get("AvailabilityZones") or ()
    if bool(zones) == bool(call.params.get("Subnets")):
        raise errors.validation("Either AvailabilityZones or Subnets must be specified")  # unsourced
    found = _of_zones(call, zones) if zones else _named_subnets(call)
    _check_network({each.network_id for each in found})
    _check_zones([each.zone for each in found])
    return found


def _of_zones(call: Call, zones: Sequence[str]) -> list[Subnet]:
    """The subnet that a zone's servers go to where none is named."""
    by_zone = {each.zone: each for each in call.backend.catalog.subnets(call.scope) if each.zone_default}
    for zone in zones:
        if zone not in by_zone:
            raise errors.validation(f"Invalid Availability Zone: {zone}")  # unsourced
    return [by_zone[zone] for zone in dict.fromkeys(zones)]


def _named_subnets(call: Call) -> list[Subnet]:
    shorts = []
    for name in dict.fromkeys(call.params["Subnets"]):
        short = arns.short_of(arns.SUBNET, name)
        if short is None:
            raise AWSError("SubnetNotFound", f"The subnet ID '{name}' does not exist")  # unsourced
        shorts.append(short)
    return list(call.backend.balancers.subnets(call.scope, shorts))


def _joined(call: Call, subnets: Sequence[Subnet]) -> LoadBalancer:
    """The balancer, which is in these subnets too from now on."""
    balancer = call.backend.classic_balancers.get(call.scope, _name(call)).balancer
    _check_network({balancer.network_id, *(each.network_id for each in subnets)})
    return _placed(call, lambda here: {**here, **{each.id: each.zone for each in subnets}})


def _placed(call: Call, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> LoadBalancer:
    """The balancer, which is in other subnets from now on.

    Args:
        change: those by those that it is in, each with its zone.
    """

    def revise(present: LoadBalancer) -> Mapping[str, Any]:
        here = change(dict(zip(present.subnets, present.zones, strict=True)))
        if present.subnets[0] not in here:
            raise errors.invalid_configuration(  # unsourced
                "The first subnet of the load balancer holds it and cannot be taken from it"
            )
        _check_zones([*here.values()])
        return {"subnets": tuple(here), "zones": tuple(here.values())}

    return call.backend.classic_balancers.change(call.scope, _name(call), revise)


def _subnets_told(balancer: LoadBalancer) -> Result:
    return {"Subnets": [arns.subnet_id(each) for each in balancer.subnets]}


def _check_network(network_ids: Collection[str]) -> None:
    if len(network_ids) > 1:
        raise errors.invalid_configuration("All subnets must belong to the same VPC")  # unsourced


def _check_zones(zones: Sequence[str]) -> None:
    if len({*zones}) < len(zones):
        raise errors.invalid_configuration(  # unsourced
            "A load balancer can be attached to only one subnet per Availability Zone"
        )


def _groups(call: Call, names: Sequence[str], network_id: str) -> Sequence[SecurityGroup]:
    if len(names) > _MOST_GROUPS:
        raise errors.invalid_configuration(f"At most {_MOST_GROUPS} security groups can be specified")  # unsourced
    shorts = []
    for name in names:
        short = arns.short_of(arns.SECURITY_GROUP, name)
        if short is None:
            raise AWSError("InvalidSecurityGroup", f"The security group ID '{name}' does not exist")  # unsourced
        shorts.append(short)
    return call.backend.balancers.security_groups(call.scope, shorts, network_id)
