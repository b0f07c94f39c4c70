"""Addresses of web servers that are told things: how one is written, and which of them may be spoken to. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_PORTS: Final = {"https": 443, "http": 80}
_PRINTED: Final = re.compile(r"[\x21-\x7e]+")
_HOST: Final = re.compile(r"[A-Za-z0-9._:\-]+")
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""Addresses of version 6 that lead to those of version 4 which they hold."""
_NEVER: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("fd00:ec2::254/128"))
"""What a network translates in a way of its own, so that nobody knows where it leads; and AWS's metadata service."""
_INSIDE: Final = (IPv6Network("fec0::/10"), IPv4Network("192.88.99.0/24"))
"""Site-local ones, and the next relay of 6to4: no longer of the internet."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A URL, taken apart.

    Attributes:
        path: with its query, beginning with a slash.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as a request names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def web_address(text: str) -> WebAddress | None:
    """The address that a URL means; None where it is none that can be spoken to. User names in it are refused."""
    if not _PRINTED.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or "@" in parts.netloc or port == 0:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return WebAddress(parts.scheme, host, port or _PORTS[parts.scheme], f"{parts.path or '/'}{query}")


def shown(target: str) -> str:
    """A target as it may stand in logs and lists: of a URL scheme, host and port alone, the rest may be a secret."""
    kind, colon, _ = target.partition(":")
    if not colon or kind.lower() not in _PORTS:
        return target
    address = web_address(target)
    return f"{kind}:" if address is None else f"{address.scheme}://{address.authority}"


def may_be_told(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether callers may have an address spoken to: those of the whole internet, and what the operator allows.

    What is link-local is never: a cloud's metadata service is there, and hands out secrets.
    """
    meant = _meant(address)
    if any(meant in network for network in _NEVER):
        return False
    if meant.is_link_local or meant.is_multicast or meant.is_unspecified:
        return False
    if any(meant.version == network.version and meant in network for network in allowed):
        return True
    return meant.is_global and not meant.is_reserved and not any(meant in network for network in _INSIDE)


def _meant(address: Address) -> Address:
    """The address of version 4 that one of version 6 leads to, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def resolved(texts: Sequence[str]) -> list[Address]:
    """Addresses that a resolver told, each once; without the zone that a link-local one may name."""
    return list(dict.fromkeys(ip_address(text.partition("%")[0]) for text in texts))
