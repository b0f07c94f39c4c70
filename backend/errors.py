"""Findings: what the backend can answer instead of doing what it was asked. Data, no sentences.

Each is one fact that the translators put into AWS's words. The message of the exception is for logs only.
"""

from __future__ import annotations

from dataclasses import dataclass


class Finding(Exception):
    """Any refusal of the backend."""


@dataclass(eq=False)
class ClusterNotFound(Finding):
    name: str | None


@dataclass(eq=False)
class ClusterExists(Finding):
    """``leaving``: the cluster of that name is being deleted."""

    name: str
    leaving: bool = False


@dataclass(eq=False)
class ClusterInUse(Finding):
    """It still holds nodes and deletion was not forced."""

    name: str


@dataclass(eq=False)
class ClusterBusy(Finding):
    """A scaling activity is in progress and deletion was not forced (or HonorCooldown met a cooldown: see Cooldown)."""

    name: str


@dataclass(eq=False)
class ClusterDeleting(Finding):
    name: str


@dataclass(eq=False)
class ClusterProtected(Finding):
    """Deletion protection forbids it. ``protection`` is its value."""

    name: str
    protection: str


@dataclass(eq=False)
class CoolingDown(Finding):
    """A cooldown that was to be honoured is not over; ``activity`` is the id of the activity that began it."""

    name: str
    activity: str = ""


@dataclass(eq=False)
class CapacityOutOfBounds(Finding):
    """A desired capacity outside [minimum, maximum]; also used for minimum > maximum with desired = minimum."""

    desired: int
    minimum: int
    maximum: int


@dataclass(eq=False)
class BoundsCrossed(Finding):
    minimum: int
    maximum: int


@dataclass(eq=False)
class BelowMinimum(Finding):
    """Taking nodes away with a decrement would go below the minimum."""

    desired: int
    minimum: int
    count: int
    maximum: int = 0
    cluster: str = ""


@dataclass(eq=False)
class AboveMaximum(Finding):
    """Adding nodes would go above the maximum."""

    desired: int
    maximum: int
    count: int
    minimum: int = 0
    cluster: str = ""


@dataclass(eq=False)
class NodeNotFound(Finding):
    """No node has that server. ``server`` is the id as the caller gave it (short id)."""

    server: str


@dataclass(eq=False)
class NodeNotInCluster(Finding):
    server: str
    cluster: str


@dataclass(eq=False)
class NodeStateConflict(Finding):
    """The node is not in one of the states that allow it. ``required`` are NodeState values."""

    server: str
    state: str
    required: tuple[str, ...]


@dataclass(eq=False)
class ProcessSuspended(Finding):
    """The request needs a process that is suspended (Launch for attach and exit standby)."""

    name: str
    process: str


@dataclass(eq=False)
class ServerUnknown(Finding):
    """No such server in the project."""

    server: str


@dataclass(eq=False)
class ServerProtected(Finding):
    """Its owner wants the server kept, or ``kept_running``; ``stop``: it was to be stopped only."""

    server: str
    kept_running: bool
    stop: bool = False


@dataclass(eq=False)
class ServerNotAttachable(Finding):
    """``why``: ``not_running``, ``in_cluster`` (``cluster`` is its name), ``zone``, ``image`` (it is gone)."""

    server: str
    why: str
    cluster: str = ""
    state: str = ""


@dataclass(eq=False)
class ServerConflict(Finding):
    """A server's state does not allow start, stop, reboot. ``state`` is a ServerStatus value."""

    server: str
    state: str


@dataclass(eq=False)
class ProfileNotFound(Finding):
    """No launch configuration of that name."""

    name: str


@dataclass(eq=False)
class ProfileExists(Finding):
    name: str


@dataclass(eq=False)
class ProfileInUse(Finding):
    name: str
    cluster: str


@dataclass(eq=False)
class TemplateNotFound(Finding):
    """By id (short id) or by name, whichever was given."""

    id: str | None = None
    name: str | None = None


@dataclass(eq=False)
class TemplateExists(Finding):
    name: str


@dataclass(eq=False)
class TemplateVersionNotFound(Finding):
    name: str
    id: str
    version: str


@dataclass(eq=False)
class TemplateDefaultVersionKept(Finding):
    """The default version cannot be deleted."""

    id: str
    version: int


@dataclass(eq=False)
class TokenReused(Finding):
    """A client token was used before with other parameters."""

    token: str


@dataclass(eq=False)
class TokenUsed(Finding):
    """A client token was used before, and what it was used for cannot be told again."""

    token: str


@dataclass(eq=False)
class NoVolumes(Finding):
    """The cloud has no block storage; ``detail`` is its own words."""

    detail: str


@dataclass(eq=False)
class VolumeNotFound(Finding):
    """``volume`` is a short id, or the cloud's."""

    volume: str


@dataclass(eq=False)
class VolumeConflict(Finding):
    """The volume is in a state that does not allow what was asked; ``detail`` is the cloud's own words."""

    volume: str
    state: str = ""
    detail: str = ""


