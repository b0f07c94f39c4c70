"""Filters of subscriptions: which messages pass one. Pure; a filter has been checked before it is kept.

Source: Amazon SNS Developer Guide, "Amazon SNS subscription filter policies"; conformance/recorded stackd.sns.filters.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

_MOST_VALUES: Final = 1000
"""Values of one path in a body, or of one attribute, that are looked at."""


class Told:
    """A message as filters look at it: what it says is read once, however many of them look."""

    def __init__(self, attributes: Mapping[str, Mapping[str, str]], body: str) -> None:
        self._attributes = attributes
        self._body = body

    @cached_property
    def _values(self) -> Mapping[str, list[Any]]:
        return {name: _attribute_values(each)[:_MOST_VALUES] for name, each in self._attributes.items()}

    @cached_property
    def _document(self) -> Any:
        try:
            return json.loads(self._body)
        except (ValueError, RecursionError):
            return None

    def passes_attributes(self, policy: Mapping[str, Any]) -> bool:
        """Whether it passes by its attributes."""
        return _passes(policy, lambda path: self._values.get(path[0], []) if len(path) == 1 else [])

    def passes_body(self, policy: Mapping[str, Any]) -> bool:
        """Whether it passes by its body, which must be an object of JSON."""
        return isinstance(self._document, dict) and _passes(policy, lambda path: _at(self._document, path))


def passes_attributes(policy: Mapping[str, Any], attributes: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a message with these attributes passes."""
    return Told(attributes, "").passes_attributes(policy)


def passes_body(policy: Mapping[str, Any], body: str) -> bool:
    """Whether a message with this body, which must be an object of JSON, passes."""
    return Told({}, body).passes_body(policy)


def _attribute_values(attribute: Mapping[str, str]) -> list[Any]:
    kind, text = attribute["type"].partition(".")[0], attribute.get("text")
    if text is None:  # Binary is ignored. Source: the same guide, "Filter policy constraints"
        return []
    if attribute["type"] == "String.Array":
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            return [text]
        return read if isinstance(read, list) else [text]
    if kind == "Number":
        try:
            return [float(text)]
        except ValueError:
            return [text]
    return [text]


def _at(value: Any, path: Sequence[str]) -> list[Any]:
    """The values at a path of a document; lists on the way stand for their elements."""
    found = [value]
    for name in path:
        nodes = _flat(found)
        found = [node[name] for node in nodes if isinstance(node, dict) and name in node]
        if not found:
            return []
    return _flat(found)


def _flat(values: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    left = deque(values)
    while left and len(flat) < _MOST_VALUES:
        each = left.popleft()
        if isinstance(each, list):
            left.extendleft(reversed(each))
        else:
            flat.append(each)
    return flat


Find = Callable[[Sequence[str]], list[Any]]


def _passes(policy: Mapping[str, Any], find: Find, path: tuple[str, ...] = ()) -> bool:
    for name, wanted in policy.items():
        if _is_choice(name, wanted):
            if not any(_passes(each, find, path) for each in wanted):
                return False
        elif isinstance(wanted, dict):
            if not _passes(wanted, find, (*path, name)):
                return False
        elif not _any_of(wanted, find((*path, name))):
            return False
    return True


def _is_choice(name: str, wanted: Any) -> bool:
    """Whether one of several filters is to let it pass."""
    return name == "$or" and isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(e, dict) for e in wanted)


def _any_of(conditions: Sequence[Any], values: Sequence[Any]) -> bool:
    return any(_meets(condition, values) for condition in conditions)


def _meets(condition: Any, values: Sequence[Any]) -> bool:
    if isinstance(condition, dict):
        ((kind, asked),) = condition.items()
        if kind == "exists":
            return bool(values) is asked
        return any(_MATCHES[kind](asked, value) for value in values)
    return any(_equal(condition, value) for value in values)


