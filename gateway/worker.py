"""gunicorn's threaded worker for clients that are slow or speak no HTTP: cut off after a time, and answered no HTML."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from gateway.documents import plain_error


class _Timed(socket.socket):
    """A connection on which a request must have come within a time.

    gunicorn makes a connection blocking when it begins to read a request from it: the time runs from there. Sending
    has the same time for each piece. Time out looks to gunicorn like a client that went away, which it passes over.
    """

    _seconds: float = 20.0
    _deadline: float = 0.0

    @classmethod
    def over(cls, plain: socket.socket, seconds: float) -> _Timed:
        """The same connection, timed."""
        timed = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        timed._seconds = seconds
        return timed

    def setblocking(self, flag: bool, /) -> None:
        if flag:
            self._deadline = time.monotonic() + self._seconds
            self.settimeout(self._seconds)
        else:
            super().setblocking(False)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if self.gettimeout():
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise ConnectionResetError(errno.ECONNRESET, "the client was too slow")
            self.settimeout(left)
        try:
            return super().recv(bufsize, flags)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the client was too slow") from None

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        if self.gettimeout():
            self.settimeout(self._seconds)
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
        super().init_process()

    def murder_keepalived(self) -> None:
        """Close connections that waited too long for another request; when stopping, all that wait for one."""
        if not self.alive:
            for connection in getattr(self, "keepalived_conns", ()):  # gunicorn before 26 named them otherwise
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
