"""Links in messages: requests that nobody signed, answered for what they hold. Knows which are, and opens nothing else.

A link is a GET of the root with no signature at all, of one of the operations that are registered as ``linked``; what
it holds says whom it concerns, and the operation is held against that project alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import Final

from gateway.limits import Limits
from gateway.protocol import form
from gateway.protocol.wire import Asked
from gateway.request import Request
from translators.registry import Linked

MOST_BYTES: Final = 2048
"""Of the query string of a link."""
_MOST_PARAMETERS: Final = 8
SHARES: Final = 1024
"""Of the room for links: so many buckets, however many addresses there are."""

FindLinked = Callable[[str], Linked | None]


def read(request: Request, limits: Limits, find: FindLinked) -> tuple[Linked, Asked] | None:
    """What a link asks for; None where the request is none. Raises AWSError where it cannot be taken apart."""
    if request.method != "GET" or request.path != "/" or request.body or not form.claims(request):
        return None
    if not 0 < len(request.query) <= MOST_BYTES or "authorization" in request.headers or "X-Amz-" in request.query:
        return None
    asked = form.asked(request, replace(limits, parameters=_MOST_PARAMETERS, depth=1))
    linked = find(asked.operation)
    return None if linked is None else (linked, asked)


def share(peer: str, key: bytes) -> str:
    """Whose bucket takes the token of who follows a link: an address has one, and with IPv6 a network of 64 bits.

    Args:
        key: secret; without it nobody knows who else has theirs.
    """
    try:
        address = ip_address(peer)
    except ValueError:
        network = b""
    else:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        network = (mapped or address).packed[:8]
    return str(int.from_bytes(blake2b(network, key=key[:64], digest_size=8).digest()) % SHARES)
