"""One client's connection, on which nobody ever waits: what has come is read, what was not taken is kept to be sent.

A thread that answers a request sees of it a socket with just that request in it. Only the loop of the process reads
from the client and sends what the thread left; so a thread is held by our own work alone.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from gateway.framing import Need, Outcome, Refused, Requests, Whole
from gateway.request import Later

_PIECE: Final = 64 * 1024
_SENT_AT_ONCE: Final = 256 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class PatientSocket(socket.socket):
    """A client's socket. Made by ``over``.

    Attributes:
        requests: what came, and is no answered request.
        unsent: of the answer, what the client's side did not take yet.
        last: no request is read after the present one.
        later: when the present one is to be read by a thread again, which had no answer yet.
        asked_at: when it was first given, by the worker's clock; None: it was not.
        hurried: it waits no longer.
    """

    requests: Requests
    unsent: bytearray
    last: bool
    later: Later | None
    asked_at: float | None
    hurried: bool
    _request: memoryview
    _whole: bytes

    @classmethod
    def over(cls, plain: socket.socket) -> PatientSocket:
        """The same connection, without waiting."""
        patient = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        patient.setblocking(False)
        patient.requests = Requests()
        patient.unsent = bytearray()
        patient.last = False
        patient.later = patient.asked_at = None
        patient.hurried = False
        patient._request, patient._whole = memoryview(b""), b""
        return patient

    @property
    def kept(self) -> int:
        """How many bytes of requests are kept, of the one that is being answered, too; not of one that waits."""
        return self.requests.size + (self._request.nbytes if self.later is None else 0)

    @property
    def length(self) -> int:
        """Of the request that was given, in bytes."""
        return len(self._whole)

    def gather(self) -> Outcome | None:
        """Take what has come: the state of the present request, None where the client has gone."""
        while True:
            try:
                piece = super().recv(_PIECE)
            except BlockingIOError:
                return Need.BYTES
            except OSError:
                return None
            if not piece:
                return None
            outcome = self._told(self.requests.feed(piece))
            if outcome is None or isinstance(outcome, Whole | Refused) or len(piece) < _PIECE:
                return outcome

    def next(self) -> Outcome | None:
        """The state of the request after the one that was answered, as ``gather`` tells it."""
        return self._told(self.requests.next())

    def _told(self, outcome: Outcome) -> Outcome | None:
        return None if outcome is Need.WORD and not self._say(_CONTINUE) else outcome

    def _say(self, data: bytes) -> bool:
        try:
            self.sendall(data)
        except OSError:
            return False
        return True

    def give(self, request: Whole) -> None:
        """Let a thread read this request."""
        self._whole, self.last = request.data, request.last
        self.asked_at, self.hurried = None, False
        self.again()

    def again(self) -> None:
        """Let a thread read the request that was given from its start."""
        self._request = memoryview(self._whole)

    def answered(self) -> None:
        """Forget the request that was given."""
        self._request, self._whole = memoryview(b""), b""

    def gone(self) -> bool:
        """Whether the client has hung up; asked when something has come, of which nothing is taken."""
        try:
            return not super().recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def refuse(self, answer: bytes) -> None:
        """Keep nothing of what came, and answer this. Raises OSError where the client has gone."""
        self.requests = Requests()
        self.answered()
        self.sendall(answer)

    def flush(self) -> None:
        """Send on what was left. Raises OSError where the client has gone."""
        try:
            while self.unsent:
                del self.unsent[: super().send(self.unsent[:_SENT_AT_ONCE])]
        except BlockingIOError:
            return

    def forget(self) -> int | None:
        """Read what has come and keep none of it: its length, 0 at the end, None where nothing has come."""
        try:
            return len(super().recv(_PIECE))
        except BlockingIOError:
            return None
        except OSError:
            return 0

    # What follows is what a thread sees.

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        del flags
        piece = bytes(self._request[:bufsize])
        self._request = self._request[bufsize:]
        return piece

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        del flags
        sent = 0
        if not self.unsent:
            try:
                sent = super().send(data)
            except BlockingIOError:
                sent = 0
        if sent < len(data):
            self.unsent += memoryview(data)[sent:]

    def setblocking(self, flag: bool, /) -> None:
        """It never blocks, whatever gunicorn asks for."""
        del flag
        super().setblocking(False)

    def settimeout(self, value: float | None, /) -> None:
        """There is nothing to wait for."""
