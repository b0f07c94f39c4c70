"""Cloud calls under way: a bounded number at once, of the process and of each project."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from backend.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class Call:
    """One call: ``ask`` answers with a value and raises nothing that the cloud may say.

    Attributes:
        heavy: its answer takes much memory on arrival; few of those are under way at once.
    """

    scope: Scope
    ask: Callable[[], Any]
    heavy: bool = False


_Waiting = tuple[Call, "Future[Any]"]


class Calls(Protocol):
    """Runs calls. ``submit`` may run it at once; ``wait`` returns when one more is done, or after the time."""

    def submit(self, calls: Sequence[Call]) -> Sequence[Future[Any]]: ...

    def wait(self, seconds: float) -> None: ...

    def close(self) -> None: ...


class InlineCalls:
    """Runs each call where it is submitted: for tests and the simulation."""

    def submit(self, calls: Sequence[Call]) -> Sequence[Future[Any]]:
        futures: list[Future[Any]] = []
        for call in calls:
            future: Future[Any] = Future()
            future.set_result(call.ask())
            futures.append(future)
        return futures

    def wait(self, seconds: float) -> None:
        """Nothing is ever under way."""

    def close(self) -> None:
        """Nothing is kept."""


class ThreadedCalls:
    """Runs calls in a pool of threads; those of one project beyond its share queue behind each other.

    Heavy calls queue by themselves, whatever their project.
    """

    def __init__(self, at_once: int, per_project: int, heavy_at_once: int = 2) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="cloud")
        self._per_project = per_project
        self._heavy_at_once = heavy_at_once
        self._queues: dict[Scope, deque[_Waiting]] = {}
        self._heavy: deque[_Waiting] = deque()
        self._running: dict[Future[Any], Call] = {}

    def submit(self, calls: Sequence[Call]) -> Sequence[Future[Any]]:
        futures: list[Future[Any]] = []
        for call in calls:
            future: Future[Any] = Future()
            futures.append(future)
            queue = self._heavy if call.heavy else self._queues.setdefault(call.scope, deque())
            queue.append((call, future))
        self._start()
        return futures

    def wait(self, seconds: float) -> None:
        """Only the thread that submits calls this: what finished makes room for what queues."""
        if self._running:
            wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        self._start()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        self._running = {future: call for future, call in self._running.items() if not future.done()}
        load = Counter(call.scope for call in self._running.values() if not call.heavy)
        for scope, queue in list(self._queues.items()):
            while queue and load[scope] < self._per_project:
                load[scope] += 1
                self._run(*queue.popleft())
            if not queue:
                del self._queues[scope]
        room = self._heavy_at_once - sum(call.heavy for call in self._running.values())
        for _ in range(min(room, len(self._heavy))):
            self._run(*self._heavy.popleft())

    def _run(self, call: Call, answer: Future[Any]) -> None:
        started = self._pool.submit(call.ask)
        started.add_done_callback(partial(_hand_over, answer))
        self._running[started] = call


def _hand_over(answer: Future[Any], done: Future[Any]) -> None:
    if done.cancelled():
        answer.cancel()
        return
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(error)
