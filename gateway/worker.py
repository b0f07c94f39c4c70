"""gunicorn's threaded worker for clients that are slow or speak no HTTP: no thread is held, and no HTML is answered.

A request is gathered by the process's one loop and handed to a thread when all of it is there. gunicorn by itself gives
a thread to every connection that has sent one byte.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import time
from collections import deque
from functools import partial
from typing import Any, Final

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from gateway.documents import plain_error
from gateway.limits import BODY_BYTES

_CHUNK: Final = 64 * 1024
_HEAD_BYTES: Final = 64 * 1024
_GATHERED_BYTES: Final = 64 * 1024 * 1024
"""What all connections of a process may have gathered; beyond that a request is handed over as far as it is there."""
_LINGER_SECONDS: Final = 2.0
"""How long a client may take to close a connection that we have closed (RFC 9112, 9.6)."""
_LINGER_POLL: Final = 0.25
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r\n|$)")
_ENCODING: Final = re.compile(rb"\r\ntransfer-encoding:([^\r\n]*)")


def whole(data: bytes | bytearray) -> bool:
    """Whether these first bytes of a connection are all of a request, or all that is needed to refuse it."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return len(data) > _HEAD_BYTES
    head, body = bytes(data[:end]).lower(), len(data) - end - 4
    if b"\r\nexpect:" in head:
        return True  # the client waits for our word before it goes on
    encoding = _ENCODING.search(head)
    if encoding is not None and encoding[1].strip() == b"chunked":
        return data.endswith(b"0\r\n\r\n") or body > BODY_BYTES
    length = _LENGTH.search(head)
    return length is None or body >= min(int(length[1]), BODY_BYTES + 1)


class _Timed(socket.socket):
    """A connection on which a request must have come within a time.

    gunicorn makes a connection blocking when a thread begins to read a request from it: the time runs from there.
    Sending has the same time for each piece. Time out looks to gunicorn like a client that went away, which it passes
    over.

    Attributes:
        gathered: what came before that, read first.
    """

    _seconds: float = 20.0
    _deadline: float = 0.0
    _allowed: float | None = None
    gathered: bytearray

    @classmethod
    def over(cls, plain: socket.socket, seconds: float) -> _Timed:
        """The same connection, timed."""
        timed = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        timed._seconds = seconds
        timed.gathered = bytearray()
        return timed

    def gather(self) -> bool:
        """Take what has come, without waiting; True when a thread can go on with it, be it to see the end."""
        size = _CHUNK
        while size == _CHUNK:
            try:
                chunk = super().recv(_CHUNK)
            except BlockingIOError:
                break
            except OSError:
                return True
            if not chunk:
                return True
            size = len(chunk)
            self.gathered += chunk
        return whole(self.gathered)

    def forget(self) -> int:
        """Read what has come and keep none of it: its length, 0 at the end."""
        return len(super().recv(_CHUNK))

    def setblocking(self, flag: bool, /) -> None:
        if flag:
            self._deadline = time.monotonic() + self._seconds
            self.settimeout(self._seconds)
        else:
            self.settimeout(0.0)

    def settimeout(self, value: float | None, /) -> None:
        self._allowed = value
        super().settimeout(value)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if self.gathered:
            piece = bytes(self.gathered[:bufsize])
            del self.gathered[:bufsize]
            return piece
        if self._allowed:
            left = min(self._deadline - time.monotonic(), self._allowed)
            if left <= 0:
                raise ConnectionResetError(errno.ECONNRESET, "the client was too slow")
            super().settimeout(left)
        try:
            return super().recv(bufsize, flags)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the client was too slow") from None

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        if self._allowed:
            super().settimeout(self._seconds)
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the client was too slow") from None


class _Listener:
    """A listening socket whose connections are timed."""

    def __init__(self, listener: Any, seconds: float) -> None:
        self._listener = listener
        self._seconds = seconds

    def accept(self) -> tuple[_Timed, Any]:
        connection, address = self._listener.accept()
        return _Timed.over(connection, self._seconds), address

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threaded worker with a time limit for clients; see ``patient``."""

    client_seconds: float = 20.0
    sockets: list[Any]  # gunicorn sets it before init_process

    def init_process(self) -> None:
        self.sockets = [_Listener(listener, self.client_seconds) for listener in self.sockets]
        self.lingering: deque[Any] = deque()
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Begin to gather the first request of a connection."""
        try:
            connection, address = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        self.nr_conns += 1
        self._gather(TConn(self.cfg, connection, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Begin to gather another request of a connection."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._gather(conn)

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Go on gathering; the thread that then reads from the connection finds it all there."""
        if self._gathered(conn):
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._hand_over(conn)

    def _gather(self, conn: Any) -> None:
        if self._gathered(conn):
            self._hand_over(conn)
            return
        # All have the same time, so the queue is in order of their ends, as murder_pending wants it.
        conn.timeout = time.monotonic() + self.client_seconds
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _gathered(self, conn: Any) -> bool:
        return conn.sock.gather() or sum(len(one.sock.gathered) for one in self.pending_conns) > _GATHERED_BYTES

    def _hand_over(self, conn: Any) -> None:
        conn.data_ready = True
        self.enqueue_req(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep a connection for another request, or close it without waiting for its client.

        gunicorn by itself waits up to two seconds for the client to close too, in the one loop of the process.
        """
        if not fs.cancelled() and fs.exception() is None and fs.result() and self.alive:
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        # What the client still sends is read and forgotten for a while: to close at once could cost it our answer.
        conn.timeout = time.monotonic() + _LINGER_SECONDS
        self.lingering.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_lingering_socket_readable, conn))

    def on_lingering_socket_readable(self, conn: Any, client: socket.socket) -> None:
        """Forget what comes on a connection that we have closed, until the client closes it too."""
        try:
            ended = not conn.sock.forget()
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self.lingering.remove(conn)
            self._part(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As gunicorn does; whoever lingers is looked at in between."""
        super().wait_for_and_dispatch_events(min(timeout, _LINGER_POLL) if self.lingering else timeout)
        while self.lingering and self.lingering[0].timeout <= time.monotonic():
            self._part(self.lingering.popleft())

    def _part(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_keepalived(self) -> None:
        """Close connections that waited too long for another request; when stopping, all that wait for one."""
        if not self.alive:
            for connection in self.keepalived_conns:
                connection.timeout = 0.0
        super().murder_keepalived()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what is no HTTP, or a fault outside the application, with an AWS document."""
        if isinstance(exc, ParseException):
            status, body = plain_error(400, "The request is not valid HTTP.")
            self.log.debug("Invalid request from %s: %s", addr, exc)
        else:
            status, body = plain_error(500, "An internal error has occurred.")
            self.log.error("Error handling request", exc_info=exc)
        headers = ("Connection: close", "Content-Type: text/xml", f"Content-Length: {len(body)}")
        head = "\r\n".join((f"HTTP/1.1 {status}", *headers, "", ""))
        try:
            client.sendall(head.encode() + body)
        except OSError:
            self.log.debug("The client went away before it was told of its error")


def patient(client_seconds: float) -> type[PatientWorker]:
    """A worker class that gives a client so many seconds to send a request."""
    return type("PatientWorker", (PatientWorker,), {"client_seconds": client_seconds})
