"""What a guest is told about itself: its instance as the tree of EC2's metadata service. Knows no HTTP.

Source: EC2 User Guide, "Instance metadata categories"; EC2 Auto Scaling User Guide, "Retrieve the target lifecycle
state through instance metadata". Credentials are never told: keys in a guest that act as its project's owner would be a
gift to whoever gets in.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, Union

from backend import Backend
from backend.domain.node import COOLING, KEPT_WARM, REBUILDING, WARM, WARMING, NodeState, ServerStatus
from backend.domain.scope import Scope
from backend.domain.server_findings import ServerUnknown
from backend.domain.warm_pools import SETTLED
from backend.drivers.compute import Server
from backend.errors import NotPermitted
from translators import arns
from translators.ec2.instance_words import Instance, Surroundings, interfaces_of, metadata_words, tags_of
from translators.registry import Call, Caller

Tree = Mapping[str, Union["Tree", str, bytes]]
"""Names of a folder -> what is in them: folders, and what is read."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PROJECT: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TARGETS: Final[Mapping[NodeState, str]] = {
    NodeState.PENDING: "InService",
    NodeState.PENDING_WAIT: "InService",
    NodeState.PENDING_PROCEED: "InService",
    NodeState.IN_SERVICE: "InService",
    **dict.fromkeys(REBUILDING, "InService"),
    NodeState.ENTERING_STANDBY: "Standby",
    NodeState.STANDBY: "Standby",
    NodeState.DETACHING: "Detached",
    NodeState.DETACHED: "Detached",
    **{state: str(state) for state in WARM},
    **dict.fromkeys(COOLING | KEPT_WARM, str(NodeState.WARMED_TERMINATED)),
}
"""State of a node -> where it is going; all others are on their way out."""
_NO_NAME: Final = re.compile(r"[/\s]|\A(\.|\.\.|_index)?\Z")
"""A tag's key that is no name of a file."""
_GONE: Final = frozenset({ServerStatus.DELETED})


@dataclass(frozen=True, slots=True)
class Guest:
    """What is told to one instance.

    Attributes:
        id: as AWS's tools know it.
        tree: below a version of the service.
        tokens: whether it wants to be asked with a session's token only.
        told: whether it is to be told at all.
    """

    id: str
    tree: Tree
    tokens: bool = False
    told: bool = True


