"""Settings of who listens for events of the cloud, read by oslo.config; a part of those of ``backend.config``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from oslo_config import cfg

TOPICS: Final = (
    ("nova", "versioned_notifications"),
    ("nova", "notifications"),
    ("neutron", "notifications"),
    ("octavia", "notifications"),
    ("keystone", "notifications"),
)

OPTIONS: Final[dict[str, Sequence[Any]]] = {
    "events": (
        cfg.StrOpt(
            "urls",
            default="",
            secret=True,
            help="Buses that coppice listen hears: REGION=URL of oslo.messaging for each of the cloud's regions, apart"
            " by blanks; of the only region the URL alone.",
        ),
        cfg.ListOpt(
            "topics",
            default=[f"{exchange}:{topic}" for exchange, topic in TOPICS],
            help="Where services tell: exchange:topic.",
        ),
        cfg.StrOpt(
            "pool",
            default="coppice",
            regex=r"^[A-Za-z0-9._-]{1,64}$",
            help="What Coppice's own queues begin with: another word for each installation on the same bus.",
        ),
        cfg.PortOpt("metrics_port", default=0, help="Port of the listener's metrics (0: none), at that host."),
    ),
}


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Where and how events of the cloud are listened for.

    Attributes:
        urls: of the bus of each of the cloud's regions, by its name; empty of its only one.
        topics: pairs of exchange and topic.
    """

    urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    topics: tuple[tuple[str, str], ...] = TOPICS
    pool: str = "coppice"
    metrics_port: int = 0


def events(conf: cfg.ConfigOpts) -> EventSettings:
    """Raises ConfigSourceValueError where what is set cannot be listened to."""
    urls: dict[str, str] = {}
    for word in conf.events.urls.split():
        before, _, after = word.partition("=")
        region, url = ("", word) if "://" in before else (before, after)
        if "://" not in url or region in urls:
            raise cfg.ConfigSourceValueError("[events] urls: REGION=URL for each region, apart by blanks")
        # A password with a slash in it would end the host's name, and a part of it would pass for a port.
        if "@" in re.sub(r"^[^/?#]*", "", url.partition("://")[2]):
            raise cfg.ConfigSourceValueError("[events] urls: in a password / is written %2F, ? %3F, # %23 and @ %40")
        urls[region] = url
    topics = [tuple(each.split(":")) for each in conf.events.topics]
    if any(len(each) != 2 or not all(each) for each in topics):
        raise cfg.ConfigSourceValueError("[events] topics: exchange:topic, apart by commas")
    pairs = tuple((exchange, topic) for exchange, topic in topics)
    return EventSettings(urls, pairs, conf.events.pool, conf.events.metrics_port)
