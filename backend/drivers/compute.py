"""The compute port: servers, their groups, flavors, key pairs and zones of a cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from backend.domain.ids import short_id
from backend.domain.node import Notice, ServerStatus
from backend.domain.options import ServerOptions
from backend.domain.power import PowerAct
from backend.domain.profile import BlockDevice
from backend.domain.scope import Scope


class GroupPolicy(StrEnum):
    """How the servers of a group lie to each other; OpenStack's own words. The soft ones are wishes.

    PARTITION is none of OpenStack's: the group has a number of partitions that share no hosts, and who is in the same
    one may share its.
    """

    AFFINITY = "affinity"
    ANTI_AFFINITY = "anti-affinity"
    SOFT_AFFINITY = "soft-affinity"
    SOFT_ANTI_AFFINITY = "soft-anti-affinity"
    PARTITION = "partition"

    @property
    def apart(self) -> bool:
        """Whether servers are to be on different hosts, and not on the same one."""
        return self in {GroupPolicy.ANTI_AFFINITY, GroupPolicy.SOFT_ANTI_AFFINITY}


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """Servers that are placed with a view to each other.

    Attributes:
        name: a cloud may have several of one name.
        members: ids of the servers in it that are not deleted.
        partitions: how many it has, None where its policy is another.
    """

    id: str
    name: str
    policy: GroupPolicy
    members: tuple[str, ...] = ()
    partitions: int | None = None

    @property
    def short_id(self) -> str:
        return short_id(self.id)


@dataclass(frozen=True, slots=True)
class Server:
    """A server as the cloud tells it.

    Attributes:
        updated_at: the cloud's own time of the last change; statuses of one server are ordered by it.
        launch_id: the token its creator gave it, None for servers that are no cluster's.
        installation: of Coppice, which gave it the token; None where that was not noted.
        tags: AWS-style tags (any key and value AWS allows).
        server_group_id, server_group_name: the group it was made in; None where its maker did not note it.
        partition: which one of that group's it is in, from 1 on; None where it has none.
        fault: the cloud's words about an error status.
        volumes: cloud ids of the block storage's volumes that it has -> whether they are deleted with it.
        wants_address: it is to have a public address that the cloud gave it none of with its birth: engines take one.
        root_volume: its root disk is one of these, also while they are not told yet.
        block_devices: its own disks beside these, which are told by it alone.
        notice: the cloud's word that it will take it back.
        preemptible: the cloud may take it back.
        rebuild_mark: of the request by which it was last rebuilt from the image that it had.
    """

    id: str
    name: str
    status: ServerStatus
    created_at: datetime
    updated_at: datetime
    zone: str
    flavor: str
    image_id: str | None
    launch_id: str | None = None
    installation: str | None = None
    key_name: str | None = None
    private_address: str | None = None
    public_address: str | None = None
    mac_address: str | None = None
    network_id: str | None = None
    subnet_id: str | None = None
    security_group_ids: tuple[str, ...] = ()
    user_data: str | None = None
    block_devices: tuple[BlockDevice, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    server_group_id: str | None = None
    server_group_name: str | None = None
    partition: int | None = None
    fault: str | None = None
    reservation_id: str = ""
    index: int = 0
    options: ServerOptions = field(default_factory=ServerOptions)
    volumes: Mapping[str, bool] = field(default_factory=dict)
    root_volume: bool = False
    wants_address: bool = False
    notice: Notice | None = None
    preemptible: bool = False
    rebuild_mark: str | None = None

    @property
    def short_id(self) -> str:
        return short_id(self.id)


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """A server to be made; every reference is a cloud id that was resolved before.

    Attributes:
        launch_id: token to carry, or None for a server that is no cluster's.
        user_data: base64, or None.
        server_group: the group it is made in, or None.
        partition: which one of that group's it is to be in, from 1 on; None leaves that to the cloud, which puts each
            server where the fewest are.
        public_address: whether it is to have one of the cloud's public addresses; None: as its subnet is.
        public_by_default: the project has its subnet give such addresses, whatever the cloud tells of it.
        private_address: the address it is to have in its subnet, or None.
        interface_id: the made interface that it is to be on, whose subnet and groups are the request's, too; it stays
            when the server goes. One server alone can be made with it.
        public_key: of the key pair, where the cloud may not have that.
        preemptible: of the class of servers that the cloud may take back.
    """

    name: str
    image_id: str
    flavor: str
    zone: str
    subnet_id: str | None
    security_group_ids: tuple[str, ...] = ()
    key_name: str | None = None
    user_data: str | None = None
    block_devices: tuple[BlockDevice, ...] = ()
    public_address: bool | None = None
    public_by_default: bool = False
    launch_id: str | None = None
    server_group: ServerGroup | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    options: ServerOptions = field(default_factory=ServerOptions)
    private_address: str | None = None
    public_key: str | None = None
    preemptible: bool = False
    partition: int | None = None
    interface_id: str | None = None


@dataclass(frozen=True, slots=True)
class Flavor:
    """An instance type as the cloud gives it.

    Attributes:
        name: the AWS type name it answers to.
        memory_mib: memory in MiB.
        architectures: ``x86_64``, ``arm64``, ``i386``.
        zones: where it is offered.
        cost: of an hour, in whatever the operator counts in; None where nobody told.
    """

    name: str
    vcpus: int
    memory_mib: int
    architectures: tuple[str, ...]
    zones: tuple[str, ...]
    disk_gib: int = 0
    cores: int | None = None
    threads_per_core: int | None = None
    clock_ghz: float | None = None
    burstable: bool = False
    bare_metal: bool = False
    current_generation: bool = True
    hypervisor: str = "nitro"
    network_performance: str = ""
    ephemeral_gib: int = 0
    processor: str = ""
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair. ``kept``: by Coppice and not by the cloud; its id is then 17 hex digits, its public key known."""

    id: str
    name: str
    fingerprint: str
    type: str
    created_at: datetime
    public_key: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Zone:
    """An availability zone. ``zone_id`` is its stable id (``use1-az1``)."""

    name: str
    zone_id: str
    available: bool = True


