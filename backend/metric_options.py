"""Settings of the sources of metrics, read by oslo.config; see ``backend.config``, of whose options they are a part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from oslo_config import cfg, types

from backend.domain.web_addresses import web_address
from backend.drivers.metric_sources import OF_POOLS, OF_SERVERS
from backend.drivers.prometheus import PrometheusSettings, basic
from backend.drivers.prometheus_queries import PRESETS, CpuUnit, Query

SOURCES: Final = ("prometheus", "gnocchi", "diagnostics", "octavia")
_QUERIED: Final = sorted(OF_SERVERS | OF_POOLS)

OPTIONS: Final[dict[str, Sequence[Any]]] = {
    "metrics": (
        cfg.ListOpt(
            "sources",
            default=[],
            item_type=types.String(choices=SOURCES),
            help="Who tells what servers and pools do (AWS/EC2, AWS/ApplicationELB), asked in this order, each for what"
            " those before it did not tell: prometheus, gnocchi, diagnostics, octavia. What users put themselves stands"
            " before all of them.",
        ),
        cfg.BoolOpt(
            "all",
            default=False,
            help="They are asked about every server of a group each minute, watched by an alarm or a policy or not.",
        ),
    ),
    "prometheus": (
        cfg.StrOpt("url", default="", help="URL of the server, without /api/v1 (or of what speaks its HTTP API)."),
        cfg.StrOpt("username", default="", help="Name for basic authentication."),
        cfg.StrOpt("password", default="", secret=True, help="Its password."),
        cfg.StrOpt("token", default="", secret=True, help="Bearer token, in the place of these."),
        cfg.StrOpt("ca_file", default="", help="File of certificates that are trusted (empty: the system's)."),
        cfg.FloatOpt("seconds", default=10.0, min=0.5, max=60.0, help="How long one answer may take."),
        cfg.StrOpt(
            "window", default="2m", regex=r"[1-9][0-9]{0,4}[sm]", help="What rates are taken over: two scrapes or more."
        ),
        cfg.StrOpt(
            "preset",
            default="ceilometer",
            choices=tuple(PRESETS),
            help="Whose series these are: of Ceilometer (sg-core), of the libvirt exporter that joins names with"
            " libvirt_domain_openstack_info, of the one that has the label uuid, or only those of the queries below.",
        ),
        *(
            option
            for measure, what in (
                ("cpu", "CPU of servers"),
                ("network_in", "bytes that servers received in a minute"),
                ("network_out", "bytes that servers sent in a minute"),
                ("requests", "requests of Octavia's pools in a minute"),
            )
            for option in (
                cfg.StrOpt(
                    f"{measure}_query",
                    default="",
                    help=f"PromQL of {what} (empty: the preset's); %servers% (or %pools%) is a pattern of ids, %window%"
                    " the time.",
                ),
                cfg.StrOpt(f"{measure}_label", default="", help="Label of its answers that holds the id."),
            )
        ),
        cfg.StrOpt(
            "cpu_unit",
            default="percent",
            choices=tuple(map(str, CpuUnit)),
            help="What cpu_query answers: per cent of all processors of the server, or cores in use.",
        ),
    ),
}


def prometheus(conf: cfg.ConfigOpts) -> PrometheusSettings | None:
    """Raises ConfigSourceValueError where what is set cannot be asked."""
    told = conf.prometheus
    if not told.url:
        if "prometheus" in conf.metrics.sources:
            raise cfg.ConfigSourceValueError("[metrics] sources names prometheus, and [prometheus] url is not set")
        return None
    address = web_address(told.url)
    if address is None or "?" in address.path:
        raise cfg.ConfigSourceValueError("[prometheus] url is no URL of a server")
    queries = dict(PRESETS[told.preset])
    for measure in _QUERIED:
        text, label = told[f"{measure}_query"], told[f"{measure}_label"]
        if bool(text) != bool(label):
            raise cfg.ConfigSourceValueError(f"[prometheus] {measure}_query and {measure}_label go together")
        if text:
            queries[measure] = Query(text, label, CpuUnit(told.cpu_unit))
    if told.token and told.username:
        raise cfg.ConfigSourceValueError("[prometheus] has a token and a username: it takes one of them")
    login = basic(told.username, told.password) if told.username else ""
    authorization = f"Bearer {told.token}" if told.token else login
    if not authorization.isprintable() or not authorization.isascii():
        raise cfg.ConfigSourceValueError("[prometheus] token is no text of one line")
    return PrometheusSettings(address, queries, told.window, told.seconds, authorization, told.ca_file or None)
