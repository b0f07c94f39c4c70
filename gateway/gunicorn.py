"""gunicorn's configuration file: ``gunicorn --config python:gateway.gunicorn wsgi:application``.

Settings are the group ``gateway`` of the file that ``COPPICE_CONFIG`` names, and of the environment. Metrics of all
processes come together where ``PROMETHEUS_MULTIPROC_DIR`` names an empty folder.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger
from prometheus_client.multiprocess import mark_process_dead

from gateway import counts, inherited, log_lines, reloading
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
    inherited.DATABASE.make_room()
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
    """Keep what a worker process counted that ended, and take it out of what is told of those that live."""
    _forget(worker.pid)


_left: set[int] = set()
"""Processes that ended, whose files could not be put together yet."""


def _forget(pid: int) -> None:
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is not None:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
        left = counts.put_together(Path(folder), _left | {pid})
        _left.clear()
        _left.update(left)


errorlog = "-"
loglevel = "info"
logger_class = LogLines
globals().update(gunicorn_options(load()))