@dataclass(eq=False)
class VolumeAttached(Finding):
    """The volume is attached to ``server`` (short ids)."""

    volume: str
    server: str


@dataclass(eq=False)
class VolumeNotAttached(Finding):
    """The volume is not attached to ``server``, or to any (short ids)."""

    volume: str
    server: str | None


@dataclass(eq=False)
class VolumeElsewhere(Finding):
    """The volume lies in another zone than the server."""

    volume: str
    zone: str
    server: str
    server_zone: str


@dataclass(eq=False)
class VolumeShrinks(Finding):
    """Volumes do not become smaller: ``size`` was asked for, ``least`` it is."""

    volume: str
    size: int
    least: int


@dataclass(eq=False)
class SnapshotNotFound(Finding):
    """``snapshot`` is a short id, or the cloud's."""

    snapshot: str


@dataclass(eq=False)
class SnapshotInUse(Finding):
    """An image (its cloud id) boots from the snapshot."""

    snapshot: str
    image: str


@dataclass(eq=False)
class VolumeTooSmall(Finding):
    """A disk of ``size`` GiB where ``least`` are needed: for a copy of the snapshot (its id), or at all."""

    size: int
    least: int
    snapshot: str | None = None


@dataclass(eq=False)
class TokenSpent(Finding):
    """What a client token's request made is gone already."""

    token: str


@dataclass(eq=False)
class ImageNotFound(Finding):
    image: str


@dataclass(eq=False)
class TypeNotFound(Finding):
    type: str


@dataclass(eq=False)
class TypeNotSupported(Finding):
    """The type does not run that image (architecture)."""

    type: str
    architecture: str
    image: str


@dataclass(eq=False)
class KeyPairNotFound(Finding):
    name: str


@dataclass(eq=False)
class SecurityGroupNotFound(Finding):
    """``group`` is a short id or a name; ``named`` says which."""

    group: str
    named: bool = False
    network: str = ""


@dataclass(eq=False)
class ServerGroupNotFound(Finding):
    """``group`` is the name, or the short id where it was not named."""

    group: str


@dataclass(eq=False)
class ServerGroupExists(Finding):
    name: str


@dataclass(eq=False)
class ServerGroupInUse(Finding):
    """Servers are in it."""

    name: str


@dataclass(eq=False)
class SubnetNotFound(Finding):
    subnet: str


@dataclass(eq=False)
class ZoneNotFound(Finding):
    zone: str


@dataclass(eq=False)
class ZonesMismatch(Finding):
    """Zones were given together with subnets that lie elsewhere."""

    zones: tuple[str, ...]


@dataclass(eq=False)
class PlacementMissing(Finding):
    """Neither zones nor subnets were given."""


@dataclass(eq=False)
class ProfileIncomplete(Finding):
    """The launch source lacks a member that a launch needs: ``image`` or ``instance_type``."""

    missing: str


@dataclass(eq=False)
class IamProfileNotFound(Finding):
    name: str
    empty: bool = False


@dataclass(eq=False)
class QuotaExceeded(Finding):
    resource: str
    requested: int
    limit: int


@dataclass(eq=False)
class NoCapacity(Finding):
    type: str
    zone: str


@dataclass(eq=False)
class LimitExceeded(Finding):
    """One of AWS's own limits: ``what``: ``clusters``, ``profiles``, ``tags``, ``templates``..."""

    what: str
    limit: int


@dataclass(eq=False)
class StoreUnavailable(Finding):
    """The database cannot be asked now. Nothing of what was wanted was written.

    Attributes:
        detail: its words, without anything that was to be written.
    """

    detail: str


@dataclass(eq=False)
class CommitUnknown(StoreUnavailable):
    """The connection was lost while the database committed: everything that was wanted was written, or nothing."""


@dataclass(eq=False)
class CloudNotReached(Finding):
    """The cloud could not be asked; nothing was done."""

    detail: str


@dataclass(eq=False)
class StaleRead(Finding):
    """The write met a concurrent one too often; the caller may try again (AWS: ResourceContention)."""

    name: str


@dataclass(eq=False)
class NotPermitted(Finding):
    """The engine may not act in the project (delegation expired, role missing). ``detail`` is the cloud's own words."""

    detail: str


@dataclass(eq=False)
class RegionNotOpened(NotPermitted):
    """The project has things of its own in as many other regions as one may; ``detail`` is the cloud's own words."""


@dataclass(eq=False)
class CloudRefused(Finding):
    """The cloud said no for a reason that has no finding of its own; ``detail`` is its own words."""

    detail: str


@dataclass(eq=False)
class OutcomeUnclear(Finding):
    """A write was sent to the cloud and no answer came: it may or may not have happened."""

    detail: str


@dataclass(eq=False)
class NoAddresses(Finding):
    """The subnet (as the cloud names it) has no free address."""

    subnet: str


@dataclass(eq=False)
class AddressTaken(Finding):
    """The address that was asked for (``detail`` tells more) is somebody's already."""

    detail: str


@dataclass(eq=False)
class AddressUnfit(Finding):
    """The address that was asked for is none that a server may have in its subnet."""

    detail: str


