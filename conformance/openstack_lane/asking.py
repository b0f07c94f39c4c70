"""A client that keeps asking a balancer, and counts what it was answered."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from conformance.openstack.balancers import enter
from conformance.openstack.settings import Settings

_PAUSE = 0.05
_SECONDS = 30.0
_KEPT = 50


class Asking:
    """Threads that ask one after the other, each request on a connection of its own, from the block's begin to its end.

    Args:
        address: the balancer's; port 80.
        paths: one thread for each.
    """

    def __init__(self, settings: Settings, address: str, paths: Sequence[str] = ("/", "/", "/slow/2")) -> None:
        self._settings = settings
        self._address = address
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(path,), daemon=True) for path in paths]
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.failed = 0
        self.slowest = 0.0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_SECONDS + 5)

    def fresh(self) -> None:
        """Forget who answered, not how often."""
        with self._lock:
            self.answers = Counter({"": sum(self.answers.values())})

    def heard(self) -> set[str]:
        """All answers since ``fresh``, each once."""
        with self._lock:
            return set(self.answers) - {""}

    def counted(self) -> dict[str, int]:
        """How often each answered since ``fresh``."""
        with self._lock:
            return {who: count for who, count in self.answers.items() if who}

    @property
    def asked(self) -> int:
        """Requests that were answered by a server."""
        with self._lock:
            return sum(self.answers.values())

    def _ask(self, path: str) -> None:
        enter(self._settings)
        while not self._over.is_set():
            began = time.monotonic()
            status, said = self._once(path)
            took = time.monotonic() - began
            with self._lock:
                self.slowest = max(self.slowest, took)
                if status == 200:
                    self.answers[said] += 1
                else:
                    self.failed += 1
                    self.failures = [*self.failures, f"{time.time():.3f} {path} {status} {said[:200]}"][:_KEPT]
            time.sleep(_PAUSE)

    def _once(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._address, 80, timeout=_SECONDS)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read(1000).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, repr(error)
        finally:
            connection.close()
