"""AWS's names of things: ids with their prefixes and ARNs, both computed from the cloud's UUIDs and never stored.

An id is a prefix and the first 17 hex digits of a UUID; the way back is a look-up by those digits.
"""

from __future__ import annotations

import re
from typing import Final

from backend.domain.ids import balancing_id, derived_short, is_short_id, short_id

INSTANCE: Final = "i"
IMAGE: Final = "ami"
TEMPLATE: Final = "lt"
NETWORK: Final = "vpc"
SUBNET: Final = "subnet"
SECURITY_GROUP: Final = "sg"
SECURITY_GROUP_RULE: Final = "sgr"
VOLUME: Final = "vol"
SNAPSHOT: Final = "snap"
KEY_PAIR: Final = "key"
RESERVATION: Final = "r"
ELASTIC_ADDRESS: Final = "eipalloc"
ELASTIC_ASSOCIATION: Final = "eipassoc"
NAT_GATEWAY: Final = "nat"
INTERFACE: Final = "eni"
INTERFACE_ATTACHMENT: Final = "eni-attach"
DHCP_OPTIONS: Final = "dopt"
INTERNET_GATEWAY: Final = "igw"
ROUTE_TABLE: Final = "rtb"
ROUTE_ASSOCIATION: Final = "rtbassoc"
NETWORK_ACL: Final = "acl"
ACL_ASSOCIATION: Final = "aclassoc"
PLACEMENT_GROUP: Final = "pg"
PREFIX_LIST: Final = "pl"
ADDRESS_ASSOCIATION: Final = "vpc-cidr-assoc"

_SERVICE_ROLE: Final = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
_UNFIT: Final = re.compile(r"[^A-Za-z0-9-]")
_BALANCING_ID: Final = re.compile(r"[0-9a-f]{16}")
_ID: Final = re.compile(r"([0-9a-f]{8}|[0-9a-f]{17})")


def resource_id(prefix: str, uuid: str) -> str:
    """The AWS id of a thing of the cloud: ``i-0123456789abcdef0``."""
    return f"{prefix}-{short_id(uuid)}"


def instance_id(uuid: str) -> str:
    """A server's id."""
    return resource_id(INSTANCE, uuid)


def image_id(uuid: str) -> str:
    return resource_id(IMAGE, uuid)


def subnet_id(uuid: str) -> str:
    return resource_id(SUBNET, uuid)


def template_id(uuid: str) -> str:
    return resource_id(TEMPLATE, uuid)


def derived_id(prefix: str, *parts: str) -> str:
    """The id of something the cloud has no UUID for (a rule, an attachment): stable, from what it belongs to."""
    return f"{prefix}-{derived_short(*parts)}"


def short_of(prefix: str, text: str) -> str | None:
    """The 17 hex digits of an AWS id of that prefix, or None where the text cannot be one of ours.

    The old ids of 8 digits are well formed but name nothing here.
    """
    head, _, digits = text.rpartition("-")
    return digits if head == prefix and is_short_id(digits) else None


def is_well_formed(prefix: str, text: str) -> bool:
    """Whether the text has the form of an id of that prefix (17 or, as once, 8 hex digits)."""
    head, _, digits = text.rpartition("-")
    return head == prefix and _ID.fullmatch(digits) is not None


def group(region: str, account: str, uuid: str, name: str) -> str:
    """A group's ARN."""
    return f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}"


def scheduled_action(region: str, account: str, uuid: str, cluster: str, name: str) -> str:
    """The ARN of a group's scheduled action."""
    group_and_name = f"autoScalingGroupName/{cluster}:scheduledActionName/{name}"
    return f"arn:aws:autoscaling:{region}:{account}:scheduledUpdateGroupAction:{uuid}:{group_and_name}"


def scaling_policy(region: str, account: str, uuid: str, cluster: str, name: str) -> str:
    """The ARN of a group's scaling policy."""
    group_and_name = f"autoScalingGroupName/{cluster}:policyName/{name}"
    return f"arn:aws:autoscaling:{region}:{account}:scalingPolicy:{uuid}:{group_and_name}"