@dataclass(eq=False)
class NetworkMissing(Finding):
    """There is no default network to put a server on, in ``zone`` where that was asked for."""

    zone: str


@dataclass(eq=False)
class LaunchUnsupported(Finding):
    """The launch source asks for something that this cloud cannot give; ``member`` names it in AWS's words."""

    member: str


@dataclass(eq=False)
class PoolNotFound(Finding):
    """No such pool (AWS: target group); ``pool`` as it was named."""

    pool: str


@dataclass(eq=False)
class SourceNotAttached(Finding):
    """The pool (by its short id) is no traffic source of the cluster."""

    pool: str
    cluster: str


@dataclass(eq=False)
class PoolBusy(Finding):
    """The pool is being changed for somebody else; ``detail`` is the cloud's own words."""

    detail: str


@dataclass(eq=False)
class NoBalancing(Finding):
    """The cloud has no load balancing."""


@dataclass(eq=False)
class TemplateUnusable(Finding):
    """A template version that no server can be made from; ``reason`` is what stands in the way."""

    reason: Finding


@dataclass(eq=False)
class SessionsUnavailable(Finding):
    """There are no temporary keys here; ``detail`` says why."""

    detail: str


@dataclass(eq=False)
class KeyGone(Finding):
    """The lasting key that was to open a temporary one is there no more, or is another by now."""

    access_key: str


@dataclass(eq=False)
class RolesNotAssumed(Finding):
    """This cloud has no roles that could be assumed."""


@dataclass(eq=False)
class RoleRefused(Finding):
    """There is no account ``number``, or it lets the caller assume no role."""

    number: str
    role: str


@dataclass(eq=False)
class ImageNameTaken(Finding):
    """The project has an image of that name, with that id of the cloud."""

    name: str
    image_id: str


@dataclass(eq=False)
class ImageNotOwned(Finding):
    """The image, of that id of the cloud, is somebody else's."""

    image_id: str


@dataclass(eq=False)
class ImagesExhausted(Finding):
    """The project has ``limit`` images in the region."""

    limit: int


@dataclass(eq=False)
class NetworkUnknown(Finding):
    """No such network (AWS: VPC). ``network`` is a short id, empty where the default one is missing."""

    network: str


@dataclass(eq=False)
class SecurityGroupExists(Finding):
    """The name is taken in the network (short id)."""

    name: str
    network: str


@dataclass(eq=False)
class SecurityGroupInUse(Finding):
    """Servers, ports or rules of other groups need it (short id)."""

    group: str


@dataclass(eq=False)
class SecurityGroupKept(Finding):
    """It came with its network, and goes with it. ``group`` is a short id."""

    group: str
    name: str


@dataclass(eq=False)
class GroupRuleExists(Finding):
    """The group has the rule. ``peer`` is a block of addresses or the short id of a group; ports -1 for all."""

    protocol: str
    from_port: int
    to_port: int
    peer: str


@dataclass(eq=False)
class GroupRuleMissing(Finding):
    """The group has no such rule."""


@dataclass(eq=False)
class GroupRulesUnknown(Finding):
    """No rules of the group have these ids (short)."""

    rules: tuple[str, ...]


@dataclass(eq=False)
class KeyPairExists(Finding):
    name: str


@dataclass(eq=False)
class KeyPairNotPublic(Finding):
    """The text is no public key that could be imported."""


@dataclass(eq=False)
class BalancerNotFound(Finding):
    """No such load balancer; ``balancer`` as it was named."""

    balancer: str


@dataclass(eq=False)
class BalancerExists(Finding):
    """One of that name is there with other settings."""

    name: str


@dataclass(eq=False)
class BalancerProtected(Finding):
    """It may not be deleted."""

    balancer: str


@dataclass(eq=False)
class TargetGroupExists(Finding):
    """One of that name is there with other settings."""

    name: str


@dataclass(eq=False)
class TargetGroupInUse(Finding):
    """A listener or a rule refers to it."""

    group: str


@dataclass(eq=False)
class TargetGroupElsewhere(Finding):
    """Another balancer refers to it."""

    group: str


@dataclass(eq=False)
class ListenerNotFound(Finding):
    listener: str


@dataclass(eq=False)
class ListenerExists(Finding):
    """The balancer listens on that port already."""

    port: int


@dataclass(eq=False)
class RuleNotFound(Finding):
    rule: str


@dataclass(eq=False)
class PriorityInUse(Finding):
    priority: int


@dataclass(eq=False)
class TargetsInvalid(Finding):
    """These are no instances that run, or lie in another network; ``what`` says which of the two."""

    targets: tuple[str, ...]
    what: str


@dataclass(eq=False)
class BalancingLacks(Finding):
    """What the cloud's load balancing cannot do; ``detail`` in AWS's words."""

    detail: str


@dataclass(eq=False)
class PolicyUnknown(Finding):
    """The balancer has no policy of that name."""

    policy: str


@dataclass(eq=False)
class PolicyExists(Finding):
    policy: str


@dataclass(eq=False)
class PolicyInUse(Finding):
    """A listener follows it."""

    policy: str