@dataclass(frozen=True, slots=True)
class LoosePort:
    """A network port that was made for a server and is no server's. ``made_at``: it may be meant for one that comes."""

    id: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of one thing a project may have, and has.

    Attributes:
        resource: as ``QuotaExceeded`` names it: ``instances``, ``cores``, ``ram`` (in MiB), ``ports``.
    """

    resource: str
    limit: int
    used: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


class Compute(Protocol):
    """Servers and what they are made of, within one project and region.

    Every call may raise CloudUnavailable (could not ask) and NotAuthorized. Writes may raise OutcomeUnknown.
    Listings may lag behind writes by some seconds; ``get`` does not.

    One thing at a time is done to a server: while it is rebooted, moved or an image is made of it, what would be a
    ServerStateConflict in another state is ServerBusy. It can be deleted and tagged all the while.
    """

    def create(self, scope: Scope, request: ServerRequest, count: int) -> Sequence[Server]:
        """Make ``count`` servers: all, none, or (where a cloud has to be asked for each) some.

        Not safe to repeat: after OutcomeUnknown the servers are looked for by ``launch_id``.

        Raises:
            Refused: any subclass; nothing was made.
            PartlyMade: some were made, and stay; why there are no more.
            OutcomeUnknown: the answer was lost.
        """

    def get(self, scope: Scope, server_id: str) -> Server:
        """The server now. Raises ServerNotFound when it is gone."""

    def list(self, scope: Scope) -> Sequence[Server]:
        """Every server of the project in the region that is not deleted."""

    def list_changed(self, scope: Scope, since: datetime, *, built: bool = False) -> Sequence[Server]:
        """Servers whose ``updated_at`` is at or after ``since``; deleted ones are included, with status DELETED.

        Args:
            built: only those that are active or failed, which costs a cloud less while it builds many.
        """

    def on_host(self, scope: Scope, host: str) -> Sequence[str]:
        """Ids of the project's servers on one of the cloud's hosts, by the operator's name of that."""

    def delete(self, scope: Scope, server_id: str) -> None:
        """Ask for its deletion. Safe to repeat. Raises ServerNotFound when it is gone already."""

    def start(self, scope: Scope, server_id: str) -> None:
        """Raises ServerNotFound, ServerStateConflict."""

    def stop(self, scope: Scope, server_id: str) -> None:
        """Raises ServerNotFound, ServerStateConflict."""

    def reboot(self, scope: Scope, server_id: str, *, hard: bool = False) -> None:
        """Have its system begin anew.

        Args:
            hard: by power off and on, whatever the system does, and be the server stopped, paused or failed; else
                the system of an active server is asked to.

        Raises:
            ServerNotFound, ServerStateConflict
        """

    def suspend(self, scope: Scope, server_id: str) -> None:
        """Let it run no further and keep its memory: an active server becomes PAUSED.

        Raises:
            ServerNotFound
            ServerStateConflict: it is not active; so is one that is suspended, or about to be, already. After
                OutcomeUnknown a repeat that meets this tells that the first was heard, where ``get`` shows PAUSED.
        """

    def resume(self, scope: Scope, server_id: str) -> None:
        """Let a suspended server run on where it was: it becomes ACTIVE.

        Raises:
            ServerNotFound
            ServerStateConflict: it is not suspended; a repeat meets this as that of ``suspend`` does.
        """

    def rebuild(self, scope: Scope, server_id: str, image_id: str | None = None, mark: str | None = None) -> None:
        """Write its root disk anew from an image: id, name, addresses, tags and token stay.

        An active server, and one in error, becomes BUILDING and then ACTIVE; a stopped one is stopped again after it.
        Never sent twice: while one is under way a repeat is a conflict, and after it another one would begin, which
        loses what was written to the disk meanwhile.

        Args:
            image_id: None takes the image it was made from last.
            mark: what the server tells of the request from when the cloud took it on, where its image does not tell.

        Raises:
            ServerNotFound
            ServerStateConflict: it is neither active, stopped nor in error.
            ImageNotFound, FlavorNotSupported: the image cannot be had, or does not fit the server.
            Unsupported: its root disk is a volume, which no other image can be written to.
        """

    def adopt(self, scope: Scope, server_id: str, launch_id: str | None) -> None:
        """Write (or with None remove) the token of the cluster's node that owns it, and whose it is. Safe to repeat."""

    def tag(self, scope: Scope, server_id: str, put: Mapping[str, str], remove: Sequence[str]) -> None:
        """Change its tags. Safe to repeat. Raises ServerNotFound."""

    def loose_ports(self, scope: Scope) -> Sequence[LoosePort]:
        """The network ports that this installation made for servers, and that none has (yet, or any more).

        None where servers make their ports themselves.
        """

    def delete_ports(self, scope: Scope, ports: Sequence[str]) -> None:
        """Delete those of these ports that are loose still, as far as it goes: what is left is told again."""

    def server_groups(self, scope: Scope) -> Sequence[ServerGroup]:
        """The project's server groups, in the order they were made."""

    def create_server_group(
        self, scope: Scope, name: str, policy: GroupPolicy, partitions: int | None = None
    ) -> ServerGroup:
        """Make an empty group; names are not kept apart.

        Not safe to repeat: after OutcomeUnknown it is looked for by name.

        Args:
            partitions: how many it has, where that is its policy.

        Raises:
            Unsupported: the cloud knows no such policy.
            QuotaExceeded: the project may have no more of them.
        """

    def delete_server_group(self, scope: Scope, group_id: str) -> None:
        """Delete a group; servers in it stay as they are. Safe to repeat. Raises ServerGroupNotFound."""

    def flavors(self, scope: Scope) -> Sequence[Flavor]:
        """Every instance type offered."""

    def quotas(self, scope: Scope) -> Sequence[Quota]:
        """What bounds how many servers the project may have: none of what it may have as much of as it likes.

        What is asked for by others at the same time is not in it: ``create`` has the last word.
        """

    def key_pairs(self, scope: Scope) -> Sequence[KeyPair]:
        """The project's (user's) key pairs."""

    def zones(self, scope: Scope) -> Sequence[Zone]:
        """The availability zones, by name."""


def change_power(compute: Compute, scope: Scope, server_id: str, act: PowerAct) -> None:
    """Ask for that act. Raises as the calls themselves."""
    {PowerAct.START: compute.start, PowerAct.STOP: compute.stop, PowerAct.REBOOT: compute.reboot}[act](scope, server_id)
