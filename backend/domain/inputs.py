"""What a rule's target gets of an event: all of it, a constant, a part, or a template that is filled. Pure.

Source: Amazon EventBridge User Guide, "Transforming input"; as it was recorded (conformance/recorded:
stackd.events.inputs, events/*input*).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.steps import Steps
from backend.errors import Finding

_PATH: Final = re.compile(r"\$(?:\.[^.\[\]*'\"\s]+(?:\[(?:\d+|\*)\])*)*")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\*)\]")
_PLACE: Final = re.compile(r"<([A-Za-z0-9_.\-]+)>")
RESERVED: Final = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    }
)
_MISSING: Final = object()
_MOST_BYTES: Final = 262_144


@dataclass(eq=False)
class InputTooLong(Finding):
    """A template, filled, has more than 256 KiB."""


def is_path(text: str) -> bool:
    """Whether a text is a path into an event; the empty one leads to an empty object."""
    return not text or _PATH.fullmatch(text) is not None


def at_path(event: Mapping[str, Any], path: str, steps: Steps | None = None) -> Any:
    """What a path leads to; None where it leads nowhere, an empty object for the empty path. Raises TooManySteps."""
    found = _at(event, path, steps or Steps())
    return None if found is _MISSING else found


def _at(event: Any, path: str, steps: Steps) -> Any:
    if not path:
        return {}
    value = event
    parts = _STEP.findall(path)
    steps.take(1 + 2 * len(parts))
    for number, (name, index) in enumerate(parts):
        if name:
            value = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
        elif not isinstance(value, list):
            return _MISSING
        elif index == "*":
            rest = "$" + "".join(f".{one}" if one else f"[{other}]" for one, other in parts[number + 1 :])
            found = [_at(each, rest, steps) for each in value]
            return [each for each in found if each is not _MISSING]
        else:
            value = value[int(index)] if int(index) < len(value) else _MISSING
        if value is _MISSING:
            return _MISSING
    return value


def places(template: str) -> list[str]:
    """The names that a template has places for."""
    return _PLACE.findall(template)


def filled(template: str, values: Mapping[str, Any], steps: Steps | None = None) -> str:
    """A template with values in its places: as JSON, or as plain text where they stand within a JSON string.

    What has no value is an empty text.

    Raises:
        InputTooLong: it has stopped there.
        TooManySteps
    """
    steps = steps or Steps()
    steps.take(len(template) // 4)
    parts: list[str] = []
    quoted, at, size = False, 0, len(template)
    while at < len(template):
        letter = template[at]
        place = _PLACE.match(template, at) if letter == "<" else None
        if place is not None:
            value = values.get(place[1], "")
            parts.append(_escaped(_plain(value)) if quoted else _json(value))
            at = place.end()
            steps.take(1 + len(parts[-1]) // 8)
            size += len(parts[-1].encode())
            if size > _MOST_BYTES:
                raise InputTooLong
            continue
        if letter == "\\" and quoted:
            parts.append(template[at : at + 2])
            at += 2
            continue
        quoted ^= letter == '"'
        parts.append(letter)
        at += 1
    return "".join(parts)


def variables(
    event: Mapping[str, Any], paths: Mapping[str, str], rule: tuple[str, str], now: str, steps: Steps | None = None
) -> dict[str, Any]:
    """The values of a template's places. Raises TooManySteps.

    Args:
        paths: names -> paths into the event.
        rule: its ARN and name.
        now: when the event came in.
    """
    steps = steps or Steps()
    known = {name: found for name, path in paths.items() if (found := _at(event, path, steps)) is not _MISSING}
    head = {name: value for name, value in event.items() if name not in {"detail", "detail-type"}}
    head["detailType"] = event.get("detail-type")
    return {
        "aws.events.rule-arn": rule[0],
        "aws.events.rule-name": rule[1],
        "aws.events.event.ingestion-time": now,
        "aws.events.event": head,
        "aws.events.event.json": event,
        **known,
    }


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _plain(value: Any) -> str:
    """A value within a text: without the quotes that JSON would have."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{','.join(map(_plain, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{_plain(each)}" for name, each in value.items()) + "}"
    return _json(value)
