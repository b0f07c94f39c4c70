"""Who waits for a message to come into a queue: told by senders of this process, and by looks at the rows.

However many wait, one thread and one connection look for all of them; no request holds either while it waits. Of those
who wait for one queue no more are told than there may be messages for, whoever waits longest first: all would come
back at once, and nearly all with nothing.
"""

from __future__ import annotations

import logging
import threading
import weakref
from itertools import islice
from typing import Final

from backend.clock import Clock
from backend.domain.queues import Queue
from backend.domain.scope import Scope
from backend.errors import StoreUnavailable
from backend.store import receiving
from backend.store.session import Store

_log = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 0.1
_SHARE: Final = 20
"""A look may take one part in so many of the time: the more wait, the rarer it is."""
_MORE: Final = 2
_TURN_SECONDS: Final = 0.5
"""How long nobody looks again for who found a FIFO queue's messages all waiting for their turn."""


class Ticket:
    """One who waits for a queue.

    Attributes:
        scope, queue_id: of the queue.
        begins_at: seconds of the clock that never goes back; what comes before is not for this one.
    """

    def __init__(self, scope: Scope, queue_id: str, begins_at: float) -> None:
        self.scope = scope
        self.queue_id = queue_id
        self.begins_at = begins_at
        self._came = threading.Event()

    def ready(self) -> bool:
        """Whether it is worth while to ask again."""
        return self._came.is_set()

    def come(self) -> None:
        self._came.set()


class Arrivals:
    """All who wait in this process. Any thread may call it.

    Args:
        store: looked at in a thread of its own while anybody waits.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: weakref.WeakKeyDictionary[Ticket, None] = weakref.WeakKeyDictionary()  # in their order
        self._lock = threading.Lock()
        self._looks = False

    def expect(self, scope: Scope, queue: Queue, *, again: bool = False, looks: bool = True) -> Ticket:
        """Begin to wait.

        Args:
            again: there was something, and nothing that could be taken.
            looks: have a thread look at the rows; tests call ``look`` themselves.
        """
        begins_at = self._clock.monotonic() + (_TURN_SECONDS if again else 0.0)
        ticket = Ticket(scope, queue.id, begins_at)
        with self._lock:
            self._waiting[ticket] = None
            if looks and not self._looks:
                self._looks = True
                threading.Thread(target=self._look_on, name="arrivals", daemon=True).start()
        return ticket

    def came(self, queue_id: str, messages: int = 1) -> None:
        """Somebody of this process has sent so many messages, or brought them back."""
        waiting = (each for each in self._tickets() if each.queue_id == queue_id and not each.ready())
        for ticket in islice(waiting, messages):
            ticket.come()

    def taken(self, queue_id: str) -> None:
        """Somebody found messages, so there may be more: two are told, and many messages soon have many takers."""
        self.came(queue_id, _MORE)

    def look(self) -> bool:
        """Tell one of those whose queue has something by now; whether anybody waits still.

        Who takes what is there has the next ones told.

        Raises:
            StoreUnavailable
        """
        now = self._clock.monotonic()
        waiting = [ticket for ticket in self._tickets() if not ticket.ready()]
        by_scope: dict[Scope, dict[str, list[Ticket]]] = {}
        for ticket in waiting:
            if ticket.begins_at <= now:
                by_scope.setdefault(ticket.scope, {}).setdefault(ticket.queue_id, []).append(ticket)
        if by_scope:
            with self._store.read() as conn:
                for scope, queues in by_scope.items():
                    for queue_id in receiving.anything(conn, scope, queues, self._clock.now()):
                        queues[queue_id][0].come()
        return bool(waiting)

    def _tickets(self) -> list[Ticket]:
        with self._lock:
            return list(self._waiting)

    def _look_on(self) -> None:
        try:
            while self._look_again():
                pass
        except BaseException:
            self._looks = False  # the next who waits begins anew
            raise

    def _look_again(self) -> bool:
        began = self._clock.monotonic()
        try:
            waiting = self.look()
        except StoreUnavailable as reason:
            _log.warning("queues could not be looked at: %s", reason.detail)
            waiting = True
        if not waiting:
            with self._lock:
                if not self._waiting:
                    self._looks = False
                    return False
        self._clock.wait(max(_PAUSE_SECONDS, (self._clock.monotonic() - began) * _SHARE))
        return True
