"""What a row's values mean: references to earlier answers on the way out, and what an answer may be in their place."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

_REFERENCE = re.compile(r"\$\{([^}]+)\}")
_VARIABLE = re.compile(r"<[a-z][a-z0-9-]*(?::\d+)?>")
_KINDS = {"uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "int": r"-?\d+"}


def at(value: Any, path: str) -> Any:
    """The member of an answer that a dotted path names. LookupError where it is not there."""
    for part in path.split(".") if path else ():
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


@dataclass
class Known:
    """What is known while a row is played: the account, and what the calls before have answered.

    All of a row speaks of one now, the moment when it is first named: values that the recorders put together within a
    minute would else lie in two of them where the minute ends between the calls.
    """

    words: dict[str, str]
    answers: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)

    @cached_property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def filled(self, value: Any) -> Any:
        """A value with its references put in."""
        if isinstance(value, dict):
            if value.keys() == {"$now"}:
                return self.now + timedelta(seconds=value["$now"])
            if value.keys() == {"$b64"}:
                return base64.b64decode(value["$b64"])
            if value.keys() == {"$repeat"}:
                return self.filled(value["$repeat"][0]) * value["$repeat"][1]
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return _REFERENCE.sub(lambda found: self._word(found[1]), value) if isinstance(value, str) else value

    def _word(self, name: str) -> str:
        head, _, rest = name.partition(".")
        if head.isdigit():
            return str(at(self.answers[int(head)], rest))
        if head == "uid":
            # Letters alone: what begins with a digit is no name everywhere.
            return self.words.setdefault(name, "".join(chr(97 + int(one, 16)) for one in uuid4().hex[:8]))
        return self.words[name]

    def text(self, wanted: str, got: str) -> bool:
        """Whether a text is the one that is wanted; the same variable is the same text in all of a row."""
        if "<" not in wanted:
            return wanted == got
        names, pattern, end = [], "", 0
        for found in _VARIABLE.finditer(wanted):
            known = self.seen.get(found[0])
            inner = re.escape(known) if known else _KINDS.get(found[0][1:-1].partition(":")[0], ".*")
            pattern += re.escape(wanted[end : found.start()]) + f"({inner})"
            names.append(found[0])
            end = found.end()
        match = re.fullmatch(pattern + re.escape(wanted[end:]), got, re.DOTALL)
        if match is None:
            return False
        self.seen.update((name, value) for name, value in zip(names, match.groups(), strict=True) if ":" in name)
        return True


def differing(
    known: Known, wanted: Any, got: Any, *, partial: bool, ordered: bool = False, path: str = ""
) -> Iterator[str]:
    """How an answer differs from the recorded one, one line each.

    Args:
        partial: only these members were looked at, and lists hold at least these.
        ordered: the order of lists is the point.
    """
    if isinstance(wanted, dict) and isinstance(got, str):
        got = json.loads(got)
    if isinstance(wanted, dict) and isinstance(got, dict):
        for name, value in wanted.items():
            inner = f"{path}.{name}"
            if name not in got:
                yield f"{inner}: not there, recorded {value!r}"
            else:
                yield from differing(known, value, got[name], partial=partial, ordered=ordered, path=inner)
        if not partial:
            # The service may have grown members since. It does not send empty ones.
            more = [name for name in got if name not in wanted and not got[name]]
            yield from (f"{path}.{name}: {got[name]!r}, recorded without" for name in more)
    elif isinstance(wanted, list) and isinstance(got, list):
        if ordered and wanted and not isinstance(wanted[0], dict):
            if wanted != got:
                yield f"{path}: {got!r}, recorded {wanted!r} in this order"
        else:
            yield from _items(known, wanted, got, partial=partial, ordered=ordered, path=path)
    elif not _same(known, wanted, got):
        yield f"{path}: {got!r}, recorded {wanted!r}"


def _same(known: Known, wanted: Any, got: Any) -> bool:
    if isinstance(wanted, str) and _VARIABLE.fullmatch(wanted) and not isinstance(got, str):
        return got is not None
    if isinstance(wanted, str) and isinstance(got, str):
        return known.text(wanted, got)
    return bool(wanted == got)


def _items(
    known: Known, wanted: list[Any], got: list[Any], *, partial: bool, ordered: bool, path: str
) -> Iterator[str]:
    """Lists have no order unless that is the point; each item that is wanted takes one of what is there."""
    left = list(got)
    for item in wanted:
        fitting = next((one for one in left if _fits(known, item, one, partial=partial, ordered=ordered)), None)
        if fitting is not None:
            left.remove(fitting)
        elif len(left) == 1:
            yield from differing(known, item, left.pop(), partial=partial, ordered=ordered, path=f"{path}[]")
        else:
            yield f"{path}[]: none of {len(left)} is {item!r}"
    if left and not partial:
        yield f"{path}[]: {len(left)} more than recorded"


def _fits(known: Known, wanted: Any, got: Any, *, partial: bool, ordered: bool) -> bool:
    before = dict(known.seen)
    fits = next(differing(known, wanted, got, partial=partial, ordered=ordered), None) is None
    if not fits:
        known.seen = before
    return fits
