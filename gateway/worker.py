"""gunicorn's threaded worker for clients that are slow, silent, many or speak no HTTP: none of them holds a thread.

The process's one loop gathers requests and sends what clients did not take at once; a thread is given a request when
all of it is there, and is free when the answer is made. All that waits for a client has an end in time and in size, and
gives way to newcomers where there is no room left. A request to which there is no answer yet (a long poll) waits in the
loop as well, and is given to a thread again when one may have come. gunicorn by itself gives a thread to every
connection that has sent one byte, and waits in it for the rest.
"""

from __future__ import annotations

import errno
import resource
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from gateway import reloading
from gateway.connection import PatientSocket
from gateway.documents import plain_error
from gateway.framing import Outcome, Refused, Whole
from gateway.limits import Limits
from gateway.request import LATER, MAY_WAIT, WAITED

_SLOWEST: Final = 64 * 1024
"""Bytes a second at which an answer must be taken, beside the time that each client has."""
_FORGOTTEN_BYTES: Final = Limits().discard_bytes
_TICK: Final = 0.25
_GLANCE: Final = 0.05
"""How often those who wait for an answer are looked at."""
_LONGEST_PARKED: Final = 64 * 1024
"""Bytes of a request that may wait for an answer. Those are kept beside what is gathered: a connection has a place for
them, and what others send must not be refused for their sake."""
_OWN_FILES: Final = 160
"""File descriptors of a process for other things: databases, logs, the cloud."""
_FEWEST_CONNECTIONS: Final = 16
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# accept(2): what went wrong on the connection that would have been, not here.
_PASSING: Final = frozenset(
    {
        errno.EAGAIN,
        errno.ECONNABORTED,
        errno.EPERM,
        errno.EPROTO,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.ENETDOWN,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
    }
)


class _Client(TConn):  # type: ignore[misc]
    """A connection and what it waits for.

    Attributes:
        sock: its socket.
        waits: the table of the worker in which it stands; None while a thread has it.
        keeps: it is open for another request when its answer is sent.
        counted: bytes in the worker's sums, gathered and unsent.
        until: when lingering ends, however lively the client is.
        forgotten: bytes that came while lingering.
    """

    sock: PatientSocket

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.data_ready = True
        self.waits: _Waiting | None = None
        self.keeps = False
        self.counted = (0, 0)
        self.until = 0.0
        self.forgotten = 0


class Postponed(Exception):
    """A thread gave a request back: there is no answer yet."""


