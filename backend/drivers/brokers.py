"""Whether the brokers of a transport URL answer, found out without a login and without any library.

Source: AMQP 0-9-1, 4.2.2 "Protocol Header" and 2.3.5 "Frame Details" (a server that speaks it answers the header with a
method frame, one that does not with a header of its own); oslo.messaging, "TransportURL".
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

_AMQP: Final = ("rabbit", "kombu")
_HEADER: Final = b"AMQP\x00\x00\x09\x01"
_STARTS: Final = b"\x01\x00\x00"
"""A method frame of the connection itself, whose first is ``start``."""
_PORT: Final = 5672
_MOST: Final = 10
_TRUE: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker that was asked.

    Attributes:
        place: its host and port; nothing else of the URL, which holds a password.
        fault: what is wrong; empty where it answers.
    """

    place: str
    fault: str = ""


_UNREADABLE: Final = Broker("?", "its URL cannot be read: is a sign of the password not escaped?")


def asked(url: str, seconds: float) -> Sequence[Broker]:
    """What became of a word to each broker of a URL, one after the other.

    Args:
        url: as oslo.messaging takes it: ``rabbit://user:password@one:5672,user:password@two:5672/``.
        seconds: for each.

    Returns:
        one that is nowhere, and nobody is asked, where the URL cannot be read.
    """
    try:
        parts = urlsplit(url)
        places = _places(parts.netloc, "".join(parts[2:]))
    except ValueError:
        return [_UNREADABLE]
    speaks = parts.scheme.startswith(_AMQP) and not _is_encrypted(parts.query)
    return [_asked(host, port, seconds, speaks=speaks) for host, port in places[:_MOST]]


def _is_encrypted(query: str) -> bool:
    """Then no more is found out than that somebody takes connections."""
    return any(value.lower() in _TRUE for value in parse_qs(query).get("ssl", ()))


def _places(netloc: str, rest: str) -> Sequence[tuple[str, int]]:
    """The host and port of each broker.

    Args:
        rest: what follows in the URL.

    Raises:
        ValueError: that may be a piece of a password, whose words are told to nobody.
    """
    found: list[tuple[str, int]] = []
    goes_on = "@" in rest
    for each in reversed(netloc.split(",")):
        if "@" in each:
            goes_on = True
        elif goes_on:  # a "/", "?", "#" or "," of the password took it apart: what it begins with looks like a host
            raise ValueError
        parts = urlsplit(f"//{each.rpartition('@')[2]}")
        port = parts.port
        if parts.hostname:
            found.append((parts.hostname, _PORT if port is None else port))
    return found[::-1]


def _asked(host: str, port: int, seconds: float, *, speaks: bool) -> Broker:
    place = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), seconds) as connection:
            if not speaks:
                return Broker(place)
            connection.settimeout(seconds)
            connection.sendall(_HEADER)
            said = connection.recv(len(_STARTS))
    except TimeoutError:
        return Broker(place, "does not answer in time")
    except UnicodeError:  # of a label that is empty or too long
        return Broker(place, "is no name of a host")
    except OSError as error:
        return Broker(place, error.strerror or str(error) or type(error).__name__)
    return Broker(place) if said and _STARTS.startswith(said) else Broker(place, "is no broker of AMQP 0-9-1")
