"""A coordinator as an engine asks it: a fake that goes away and forgets, then Redis and memcached themselves."""

import contextlib
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backend.clock import SystemClock
from backend.drivers.coordination import GROUP, Coordinator, Unanswered, driver_of, members, membership_seconds
from backend.drivers.optional import NoLibrary
from tests.databases.start import installed
from tests.factories import HandClock


class MemberAlreadyExist(Exception):
    """As tooz calls it."""


@dataclass
class Service:
    """What a coordinator keeps; None: it is away."""

    members: set[bytes] | None = field(default_factory=set)


class Answer:
    def __init__(self, value: object) -> None:
        self._value = value

    def get(self, timeout: float | None = None) -> object:
        return self._value


class Driver:
    """A driver of tooz, as far as it is used."""

    def __init__(self, service: Service, name: bytes) -> None:
        self.service, self.name = service, name

    def _members(self) -> set[bytes]:
        if self.service.members is None:
            raise ConnectionError("away")
        return self.service.members

    def join_group_create(self, group: bytes) -> None:
        assert group == GROUP
        if self.name in self._members():
            raise MemberAlreadyExist
        self._members().add(self.name)

    def heartbeat(self) -> None:
        self._members()

    def get_members(self, group: bytes) -> Answer:
        assert group == GROUP
        return Answer(set(self._members()))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def service() -> Service:
    return Service()


def _coordinator(service: Service, name: str, clock: HandClock) -> tuple[Coordinator, Driver]:
    driver = Driver(service, name.encode())
    return Coordinator(lambda _: driver, name, 1.0, clock), driver


def test_who_is_there_is_told_for_a_while(service: Service, clock: HandClock) -> None:
    one, driver = _coordinator(service, "one", clock)
    assert one.present() is None
    one.look(driver)
    service.members = {b"one", b"two"}
    one.look(driver)
    assert one.present() == {"one", "two"}
    clock.move(2.5)
    assert one.present() == {"one", "two"}
    clock.move(1)
    assert one.present() is None, "nobody has said so for too long"


def test_who_was_forgotten_joins_again(service: Service, clock: HandClock) -> None:
    one, driver = _coordinator(service, "one", clock)
    one.look(driver)
    service.members = set()  # as after a restart
    one.look(driver)
    assert service.members == {b"one"}
    assert one.present() == {"one"}


def test_who_is_there_already_is_itself(service: Service, clock: HandClock) -> None:
    """etcd keeps its members over a restart, and refuses the name."""
    one, driver = _coordinator(service, "one", clock)
    service.members = {b"one"}
    one.join(driver)
    one.look(driver)
    assert one.present() == {"one"}


def test_a_service_that_is_away_is_not_known_to_have_nobody(service: Service, clock: HandClock) -> None:
    one, driver = _coordinator(service, "one", clock)
    one.look(driver)
    service.members = None
    with pytest.raises(ConnectionError):
        one.look(driver)
    clock.move(4)
    assert one.present() is None


@pytest.mark.parametrize("url", ["nonsense://host", "nonsense"])
def test_a_url_of_nothing_is_refused_in_words(url: str) -> None:
    with pytest.raises(NoLibrary, match="coordinator"):
        driver_of(url)


@pytest.mark.parametrize("kind", ["redis", "memcached", "etcd3+http"])
@pytest.mark.parametrize("signs", ["s3cr/et", "s3cr#et", "s3cr?et", "s3cr[et", "12/s3cr", "12#s3cr", "70000/s3cr"])
def test_of_a_password_that_is_not_escaped_nothing_is_told(kind: str, signs: str) -> None:
    with pytest.raises(NoLibrary, match=r"coordinator: the URL.* is a sign of the password not escaped\?$") as told:
        driver_of(f"{kind}://:{signs}@host:6379")
    assert not {"s3cr", "12", "70000"} & set(re.findall(r"\w+", str(told.value)))
    assert (told.value.__cause__, told.value.__context__) == (None, None)


@pytest.mark.parametrize(
    "url",
    [
        "zookeeper://one:2181,two:2181",
        "redis://:s3,cr%2Fet@[::1]:6379",
        "redis://host:6379?password=a@b",
        "etcd3+http://h",
    ],
)
def test_other_urls_are_drivers_own(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bytes]] = []
    monkeypatch.setattr("tooz.coordination.get_coordinator", lambda *given: asked.append(given))
    driver_of(url)(b"one")
    assert asked == [(url, b"coppice"), (url, b"one")]


