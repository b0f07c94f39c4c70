"""gunicorn's settings, from the environment's size: ``gunicorn --config python:gateway.gunicorn wsgi:application``."""

from __future__ import annotations

import os

worker_class = "gthread"
workers = int(os.environ.get("COPPICE_WORKERS", str(max(2, os.cpu_count() or 2))))
threads = int(os.environ.get("COPPICE_THREADS", "8"))
keepalive = 75
timeout = 60
graceful_timeout = 10
errorlog = "-"
loglevel = "info"
