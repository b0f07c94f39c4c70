"""The cloud's message bus, listened to by oslo.messaging in threads. Says nothing on it, and believes nothing it hears.

Each installation has a queue of its own for each topic, so that nobody else loses what it takes. The library is loaded
where it is used and need not be there otherwise.

Source: oslo.messaging, "Notification Listener" (``pool``); oslo.service, "Threading backend".
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from backend.clock import Clock
from backend.domain.events import Event
from backend.drivers.messaging import library, transport_of
from backend.drivers.openstack.events import event_of

LOG = logging.getLogger(__name__)
_SETTING: Final = "[events] urls"
_MODULES: Final = (
    *("oslo_messaging._drivers.amqpdriver", "oslo_messaging._drivers.common", "oslo_messaging._drivers.impl_rabbit"),
    *("oslo_messaging._drivers.pool", "oslo_messaging.notify.dispatcher", "oslo_messaging.notify.listener"),
    *("oslo_messaging.server", "oslo_messaging.transport", "oslo_service.backend._threading.loopingcall"),
    *("oslo_service.backend._threading.service", "oslo_service.backend._threading.threadgroup"),
    *("amqp", "kombu.connection"),
)
"""What the library writes of a broker that is away, and of messages that are none: 15 to 40 lines of each."""
_NOISY: Final = tuple(name for each in _MODULES for name in dict.fromkeys((each, each.replace("oslo_", "oslo.", 1))))
"""The names of their loggers: a module that has its own of oslo.log is renamed by that."""
_QUIET_SECONDS: Final = 60.0
_LINE: Final = 300

Heard = Callable[[Event | None], None]
"""Told of each notification what it is about; None: nothing that concerns us. It returns at once, and never fails."""
Lost = Callable[[], None]
"""Told, from any thread, that nothing will be heard."""


@dataclass(frozen=True, slots=True)
class BusSettings:
    """How the bus of one region is listened to.

    Attributes:
        region: the cloud's name of it.
        url: as oslo.messaging takes it; it holds a password.
        topics: pairs of an exchange, where a service tells, and the topic that it tells under.
        pool: what the queues are named by: of one name for all listeners that share the work.
    """

    region: str
    url: str = field(repr=False)
    topics: Sequence[tuple[str, str]]
    pool: str


class _Endpoint:
    """What the library hands notifications to. Whatever it raised would be a traceback for each message."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def info(self, _context: Any, _publisher: Any, kind: Any, payload: Any, _metadata: Any) -> None:
        self._heard(event_of(kind, payload))

    error = info


class _Seldom(logging.Filter):
    """Lets a logger say one line a minute, without tracebacks: whoever sends what is no message would fill the log."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = self._clock.monotonic()
        said_at = self._said_at.get(record.name)
        if record.levelno < logging.WARNING or (said_at is not None and now < said_at + _QUIET_SECONDS):
            return False
        self._said_at[record.name] = now
        record.msg, record.args = " ".join(record.getMessage()[:_LINE].split()), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def listen(settings: Sequence[BusSettings], heard: Callable[[str], Heard], lost: Lost, clock: Clock) -> None:
    """Listen to these buses from now on, in threads, for as long as this process lives.

    A broker that is away is tried for ever. Nothing is listened to where one of the buses cannot be.

    Args:
        heard: who is told of what happens in a region.
        lost: told, from another thread, that a region cannot be listened to.

    Raises:
        NoLibrary
        Unusable
    """
    messaging = library(_SETTING)
    seldom = _Seldom(clock)
    for name in _NOISY:
        logging.getLogger(name).addFilter(seldom)
    carriers = [transport_of(messaging, each.url, _SETTING, f"that of {each.region}") for each in settings]
    for each, transport in zip(settings, carriers, strict=True):
        start = partial(_start, messaging, transport, each, heard(each.region), lost)
        threading.Thread(target=start, name=f"bus {each.region}", daemon=True).start()


def _start(messaging: Any, transport: Any, settings: BusSettings, heard: Heard, lost: Lost) -> None:
    """It waits for the broker, so no other region waits for it."""
    try:
        for exchange, topic in settings.topics:
            listener = messaging.get_notification_listener(
                transport,
                [messaging.Target(exchange=exchange, topic=topic)],
                [_Endpoint(heard)],
                executor="threading",
                pool=f"{settings.pool}-{exchange}-{topic}",
                allow_requeue=False,  # what could not be heard would come again at once, for ever
            )
            listener.start(override_pool_size=1)  # one thread takes thousands a second, and keeps their order
    except Exception as error:  # noqa: BLE001 - whatever it is, a thread that ends would leave a listener that is deaf
        # Its words may be those of the URL.
        why = type(error).__name__
        LOG.error("region=%s the bus of the cloud cannot be listened to: %s", settings.region, why)  # noqa: TRY400
        lost()
        return
    LOG.info("region=%s the bus of the cloud is listened to", settings.region)