def test_of_a_value_that_a_driver_cannot_use_its_words_are_not_told(
    service: Service, clock: HandClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: bytes) -> object:
        one.end()
        raise ValueError("Port could not be cast to integer value as 's3cr'")

    one = Coordinator(fails, "one", 1.0, clock)
    one._attend()
    assert caplog.messages == ["the coordinator does not answer, engines go by the database alone: ValueError"]
    with pytest.raises(Unanswered, match=r"^ValueError$"):
        members(fails, "doctor", 5.0)
    monkeypatch.setattr("tooz.coordination.get_coordinator", lambda _url, name: fails(name))
    with pytest.raises(NoLibrary, match=r"knows: ValueError$"):
        driver_of("redis://host")


def test_without_the_library_it_is_said_which_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tooz", None)
    with pytest.raises(NoLibrary, match="tooz is not installed"):
        driver_of("redis://127.0.0.1")


def _redis(port: int, folder: Path) -> list[str]:
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]


def _memcached(port: int, _folder: Path) -> list[str]:
    return ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-u", "nobody"]


class Running:
    """A service of our own at a port."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command, self._port = command, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _until(self._listens)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=1):
            return True
        return False


def _until(holds: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(1200):
        if holds():
            return
        pause.wait(0.05)
    raise AssertionError("it never came to that")


@pytest.fixture(params=["redis", "memcached"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Running]]:
    kind = request.param
    command = {"redis": _redis, "memcached": _memcached}[kind]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program, *options = command(port, tmp_path)
    folder = installed(kind, program, lambda: [Path("/usr/bin")])
    server = Running([str(folder / program), *options], port)
    server.start()
    yield f"{kind}://127.0.0.1:{port}?timeout=2&membership_timeout=2", server
    server.kill()


def test_engines_see_each_other_by_a_real_one_also_after_it_was_away(running: tuple[str, Running]) -> None:
    url, server = running
    one, two = (Coordinator(driver_of(url), name, 0.2, SystemClock()) for name in ("one", "two"))
    one.start()
    two.start()
    _until(lambda: one.present() == two.present() == {"one", "two"})
    server.kill()
    _until(lambda: one.present() is two.present() is None)
    server.start()
    _until(lambda: one.present() == two.present() == {"one", "two"})
    two.end()
    _until(lambda: one.present() == {"one"})
    one.end()


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("redis://a:6379?membership_timeout=3", 3.0),
        ("memcached://a?timeout=2&membership_timeout=4.5", 4.5),
        ("etcd3+http://a:2379", None),
        ("redis://a?membership_timeout=soon", None),
        ("redis://:[@a?membership_timeout=3", None),
    ],
)
def test_how_long_a_coordinator_waits_is_read_from_its_url(url, seconds):
    assert membership_seconds(url) == seconds


class Asked(Driver):
    """A driver that is started for one question."""

    stopped = 0

    def start(self) -> None:
        self._members()

    def stop(self) -> None:
        Asked.stopped += 1


class GroupNotCreated(Exception):
    """As tooz calls it."""


def test_who_is_no_engine_asks_who_is_there_and_is_no_member(service: Service) -> None:
    service.members = {b"one", b"two"}
    before = Asked.stopped
    assert members(lambda name: Asked(service, name), "doctor", 5.0) == {"one", "two"}
    assert (service.members, Asked.stopped - before) == ({b"one", b"two"}, 1)


def test_a_coordinator_that_nobody_ever_joined_knows_nobody(service: Service) -> None:
    class Empty(Asked):
        def get_members(self, group: bytes) -> Answer:
            raise GroupNotCreated

    assert members(lambda name: Empty(service, name), "doctor", 5.0) == frozenset()


def test_a_coordinator_that_is_away_says_why_in_few_words(service: Service) -> None:
    service.members = None
    with pytest.raises(Unanswered, match=r"^ConnectionError: away$"):
        members(lambda name: Asked(service, name), "doctor", 5.0)

    def fails(name: bytes) -> object:
        raise RuntimeError("x\n" * 1000)

    with pytest.raises(Unanswered) as told:
        members(fails, "doctor", 5.0)
    assert len(str(told.value)) <= 200
    assert "\n" not in str(told.value)


def test_one_that_hangs_is_not_waited_for_for_long() -> None:
    released = threading.Event()

    def hangs(name: bytes) -> object:
        released.wait(30)
        raise ValueError

    with pytest.raises(Unanswered, match=r"no answer for 0\.05 s"):
        members(hangs, "doctor", 0.05)
    released.set()
