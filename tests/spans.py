"""Spans that a test looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.tracing import Role, Span, Value


@dataclass(eq=False)
class SpanKept:
    name: str
    role: Role
    number: int
    told: dict[str, Any]
    under: Span | None = None
    links: tuple[str, ...] = ()
    follows: str = ""
    ended: bool = False
    failed: str = ""

    @property
    def context(self) -> str:
        return f"00-{self.number:032x}-{self.number:016x}-01"

    def rename(self, name: str) -> None:
        self.name = name

    def tell(self, told: Mapping[str, Value]) -> None:
        assert not self.ended
        self.told |= told

    def end(self, failed: str = "") -> None:
        assert not self.ended, f"{self.name} ends twice"
        self.ended, self.failed = True, failed


@dataclass
class TracesKept:
    """All of them, in the order of their begin."""

    spans: list[SpanKept] = field(default_factory=list)

    def begin(
        self,
        name: str,
        role: Role,
        told: Mapping[str, Value],
        *,
        under: Span | None = None,
        links: Sequence[str] = (),
        follows: str = "",
    ) -> SpanKept:
        self.spans.append(SpanKept(name, role, len(self.spans) + 1, dict(told), under, tuple(links), follows))
        return self.spans[-1]

    def close(self, seconds: float) -> None:
        pass

    def named(self, name: str) -> list[SpanKept]:
        return [each for each in self.spans if each.name == name]
