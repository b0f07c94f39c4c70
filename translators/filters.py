r"""EC2's filters: names with lists of values, joined by AND, their values by OR.

``*`` in a value stands for any text, ``?`` for one character or none, ``\`` takes the next character literally.
Names are case-sensitive, and so are values.

Source: Amazon EC2 User Guide, "List and filter using the CLI and API".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from translators.errors import AWSError

T = TypeVar("T")
Value = str | bool | int | float | datetime | None
Field = Callable[[T], "Value | Iterable[Value]"]
Fields = Mapping[str, Field[T]]
Tags = Callable[[T], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Constant:
    """What a filter looks at, the same for all things; None is nothing, which never matches."""

    value: Value


Filters = Mapping[str, str | Constant | Field[T]]
"""Name -> a dotted path into what is told of a thing, a constant, or a function of the thing."""


FILTERS_LIMIT: Final = 50
VALUES_LIMIT: Final = 200
"""Of one filter."""
VALUE_LENGTH: Final = 255


def matching(
    items: Iterable[T],
    filters: Sequence[Mapping[str, Any]],
    fields: Fields[T],
    tags: Tags[T] | None = None,
) -> list[T]:
    """The items that all filters let pass, in their order.

    Args:
        filters: the request's ``Filters`` (``Name``, ``Values``).
        fields: filter name -> what it looks at: a value, several (one must match), or None, which never matches.
        tags: the tags of an item, where they can be filtered by (``tag:KEY``, ``tag-key``, ``tag-value``).

    Raises:
        AWSError: a name that is none of these, a filter without values, too many of either, or a value too long.
    """
    if len(filters) > FILTERS_LIMIT:
        raise AWSError(  # unsourced
            "FilterLimitExceeded", f"The maximum number of filters specified on a single call is {FILTERS_LIMIT}"
        )
    tests = [_test(each, fields, tags) for each in filters]
    return [item for item in items if all(test(item) for test in tests)]


def pattern(value: str) -> Callable[[str], bool]:
    """Whether a text is what a filter's value stands for.

    All ways to match are followed at once, as the bits of a number: a text takes as many steps as it has characters,
    however many wildcards there are.
    """
    if not any(special in value for special in "*?\\"):
        return value.__eq__
    literals: dict[str, int] = {}
    any_text = optional = 0
    place = 1  # a bit for each character of the pattern, and the last for its end
    characters = iter(value)
    for character in characters:
        if character == "*":
            any_text |= place
        elif character == "?":
            optional |= place
        else:
            meant = next(characters, "\\") if character == "\\" else character
            literals[meant] = literals.get(meant, 0) | place
        place <<= 1
    end, skipped = place, any_text | optional

    def past(places: int) -> int:
        """Also the places behind wildcards that stand for nothing: the addition carries through runs of them."""
        return places | (skipped ^ (skipped + (places & skipped)))

    def matches(text: str) -> bool:
        places = past(1) & (end | (end - 1))
        for character in text:
            moved = ((places & (literals.get(character, 0) | optional)) << 1) | (places & any_text)
            if not moved:
                return False
            places = past(moved) & (end | (end - 1))
        return bool(places & end)

    return matches


def _test(each: Mapping[str, Any], fields: Fields[T], tags: Tags[T] | None) -> Callable[[T], bool]:
    name, values = each.get("Name"), each.get("Values") or ()
    field = None if name is None else fields.get(name) or _tag_field(name, tags)
    if field is None:
        raise AWSError("InvalidParameterValue", f"The filter '{'null' if name is None else name}' is invalid")
    if not values:
        raise AWSError("InvalidParameterValue", f"The filter '{name}' must have at least one value")  # unsourced
    if len(values) > VALUES_LIMIT:
        raise AWSError(  # unsourced
            "FilterLimitExceeded",
            f"The maximum number of filter values specified on a single call is {VALUES_LIMIT}",
        )
    if any(len(value) > VALUE_LENGTH for value in values):
        raise AWSError(
            "InvalidParameterValue", f"A value of the filter '{name}' is longer than {VALUE_LENGTH} characters"
        )
    plain = {value for value in values if not any(special in value for special in "*?\\")}
    tests = [pattern(value) for value in values if value not in plain]

    def test(item: T) -> bool:
        return any(text in plain or any(matches(text) for matches in tests) for text in texts(field(item)))

    return test


def always(value: Value, *names: str) -> dict[str, Constant]:
    """Filters by what all things here have alike."""
    return dict.fromkeys(names, Constant(value))


def never(*names: str) -> dict[str, Constant]:
    """Filters by what a cloud has not: they are known, and nothing passes them."""
    return always(None, *names)


def looking(path: str) -> Callable[[Any], list[Any]]:
    """What stands at a dotted path of an answer, in all elements of the lists on its way."""
    names = path.split(".")

    def look(told: Any) -> list[Any]:
        found = list(told) if isinstance(told, (list, tuple)) else [told]
        for name in names:
            found = [each.get(name) for each in found if isinstance(each, Mapping)]
            found = [item for each in found for item in (each if isinstance(each, (list, tuple)) else (each,))]
        return found

    return look


def _tag_field(name: str, tags: Tags[T] | None) -> Field[T] | None:
    if tags is None:
        return None
    if name == "tag-key":
        return lambda item: tags(item).keys()
    if name == "tag-value":
        return lambda item: tags(item).values()
    if name.startswith("tag:") and len(name) > 4:
        key = name[4:]
        return lambda item: tags(item).get(key)
    return None


def texts(value: Value | Iterable[Value]) -> Iterable[str]:
    """A value as filters see it: truth in lower case, instants as EC2 writes them."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, (int, float)):
        return (f"{value:g}" if isinstance(value, float) else str(value),)
    if isinstance(value, datetime):
        return (instant(value),)
    return [text for each in value for text in texts(each)]


def instant(value: datetime) -> str:
    """``2020-02-11T18:34:10.000Z``."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
