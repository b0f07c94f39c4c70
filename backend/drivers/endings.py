"""The endings port: whose rights the cloud said to have ended, kept elsewhere. What is known of them is old then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from backend.domain.events import Event, Subject

Ended = Callable[[], Sequence[Event]]
"""What was told since it was asked last; it may leave out the last moment, and asks nothing of the cloud."""


def nobody() -> Sequence[Event]:
    """Where nobody listens."""
    return ()


@dataclass(frozen=True, slots=True)
class Gone:
    """Identities that ended, or may have.

    Attributes:
        everybody: it is not known who.
    """

    users: frozenset[str]
    projects: frozenset[str]
    credentials: frozenset[str]
    trusts: frozenset[str]
    everybody: bool

    @classmethod
    def of(cls, events: Iterable[Event]) -> Gone:
        found: dict[Subject, set[str]] = {}
        for each in events:
            found.setdefault(each.subject, set()).add(each.id)

        def ids(subject: Subject) -> frozenset[str]:
            return frozenset(found.get(subject, ()))

        return cls(
            users=ids(Subject.USER),
            projects=ids(Subject.PROJECT),
            credentials=ids(Subject.CREDENTIAL),
            trusts=ids(Subject.TRUST),
            everybody=Subject.EVERYBODY in found,
        )
