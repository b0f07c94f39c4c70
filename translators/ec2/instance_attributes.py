"""Attributes of instances: read, changed, reset; credits, options of metadata, maintenance and names, console.

Source: Amazon EC2 API Reference, ModifyInstanceAttribute and the operations beside it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from backend import errors
from backend.domain import server_findings
from backend.drivers.compute import Server
from translators import arns
from translators.ec2 import actions, launch_data
from translators.ec2.disks import owned
from translators.ec2.instance_words import Instance, credit_option, metadata_words
from translators.ec2.instances import INSTANCES, burstable, one
from translators.errors import AWSError, translate
from translators.registry import Call, Result, operation

_TELLERS: Final[Mapping[str, Callable[[Instance], dict[str, Any]]]] = {
    "instanceType": lambda instance: {"InstanceType": {"Value": instance.server.flavor}},
    "kernel": lambda _: {"KernelId": {}},
    "ramdisk": lambda _: {"RamdiskId": {}},
    "userData": lambda instance: {
        "UserData": {"Value": instance.server.user_data} if instance.server.user_data else {}
    },
    "disableApiTermination": lambda each: {"DisableApiTermination": {"Value": each.server.options.protected}},
    "disableApiStop": lambda instance: {"DisableApiStop": {"Value": instance.server.options.kept_running}},
    "instanceInitiatedShutdownBehavior": lambda _: {"InstanceInitiatedShutdownBehavior": {"Value": "stop"}},
    "rootDeviceName": lambda instance: {"RootDeviceName": {"Value": instance.root_device}},
    "blockDeviceMapping": lambda instance: {"BlockDeviceMappings": INSTANCES.view(instance)["BlockDeviceMappings"]},
    "productCodes": lambda _: {"ProductCodes": []},
    "sourceDestCheck": lambda instance: {"SourceDestCheck": {"Value": instance.source_check}},
    "groupSet": lambda instance: {"Groups": instance.groups},
    "ebsOptimized": lambda instance: {"EbsOptimized": {"Value": instance.server.options.ebs_optimized}},
    "sriovNetSupport": lambda _: {"SriovNetSupport": {}},
    "enaSupport": lambda instance: {"EnaSupport": {"Value": instance.image.ena if instance.image else True}},
    "enclaveOptions": lambda _: {"EnclaveOptions": {"Enabled": False}},
}
_MEMBERS: Final[Mapping[str, str]] = {
    "instanceType": "InstanceType",
    "kernel": "Kernel",
    "ramdisk": "Ramdisk",
    "userData": "UserData",
    "disableApiTermination": "DisableApiTermination",
    "disableApiStop": "DisableApiStop",
    "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
    "blockDeviceMapping": "BlockDeviceMappings",
    "sourceDestCheck": "SourceDestCheck",
    "groupSet": "Groups",
    "ebsOptimized": "EbsOptimized",
    "sriovNetSupport": "SriovNetSupport",
    "enaSupport": "EnaSupport",
}
"""Attribute -> the input member that changes it."""
_OPTIONS: Final[Mapping[str, str]] = {
    "DisableApiTermination": "protected",
    "DisableApiStop": "kept_running",
    "SourceDestCheck": "source_check",
    "EbsOptimized": "ebs_optimized",
}
"""Input member -> the switch that it turns."""
_STATES: Final = {"true": True, "false": False}
_MOST_CREDITS: Final = 1000


@actions.reads("DescribeInstanceAttribute")
def describe(call: Call) -> Result:
    instance = one(call, call.params["InstanceId"])
    return {"InstanceId": instance.id, **_TELLERS[call.params["Attribute"]](instance)}


@operation("ec2", "ModifyInstanceAttribute")
def modify(call: Call) -> Result:
    member, value = _change(call.params)
    instance = one(call, call.params["InstanceId"])
    server = instance.server
    if member == "Groups":
        if not value:
            # unsourced
            raise AWSError("InvalidParameterCombination", "At least one security group is required for an instance.")
        actions.check_forms(actions.SECURITY_GROUP, value)
    actions.check_dry_run(call)
    if member == "SourceDestCheck":
        _set_source_check(call, instance, check=value)
    elif member in _OPTIONS:
        _there(instance, lambda: call.backend.server_changes.set(call.scope, server, **{_OPTIONS[member]: value}))
    elif member == "Groups":
        _regroup(call, instance, [arns.short_of(arns.SECURITY_GROUP, each) or each for each in value])
    elif member == "InstanceType":
        _stopped(instance, lambda: call.backend.server_changes.retype(call.scope, server, value))
    elif member == "UserData":
        _stopped(instance, lambda: call.backend.server_changes.set_user_data(call.scope, server, value))
    elif member == "InstanceInitiatedShutdownBehavior":
        _check_shutdown(value)
    elif member == "BlockDeviceMappings":
        _set_disks(call, instance, value)
    else:
        # unsourced
        raise AWSError("UnsupportedOperation", f"{member} of an instance cannot be changed on this cloud.")
    return {}


@operation("ec2", "ResetInstanceAttribute")
def reset(call: Call) -> Result:
    attribute = call.params["Attribute"]
    if attribute not in {"sourceDestCheck", "kernel", "ramdisk"}:
        # unsourced
        raise AWSError(
            "InvalidParameterValue", f"Value ({attribute}) for parameter attribute is invalid. Cannot be reset."
        )
    instance = one(call, call.params["InstanceId"])
    actions.check_dry_run(call)
    if attribute == "sourceDestCheck":
        _set_source_check(call, instance, check=True)
    return {}


@operation("ec2", "ModifyInstanceMetadataOptions")
def modify_metadata(call: Call) -> Result:
    params = call.params
    launch_data.check_hops(params)
    instance = one(call, params["InstanceId"])
    members = {
        "tokens": "HttpTokens",
        "hops": "HttpPutResponseHopLimit",
        "endpoint": "HttpEndpoint",
        "ipv6": "HttpProtocolIpv6",
        "metadata_tags": "InstanceMetadataTags",
    }
    given = {field: params[member] for field, member in members.items() if params.get(member) not in {None, ""}}
    actions.check_dry_run(call)
    if given:
        _there(instance, lambda: call.backend.server_changes.set(call.scope, instance.server, **given))
    told = metadata_words(one(call, params["InstanceId"]))
    return {"InstanceId": instance.id, "InstanceMetadataOptions": {**told, "State": "pending"}}


@operation("ec2", "ModifyInstanceMaintenanceOptions")
def modify_maintenance(call: Call) -> Result:
    params = call.params
    instance = one(call, params["InstanceId"])
    members = {"recovery": "AutoRecovery", "reboot_migration": "RebootMigration"}
    given = {field: params[member] for field, member in members.items() if params.get(member)}
    actions.check_dry_run(call)
    if given:
        _there(instance, lambda: call.backend.server_changes.set(call.scope, instance.server, **given))
    return {"InstanceId": instance.id, **{members[field]: value for field, value in given.items()}}


@operation("ec2", "ModifyPrivateDnsNameOptions")
def modify_names(call: Call) -> Result:
    params = call.params
    instance = one(call, params["InstanceId"])
    members = {
        "hostname": "PrivateDnsHostnameType",
        "a_record": "EnableResourceNameDnsARecord",
        "aaaa_record": "EnableResourceNameDnsAAAARecord",
    }
    given = {field: params[member] for field, member in members.items() if params.get(member) not in {None, ""}}
    actions.check_dry_run(call)
    if given:
        _there(instance, lambda: call.backend.server_changes.set(call.scope, instance.server, **given))
    return {"Return": True}


@operation("ec2", "MonitorInstances")
def monitor(call: Call) -> Result:
    return _monitored(call, on=True)


@operation("ec2", "UnmonitorInstances")
def unmonitor(call: Call) -> Result:
    return _monitored(call, on=False)


@operation("ec2", "ModifyInstanceCreditSpecification")
def modify_credits(call: Call) -> Result:
    given: Sequence[Mapping[str, Any]] = call.params["InstanceCreditSpecifications"]
    if len(given) > _MOST_CREDITS:
        # unsourced
        raise AWSError("InvalidParameterValue", f"At most {_MOST_CREDITS} instances can be changed at once.")
    actions.check_dry_run(call)
    changed, failed = [], []
    for each in given:
        shown = each["InstanceId"]
        try:
            _set_credits(call, shown, each.get("CpuCredits") or "")
        except (AWSError, errors.Finding) as found:
            told = found if isinstance(found, AWSError) else translate(found, "ec2")
            if told is None or told.status >= 500:
                raise
            failed.append({"InstanceId": shown, "Error": {"Code": told.code, "Message": told.message}})
        else:
            changed.append({"InstanceId": shown})
    return {
        "SuccessfulInstanceCreditSpecifications": changed,
        "UnsuccessfulInstanceCreditSpecifications": failed,
    }


@actions.reads("GetConsoleOutput")
def console(call: Call) -> Result:
    instance = one(call, call.params["InstanceId"])
    text = call.backend.server_changes.console(call.scope, instance.server)
    told = {"Output": base64.b64encode(text.encode()).decode()} if text else {}
    return {"InstanceId": instance.id, "Timestamp": instance.server.updated_at, **told}


def _change(params: Mapping[str, Any]) -> tuple[str, Any]:
    """The one member that is to change, and its new value."""
    given = {member: params[member] for member in _MEMBERS.values() if params.get(member) is not None}
    if attribute := params.get("Attribute"):
        member = _MEMBERS.get(attribute)
        if member is None:
            # unsourced
            raise AWSError("InvalidParameterValue", f"Value ({attribute}) for parameter attribute is invalid.")
        given.setdefault(member, {"Value": params.get("Value")} if "Value" in params else None)
    if len(given) != 1:
        # unsourced
        words = "Fields for multiple attribute types specified" if given else "No attributes specified."
        raise AWSError("InvalidParameterCombination", words)
    ((member, value),) = given.items()
    if isinstance(value, Mapping):
        value = value.get("Value")
    return member, _valued(member, value)


def _valued(member: str, value: Any) -> Any:
    if value is None:
        raise AWSError("MissingParameter", "The request must contain the parameter value")  # unsourced
    if member in _OPTIONS and isinstance(value, str):
        if value.lower() not in _STATES:
            # unsourced
            raise AWSError("InvalidParameterValue", f"Value ({value[:64]}) for parameter value is invalid.")
        return _STATES[value.lower()]
    if member == "UserData":
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        return launch_data.checked_user_data(text)
    return value


def _check_shutdown(value: str) -> None:
    if value not in {"stop", "terminate"}:
        # unsourced
        words = f"Value ({value[:64]}) for parameter instanceInitiatedShutdownBehavior is invalid."
        raise AWSError("InvalidParameterValue", words)
    if value == "terminate":
        # unsourced
        raise AWSError(
            "UnsupportedOperation", "On this cloud an instance that shuts itself down is stopped, never terminated."
        )


def _set_disks(call: Call, instance: Instance, mappings: Sequence[Mapping[str, Any]]) -> None:
    """Whether disks are deleted with the instance: nothing else of them is an attribute of it."""
    disks = {disk.device: disk for disk in instance.disks()}
    wanted = [(each.get("DeviceName") or "", (each.get("Ebs") or {}).get("DeleteOnTermination")) for each in mappings]
    for device, _ in wanted:
        if device not in disks:
            # unsourced
            words = f"No device is currently mapped at {device[:64]}"
            raise AWSError("InvalidInstanceAttributeValue", words)
    for device, goes in wanted:
        disk = disks[device]
        if goes is None or goes == disk.delete_on_termination:
            continue
        volume = disk.volume or call.backend.volumes.realize(call.scope, owned(instance.server, disk))
        call.backend.volumes.set_goes(call.scope, volume, goes=goes)


def _set_source_check(call: Call, instance: Instance, *, check: bool) -> None:
    if instance.made is not None:
        call.backend.interfaces.set_check(call.scope, instance.made.id, check=check)
    else:
        _there(instance, lambda: call.backend.server_changes.set(call.scope, instance.server, source_check=check))


def _regroup(call: Call, instance: Instance, groups: Sequence[str]) -> None:
    """Its groups are those of the interface that it was launched with, where that was made before."""
    if instance.made is not None:
        call.backend.interfaces.set_groups(call.scope, instance.made.id, groups)
    else:
        _there(instance, lambda: call.backend.server_changes.regroup(call.scope, instance.server, groups))


def _there(instance: Instance, change: Callable[[], None]) -> None:
    try:
        change()
    except server_findings.ServerConflict:
        # unsourced
        words = f"The instance '{instance.id}' is not in a state from which this can be done."
        raise AWSError("IncorrectInstanceState", words) from None


def _stopped(instance: Instance, change: Callable[[], None]) -> None:
    """Source: hashicorp/terraform-provider-aws #3437 (the words)."""
    try:
        change()
    except server_findings.ServerConflict:
        words = f"The instance '{instance.id}' is not in the 'stopped' state."
        raise AWSError("IncorrectInstanceState", words) from None


def _monitored(call: Call, *, on: bool) -> Result:
    instances = INSTANCES.of_ids(call, call.params["InstanceIds"])
    actions.check_dry_run(call)
    told = []
    for instance in instances:
        if not instance.gone and instance.server.options.monitored is not on:
            _there(instance, lambda: _set(call, instance.server, on=on))  # noqa: B023 - called at once
            state = "pending" if on else "disabling"
        else:
            state = "enabled" if on else "disabled"
        told.append({"InstanceId": instance.id, "Monitoring": {"State": state}})
    return {"InstanceMonitorings": told}


def _set(call: Call, server: Server, *, on: bool) -> None:
    call.backend.server_changes.set(call.scope, server, monitored=on)


def _set_credits(call: Call, instance_id: str, credits_: str) -> None:
    instance = one(call, instance_id)
    if not burstable(instance):
        # unsourced
        words = f"The instance type of '{instance.id}' does not support credit specifications"
        raise AWSError("InstanceCreditSpecification.NotSupported", words)
    wanted = launch_data.checked_credits(credits_) or credit_option(instance)
    call.backend.server_changes.set(call.scope, instance.server, credits=wanted)
