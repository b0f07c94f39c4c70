"""Cloud calls under way: threads by region, of which a project gets at most half. Knows no act and no row.

What hangs in one region, or one project, holds up nobody else.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, Protocol

from backend.clock import Clock
from backend.domain.scope import Scope
from backend.drivers import terms
from backend.drivers.errors import CloudError, CloudUnavailable, NotHeld, OutcomeUnknown
from backend.drivers.terms import Term
from backend.engine.breaker import Breaker, BreakerRule, Leave

LOG = logging.getLogger(__name__)
_NO_ANSWER = (CloudUnavailable, OutcomeUnknown)


def _itself(error: CloudError) -> Any:
    return error


@dataclass(frozen=True, slots=True)
class Call:
    """One call: ``ask`` answers with a value and raises nothing that the cloud may say.

    Attributes:
        heavy: its answer takes much memory on arrival; few of those are under way at once.
        unasked: the answer where the cloud is not asked, for that reason.
        term: it is begun, and makes something, only while this is not over; the loop says so.
        lane: threads of their own in the region, for what is no part of the cloud; None: the region's.
    """

    scope: Scope
    ask: Callable[[], Any]
    heavy: bool = False
    unasked: Callable[[CloudError], Any] = _itself
    term: Term | None = None
    lane: str | None = None


def answer_of(question: Callable[..., Any], *arguments: Any) -> Any:
    """The answer, or what the cloud says instead of one."""
    try:
        return question(*arguments)
    except CloudError as error:
        return error


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


def error_of(answer: Any) -> CloudError | None:
    """What the cloud said instead of an answer: the answer itself, or its ``error``."""
    error = answer if isinstance(answer, CloudError) else getattr(answer, "error", None)
    return error if isinstance(error, CloudError) else None


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: Call
    answer: Future[Any]


@dataclass(frozen=True, slots=True)
class _Begun:
    call: Call
    answer: Future[Any]
    leave: Leave


class _Queue:
    """Calls that wait for threads: projects take turns, and each has at most half of what is at once under way."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._by_project: dict[str, deque[_Waiting]] = {}

    def put(self, waiting: _Waiting) -> None:
        self._by_project.setdefault(waiting.call.scope.project_id, deque()).append(waiting)

    def start(self, running: Counter[str], begin: Callable[[_Waiting], bool]) -> None:
        """Begin what there is room for.

        Args:
            running: how many are under way, by project.
            begin: whether a thread has it now.
        """
        turn, share = deque(self._by_project), (self.at_once + 1) // 2
        while turn and running.total() < self.at_once:
            project = turn.popleft()
            waiting = self._next(self._by_project[project]) if running[project] < share else None
            if waiting is None:
                continue
            running[project] += begin(waiting)
            self._by_project[project] = self._by_project.pop(project)  # to the end: others come first the next time
            turn.append(project)
        self._by_project = {project: queue for project, queue in self._by_project.items() if queue}

    @staticmethod
    def _next(queue: deque[_Waiting]) -> _Waiting | None:
        """The first that may be begun; what lost its lease is dropped, what only waits for its renewal stays."""
        for _ in range(len(queue)):
            waiting = queue.popleft()
            term = waiting.call.term
            if term is None or not term.over:
                return waiting
            if term.lost:
                waiting.answer.cancel()
            else:
                queue.append(waiting)
        return None


