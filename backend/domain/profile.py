"""What a node is made from: launch configurations, launch templates, and the server they describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.domain.options import ServerOptions
from backend.domain.requirements import Requirements


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """One disk of a server.

    Attributes:
        device: the device name as given (``/dev/sda1``).
        size_gib: volume size; None keeps the source's.
        volume_type: as given (``gp3``).
        snapshot: short id of the snapshot it is made from.
        ephemeral: virtual name of an instance-store disk (``ephemeral0``).
        delete_on_termination: whether it goes with the server.
        suppressed: the image's own mapping for this device is left out.
        iops, throughput: as given.
    """

    device: str
    size_gib: int | None = None
    volume_type: str | None = None
    snapshot: str | None = None
    ephemeral: str | None = None
    delete_on_termination: bool = True
    suppressed: bool = False
    iops: int | None = None
    throughput: int | None = None


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server as a launch source describes it; references are not resolved yet.

    Cloud objects are named by their short id (17 hex digits; anything else simply matches nothing).

    Attributes:
        image: short id of the image.
        instance_type: AWS type name (``t3.micro``).
        key_name: key pair name.
        security_group_ids: short ids.
        security_group_names: names, in the network of the server.
        user_data: base64 as given.
        block_devices: disks beside or over those of the image.
        public_address: True/False as asked, None by the subnet's own default.
        subnet: short id of a fixed subnet (templates with network interfaces).
        zone: a fixed zone (templates with placement).
        server_group: name of the server group it is made in.
        server_group_id: its short id, where it is not named.
        partition: the number of that group's partition it is to be in; None leaves that to the cloud.
        tags: of the server, before the group's own.
        iam_profile: name or ARN of an instance profile.
        options: its switches.
        private_address: the address it is to have in its subnet; None takes any.
        interface: short id of the made interface that it is launched with, which says all of its network.
        preemptible: of the class of servers that the cloud may take back.
        requirements: what its type is to have, where it names none: a mix chooses, nothing else launches it.
        unsupported: members, in AWS's words, that no server here can have and that must not be passed over at launch
            (``InstanceMarketOptions``); a template may hold them, a launch with them is refused.
    """

    image: str | None = None
    instance_type: str | None = None
    key_name: str | None = None
    security_group_ids: tuple[str, ...] = ()
    security_group_names: tuple[str, ...] = ()
    user_data: str | None = None
    block_devices: tuple[BlockDevice, ...] = ()
    public_address: bool | None = None
    subnet: str | None = None
    zone: str | None = None
    server_group: str | None = None
    server_group_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    iam_profile: str | None = None
    unsupported: tuple[str, ...] = ()
    options: ServerOptions = field(default_factory=ServerOptions)
    private_address: str | None = None
    preemptible: bool = False
    requirements: Requirements | None = None
    partition: int | None = None
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class LaunchConfiguration:
    """An immutable, named profile. ``document`` is the caller's own words, kept to be told again."""

    id: str
    project_id: str
    region: str
    name: str
    spec: ServerSpec
    document: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Template:
    """A versioned profile: versions are numbered from 1, one of them is the default."""

    id: str
    project_id: str
    region: str
    name: str
    default_version: int
    latest_version: int
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One immutable version of a template."""

    template_id: str
    template_name: str
    version: int
    is_default: bool
    description: str | None
    spec: ServerSpec
    document: Mapping[str, Any]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class LaunchSource:
    """What a cluster launches from: a launch configuration by name, or a template and a version.

    Attributes:
        configuration: name of a launch configuration, or None.
        template_id: uuid of a template, or None.
        template_name: its name, or None.
        template_version: a number, ``$Latest`` or ``$Default`` exactly as given; None means ``$Default``.
    """

    configuration: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    template_version: str | None = None

    @property
    def is_template(self) -> bool:
        return self.template_id is not None


@dataclass(frozen=True, slots=True)
class ProfileRef:
    """What one node was really made from: the launch source with its version resolved."""

    configuration: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    template_version: int | None = None

    @property
    def key(self) -> str:
        """A text that is equal for equal profiles: backoffs and batches are kept by it."""
        if self.template_id is not None:
            return f"template:{self.template_id}:{self.template_version}"
        return f"configuration:{self.configuration}"
