"""The gateway's settings, read by oslo.config, and gunicorn's made from them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gunicorn.config import KNOWN_SETTINGS as _SETTINGS
from oslo_config import cfg
from oslo_policy.opts import list_opts

from gateway.audit import Audit
from gateway.auth.decisions import DecisionSettings
from gateway.auth.policy import PolicySettings
from gateway.limits import Limits, TokenBuckets
from gateway.metadata import MetadataSettings
from gateway.worker import patient

KNOWN_SETTINGS = frozenset(setting.name for setting in _SETTINGS)


OPTIONS = (
    cfg.IntOpt("workers", default=max(2, os.cpu_count() or 2), min=1, help="Processes of the gateway."),
    cfg.IntOpt("threads", default=8, min=1, help="Threads of each process."),
    cfg.StrOpt(
        "operator_bind",
        default="",
        regex=r"^(([0-9.]+|\[[0-9a-fA-F:.]+\]):\d{1,5})?$",
        help="IP address and port of the operator's pages; none: to who asks from this machine, at the gateway's own.",
    ),
    cfg.FloatOpt("client_seconds", default=20.0, min=0.1, help="How long a client may take to send a request."),
    cfg.FloatOpt("throttle_rate", default=0.0, min=0.0, help="Requests a second and account; 0: no throttling."),
    cfg.FloatOpt("throttle_burst", default=100.0, min=1.0, help="Requests that may come at once when throttling."),
    cfg.BoolOpt(
        "strict_answers",
        default=False,
        advanced=True,
        help="For tests: an answer with a member that AWS's model does not have is an internal failure, not dropped.",
    ),
)
"""What can be set in the group ``gateway``."""

POLICY_OPTIONS = (
    cfg.StrOpt(
        "opa_url",
        default="",
        regex=r"^(https?://[^/\s]+(/\S*)?)?$",
        help="Open Policy Agent (http://127.0.0.1:8181), which rules ask as opa:PATH.",
    ),
    cfg.FloatOpt("opa_seconds", default=1.0, min=0.05, max=10.0, help="How long it may take to answer."),
    cfg.FloatOpt("opa_kept_seconds", default=5.0, min=0.0, help="How long its answer holds for the same question."),
    cfg.BoolOpt(
        "undecided_reads",
        default=False,
        help="Whether operations that only look go on while whoever a rule asks does not answer. Others never do.",
    ),
    cfg.StrOpt("dry_run_file", default="", help="Rules that are tried beside those that hold; differences are logged."),
)
"""What can be set in the group ``policy``."""

AUDIT_OPTIONS = (
    cfg.StrOpt("file", default="", help="File that tells who did what, a line of JSON each; none: nothing is told."),
    cfg.StrOpt("form", default="json", choices=["json", "cadf"], help="Form of its lines."),
    cfg.BoolOpt("reads", default=False, help="Whether operations that only look are told, too."),
)
"""What can be set in the group ``audit``."""

METADATA_OPTIONS = (
    cfg.StrOpt(
        "secret",
        default="",
        secret=True,
        help="The metadata_proxy_shared_secret of Neutron's agents, whose nova_metadata_host is this service.",
    ),
    cfg.StrOpt(
        "nova_url",
        default="",
        regex=r"^(https?://[^/\s]+(/\S*)?)?$",
        help="Nova's metadata service (http://host:8775), which is asked all that is not EC2's.",
    ),
    cfg.FloatOpt("nova_seconds", default=10.0, min=0.1, max=50.0, help="How long it may take to answer."),
)
"""What can be set in the group ``metadata``."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """How the gateway listens and what it lets through.

    Attributes:
        host: the address to listen on.
        port: the TCP port.
        workers: gunicorn processes.
        threads: threads of each process.
        operator_bind: address and port of the operator's pages alone; empty: they are told at the gateway's own address
            to who asks from this machine.
        client_seconds: how long a client may take to send one request, and to take one piece of an answer.
        keepalive_seconds: how long an idle connection is kept.
        worker_seconds: a worker process that shows no life for so long is replaced.
        graceful_seconds: how long requests may go on after the order to stop.
        default_region: the AWS region for services without regions.
        throttle_rate: requests a second and account and region; 0 for no throttling.
        throttle_burst: requests that may come at once.
        strict_answers: whether a member of an answer that no model has is a fault; else it is dropped and logged.
        limits: bounds of one request.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    threads: int = 8
    operator_bind: str = ""
    client_seconds: float = 20.0
    keepalive_seconds: int = 75
    worker_seconds: int = 60
    graceful_seconds: int = 10
    default_region: str = "us-east-1"
    throttle_rate: float = 0.0
    throttle_burst: float = 100.0
    strict_answers: bool = False
    limits: Limits = field(default_factory=Limits)

    def throttle(self) -> TokenBuckets | None:
        """The buckets of these settings, None where throttling is off."""
        return TokenBuckets(self.throttle_rate, self.throttle_burst) if self.throttle_rate > 0 else None


