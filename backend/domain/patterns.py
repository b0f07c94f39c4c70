"""Event patterns: which events a rule means. Pure; whatever a pattern says, matching takes a bounded number of steps.

Source: Amazon EventBridge User Guide, "Comparison operators"; what that leaves open as it was recorded
(conformance/recorded, stackd.events.patterns and pattern_edges).
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from backend.domain.steps import Steps
from backend.errors import Finding

Matcher = Callable[[Any], bool]
_NOTHING: Final = object()
"""In the place of a value that is not there."""
_MOST_STARS: Final = 9
_MOST_DOTS: Final = 50
_LETTERS: Final = 256
"""Of a text that are read in one step."""
COMPLEX: Final = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a"
    " wildcard character"
)
_MOST_NESTED: Final = 100
_LARGEST: Final = Decimal("1.7976931348623157e308")
_COMPARES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(eq=False)
class PatternRefused(Finding):
    """It is no pattern; ``reason`` in the words of the library that AWS reads them with."""

    reason: str


class Pattern:
    """A pattern that was read."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self._parts = parts

    def matches(self, event: Mapping[str, Any], steps: Steps | None = None) -> bool:
        """Whether an event, as ``read`` gives it, is meant. Raises TooManySteps.

        Args:
            steps: what is left of those of a request; None: as many as one may take.
        """
        return _meets(self._parts, event, steps or Steps())


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What a value may be.

    Attributes:
        literals: as ``_literal`` gives them.
        cost: of the matchers, how many there are, with those within them.
    """

    literals: frozenset[Any]
    matchers: tuple[Matcher, ...]
    cost: int

    def holds(self, values: Sequence[Any], steps: Steps) -> bool:
        """Whether one of the values will do."""
        steps.take(len(values) + self.cost * sum(map(_weight, values)))
        if any(_literal(value) in self.literals for value in values):
            return True
        return any(matcher(value) for matcher in self.matchers for value in values)


def _weight(value: Any) -> int:
    """The steps of one matcher: long texts are read."""
    return 1 + len(value) // _LETTERS if isinstance(value, str) else 1


def read(text: str) -> Any:
    """A JSON text, numbers as they are written. Raises ValueError, also where it is nested too deep."""
    try:
        value = json.loads(text, parse_float=_number, parse_int=_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    level, depth = [value], 0
    while level := [each for one in level for each in _inside(one)]:
        depth += 1
        if depth > _MOST_NESTED:
            raise ValueError("nested too deep")
    return value


def _inside(value: Any) -> Iterable[Any]:
    """What a value holds that may hold more."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return ()
    return [each for each in value if isinstance(each, dict | list)]


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as error:  # its exponent is none
        raise ValueError(text) from error


def as_read(value: Any) -> Any:
    """A value of JSON with its numbers as ``read`` gives them."""
    return read(json.dumps(value))


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """The pattern of a JSON text. Raises PatternRefused."""
    try:
        document = read(text)
    except ValueError:
        raise PatternRefused(_malformed(text)) from None
    if not isinstance(document, dict):
        raise PatternRefused("Filter is not an object")
    if not document:
        raise PatternRefused("Empty objects are not allowed")
    return Pattern(_parts(document, 0))


_TOKEN: Final = re.compile(r"[A-Za-z0-9_$]+")


