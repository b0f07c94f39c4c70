"""For whose request something is done, and the spans that tell how long it took. Knows no library and keeps nothing.

A span is begun where a request, a piece of work or a call to the cloud is, and ends with it; who begins another inside
names it as the one that it is a part of. Where nobody traces, spans are one thing that does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from enum import Enum
from typing import Final, ParamSpec, Protocol, Self, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
Value = str | int | float | bool | Sequence[str]

_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CONTEXT: Final = r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
_WRITTEN: Final = re.compile(rf"({_UUID})(?: ({_CONTEXT}))?")
_IS_UUID: Final = re.compile(_UUID)


class Role(Enum):
    """What a span is to who asked: an answer, a question to somebody else, or work that nobody waits for."""

    ANSWERS = "answers"
    ASKS = "asks"
    WORKS = "works"


class Span(Protocol):
    """Something that takes time. What is told of it is bounded by who tells it, and holds no secret and no content."""

    @property
    def context(self) -> str:
        """By which others name it, as W3C's traceparent; empty where nobody keeps it."""

    def rename(self, name: str) -> None:
        """What it is called, where that was not known at its begin: one of few names, without ids."""

    def tell(self, told: Mapping[str, Value]) -> None:
        """Add attributes."""

    def end(self, failed: str = "") -> None:
        """It is over; a span that is never ended is never told.

        Args:
            failed: by what kind of fault, empty for none.
        """


class Traces(Protocol):
    """Keeps spans. Any thread may begin one, and another one end it; neither ever waits."""

    def begin(
        self,
        name: str,
        role: Role,
        told: Mapping[str, Value],
        *,
        under: Span | None = None,
        links: Sequence[str] = (),
        follows: str = "",
    ) -> Span:
        """A span that begins now.

        Args:
            name: one of few.
            under: what it is a part of.
            links: contexts of what caused it.
            follows: the context of what it is a part of, as somebody outside tells; what is no such context is ignored.
        """

    def close(self, seconds: float) -> None:
        """Send what was kept, for no longer than that; nothing is kept after it."""


class _NoSpan:
    """Nobody keeps it."""

    __slots__ = ()
    context = ""

    def rename(self, name: str) -> None:
        pass

    def tell(self, told: Mapping[str, Value]) -> None:
        pass

    def end(self, failed: str = "") -> None:
        pass


NO_SPAN: Final[Span] = _NoSpan()


class Untraced:
    """Nobody traces."""

    __slots__ = ()

    def begin(
        self,
        name: str,
        role: Role,
        told: Mapping[str, Value],
        *,
        under: Span | None = None,
        links: Sequence[str] = (),
        follows: str = "",
    ) -> Span:
        return NO_SPAN

    def close(self, seconds: float) -> None:
        pass


UNTRACED: Final[Traces] = Untraced()


@dataclass(frozen=True, slots=True)
class Origin:
    """What something is done for.

    Attributes:
        request_id: a UUID: of a client's request, as its answer has it, or of a piece of an engine's work.
        span: of that.
    """

    request_id: str
    span: Span = NO_SPAN

    def written(self) -> str:
        """As it stands in rows, see ``read``."""
        return f"{self.request_id} {self.span.context}".rstrip()

    def global_id(self) -> str:
        """As OpenStack's services take it from who asks them, and write it beside their own in what they log."""
        return f"req-{self.request_id}" if _IS_UUID.fullmatch(self.request_id) else ""


def read(written: str | None) -> tuple[str, str]:
    """The request id and the context of the span that a row names; empty where it names none, or in other words."""
    found = _WRITTEN.fullmatch(written or "")
    return (found[1], found[2] or "") if found else ("", "")


_PRESENT: ContextVar[Origin | None] = ContextVar("origin", default=None)


def present() -> Origin | None:
    """What this thread does something for now; None where that is nothing that has a name."""
    return _PRESENT.get()


def request_id() -> str:
    """The id of that; empty for none."""
    origin = _PRESENT.get()
    return "" if origin is None else origin.request_id


def span() -> Span:
    """The span of that."""
    origin = _PRESENT.get()
    return NO_SPAN if origin is None else origin.span


class During:
    """Around what this thread does for an origin: light, for it is around each request and each step of an engine."""

    __slots__ = ("_token", "origin")

    def __init__(self, origin: Origin | None) -> None:
        self.origin = origin

    def __enter__(self) -> Self:
        self._token: Token[Origin | None] = _PRESENT.set(self.origin)
        return self

    def __exit__(self, *_: object) -> None:
        _PRESENT.reset(self._token)


def during(origin: Origin | None, work: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """Do that for an origin."""
    with During(origin):
        return work(*args, **named)