def register(conf: cfg.ConfigOpts) -> None:
    """Make the options known; safe to repeat."""
    conf.register_opts(OPTIONS, group="gateway")
    conf.register_opts(METADATA_OPTIONS, group="metadata")
    conf.register_opts(POLICY_OPTIONS, group="policy")
    conf.register_opts(AUDIT_OPTIONS, group="audit")


def known() -> dict[str, set[str]]:
    """The names of all options of these groups, and of oslo.policy's."""
    of_groups = {"gateway": OPTIONS, "metadata": METADATA_OPTIONS, "policy": POLICY_OPTIONS, "audit": AUDIT_OPTIONS}
    return {group: {option.dest for option in options} for group, options in (*of_groups.items(), *list_opts())}


def settings_of(conf: cfg.ConfigOpts) -> GatewaySettings:
    """The values of a parsed configuration."""
    return GatewaySettings(**{option.dest: conf.gateway[option.dest] for option in OPTIONS})


def policy_of(conf: cfg.ConfigOpts) -> PolicySettings:
    """How rules are held, of a parsed configuration."""
    chosen = conf.policy
    decisions = DecisionSettings(url=chosen.opa_url, seconds=chosen.opa_seconds, kept_seconds=chosen.opa_kept_seconds)
    return PolicySettings(decisions, chosen.undecided_reads, chosen.dry_run_file)


def audit_of(conf: cfg.ConfigOpts) -> Audit | None:
    """What tells who did what, of a parsed configuration; None where nobody wants to know."""
    chosen = conf.audit
    return Audit(Path(chosen.file), chosen.form, reads=chosen.reads) if chosen.file else None


def metadata_of(conf: cfg.ConfigOpts) -> MetadataSettings:
    """The settings of the metadata service, of a parsed configuration."""
    return MetadataSettings(
        **{option.dest: conf.metadata[option.dest] or option.default for option in METADATA_OPTIONS}
    )


def parsed() -> cfg.ConfigOpts:
    """The file that ``COPPICE_CONFIG`` names, and the environment (``OS_GATEWAY__THREADS``)."""
    conf = cfg.ConfigOpts()
    register(conf)
    named = os.environ.get("COPPICE_CONFIG")
    conf(args=[], project="coppice", default_config_files=[named] if named else [])
    return conf


def load() -> GatewaySettings:
    """The settings of ``parsed``."""
    return settings_of(parsed())


def gunicorn_options(settings: GatewaySettings) -> dict[str, Any]:
    """The configuration of gunicorn for these settings; what a request may weigh stands in Limits, not here.

    Worker processes are of the threaded kind, and a slow client loses its connection rather than holding a thread.
    """
    options: dict[str, Any] = {
        "bind": [f"{settings.host}:{settings.port}", *filter(None, [settings.operator_bind])],
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": patient(settings.client_seconds),
        "timeout": settings.worker_seconds,
        "graceful_timeout": settings.graceful_seconds,
        "keepalive": settings.keepalive_seconds,
        "limit_request_line": 8190,
        "limit_request_fields": 100,
        "limit_request_field_size": 16 * 1024,
    }
    if "control_socket_disable" in KNOWN_SETTINGS:
        # Newer versions of gunicorn open a control socket in the home folder, one for all servers of a user.
        options["control_socket_disable"] = True
    return options
