"""What is told about each request: one line in the log and the metrics. Never a secret, a parameter or a body."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway import counts
from translators.registry import Caller

_NAMING: Final = re.compile(r"(Name|Names|Id|Ids|ID|IDs|Arn|ARN|ARNs|Arns|Url|Resource|Resources)$")
_MOST_NAMES: Final = 10
_MOST_LISTED: Final = 50
_LONGEST_NAME: Final = 1024
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Record:
    """One answered request.

    Attributes:
        request_id: as in the answer.
        service: botocore's name, empty where the request names none.
        operation: a name of the model, empty where the request asks for none that exists (so labels stay few).
        account: twelve digits, empty where nobody is authenticated.
        region: the AWS region of the signature.
        status: the HTTP status.
        code: AWS's error code, empty for success.
        seconds: from the first byte in the gateway's hand to the finished answer.
        caller: who signed it, None where nobody is authenticated.
        peer: the address of who asked, as far as it is known.
        names: what it is about: the names and ids that were given, by member. For the audit trail alone.
    """

    request_id: str
    service: str
    operation: str
    account: str
    region: str
    status: int
    code: str
    seconds: float
    caller: Caller | None = None
    peer: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


Observe = Callable[[Record], None]


def names_in(params: Mapping[str, Any]) -> dict[str, str]:
    """Names, ids and ARNs among members, shortened: what a request is about, and nothing else of it."""
    found: dict[str, str] = {}
    for member, value in params.items():
        if len(found) >= _MOST_NAMES:
            break
        if not _NAMING.search(member):
            continue
        if isinstance(value, str):
            found[member] = value[:_LONGEST_NAME]
        elif isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            found[member] = ",".join(value[:_MOST_LISTED])[:_LONGEST_NAME]
    return found


def metrics_text(registry: CollectorRegistry = REGISTRY) -> str:
    """All metrics in Prometheus's text format; of all gunicorn workers where their counts come together.

    Where that place has gone (a system may clean up what lies in memory) they are this process's own.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None or not Path(folder).is_dir():
        return generate_latest(registry).decode()
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    with counts.at_rest(Path(folder)):
        return generate_latest(together).decode()


@lru_cache(maxsize=1)
def shared() -> RequestLog:
    """The request log of this process, on Prometheus's own registry."""
    return RequestLog()


class RequestLog:
    """Writes records to a logger and counts them.

    With ``PROMETHEUS_MULTIPROC_DIR`` in the environment (before this module is imported) the counts of all gunicorn
    workers come together in ``metrics_text``; without it each process tells its own.

    One a process and registry: metrics of one name can be made once. ``shared`` gives the process's.

    Args:
        logger: one line each at INFO, at WARNING for 5xx.
        registry: where the metrics are kept.
    """

    def __init__(self, logger: logging.Logger | None = None, registry: CollectorRegistry = REGISTRY) -> None:
        self._logger = logger or logging.getLogger("coppice.requests")
        self._registry = registry
        self._seconds = Histogram(
            "coppice_request_seconds",
            "Time in the gateway and behind it, by operation.",
            ["service", "operation"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._answers = Counter(
            "coppice_requests",
            "Answered requests, by operation, status and AWS error code.",
            ["service", "operation", "status", "code"],
            registry=registry,
        )

    def metrics_text(self) -> str:
        """The metrics of this log's registry; see the function of that name."""
        return metrics_text(self._registry)

    def __call__(self, record: Record) -> None:
        """Tell one request."""
        self._seconds.labels(record.service, record.operation).observe(record.seconds)
        self._answers.labels(record.service, record.operation, str(record.status), record.code).inc()
        level = logging.WARNING if record.status >= 500 else logging.INFO
        if self._logger.isEnabledFor(level):
            self._logger.log(
                level,
                "request=%s account=%s region=%s action=%s:%s status=%d code=%s ms=%.2f",
                record.request_id,
                record.account or "-",
                record.region or "-",
                record.service or "-",
                record.operation or "-",
                record.status,
                record.code or "-",
                record.seconds * 1000,
            )
