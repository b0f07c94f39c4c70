"""Settings of the driver of OpenStack, read by oslo.config; a part of those of ``backend.config``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from oslo_config import cfg, types

from backend.drivers.openstack.settings import OpenStackSettings

OPTIONS: Final[dict[str, Sequence[Any]]] = {
    "openstack": (
        cfg.StrOpt("cloud", default="coppice", help="Entry of clouds.yaml that holds the service user."),
        cfg.StrOpt("clouds_file", default="", help="Path of clouds.yaml (empty: where OpenStack's clients look)."),
        cfg.StrOpt("interface", default="", help="Endpoint interface: public, internal (empty: clouds.yaml's own)."),
        cfg.FloatOpt("connect_seconds", default=5.0, min=0.1, help="How long a connection to a service may take."),
        cfg.FloatOpt("read_seconds", default=60.0, min=0.1, help="How long a service may take to answer."),
        cfg.FloatOpt(
            "request_read_seconds",
            default=8.0,
            min=1.0,
            max=60.0,
            help="How long a service may take to answer a question for which a client's request waits.",
        ),
        cfg.FloatOpt(
            "request_write_seconds",
            default=20.0,
            min=1.0,
            max=60.0,
            help="How long it may take to take an order for one.",
        ),
        cfg.FloatOpt(
            "request_seconds",
            default=25.0,
            min=2.0,
            max=60.0,
            help="How long the cloud may take for all that one request of a client waits for.",
        ),
        cfg.IntOpt(
            "request_calls",
            default=6,
            min=1,
            help="Requests of clients that may wait for the cloud at once in a process: fewer than [gateway] threads.",
        ),
        cfg.IntOpt("connections", default=32, min=1, help="Connections a process keeps to one service."),
        cfg.ListOpt(
            "access",
            default=["role", "trust", "application_credential"],
            item_type=types.String(choices=("role", "trust", "application_credential", "ec2")),
            help="Ways into a project, tried in turn: a role of the service user; a trust or an application credential"
            " that its owner gave (coppice grant); ec2: the EC2 credential of a user who has ec2_role there.",
        ),
        cfg.StrOpt("ec2_role", default="member", help="Role of users whose EC2 credentials the way ec2 signs with."),
        cfg.StrOpt(
            "verify",
            default="secret",
            choices=("secret", "ec2tokens"),
            help="Signatures: checked here with the secret that the service user reads, or by Keystone, each one.",
        ),
        cfg.StrOpt(
            "identity_scope",
            default="system",
            choices=("system", "project"),
            help="Token that reads EC2 credentials: of the service user on the system (reader), or on its project.",
        ),
        cfg.FloatOpt("key_seconds", default=60.0, min=0.0, help="How long a key that was read counts as good."),
        cfg.FloatOpt("unknown_key_seconds", default=10.0, min=0.0, help="How long an unknown key stays unknown."),
        cfg.FloatOpt(
            "port_grace_seconds",
            default=600.0,
            min=1.0,
            help="A port made for a server, and that no server has for so long, is deleted.",
        ),
        cfg.IntOpt(
            "launch_window",
            default=16,
            min=1,
            help="Servers of a group that are built at once, or as many as came up in the ten minutes before.",
        ),
        cfg.DictOpt("regions", default={}, help="AWS region:the cloud's region (empty: [DEFAULT] region is the one)."),
        cfg.DictOpt("zones", default={}, help="AWS zone:the cloud's zone (of the region that the name begins with)."),
        cfg.DictOpt("flavors", default={}, help="AWS instance type:name of the flavor that answers it."),
        cfg.StrOpt(
            "spot",
            default="refuse",
            choices=("refuse", "on-demand", "preemptible"),
            help="Spot: refused, made as any other server, or of the flavors of spot_flavors.",
        ),
        cfg.DictOpt("spot_flavors", default={}, help="AWS instance type:flavor whose servers the cloud takes back."),
        cfg.DictOpt("costs", default={}, help="AWS instance type:cost of an hour; else flavors tell (coppice:cost)."),
        cfg.BoolOpt("match_flavors", default=True, help="Types without one get the smallest flavor that is enough."),
        cfg.ListOpt(
            "architectures",
            default=["x86_64", "i386"],
            help="What the hosts run (x86_64, arm64, i386); the first is that of images that do not tell.",
        ),
        cfg.StrOpt("default_network", default="", help="Name or id of the network that is the default VPC."),
        cfg.StrOpt("public_network", default="", help="External network of internet gateways (empty: the first one)."),
        cfg.StrOpt(
            "public_addresses",
            default="floating",
            choices=("floating", "none"),
            help="Public addresses of launches: floating addresses of that network, or none.",
        ),
        cfg.StrOpt(
            "balancer_groups",
            default="enforce",
            choices=("enforce", "record"),
            help="Security groups of balancers where Octavia knows none: refused, or kept without effect.",
        ),
        cfg.BoolOpt(
            "address_groups",
            default=True,
            help="The firewall heeds rules that name address groups (else rules of prefix lists are refused).",
        ),
        cfg.DictOpt("subnet_zones", default={}, help="Subnet (name or id):AWS zone, for subnets of one zone."),
        cfg.DictOpt("volume_types", default={}, help="AWS volume type:the cloud's; others get its default."),
    ),
}


def openstack(conf: cfg.ConfigOpts) -> OpenStackSettings:
    """The values of a parsed configuration: each option is the field of its name."""
    given = {each.name: conf.openstack[each.name] for each in fields(OpenStackSettings)}
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    return OpenStackSettings(**{**given, **lists})