def _malformed(text: str) -> str:
    """What is wrong with a text that is no JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        if "property name" in error.msg and rest:
            found = f"Unexpected character ('{rest[0]}' (code {ord(rest[0])}))"
            return f"{found}: was expecting double-quote to start field name"
        token = _TOKEN.match(rest)
        if token and "Expecting value" in error.msg:
            return (
                f"Unrecognized token '{token[0]}': was expecting (JSON String, Number, Array, Object or token 'null',"
                " 'true' or 'false')"
            )
        return f"Unexpected character at {error.pos}"
    except RecursionError:
        pass
    return "It is nested too deep"


def _parts(document: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
    """Names -> parts of nested objects, or matchers of values; ``$or`` -> parts of each choice."""
    if depth > _MOST_NESTED:
        raise PatternRefused("It is nested too deep")
    parts: dict[str, Any] = {}
    for name, value in document.items():
        if name.count(".") > _MOST_DOTS:
            raise PatternRefused(COMPLEX)  # unsourced: to find such a name takes a step for each of its dots
        if name == "$or" and isinstance(value, list) and len(value) > 1 and all(isinstance(one, dict) for one in value):
            parts[name] = [_parts(one, depth + 1) for one in value]
        elif isinstance(value, dict):
            if not value:
                raise PatternRefused("Empty objects are not allowed")
            parts[name] = _parts(value, depth + 1)
        elif isinstance(value, list):
            if not value:
                raise PatternRefused("Empty arrays are not allowed")
            parts[name] = _leaf(value)
        else:
            raise PatternRefused(f'"{name}" must be an object or an array')
    return parts


def _leaf(wanted: Sequence[Any]) -> _Leaf:
    literals, others = _sorted(wanted)
    return _Leaf(literals, tuple(map(_matcher, others)), sum(map(_cost, others)))


def _sorted(wanted: Sequence[Any]) -> tuple[frozenset[Any], Sequence[Any]]:
    """Literals, and what is matched in another way (or is refused)."""
    literals = frozenset((type(each), each) for each in wanted if not isinstance(each, dict | list))
    return literals, [each for each in wanted if isinstance(each, dict | list)]


def _cost(wanted: Any) -> int:
    """How many matchers are in one: ``anything-but`` may have a list of them."""
    but = wanted.get("anything-but") if isinstance(wanted, dict) else None
    lists = [each for each in but.values() if isinstance(each, list)] if isinstance(but, dict) else []
    return 1 + sum(map(len, lists))


def _meets(parts: Mapping[str, Any], event: Mapping[str, Any], steps: Steps) -> bool:
    steps.take(1 + 2 * len(parts))
    for name, part in parts.items():
        if isinstance(part, list):
            if not any(_meets(choice, event, steps) for choice in part):
                return False
        elif isinstance(part, _Leaf):
            if not part.holds(list(_values(_found(event, name, steps), steps)) or [_NOTHING], steps):
                return False
        elif not _meets_below(part, _found(event, name, steps), steps):
            return False
    return True


def _meets_below(part: Mapping[str, Any], value: Any, steps: Steps) -> bool:
    """Of a list, one object alone must meet all of it. What is not there meets what asks for nothing."""
    if isinstance(value, list):
        steps.take(len(value))
        objects = [each for each in value if isinstance(each, dict)]
        return any(_meets(part, each, steps) for each in objects) if objects else _meets(part, {}, steps)
    return _meets(part, value if isinstance(value, dict) else {}, steps)


def _found(event: Mapping[str, Any], name: str, steps: Steps) -> Any:
    """What has that name; where nothing has, what the path has that it is with its dots."""
    if name in event:
        return event[name]
    head, dot, rest = name.partition(".")
    while dot:
        steps.take(1)
        below = event.get(head)
        if isinstance(below, dict):
            found = _found(below, rest, steps)
            if found is not _NOTHING:
                return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return _NOTHING


def _values(value: Any, steps: Steps) -> Iterator[Any]:
    """The values of a leaf: those of a list, at any depth; of an object none."""
    if isinstance(value, list):
        steps.take(len(value))
        for each in value:
            yield from _values(each, steps)
    elif value is not _NOTHING and not isinstance(value, dict):
        yield value


def _matcher(wanted: Any) -> Matcher:
    """What is no literal."""
    if isinstance(wanted, list):
        raise PatternRefused("Match value must be String, number, true, false, or null")
    if len(wanted) != 1:
        raise PatternRefused("Only one key allowed in match expression")
    ((kind, argument),) = wanted.items()
    made = _KINDS.get(kind)
    if made is None:
        raise PatternRefused(f"Unrecognized match type {kind}")
    return made(argument)


def _literal(value: Any) -> tuple[type, Any] | None:
    """A value of an event as a pattern's literal is written that is equal to it; values of other types never are.

    Of a number with a fraction an event holds what a double does, and a pattern what is written there; one that a
    double cannot hold is equal to none. Source: conformance/recorded stackd.events.pattern_edges.
    """
    if isinstance(value, Decimal):
        if value.copy_abs() > _LARGEST:
            return None
        if value != value.to_integral_value():
            value = Decimal(repr(float(value)))
    return type(value), value


def _text(kind: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise PatternRefused(f"{kind} match pattern must be a string")
    if not argument and kind != "equals-ignore-case":
        raise PatternRefused("Null prefix/suffix not allowed")
    return argument


def _of_text(holds: Callable[[str], bool]) -> Matcher:
    return lambda value: isinstance(value, str) and holds(value)


def _prefix(argument: Any) -> Matcher:
    if isinstance(argument, dict) and set(argument) == {"equals-ignore-case"}:
        begins = _caseless(_text("prefix", argument["equals-ignore-case"]))
        return _of_text(lambda value: begins.match(value) is not None)
    text = _text("prefix", argument)
    return _of_text(lambda value: value.startswith(text))


def _suffix(argument: Any) -> Matcher:
    if isinstance(argument, dict) and set(argument) == {"equals-ignore-case"}:
        ending = _text("suffix", argument["equals-ignore-case"])
        low, high = ending.lower(), ending.upper()
        return _of_text(lambda value: value.lower().endswith(low) or value.upper().endswith(high))
    text = _text("suffix", argument)
    return _of_text(lambda value: value.endswith(text))


def _caseless(text: str) -> re.Pattern[str]:
    """Each letter in its upper or its lower form: ``SS`` is the upper form of one, ``ss`` is two others."""
    return re.compile("".join(f"(?:{re.escape(each.lower())}|{re.escape(each.upper())})" for each in text))


def _ignoring_case(argument: Any) -> Matcher:
    known = _caseless(_text("equals-ignore-case", argument))
    return _of_text(lambda value: known.fullmatch(value) is not None)


def _wildcard(argument: Any) -> Matcher:
    text = _text("wildcard", argument)
    pieces = _pieces(text)
    if len(pieces) > _MOST_STARS:
        raise PatternRefused(COMPLEX)
    return _of_text(lambda value: _globs(pieces, value))


def _pieces(text: str) -> list[str]:
    """What stands between the stars; a backslash takes the meaning of a star or a backslash."""
    pieces, at = [""], 0
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            if text[at + 1 : at + 2] not in {"*", "\\"}:
                raise PatternRefused("Invalid escape character at pos " + str(at))
            at += 1
            pieces[-1] += text[at]
        elif letter == "*":
            if text[at + 1 : at + 2] == "*":
                raise PatternRefused(f"Consecutive wildcard characters at pos {at}")
            pieces.append("")
        else:
            pieces[-1] += letter
        at += 1
    return pieces


def _globs(pieces: Sequence[str], value: str) -> bool:
    """Each piece at its first place after the one before: no other choice could do better."""
    if len(pieces) == 1:
        return value == pieces[0]
    first, *middle, last = pieces
    if not value.startswith(first) or len(value) < len(first) + len(last) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in middle:
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _anything_but(argument: Any) -> Matcher:
    """Anything that is there, and none of these."""
    if isinstance(argument, dict):
        if len(argument) != 1 or next(iter(argument)) not in _BUT:
            raise PatternRefused(f"Unsupported anything-but pattern: {next(iter(argument), '')}")
        ((kind, given),) = argument.items()
        none = [_KINDS[kind](each) for each in (given if isinstance(given, list) else [given])]
    else:
        given = argument if isinstance(argument, list) else [argument]
        if not given or not all(isinstance(each, str | Decimal) for each in given):
            raise PatternRefused("Inside anything but list, start|null|boolean is not supported.")
        literals, _ = _sorted(given)
        return lambda value: value is not _NOTHING and _literal(value) not in literals
    return lambda value: value is not _NOTHING and not any(each(value) for each in none)


def _exists(argument: Any) -> Matcher:
    if not isinstance(argument, bool):
        raise PatternRefused("exists match pattern must be either true or false.")
    return lambda value: (value is not _NOTHING) is argument


def _numeric(argument: Any) -> Matcher:
    """One bound, or two: from, and to."""
    if not isinstance(argument, list) or len(argument) not in {2, 4}:
        raise PatternRefused("Invalid numeric match: an operator and a number, or two of each")
    bounds: list[tuple[Callable[[Any, Any], bool], Decimal]] = []
    for name, number in zip(argument[::2], argument[1::2], strict=True):
        if name not in _COMPARES:
            raise PatternRefused(f"Unrecognized numeric range operator: {name}")
        if not isinstance(number, Decimal):
            raise PatternRefused("Value of numeric match must be a number")
        if number.copy_abs() > _LARGEST:
            raise PatternRefused(f"Cannot compare number : {_plain(number)}")
        bounds.append((_COMPARES[name], number))
    return lambda value: isinstance(value, Decimal) and all(holds(value, number) for holds, number in bounds)


def _plain(number: Decimal) -> str:
    return str(number).lower().replace("e+", "e")


def _cidr(argument: Any) -> Matcher:
    """Source: that whole addresses, and version 4 in version 6, are refused was recorded (pattern_edges.cidr)."""
    try:
        network = ipaddress.ip_network(_text("cidr", argument), strict=False)
    except ValueError:
        raise PatternRefused(f"Malformed CIDR, one '/' required: {argument}") from None
    if getattr(network.network_address, "ipv4_mapped", None):
        raise PatternRefused(f"Nonstandard IP address: {argument.partition('/')[0]}")
    if network.prefixlen == network.max_prefixlen:
        raise PatternRefused(f"IPv{network.version} mask bits must be < {network.max_prefixlen}")

    def within(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return _of_text(within)


_BUT: Final = frozenset({"prefix", "suffix", "equals-ignore-case", "wildcard"})
_KINDS: Final[Mapping[str, Callable[[Any], Matcher]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "exists": _exists,
    "numeric": _numeric,
    "cidr": _cidr,
}
