"""Messages as notifications of oslo.messaging, which the operator's other services hear. Knows no broker.

The library is loaded where a transport is named, and need not be there otherwise. Its own Notifier keeps from whoever
calls it that a broker did not take what it sent, and gives each attempt another id: so what it hands to the transport
is made here, and handed to that, and what goes wrong is heard.

Source: oslo.messaging, ``notify/notifier.py`` (the members of a notification), ``notify/messaging.py`` (version 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from backend.clock import Clock
from backend.domain.messages import Telling, Unreached
from backend.domain.scope import Scope
from backend.drivers.messaging import library, transport_of

OSLO: Final = "oslo"
"""The target that the operator names, ``oslo:``."""
_SETTING: Final = "[messages] notifications_url"
_PRIORITY: Final = "INFO"
_ENVELOPED: Final = 2.0
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")
_OTHER: Final = "message"
_PATIENCE: Final = "heartbeat_timeout_threshold"
_PATIENCE_SECONDS: Final = 10
"""Whoever is told by the same threads waits as long where a broker takes connections and answers nothing."""

Notify = Callable[[Mapping[str, Any]], None]
"""Hands a notification to the broker; raises Unreached where that did not take it."""


class NotificationSink:
    """Tells the operator's services: one topic for all projects, which each notification names."""

    def __init__(self, notify: Notify, clock: Clock) -> None:
        self._notify = notify
        self._clock = clock

    def send(self, scope: Scope, _target: str, telling: Telling) -> None:
        """Raises Unreached where no broker takes it."""
        payload: dict[str, Any] = {"project_id": scope.project_id, "region": scope.region, "body": telling.body}
        if telling.subject is not None:
            payload["subject"] = telling.subject
        if telling.event is not None:
            payload["event"] = dict(telling.event)
        self._notify(
            {
                "message_id": telling.id,
                "publisher_id": f"coppice.{scope.region}",
                "event_type": f"coppice.{_kind(telling)}",
                "priority": _PRIORITY,
                "payload": payload,
                "timestamp": str(self._clock.now().replace(tzinfo=None)),
            }
        )


def _kind(telling: Telling) -> str:
    """What an event is, in a word: ``ec2_instance_launch_successful``."""
    told = str((telling.event or {}).get("detail-type") or _OTHER)
    return _NO_WORD.sub("_", told.lower()).strip("_")


def _impatient(url: str) -> str:
    """With how long a RabbitMQ that hangs is waited for, where the operator says nothing else: it is a minute then.

    Source: oslo.messaging, ``_drivers/common.py`` (a URL's query has options of its driver), ``impl_rabbit.py`` (the
    option is the time-out of the connection's socket, too).
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # the library says so
        return url
    if not parts.scheme.startswith(("rabbit", "kombu")) or _PATIENCE in parts.query:
        return url
    query = "&".join(each for each in (parts.query, f"{_PATIENCE}={_PATIENCE_SECONDS}") if each)
    return parts._replace(query=query).geturl()


def opened(url: str, topic: str) -> Notify:
    """What hands notifications to the broker of a transport URL. Nothing is asked yet.

    Args:
        url: as oslo.messaging takes it (``rabbit://user:password@host:5672/``).
        topic: ``notifications`` is what services mostly hear.

    Raises:
        NoLibrary, Unusable
    """
    messaging = library(_SETTING)
    transport = transport_of(messaging, _impatient(url), _SETTING)
    target = messaging.Target(topic=f"{topic}.{_PRIORITY.lower()}")

    def notify(notification: Mapping[str, Any]) -> None:
        try:
            # retry: an attempt is an attempt, for the outbox has patience of its own.
            transport._send_notification(target, {}, dict(notification), version=_ENVELOPED, retry=0)  # noqa: SLF001
        except Exception as error:  # the library's own, and those of the broker's that it drives
            raise Unreached(f"the broker took no notification: {type(error).__name__}") from error

    return notify
