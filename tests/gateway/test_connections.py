"""The worker's bounds in size and time, over socket pairs and with a clock that the tests move."""

import errno
import selectors
import socket

import gunicorn.http.wsgi
import gunicorn.workers.gthread as gthread
import pytest
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request

from gateway.worker import PatientWorker

GOOD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Silent:
    def __getattr__(self, name):
        return lambda *_, **__: None


class Listener:
    """A listening socket whose newcomers are told, or an error."""

    def __init__(self):
        self.next = []
        self.closed = False

    def close(self):
        self.closed = True

    def accept(self):
        came = self.next.pop(0)
        if isinstance(came, OSError):
            raise came
        return came, ("127.0.0.1", 1)

    def getsockname(self):
        return ("127.0.0.1", 8080)


class Done:
    """The future of a request that a thread has answered."""

    def __init__(self, result):
        self._result = result

    def cancelled(self):
        return False

    def exception(self):
        return None

    def result(self):
        return self._result


class Worker(PatientWorker):
    """One whose threads do nothing by themselves, and whose door is told apart from its poller."""

    gathered_bytes = 20_000
    unsent_bytes = 5_000_000
    client_seconds = 20.0

    def __init__(self, connections=100):
        config = Config()
        config.set("worker_connections", connections)
        super().__init__(1, 1, [], None, 30, config, Silent())
        self.poller = selectors.DefaultSelector()
        self.at = 1000.0
        self.now = lambda: self.at
        self.listener = Listener()
        self.handed = []
        self.doors = []
        self.sockets = []
        self.open = []

    def ends(self):
        for client in {*self.keepalived_conns, *self.pending_conns, *self._sending, *self._lingering, *self.handed}:
            client.close()
        for far in self.open:
            far.close()
        self.poller.close()
        self.tmp.close()

    def enqueue_req(self, conn):
        self.handed.append(conn)

    def comes(self):
        """A client's end of a new connection."""
        near, far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        far.settimeout(5)
        self.open.append(far)
        self.listener.next.append(near)
        self.accept(self.listener)
        return far

    def turns(self, rounds=20):
        for _ in range(rounds):
            self.wait_for_and_dispatch_events(0)
        self.murder_keepalived()

    def answers(self, size):
        """The request that came last is answered with so many bytes."""
        self.turns()
        self.handed[-1].sock.sendall(b"a" * size)
        self.finish_request(self.handed[-1], Done(result=True))

    def passes(self, seconds):
        self.at += seconds
        self.turns()


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.ends()


@pytest.fixture
def narrow():
    """A worker that holds five connections."""
    made = Worker(connections=5)
    yield made
    made.ends()


def gone(far):
    far.setblocking(False)
    try:
        while piece := far.recv(65536):
            del piece
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def test_a_request_is_handed_to_a_thread_when_it_is_whole(worker):
    far = worker.comes()
    worker.turns()
    assert not worker.handed
    far.sendall(GOOD + GOOD[:7])
    worker.turns()
    (client,) = worker.handed
    assert client.sock.recv(10_000) == GOOD
    assert client.sock.recv(10_000) == b""  # a thread that asks for more does not wait for it
    client.sock.sendall(ANSWER)
    worker.finish_request(client, Done(result=True))
    far.sendall(GOOD[7:])
    worker.turns()
    assert worker.handed == [client, client]
    assert far.recv(1000) == ANSWER


def test_requests_in_one_segment_are_handed_over_in_turn(worker):
    far = worker.comes()
    far.sendall(GOOD * 3)
    worker.turns()
    for number in range(1, 4):
        assert len(worker.handed) == number
        worker.finish_request(worker.handed[-1], Done(result=True))
    assert len(worker.handed) == 3
    assert len(worker.keepalived_conns) == 1


def test_beyond_the_bound_the_largest_is_refused(worker):
    small, *large = [worker.comes() for _ in range(4)]
    small.sendall(GOOD[:-1])
    for far in large:
        far.sendall(HALF + b"a" * 8000)
    worker.turns()
    told = [far for far in large if gone_with(far, b"HTTP/1.1 503")]
    assert len(told) == 1
    assert not worker.handed
    small.sendall(GOOD[-1:])
    worker.turns()
    assert len(worker.handed) == 1


def gone_with(far, start):
    far.setblocking(False)
    try:
        return far.recv(1000).startswith(start)
    except BlockingIOError:
        return False


def test_requests_that_wait_for_a_thread_count(worker):
    sent = [worker.comes() for _ in range(5)]
    for far in sent:
        far.sendall(HALF + b"a" * 9000)
        worker.turns()
    assert len(worker.handed) == 2
    assert [gone_with(far, b"HTTP/1.1 503") for far in sent] == [False, False, True, True, True]
    for client in worker.handed:
        worker.finish_request(client, Done(result=True))
    again = worker.comes()
    again.sendall(HALF + b"a" * 9000)
    worker.turns()
    assert len(worker.handed) == 3


