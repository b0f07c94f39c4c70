"""Which engines there are, as a coordinator tells it: etcd, Redis, memcached or ZooKeeper, through tooz.

The library is loaded where a coordinator is named, and need not be there otherwise. Its drivers block for as long as a
minute and raise errors of their own libraries while a service is away, and after that nobody is a member any more
though everybody's heart beats on. So all of it is done by one thread, from the begin after each error, and what it
heard counts for a while only.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from backend.clock import Clock
from backend.drivers.optional import NoLibrary

LOG = logging.getLogger(__name__)
GROUP: Final = b"coppice-engines"
_AGAIN_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 10.0
_LONGEST: Final = 200
_UNESCAPED: Final = ": is a sign of the password not escaped?"


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the coordinator told last, and when that was asked for by a monotonic clock."""

    at: float
    names: frozenset[str]


class Coordinator:
    """One engine's membership.

    Args:
        open_driver: makes a driver of tooz, not yet started.
        name: of this engine, which no other ever has.
        beat_seconds: how often it is heard of, and asks who else is.
    """

    def __init__(self, open_driver: Callable[[bytes], Any], name: str, beat_seconds: float, clock: Clock) -> None:
        self._open, self._name, self._beat, self._clock = open_driver, name, beat_seconds, clock
        self._heard: _Heard | None = None
        self._is_told = False
        self._ended = threading.Event()

    def start(self) -> None:
        """Be a member from now on, until ``end`` or the end of the process."""
        threading.Thread(target=self._attend, name="coordinator", daemon=True).start()

    def end(self) -> None:
        """Be no member any more, soon."""
        self._ended.set()

    def present(self) -> frozenset[str] | None:
        """Names of the engines that are members; None where that is not known now.

        It is not known while the coordinator is away, nor while it does not tell of this engine itself: after an outage
        members come back one by one.
        """
        heard = self._heard
        if heard is None or self._name not in heard.names:
            return None
        return heard.names if self._clock.monotonic() - heard.at <= 2 * self._beat + _AGAIN_SECONDS else None

    def _attend(self) -> None:
        while not self._ended.is_set():
            driver = None
            try:
                driver = self._open(self._name.encode())
                driver.start()
                self._member(driver)
            except Exception as error:  # noqa: BLE001 - of tooz, and of whatever library it drives: redis has its own
                self._note(_words(error))
            if driver is not None:
                with suppress(Exception):
                    driver.stop()
            self._heard = None
            if not self._ended.is_set():
                self._clock.wait(_AGAIN_SECONDS)

    def _member(self, driver: Any) -> None:
        """Beat, and ask who is there, until the end; raises whatever the driver raises."""
        self.join(driver)
        while not self._ended.is_set():
            self.look(driver)
            self._note("")
            self._ended.wait(self._beat)
        with suppress(Exception):
            driver.leave_group(GROUP).get(timeout=2)

    def join(self, driver: Any) -> None:
        """Be a member; raises whatever the driver raises."""
        try:
            driver.join_group_create(GROUP)
        except Exception as error:
            # A name is no other engine's: it is this one, before its coordinator went away and came back.
            if type(error).__name__ != "MemberAlreadyExist":
                raise

    def look(self, driver: Any) -> None:
        """Be heard of once, and hear who else is; raises whatever the driver raises."""
        at = self._clock.monotonic()
        driver.heartbeat()
        names = driver.get_members(GROUP).get(timeout=_ANSWER_SECONDS)
        if self._name.encode() not in names:  # it was away, and has forgotten
            self.join(driver)
            names = driver.get_members(GROUP).get(timeout=_ANSWER_SECONDS)
        self._heard = _Heard(at, frozenset(name.decode() for name in names))

    def _note(self, why: str) -> None:
        """Told once as long as it lasts."""
        if why and not self._is_told:
            LOG.warning("the coordinator does not answer, engines go by the database alone: %s", " ".join(why.split()))
        elif not why and self._is_told:
            LOG.warning("the coordinator answers again")
        self._is_told = bool(why)


def _words(error: Exception) -> str:
    """What is told of an error of tooz or of a library of its: of a value that cannot be not the value, for it may be a
    piece of the URL's password.
    """
    kind = type(error).__name__
    return kind if isinstance(error, ValueError) else f"{kind}: {error}"


class Unanswered(Exception):
    """The coordinator did not tell; the words say why."""


def members(open_driver: Callable[[bytes], Any], name: str, seconds: float) -> frozenset[str]:
    """Names of the engines that the coordinator knows now, asked by one who is none of them.

    Args:
        seconds: for the answer: drivers wait for as long as they like.

    Raises:
        Unanswered
    """
    told: list[frozenset[str] | str] = []

    def ask() -> None:
        driver = None
        try:
            driver = open_driver(name.encode())
            driver.start()
            told.append(frozenset(each.decode() for each in driver.get_members(GROUP).get(timeout=seconds)))
        except Exception as error:  # noqa: BLE001 - of tooz, and of whatever library it drives
            # A group that nobody ever joined is there for no driver.
            told.append(frozenset() if type(error).__name__ == "GroupNotCreated" else _words(error))
        if driver is not None:
            with suppress(Exception):
                driver.stop()

    asking = threading.Thread(target=ask, name="coordinator", daemon=True)
    asking.start()
    asking.join(seconds)
    if not told:
        raise Unanswered(f"no answer for {seconds:g} s")
    if isinstance(told[0], str):
        raise Unanswered(" ".join(told[0].split())[:_LONGEST])
    return told[0]


def membership_seconds(url: str) -> float | None:
    """After what silence a member is missed, where a URL says so in numbers (Redis, memcached)."""
    try:
        said = parse_qs(urlsplit(url).query).get("membership_timeout", [])
        return float(said[-1]) if said else None
    except ValueError:
        return None


def driver_of(url: str) -> Callable[[bytes], Any]:
    """What makes drivers for a coordinator. Nothing is asked yet.

    Args:
        url: as tooz takes it: ``etcd3+http://host:2379``, ``redis://host:6379?membership_timeout=6``.

    Raises:
        NoLibrary
    """
    try:
        from tooz import coordination
    except ImportError as error:
        raise NoLibrary("tooz is not installed, which [engine] coordinator needs") from error
    if fault := _fault(url):
        raise NoLibrary(f"[engine] coordinator: {fault}")
    try:
        coordination.get_coordinator(url, b"coppice")
    except ImportError as error:
        raise NoLibrary(f"[engine] coordinator needs a library that is not installed: {error}") from error
    except Exception as error:  # what stevedore and each driver say of a URL that they cannot use
        raise NoLibrary(f"[engine] coordinator is of no kind that tooz knows: {_words(error)}") from error
    return lambda name: coordination.get_coordinator(url, name)


def _fault(url: str) -> str:
    """What is wrong with a URL, without a word of it; empty for nothing that is known here."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"the URL cannot be read{_UNESCAPED}"
    try:
        for each in [parts.netloc] if "@" in parts.netloc else parts.netloc.split(","):  # ZooKeeper's may be several
            _ = urlsplit(f"//{each}").port
    except ValueError:
        return f"the URL's port is no number{_UNESCAPED}"
    # Then what it begins with looks like a host and its port, which drivers would ask and tell of.
    is_torn = ":" in parts.netloc and "@" not in parts.netloc and "@" in parts.path + parts.fragment
    return f"the URL has an @ behind its host{_UNESCAPED}" if is_torn else ""
