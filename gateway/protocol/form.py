"""``a=1&b.member.2.c=x`` as a tree of names; knows no shapes. Costs what was sent, whatever the indices say."""

from __future__ import annotations

from typing import Final, Union
from urllib.parse import unquote

from gateway.limits import Limits
from gateway.protocol import body
from gateway.protocol.wire import Asked
from gateway.request import Request
from translators.errors import AWSError

_ENVELOPE: Final = ("Action", "Version")

# A node is text, or named children; where a key has both (``Tags=&Tags.member.1=x``) its own text is the child None.
Node = Union[str, "Branch"]
Branch = dict[str | None, Node]
Pairs = dict[str, str]


def claims(request: Request) -> bool:
    """Whether no header says that a request is of another form; a form has none of its own that all clients send."""
    return "smithy-protocol" not in request.headers and "x-amz-target" not in request.headers


def asked(request: Request, limits: Limits) -> Asked:
    """What a form asks for, its parameters being those of the query string and of the body.

    Raises:
        AWSError: ``MalformedQueryString``; ``RequestEntityTooLarge`` for a body that unpacks to too much.
    """
    found: Pairs = {}
    if request.query:
        pairs(request.query.encode("utf-8", "surrogateescape"), limits, found)
        found = {key: value for key, value in found.items() if not key.startswith("X-Amz-")}
    if request.body:
        pairs(body.content(request, limits), limits, found)
    members = {key: value for key, value in found.items() if key not in _ENVELOPE}
    return Asked(found.get("Action", ""), found.get("Version"), tree(members, limits))


def pairs(raw: bytes, limits: Limits, into: Pairs | None = None) -> Pairs:
    """The parameters of a query string or of a form body, decoded.

    Args:
        raw: ``application/x-www-form-urlencoded`` bytes.
        limits: how many there may be.
        into: parameters already read from the other place; they are added to.

    Raises:
        AWSError: ``MalformedQueryString`` for text that is not UTF-8, holds a NUL or gives one key two values (which of
            them was meant nobody can say).
    """
    found: Pairs = {} if into is None else into
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise malformed("The query string is not valid UTF-8.") from None
    if text.count("&") >= limits.parameters:
        raise malformed(f"The request has more than {limits.parameters} parameters.")
    for part in text.split("&"):
        if not part:
            continue
        key, _, value = part.partition("=")
        key, value = _decoded(key), _decoded(value)
        if found.setdefault(key, value) != value:
            raise malformed(f"The parameter {shown(key)} is given more than once.")
    return found


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        try:
            text = unquote(text, errors="strict")
        except UnicodeDecodeError:
            raise malformed("The query string is not valid UTF-8.") from None
    if "\x00" in text:
        raise malformed("The query string holds a NUL character.")
    return text


def tree(parameters: Pairs, limits: Limits) -> Branch:
    """The parameters nested by the dots of their keys.

    Raises:
        AWSError: ``MalformedQueryString`` for a key of too many parts.
    """
    root: Branch = {}
    for key, value in parameters.items():
        if "." not in key:
            _put(root, key, value)
            continue
        parts = key.split(".")
        if len(parts) > limits.depth:
            raise malformed(f"The parameter {shown(key)} is nested too deeply.")
        node = root
        for part in parts[:-1]:
            node = _branch(node, part)
        _put(node, parts[-1], value)
    return root


def _put(node: Branch, name: str, value: str) -> None:
    child = node.get(name)
    if isinstance(child, dict):
        child[None] = value
    else:
        node[name] = value


def _branch(node: Branch, name: str) -> Branch:
    child = node.get(name)
    if isinstance(child, dict):
        return child
    made: Branch = {} if child is None else {None: child}
    node[name] = made
    return made


def malformed(message: str) -> AWSError:
    """AWS's error for a request whose parameters cannot be read at all."""
    return AWSError("MalformedQueryString", message)


def shown(text: str, most: int = 200) -> str:
    """Text of a client as it may stand in a message: never longer than ``most`` characters."""
    return text if len(text) <= most else text[:most] + "..."