_Waiting = dict[_Client, float]
"""Connections that wait for the same thing, whoever waits longest first, and the end of each one's time."""


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker with limits for clients; see ``patient``.

    Attributes:
        client_seconds: how long a client may take to send a request, or to begin to take an answer.
        farewell_seconds: how long, when stopping, connections without a request stay for one that may be on its way.
        linger_seconds: how long one may be silent before it closes a connection that we have closed (RFC 9112, 9.6).
        gathered_bytes: what all connections of a process may have gathered; beyond that the largest is refused.
        unsent_bytes: what all may have left untaken of answers; beyond that whoever is at it longest is closed.
        now: seconds of a clock that never goes back.
    """

    client_seconds: float = 20.0
    farewell_seconds: float = 1.0
    linger_seconds: float = 2.0
    gathered_bytes: int = 64 * 1024 * 1024
    unsent_bytes: int = 128 * 1024 * 1024
    now: Callable[[], float] = staticmethod(time.monotonic)
    worker_connections: int
    alive: bool
    sockets: list[Any]
    wsgi: Any

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.keepalived_conns: _Waiting = {}
        self.pending_conns: _Waiting = {}
        self._sending: _Waiting = {}
        self._lingering: _Waiting = {}
        self._parked: _Waiting = {}
        self._gathered = self._unsent = 0
        self._looked_at = self._shut_until = 0.0
        self._farewell_until: float | None = None

    def init_process(self) -> None:
        self.worker_connections = _affordable(self.worker_connections)
        super().init_process()

    def load_wsgi(self) -> None:
        reloading.begin(super().load_wsgi)
        plain: Any = self.wsgi
        self.wsgi = self._postponing(plain)

    # Coming

    def accept(self, listener: Any) -> bool:
        """Begin to gather the first request of a connection. False: nobody else is there, or can be let in."""
        try:
            plain, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                if self.alive and not self._give_way():
                    self._shut_until = self.now() + _TICK
                    self.set_accept_enabled(enabled=False)
                return False
            if error.errno not in _PASSING:
                raise
            return error.errno != errno.EAGAIN
        self.nr_conns += 1
        client = _Client(self.cfg, PatientSocket.over(plain), address, listener.getsockname())
        if self.nr_conns >= self.worker_connections:
            self._give_way()
        self._go_on(client, client.sock.gather())
        return True

    def set_accept_enabled(self, enabled: bool) -> None:
        """Where there was no room for a newcomer, the next one is let in a moment later. When stopping, nobody is."""
        if not (enabled and self.now() < self._shut_until):
            super().set_accept_enabled(enabled)
        if not (enabled or self.alive):
            self._shut_the_doors()

    def _shut_the_doors(self) -> None:
        """Let in who stands before them already; who comes later is refused at once, and can ask another gateway.

        At an open door that nobody attends to newcomers would wait as long as others are answered, and be lost then.
        """
        for listener in self.sockets:
            while self.nr_conns < self.worker_connections - 1 and self.accept(listener):
                pass  # nobody who is inside gives way
            listener.close()
        self.sockets = []

    def is_parent_alive(self) -> bool:
        """Whether it goes on; where its master died it stops as when it is told to."""
        self.alive = self.alive and super().is_parent_alive()
        return bool(self.alive)

    def _give_way(self) -> bool:
        """Close whoever waits longest of those who cost least, for a newcomer's sake; False where there is none."""
        for table in (self._lingering, self.keepalived_conns, self.pending_conns, self._sending):
            if table:
                self._close(next(iter(table)))
                return True
        if self._parked:  # whoever waits for an answer longest is told that there is none
            self._ask_again(next(iter(self._parked)), hurried=True)
        return False

    # Gathering

    def _go_on(self, client: _Client, outcome: Outcome | None) -> None:
        """What is next for a connection whose present request is in this state; None: the client has gone."""
        self._count(client)
        if outcome is None:
            self._close(client)
        elif isinstance(outcome, Refused):
            self._refuse(client, outcome)
        elif isinstance(outcome, Whole):
            self._leave(client)
            client.sock.give(outcome)
            self._count(client)
            if self._has_room(client):
                self.enqueue_req(client)
        else:
            if client.waits is None:
                self._wait(client, self.pending_conns, self.client_seconds, self._on_bytes)
            self._has_room(client)

    def _on_bytes(self, client: _Client) -> None:
        self._go_on(client, client.sock.gather())

    def _on_another(self, client: _Client) -> None:
        self._leave(client)
        self._go_on(client, client.sock.gather())

    def _has_room(self, client: _Client) -> bool:
        """Whether what this connection gathered may be kept; as long as all is too much, the largest is refused."""
        while self._gathered > self.gathered_bytes:
            largest = max((*self.pending_conns, client), key=lambda each: each.counted[0])
            self._refuse(largest, Refused(503, "Too much is being received; try again."))
            if largest is client:
                return False
        return True

    # Answering

    def handle_request(self, req: Any, conn: _Client) -> bool:
        """Answer a request, in a thread."""
        req._expected_100_continue = False  # the body is there: nobody waits for our word  # noqa: SLF001
        # Where nobody else could give way to a newcomer, who keeps threads at work by many requests does.
        if conn.sock.last or self.nr_conns >= self.worker_connections:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def _postponing(self, app: Any) -> Any:
        """The application, by whose wish a request is asked again later."""

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            sock: PatientSocket = environ["gunicorn.socket"]
            now = self.now()
            sock.asked_at = now if sock.asked_at is None else sock.asked_at
            parks = self._places() > 0 and sock.length <= _LONGEST_PARKED
            environ[MAY_WAIT], environ[WAITED] = parks and not sock.hurried, now - sock.asked_at
            answered = app(environ, start_response)
            sock.later = environ.get(LATER)
            if sock.later is None:
                return answered
            if hasattr(answered, "close"):
                answered.close()
            raise Postponed

        return answer

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP, or a fault outside the application, with an AWS document."""
        del req
        if isinstance(exc, Postponed):
            return
        if isinstance(exc, ParseException):
            self.log.debug("Invalid request from %s: %r", addr, exc)
            refused = Refused(400, "The request is not valid HTTP.")
        else:
            self.log.error("Error handling request", exc_info=exc)
            refused = Refused(500, "An internal error has occurred.")
        try:
            client.sendall(_document(refused))
        except OSError:
            self.log.debug("The client went away before it was told of its error")

    def finish_request(self, conn: _Client, fs: Any) -> None:
        """Go on with a connection whose request a thread has answered, or given up."""
        answered = not fs.cancelled() and fs.exception() is None and bool(fs.result())
        conn.parser, conn.initialized = None, False  # it would keep the whole head of the request
        if conn.sock.later is not None:
            self._park(conn)
            return
        conn.sock.answered()
        conn.keeps = answered and self.alive and not conn.sock.last
        self._send_rest(conn)

    def _park(self, client: _Client) -> None:
        """Keep a request, and its client, until there may be an answer."""
        later = client.sock.later
        if later is None:
            return
        client.sock.again()
        self._count(client)
        another = client.sock.requests.size  # has come with it
        if another or not self.alive or not self._has_place(later.account):
            self._ask_again(client, hurried=True)
        else:
            self._wait(client, self._parked, later.seconds, self._on_word)

    def _places(self) -> int:
        """How many more requests may wait for an answer."""
        return self.worker_connections // 2 - len(self._parked)

    def _has_place(self, account: str) -> bool:
        """Whether an account may have another request wait: it has no more than it leaves free to all others."""
        own = sum(each.sock.later is not None and each.sock.later.account == account for each in self._parked)
        return own < self._places()

    def _on_word(self, client: _Client) -> None:
        """A client that waits for an answer has hung up, or sends another request: then it is answered first."""
        if client.sock.gone():
            self._close(client)
        else:
            self._ask_again(client, hurried=True)

    def _ask_again(self, client: _Client, *, hurried: bool = False) -> None:
        self._leave(client)
        client.sock.later = None
        client.sock.hurried = hurried
        self.enqueue_req(client)

    def _look_at_parked(self) -> None:
        """Ask those again for whom an answer may have come, or whose time is over; when stopping, all."""
        now = self.now()
        for client, until in list(self._parked.items()):
            later = client.sock.later
            if not self.alive or until <= now or later is None or later.ready():
                self._ask_again(client, hurried=not self.alive)

    def _refuse(self, client: _Client, refused: Refused) -> None:
        self.log.debug("Refused %s with %d: %s", client.client, refused.status, refused.why)
        self._leave(client)
        client.keeps = False
        try:
            client.sock.refuse(_document(refused))
        except OSError:
            self._close(client)
        else:
            self._send_rest(client)

    def _send_rest(self, client: _Client) -> None:
        """Wait for the client to take what is left of its answer, if anything is; then read another request, or end."""
        self._count(client)
        if client.sock.fileno() < 0:  # gunicorn closed it, for an answer that broke off
            self._close(client)
        elif client.sock.unsent:
            seconds = self.client_seconds + len(client.sock.unsent) / _SLOWEST
            self._wait(client, self._sending, seconds, self._on_taken, selectors.EVENT_WRITE)
            while self._unsent > self.unsent_bytes and len(self._sending) > 1:
                self._close(next(iter(self._sending)))
        elif not client.keeps:
            self._linger(client)
        elif client.sock.requests.size:
            self._go_on(client, client.sock.next())
        else:
            self._wait(client, self.keepalived_conns, self.cfg.keepalive, self._on_another)

    def _on_taken(self, client: _Client) -> None:
        try:
            client.sock.flush()
        except OSError:
            self._close(client)
            return
        self._count(client)
        if not client.sock.unsent:
            self._leave(client)
            self._send_rest(client)

    # Ending

    def _linger(self, client: _Client) -> None:
        """End our side. What the client still sends is read and forgotten: to close could cost it our answer."""
        try:
            client.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(client)
            return
        client.until = self.now() + self.client_seconds
        self._wait(client, self._lingering, self.linger_seconds, self._on_more)

    def _on_more(self, client: _Client) -> None:
        length = client.sock.forget()
        client.forgotten += length or 0
        if length == 0 or client.forgotten > _FORGOTTEN_BYTES:
            self._close(client)
        elif length:
            self._lingering[client] = min(self.now() + self.linger_seconds, client.until)

    def _close(self, client: _Client) -> None:
        self._leave(client)
        self._gathered -= client.counted[0]
        self._unsent -= client.counted[1]
        client.counted = (0, 0)
        self.nr_conns -= 1
        client.close()

    def murder_keepalived(self) -> None:
        """Close those whose time is over; when stopping, soon also those who wait for a request that has not begun."""
        now = self.now()
        if self.alive and now - self._looked_at < _TICK:
            return
        self._looked_at = now
        for table in (self.keepalived_conns, self.pending_conns, self._sending, self._lingering):
            for client in [each for each, until in table.items() if until <= now]:
                self._close(client)
        if self.alive:
            return
        if self._farewell_until is None:
            self._farewell_until = now + self.farewell_seconds
        if self._farewell_until <= now:
            for client in [*self.keepalived_conns, *(each for each in self.pending_conns if not each.sock.kept)]:
                self._close(client)

    def murder_pending(self) -> None:
        """``murder_keepalived`` has looked at them."""

    # Waiting

    def _wait(
        self, client: _Client, table: _Waiting, seconds: float, then: Any, event: int = selectors.EVENT_READ
    ) -> None:
        table[client] = self.now() + seconds
        client.waits = table
        self.poller.register(client.sock, event, partial(self._came, client, table, then))

    def _came(self, client: _Client, table: _Waiting, then: Any, sock: socket.socket) -> None:
        # Who came to wait for something else in the same round is not looked at any more.
        if client.waits is table and client.sock is sock:
            then(client)

    def _leave(self, client: _Client) -> None:
        if client.waits is not None:
            del client.waits[client]
            client.waits = None
            self.poller.unregister(client.sock)

    def _count(self, client: _Client) -> None:
        """Keep the sums of what is gathered and unsent."""
        gathered, unsent = client.sock.kept, len(client.sock.unsent)
        self._gathered += gathered - client.counted[0]
        self._unsent += unsent - client.counted[1]
        client.counted = gathered, unsent

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As gunicorn does; while anybody waits, those whose time is over are looked for in between."""
        waits = self.nr_conns > 0 or self.now() < self._shut_until
        tick = _GLANCE if self._parked else _TICK
        super().wait_for_and_dispatch_events(min(timeout, tick) if waits else timeout)
        if self._parked:
            self._look_at_parked()


def _document(refused: Refused) -> bytes:
    """A whole answer, after which the connection ends."""
    status, body = plain_error(refused.status, refused.why)
    headers = ("Connection: close", "Content-Type: text/xml", f"Content-Length: {len(body)}")
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode() + body


def _affordable(wanted: int) -> int:
    """How many connections a process can hold: as many as are wanted where the system gives it the descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(_FEWEST_CONNECTIONS, min(wanted, soft - _OWN_FILES))
    return wanted


def patient(client_seconds: float) -> type[PatientWorker]:
    """A worker class that gives a client so many seconds to send a request."""
    return type("PatientWorker", (PatientWorker,), {"client_seconds": client_seconds})