def test_each_wait_has_an_end(worker):
    silent, half, idle = [worker.comes() for _ in range(3)]
    half.sendall(HALF)
    idle.sendall(GOOD)
    worker.turns()
    worker.finish_request(worker.handed[0], Done(result=True))
    worker.passes(1.9)
    assert worker.nr_conns == 3
    worker.passes(0.3)
    assert worker.nr_conns == 2
    assert gone(idle)
    half.sendall(b"a")  # drops do not lengthen the time
    worker.passes(17.6)
    assert worker.nr_conns == 2
    worker.passes(0.4)
    assert worker.nr_conns == 0
    assert gone(silent)
    assert gone(half)


def test_an_answer_that_is_not_taken_has_an_end(worker):
    far = worker.comes()
    far.sendall(GOOD)
    worker.answers(3_000_000)
    worker.passes(19)
    assert worker.nr_conns == 1
    worker.passes(60)
    assert worker.nr_conns == 0


def test_an_answer_that_is_taken_slowly_is_sent_whole(worker):
    far = worker.comes()
    far.sendall(GOOD)
    worker.answers(3_000_000)
    far.setblocking(False)
    got = 0
    while got < 3_000_000:
        worker.passes(0.001)
        got += len(far.recv(100_000))
    worker.passes(0.5)
    assert len(worker.keepalived_conns) == 1


def test_beyond_the_bound_whoever_takes_longest_is_closed(worker):
    fars = [worker.comes() for _ in range(3)]
    for far in fars:
        far.sendall(GOOD)
        worker.answers(2_600_000)
    assert [gone(far) for far in fars] == [True, True, False]


def test_who_lingers_has_an_end(worker):
    quiet, lively = worker.comes(), worker.comes()
    for far in (quiet, lively):
        far.sendall(GOOD)
    worker.turns()
    for client in worker.handed:
        worker.finish_request(client, Done(result=False))
    for _ in range(13):
        lively.sendall(b"more")
        worker.passes(1.5)
    assert worker.nr_conns == 1
    worker.passes(1)
    assert worker.nr_conns == 0
    flood = worker.comes()
    flood.sendall(b"nonsense\r\n\r\n")
    worker.turns()
    sent = 0
    while worker.nr_conns:
        sent += flood.send(b"a" * 65536)
        worker.turns(2)
    assert sent < 10_000_000


def test_newcomers_find_room(narrow):
    idle = [narrow.comes() for _ in range(3)]
    for far in idle:
        far.sendall(GOOD)
        narrow.turns()
        narrow.finish_request(narrow.handed[-1], Done(result=True))
    half = [narrow.comes() for _ in range(3)]
    assert [gone(far) for far in (*idle, *half)] == [True, True, False, False, False, False]
    more = [narrow.comes() for _ in range(3)]
    assert [gone(far) for far in (*idle, *half, *more)] == [True, True, True, True, True, False, False, False, False]
    # Those whose requests are with a thread are spared.
    for far in (half[2], *more):
        far.sendall(GOOD)
    narrow.turns()
    assert narrow.nr_conns == 4
    last = narrow.comes()
    last.sendall(GOOD)
    narrow.turns()
    assert len(narrow.handed) == 3 + 5


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_without_descriptors_the_door_is_shut_for_a_moment(worker, code):
    worker.sockets = [near := socket.socket()]
    near.bind(("127.0.0.1", 0))
    near.listen()
    worker.set_accept_enabled(True)
    far = worker.comes()
    worker.listener.next.append(OSError(code, "no more"))
    worker.accept(worker.listener)
    assert gone(far)  # one that waited has given way, and the newcomer is let in
    worker.listener.next.append(OSError(code, "no more"))
    worker.accept(worker.listener)
    worker.set_accept_enabled(True)
    assert not worker._accepting
    worker.passes(0.5)
    worker.set_accept_enabled(True)
    assert worker._accepting
    near.close()


def test_a_connection_that_failed_before_it_was_made_ends_nothing(worker):
    worker.listener.next += [OSError(errno.ECONNABORTED, "gone"), OSError(errno.EPROTO, "gone")]
    for _ in range(2):
        worker.accept(worker.listener)
    worker.listener.next.append(OSError(errno.EBADF, "a fault of ours"))
    with pytest.raises(OSError, match="a fault of ours"):
        worker.accept(worker.listener)


def test_who_was_closed_in_the_same_round_is_not_looked_at(worker):
    fars = [worker.comes() for _ in range(2)]
    for far in fars:
        far.sendall(HALF)
    first, second = worker.pending_conns
    events = worker.poller.select(0)
    worker._close(first)
    for key, _ in events:
        key.data(key.fileobj)
    assert list(worker.pending_conns) == [second]