def _equal(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None:
        return wanted is value
    if isinstance(wanted, (int, float)):
        return isinstance(value, (int, float)) and _number(wanted) == _number(value)
    return isinstance(value, str) and wanted == value


def _number(value: float) -> float:
    """A number as it is compared; one that no float holds stays the integer that it is."""
    try:
        return float(value)
    except OverflowError:
        return value


def _anything_but(asked: Any, value: Any) -> bool:
    if isinstance(asked, dict):
        ((kind, inner),) = asked.items()
        several = inner if isinstance(inner, list) else [inner]
        return isinstance(value, str) and not any(_MATCHES[kind](each, value) for each in several)
    return not any(_equal(each, value) for each in (asked if isinstance(asked, list) else [asked]))


_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _numeric(asked: Sequence[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    pairs = zip(asked[::2], asked[1::2], strict=True)
    return all(_COMPARED[sign](_number(value), _number(bound)) for sign, bound in pairs)


def _cidr(asked: str, value: Any) -> bool:
    try:
        return isinstance(value, str) and ipaddress.ip_address(value) in ipaddress.ip_network(asked, strict=False)
    except ValueError:
        return False


def _wildcard(asked: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    first, *rest = asked.split("*")
    if not rest:
        return value == asked
    if not value.startswith(first):
        return False
    at, last = len(first), rest.pop()
    for piece in rest:
        found = value.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return value.endswith(last) and len(value) - len(last) >= at


_MATCHES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": lambda asked, value: isinstance(value, str) and asked.casefold() == value.casefold(),
    "numeric": _numeric,
    "prefix": lambda asked, value: isinstance(value, str) and value.startswith(asked),
    "suffix": lambda asked, value: isinstance(value, str) and value.endswith(asked),
    "wildcard": _wildcard,
}


# What is no filter


class NoFilter(Exception):
    """A text is no filter; the words say why, in AWS's own."""


_MOST_KEYS: Final = 5
_MOST_WAYS: Final = 150
_MASK: Final = re.compile(r"[0-9]{1,3}")


def checked(policy: Mapping[str, Any], *, nested: bool) -> None:
    """Whether it is a filter that may be kept.

    Args:
        nested: whether it looks into a body.

    Raises:
        NoFilter
    """
    leaves: list[Sequence[Any]] = []
    _collect(policy, leaves, nested=nested)
    if len(leaves) > _MOST_KEYS:
        raise NoFilter("Filter policy can not have more than 5 keys")
    ways = 1
    for leaf in leaves:
        ways *= sum(map(_weight, leaf))
    if ways > _MOST_WAYS:
        raise NoFilter("Filter policy is too complex")


def _weight(condition: Any) -> int:
    """How many values a condition compares with."""
    several = condition.get("anything-but") if isinstance(condition, dict) else None
    if isinstance(several, dict):
        (several,) = several.values()
    return len(several) if isinstance(several, list) else 1


def _collect(policy: Mapping[str, Any], leaves: list[Sequence[Any]], *, nested: bool, depth: int = 1) -> None:
    if depth > _MOST_KEYS + 1:
        raise NoFilter("Filter policy is too complex")
    for name, wanted in policy.items():
        if isinstance(wanted, dict):
            for inner, value in wanted.items():
                if not isinstance(value, (dict, list)):
                    raise NoFilter(f'"{inner}" must be an object or an array')
            if not nested:
                raise NoNesting
            _collect(wanted, leaves, nested=nested, depth=depth + 1)
        elif isinstance(wanted, list):
            if _is_choice(name, wanted):
                for each in wanted:
                    _collect(each, leaves, nested=nested, depth=depth + 1)
                continue
            if not wanted:
                raise NoFilter("Empty arrays are not allowed")
            for condition in wanted:
                _check_condition(condition)
            leaves.append(wanted)
        else:
            raise NoFilter(f'"{name}" must be an object or an array')


class NoNesting(NoFilter):
    """It looks deeper than attributes go."""


def _check_condition(condition: Any) -> None:
    if isinstance(condition, list):
        raise NoFilter("Match value must be String, number, true, false, or null")
    if not isinstance(condition, dict):
        return
    if len(condition) != 1:
        raise NoFilter("Only one key allowed in match expression")
    ((kind, asked),) = condition.items()
    if kind == "exists":
        if not isinstance(asked, bool):
            raise NoFilter("exists match pattern must be either true or false.")
    elif kind == "numeric":
        _check_numeric(asked)
    elif kind == "anything-but":
        _check_anything_but(asked)
    elif kind == "cidr":
        _check_cidr(asked)
    elif kind not in _MATCHES:
        raise NoFilter(f"Unrecognized match type {kind}")
    elif not isinstance(asked, str):
        raise NoFilter(f"{kind} match pattern must be a string")


def _check_anything_but(asked: Any) -> None:
    if isinstance(asked, dict):
        if len(asked) != 1:
            raise NoFilter("Only one key allowed in match expression")
        ((kind, inner),) = asked.items()
        if kind not in {"prefix", "suffix", "wildcard", "equals-ignore-case"}:
            raise NoFilter(f"Unsupported anything-but pattern: {kind}")
        several = inner if isinstance(inner, list) else [inner]
        if not several or not all(isinstance(each, str) for each in several):
            raise NoFilter(f"{kind} match pattern must be a string")
        return
    several = asked if isinstance(asked, list) else [asked]
    if not several or any(isinstance(each, (list, dict)) for each in several):
        raise NoFilter("Value of anything-but must be an array or single string/number value.")


def _check_cidr(asked: Any) -> None:
    if not isinstance(asked, str):
        raise NoFilter("prefix match pattern must be a string")
    address, slash, mask = asked.partition("/")
    if not slash or "/" in mask:
        raise NoFilter("Malformed CIDR, one '/' required")
    if not _MASK.fullmatch(mask):
        raise NoFilter("Malformed CIDR, mask bits must be an integer")
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise NoFilter(f"Nonstandard IP address: {address}") from None
    try:
        ipaddress.ip_network(asked, strict=False)
    except ValueError:
        raise NoFilter("Malformed CIDR, mask bits must be an integer") from None


def _check_numeric(asked: Any) -> None:
    if not isinstance(asked, list) or not asked:
        raise NoFilter("Invalid member in numeric match: ]")
    sign, *rest = asked
    if not isinstance(sign, str):
        raise NoFilter(f"Invalid member in numeric match: {sign}")
    if sign not in _COMPARED:
        raise NoFilter(f"Unrecognized numeric range operator: {sign}")
    if not rest or not _is_number(rest[0]):
        raise NoFilter(f"Value of {'equals' if sign == '=' else sign} must be numeric")
    if len(rest) == 1:
        return
    if sign not in {">", ">="}:
        raise NoFilter("Too many elements in numeric expression")
    second = rest[1]
    if not isinstance(second, str):
        raise NoFilter(f"Bad value in numeric range: {second}")
    if second not in {"<", "<="}:
        raise NoFilter(f"Bad numeric range operator: {second}")
    if len(rest) == 2 or not _is_number(rest[2]):
        raise NoFilter(f"Value of {second} must be numeric")
    if len(rest) > 3:
        raise NoFilter("Too many terms in numeric range expression")
    if rest[0] >= rest[2]:
        raise NoFilter("Bottom must be less than top")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
