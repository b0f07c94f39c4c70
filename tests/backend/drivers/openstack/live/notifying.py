"""Ends of a broker, run by the test cloud's Python, which has oslo.messaging: ``say URL``, ``hear URL``.

``say`` reads the ids of messages, a line each, tells them as Coppice does and prints what came of it; ``hear`` prints
what the library itself gives a service that listens: a line of JSON each, after one that says that it does.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[5]))

from backend.clock import SystemClock
from backend.domain.messages import SinkError, Telling
from backend.domain.scope import Scope
from backend.drivers.notifications import OSLO, NotificationSink, opened

TOPIC = "notifications"
EVENT = {"detail-type": "EC2 Instance Launch Successful", "detail": {"a": 1}}


def say(url: str) -> None:
    sink = NotificationSink(opened(url, TOPIC), SystemClock())
    for line in sys.stdin:
        try:
            sink.send(Scope("project", "RegionOne"), f"{OSLO}:", Telling(line.strip(), "told", event=EVENT))
            print("taken", flush=True)
        except SinkError as error:
            print(f"{type(error).__name__}: {error}", flush=True)


class _Hearer:
    """Threads hear side by side: one line is printed after the other."""

    def __init__(self) -> None:
        self._printing = threading.Lock()

    def info(self, _context: Any, publisher: str, kind: str, payload: Any, metadata: Any) -> None:
        with self._printing:
            print(json.dumps([publisher, kind, payload, metadata["message_id"]]), flush=True)


def hear(url: str) -> None:
    import oslo_messaging
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    transport = oslo_messaging.get_notification_transport(conf, url=url)
    targets = [oslo_messaging.Target(topic=TOPIC)]
    listener = oslo_messaging.get_notification_listener(transport, targets, [_Hearer()], executor="threading")
    listener.start()
    print("listening", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    signal.alarm(120)  # whoever reads what is printed is to see an end
    {"say": say, "hear": hear}[sys.argv[1]](sys.argv[2])