def scaling_policy_id(region: str, account: str, arn: str) -> str | None:
    """The id of the scaling policy of an ARN of that region and account; None where it is no such ARN."""
    head = f"arn:aws:autoscaling:{region}:{account}:scalingPolicy:"
    uuid, _, rest = arn.removeprefix(head).partition(":")
    return uuid if arn.startswith(head) and rest.startswith("autoScalingGroupName/") else None


def alarm(region: str, account: str, name: str) -> str:
    """The ARN of an alarm."""
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


def launch_configuration(region: str, account: str, uuid: str, name: str) -> str:
    return f"arn:aws:autoscaling:{region}:{account}:launchConfiguration:{uuid}:launchConfigurationName/{name}"


def service_linked_role(account: str) -> str:
    """The role that Auto Scaling acts in; every group names it."""
    return f"arn:aws:iam::{account}:{_SERVICE_ROLE}"


def target_group(region: str, account: str, uuid: str, name: str) -> str:
    """The ARN of a target group, which is a pool of the cloud."""
    return _balancing(region, account, f"targetgroup/{balancing_name(name)}/{balancing_id(uuid)}")


def load_balancer(region: str, account: str, kind: str, uuid: str, name: str) -> str:
    """The ARN of a load balancer; ``kind`` is ``app`` or ``net``."""
    return _balancing(region, account, f"loadbalancer/{kind}/{balancing_name(name)}/{balancing_id(uuid)}")


def classic_load_balancer(region: str, account: str, name: str) -> str:
    return _balancing(region, account, f"loadbalancer/{name}")


def listener(balancer_arn: str, uuid: str) -> str:
    """The ARN of a listener of a load balancer."""
    return f"{balancer_arn.replace(':loadbalancer/', ':listener/', 1)}/{balancing_id(uuid)}"


def listener_rule(listener_arn: str, uuid: str) -> str:
    """The ARN of a rule of a listener."""
    return f"{listener_arn.replace(':listener/', ':listener-rule/', 1)}/{balancing_id(uuid)}"


def balancing_name(name: str) -> str:
    """A name as load balancing would allow it: up to 32 letters, digits and hyphens."""
    return _UNFIT.sub("-", name)[:32].strip("-") or "unnamed"


def balancing_of(kind: str, region: str, account: str, arn: str) -> str | None:
    """The short id that an ARN of load balancing carries, None where it is none of that kind, region and account."""
    head = _balancing(region, account, f"{kind}/")
    digits = arn.rpartition("/")[2]
    return digits if arn.startswith(head) and _BALANCING_ID.fullmatch(digits) else None


def _balancing(region: str, account: str, resource: str) -> str:
    return f"arn:aws:elasticloadbalancing:{region}:{account}:{resource}"


def user(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:user/{name}"


def assumed_role(account: str, role_session: str) -> str:
    """The ARN of a session of a role: ``ROLE/SESSION``."""
    return f"arn:aws:sts::{account}:assumed-role/{role_session}"


def ec2(region: str, account: str, kind: str, name: str) -> str:
    """The ARN of an EC2 resource: ``arn:aws:ec2:us-east-1:123456789012:subnet/subnet-...``."""
    return f"arn:aws:ec2:{region}:{account}:{kind}/{name}"


def iam(account: str, kind: str, path: str, name: str) -> str:
    """The ARN of an identity: ``arn:aws:iam::123456789012:role/path/name``."""
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def parameter(region: str, account: str, name: str) -> str:
    """The ARN of a parameter, whose name may begin with a slash or not."""
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"


def queue(region: str, account: str, name: str) -> str:
    """A queue's ARN."""
    return f"arn:aws:sqs:{region}:{account}:{name}"


def topic(region: str, account: str, name: str) -> str:
    """A topic's ARN; that of a subscription is this and its id."""
    return f"arn:aws:sns:{region}:{account}:{name}"
