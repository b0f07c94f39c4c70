"""Settings of the backend, read by oslo.config: what each means, its unit and its default.

A setting of the engine is an option here and a field of the same name there; what is long has a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from oslo_config import cfg

from backend import event_options, metric_options, openstack_options, secret_options
from backend.domain.batch_sizes import MOST, Batch
from backend.domain.messages import MOST_WAITING
from backend.domain.names import Names
from backend.domain.queues import QueueLimits
from backend.drivers.openstack.settings import OpenStackSettings
from backend.drivers.prometheus import PrometheusSettings
from backend.drivers.webhooks import WebhookRule
from backend.engine.settings import EngineSettings
from backend.event_options import EventSettings
from backend.policies.window import WindowRule
from backend.secret_options import SecretSettings

_DAY = 86_400.0
_BEATS_MISSED = 3  # by an engine that is taken for dead: one may be late, and one may be lost

OPTIONS: dict[str, Sequence[Any]] = {
    "DEFAULT": (
        cfg.StrOpt("state", default=".coppice", help="Folder of the embedded state: databases, keys, logs."),
        cfg.StrOpt("region", default="us-east-1", help="AWS region name that clients sign for."),
        cfg.StrOpt(
            "log_form",
            default="text",
            choices=["text", "json"],
            help="Form of the lines of logs: text, or a JSON document each.",
        ),
        cfg.StrOpt(
            "log_level",
            default="info",
            choices=("debug", "info", "warning", "error"),
            help="From which level on what Coppice itself tells is logged.",
        ),
    ),
    "names": (
        cfg.StrOpt(
            "private",
            default="",
            help="Domain of instances' private names, {region} in it is the region (empty: AWS's ec2.internal).",
        ),
        cfg.StrOpt("public", default="", help="Domain of their public names, likewise (empty: they have none)."),
        cfg.StrOpt(
            "balancers",
            default="",
            help="DNS names of load balancers, of {name}, {id}, {region}, {address} and {dashed_address} (empty:"
            " {name}-{id}.{region}.elb.internal, which resolves nowhere by itself).",
        ),
    ),
    "database": (
        cfg.StrOpt(
            "url",
            default="",
            secret=True,
            help="SQLAlchemy URL: postgresql+psycopg://, mysql+pymysql://, sqlite:/// (empty: SQLite in the state).",
        ),
        cfg.StrOpt(
            "listen_url",
            default="",
            secret=True,
            help="URL by which engines hear of work, past what pools transactions (empty: url; none: they only look).",
        ),
        cfg.BoolOpt("durable", default=True, help="SQLite: every commit is on disk before it is answered."),
        cfg.IntOpt("pool_size", default=10, min=1, help="Open connections a process keeps."),
    ),
    "engine": (
        cfg.FloatOpt("poll_seconds", default=0.25, min=0.01, help="Pause between looks at what is due."),
        cfg.FloatOpt(
            "poll_longest_seconds",
            default=1.0,
            min=0.01,
            help="That pause at most, doubling while nothing is due, where the database tells engines of no work.",
        ),
        cfg.FloatOpt("beat_seconds", default=3.0, min=0.1, help="How often an engine is heard of by the others."),
        cfg.FloatOpt(
            "silence_seconds",
            default=9.0,
            min=1.0,
            help="An engine that was not heard of for so long is dead, and its work taken over: at least three beats.",
        ),
        cfg.StrOpt(
            "coordinator",
            default="",
            secret=True,
            help="URL by tooz of what tells engines of each other, too (redis://, etcd3+http://, memcached://,"
            " zookeeper://; empty: the database alone).",
        ),
        cfg.FloatOpt("drain_seconds", default=10.0, min=0.0, help="How long an engine that is to stop finishes work."),
        cfg.FloatOpt("watch_busy_seconds", default=0.5, min=0.0, help="Pause between listings while servers change."),
        cfg.FloatOpt("watch_idle_seconds", default=5.0, min=0.0, help="Pause between listings while nothing changes."),
        cfg.FloatOpt(
            "lease_seconds",
            default=60.0,
            min=5.0,
            help="What an engine is at work on is anybody's after so long, unless it is renewed.",
        ),
        cfg.FloatOpt("watch_full_seconds", default=900.0, min=1.0, help="Pause between two complete listings."),
        cfg.FloatOpt(
            "route_look_seconds",
            default=60.0,
            min=1.0,
            help="Pause between looks whether the interfaces that routes of a VPC lead to have their addresses still.",
        ),
        cfg.FloatOpt(
            "launch_grace_seconds",
            default=90.0,
            min=1.0,
            help="A launch that the cloud did not answer and of which no server is seen for so long is lost.",
        ),
        cfg.FloatOpt(
            "boot_timeout_seconds", default=1800.0, min=1.0, help="A server that is not active by then has failed."
        ),
        cfg.FloatOpt(
            "orphan_grace_seconds",
            default=120.0,
            min=1.0,
            help="A server that a launch made and that no group owns for so long is deleted.",
        ),
        cfg.FloatOpt(
            "deregistration_seconds",
            default=300.0,
            min=0.0,
            help="How long a leaving member of a load balancer gets no new connections before its server goes.",
        ),
        *(
            cfg.IntOpt(name, default=number, min=1, max=most, help=what)
            for name, number, most, what in (
                ("launch_batch", 25, MOST[Batch.SERVERS], "Servers of a group that one call asks for."),
                ("launches", 500, MOST[Batch.LAUNCHES], "Servers of a group that one pass over it asks for."),
                (
                    "first_launches",
                    50,
                    MOST[Batch.FIRST_LAUNCHES],
                    "The same while no server was made yet of what is launched.",
                ),
                ("deletions", 200, MOST[Batch.DELETIONS], "Servers of a group whose end one pass over it asks for."),
                (
                    "registrations",
                    500,
                    MOST[Batch.REGISTRATIONS],
                    "Members of a pool that one pass over a group adds, drains or removes.",
                ),
                ("clusters_at_once", 100, 1000, "Groups of a region that an engine works on at once."),
                ("watches_at_once", 40, 1000, "Projects of a region that it lists the servers of at once."),
                ("pools_at_once", 40, 1000, "Pools of a region that it lists the members of at once."),
                ("alarms_batch", 200, 1000, "Alarms that are judged in one transaction."),
                ("messages_batch", 100, 1000, "Messages to a target that are told in a row."),
            )
        ),
        cfg.IntOpt(
            "cloud_calls",
            default=16,
            min=1,
            help="Calls to one region of the cloud under way at once; of one project half of them.",
        ),
        cfg.FloatOpt(
            "message_patience_seconds",
            default=3600.0,
            min=0.0,
            help="A message that its target has not taken for so long is given up (coppice messages list).",
        ),
        cfg.PortOpt("metrics_port", default=0, help="Port of the engine's own Prometheus metrics (0: none)."),
        cfg.StrOpt("metrics_host", default="127.0.0.1", help="Address that they are served at."),
    ),
    "records": (
        cfg.StrOpt(
            "archive",
            default="",
            help="Where activities go as JSON lines before they are deleted: a folder, or swift:CONTAINER of the"
            " service user's project (empty: nowhere).",
        ),
        *(
            cfg.FloatOpt(f"{kind}_retention_seconds", default=seconds, min=least, help=f"How long {what} are kept.")
            for kind, seconds, least, what in (
                ("activity", 42 * _DAY, _DAY, "activities that ended, also of groups that are gone,"),
                ("claim", 42 * _DAY, _DAY, "traces of instances that are gone, by which late leftovers are known,"),
                ("token", _DAY, 3600.0, "tokens of requests that were answered"),
                ("session", _DAY, 0.0, "temporary keys that ended"),
                ("minute", 15 * _DAY + 3600, 3600.0, "hours of metrics by the minute, from their begin on,"),
                ("five_minute", 64 * _DAY, _DAY, "days of metrics by five minutes, from their begin on,"),
                ("hour", 456 * _DAY, _DAY, "days of metrics by the hour, from their begin on,"),
            )
        ),
        cfg.IntOpt("garbage_rows", default=200, min=1, max=10_000, help="Old records that are deleted at once."),
        cfg.FloatOpt("garbage_pause_seconds", default=2.0, min=0.0, help="Pause after each of these batches."),
        cfg.FloatOpt("garbage_seconds", default=600.0, min=1.0, help="Pause between looks for old records."),
    ),
    "cloud": (
        cfg.StrOpt("driver", default="simulated", choices=("simulated", "openstack"), help="Which cloud it drives."),
        cfg.StrOpt(
            "network_acls",
            default="refuse",
            choices=("refuse", "record"),
            help="Entries of network ACLs that would keep something out, which nothing enforces: refused, or kept.",
        ),
    ),
    "messages": (
        cfg.StrOpt("log", default="", help="File that messages to log: are written to (empty: the engine's log)."),
        cfg.ListOpt(
            "everywhere",
            default=[],
            help="Targets that hear of every event of every project: log: (the log or its file), zaqar:NAME, oslo:.",
        ),
        cfg.StrOpt(
            "notifications_url",
            default="",
            secret=True,
            help="Transport URL of oslo.messaging (rabbit://...) for the target oslo:, which needs that library.",
        ),
        cfg.StrOpt("notifications_topic", default="notifications", help="Topic of those notifications."),
        cfg.IntOpt(
            "waiting",
            default=MOST_WAITING,
            min=1,
            help="Messages of a project in a region that wait at once; beyond them, rules hear of no event.",
        ),
        cfg.ListOpt(
            "webhook_networks",
            default=[],
            help="Networks (CIDR) in which callers may have web servers told, beside the internet; never link-local.",
        ),
        cfg.StrOpt(
            "endpoint",
            default="http://localhost:8080",
            help="URL of this service, as it stands in what engines tell subscribers of topics.",
        ),
        cfg.FloatOpt("webhook_seconds", default=10.0, min=1.0, max=60.0, help="How long a web server may take."),
    ),
    "tracing": (
        cfg.BoolOpt(
            "enabled",
            default=False,
            help="Requests, work and calls to the cloud are told as spans by OTLP, see OpenTelemetry's environment.",
        ),
        cfg.StrOpt(
            "client_context",
            default="ignore",
            choices=("ignore", "link", "follow"),
            help="What becomes of a client's traceparent: nothing, spans link to it, or they are a part of that trace."
            " What is kept of them is never the client's to say.",
        ),
    ),
    **metric_options.OPTIONS,
    **event_options.OPTIONS,
    **openstack_options.OPTIONS,
    "parameters": (
        cfg.DictOpt(
            "images",
            default={},
            help="Public parameter:name of its images, with * and ? (over those of the names that AWS's images have).",
        ),
    ),
    "queues": (
        cfg.IntOpt("queues", default=1000, min=1, help="Queues of a project in a region."),
        cfg.IntOpt("topics", default=1000, min=1, help="Topics of a project in a region."),
        cfg.IntOpt("subscriptions", default=10_000, min=1, help="Subscriptions of a project in a region."),
        cfg.IntOpt("messages", default=1_000_000, min=1, help="Messages of a project in all its queues."),
        cfg.IntOpt("megabytes", default=4096, min=1, help="What they may weigh together."),
    ),
    **secret_options.OPTIONS,
    "simulated": (
        cfg.FloatOpt("boot_seconds", default=2.0, min=0.0, help="How long a simulated server takes to boot."),
        cfg.FloatOpt("delete_seconds", default=1.0, min=0.0, help="How long a simulated server takes to go."),
    ),
}


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The settings as values; see OPTIONS for their meaning."""

    state: str
    region: str
    database_url: str
    durable: bool
    pool_size: int
    boot_seconds: float
    delete_seconds: float
    log_level: str = "info"
    log_form: str = "text"
    listen_url: str = field(default="", repr=False)
    coordinator: str = field(default="", repr=False)
    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"
    archive: str = ""
    driver: str = "simulated"
    traced: bool = False
    client_context: str = "ignore"
    record_acls: bool = False
    verify: str = "secret"
    public_images: Mapping[str, str] = field(default_factory=dict)
    messages_log: str = ""
    messages_endpoint: str = "http://localhost:8080"
    messages_everywhere: tuple[str, ...] = ()
    notifications_url: str = field(default="", repr=False)
    notifications_topic: str = "notifications"
    messages_waiting: int = MOST_WAITING
    webhooks: WebhookRule = field(default_factory=WebhookRule)
    metric_sources: tuple[str, ...] = ()
    prometheus: PrometheusSettings | None = None
    names: Names = field(default_factory=Names)
    queues: QueueLimits = field(default_factory=QueueLimits)
    engine: EngineSettings = field(default_factory=EngineSettings)
    events: EventSettings = field(default_factory=EventSettings)
    secrets: SecretSettings = field(default_factory=SecretSettings)
    openstack: OpenStackSettings = field(default_factory=OpenStackSettings)


