"""What services of the cloud told that something happened to: a reason to look, and never what is the case. Values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What it happened to."""

    SERVER = "server"
    PORT = "port"  # of a server, whose id it is told by
    BALANCER = "balancer"  # by its project
    USER = "user"
    PROJECT = "project"
    CREDENTIAL = "credential"
    TRUST = "trust"
    EVERYBODY = "everybody"  # of groups of users, or whole domains: who is in them is not told

    @property
    def is_identity(self) -> bool:
        """Whether rights may have ended by it, in all regions."""
        return self not in {Subject.SERVER, Subject.PORT, Subject.BALANCER}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        id: of what it happened to, as the cloud names it; of a balancer that of its project; empty of everybody.
    """

    subject: Subject
    id: str = ""