class _Lane:
    """The calls of one region. Heavy ones have threads of their own, so that they hold up nobody else."""

    def __init__(
        self,
        region: str,
        executor: Executor,
        at_once: int,
        heavy_at_once: int,
        breaker: Breaker,
        *,
        ring: Callable[[], None],
    ) -> None:
        self._region = region
        self._executor = executor
        self._breaker = breaker
        self._ring = ring
        self._queues = {False: _Queue(at_once), True: _Queue(heavy_at_once)}
        self.running: dict[Future[Any], _Begun] = {}

    def put(self, call: Call) -> Future[Any]:
        waiting = _Waiting(call, Future())
        self._queues[call.heavy].put(waiting)
        return waiting.answer

    def start(self, clock: Clock) -> bool:
        """Take note of what has ended, and begin what there is room for; whether anything had ended."""
        ended = [future for future in self.running if future.done()]
        for done in ended:
            self._end(done)
        for heavy, queue in self._queues.items():
            here = [each.call for each in self.running.values() if each.call.heavy is heavy]
            queue.start(Counter(call.scope.project_id for call in here), partial(self._begin, clock=clock))
        return bool(ended)

    def _begin(self, waiting: _Waiting, clock: Clock) -> bool:
        """Whether a thread has it now; otherwise it is answered: nobody is asked who does not answer."""
        call = waiting.call
        leave = self._breaker.leave(call.scope.project_id)
        if leave is Leave.NO:
            error = CloudUnavailable("it has not answered for some time and is asked only now and then")
            waiting.answer.set_result(call.unasked(error))
            return False
        begun = self._executor.submit(partial(_timed, call.ask, clock))
        self.running[begun] = _Begun(call, waiting.answer, leave)
        begun.add_done_callback(lambda _: self._ring())
        return True

    def _end(self, done: Future[Any]) -> None:
        begun = self.running.pop(done)
        if done.cancelled():
            begun.answer.cancel()
            return
        error = done.exception()
        if error is not None:
            self._record(begun, failed=False, seconds=0.0)
            begun.answer.set_exception(error)
            return
        answer, seconds = done.result()
        error = error_of(answer)
        if isinstance(error, NotHeld):
            self._breaker.forgo(begun.call.scope.project_id, begun.leave)
        else:
            self._record(begun, failed=isinstance(error, _NO_ANSWER), seconds=seconds)
        begun.answer.set_result(answer)

    def _record(self, begun: _Begun, *, failed: bool, seconds: float) -> None:
        project = begun.call.scope.project_id
        turn = self._breaker.record(project, begun.leave, failed=failed, seconds=seconds)
        if turn is not None:
            LOG.warning("region=%s project=%s %s", self._region, project, turn.value)

    def resize(self, executor: Executor, at_once: int) -> None:
        """Go on with other threads; those that are at work end what they have."""
        self._queues[False].at_once = at_once
        self._executor.shutdown(wait=False)
        self._executor = executor

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


def _timed(ask: Callable[[], Any], clock: Clock) -> tuple[Any, float]:
    """The answer, and how long it took in seconds."""
    began = clock.monotonic()
    answer = ask()
    return answer, clock.monotonic() - began


def _threads(region: str, number: int) -> Executor:
    return ThreadPoolExecutor(number, thread_name_prefix=f"cloud-{region}")


class Lanes:
    """Runs calls in threads, those of each region by itself. Only the thread that submits calls any of this.

    Args:
        at_once: calls of one region under way at once, heavy ones apart; a project has half of them at most.
        heavy_at_once: heavy calls of one region under way at once; half of them, too.
        executor_of: a region's threads, so many of them, made when its first call comes.
        ring: told of each call that is done, by the thread that did it.
    """

    def __init__(
        self,
        clock: Clock,
        at_once: int,
        heavy_at_once: int = 2,
        rule: BreakerRule | None = None,
        executor_of: Callable[[str, int], Executor] = _threads,
        *,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        self._ring = ring
        self._clock = clock
        self._at_once = at_once
        self._heavy_at_once = heavy_at_once
        self._rule = rule or BreakerRule()
        self._executor_of = executor_of
        self._lanes: dict[str, _Lane] = {}
        self._news = False

    def submit(self, calls: Sequence[Call]) -> Sequence[Future[Any]]:
        names = [_lane_of(call) for call in calls]
        futures = [self._lane(name).put(call) for name, call in zip(names, calls, strict=True)]
        self._start(names)
        return futures

    def wait(self, seconds: float) -> None:
        """What finished makes room for what queues."""
        under_way = list(chain.from_iterable(lane.running for lane in self._lanes.values()))
        if not self._news:  # which whoever calls this has not heard yet
            if under_way:
                wait(under_way, timeout=seconds, return_when=FIRST_COMPLETED)
            else:
                self._clock.wait(seconds)  # what queues waits for a renewal
        self._start(self._lanes)
        self._news = False

    def resize(self, at_once: int) -> None:
        """So many calls of one region from now on."""
        if at_once == self._at_once:
            return
        self._at_once = at_once
        for name, lane in self._lanes.items():
            lane.resize(self._executor_of(name, at_once + self._heavy_at_once), at_once)

    def close(self) -> None:
        for lane in self._lanes.values():
            lane.close()

    def _start(self, names: Iterable[str]) -> None:
        for name in dict.fromkeys(names):
            self._news |= self._lanes[name].start(self._clock)

    def _lane(self, name: str) -> _Lane:
        if name not in self._lanes:
            executor = self._executor_of(name, self._at_once + self._heavy_at_once)
            breaker = Breaker(self._rule, self._clock)
            self._lanes[name] = _Lane(name, executor, self._at_once, self._heavy_at_once, breaker, ring=self._ring)
        return self._lanes[name]


def _lane_of(call: Call) -> str:
    return call.scope.region if call.lane is None else f"{call.scope.region}/{call.lane}"


def held_by(term: Term, calls: Sequence[Call]) -> Sequence[Call]:
    """These calls, to be begun, and to make something, only while that is not over."""
    return [replace(call, term=term, ask=partial(terms.during, term, call.ask)) for call in calls]