def register(conf: cfg.ConfigOpts) -> None:
    """Make the options known; safe to repeat."""
    for group, options in OPTIONS.items():
        conf.register_opts(options, group=None if group == "DEFAULT" else group)


def settings_of(conf: cfg.ConfigOpts) -> BackendSettings:
    """The values of a parsed configuration."""
    return BackendSettings(
        state=conf.state,
        region=conf.region,
        database_url=conf.database.url or f"sqlite:///{conf.state}/coppice.db",
        durable=conf.database.durable,
        log_level=conf.log_level,
        log_form=conf.log_form,
        listen_url=conf.database.listen_url,
        coordinator=conf.engine.coordinator,
        pool_size=conf.database.pool_size,
        boot_seconds=conf.simulated.boot_seconds,
        delete_seconds=conf.simulated.delete_seconds,
        metrics_port=conf.engine.metrics_port,
        metrics_host=conf.engine.metrics_host,
        archive=conf.records.archive,
        driver=conf.cloud.driver,
        traced=conf.tracing.enabled,
        client_context=conf.tracing.client_context,
        record_acls=conf.cloud.network_acls == "record",
        verify=conf.openstack.verify,
        public_images=dict(conf.parameters.images),
        messages_log=conf.messages.log,
        messages_endpoint=conf.messages.endpoint.rstrip("/"),
        messages_everywhere=tuple(conf.messages.everywhere),
        notifications_url=conf.messages.notifications_url,
        notifications_topic=conf.messages.notifications_topic,
        messages_waiting=conf.messages.waiting,
        webhooks=_webhooks(conf),
        metric_sources=tuple(dict.fromkeys(conf.metrics.sources)),
        prometheus=metric_options.prometheus(conf),
        names=Names(conf.names.private.strip("."), conf.names.public.strip("."), conf.names.balancers.strip(".")),
        queues=QueueLimits(
            conf.queues.queues,
            conf.queues.topics,
            conf.queues.subscriptions,
            conf.queues.messages,
            conf.queues.megabytes * 1024**2,
        ),
        engine=_engine(conf),
        events=event_options.events(conf),
        secrets=secret_options.secrets(conf),
        openstack=openstack_options.openstack(conf),
    )


