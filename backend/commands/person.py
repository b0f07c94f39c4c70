"""Who gives a command: the user of the operating system, and the host."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """One user of a host.

    Attributes:
        name, number: the user's; of who came by sudo those of before.
        became: the name of the user that such a one became; else empty.
    """

    name: str
    number: int
    host: str
    became: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"


def present(number: int | None = None, environment: Mapping[str, str] = os.environ) -> Person:
    """Who this process belongs to. The environment is believed of nobody but root, who could be anybody anyway.

    Args:
        number: of the user (default: of this process).
    """
    uid, host = os.getuid() if number is None else number, socket.gethostname()[:255]
    came, was = environment.get("SUDO_USER", ""), environment.get("SUDO_UID", "")
    if uid == 0 and came and was.isascii() and was.isdigit():
        return Person(came[:255], int(was), host, _name(uid))
    return Person(_name(uid), uid, host)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # as in a container that is run as anybody
        return str(uid)