class Guests:
    """The instances of a region.

    Args:
        region: AWS's name.
        scope_of: a project's, in that region.
        account_of: the 12 digits of a project.
        asking: around all that the cloud is asked for one guest.
    """

    def __init__(
        self,
        backend: Backend,
        region: str,
        scope_of: Callable[[str], Scope],
        account_of: Callable[[str], str],
        asking: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._asking = asking
        self._backend = backend
        self._region = region
        self._scope_of = scope_of
        self._account_of = account_of

    def find(self, project: str, server_id: str) -> Guest | None:
        """The guest of a server of a project; None where there is none that Coppice knows.

        Raises:
            Finding: the cloud or the store cannot be asked now.
        """
        if not _PROJECT.fullmatch(project) or not _UUID.fullmatch(server_id):
            return None
        with self._asking():
            try:
                server = self._backend.servers.get(self._scope_of(project), server_id)
            except (ServerUnknown, NotPermitted):
                return None
            return self._guest(project, server)

    def named(self, project: str, instance_id: str) -> Guest | None:
        """The guest of an instance id of a project; None where there is none. Raises as ``find``."""
        short = arns.short_of(arns.INSTANCE, instance_id)
        if short is None:
            return None
        with self._asking():
            found = self._backend.servers.find(self._scope_of(project), [short])
            return self._guest(project, found[short]) if short in found else None

    def _guest(self, project: str, server: Server) -> Guest | None:
        if server.status in _GONE:
            return None
        call = Call(
            service="ec2",
            operation="InstanceMetadata",
            params={},
            caller=Caller("", "", "", project),
            region=self._region,
            account_id=self._account_of(project),
            scope=self._scope_of(project),
            request_id="",
            backend=self._backend,
        )
        instance = Instance(server, Surroundings(call))
        options = metadata_words(instance)
        tree: dict[str, Any] = {
            "dynamic": {"instance-identity": {"document": _document(instance)}},
            "meta-data": _meta_data(call, instance, tagged=options["InstanceMetadataTags"] == "enabled"),
        }
        if user_data := _user_data(server.user_data):
            tree["user-data"] = user_data
        return Guest(
            instance.id, tree, tokens=options["HttpTokens"] == "required", told=options["HttpEndpoint"] == "enabled"
        )


def _user_data(text: str | None) -> bytes | None:
    try:
        return base64.b64decode(text or "")
    except (binascii.Error, ValueError):
        return None


def _meta_data(call: Call, instance: Instance, *, tagged: bool) -> dict[str, Any]:
    server, macs = instance.server, _interfaces(instance)
    tree: dict[str, Any] = {
        "ami-id": arns.image_id(server.image_id) if server.image_id else None,
        "ami-launch-index": str(server.index),
        "ami-manifest-path": "(unknown)",
        "block-device-mapping": _disks(instance),
        "events": {"maintenance": {"history": "[]", "scheduled": "[]"}},
        "hostname": instance.private_name or None,
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": "on-demand",
        "instance-type": server.flavor,
        "local-hostname": instance.private_name or None,
        "local-ipv4": instance.private_address,
        "mac": next(iter(macs), None),
        "network": {"interfaces": {"macs": macs}} if macs else None,
        "placement": {
            "availability-zone": server.zone,
            "availability-zone-id": instance.zone_id,
            "group-name": server.server_group_name,
            "partition-number": None if server.partition is None else str(server.partition),
            "region": instance.around.region,
        },
        "profile": "default-hvm",
        "public-hostname": instance.public_name or None,
        "public-ipv4": instance.public_address,
        "public-keys": _keys(call, server.key_name),
        "reservation-id": instance.reservation,
        "security-groups": _names(instance.groups),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
        "autoscaling": _autoscaling(call, server),
        "tags": {"instance": _tags(server)} if tagged else None,
    }
    return _said(tree)


def _said(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A folder without what is not said."""
    return {
        name: _said(value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if value is not None and value != {}
    }


def _disks(instance: Instance) -> dict[str, str]:
    told = {"ami": instance.root_device.removeprefix("/dev/"), "root": instance.root_device}
    others = [disk.device for disk in instance.disks() if disk.device != instance.root_device]
    return told | {f"ebs{number}": device.removeprefix("/dev/") for number, device in enumerate(others, 1)}


def _interfaces(instance: Instance) -> dict[str, dict[str, Any]]:
    """Its interfaces by their hardware addresses, the first one first."""
    subnets = {arns.subnet_id(each.id): each.cidr for each in instance.around.subnets.values()}
    networks = {arns.resource_id(arns.NETWORK, each.id): each.cidr for each in instance.around.networks}
    return {
        each["MacAddress"]: {
            "device-number": str(each["Attachment"]["DeviceIndex"]),
            "interface-id": each["NetworkInterfaceId"],
            "local-hostname": each["PrivateDnsName"] or None,
            "local-ipv4s": each["PrivateIpAddress"],
            "mac": each["MacAddress"],
            "owner-id": each["OwnerId"],
            "public-ipv4s": each.get("Association", {}).get("PublicIp"),
            "security-group-ids": "\n".join(group["GroupId"] for group in each["Groups"]) or None,
            "security-groups": _names(each["Groups"]),
            "subnet-id": each.get("SubnetId"),
            "subnet-ipv4-cidr-block": subnets.get(each.get("SubnetId", "")),
            "vpc-id": each["VpcId"],
            "vpc-ipv4-cidr-block": networks.get(each["VpcId"]),
            "vpc-ipv4-cidr-blocks": networks.get(each["VpcId"]),
        }
        for each in interfaces_of(instance)
        if each.get("MacAddress")
    }


def _names(groups: Sequence[Mapping[str, str]]) -> str | None:
    return "\n".join(group.get("GroupName", group["GroupId"]) for group in groups) or None


def _keys(call: Call, name: str | None) -> dict[str, Any] | None:
    """The key that it was launched with: its folder is told with the name of the key, and entered by its number."""
    pairs = {pair.name: pair for pair in call.backend.catalog.key_pairs(call.scope)} if name else {}
    pair = pairs.get(name or "")
    if pair is None or not pair.public_key:
        return None
    return {f"0={pair.name}": {"openssh-key": pair.public_key.strip() + "\n"}}


def _autoscaling(call: Call, server: Server) -> dict[str, str] | None:
    found = call.backend.nodes.page(call.scope, servers=[server.short_id], limit=1).items
    if not found:
        return None
    group, member = found[0]
    state = NodeState(member.state)
    if state in WARMING and (pool := call.backend.clusters.get(call.scope, group).warm_pool) is not None:
        return {"target-lifecycle-state": str(SETTLED[pool.state])}
    return {"target-lifecycle-state": _TARGETS.get(state, "Terminated")}


def _tags(server: Server) -> dict[str, str]:
    """Tags as files; those whose keys are no names of files are not told.

    Source: EC2 User Guide, "Work with instance tags in instance metadata": no spaces and no ``/``, and no key is one of
    ``.``, ``..`` and ``_index``. Those of AWS's own (``aws:autoscaling:groupName``) are told.
    """
    return {key: value for key, value in tags_of(server).items() if not _NO_NAME.search(key)}


def _document(instance: Instance) -> str:
    server = instance.server
    document = {
        "accountId": instance.around.account,
        "architecture": instance.architecture,
        "availabilityZone": server.zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": arns.image_id(server.image_id) if server.image_id else None,
        "instanceId": instance.id,
        "instanceType": server.flavor,
        "kernelId": None,
        "pendingTime": f"{server.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "privateIp": instance.private_address,
        "ramdiskId": None,
        "region": instance.around.region,
        "version": "2017-09-30",
    }
    return json.dumps(document, indent=2, separators=(",", " : "))
