"""How an OpenStack cloud is reached, and how its words become AWS's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

_CONNECT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class OpenStackSettings:
    """One cloud, as its operator sets it up.

    Attributes:
        cloud: entry of clouds.yaml that holds the service user (name and password).
        clouds_file: path of that file; empty looks where OpenStack's clients look.
        interface: endpoint interface; empty takes the entry's own.
        connect_seconds, read_seconds: how long a connection, and an answer after that, may take.
        request_read_seconds, request_write_seconds: how long an answer may take that a client's request waits for.
        request_seconds: how long all answers together that one request of a client waits for may take.
        request_calls: requests of clients that may wait for the cloud at once in a process: fewer than its threads.
        connections: kept open to one service by a process.
        access: the ways into a project, tried in turn: ``role``, ``trust``, ``application_credential``, ``ec2``.
        ec2_role: what a user must be in the project for the engine to act with their EC2 credential.
        identity_scope: ``system`` or ``project``: with which token EC2 credentials are read.
        key_seconds: how long an access key that was read stands; revocation takes that long.
        unknown_key_seconds: how long an access key that was not found stays unknown.
        regions: AWS region name -> the cloud's.
        zones: AWS zone name -> the cloud's; zones that are not named keep their own. A name that begins with an AWS
            region's is of that region alone.
        flavors: AWS instance type -> name of a flavor.
        match_flavors: types without a flavor of their name or a mapping get the smallest flavor that has their CPUs
            and memory.
        spot: what becomes of launches that ask for Spot: ``refuse``, ``on-demand`` or ``preemptible``.
        spot_flavors: AWS instance type -> name of the flavor whose servers the cloud may take back, for the latter.
        costs: AWS instance type -> cost of an hour, before what flavors say in ``coppice:cost``.
        architectures: what the hosts can run, in AWS's words; the first is that of images which do not tell.
        default_network: name or id of the network that stands for the default VPC.
        public_network: name or id of the network that internet gateways lead to; empty: the external one there is.
        public_addresses: ``floating``: launches with public addresses get floating ones of that network; ``none``: such
            launches are refused where they ask for one, and get none where only their subnet would have given it.
        balancer_groups: ``enforce``: balancers with security groups are refused where Octavia knows no groups of them;
            ``record``: there the groups are kept and shown, though nothing enforces them.
        address_groups: whether the cloud's firewall heeds rules of security groups that name Neutron's address groups;
            where it does not, rules that name a prefix list are refused.
        subnet_zones: subnet (name or id) -> AWS zone name, for subnets that belong to one zone.
        volume_types: AWS volume type -> the cloud's; others get the cloud's default type.
    """

    cloud: str = "coppice"
    clouds_file: str = ""
    interface: str = ""
    connect_seconds: float = 5.0
    read_seconds: float = 60.0
    request_read_seconds: float = 8.0
    request_write_seconds: float = 20.0
    request_seconds: float = 25.0
    request_calls: int = 6
    connections: int = 32
    access: tuple[str, ...] = ("role", "trust", "application_credential")
    ec2_role: str = "member"
    identity_scope: str = "system"
    key_seconds: float = 60.0
    unknown_key_seconds: float = 10.0
    regions: Mapping[str, str] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    flavors: Mapping[str, str] = field(default_factory=dict)
    match_flavors: bool = True
    spot: str = "refuse"
    spot_flavors: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, str] = field(default_factory=dict)
    architectures: tuple[str, ...] = ("x86_64", "i386")
    default_network: str = ""
    public_network: str = ""
    public_addresses: str = "floating"
    balancer_groups: str = "enforce"
    address_groups: bool = True
    subnet_zones: Mapping[str, str] = field(default_factory=dict)
    volume_types: Mapping[str, str] = field(default_factory=dict)

    def for_requests(self) -> OpenStackSettings:
        """With connections for what the clients of a gateway wait for."""
        connect = min(self.connect_seconds, _CONNECT_SECONDS)
        return replace(self, connect_seconds=connect, read_seconds=min(self.read_seconds, self.request_read_seconds))

    @property
    def layout_age(self) -> timedelta:
        """How old what hardly ever changes (networks, groups, flavors) may be when servers are told."""
        return timedelta(minutes=5)

    def zone_names(self, region: str) -> ZoneNames:
        """The names of zones within one of the cloud's regions: another may have zones of the same names."""

        def owner(zone: str) -> str | None:
            return max((name for name in self.regions if zone.startswith(name)), key=len, default=None)

        owners = {zone: owner(zone) for zone in self.zones}
        everywhere = {zone: self.zones[zone] for zone, name in owners.items() if name is None}
        own = {zone: self.zones[zone] for zone, name in owners.items() if name and self.regions[name] == region}
        return ZoneNames({**everywhere, **own})


class ZoneNames:
    """AWS's names of zones and the cloud's, both ways."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._cloud = dict(mapping)
        self._aws = {cloud: aws for aws, cloud in mapping.items()}

    def to_cloud(self, aws: str) -> str:
        return self._cloud.get(aws, aws)

    def to_aws(self, cloud: str) -> str:
        return self._aws.get(cloud, cloud)
