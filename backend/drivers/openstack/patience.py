"""How long the cloud is waited for: by the engine as long as its settings say, for a request of a client briefly.

A gateway has few threads, and those that wait for a cloud that hangs serve nobody. So calls for requests have short
times and one end for all of a request's, no more than some requests wait at once, and where calls hang one after
another the next ones are answered at once, but for one a while that finds out whether it goes again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers.errors import CloudUnavailable
from backend.drivers.openstack.settings import OpenStackSettings

P = ParamSpec("P")
R = TypeVar("R")

_LEAST_SECONDS: Final = 1.0
"""A call that has less is not begun: it would only end with an outcome that nobody knows."""
_PLACE_SECONDS: Final = 2.0
_HUNG: Final = 0.9
"""Of its time: a call that fails after so much of it hung."""
_AFTER: Final = 3
_PAUSE_SECONDS: Final = 5.0
_LONGEST_REPEAT_SECONDS: Final = 1.0
_MOST: Final = 10_000


class Patience:
    """The engine's: the connections' own times."""

    @contextmanager
    def call(self, service: str, scope: Scope | None, *, write: bool) -> Iterator[float | None]:
        """Around one exchange; gives its seconds, None for the connection's own.

        Raises:
            CloudUnavailable: it is not to be made.
        """
        del service, scope, write
        yield None

    def repeats(self, pause: float, *, hung: bool) -> bool:
        """Whether a lost exchange is worth another one after a pause."""
        del pause, hung
        return True


class Within(Patience):
    """Of one who would rather have no answer than a late one, and asks again by himself.

    Args:
        seconds: for one exchange.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @contextmanager
    def call(self, service: str, scope: Scope | None, *, write: bool) -> Iterator[float | None]:
        del service, scope, write
        yield self._seconds

    def repeats(self, pause: float, *, hung: bool) -> bool:
        del pause, hung
        return False


@dataclass(slots=True)
class _Circuit:
    """Of one project's calls to a service, or of all projects'."""

    hangs: int = 0
    opens_at: float = 0.0
    projects: set[str] = field(default_factory=set)

    def shut(self, now: float) -> bool:
        """Whether a call is to be refused; one a while is let through."""
        if self.hangs < _AFTER:
            return False
        if now < self.opens_at:
            return True
        self.opens_at = now + _PAUSE_SECONDS
        return False


class Breaker:
    """Which services of a region hang: for a project after three calls in a row, for all where three projects' did.

    One project, whose calls may be slow for what is in it, so stops nobody else's. Pure but for its lock; instants are
    seconds of a clock that never goes back.
    """

    def __init__(self) -> None:
        self._circuits: OrderedDict[tuple[str, str, str], _Circuit] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, service: str, scope: Scope | None, now: float) -> None:
        """Raises CloudUnavailable."""
        with self._lock:
            for key in _keys(service, scope):
                circuit = self._circuits.get(key)
                if circuit is not None and circuit.shut(now):
                    raise CloudUnavailable(f"{service} has not answered lately and is not asked at the moment")

    def hung(self, service: str, scope: Scope | None, now: float) -> None:
        own, every = _keys(service, scope)
        with self._lock:
            for key in (own, every):
                circuit = self._circuits.setdefault(key, _Circuit())
                self._circuits.move_to_end(key)
                circuit.projects.add(own[2])
                circuit.hangs = circuit.hangs + 1 if key == own else len(circuit.projects)
                circuit.opens_at = now + _PAUSE_SECONDS
            while len(self._circuits) > _MOST:
                self._circuits.popitem(last=False)

    def answered(self, service: str, scope: Scope | None) -> None:
        with self._lock:
            for key in _keys(service, scope):
                self._circuits.pop(key, None)


def _keys(service: str, scope: Scope | None) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Of the project's circuit, and of all projects'; the service user counts as one."""
    region, project = (scope.region, scope.project_id) if scope else ("", "-")
    return (service, region, project), (service, region, "")


@dataclass(slots=True)
class _Waiting:
    """A request of a client, and whether it holds one of the places."""

    ends_at: float
    placed: bool = False


_PRESENT: ContextVar[_Waiting | None] = ContextVar("waiting", default=None)


class Brief(Patience):
    """The gateway's.

    Args:
        place_seconds: how long after one was given away a place is waited for.
    """

    def __init__(self, settings: OpenStackSettings, clock: Clock, place_seconds: float = _PLACE_SECONDS) -> None:
        self._settings = settings
        self._clock = clock
        self._place_seconds = place_seconds
        self._placed_at = 0.0
        self._places = threading.BoundedSemaphore(settings.request_calls)
        self._breaker = Breaker()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Around all that is asked for one request of a client; one within another is a part of it."""
        if _PRESENT.get() is not None:
            yield
            return
        waiting = _Waiting(self._clock.monotonic() + self._settings.request_seconds)
        token = _PRESENT.set(waiting)
        try:
            yield
        finally:
            _PRESENT.reset(token)
            if waiting.placed:
                self._places.release()

    def during(self, answer: Callable[P, R]) -> Callable[P, R]:
        """A function that answers a request, with ``request`` around it."""

        @wraps(answer)
        def patient(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.request():
                return answer(*args, **kwargs)

        return patient

    def handlers(
        self, find: Callable[[str, str], Callable[P, R] | None]
    ) -> Callable[[str, str], Callable[P, R] | None]:
        """The functions that answer requests, by service and operation, each with ``request`` around it."""

        def found(service: str, operation: str) -> Callable[P, R] | None:
            handler = find(service, operation)
            return None if handler is None else self.during(handler)

        return found

    @contextmanager
    def call(self, service: str, scope: Scope | None, *, write: bool) -> Iterator[float | None]:
        started = self._clock.monotonic()
        self._breaker.check(service, scope, started)
        waiting = _PRESENT.get()
        left = self._settings.request_seconds if waiting is None else waiting.ends_at - started
        if left < _LEAST_SECONDS:
            raise CloudUnavailable(f"{service} is not asked: the time of the request is used up")
        if waiting is not None:
            self._place(waiting)
        own = self._settings.request_write_seconds if write else self._settings.request_read_seconds
        seconds = min(own, left)
        try:
            yield seconds
        except Exception:
            if self._clock.monotonic() - started >= _HUNG * seconds:
                self._breaker.hung(service, scope, self._clock.monotonic())
            else:
                self._breaker.answered(service, scope)
            raise
        self._breaker.answered(service, scope)

    def repeats(self, pause: float, *, hung: bool) -> bool:
        return not hung and pause <= _LONGEST_REPEAT_SECONDS

    def _place(self, waiting: _Waiting) -> None:
        if waiting.placed:
            return
        # Where none was given away lately those who hold them hang, and to wait with them would be in vain.
        patience = self._place_seconds - (self._clock.monotonic() - self._placed_at)
        if not self._places.acquire(timeout=max(0.0, patience)):
            raise CloudUnavailable("as many requests as may wait for the cloud already do")
        waiting.placed = True
        self._placed_at = self._clock.monotonic()
