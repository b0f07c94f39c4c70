"""Rows of recorded answers as values, and the one layout of their files; nothing here speaks to a server.

README.md beside this says what a row is. ``python -m conformance.recorded.rows`` lays the files out anew.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILES = sorted((HERE / "rows").glob("*.json"))
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: botocore's names of the service and the operation, the input's members, and the pause before it."""

    service: str
    operation: str
    params: dict[str, Any] = field(default_factory=dict)
    after_s: float = 0.0

    @classmethod
    def read(cls, told: dict[str, Any]) -> Ask:
        return cls(told["service"], told["operation"], told.get("params", {}), told.get("after_s", 0.0))


@dataclass(frozen=True, slots=True)
class Row:
    """One fact about the real service. The members are README's."""

    id: str
    ask: Ask
    source: str
    given: tuple[Ask, ...] = ()
    answer: dict[str, Any] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    why_not: str = ""
    wide: bool = False
    ordered: bool = False
    kind: str = "row"
    shape: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, told: dict[str, Any]) -> Row:
        """A row of a file."""
        kind = told.get("kind", "row")
        unreadable = "its request was not recorded" if kind == "error" else ""
        return cls(
            told["id"],
            Ask.read(told),
            told["source"],
            tuple(map(Ask.read, told.get("given", ()))),
            told.get("answer", {}),
            tuple(told.get("absent", ())),
            told.get("why_not", unreadable),
            told.get("wide", False),
            told.get("ordered", False),
            kind,
            told if kind == "shape" else {},
        )


def rows() -> Iterator[Row]:
    """All rows, file by file."""
    for file in FILES:
        for told in json.loads(file.read_text()):
            yield Row.read(told)


def differences() -> dict[str, dict[str, str]]:
    """Where Coppice answers otherwise, on purpose or not yet: ``reason`` and ``source`` by the row's id."""
    listed: dict[str, dict[str, str]] = tomllib.loads((HERE / "differences.toml").read_text())
    return listed


def laid_out(value: Any, indent: int = 0, before: int = 0) -> str:
    """JSON that a reader and a diff can follow: on one line what fits there, else a line for each member."""
    flat = json.dumps(value, ensure_ascii=False)
    if indent + before + len(flat) < _WIDTH or not value or not isinstance(value, (dict, list)):
        return flat
    space = " " * (indent + 2)
    if isinstance(value, dict):
        opening, closing = "{", "}"
        names = [json.dumps(name, ensure_ascii=False) + ": " for name in value]
        items = [name + laid_out(item, indent + 2, len(name)) for name, item in zip(names, value.values(), strict=True)]
    else:
        opening, closing = "[", "]"
        items = [laid_out(item, indent + 2) for item in value]
    return f"{opening}\n{space}" + f",\n{space}".join(items) + f"\n{' ' * indent}{closing}"


if __name__ == "__main__":
    for path in FILES:
        path.write_text(laid_out(json.loads(path.read_text())) + "\n")
