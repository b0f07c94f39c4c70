"""gunicorn's configuration file: ``gunicorn --config python:gateway.gunicorn wsgi:application``.

Settings are the group ``gateway`` of the file that ``COPPICE_CONFIG`` names, and of the environment. Metrics of all
processes come together where ``PROMETHEUS_MULTIPROC_DIR`` names an empty folder.
"""

from __future__ import annotations

import gc
import os
from typing import Any

from gunicorn.glogging import Logger
from prometheus_client.multiprocess import mark_process_dead

from gateway import inherited, log_lines, reloading
from gateway.config import gunicorn_options, load


class LogLines(Logger):  # type: ignore[misc]
    """gunicorn's own log, in lines like all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(log_lines.Lines())


def on_starting(server: Any) -> None:
    """The process that starts the others tells what it has to tell in such lines, too, and makes what they share."""
    log_lines.to_stderr()
    inherited.SHARED.make_room()
    reloading.BEGUN.make_room()
    server.reload = reloading.careful(server.app.wsgi, server.reload, _forget)


def post_fork(_server: Any, _worker: Any) -> None:
    """Send what the gateway tells, a line a request, where gunicorn's own log goes."""
    log_lines.to_stderr()


def post_worker_init(_worker: Any) -> None:
    """Spare the garbage collector what was loaded for good: long lists would make it look there time and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def child_exit(_server: Any, worker: Any) -> None:
    """Take a worker process that ended out of the live metrics."""
    _forget(worker.pid)


def _forget(pid: int) -> None:
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


errorlog = "-"
loglevel = "info"
logger_class = LogLines
globals().update(gunicorn_options(load()))