def test_what_follows_a_refusal_in_the_same_round_is_no_request(worker):
    refused, small = worker.comes(), worker.comes()
    refused.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"a" * 17_000)
    worker.turns()
    # The last bytes of the bound, and more of the largest one's body, are there in one round.
    small.sendall(HALF + b"a" * 8000)
    refused.sendall(b"POST /hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    events = sorted(worker.poller.select(0), key=lambda event: event[0].fileobj.kept)
    for key, _ in events:
        key.data(key.fileobj)
    worker.turns()
    assert not worker.handed
    assert gone_with(refused, b"HTTP/1.1 503")


def test_who_does_not_take_an_answer_gives_way_to_a_newcomer(narrow):
    fars = [narrow.comes() for _ in range(4)]
    for far in fars:
        far.sendall(GOOD)
        narrow.answers(500_000)
    narrow.comes()
    assert [gone(far) for far in fars] == [True, False, False, False]


def test_the_word_to_go_on_is_said_to_who_asked_behind_another_request(worker):
    far = worker.comes()
    far.sendall(GOOD + b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")
    worker.turns()
    worker.handed[0].sock.sendall(ANSWER)
    worker.finish_request(worker.handed[0], Done(result=True))
    assert far.recv(1000) == ANSWER + b"HTTP/1.1 100 Continue\r\n\r\n"


def test_who_is_at_the_door_when_it_stops_is_answered_and_who_comes_later_is_refused(worker):
    with socket.create_server(("127.0.0.1", 0)) as door:
        worker.sockets = [door]
        worker.set_accept_enabled(enabled=True)
        address = door.getsockname()
        early = [socket.create_connection(address, timeout=5) for _ in range(3)]
        worker.open += early
        worker.alive = False
        worker.set_accept_enabled(enabled=False)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
        worker.turns()
        for far in early:
            far.sendall(GOOD)
        worker.turns()
        for client in worker.handed:
            client.sock.sendall(ANSWER)
            worker.finish_request(client, Done(result=True))
        assert [far.recv(1000) for far in early] == [ANSWER] * 3
        assert all(gone(far) for far in early)


def test_who_is_inside_gives_no_way_to_those_at_the_door_when_it_stops():
    worker = Worker(connections=4)
    try:
        inside = [worker.comes() for _ in range(2)]
        with socket.create_server(("127.0.0.1", 0)) as door:
            worker.sockets = [door]
            worker.open += [socket.create_connection(door.getsockname(), timeout=5) for _ in range(6)]
            worker.alive = False
            worker.set_accept_enabled(enabled=False)
        assert worker.nr_conns == 3
        assert not any(gone(far) for far in inside)
    finally:
        worker.ends()


def test_one_whose_master_died_shuts_its_door(worker, monkeypatch):
    worker.sockets = [worker.listener]
    worker.listener.next = [BlockingIOError(errno.EAGAIN, "nobody")]
    monkeypatch.setattr("os.getppid", lambda: worker.ppid)
    assert worker.is_parent_alive()
    monkeypatch.setattr("os.getppid", lambda: 0)
    assert not worker.is_parent_alive()
    worker.set_accept_enabled(enabled=False)
    assert worker.listener.closed


def test_a_door_without_room_is_shut_at_once_when_it_stops(worker):
    worker.sockets = [worker.listener]
    worker.listener.next = [OSError(errno.ECONNABORTED, "gone"), OSError(errno.EMFILE, "too many"), "nobody looks"]
    worker.alive = False
    worker.set_accept_enabled(enabled=False)
    assert worker.listener.next == ["nobody looks"]
    assert worker.listener.closed
    worker.set_accept_enabled(enabled=False)


def test_who_is_connected_when_it_stops_is_answered_once_more(worker):
    asking, silent = worker.comes(), worker.comes()
    for far in (asking, silent):
        far.sendall(GOOD)
        worker.answers(2)
        assert far.recv(10) == b"aa"
    worker.alive = False
    worker.turns()
    asking.sendall(GOOD)
    worker.answers(3)
    assert asking.recv(10) == b"aaa"
    assert gone(asking)
    assert not gone(silent)
    worker.passes(worker.farewell_seconds)
    assert gone(silent)


def test_the_inside_of_gunicorn_is_as_we_use_it():
    """What is used beside gunicorn's documented settings; requirements.txt holds it to the release this was seen in."""
    names = ("accept", "enqueue_req", "finish_request", "handle_request", "handle_error", "set_accept_enabled")
    names += ("murder_keepalived", "murder_pending", "wait_for_and_dispatch_events", "init_process", "run")
    names += ("is_parent_alive",)
    assert all(callable(vars(gthread.ThreadWorker).get(name) or getattr(gthread.ThreadWorker, name)) for name in names)
    made = gthread.ThreadWorker(1, 1, [], None, 30, Config(), Silent())
    held = {
        "poller",
        "method_queue",
        "keepalived_conns",
        "pending_conns",
        "nr_conns",
        "worker_connections",
        "_accepting",
        "sockets",
    }
    assert held <= vars(made).keys()
    made.tmp.close()
    connection = gthread.TConn(Config(), Silent(), ("127.0.0.1", 1), ("127.0.0.1", 2))
    assert {"sock", "client", "timeout", "data_ready", "initialized", "parser"} <= vars(connection).keys()
    assert callable(Request.force_close)
    assert "_expected_100_continue" in gunicorn.http.wsgi.create.__code__.co_names
    assert issubclass(ParseException, Exception)
    assert "reload" in Arbiter.handle_hup.__code__.co_names