def _engine(conf: cfg.ConfigOpts) -> EngineSettings:
    """Each option that is named as a field, or as a field and ``_seconds``, is that field."""
    known = {each.name for each in fields(EngineSettings)}
    given: dict[str, Any] = {}
    for group in ("engine", "records"):
        for option in OPTIONS[group]:
            value, name = conf[group][option.name], option.name.removesuffix("_seconds")
            if name in known:
                given[name] = value if name == option.name else timedelta(seconds=value)
    settings = EngineSettings(**given)
    if settings.silence < _BEATS_MISSED * settings.beat:
        told = f"[engine] silence_seconds is less than {_BEATS_MISSED} times beat_seconds"
        raise cfg.ConfigSourceValueError(f"{told}: engines would take each other for dead")
    return replace(
        settings,
        measure_all=conf.metrics.all,
        port_grace=timedelta(seconds=conf.openstack.port_grace_seconds),
        # The embedded cloud builds as many as it is asked for.
        window=WindowRule(conf.openstack.launch_window) if conf.cloud.driver == "openstack" else WindowRule(),
        pool_busy=min(settings.watch_idle, settings.pool_busy),
        pool_idle=settings.watch_idle,
    )


def _webhooks(conf: cfg.ConfigOpts) -> WebhookRule:
    networks = []
    for text in conf.messages.webhook_networks:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise cfg.ConfigSourceValueError(f"[messages] webhook_networks: {error}") from error
    return WebhookRule(tuple(networks), conf.messages.webhook_seconds)
